//! What a distillation tells besides its result.

use std::path::Path;
use std::sync::Arc;

use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::distil::curation::Curation;
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::{OutputFormat, Recipe};
use crate::core::distil::scores::{BrokenImage, ClassScores};
use crate::core::distil::select::Supply;
use crate::core::progress::Progress;
use crate::store::export::folder::FolderError;
use crate::store::export::rded::RdedFolder;
use crate::store::files::shown;

/// Begins the output folder, and tells what lies beside it.
pub(super) fn begun(out: &Path, progress: &mut dyn Progress) -> Result<RdedFolder, FolderError> {
    let output = RdedFolder::begin(out)?;
    for left in output.leftovers() {
        progress.warn(format!("{} was left by an earlier run that did not finish; it is not touched", shown(left)));
    }
    Ok(output)
}

/// Tells where values are lost in the files.
pub(super) fn tell_format(recipe: &Recipe, progress: &mut dyn Progress) {
    if recipe.method.compensation().is_some() && recipe.format != OutputFormat::Float {
        progress.warn(format!(
            "lic's values may leave 0 to 1, and {} has no room for that: they are cut off and rounded; --format float keeps \
             them",
            recipe.format
        ));
    }
}

/// The unusable images within the recipe's subset; a stored block may hold more.
pub(super) fn broken_within(block: &ClassScores, subset: u32) -> impl Iterator<Item = &BrokenImage> {
    block.broken.iter().filter(move |b| b.position < subset)
}

/// Says which images were unusable, which classes are smaller than the subset, and which have fewer distilled images.
pub(super) fn report_gaps(
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
