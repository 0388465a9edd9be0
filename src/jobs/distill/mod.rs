//! A distillation from scores to a finished folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::data::folders::Folders;
use crate::core::distil::curation::Curation;
use crate::core::distil::curation::file::{self, Strays};
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::{Method, Recipe};
use crate::core::distil::scores::{BrokenImage, ClassScores};
use crate::core::distil::select::{SelectError, Supply};
use crate::core::distil::set::{ImageSet as _, SetError};
use crate::core::progress::Progress;
use crate::engine::observe::features::FeatureError;
use crate::engine::observe::score::ScoreError;
use crate::store::class_map;
use crate::store::export::folder::FolderError;
use crate::store::export::rded::{RdedError, RdedFolder, SetManifest};
use crate::store::files::KeptPath;
use crate::store::project::{NewRun, Project, ProjectError, RunAsked, RunRow, RunStatus};

use super::picking::{Picks, ScoredClasses};
use super::reopen::{kept_dataset, kept_observer};
use super::scoring::{Cost, ScoringError, crop_plan, score};
use super::session::Session;

mod images;
mod laid;
mod notes;
mod sets;
mod stitched;

use images::Shared;
use laid::{lay_out, left_out, mean_loss};
use sets::Set;

pub use images::recut;
pub(super) use laid::enough_images;
pub use sets::{Sizes, folder};
pub use stitched::StitchedSet;

/// What is distilled, and where to.
#[derive(Clone, Debug)]
pub struct DistillRequest {
    /// Method and parameters.
    pub recipe: Recipe,
    /// The classes, in the order of their running index.
    pub classes: Vec<ClassId>,
    /// What a person decided about images of the dataset.
    pub curation: Arc<Curation>,
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
    /// Mean loss of the selected patches.
    pub mean_selected_loss: f64,
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
        scoring || matches!(self, Self::Features(FeatureError::Cancelled(_)))
    }
}

/// What a distillation tells of a class as soon as it is known.
#[derive(Clone, Debug)]
pub enum Found {
    /// Its scores.
    Scores(Arc<ClassScores>),
    /// What the strategy picked by features, for the first size.
    Picks(Picks),
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
    let Method::Rded(own) = request.recipe.method;
    let mut reports = run(session, project, (request, &Set::only(&request.recipe.with(own))), progress, each)?;
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
    let Method::Rded(own) = request.recipe.method;
    let sets = Set::of_sizes(&request.recipe.with(own), ipcs, sizes);
    run(session, project, (request, &sets), progress, each)
}

/// The recipe of the largest set: what scoring and warnings go by.
fn largest(sets: &[Set]) -> Recipe<Rded> {
    sets.iter().map(|s| s.recipe).max_by_key(|r| r.ipc).unwrap_or_default()
}

fn run(
    session: &mut Session,
    project: &Project,
    (request, sets): (&DistillRequest, &[Set]),
    progress: &mut dyn Progress,
    each: Each<'_>,
) -> Result<Vec<DistillReport>, DistillError> {
    let recipe = &largest(sets);
    if crop_plan(session, recipe).patch_side == 0 {
        let side = session.observer.observer.spec.side as u32;
        return Err(DistillError::PatchTooSmall { patches: recipe.method.patches, side });
    }
    enough_images(&session.dataset, (&request.classes, &request.curation), recipe).map_err(SelectError::from)?;
    let output = RdedFolder::begin(&request.out)?;
    for left in output.leftovers() {
        progress.warn(format!(
            "{} was left by an earlier run that did not finish; it is not touched",
            crate::store::files::shown(left)
        ));
    }
    let runs = begin_runs(session, project, (request, sets))?;
    let result = distill_into(session, (project, output), (request, sets), progress, each);
    let (status, detail) = match &result {
        Ok(_) => (RunStatus::Done, String::new()),
        Err(error) if error.is_cancelled() => (RunStatus::Cancelled, String::new()),
        Err(error) => (RunStatus::Failed, error.to_string()),
    };
    for run in runs {
        project.end_run(run, status, &detail)?;
    }
    result
}

/// Where a set will lie.
fn place(out: &Path, set: &Set) -> PathBuf {
    set.folder.as_ref().map_or_else(|| out.to_owned(), |folder| out.join(folder))
}

/// What a run keeps of what it was asked for. An order of outputs that the user gave is kept as a class map.
fn asked(session: &Session, project: &Project, request: &DistillRequest) -> RunAsked {
    let dataset = &session.dataset;
    let mut observer = kept_observer(&session.observer);
    if let Some(outputs) = &session.observer.request.outputs {
        // Where it can't be written the run goes on: it is only harder to repeat.
        let kept = class_map::keep(project.folder(), dataset.classes(), outputs);
        observer.class_map = kept.ok().map(KeptPath);
    }
    RunAsked {
        dataset: kept_dataset(dataset, Folders::Auto, &dataset.fingerprint()),
        observer,
        classes: request.classes.iter().map(|class| dataset.class(*class).name.clone()).collect(),
        all: request.classes.iter().copied().eq(dataset.class_ids()),
    }
}

fn begin_runs(
    session: &Session,
    project: &Project,
    (request, sets): (&DistillRequest, &[Set]),
) -> Result<Vec<RunRow>, ProjectError> {
    let data = project.remember_dataset(&session.dataset)?;
    let observer = &session.observer;
    let network = observer.observer.spec.arch.to_string();
    let observer = project.remember_observer(
        &observer.file,
        observer.request.part.as_deref(),
        &observer.observer.fingerprint,
        &network,
    )?;
    // Writing plain fields cannot fail.
    let text = || file::text(&session.dataset, &request.curation, &Strays::default()).unwrap_or_default();
    let curation = (!request.curation.is_empty()).then(text);
    let asked = &asked(session, project, request);
    let begin = |set: &Set| {
        let (recipe, out) = (&set.recipe.into(), &place(&request.out, set));
        let curation = curation.as_deref();
        project.begin_run(&NewRun { data, observer, recipe, curation, asked: Some(asked), out: Some(out) })
    };
    sets.iter().map(begin).collect()
}

fn distill_into(
    session: &mut Session,
    (project, output): (&Project, RdedFolder),
    (request, sets): (&DistillRequest, &[Set]),
    progress: &mut dyn Progress,
    each: Each<'_>,
) -> Result<Vec<DistillReport>, DistillError> {
    let start = Instant::now();
    let (recipe, classes) = (&largest(sets), &request.classes);
    let mut blocks = Vec::with_capacity(classes.len());
    let mut cost = score(session, Some(project), (recipe, classes), progress, &mut |class, block| {
        blocks.push(block.clone());
        each(class, Found::Scores(block));
    })?;
    report_gaps(&session.dataset, (classes, recipe, &request.curation), &blocks, progress);
    let scored = ScoredClasses { classes, blocks: &blocks };
    let laid = lay_out(session, (recipe, sets, &request.curation), scored, progress, (&mut cost, each))?;
    let patches = laid.iter().flat_map(|l| l.selected.values()).flat_map(|class| class.iter());
    let wild = patches.filter(|kept| !kept.patch.loss.is_finite()).count();
    if wild > 0 {
        progress.warn(format!("{wild} of the selected patches have a loss that is not finite: look at the observer"));
    }
    let shared: Vec<Shared<'_>> = laid
        .iter()
        .map(|laid| Shared {
            images: laid,
            classes: classes.len() as u32,
            holders: sets.iter().filter(|set| set.layout_ipc() == laid.ipc).collect(),
        })
        .collect();
    images::write_images(&shared, &output, session.throughput.threads, progress)?;
    let of = |set: &Set| laid.iter().find(|laid| laid.ipc == set.layout_ipc());
    let pairs: Vec<(&Set, &StitchedSet)> = sets.iter().filter_map(|set| Some((set, of(set)?))).collect();
    let described = |&(set, images): &(&Set, &StitchedSet)| SetManifest {
        folder: set.folder.clone(),
        manifest: notes::manifest(session, classes, (set, images), &blocks),
    };
    pairs.iter().for_each(|&(set, laid)| left_out(set, laid, progress));
    let manifests: Vec<_> = pairs.iter().map(described).collect();
    let out = output.finish(&manifests)?;
    let seconds = start.elapsed().as_secs_f64();
    let broken = blocks.iter().map(|b| broken_within(b, recipe.method.subset).count()).sum();
    let report = |&(set, laid): &(&Set, &StitchedSet)| DistillReport {
        out: place(&out, set),
        ipc: set.recipe.ipc,
        seconds,
        cost,
        images: laid.selected.keys().map(|&class| laid.images(class).min(set.recipe.ipc) as usize).sum(),
        mean_selected_loss: mean_loss(set, laid),
        broken,
    };
    Ok(pairs.iter().map(report).collect())
}

/// The unusable images within the recipe's subset; a stored block may hold more.
fn broken_within(block: &ClassScores, subset: u32) -> impl Iterator<Item = &BrokenImage> {
    block.broken.iter().filter(move |b| b.position < subset)
}

/// Says which images were unusable, which classes are smaller than the subset, and which have fewer distilled images.
fn report_gaps(
    dataset: &Dataset,
    (classes, recipe, curation): (&[ClassId], &Recipe<Rded>, &Curation),
    blocks: &[Arc<ClassScores>],
    progress: &mut dyn Progress,
) {
    for (&class, block) in classes.iter().zip(blocks) {
        for broken in broken_within(block, recipe.method.subset) {
            progress.warn(format!("{}: {}; left out", dataset.source(broken.image), broken.reason));
        }
        let (size, label) = (dataset.class_size(class), dataset.class(class).shown());
        if size < recipe.method.subset as usize {
            progress.warn(format!(
                "class '{label}' has {size} images, fewer than the subset of {}: all are used",
                recipe.method.subset
            ));
        }
        let marks: Vec<_> = curation.within(dataset.images_of(class)).collect();
        let Supply { candidates, rejected, .. } = Supply::of(block, recipe, &[], &marks);
        let images = recipe.images_of(candidates - rejected);
        if images < recipe.ipc as usize {
            let of_them = if rejected > 0 { format!(", {rejected} of them rejected") } else { String::new() };
            progress.warn(format!(
                "class '{label}' has {candidates} usable images{of_them}: {images} distilled images are made of it"
            ));
        }
    }
}
