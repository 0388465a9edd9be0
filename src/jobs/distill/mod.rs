//! A distillation from scores to a finished folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::core::data::dataset::ClassId;
use crate::core::distil::curation::Curation;
use crate::core::distil::curation::file::{self, Strays};
use crate::core::distil::recipe::{OutputFormat, Recipe};
use crate::core::distil::scores::ClassScores;
use crate::core::distil::select::SelectError;
use crate::core::distil::set::{ImageSet, SetError};
use crate::core::progress::Progress;
use crate::engine::observe::features::FeatureError;
use crate::engine::observe::score::ScoreError;
use crate::store::export::folder::FolderError;
use crate::store::export::rded::{RdedError, RdedFolder, SetManifest};
use crate::store::files::shown;
use crate::store::project::{Project, ProjectError};

use super::open::OpenedObserver;
use super::picking::Picks;
use super::refine::{RefineCost, RefineJobError, Refining, check};
use super::scoring::{Cost, ScoringError};
use super::session::Session;

mod finished;
mod further;
mod images;
mod laid;
mod made;
mod notes;
mod recorded;
mod sets;

use images::Shared;
use laid::{left_out, mean_loss};
use made::{Base, Making, base, broken_within, refined};
use sets::Set;

pub use super::stitched::StitchedSet;
pub use finished::{FinishedSet, FurtherError};
pub use further::{FurtherRequest, refine_set};
pub use images::{recut, recut_values};
pub(super) use laid::enough_images;
pub use sets::{Sizes, folder};

/// What is distilled, and where to.
#[derive(Clone, Debug)]
pub struct DistillRequest {
    /// Method and parameters.
    pub recipe: Recipe,
    /// The classes, in the order of their running index.
    pub classes: Vec<ClassId>,
    /// What a person decided about images of the dataset.
    pub curation: Arc<Curation>,
    /// Observers that move pixels beside the session's.
    pub beside: Vec<Arc<OpenedObserver>>,
    /// The output folder.
    pub out: PathBuf,
}

/// Figures of a finished distillation.
#[derive(Clone, Debug, PartialEq)]
pub struct DistillReport {
    /// The folder of the distilled dataset.
    pub out: PathBuf,
    /// Its images per class.
    pub ipc: u32,
    /// From the first image read to the last file written, of all sizes together.
    pub seconds: f64,
    /// Patches that were scored, and the network's share of the time; of all sizes together.
    pub cost: Cost,
    /// Distilled images.
    pub images: usize,
    /// What moving the pixels cost, of all sizes together; `None` of a method that doesn't.
    pub refined: Option<RefineCost>,
    /// Mean loss of the selected patches; `None` of a method that selects none.
    pub mean_selected_loss: Option<f64>,
    /// Images that could not be decoded.
    pub broken: usize,
}

/// Why a distillation failed.
#[derive(Debug, thiserror::Error)]
pub enum DistillError {
    /// Scoring.
    #[error(transparent)]
    Scoring(#[from] ScoringError),
    /// Features.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// A class has too few usable images.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// Moving the pixels.
    #[error(transparent)]
    Refine(#[from] RefineJobError),
    /// The output folder.
    #[error(transparent)]
    Export(#[from] RdedError),
    /// The project.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A selected image can't be stitched any more.
    #[error("{file}: {reason}; it could be read when it was scored: put it back, or run again")]
    Gone {
        /// The source.
        file: String,
        /// Why.
        reason: String,
    },
    /// A finished set whose pixels can't be moved further.
    #[error(transparent)]
    Further(#[from] FurtherError),
    /// The recipe leaves no pixel per patch.
    #[error("{patches} patches don't fit into {side}×{side} pixels; lower --patches or raise --side")]
    PatchTooSmall {
        /// N.
        patches: u32,
        /// Input side.
        side: u32,
    },
}

impl From<FolderError> for DistillError {
    fn from(error: FolderError) -> Self {
        Self::Export(error.into())
    }
}

impl From<SetError> for DistillError {
    fn from(SetError { file, reason }: SetError) -> Self {
        Self::Gone { file, reason }
    }
}

impl DistillError {
    /// Whether the user cancelled it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let scoring = matches!(self, Self::Scoring(ScoringError::Score(ScoreError::Cancelled(_))));
        let refining = matches!(self, Self::Refine(error) if error.is_cancelled());
        scoring || refining || matches!(self, Self::Features(FeatureError::Cancelled(_)))
    }
}

/// What a distillation tells of a class as soon as it is known.
#[derive(Clone, Debug)]
pub enum Found {
    /// Its scores.
    Scores(Arc<ClassScores>),
    /// What the strategy picked by features, for the first size.
    Picks(Picks),
    /// Images as they change; the class is that of the first of them.
    Refining(Arc<Refining>),
}

/// Receives what is found.
pub type Each<'a> = &'a mut dyn FnMut(ClassId, Found);

/// Runs a distillation end to end. `each` sees every class's scores and picks as they come.
///
/// # Errors
/// [`DistillError`]. The output folder is absent or complete; scores that were computed stay in the project.
pub fn distill(
    session: &mut Session,
    project: &Project,
    request: &DistillRequest,
    progress: &mut dyn Progress,
    each: Each<'_>,
) -> Result<DistillReport, DistillError> {
    let making = Making { project, request, sets: &Set::only(&request.recipe) };
    let mut reports = run(session, making, progress, each)?;
    // One set has one report.
    Ok(reports.remove(0))
}

/// Distils several sizes from one scoring into `ipc-50`, `ipc-10`, … below the output folder, which is absent or holds
/// all of them. The recipe's own IPC is not used. Gives one report per size, in the order of `ipcs`.
///
/// Apart, each set has the bytes that [`distill`] gives for its IPC. Of realism, random and herding each one's patches
/// are a prefix of the larger one's; k-means finds other clusters for each size.
///
/// # Errors
/// As [`distill`].
pub fn distill_sizes(
    session: &mut Session,
    project: &Project,
    (request, ipcs, sizes): (&DistillRequest, &[u32], Sizes),
    progress: &mut dyn Progress,
    each: Each<'_>,
) -> Result<Vec<DistillReport>, DistillError> {
    let sets = Set::of_sizes(&request.recipe, ipcs, sizes);
    run(session, Making { project, request, sets: &sets }, progress, each)
}

/// The recipe of the largest set: what scoring and warnings go by.
fn largest(sets: &[Set]) -> Recipe {
    sets.iter().map(|s| &s.recipe).max_by_key(|r| r.ipc).cloned().unwrap_or_default()
}

fn run(
    session: &mut Session,
    making: Making<'_>,
    progress: &mut dyn Progress,
    each: Each<'_>,
) -> Result<Vec<DistillReport>, DistillError> {
    let Making { project, request, sets } = making;
    if let Some(recipe) = &largest(sets).rded() {
        let side = session.observer.observer.spec.side as u32;
        if side < recipe.method.factor() {
            return Err(DistillError::PatchTooSmall { patches: recipe.method.patches, side });
        }
        enough_images(&session.dataset, (&request.classes, &request.curation), recipe).map_err(SelectError::from)?;
    }
    check(session, &request.recipe, &request.beside)?;
    let output = begun(&request.out, progress)?;
    tell_format(&request.recipe, progress);
    let decided = !request.curation.is_empty();
    let scored = request.recipe.rded().is_some();
    if decided && !scored {
        progress.warn(format!(
            "what was decided about patches is passed over: {} begins with noise",
            request.recipe.method.name()
        ));
    }
    // Writing plain fields cannot fail.
    let text = || file::text(&session.dataset, &request.curation, &Strays::default()).unwrap_or_default();
    let asked = recorded::Asked {
        classes: &request.classes,
        beside: &request.beside,
        curation: (decided && scored).then(text),
        set: None,
    };
    let outs: Vec<_> = sets.iter().map(|set| (&set.recipe, place(&request.out, set))).collect();
    let runs = recorded::begin(session, project, &asked, &outs)?;
    let result = distill_into(session, making, output, progress, each);
    recorded::end(project, runs, result)
}

/// Begins the output folder, and tells what lies beside it.
fn begun(out: &Path, progress: &mut dyn Progress) -> Result<RdedFolder, FolderError> {
    let output = RdedFolder::begin(out)?;
    for left in output.leftovers() {
        progress.warn(format!("{} was left by an earlier run that did not finish; it is not touched", shown(left)));
    }
    Ok(output)
}

/// Tells where values are lost in the files.
fn tell_format(recipe: &Recipe, progress: &mut dyn Progress) {
    if recipe.method.compensation().is_some() && recipe.format != OutputFormat::Float {
        progress.warn(format!(
            "lic's values may leave 0 to 1, and {} has no room for that: they are cut off and rounded; --format float keeps \
             them",
            recipe.format
        ));
    }
}

/// Where a set will lie.
fn place(out: &Path, set: &Set) -> PathBuf {
    set.folder.as_ref().map_or_else(|| out.to_owned(), |folder| out.join(folder))
}

fn distill_into(
    session: &mut Session,
    making: Making<'_>,
    output: RdedFolder,
    progress: &mut dyn Progress,
    each: Each<'_>,
) -> Result<Vec<DistillReport>, DistillError> {
    let start = Instant::now();
    let Making { request, sets, .. } = making;
    let classes = &request.classes;
    let Base { blocks, laid, cost } = base(session, making, progress, each)?;
    let (refined, spent) = refined(session, making, &laid, progress, each)?;
    let layouts = sets::layouts(sets);
    let images = |ipc: u32| -> Option<&dyn ImageSet> {
        let at = layouts.iter().position(|&layout| layout == ipc)?;
        let moved = refined.get(at).map(|set| set as &dyn ImageSet);
        moved.or_else(|| laid.get(at).map(|set| set as &dyn ImageSet))
    };
    let of_layout = |&ipc: &u32| {
        let holders = sets.iter().filter(|set| set.layout_ipc() == ipc).collect();
        Some(Shared { images: images(ipc)?, classes: classes.len() as u32, holders })
    };
    let shared: Vec<Shared<'_>> = layouts.iter().filter_map(of_layout).collect();
    images::write_images(&shared, &output, session.throughput.threads, progress)?;
    let pairs: Vec<(&Set, &dyn ImageSet)> =
        sets.iter().filter_map(|set| Some((set, images(set.layout_ipc())?))).collect();
    let described = |&(set, images): &(&Set, &dyn ImageSet)| SetManifest {
        folder: set.folder.clone(),
        manifest: notes::manifest(session, request, (set, images), &blocks),
    };
    let of = |set: &Set| laid.iter().find(|laid| laid.ipc == set.layout_ipc());
    sets.iter().filter_map(|set| Some((set, of(set)?))).for_each(|(set, laid)| left_out(set, laid, progress));
    let manifests: Vec<_> = pairs.iter().map(described).collect();
    let out = output.finish(&manifests)?;
    let seconds = start.elapsed().as_secs_f64();
    let subset = largest(sets).rded().map_or(0, |recipe| recipe.method.subset);
    let broken = blocks.iter().map(|b| broken_within(b, subset).count()).sum();
    let report = |&(set, images): &(&Set, &dyn ImageSet)| {
        let of_class = |class| images.images(ClassId(class)).min(set.recipe.ipc) as usize;
        DistillReport {
            out: place(&out, set),
            ipc: set.recipe.ipc,
            seconds,
            cost,
            refined: spent.clone(),
            images: (0..classes.len() as u32).map(of_class).sum(),
            mean_selected_loss: of(set).map(|laid| mean_loss(set, laid)),
            broken,
        }
    };
    Ok(pairs.iter().map(report).collect())
}
