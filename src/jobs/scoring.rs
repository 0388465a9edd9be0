//! Scores for a recipe: taken from the project where they are, computed class by class where they are not.

use std::sync::Arc;

use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::core::distil::patch::{CropRange, subset_order};
use crate::core::distil::rded::{Framing, Rded};
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::ClassScores;
use crate::core::progress::{Cancelled, Progress};
use crate::engine::images::crops::{CropPlan, Cut};
use crate::engine::observe::batcher::Spent;
use crate::engine::observe::score::{ClassJob, ScoreError, Scored, score_class};
use crate::store::project::{Project, ProjectError, ScoreKey, Slot};
use crate::store::stamps;

use super::open::OpenedObserver;
use super::session::Session;

/// Raised when the way from a file to a loss changes, so that older scores are not mixed in.
const SCHEME: u32 = 1;

/// Why scores could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ScoringError {
    /// Cancelled or the device.
    #[error(transparent)]
    Score(#[from] ScoreError),
    /// The project's database.
    #[error(transparent)]
    Project(#[from] ProjectError),
}

/// What scoring cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Time and patches of the network.
    pub spent: Spent,
    /// Classes whose scores were taken from the project.
    pub reused: usize,
    /// Features that were computed, and the network's share of the time.
    pub features: Spent,
}

/// Scores the subsets of `classes`, calling `each` with every block as it comes. Blocks are written to the project at
/// once, so that a killed run resumes behind the last whole class.
///
/// # Errors
/// [`ScoringError`].
pub fn score(
    session: &mut Session,
    project: Option<&Project>,
    (recipe, classes): (&Recipe<Rded>, &[ClassId]),
    progress: &mut dyn Progress,
    each: &mut dyn FnMut(ClassId, Arc<ClassScores>),
) -> Result<Cost, ScoringError> {
    tell_rounding(&session.dataset, progress);
    let plan = crop_plan(session, recipe);
    let key = score_key(session, &plan);
    let sizes = classes.iter().map(|&c| session.dataset.class_size(c).min(recipe.method.subset as usize) as u64);
    let (total, mut done) = (sizes.sum(), 0);
    let mut cost = Cost::default();
    for &class in classes {
        progress.step("score", done, total).map_err(ScoreError::from)?;
        let advance = &mut |n: usize| progress.step("score", done + n as u64, total);
        let ClassOutcome { block, spent, warning } =
            class_scores(session, (project, &key), (recipe, &plan, class), advance)?;
        warning.into_iter().chain(session.take_notes()).for_each(|note| progress.warn(note));
        done += session.dataset.class_size(class).min(recipe.method.subset as usize) as u64;
        match spent {
            Some(spent) => cost.spent.add(spent),
            None => cost.reused += 1,
        }
        each(class, Arc::new(block));
    }
    progress.step("score", total, total).map_err(ScoreError::from)?;
    Ok(cost)
}

/// Tells where patches are cut from less than the values that count.
pub(super) fn tell_rounding(dataset: &Dataset, progress: &mut dyn Progress) {
    if dataset.keeps_floats() {
        progress.warn(
            "this dataset keeps its images as floats; patches are scored and cut from their pictures, which are cut off at 0 \
             and 1 and rounded to 8 bits"
                .to_owned(),
        );
    }
}

/// Brings the blocks of `classes` that the project has for a recipe, whatever part of the subset they cover; nothing is
/// computed. Damaged ones are named and left out.
///
/// # Errors
/// [`ScoringError`].
pub fn recall(
    session: &Session,
    project: &Project,
    (recipe, classes): (&Recipe<Rded>, &[ClassId]),
    progress: &mut dyn Progress,
    each: &mut dyn FnMut(ClassId, Arc<ClassScores>),
) -> Result<(), ScoringError> {
    let plan = crop_plan(session, recipe);
    let key = score_key(session, &plan);
    let total = classes.len() as u64;
    for (done, &class) in (0..).zip(classes) {
        progress.step("load scores", done, total).map_err(ScoreError::from)?;
        let wanted = Wanted::of(session, recipe, class);
        let (block, warning) = stored(session, (Some(project), &key), &wanted, plan.crops)?;
        warning.into_iter().for_each(|text| progress.warn(format!("{text}; score it again")));
        block.into_iter().for_each(|block| each(class, Arc::new(block)));
    }
    progress.step("load scores", total, total).map_err(ScoreError::from)?;
    Ok(())
}

/// The images of a class that a recipe scores, in the order of its permutation.
struct Wanted {
    class: ClassId,
    /// Position in the permutation, and the image.
    images: Vec<(u32, ImageId)>,
    /// Stamps of their files.
    stamps: Vec<u64>,
}

impl Wanted {
    fn of(session: &Session, recipe: &Recipe<Rded>, class: ClassId) -> Self {
        let dataset = &session.dataset;
        let range = dataset.images_of(class);
        let order = subset_order(recipe.seed, &dataset.class(class).name, range.len());
        let images: Vec<(u32, ImageId)> =
            (0..).zip(order.iter().take(recipe.method.subset as usize).map(|at| ImageId(range.start + at))).collect();
        let stamps = stamps::of(dataset, images.iter().map(|(_, image)| *image));
        Self { class, images, stamps }
    }
}

/// What the project has of a class, and a warning where that is damaged.
fn stored(
    session: &Session,
    (project, key): (Option<&Project>, &ScoreKey),
    wanted: &Wanted,
    crops: u32,
) -> Result<(Option<ClassScores>, Option<String>), ProjectError> {
    let (class, output) = (wanted.class, session.observer.map.outputs[wanted.class.index()]);
    let slot = Slot { key, class: &session.dataset.class(class).name, output };
    match project.map(|p| p.load_scores(slot, crops, &wanted.stamps)) {
        Some(Ok(stored)) => Ok((stored, None)),
        Some(Err(error @ ProjectError::DamagedScores { .. })) => Ok((None, Some(error.to_string()))),
        Some(Err(error)) => Err(error),
        None => Ok((None, None)),
    }
}

struct ClassOutcome {
    block: ClassScores,
    /// `None` where nothing was computed.
    spent: Option<Spent>,
    warning: Option<String>,
}

/// One class: what is stored, extended by what is missing.
fn class_scores(
    session: &mut Session,
    (project, key): (Option<&Project>, &ScoreKey),
    (recipe, plan, class): (&Recipe<Rded>, &CropPlan, ClassId),
    advance: &mut dyn FnMut(usize) -> Result<(), Cancelled>,
) -> Result<ClassOutcome, ScoringError> {
    let dataset = session.dataset.clone();
    let wanted = Wanted::of(session, recipe, class);
    let (stored, warning) = stored(session, (project, key), &wanted, plan.crops)?;
    let warning = warning.map(|text| format!("{text}; scoring it again"));
    let Wanted { images, mut stamps, .. } = wanted;
    let output = session.observer.map.outputs[class.index()];
    let slot = Slot { key, class: &dataset.class(class).name, output };
    if let Some(block) =
        stored.as_ref().filter(|b| b.covers(recipe.method.subset, plan.crops, dataset.class_size(class)))
    {
        return Ok(ClassOutcome { block: block.clone(), spent: None, warning });
    }
    // A larger subset needs its new images only; more crops need all of them.
    let known = stored.filter(|b| b.crops >= plan.crops).map(|b| b.first_crops(plan.crops));
    let from = known.as_ref().map_or(0, ClassScores::tried);
    let job = ClassJob { dataset: &dataset, class, output: output as usize, images: &images[from..], crops: plan };
    let throughput = session.throughput;
    let Scored { block: new, unreadable, spent } =
        score_class(session.engine(), job, throughput, &mut |n| advance(from + n))?;
    // A file that could not be read is stored as missing, so that it is tried again once it can be looked at.
    for position in unreadable {
        stamps[position as usize] = stamps::MISSING;
    }
    let block = match known {
        Some(mut block) => {
            block.append(new);
            block
        }
        None => new,
    };
    if let Some(project) = project {
        project.save_scores(slot, &block, &stamps)?;
    }
    Ok(ClassOutcome { block, spent: Some(spent), warning })
}

/// The crops of a recipe for the session's observer.
#[must_use]
pub fn crop_plan(session: &Session, recipe: &Recipe<Rded>) -> CropPlan {
    crops_for(&session.observer, recipe)
}

/// How crops are cut for an observer.
#[must_use]
pub fn crops_for(observer: &OpenedObserver, recipe: &Recipe<Rded>) -> CropPlan {
    let side = observer.observer.spec.side as u32;
    CropPlan {
        seed: recipe.seed,
        crops: recipe.method.patches_per_image(),
        cut: match (recipe.method.whole_images(), recipe.method.framing) {
            (false, _) => Cut::Random(CropRange::RDED),
            (true, Framing::Patch) => Cut::Whole,
            (true, Framing::View) => Cut::View,
        },
        patch_side: recipe.method.patch_side(side),
        input_side: side,
        mean_std: observer.observer.mean_std,
    }
}

/// Everything the scores depend on, apart from class, subset and number of crops.
#[must_use]
pub fn score_key(session: &Session, plan: &CropPlan) -> ScoreKey {
    let observer = &session.observer.observer;
    ScoreKey {
        scheme: SCHEME,
        dataset: session.dataset.fingerprint(),
        observer: observer.fingerprint.clone(),
        network: observer.spec.arch.to_string(),
        device: session.device_class(),
        seed: plan.seed,
        patch_side: plan.patch_side,
        input_side: plan.input_side,
        normalise: plan.mean_std,
        range: if let Cut::Random(range) = plan.cut { Some(range) } else { None },
        view: plan.cut == Cut::View,
    }
}
