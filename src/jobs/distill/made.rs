//! What a distillation is made of: patches that are scored, selected and laid out, and pixels that are moved.

use std::sync::Arc;

use super::laid::lay_out;
use super::sets::{self, Set};
use super::{DistillError, DistillRequest, Each, Found, StitchedSet, largest};
use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::distil::curation::Curation;
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::{BrokenImage, ClassScores};
use crate::core::distil::select::Supply;
use crate::core::progress::Progress;
use crate::jobs::picking::ScoredClasses;
use crate::jobs::refine::{Asked, Beginning, RefineCost, RefinedSet, Refining, refine};
use crate::jobs::scoring::{Cost, score};
use crate::jobs::session::Session;
use crate::store::project::Project;

/// What one run makes, and the project that keeps what it computes.
#[derive(Clone, Copy)]
pub(super) struct Making<'a> {
    pub project: &'a Project,
    pub request: &'a DistillRequest,
    pub sets: &'a [Set],
}

/// What is stitched, of a method that begins with that.
#[derive(Default)]
pub(super) struct Base {
    pub blocks: Vec<Arc<ClassScores>>,
    /// One for each layout.
    pub laid: Vec<StitchedSet>,
    pub cost: Cost,
}

/// Scores, selects and lays out.
pub(super) fn base(
    session: &mut Session,
    Making { project, request, sets }: Making<'_>,
    progress: &mut dyn Progress,
    each: Each<'_>,
) -> Result<Base, DistillError> {
    let Some(recipe) = largest(sets).rded() else { return Ok(Base::default()) };
    let (recipe, classes) = (&recipe, &request.classes);
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
    Ok(Base { blocks, laid, cost })
}

/// Moves the pixels, of a method that does so: a set for each layout, and what all of them cost.
pub(super) fn refined(
    session: &mut Session,
    Making { project, request, sets }: Making<'_>,
    laid: &[StitchedSet],
    progress: &mut dyn Progress,
    each: Each<'_>,
) -> Result<(Vec<RefinedSet>, Option<RefineCost>), DistillError> {
    let (mut made, mut all) = (Vec::new(), None);
    if request.recipe.method.iterations() == 0 {
        return Ok((made, all));
    }
    for (at, ipc) in sets::layouts(sets).into_iter().enumerate() {
        let recipe = &Recipe { ipc, ..largest(sets) };
        let (classes, beside) = (&request.classes[..], &request.beside[..]);
        let start = &laid.get(at).cloned().map_or(Beginning::Noise, Beginning::Stitched);
        let asked = Asked { recipe, classes, start, beside };
        let look = &mut looking(each);
        let (set, cost) = refine(session, project, asked, progress, look)?;
        made.push(set);
        all = Some(cost.after(all));
    }
    Ok((made, all))
}

/// Tells of images as they change.
pub(super) fn looking(each: Each<'_>) -> impl FnMut(Refining) {
    move |refining| {
        let first = refining.images.first().map_or(ClassId(0), |at| at.class);
        each(first, Found::Refining(Arc::new(refining)));
    }
}

/// The unusable images within the recipe's subset; a stored block may hold more.
pub(super) fn broken_within(block: &ClassScores, subset: u32) -> impl Iterator<Item = &BrokenImage> {
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
