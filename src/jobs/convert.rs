//! A network from one weight file to another: any accepted file becomes one with PyTorch's own keys, and a card.

use std::path::{Path, PathBuf};

use crate::core::data::dataset::Split;
use crate::core::data::folders::Folders;
use crate::engine::nets::detect;
use crate::engine::observe::observer::{Observer, Source};
use crate::engine::weights::{Kind, Precision, WeightError, file_bytes};
use crate::store::card::{self, Card, CardError};
use crate::store::files::{FileError, Written, shown, write_new};
use crate::store::import::ImportError;

use super::open::classes::{OUTPUTS, by_number};
use super::open::{self, ObserverRequest, OpenError, OpenedNetwork};

/// Which outputs are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// All.
    #[default]
    All,
    /// These, in this order.
    Outputs(Vec<u32>),
    /// Those of a dataset's classes, in the dataset's order.
    ClassesOf(PathBuf),
}

/// What to convert.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConvertRequest {
    /// The network.
    pub network: ObserverRequest,
    /// Its outputs.
    pub keep: Keep,
    /// What the folders of that dataset are.
    pub folders: Folders,
    /// The file to write; its name says which kind.
    pub out: PathBuf,
    /// Whether values are written in half precision.
    pub half: bool,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The network as it was written.
    pub observer: Observer,
    /// The card beside it.
    pub card: PathBuf,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The name says no kind.
    #[error("{}: end the name in .safetensors or .pth, the kinds that can be written", shown(.0))]
    Kind(PathBuf),
    /// A name that is taken.
    #[error("{} exists already and is not overwritten; give another name", shown(.0))]
    Taken(PathBuf),
    /// The folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// The network.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The dataset whose classes are kept.
    #[error(transparent)]
    Data(#[from] ImportError),
    /// The new weights.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// The new card.
    #[error(transparent)]
    Card(#[from] CardError),
}

/// Reads a network, prunes it where asked, and writes it with its card.
///
/// # Errors
/// [`ConvertError`]; no file is left then, and none that exists is touched.
pub fn convert(request: &ConvertRequest) -> Result<Converted, ConvertError> {
    let out = &request.out;
    let kind = Kind::of(out).ok_or_else(|| ConvertError::Kind(out.clone()))?;
    let folder = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::metadata(folder).map_err(FileError::at(folder, "write the weights here"))?;
    let taken = [out.clone(), card::path_of(out)].into_iter().find(|p| p.symlink_metadata().is_ok());
    if let Some(path) = taken {
        return Err(ConvertError::Taken(path));
    }
    let OpenedNetwork { observer, card: old, mut notes, .. } = open::network(&request.network)?;
    let observer = match &request.keep {
        Keep::All => observer,
        Keep::Outputs(outputs) => open::pruned(observer, outputs)?,
        Keep::ClassesOf(data) => {
            let imported = open::dataset(data, Split::Train, request.folders)?;
            notes.extend(imported.notes);
            let pruning = ObserverRequest { prune: true, ..request.network.clone() };
            let opened = open::observer(&pruning, &imported.dataset)?;
            notes.extend(opened.map.as_text.is_some().then(|| by_number(OUTPUTS)));
            opened.observer
        }
    };
    if observer.normalised_by == Source::Assumed {
        notes.push(format!("nothing says how its input is normalised: the card says {}", observer.mean_std.describe()));
    }
    let old = old.map(|card| match request.keep {
        Keep::All => card,
        // Fewer outputs have another accuracy.
        _ => Card { top1: None, ..card },
    });
    let card = new_card(&request.network, &observer, old);
    let precision = if request.half { Precision::Half } else { Precision::Full };
    let bytes = file_bytes(&shown(out), (observer.graph(), observer.weights()), (kind, precision))?;
    if write_new(out, &bytes)? == Written::Differs {
        return Err(ConvertError::Taken(out.clone()));
    }
    let card = card::write(out, &card)?;
    Ok(Converted { observer, card, notes })
}

fn new_card(request: &ObserverRequest, observer: &Observer, old: Option<Card>) -> Card {
    let old = old.unwrap_or_default();
    // "Modified" networks take any side: none is made up.
    let fixed = detect::describe(observer.spec.arch, &observer.weights().shapes()).and_then(|d| d.side);
    let known = request.side.is_some() || old.side.is_some() || fixed.is_some();
    let name = request.file.file_name().map(|n| shown(Path::new(n))).unwrap_or_default();
    let part = request.part.as_ref().map_or_else(String::new, |part| format!(", part {part}"));
    Card {
        arch: Some(observer.spec.arch.to_string()),
        side: known.then_some(observer.spec.side as u32),
        mean: Some(observer.mean_std.mean),
        std: Some(observer.mean_std.std),
        classes: observer.classes.clone(),
        top1: old.top1,
        source: Some(old.source.unwrap_or_else(|| format!("converted from {name}{part}"))),
    }
}
