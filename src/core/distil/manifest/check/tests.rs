//! What a manifest may say, and what contradicts itself.

use super::super::tests::sample;
use super::super::{Optimised, Start};
use super::*;
use crate::core::distil::recovery::Recovery;
use crate::core::distil::select::Chosen;
use crate::core::distil::short::ShortClasses;

fn cells(manifest: &mut Manifest, class: usize, image: usize) -> &mut Vec<CellNote> {
    match &mut manifest.classes[class].images[image].origin {
        Origin::Stitched(cells) => cells,
        other => panic!("stitched, not {}", other.name()),
    }
}

fn observer(manifest: &mut Manifest) -> &mut ObserverNote {
    manifest.observer.as_mut().unwrap()
}

/// What a change to a good manifest is called.
fn refusal(change: impl FnOnce(&mut Manifest)) -> String {
    let mut manifest = sample();
    manifest.validate().unwrap();
    change(&mut manifest);
    Manifest::parse(&manifest.to_json().unwrap()).unwrap_err().to_string()
}

#[test]
fn contradictions_are_named() {
    type Change = fn(&mut Manifest);
    let cases: [(&str, Change); 24] = [
        ("class 'c1': index 5", |m| m.classes[1].index = 5),
        ("class 'c0': 1 images, but IPC is 2", |m| m.classes[0].images.truncate(1)),
        ("folder 'cat'", |m| m.classes[0].folder = "cat".into()),
        ("'00001/class00001_id00001.jpg' is due", |m| m.classes[1].images[1].file = "x.jpg".into()),
        ("3 cells, but N is 4", |m| cells(m, 0, 0).truncate(3)),
        ("cell 2: rank 0 where 4 is due", |m| cells(m, 0, 0)[2].rank = 0),
        ("cell 1: crop 5 of 5", |m| cells(m, 0, 0)[1].crop = 5),
        ("cell 1: an empty box", |m| cells(m, 0, 0)[1].bbox.width = 0),
        ("its header: 1 outputs for 2 classes", |m| observer(m).outputs.truncate(1)),
        ("a whole image whose box begins inside", |m| {
            m.recipe.method.rded_mut().unwrap().crops = 0;
            cells(m, 0, 0)[0].crop = 0;
        }),
        ("cell 1: rank 2 where 3 is due", |m| m.nested_in = Some(3)),
        ("its header: IPC 2 is nested in IPC 1", |m| m.nested_in = Some(1)),
        ("its header: it is nested in IPC 1001", |m| m.nested_in = Some(1001)),
        ("the observer's side is 0 pixels", |m| observer(m).side = 0),
        ("the observer's side is 4000000000 pixels", |m| observer(m).side = 4_000_000_000),
        ("the deviation [0.229, 0.0, 0.225]", |m| observer(m).normalise.std[1] = 0.0),
        ("patches of side 4000000000, where 112 is due", |m| m.patch_side = Some(4_000_000_000)),
        ("it has patches, but no 'patch_side'", |m| m.patch_side = None),
        ("it has patches, but no observer", |m| m.observer = None),
        ("8 scored and 4294967295 broken images", |m| m.classes[0].broken = u32::MAX),
        ("9 scored and 1 broken images of a subset of 9", |m| m.classes[0].scored = 9),
        ("cell 1: a box that ends beyond all images", |m| cells(m, 0, 0)[1].bbox.top = u32::MAX),
        ("it is optimised, but the method is rded", |m| {
            let noise = Optimised { start: Start::Noise, iterations: 1, losses: vec![] };
            m.classes[0].images[0].origin = Origin::Optimised(noise);
        }),
        ("two classes share an output", |m| observer(m).outputs[1] = 7),
    ];
    for (expected, change) in cases {
        let refusal = refusal(change);
        assert!(refusal.contains(expected), "{refusal}");
    }
}

#[test]
fn a_part_of_a_larger_set_keeps_its_ranks() {
    let mut manifest = sample();
    manifest.nested_in = Some(7);
    for (class, id) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        cells(&mut manifest, class, id)
            .iter_mut()
            .for_each(|cell| cell.rank = rank_of(cell.cell as usize, id, 7) as u32);
    }
    let read = Manifest::parse(&manifest.to_json().unwrap()).unwrap();
    assert_eq!(read.layout_ipc(), 7);
}

/// A pin in the place of rank 1, which moves to the slot of rank 7.
fn curated() -> Manifest {
    let mut manifest = sample();
    assert_eq!(manifest.due_format(), RANKED);
    cells(&mut manifest, 0, 1)[3].rank = 1;
    let first = &mut cells(&mut manifest, 0, 1)[0];
    (first.rank, first.chosen) = (7, Chosen::Pin);
    assert_eq!(manifest.due_format(), CURATED);
    manifest.format = CURATED;
    manifest
}

#[test]
fn cells_that_a_person_moved_have_a_format_of_their_own() {
    let manifest = curated();
    let read = Manifest::parse(&manifest.to_json().unwrap()).unwrap();
    assert_eq!((read.format, read.to_json().unwrap()), (CURATED, manifest.to_json().unwrap()));
    let text = String::from_utf8(manifest.to_json().unwrap()).unwrap();
    assert_eq!(text.matches(r#""rank":7,"chosen":"pin"}"#).count(), 1);
    let as_2 = Manifest { format: RANKED, ..manifest };
    let refused = Manifest::parse(&as_2.to_json().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("cell 0: rank 7 where 1 is due"), "{refused}");
    let mut pinned = sample();
    cells(&mut pinned, 0, 0)[0].chosen = Chosen::Swap;
    let refused = Manifest::parse(&pinned.to_json().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("cell 0: format 2 knows no pins and swaps"), "{refused}");
    for (rank, why) in [(7, "cell 3: rank 7 a second time"), (8, "cell 3: rank 8 of 8 scored images")] {
        let mut wrong = curated();
        cells(&mut wrong, 0, 1)[3].rank = rank;
        let refused = Manifest::parse(&wrong.to_json().unwrap()).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
}

/// Programs that know formats up to 3 know no floats, and would take the previews for the images.
#[test]
fn stitched_images_that_are_kept_as_floats_have_the_format_of_floats() {
    for (mut manifest, by_rank) in [(sample(), true), (curated(), false)] {
        let (older, due) = (manifest.format, manifest.due_format());
        assert_eq!(older, due, "of 8 bits");
        manifest.recipe.format = OutputFormat::Float;
        for image in manifest.classes.iter_mut().flat_map(|class| &mut class.images) {
            image.file = image.file.replace(".jpg", ".png");
        }
        assert_eq!(manifest.due_format(), FORMAT);
        for format in [older, FORMAT] {
            manifest.format = format;
            let text = manifest.to_json().unwrap();
            let read = Manifest::parse(&text).unwrap();
            assert_eq!((read.format, read.by_rank(), read.to_json().unwrap()), (format, by_rank, text));
        }
        // What a format says of ranks holds of floats, too.
        cells(&mut manifest, 1, 0)[2].rank = 0;
        assert!(manifest.validate().unwrap_err().to_string().contains("rank 0"));
    }
}

/// Rejected images can leave a short class with fewer images than its scores would fill.
#[test]
fn short_classes_may_have_fewer_images_where_some_are_rejected() {
    let short = |short_classes, format| {
        let mut manifest = Manifest { format, ..sample() };
        manifest.recipe.method.rded_mut().unwrap().short_classes = short_classes;
        manifest.classes[0].images.truncate(1);
        (manifest.due_format(), manifest.validate().is_ok())
    };
    assert_eq!(short(ShortClasses::Fewer, CURATED), (CURATED, true));
    assert_eq!(short(ShortClasses::Fewer, RANKED), (CURATED, false));
    assert_eq!(short(ShortClasses::Refuse, CURATED), (CURATED, false));
}

#[test]
fn sources_must_stay_below_the_root() {
    for bad in ["/etc/passwd", "../x.jpg", "a/../../x", "", "a\\q", "./a", "a\\x00b"] {
        assert!(!stays_below_root(bad), "{bad}");
    }
    for good in ["a.jpg", "train/c/\\xff.jpg", "data_batch_1.bin#00012", "a..b/c"] {
        assert!(stays_below_root(good), "{good}");
    }
    let refusal = refusal(|m| cells(m, 0, 0)[0].source = "../secret.png".into());
    assert!(refusal.contains("below the dataset's root"), "{refusal}");
}

#[test]
fn other_texts_are_refused() {
    for text in ["", "[]", "{}", r#"{"format":1}"#] {
        assert!(matches!(Manifest::parse(text.as_bytes()), Err(ManifestError::NotOne { .. })), "{text}");
    }
    let none = Manifest::parse(br#"{"format":0}"#).unwrap_err().to_string();
    assert!(none.contains("there is no format 0"), "{none}");
    let newer = Manifest::parse(br#"{"format":99}"#).unwrap_err();
    assert_eq!(newer, ManifestError::Newer { found: 99, known: super::super::FORMAT });
}

/// A set that began with the images of another one has as many of each class as that one.
#[test]
fn moved_images_are_as_many_as_their_parents() {
    let begun = |start: &Start| {
        let mut manifest = Manifest { patch_side: None, format: FORMAT, ..sample() };
        manifest.recipe.method = Method::Sre2l(Recovery::SRE2L_CIFAR);
        for image in manifest.classes.iter_mut().flat_map(|class| &mut class.images) {
            image.origin = Origin::Optimised(Optimised { start: start.clone(), iterations: 1000, losses: Vec::new() });
        }
        manifest
    };
    let parent = Start::Parent { file: "00000/class00000_id00000.png".to_owned(), hash: "ab".repeat(32) };
    let whole = begun(&parent);
    assert_eq!((whole.validate(), whole.due_format(), whole.by_rank()), (Ok(()), FORMAT, true));
    assert_eq!(Manifest::parse(&whole.to_json().unwrap()).unwrap(), whole);
    let few = |start: &Start, images: usize| {
        let mut manifest = begun(start);
        manifest.classes[0].images.truncate(images);
        (manifest.validate().is_ok(), manifest.by_rank())
    };
    assert_eq!([few(&parent, 1), few(&parent, 0)], [(true, true), (false, true)]);
    assert!(!few(&Start::Noise, 1).0, "noise makes as many as are asked for");
    // What is said of further observers is checked like the first.
    let mut beside = whole;
    beside.beside = beside.observer.iter().cloned().collect();
    assert_eq!(beside.validate(), Ok(()));
    beside.beside[0].outputs.truncate(1);
    assert!(beside.validate().unwrap_err().to_string().contains("1 outputs for 2 classes"));
}
