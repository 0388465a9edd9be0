//! An observer: a trained network in evaluation mode, frozen, with what its file or card says about its input.

use std::path::Path;

use crate::core::load_report::LoadReport;
use crate::core::names::escape;
use crate::core::normalise::MeanStd;

use super::nets::graph::Graph;
use super::nets::{Arch, NetworkSpec, detect};
use super::plan::Plan;
use super::weights::{self, WeightError, Weights};

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
}

/// A trained network and how to feed it.
#[derive(Clone, Debug)]
pub struct Observer {
    /// Architecture, side, outputs.
    pub spec: NetworkSpec,
    /// Normalisation of its input.
    pub mean_std: MeanStd,
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
        let file = weights::read(path)?;
        let shapes = file.weights.shapes();
        let recognised = detect::detect(&shapes);
        // A shallower network of the same family would load, and leave the file's last layers out.
        if let (Some(asked), Some(found)) = (options.arch, recognised.filter(|f| options.arch != Some(f.arch))) {
            let (found, asked) = (found.arch.to_string(), asked.to_string());
            return Err(WeightError::OtherNetwork { path: name, found, asked }.into());
        }
        let detected = options.arch.map_or(recognised, |arch| detect::describe(arch, &shapes));
        let Some(detected) = detected else {
            let keys = shapes.keys().take(4).cloned().collect::<Vec<_>>().join(", ");
            return Err(WeightError::UnknownNetwork { path: name, keys }.into());
        };
        let side = options.side.or(detected.side).or(data_side).unwrap_or(32);
        let spec = NetworkSpec { arch: detected.arch, side, classes: detected.classes };
        check_side(&name, &spec, detected.side)?;
        let graph = spec.graph();
        let mut report = file.weights.report(&graph);
        report.notes = file.notes;
        if !report.is_complete() {
            let arch = spec.arch.to_string();
            return Err(WeightError::Incomplete { path: name, arch, report: report.summary() }.into());
        }
        Ok(Self {
            spec,
            mean_std: options.mean_std.unwrap_or(MeanStd::IMAGENET),
            // A card's names of another count are left for the class map to refuse; other lists in a file mean nothing.
            classes: options.classes.clone().or(file.classes.filter(|c| c.len() == spec.classes)),
            report,
            fingerprint: file.fingerprint,
            name,
            weights: file.weights,
            graph,
        })
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

    /// The folded inference plan.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan::compile(&self.graph, &self.weights, self.spec.side, &[])
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
    if let (Arch::ConvNet { depth, .. }, Some(side)) = (spec.arch, from_shapes)
        && spec.side >> depth != side >> depth
    {
        return Err(error(format!(" (its classifier is made for {side})")));
    }
    Ok(())
}
