//! Opens observers for a dataset: weight file, what is said of it, class map.

pub(super) mod classes;
mod data;
mod fitting;
mod side;
mod told;

use std::path::{Path, PathBuf};

use crate::core::data::class_map::{ClassMap, ClassMapError, GivenMap, Rule};
use crate::core::data::class_order::ClassOrder;
use crate::core::data::dataset::Dataset;
use crate::core::data::normalise::MeanStd;
use crate::core::data::wordnet;
use crate::engine::nets::families::vit;
use crate::engine::nets::{Arch, UnknownArch, detect};
use crate::engine::observe::observer::{Observer, ObserverError};
use crate::engine::weights::{self, NetworkPart, RowsError, WeightError};
use crate::store::{card, class_map};

pub use self::data::{DataError, DatasetRequest, dataset};
pub(super) use self::data::{NO_TEST_SPLIT, of_same_classes};
pub use self::fitting::fitting;
pub(super) use self::side::OwnSide;
use self::told::{Completed, Told};

/// What the user says of an observer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObserverRequest {
    /// The weight file, an index of shards, or a folder of weights.
    pub file: PathBuf,
    /// `--part`: which of the networks in the file.
    pub part: Option<String>,
    /// `--arch`.
    pub arch: Option<Arch>,
    /// `--side`.
    pub side: Option<usize>,
    /// `--mean-std`.
    pub mean_std: Option<MeanStd>,
    /// `--class-map`.
    pub class_map: Option<PathBuf>,
    /// `--class-order`: that of the outputs where nothing else tells whose they are.
    pub class_order: ClassOrder,
    /// The output for each class, in class order, told in the outputs of the file: as a class map says it, and before one.
    pub outputs: Option<Vec<u32>>,
    /// `--prune`: only the outputs of the dataset's classes are kept, as RDED's code prunes its observers.
    pub prune: bool,
}

impl ObserverRequest {
    /// How a weight file is opened that moves pixels beside a first observer: it sees images of the same side, and takes
    /// the order of classes that the first one was opened with. What network it is and how its input is normalised its own
    /// card says.
    #[must_use]
    pub fn beside(file: &Path, first: &OpenedObserver) -> Self {
        Self {
            file: file.to_owned(),
            side: Some(first.observer.spec.side),
            class_order: first.request.class_order,
            prune: first.request.prune,
            ..Self::default()
        }
    }
}

/// An observer that fits a dataset.
#[derive(Clone, Debug)]
pub struct OpenedObserver {
    /// The network.
    pub observer: Observer,
    /// Its output for each class of the dataset, and why.
    pub map: ClassMap,
    /// Where it was loaded from.
    pub file: PathBuf,
    /// The file's outputs that were kept, in the order of the classes, where the network was pruned.
    pub kept: Option<Vec<u32>>,
    /// What the user should know: notes of the card and of what lies beside the file, and what nothing tells.
    pub notes: Vec<String>,
    /// How it was opened.
    pub request: ObserverRequest,
}

impl OpenedObserver {
    /// The output of the network in the file that belongs to an output of this one.
    #[must_use]
    pub fn output_in_file(&self, output: u32) -> u32 {
        self.kept.as_ref().and_then(|k| k.get(output as usize).copied()).unwrap_or(output)
    }

    /// The output of this network that a class map's `output` is, which counts those of the file; `None` where it was cut
    /// off.
    #[must_use]
    pub fn output_here(&self, output: u32) -> Option<u32> {
        match &self.kept {
            Some(kept) => kept.iter().position(|&k| k == output).map(|at| at as u32),
            None => Some(output).filter(|o| (*o as usize) < self.observer.spec.classes),
        }
    }

    /// The output of the file for each class, as a class map says it.
    #[must_use]
    pub fn outputs_in_file(&self) -> Vec<u32> {
        self.map.outputs.iter().map(|&output| self.output_in_file(output)).collect()
    }

    /// The order of integers that was taken, where an order alone tells which output is which class.
    #[must_use]
    pub fn order_taken(&self) -> Option<ClassOrder> {
        match self.map.rule {
            Rule::Number => Some(ClassOrder::Number),
            Rule::Order => Some(self.request.class_order).filter(|order| *order == ClassOrder::Text),
            Rule::Given | Rule::Manifest | Rule::Names | Rule::WordNet => None,
        }
    }

    /// What an output is called by the file or its card, or the WordNet id that the classes were matched by.
    #[must_use]
    pub fn output_name(&self, output: u32) -> Option<&str> {
        let named = self.observer.classes.as_ref().and_then(|names| names.get(output as usize));
        let by_id = || (self.map.rule == Rule::WordNet).then(|| wordnet::id(self.output_in_file(output) as usize));
        named.map(String::as_str).or_else(|| by_id()?)
    }
}

/// A network without a dataset.
#[derive(Clone, Debug)]
pub struct OpenedNetwork {
    /// The network.
    pub observer: Observer,
    /// Its card, where there is one.
    pub card: Option<card::Card>,
    /// What the user should know: notes of the card and of what lies beside the file.
    pub notes: Vec<String>,
    /// Whether its outputs have names that another library wrote beside the file: of the same classes as the data's
    /// they may be others.
    pub doubtful_names: bool,
}

/// Why an observer could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The weights.
    #[error(transparent)]
    Observer(#[from] ObserverError),
    /// The card.
    #[error(transparent)]
    Card(#[from] card::CardError),
    /// The card's `arch`.
    #[error("{path}: {source}")]
    CardArch {
        /// The card.
        path: String,
        /// The name.
        source: UnknownArch,
    },
    /// Outputs that can't be kept.
    #[error("{observer}: {source}")]
    Prune {
        /// The weight file.
        observer: String,
        /// Why not.
        source: RowsError,
    },
    /// What lies beside the weights says that they compute otherwise than the network of their tensors.
    #[error("{observer}: {why}; it can't be run here")]
    Otherwise {
        /// The weight file.
        observer: String,
        /// The file and the difference.
        why: String,
    },
    /// The class map's file.
    #[error(transparent)]
    ClassMapFile(#[from] class_map::ClassMapFileError),
    /// No class map fits.
    #[error("{observer}: {source}")]
    ClassMap {
        /// The weight file.
        observer: String,
        /// Why not.
        source: ClassMapError,
    },
}

impl OpenError {
    /// The networks of the file, one of which must be named.
    #[must_use]
    pub fn parts(&self) -> &[NetworkPart] {
        match self {
            Self::Observer(ObserverError::Weights(
                WeightError::SeveralNetworks { parts, .. } | WeightError::NoSuchPart { parts, .. },
            )) => parts,
            _ => &[],
        }
    }
}

/// Loads a weight file with its card, and finds which output belongs to which class of `dataset`.
///
/// # Errors
/// [`OpenError`], naming the file.
pub fn observer(request: &ObserverRequest, dataset: &Dataset) -> Result<OpenedObserver, OpenError> {
    let given = match &request.outputs {
        Some(outputs) => Some(GivenMap::Ordered(outputs.clone())),
        None => request.class_map.as_deref().map(class_map::read).transpose()?,
    };
    let OpenedNetwork { mut observer, mut notes, doubtful_names, .. } =
        open(request, Use::Run, &|| OwnSide::of(dataset))?;
    notes.extend(told::open_questions(&observer));
    let resolved = classes::map(&observer, doubtful_names, dataset, (given.as_ref(), request.class_order));
    let (mut map, said) = resolved.map_err(|source| OpenError::ClassMap { observer: observer.name.clone(), source })?;
    notes.extend(said);
    let mut kept = None;
    if request.prune {
        observer = pruned(observer, &map.outputs)?;
        let outputs = (0..map.outputs.len() as u32).collect();
        let before = std::mem::replace(&mut map.outputs, outputs);
        let now = |output: u32| before.iter().position(|&o| o == output).map(|at| at as u32);
        map.as_text = map.as_text.and_then(|outputs| outputs.into_iter().map(now).collect());
        kept = Some(before);
    }
    Ok(OpenedObserver { observer, map, file: request.file.clone(), kept, notes, request: request.clone() })
}

/// Loads a weight file with its card, whatever data it is for.
///
/// # Errors
/// [`OpenError`], naming the file.
pub fn network(request: &ObserverRequest) -> Result<OpenedNetwork, OpenError> {
    open(request, Use::Run, &|| None)
}

/// The same for a network that is trained on.
///
/// # Errors
/// [`OpenError`], naming the file.
pub fn network_to_train(request: &ObserverRequest) -> Result<OpenedNetwork, OpenError> {
    open(request, Use::Train, &|| None)
}

/// What weights are opened for.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    /// For their answers.
    Run,
    /// To go on from: they stay as large as they were trained, where the same answers would ask for other sizes.
    Train,
}

/// The network with these outputs alone.
///
/// # Errors
/// [`OpenError::Prune`] where it has them not, or one is named twice.
pub fn pruned(observer: Observer, outputs: &[u32]) -> Result<Observer, OpenError> {
    let name = observer.name.clone();
    observer.pruned(outputs).map_err(|source| OpenError::Prune { observer: name, source })
}

fn open(
    request: &ObserverRequest,
    for_what: Use,
    data_side: &dyn Fn() -> Option<OwnSide>,
) -> Result<OpenedNetwork, OpenError> {
    let file = weights::located(&request.file).map_err(ObserverError::from)?;
    let told = Told::read(&file)?;
    let mut options = told.options(&file, request)?;
    if for_what == Use::Train {
        options.beside.epsilon = Some(vit::EPSILON);
    }
    let data_side = if options.side.is_none() { data_side() } else { None };
    let mut observer = Observer::load(&file, &options, data_side.map(|own| own.side))?;
    if let Some(why) = told.contradiction(&observer) {
        return Err(OpenError::Otherwise { observer: observer.name, why });
    }
    let Completed { card, mut notes, doubtful_names } = told.complete(&mut observer);
    notes.extend(observer.choice.clone());
    let fixed = || detect::describe(observer.spec.arch, &observer.weights().shapes()).and_then(|d| d.side);
    let taken = data_side.filter(|own| own.side == observer.spec.side && fixed().is_none());
    notes.extend(taken.and_then(OwnSide::note));
    Ok(OpenedNetwork { observer, card, notes, doubtful_names })
}
