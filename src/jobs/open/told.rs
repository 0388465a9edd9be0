//! What is said of a weight file beside its tensors: by the user, by its card, and by what other libraries wrote beside
//! it, in this order.

use std::path::Path;

use super::{ObserverRequest, OpenError};
use crate::core::data::normalise::MeanStd;
use crate::core::formats::model_config::{Computing, ModelConfig};
use crate::engine::nets::families::swin;
use crate::engine::nets::{Arch, Family, NetworkSpec};
use crate::engine::observe::observer::{Beside, Observer, ObserverOptions, Source};
use crate::store::card::{self, Card};
use crate::store::files::shown;
use crate::store::model_config;

/// What lies beside a weight file.
pub(super) struct Told {
    card: Option<Card>,
    beside: model_config::Beside,
    notes: Vec<String>,
}

/// What became of it.
pub(super) struct Completed {
    pub card: Option<Card>,
    pub notes: Vec<String>,
    /// Whether the outputs' names are another library's.
    pub doubtful_names: bool,
}

impl Told {
    /// Reads what lies beside a file.
    pub fn read(file: &Path) -> Result<Self, OpenError> {
        let (card, mut notes) = card::read(file)?.map_or((None, Vec::new()), |(card, notes)| (Some(card), notes));
        let beside = model_config::read(file);
        notes.extend(beside.notes.iter().cloned());
        Ok(Self { card, beside, notes })
    }

    /// What the user says, then the card; what other libraries say of the network is a hint.
    pub fn options(&self, file: &Path, request: &ObserverRequest) -> Result<ObserverOptions, OpenError> {
        let config = &self.beside.config;
        let arch = config.architecture.as_deref().and_then(Arch::of_timm);
        let type_of = config.model_type.as_deref().filter(|_| config.architecture.is_none());
        let family = type_of.and_then(Family::of_transformers);
        let foreign = type_of.is_some() && family.is_none();
        let mut options = ObserverOptions {
            arch: request.arch,
            side: request.side,
            mean_std: request.mean_std,
            classes: None,
            part: request.part.clone(),
            beside: Beside {
                arch,
                family,
                side: config.side.filter(|_| !foreign),
                epsilon: config.computing.epsilon.filter(|_| family == Some(Family::Vit)),
            },
        };
        let Some(card) = &self.card else { return Ok(options) };
        if let (None, Some(name)) = (options.arch, &card.arch) {
            let path = shown(&card::path_of(file));
            options.arch = Some(name.parse().map_err(|source| OpenError::CardArch { path, source })?);
        }
        options.side = options.side.or(card.side.map(|s| s as usize));
        let known = card.mean.zip(card.std).map(|(mean, std)| MeanStd { mean, std });
        options.mean_std = options.mean_std.or(known);
        options.classes.clone_from(&card.classes);
        Ok(options)
    }

    /// What transformers' description says of the network that the known one computes otherwise, in words.
    pub fn contradiction(&self, observer: &Observer) -> Option<String> {
        let ModelConfig { model_type, computing, .. } = &self.beside.config;
        let family = model_type.as_deref().and_then(Family::of_transformers)?;
        let own = observer.translated.is_some_and(|names| names.starts_with(TRANSFORMERS));
        let why =
            contradiction(computing, &observer.spec.arch).filter(|_| own && family == observer.spec.arch.family())?;
        Some(format!("{}: {why}", self.beside.files.join(" and ")))
    }

    /// Gives the network what nobody else says, if the description beside its file is of this network.
    pub fn complete(self, observer: &mut Observer) -> Completed {
        let Self { card, beside, mut notes } = self;
        let files = beside.files.join(" and ");
        let ModelConfig { mean_std, names, outputs, .. } = match strange(&beside.config, observer) {
            Strange::No => beside.config,
            Strange::Name(name) => {
                notes.push(format!(
                    "{files}: says that the network is a '{name}', which stillroom doesn't know; by its tensors it is a \
                     {}, and if the two differ in more than their training its answers are wrong",
                    observer.spec.arch
                ));
                beside.config
            }
            Strange::Other(what) => {
                notes.push(format!("{files}: passed over, since it describes {what} and no {}", observer.spec.arch));
                ModelConfig::default()
            }
        };
        if let (Some(mean_std), Source::Assumed) = (mean_std, observer.normalised_by) {
            (observer.mean_std, observer.normalised_by) = (mean_std, Source::Beside);
        }
        // A last layer of one's own classes behind somebody else's network: the names are of the old ones.
        let classes = observer.spec.classes;
        if let Some(count) = names.as_ref().map(Vec::len).or(outputs).filter(|&count| count != classes) {
            notes.push(format!(
                "{files}: is of a network with {count} outputs, this one has {classes}: names of classes are passed over"
            ));
        }
        let names = names.filter(|names| names.len() == classes && observer.classes.is_none());
        let doubtful_names = names.is_some();
        observer.classes = names.or(observer.classes.take());
        Completed { card, notes, doubtful_names }
    }
}

/// What the names of the dialects of transformers begin with.
const TRANSFORMERS: &str = "transformers";

/// transformers' names of the exact one, which is computed from the error function.
const GELU: [&str; 2] = ["gelu", "gelu_python"];

/// Channels of a head in all known vision transformers.
const HEAD: f64 = 64.0;

/// What a network of transformers computes otherwise than the known one of the same tensors.
fn contradiction(computing: &Computing, arch: &Arch) -> Option<String> {
    let said = |what: String, instead: &str| Some(format!("{what}, and stillroom's {arch} {instead}"));
    let activation = computing.activation.as_deref();
    match arch.family() {
        Family::ResNet => match (activation, computing) {
            (Some(other), _) if other != "relu" => said(format!("hidden_act is '{other}'"), "has relu"),
            (_, Computing { strided_first_stage: Some(true), .. }) => {
                said("downsample_in_first_stage is true".to_owned(), "has no stride in its first stage")
            }
            (_, Computing { strided_first_layer: Some(true), .. }) if bottleneck(*arch) => said(
                "downsample_in_bottleneck is true".to_owned(),
                "has the stride of a bottleneck in its 3×3 convolution",
            ),
            _ => None,
        },
        Family::Vit => match (activation, computing.channels.zip(computing.heads)) {
            (Some(other), _) if !GELU.contains(&other) => said(format!("hidden_act is '{other}'"), "has gelu"),
            (_, Some((channels, heads))) if channels != HEAD * heads => {
                said(format!("num_attention_heads is {heads}"), &format!("has heads of {HEAD} channels"))
            }
            _ => None,
        },
        Family::Swin => match (activation, computing.epsilon) {
            (Some(other), _) if !GELU.contains(&other) => said(format!("hidden_act is '{other}'"), "has gelu"),
            (_, Some(epsilon)) if (epsilon / swin::EPSILON - 1.0).abs() > 1e-6 => {
                said(format!("layer_norm_eps is {epsilon:e}"), &format!("has {:e}", swin::EPSILON))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether blocks of a ResNet have three convolutions.
fn bottleneck(arch: Arch) -> bool {
    let graph = NetworkSpec { arch, side: arch.usual_side(), classes: 1 }.graph();
    graph.parameters().iter().any(|p| p.key == "layer1.0.conv3.weight")
}

/// What is wrong with a description.
enum Strange {
    No,
    /// It has a name for the network that isn't known.
    Name(String),
    /// It is of another network.
    Other(String),
}

fn strange(config: &ModelConfig, observer: &Observer) -> Strange {
    let found = observer.spec.arch;
    if let Some(name) = &config.architecture {
        return match Arch::of_timm(name) {
            // Of look-alikes the user or the card may have named another.
            Some(arch) if arch == found || arch.look_alikes().any(|other| other == found) => Strange::No,
            Some(_) => Strange::Other(format!("a '{name}'")),
            None => Strange::Name(name.clone()),
        };
    }
    match &config.model_type {
        Some(family) if Family::of_transformers(family) != Some(found.family()) => {
            Strange::Other(format!("a network of the family '{family}'"))
        }
        _ => Strange::No,
    }
}

/// What nothing tells of a network, in words, and how to find out.
pub(super) fn open_questions(observer: &Observer) -> Vec<String> {
    let Observer { spec, name, look_alikes, .. } = observer;
    let mut notes = Vec::new();
    if !look_alikes.is_empty() {
        let others = look_alikes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        notes.push(format!(
            "{name}: its tensors are those of {} and of {others}, which compute otherwise, and nothing beside the file \
             says which it is: taken for {}; the observer's check tries both, and --arch says which",
            spec.arch, spec.arch
        ));
    }
    if observer.normalised_by == Source::Assumed {
        notes.push(format!(
            "{name}: nothing says how its input is normalised: ImageNet's mean and std are assumed; the observer's check \
             tries the usual ones, and --mean-std or a card says which"
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_tensor_tells_is_compared_with_the_known_network() {
        let of =
            |arch: &str, computing: Computing| contradiction(&computing, &arch.parse().unwrap()).unwrap_or_default();
        let activation = |name: &str| Computing { activation: Some(name.to_owned()), ..Computing::default() };
        assert!(of("resnet18", activation("silu")).contains("hidden_act is 'silu', and stillroom's resnet18 has relu"));
        assert_eq!(of("resnet18", activation("relu")), "");
        assert!(of("deit_base_patch16_224", activation("quick_gelu")).contains("has gelu"));
        assert_eq!(of("deit_base_patch16_224", activation("gelu")), "");
        let first_layer = Computing { strided_first_layer: Some(true), ..Computing::default() };
        assert!(of("resnet50", first_layer.clone()).contains("downsample_in_bottleneck"));
        assert_eq!(of("resnet18", first_layer), "", "its blocks have no bottleneck");
        let stage = Computing { strided_first_stage: Some(true), ..Computing::default() };
        assert!(of("resnet34", stage).contains("downsample_in_first_stage"));
        let epsilon = |epsilon| Computing { epsilon: Some(epsilon), ..Computing::default() };
        assert_eq!(of("swin_t", epsilon(1e-5)), "");
        assert!(of("swin_t", epsilon(1e-6)).contains("layer_norm_eps is 1e-6"));
        let heads = |heads| Computing { channels: Some(192.0), heads: Some(heads), ..Computing::default() };
        assert_eq!(of("vit_tiny_patch16_224", heads(3.0)), "");
        assert!(of("vit_tiny_patch16_224", heads(6.0)).contains("num_attention_heads is 6"));
    }
}
