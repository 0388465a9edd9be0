//! Images that somebody picked from an open dataset.

use std::sync::Arc;

use serde_json::Map;

use crate::core::data::dataset::{Class, ClassId, Dataset, ImageId};
use crate::core::progress::Progress;
use crate::store::export::content::{Content, Picture, Takes};

use super::ExportJobError;
use super::pictures::Files;
use super::set::unseen;

/// Looks at these images. The classes that none of them is of are left out, and the labels number the others.
///
/// # Errors
/// [`ExportJobError`]: there are none, or one can't be decoded.
pub(super) fn look(
    dataset: &Arc<Dataset>,
    images: &[ImageId],
    takes: Takes,
    progress: &mut dyn Progress,
) -> Result<(Content, Files), ExportJobError> {
    let mut images: Vec<ImageId> =
        images.iter().copied().filter(|image| image.index() < dataset.image_count()).collect();
    images.sort_unstable();
    images.dedup();
    if images.is_empty() {
        return Err(ExportJobError::refused("no image is selected: select some in the panel of patches"));
    }
    let (mut classes, mut of) = (Vec::new(), Vec::<ClassId>::new());
    let mut pictures: Vec<Picture> = Vec::with_capacity(images.len());
    for image in &images {
        let class = dataset.class_of(*image);
        // Ids are sorted by class.
        if of.last() != Some(&class) {
            of.push(class);
            classes.push(Class { folder: Vec::new(), ..dataset.class(class).clone() });
        }
        let label = of.len() as u32 - 1;
        let number = pictures.last().filter(|last| last.label == label).map_or(0, |last| last.number + 1);
        pictures.push(unseen((label, number), dataset.source(*image), Map::new()));
    }
    let all = dataset.classes().len();
    if of.len() < all {
        progress.warn(format!("images of {} of {all} classes are selected: the labels number those alone", of.len()));
    }
    let names = images.iter().map(|image| dataset.source_bytes(*image)).collect();
    let files = Files { dataset: dataset.clone(), names, takes };
    let rounding = files.look(&mut pictures, progress)?;
    Ok((Content { classes, pictures, manifest: None, layout: dataset.layout(), rounding }, files))
}
