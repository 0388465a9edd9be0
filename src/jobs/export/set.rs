//! The images of a set as they are exported, with what its manifest says of them.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::core::data::dataset::ImageId;
use crate::core::distil::manifest::{CellNote, Manifest, Optimised, Origin, Start};
use crate::core::distil::set::ImageSet as _;
use crate::core::progress::Progress;
use crate::jobs::folder_set::{Differences, FolderSet};
use crate::store::export::content::{Content, Picture, Takes, some};

use super::ExportJobError;
use super::pictures::Files;

/// Looks at all images of a set.
///
/// # Errors
/// [`ExportJobError`]: images that its manifest names are missing, or others are there; one can't be decoded.
pub(super) fn look(
    set: &FolderSet,
    takes: Takes,
    progress: &mut dyn Progress,
) -> Result<(Content, Files), ExportJobError> {
    let dataset = Arc::new(set.dataset().clone());
    let manifest = set.manifest().cloned();
    if let Some(manifest) = &manifest {
        complete(set, manifest)?;
    }
    let images = || (0..dataset.image_count() as u32).map(ImageId);
    let mut pictures: Vec<Picture> = images().map(|image| picture(set, image)).collect();
    let names = images().map(|image| dataset.source_bytes(image)).collect();
    let layout = manifest.as_ref().map_or_else(|| dataset.layout(), |manifest| manifest.dataset.layout);
    let classes = dataset.classes().to_vec();
    let files = Files { dataset: dataset.clone(), names, takes };
    let rounding = files.look(&mut pictures, progress)?;
    Ok((Content { classes, pictures, manifest, layout, rounding }, files))
}

/// An image that nobody has looked at.
pub(super) fn unseen((label, number): (u32, u32), file: String, about: Map<String, Value>) -> Picture {
    let hash = blake3::Hash::from_bytes([0; 32]);
    Picture { label, number, file, extension: "png", size: (0, 0), bytes: 0, hash, about }
}

fn picture(set: &FolderSet, image: ImageId) -> Picture {
    let at = set.address(image);
    let about = set.origin(at).map(|origin| about(&origin)).unwrap_or_default();
    unseen((at.class.0, at.image), set.dataset().source(image), about)
}

/// What is known of how an image was made, with the same fields for all images, as tables want it.
fn about(origin: &Origin) -> Map<String, Value> {
    let cells = match origin {
        Origin::Stitched(cells) | Origin::Optimised(Optimised { start: Start::Stitched(cells), .. }) => &cells[..],
        Origin::Optimised(_) | Origin::Imported { .. } => &[],
    };
    let from = match origin {
        Origin::Imported { source } => Some(source),
        Origin::Optimised(Optimised { start: Start::Parent { file, .. }, .. }) => Some(file),
        Origin::Stitched(_) | Origin::Optimised(_) => None,
    };
    let mut about = Map::new();
    about.insert("origin".to_owned(), origin.name().into());
    about.insert("from".to_owned(), from.map_or(Value::Null, |from| from.as_str().into()));
    about.insert("cells".to_owned(), cells.iter().map(cell).collect());
    about
}

/// A cell as fields of one kind each: a loss that is no number is left out.
pub(super) fn cell(note: &CellNote) -> Value {
    // The shortest decimal, as the manifest has it.
    let loss = note.loss.to_string().parse::<f64>().ok().filter(|loss| loss.is_finite());
    let b = note.bbox;
    let mut fields = json!({
        "cell": note.cell,
        "source": note.source,
        "top": b.top,
        "left": b.left,
        "height": b.height,
        "width": b.width,
        "rank": note.rank,
        "loss": loss,
    });
    if !note.chosen.by_rank() {
        fields["chosen"] = json!(note.chosen);
    }
    fields
}

/// The folder holds what the manifest names, and nothing else: a class that is missing would shift all that follow it.
fn complete(set: &FolderSet, manifest: &Manifest) -> Result<(), ExportJobError> {
    let Differences { missing, others } = set.differences();
    let named = |names: &[String]| some(&names.iter().map(String::as_str).collect::<Vec<_>>());
    if !missing.is_empty() {
        let named = named(&missing);
        let why = format!("images that the manifest names are missing: {named}; restore them, or distil the set again");
        return Err(ExportJobError::refused(why));
    }
    if !others.is_empty() {
        let named = named(&others);
        let why = format!("images that the manifest doesn't name lie in the set: {named}; take them out of it");
        return Err(ExportJobError::refused(why));
    }
    let folders = set.dataset().classes().iter().map(|class| class.name.as_str());
    if !folders.eq(manifest.classes.iter().map(|class| class.folder.as_str())) {
        let why = "its class folders are not those of its manifest; restore them, or distil the set again";
        return Err(ExportJobError::refused(why));
    }
    Ok(())
}
