//! A set that exists, in RDED's layout.

use super::super::content::{Content, ExportError, Picture};
use super::super::copies::Copies;
use super::super::floats::FloatHeader;
use crate::core::distil::manifest::{ClassEntry, class_folder, image_file};

/// The set's layout, with its manifest and `classes.json`. An image keeps the name that its manifest gives it.
pub(in super::super) fn layout(content: &Content) -> Result<Copies, ExportError> {
    content.each_class_has_images()?;
    let name = |p: &Picture| image_file(p.label, p.number, p.extension);
    let unfit = |e: &dyn std::fmt::Display| ExportError::Refused(format!("its manifest can't be written: {e}"));
    let mut copies = Copies { names: content.pictures.iter().map(name).collect(), ..Copies::default() };
    let entries = match &content.manifest {
        Some(manifest) => {
            copies.names = content.pictures.iter().map(|p| p.file.clone()).collect();
            copies.texts.push(("manifest.json".to_owned(), manifest.to_json().map_err(|e| unfit(&e))?));
            manifest.class_entries()
        }
        None => (0..)
            .zip(&content.classes)
            .map(|(index, c)| ClassEntry {
                index,
                folder: class_folder(index),
                name: c.name.clone(),
                title: c.title.clone(),
            })
            .collect(),
    };
    let mut text = serde_json::to_vec_pretty(&entries).map_err(|e| unfit(&e))?;
    text.push(b'\n');
    copies.texts.push(("classes.json".to_owned(), text));
    copies.floats = content.rounding.and_then(|_| floats(content, &copies.names));
    Ok(copies)
}

/// What the file of floats says of the images; all of a set are of one size.
fn floats(content: &Content, names: &[String]) -> Option<FloatHeader> {
    let (width, height) = content.pictures.first()?.size;
    let labels = content.pictures.iter().map(|p| p.label).collect();
    Some(FloatHeader { width, height, names: names.to_vec(), labels })
}
