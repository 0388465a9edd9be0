//! Class folders that are named by class, and `metadata.jsonl`, as torchvision's `ImageFolder` and the `datasets` library
//! read them.
//!
//! Loaders number classes in the order of their folders' names. Where the classes' own names are in that order and are
//! names on every file system, they are taken; else all folders begin with the label: `000_goldfish`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::content::{Content, ExportError, Picture};
use super::copies::Copies;
use crate::core::data::names::portable;

/// The set's layout.
pub(super) fn layout(content: &Content) -> Result<Copies, ExportError> {
    content.each_class_has_images()?;
    let folders = folders(content);
    let name = |p: &Picture| format!("{}/{:05}.{}", folders[p.label as usize], p.number, p.extension);
    let names: Vec<String> = content.pictures.iter().map(name).collect();
    let mut text = String::new();
    for (name, picture) in names.iter().zip(&content.pictures) {
        let mut line = Map::new();
        line.insert("file_name".to_owned(), name.as_str().into());
        line.extend(fields(content, picture));
        text.push_str(&Value::Object(line).to_string());
        text.push('\n');
    }
    Ok(Copies { names, texts: vec![("metadata.jsonl".to_owned(), text.into_bytes())], floats: None })
}

/// What is said of an image: label, class, its name in the set, and how it was made.
pub(super) fn fields(content: &Content, picture: &Picture) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("label".to_owned(), picture.label.into());
    fields.insert("class".to_owned(), content.class_name(picture.label).into());
    fields.insert("source".to_owned(), picture.file.as_str().into());
    fields.extend(picture.about.clone());
    fields
}

/// The folder of each class.
fn folders(content: &Content) -> Vec<String> {
    let names: Vec<&str> = (0..content.classes.len() as u32).map(|label| content.class_name(label)).collect();
    let plain: Vec<String> = names.iter().map(|name| portable(name)).collect();
    let own = plain.iter().zip(&names).all(|(plain, name)| plain == name && plain.is_ascii());
    let distinct = plain.iter().map(|name| name.to_lowercase()).collect::<BTreeSet<_>>().len() == plain.len();
    if own && distinct && plain.is_sorted() {
        return plain;
    }
    let width = names.len().saturating_sub(1).to_string().len().max(3);
    plain.iter().enumerate().map(|(label, name)| format!("{label:0width$}_{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::dataset::{Class, Layout};

    fn named(names: &[&str]) -> Vec<String> {
        let class = |name: &&str| Class { name: (*name).into(), title: None, folder: vec![] };
        let classes = names.iter().map(class).collect();
        folders(&Content { classes, pictures: vec![], manifest: None, layout: Layout::ImageFolder, rounding: None })
    }

    #[test]
    fn folders_are_in_the_order_of_labels() {
        assert_eq!(named(&["ant", "bee", "cat"]), ["ant", "bee", "cat"]);
        assert_eq!(named(&["tench", "goldfish"]), ["000_tench", "001_goldfish"]);
        assert_eq!(named(&["Cat", "cat"]), ["000_Cat", "001_cat"], "one folder on most systems");
        assert_eq!(named(&["a/b", "a_b"]), ["000_a_b", "001_a_b"]);
        assert_eq!(named(&["..", "NUL"]), ["000__", "001__NUL"]);
        assert_eq!(named(&["a", "\u{e9}"]), ["000_a", "001_\u{e9}"], "é sorts in its place in every Unicode form");
    }
}
