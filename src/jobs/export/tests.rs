//! What an export leaves behind when it ends early, and what it finds when files change under it.

use super::*;
use crate::core::data::pixels::Rgb8;
use crate::engine::images::encode::png;

/// Stops at the first step of a stage from this many images on; counts what it was told.
struct Stops<'a> {
    at: (&'a str, u64),
    then: &'a dyn Fn() -> Result<(), Cancelled>,
}

impl Progress for Stops<'_> {
    fn step(&mut self, stage: &'static str, done: u64, _: u64) -> Result<(), Cancelled> {
        if (stage, done) == self.at { (self.then)() } else { Ok(()) }
    }

    fn warn(&mut self, message: String) {
        panic!("{message}");
    }
}

/// Two classes of two images.
fn set(root: &Path) {
    for (class, image) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let folder = root.join(format!("set/class{class}"));
        std::fs::create_dir_all(&folder).unwrap();
        let pixels = Rgb8 { width: 2, height: 3, data: vec![100 * class + 50 * image; 18] };
        std::fs::write(folder.join(format!("{image}.png")), png(&pixels).unwrap()).unwrap();
    }
}

fn prepared(root: &Path, format: Format) -> Prepared {
    let material = Material::Set { folder: root.join("set"), folders: Folders::Auto };
    let request = ExportRequest { material, format, out: root.join("out"), mean_std: None };
    Prepared::new(&request, &mut crate::core::progress::Silent).unwrap()
}

fn beside(root: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(root).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_cancelled_export_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    set(root.path());
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Sources) {
        let prepared = prepared(root.path(), format);
        for at in [("write", 0), ("write", 4), ("compare", 4)] {
            let cancel = || Err(Cancelled);
            let error = prepared.run(&mut Stops { at, then: &cancel }).unwrap_err();
            assert!(matches!(error, ExportJobError::Export(ExportError::Cancelled(_))), "{format}: {error}");
            assert_eq!(beside(root.path()), ["set"], "{format} {at:?}");
        }
    }
}

#[test]
fn what_changes_meanwhile_is_noticed() {
    let root = tempfile::tempdir().unwrap();
    set(root.path());
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Sources) {
        // An image of the set, after it was looked at.
        let prepared_set = prepared(root.path(), format);
        let image = root.path().join("set/class1/0.png");
        let before = std::fs::read(&image).unwrap();
        std::fs::write(&image, png(&Rgb8::black(2, 3)).unwrap()).unwrap();
        let error = prepared_set.run(&mut crate::core::progress::Silent).unwrap_err().to_string();
        assert!(error.contains("class1/0.png: was changed"), "{format}: {error}");
        assert_eq!(beside(root.path()), ["set"], "{format}");
        std::fs::write(&image, before).unwrap();
        // A written file, before it is compared: one byte in its middle.
        let damage = || {
            let mut folders = vec![root.path().join("out.partial-1")];
            while let Some(folder) = folders.pop() {
                for entry in std::fs::read_dir(&folder).unwrap() {
                    let path = entry.unwrap().path();
                    if path.is_dir() {
                        folders.push(path);
                    } else {
                        let mut bytes = std::fs::read(&path).unwrap();
                        let middle = bytes.len() / 2;
                        bytes[middle] ^= 0x55;
                        std::fs::write(&path, bytes).unwrap();
                    }
                }
            }
            Ok(())
        };
        let error = prepared(root.path(), format).run(&mut Stops { at: ("write", 4), then: &damage }).unwrap_err();
        assert!(matches!(error, ExportJobError::Export(ExportError::Differs { .. })), "{format}: {error}");
        assert_eq!(beside(root.path()), ["set"], "{format}");
    }
}

#[test]
fn an_export_says_its_call() {
    let request = |material, format| ExportRequest { material, format, out: "/b c".into(), mean_std: None };
    let (set, data, folders) = (PathBuf::from("/a"), PathBuf::from("/d"), Folders::Classes);
    let material = Material::Set { folder: set.clone(), folders: Folders::Auto };
    let line = request(material, Format::Parquet).command().unwrap();
    assert_eq!(line, "stillroom export --set /a --format parquet --out '/b c'");
    let line = request(Material::Sources { set, data, folders }, Format::Sources).command().unwrap();
    assert_eq!(line, "stillroom export --set /a --format sources --data /d --folders classes --out '/b c'");
}

#[test]
fn picked_images_are_exported_by_class_and_measured_before() {
    let root = tempfile::tempdir().unwrap();
    set(root.path());
    let dataset = Arc::new(open::dataset(&root.path().join("set"), Split::Train, Folders::Auto).unwrap().dataset);
    let picked = |ids: &[u32]| Material::Picked {
        dataset: dataset.clone(),
        images: ids.iter().map(|id| ImageId(*id)).collect(),
    };
    // In any order, one of them twice: of class0 its second image, of class1 both.
    let material = picked(&[3, 1, 2, 3]);
    let silent = &mut crate::core::progress::Silent;
    let measured = measure(&material, Format::Sources, silent).unwrap();
    assert_eq!((measured.images, measured.size.files, measured.size.exact), (3, 4, true));
    assert!(measured.notes.is_empty() && measured.lossless);
    let out = root.path().join("out");
    assert_eq!(place(&out, &material).problem, None);
    let request = ExportRequest { material, format: Format::Sources, out, mean_std: None };
    let report = Prepared::new(&request, silent).unwrap().run(silent).unwrap();
    assert_eq!((report.images, report.bytes, report.files), (3, measured.size.bytes, 4));
    for (exported, of) in [("class0/00000.png", "class0/1.png"), ("class1/00001.png", "class1/1.png")] {
        let read = |folder: &str, name| std::fs::read(root.path().join(folder).join(name)).unwrap();
        assert_eq!(read("out", exported), read("set", of));
    }
    // The classes of which none is picked are named, and so is a place that is taken.
    let one = picked(&[2]);
    let notes = measure(&one, Format::Sources, silent).unwrap().notes;
    assert_eq!(notes, ["images of 1 of 2 classes are selected: the labels number those alone"]);
    assert!(place(&request.out, &one).problem.unwrap().contains("out-2 is free"));
    assert!(place(&root.path().join("set/new"), &one).problem.unwrap().contains("which is read"));
    let refused = |material, format| measure(&material, format, &mut crate::core::progress::Silent).unwrap_err();
    assert!(refused(picked(&[]), Format::Sources).to_string().contains("no image is selected"));
    assert!(refused(one, Format::Parquet).to_string().contains("not as parquet"));
}
