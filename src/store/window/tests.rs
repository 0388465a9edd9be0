use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::core::workspace::selection::Joining;
use crate::core::workspace::view::{Brush, Filter, Quantity, Sort, SortBy};
use crate::core::workspace::{Command, Edited, Workspace};
use crate::store::import;

/// Classes of two empty images each.
fn dataset(folder: &Path, classes: &[&str]) -> Dataset {
    for class in classes {
        std::fs::create_dir_all(folder.join(class)).unwrap();
        for name in ["1.png", "2.png"] {
            std::fs::write(folder.join(class).join(name), b"").unwrap();
        }
    }
    import::open(folder, crate::core::data::dataset::Split::Train).unwrap().dataset
}

fn edited() -> Edited {
    let mut edited = Edited { chosen: vec![true, false, true], ..Edited::default() };
    edited.recipe.ipc = 7;
    edited.outputs = Some(Arc::new(vec![2, 0, 1]));
    edited.beside = Arc::new(vec!["/nets/ä.pth".into()]);
    let brush = Brush { quantity: Quantity::Loss, low: f32::NEG_INFINITY, high: 2.5 };
    edited.filter = Filter { class: Some(ClassId(2)), name: "1".to_owned(), brush: Some(brush), ..Filter::default() };
    edited.sort = Sort { by: SortBy::Margin, descending: true };
    edited
}

#[test]
fn what_was_left_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let data = dataset(&folder.path().join("data"), &["ant", "bee", "cat"]);
    let mut workspace = Workspace::default();
    let images = vec![ImageId(1), ImageId(4)];
    workspace.apply(Command::SelectMany { images, joining: Joining::Replace, lead: Some(ImageId(4)) }).unwrap();
    let state = WindowState {
        look: Look { zoom: 1.3, size: Some([1000.0, 700.0]), ..Look::default() },
        layout: Layout {
            tabs: Some(Place::Tabs { of: vec![Place::Panel("log".to_owned())], front: 0 }),
            columns: Some(Place::Row(vec![Share { share: 0.25, of: Place::Panel("recipe".to_owned()) }])),
        },
        dataset: Some(KeptDataset { path: "/d/ä".into(), classes: 3, ..KeptDataset::default() }),
        edits: Edits::of(&edited(), Some(&data)),
        selected: Selected::of(workspace.selection(), &data),
        view: View { scroll: [("patches".to_owned(), 120.5)].into(), ..View::default() },
        ..WindowState::default()
    };
    let Read { mut file, state: before } = WindowFile::read(folder.path());
    assert!(before.unwrap().is_none());
    assert_eq!(file.write(&state).unwrap(), None);
    let read = WindowFile::read(folder.path()).state.unwrap().unwrap();
    assert_eq!(read, state);
    assert_eq!(read.edits.edited(&data), edited());
    assert_eq!(read.selected.images(&data), (vec![ImageId(1), ImageId(4)], Some(ImageId(4))));
}

#[test]
fn classes_and_images_are_found_by_name_in_another_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let before = dataset(&folder.path().join("before"), &["ant", "bee", "cat"]);
    let after = dataset(&folder.path().join("after"), &["aardvark", "ant", "cat"]);
    let kept = Edits::of(&edited(), Some(&before)).edited(&after);
    // Bee has gone, the aardvark was not chosen; an order of some outputs is none.
    assert_eq!((kept.chosen, kept.filter.class, kept.outputs), (vec![false, true, true], Some(ClassId(2)), None));
    let mut workspace = Workspace::default();
    let images = vec![ImageId(0), ImageId(3), ImageId(5)];
    workspace.apply(Command::SelectMany { images, joining: Joining::Replace, lead: Some(ImageId(3)) }).unwrap();
    let selected = Selected::of(workspace.selection(), &before);
    assert_eq!(selected.images(&after), (vec![ImageId(2), ImageId(5)], None));
    // Where no chosen class is left, all are; none on purpose stays none.
    let other = dataset(&folder.path().join("other"), &["x", "y"]);
    assert_eq!(Edits::of(&edited(), Some(&before)).edited(&other).chosen, [true, true]);
    let none = Edited { chosen: vec![false; 3], ..Edited::default() };
    assert_eq!(Edits::of(&none, Some(&before)).edited(&before).chosen, [false; 3]);
}

#[test]
fn what_cannot_be_read_is_named_and_set_aside_and_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("window.json");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        WindowFile::read(folder.path())
    };
    let deep = format!(r#"{{"format":1,"layout":{}"#, "[".repeat(100_000));
    for bad in ["", "{", "[]", r#"{"format":1}"#, r#"{"format":"1"}"#, &deep] {
        let error = read(bad).state.unwrap_err().to_string();
        assert!(error.contains("window.json"), "{error}");
    }
    let newer = read(r#"{"format":2,"anything":true}"#);
    assert!(newer.state.unwrap_err().to_string().contains("has format 2"));
    let mut file = newer.file;
    let aside = file.set_aside().unwrap();
    assert_eq!(std::fs::read(&aside).unwrap(), br#"{"format":2,"anything":true}"#);
    assert!(!path.exists() && file.write(&WindowState::default()).unwrap().is_none());
    // Another window has written meanwhile: that stays, under another name.
    std::fs::write(&path, "another's").unwrap();
    let aside = file.write(&WindowState::default()).unwrap().unwrap();
    assert_eq!(std::fs::read(aside).unwrap(), b"another's");
    assert_eq!(WindowFile::read(folder.path()).state.unwrap(), Some(WindowState::default()));
}

#[test]
fn numbers_that_no_window_can_have_are_not_taken() {
    let look = |zoom: f32, size| Look { zoom, size: Some(size), ..Look::default() };
    assert_eq!(look(f32::NAN, [1.0, 1.0]).sane_zoom(), 1.0);
    assert_eq!(look(1e9, [1.0, 1.0]).sane_zoom(), 5.0);
    assert_eq!(look(1.0, [1e9, 700.0]).sane_size(), None);
    assert_eq!(look(1.0, [900.0, 700.0]).sane_size(), Some([900.0, 700.0]));
}
