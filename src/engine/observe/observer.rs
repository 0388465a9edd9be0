//! An observer: a trained network in evaluation mode, frozen, with what its file or card says about its input.

use std::path::Path;

use crate::core::data::names::escape;
use crate::core::data::normalise::MeanStd;
use crate::core::formats::load_report::LoadReport;

use crate::engine::nets::detect::Detected;
use crate::engine::nets::graph::{Graph, Tap};
use crate::engine::nets::{Arch, Family, NetworkSpec};
use crate::engine::plan::Plan;
use crate::engine::weights::{self, Recognised, RowsError, Told, WeightError, Weights};

/// What the user or a card says of a weight file; everything may be left open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObserverOptions {
    /// Architecture, instead of recognising it.
    pub arch: Option<Arch>,
    /// Input side.
    pub side: Option<usize>,
    /// Normalisation; ImageNet's by default.
    pub mean_std: Option<MeanStd>,
    /// Class names in output order.
    pub classes: Option<Vec<String>>,
    /// Which of a file's networks is meant.
    pub part: Option<String>,
    /// What a description beside the file says, which may be another file's.
    pub beside: Beside,
}

/// What a description beside a weight file says of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Beside {
    /// Which it is.
    pub arch: Option<Arch>,
    /// Of which family, where it says no more.
    pub family: Option<Family>,
    /// Side of its input; counts where neither its weights nor the user fix one.
    pub side: Option<usize>,
    /// Epsilon of its layer norms, where the library leaves it to the description.
    pub epsilon: Option<f64>,
}

/// Who says how a network's input is normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The user, or the file's own card.
    Stated,
    /// A description that another library wrote beside the file.
    Beside,
    /// Nobody: most networks are trained with ImageNet's mean and standard deviation.
    Assumed,
}

/// A trained network and how to feed it.
#[derive(Clone, Debug)]
pub struct Observer {
    /// Architecture, side, outputs.
    pub spec: NetworkSpec,
    /// Normalisation of its input.
    pub mean_std: MeanStd,
    /// Who says so.
    pub normalised_by: Source,
    /// Networks with the same tensors, where nothing tells which of them the file holds.
    pub look_alikes: Vec<Arch>,
    /// Whose names its tensors had in the file, where they were translated.
    pub translated: Option<&'static str>,
    /// Which of several networks of the file it is, where nobody named one.
    pub choice: Option<String>,
    /// Names of the outputs, if known.
    pub classes: Option<Vec<String>>,
    /// What became of the file's tensors.
    pub report: LoadReport,
    /// BLAKE3 of the weight file.
    pub fingerprint: String,
    /// The file's name, for messages.
    pub name: String,
    weights: Weights,
    graph: Graph,
}

/// Why an observer can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ObserverError {
    /// The file.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// The side doesn't fit the network.
    #[error("{path}: {arch} can't take images of side {side}{why}; give --side")]
    Side {
        /// The file.
        path: String,
        /// The network.
        arch: String,
        /// The side.
        side: usize,
        /// More.
        why: String,
    },
}

impl Observer {
    /// Loads a weight file. `data_side` is the side of the data's own images, taken by "modified" networks when
    /// neither the file nor the options fix a side.
    ///
    /// # Errors
    /// [`ObserverError`]: unreadable or hostile file, unknown network, tensors missing or of the wrong shape.
    pub fn load(path: &Path, options: &ObserverOptions, data_side: Option<usize>) -> Result<Self, ObserverError> {
        let name = escape(path.as_os_str().as_encoded_bytes());
        let mut file = weights::open(path)?;
        let Beside { arch: beside, epsilon, .. } = options.beside;
        let told = Told { asked: options.arch, beside, part: options.part.as_deref(), epsilon };
        let Recognised { detected, look_alikes, names } = weights::recognise(&name, &mut file, told)?;
        let beside = options.beside.side_for(&detected);
        let side = options.side.or(beside).or(detected.side).or(data_side).unwrap_or(32);
        let spec = NetworkSpec { arch: detected.arch, side, classes: detected.classes };
        check_side(&name, &spec, detected.side)?;
        let graph = spec.graph();
        let mut shapes = file.shapes();
        weights::fit_shapes(&mut shapes, &graph);
        let mut report = weights::report(&shapes, &graph);
        // Before the shapes, which a variant may have of its own.
        if let ([first, ..], []) = (&weights::additional(&shapes, &graph)[..], &report.missing[..]) {
            let (keys, arch) = ((*first).to_owned(), spec.arch.to_string());
            return Err(WeightError::Variant { path: name, arch, keys }.into());
        }
        if !report.is_complete() {
            let arch = spec.arch.to_string();
            return Err(WeightError::Incomplete { path: name, arch, report: report.summary() }.into());
        }
        let mut weights = file.read(&graph)?;
        file.notes.extend(weights.fit_positions(&graph));
        report.notes = file.notes;
        Ok(Self {
            spec,
            mean_std: options.mean_std.unwrap_or(MeanStd::IMAGENET),
            normalised_by: if options.mean_std.is_some() { Source::Stated } else { Source::Assumed },
            look_alikes,
            translated: names,
            choice: file.choice,
            // A card's names of another count are left for the class map to refuse; other lists in a file mean nothing.
            classes: options.classes.clone().or(file.classes.filter(|c| c.len() == spec.classes)),
            report,
            fingerprint: file.fingerprint,
            name,
            weights,
            graph,
        })
    }

    /// The same network with these outputs alone, in this order (class pruning): its softmax is over
    /// them only. Scores of the whole network are not mixed with its: the fingerprint is another.
    ///
    /// # Errors
    /// [`RowsError`] for outputs that the network lacks or that are named twice.
    pub fn pruned(self, rows: &[u32]) -> Result<Self, RowsError> {
        let fingerprint = self.pruned_fingerprint(rows);
        let weights = self.weights.keep_outputs(&self.graph, rows)?;
        let spec = NetworkSpec { classes: rows.len(), ..self.spec };
        let name_of = |names: Vec<String>| rows.iter().filter_map(|&r| names.get(r as usize).cloned()).collect();
        let classes = self.classes.filter(|c| c.len() == self.spec.classes).map(name_of);
        Ok(Self { spec, weights, graph: spec.graph(), fingerprint, classes, ..self })
    }

    /// The fingerprint of the network that [`Observer::pruned`] makes with these outputs.
    #[must_use]
    pub fn pruned_fingerprint(&self, rows: &[u32]) -> String {
        let kept: Vec<u8> = rows.iter().flat_map(|r| r.to_le_bytes()).collect();
        let mut hash = blake3::Hasher::new();
        hash.update(b"pruned ").update(self.fingerprint.as_bytes()).update(&kept);
        hash.finalize().to_hex()[..32].to_owned()
    }

    /// The network's description.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Its tensors.
    #[must_use]
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// How its input is normalised, and by whose word, for people.
    #[must_use]
    pub fn normalisation(&self) -> String {
        let by = match self.normalised_by {
            Source::Stated => "",
            Source::Beside => ", by the configuration beside the file",
            Source::Assumed => ", assumed",
        };
        format!("{}{by}", self.mean_std.describe())
    }

    /// The folded inference plan.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan::compile(&self.graph, &self.weights, &[])
    }

    /// The plan that also keeps one feature.
    #[must_use]
    pub fn plan_with(&self, tap: Tap) -> Plan {
        Plan::compile(&self.graph, &self.weights, &[tap])
    }
}

impl Beside {
    /// The side, if the description is of that network, the network takes it, and no weight of it goes by the side.
    fn side_for(self, detected: &Detected) -> Option<usize> {
        let Arch::Listed(listed) = detected.arch else { return None };
        let own = self.arch.is_none_or(|arch| arch == detected.arch)
            && self.family.is_none_or(|family| family == listed.family)
            && listed.family != Family::Vit;
        let fits = |&side: &usize| NetworkSpec { arch: detected.arch, side, classes: detected.classes }.fits();
        self.side.filter(|_| own).filter(fits)
    }
}

/// A ConvNet's classifier fixes the final map; other networks take any side that leaves something of the image.
fn check_side(path: &str, spec: &NetworkSpec, from_shapes: Option<usize>) -> Result<(), ObserverError> {
    let error =
        |why: String| ObserverError::Side { path: path.to_owned(), arch: spec.arch.to_string(), side: spec.side, why };
    if spec.side > 4096 || !spec.fits() {
        let step = match spec.arch.side_step() {
            1 => String::new(),
            step => format!(" in steps of {step}"),
        };
        return Err(error(format!(" (it needs {} to 4096 pixels{step})", spec.arch.least_side())));
    }
    if let (Arch::ConvNet(shape), Some(side)) = (spec.arch, from_shapes)
        && spec.side >> shape.depth != side >> shape.depth
    {
        return Err(error(format!(" (its classifier is made for {side})")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder may hold the files of several networks.
    #[test]
    fn the_side_of_another_network_is_passed_over() {
        let detected = Detected { arch: "resnet18".parse().unwrap(), side: None, classes: 10 };
        let beside = Beside { side: Some(96), ..Beside::default() };
        assert_eq!(beside.side_for(&detected), Some(96));
        assert_eq!(Beside { family: Some(Family::ResNet), ..beside }.side_for(&detected), Some(96));
        assert_eq!(Beside { family: Some(Family::Vit), ..beside }.side_for(&detected), None);
        assert_eq!(Beside { arch: "resnet34".parse().ok(), ..beside }.side_for(&detected), None);
        assert_eq!(Beside { side: Some(0), ..beside }.side_for(&detected), None);
    }
}
