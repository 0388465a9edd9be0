use super::*;
use crate::core::data::dataset::{Class, DatasetBuilder, ImageId, Layout, Split};
use crate::core::data::source::Held;

fn dataset(classes: &[(&str, &[&[u8]])]) -> Dataset {
    let mut builder = DatasetBuilder::default();
    for (name, images) in classes {
        let folder = name.as_bytes().to_vec();
        let images = images.iter().map(|image| image.to_vec()).collect();
        builder.class(Class { name: (*name).into(), title: None, folder }, images);
    }
    builder.build("/nowhere".into(), Layout::ImageFolder, Split::Whole, Held::encoded([])).unwrap()
}

fn pets() -> Dataset {
    dataset(&[("cat", &[b"a.jpg", b"sub/b\xff.jpg"]), ("dog", &[b"a.jpg"])])
}

fn marks() -> Curation {
    let crop = Some(CropBox { top: 1, left: 2, height: 3, width: 4 });
    let place = Some(Place { image: 0, cell: 3 });
    Curation::from_iter([
        (ImageId(0), Mark { choice: Choice::Rejected, ..Mark::default() }),
        (ImageId(1), Mark { choice: Choice::Pinned, crop, place, tag: 2 }),
        (ImageId(2), Mark { tag: 9, ..Mark::default() }),
    ])
}

const BODY: &str = r#""program":{"name":"stillroom","version":"0"},"dataset":{"fingerprint":"f"},"classes":"#;

fn of_marks(marks: &str) -> String {
    format!(r#"{{"format":1,{BODY}{{"cat":{marks}}}}}"#)
}

#[test]
fn a_mark_is_one_line_under_its_names() {
    let written = text(&pets(), &marks(), &Strays::default()).unwrap();
    let due = [
        r#"    "cat": {"#,
        r#"      "a.jpg": {"choice":"rejected"},"#,
        r#"      "sub/b\\xff.jpg": {"choice":"pinned","crop":{"top":1,"left":2,"height":3,"width":4},"place":{"image":0,"cell":3},"tag":2}"#,
        r"    },",
        r#"    "dog": {"#,
        r#"      "a.jpg": {"tag":9}"#,
        r"    }",
        r"  }",
        "}\n",
    ];
    assert!(written.ends_with(&due.join("\n")), "{written}");
    assert!(written.contains(&format!(r#""fingerprint": "{}""#, pets().fingerprint())), "{written}");
    let named = Named::parse(written.as_bytes()).unwrap();
    assert_eq!(named.counts(), Counts { pinned: 1, rejected: 1, swapped: 1, placed: 1, tagged: 2 });
    let read = named.resolve(&pets());
    assert_eq!(read, Resolved { curation: marks(), strays: Strays::default(), same_dataset: true });
}

#[test]
fn what_a_dataset_lacks_is_kept_and_written_again() {
    let written = text(&pets(), &marks(), &Strays::default()).unwrap();
    // Another dataset: an image less, a class less, and others before them.
    let other = dataset(&[("ant", &[b"a.jpg", b"b.jpg"]), ("cat", &[b"0.jpg", b"a.jpg"])]);
    let read = Named::parse(written.as_bytes()).unwrap().resolve(&other);
    assert!(!read.same_dataset);
    assert_eq!(read.curation.marks().collect::<Vec<_>>(), [(ImageId(3), marks().mark(ImageId(0)))]);
    assert_eq!(read.strays.names().collect::<Vec<_>>(), [r"cat/sub/b\xff.jpg", "dog/a.jpg"]);
    assert_eq!((read.strays.len(), read.strays.is_empty()), (2, false));
    let again = text(&other, &read.curation, &read.strays).unwrap();
    assert_eq!(Named::parse(again.as_bytes()).unwrap().resolve(&pets()).curation, marks());
}

#[test]
fn bad_texts_are_refused_in_words() {
    let mark = |mark: &str| of_marks(&format!(r#"{{"a.jpg":{mark}}}"#));
    for (text, why) in [
        (String::new(), "EOF"),
        ("[]".to_owned(), "not a curation"),
        (r#"{"classes":{}}"#.to_owned(), "missing field `format`"),
        (format!(r#"{{"format":0,{BODY}{{}}}}"#), "there is no format 0"),
        (r#"{"format":2,"marks":[]}"#.to_owned(), "has format 2, this program knows formats up to 1"),
        (r#"{"format":1}"#.to_owned(), "missing field `program`"),
        (format!(r#"{{"format":1,"more":1,{BODY}{{}}}}"#), "unknown field `more`"),
        (format!(r#"{{"format":1,"format":1,{BODY}{{}}}}"#), "duplicate field `format`"),
        (format!(r#"{{"format":1,{BODY}{{"cat":{{}},"cat":{{}}}}}}"#), "'cat' is there twice"),
        (of_marks(r#"{"a.jpg":{"tag":1},"a.jpg":{"tag":1}}"#), "'a.jpg' is there twice"),
        (mark(r#"{"choice":"loved"}"#), "unknown variant `loved`"),
        (mark(r#"{"colour":1}"#), "unknown field `colour`"),
        (mark(r#"{"tag":10}"#), "at image 'a.jpg' of class 'cat': tag 10, where 9 is the highest"),
        (mark(r#"{"tag":300}"#), "not a curation"),
        (mark(r#"{"tag":-1}"#), "not a curation"),
        (mark(r#"{"place":{"image":0,"cell":25}}"#), "no recipe has a cell 25"),
        (mark(r#"{"place":{"image":1000,"cell":0}}"#), "of an image 1000"),
        (mark(r#"{"place":{"image":4294967295,"cell":0}}"#), "of an image 4294967295"),
        (mark(r#"{"place":{"image":0,"cell":0,"row":1}}"#), "unknown field `row`"),
        (mark(r#"{"crop":{"top":0,"left":0,"height":0,"width":1}}"#), "an empty box"),
        (mark(r#"{"crop":{"top":4294967295,"left":0,"height":1,"width":1}}"#), "beyond all images"),
        (of_marks(r#"{"\\x61.jpg":{"tag":1}}"#), "not spelt as manifests spell names"),
        (of_marks(r#"{"a\\q":{"tag":1}}"#), "not spelt as manifests spell names"),
        (of_marks(r#"{"":{"tag":1}}"#), "not spelt as manifests spell names"),
        ("[".repeat(100_000), "not a curation"),
    ] {
        let error = Named::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{}: {error}", text.chars().take(200).collect::<String>());
    }
}

#[test]
fn blank_marks_leave_no_trace_and_the_last_places_are_read() {
    let read = |text: String| Named::parse(text.as_bytes()).unwrap().resolve(&pets());
    assert_eq!(read(of_marks(r#"{"a.jpg":{},"gone.jpg":{}}"#)), Resolved::default());
    let placed = read(of_marks(r#"{"a.jpg":{"choice":"pinned","place":{"image":999,"cell":24}}}"#));
    assert_eq!(placed.curation.mark(ImageId(0)).place, Some(Place { image: 999, cell: 24 }));
}
