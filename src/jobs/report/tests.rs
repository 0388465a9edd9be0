//! What a report shows of sets that are too large, damaged or foreign, and what it leaves behind when it ends early.

use super::*;
use crate::core::data::pixels::Rgb8;
use crate::core::distil::manifest::tests::sample;
use crate::core::progress::Silent;
use crate::core::report::Shown;
use crate::engine::images::encode;

/// An image that compresses badly.
fn noise(side: u32, seed: u32) -> Rgb8 {
    let byte = |at: u32| {
        let mixed = at.wrapping_add(seed.wrapping_mul(7919)).wrapping_mul(2_654_435_761);
        ((mixed ^ mixed >> 15).wrapping_mul(2_246_822_519) >> 13) as u8
    };
    Rgb8 { width: side, height: side, data: (0..side * side * 3).map(byte).collect() }
}

/// The sample's set: two classes of two images, with its manifest.
fn set(root: &Path, side: u32) -> Manifest {
    let manifest = sample();
    std::fs::create_dir(root.join("set")).unwrap();
    std::fs::write(root.join("set/manifest.json"), manifest.to_json().unwrap()).unwrap();
    for class in &manifest.classes {
        std::fs::create_dir(root.join("set").join(&class.folder)).unwrap();
        for (number, note) in (0..).zip(&class.images) {
            let bytes = encode::png(&noise(side, 10 * class.index + number)).unwrap();
            std::fs::write(root.join("set").join(&note.file), bytes).unwrap();
        }
    }
    manifest
}

fn request(root: &Path) -> ReportRequest {
    ReportRequest {
        set: root.join("set"),
        folders: Folders::Auto,
        trainings: vec![],
        out: root.join("report.html"),
        tables: None,
        budget: ReportRequest::BUDGET,
    }
}

fn beside(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// Cancels at the first step of a stage; keeps what it was warned of.
struct Watch {
    cancels: &'static str,
    warned: Vec<String>,
}

impl Progress for Watch {
    fn step(&mut self, stage: &'static str, _: u64, _: u64) -> Result<(), Cancelled> {
        if stage == self.cancels { Err(Cancelled) } else { Ok(()) }
    }

    fn warn(&mut self, message: String) {
        self.warned.push(message);
    }
}

#[test]
fn what_is_too_large_becomes_thumbnails_and_then_fewer() {
    let root = tempfile::tempdir().unwrap();
    set(root.path(), 200);
    let opened = open::dataset(&root.path().join("set"), Split::Train, Folders::Auto).unwrap().dataset;
    let set = FolderSet::of(opened);
    let shown = |budget: u64| -> Shown { pictures::shown(&set, budget, &mut Silent).unwrap() };
    let whole = shown(ReportRequest::BUDGET);
    assert_eq!((whole.shown(), whole.count(), whole.thumbnails), (4, 4, None));
    assert!(whole.bytes() > 4 * 200 * 200 * 3, "noise can't be compressed: {}", whole.bytes());
    // They fit to the byte; with one less, all are thumbnails.
    assert_eq!(shown(whole.bytes() as u64).thumbnails, None);
    let small = shown(whole.bytes() as u64 - 1);
    assert_eq!((small.shown(), small.thumbnails), (4, Some(96)));
    assert!(small.bytes() * 4 < whole.bytes() && small.classes[0].figures[0].contains("width=\"96\""));
    // One less again, and the last image of the last class is left out.
    let fewer = shown(small.bytes() as u64 - 1);
    let counts: Vec<usize> = fewer.classes.iter().map(|class| class.figures.len()).collect();
    assert_eq!((counts, fewer.count()), (vec![2, 1], 4));
    assert_eq!(shown(1).shown(), 0);
}

#[test]
fn a_report_that_ends_early_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    set(root.path(), 8);
    let request = ReportRequest { tables: Some(root.path().join("tables")), ..request(root.path()) };
    for cancels in ["images", "write"] {
        let error = write(&request, &mut Watch { cancels, warned: vec![] }).unwrap_err();
        assert!(matches!(error, ReportError::Cancelled(_)), "{error}");
        assert_eq!(beside(root.path()), ["set"], "{cancels}");
    }
    let done = write(&request, &mut Silent).unwrap();
    assert_eq!((done.shown, done.tables), (4, Some((root.path().join("tables"), 4))));
    assert_eq!(beside(root.path()), ["report.html", "set", "tables"]);
    let page = std::fs::read(root.path().join("report.html")).unwrap();
    assert_eq!(page.len(), done.bytes);
    // Nothing is overwritten, and a name that is taken is found before the work.
    let taken = write(&request, &mut Watch { cancels: "images", warned: vec![] }).unwrap_err();
    assert!(matches!(taken, ReportError::Taken(_)), "{taken}");
    let again = ReportRequest { out: root.path().join("again.html"), tables: None, ..request };
    write(&again, &mut Silent).unwrap();
    assert!(std::fs::read(root.path().join("again.html")).unwrap() == page, "the same bytes again");
}

#[test]
fn damage_is_told() {
    let root = tempfile::tempdir().unwrap();
    let manifest = set(root.path(), 8);
    let [first, second] = [0, 1].map(|at: usize| root.path().join("set").join(&manifest.classes[0].images[at].file));
    std::fs::write(&first, b"\x89PNG\r\n\x1a\nno more").unwrap();
    std::fs::rename(&second, second.with_file_name("other.png")).unwrap();
    let mut watch = Watch { cancels: "", warned: vec![] };
    write(&request(root.path()), &mut watch).unwrap();
    let page = std::fs::read_to_string(root.path().join("report.html")).unwrap();
    for said in [
        "missing, though the manifest names them: 00000/class00000_id00001.jpg",
        "in the set, though the manifest doesn't name them: 00000/other.png",
        "could not be decoded and were left out: 2",
    ] {
        assert!(watch.warned.iter().any(|warned| warned.contains(said)), "{said}: {:?}", watch.warned);
        assert!(page.contains(said), "{said}");
    }
    assert!(page.contains("<span class=\"gone\">00000/class00000_id00000.jpg: damaged PNG"), "{page}");
    std::fs::write(root.path().join("set/manifest.json"), b"{\"format\": 2, \"recipe\": 7}").unwrap();
    let again = ReportRequest { out: root.path().join("again.html"), ..request(root.path()) };
    let error = write(&again, &mut Silent).unwrap_err().to_string();
    assert!(error.contains("manifest.json") && error.contains("restore the file"), "{error}");
    assert!(!again.out.exists());
}

#[test]
fn outputs_and_trainings_are_checked_before_the_work() {
    let root = tempfile::tempdir().unwrap();
    set(root.path(), 8);
    let fails = |request: ReportRequest| {
        let error = write(&request, &mut Watch { cancels: "images", warned: vec![] }).unwrap_err();
        assert!(!matches!(error, ReportError::Cancelled(_)), "{error}");
        assert_eq!(beside(root.path()), ["set"]);
        error.to_string()
    };
    let base = || request(root.path());
    let error = fails(ReportRequest { out: root.path().join("no/report.html"), ..base() });
    assert!(error.contains("/no: cannot write into this folder: it does not exist"), "{error}");
    let error = fails(ReportRequest { tables: Some(root.path().join("set/tables")), ..base() });
    assert!(error.contains("give a folder elsewhere"), "{error}");
    let error = fails(ReportRequest { trainings: vec![root.path().join("set")], ..base() });
    assert!(error.contains("there is no training"), "{error}");
    let error = fails(ReportRequest { trainings: vec![root.path().join("none")], ..base() });
    assert!(error.contains("none") && error.contains("does not exist"), "{error}");
    let error = fails(ReportRequest { set: root.path().join("none"), ..base() });
    assert!(error.contains("none"), "{error}");
}
