//! The export on a few images, the folder that processes share, and the observer in `assets/`.

use super::*;
use crate::core::data::dataset::{ImageId, Split};
use crate::core::progress::Silent;
use crate::engine::device::{DeviceChoice, pick};
use crate::engine::images::decode;
use crate::jobs::evaluate::evaluate_all;
use crate::jobs::open::{ObserverRequest, observer};
use crate::jobs::session::Session;
use crate::sample::SIDE;
use crate::store::card::Card;

const FEW: Amount = Amount { train: 2, test: 1 };

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// Cancels at the given step.
struct CancelAt(u64);

impl Progress for CancelAt {
    fn step(&mut self, _stage: &'static str, done: u64, _total: u64) -> Result<(), Cancelled> {
        if done >= self.0 { Err(Cancelled) } else { Ok(()) }
    }

    fn warn(&mut self, _message: String) {}
}

#[test]
fn the_folder_holds_the_drawn_pixels_or_does_not_exist() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("sample");
    let error = write_amount(&out, FEW, &mut CancelAt(4)).unwrap_err();
    assert!(matches!(error, SampleError::Cancelled(_)) && !out.exists(), "{error}");
    assert_eq!(write_amount(&out, FEW, &mut Silent).unwrap(), out);
    for (split, test, count) in [(Split::Train, false, 2), (Split::Test, true, 1)] {
        let dataset = crate::store::import::open(&out, split).unwrap().dataset;
        assert!(dataset.classes().iter().map(|c| c.name.as_str()).eq(CLASSES));
        for class in dataset.class_ids() {
            assert_eq!(dataset.class_size(class), count);
            let last = dataset.images_of(class).end - 1;
            let pixels = decode::read(&dataset, ImageId(last)).unwrap();
            assert_eq!(pixels, render(class.index(), test, count as u32 - 1));
        }
    }
    let error = write_amount(&out, FEW, &mut Silent).unwrap_err().to_string();
    assert!(error.contains("exists and is not empty") && error.contains("sample-2"), "{error}");
}

#[test]
fn processes_that_make_the_sample_at_once_share_one_folder() {
    let root = tempfile::tempdir().unwrap();
    let made: Vec<SamplePaths> = std::thread::scope(|scope| {
        let ensure = || ensure_in(root.path(), FEW, &mut Silent).unwrap();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ensure)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let folder = root.path().join(edition());
    assert!(made.iter().all(|m| *m == made[0] && m.data == folder.join("images")), "{made:?}");
    assert_eq!(names(&folder), ["images", "lock", "observer.safetensors", "observer.safetensors.json"]);
    assert_eq!(std::fs::read(&made[0].observer).unwrap(), OBSERVER);
}

#[test]
fn a_killed_process_and_deleted_images_do_no_harm() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join(edition());
    // As a kill leaves it: half of the work beside the place of the images.
    std::fs::create_dir_all(folder.join("images.partial-1/train/apple")).unwrap();
    let first = ensure_in(root.path(), FEW, &mut Silent).unwrap();
    assert_eq!(first.data, folder.join("images"));
    let image = first.data.join("train").join(CLASSES[3]).join("0001.png");
    let about = std::fs::metadata(&image).unwrap().modified().unwrap();
    assert_eq!(ensure_in(root.path(), FEW, &mut Silent).unwrap(), first);
    assert_eq!(std::fs::metadata(&image).unwrap().modified().unwrap(), about, "found, not made again");
    std::fs::remove_file(&image).unwrap();
    let second = ensure_in(root.path(), FEW, &mut Silent).unwrap();
    assert_eq!(second.data, folder.join("images-2"));
    assert!(!image.exists(), "the user's folder is left alone");
}

#[test]
fn the_shipped_observer_knows_the_sample() {
    assert!(OBSERVER.len() <= 1 << 20, "{} bytes", OBSERVER.len());
    let root = tempfile::tempdir().unwrap();
    let paths = ensure_in(root.path(), Amount { train: 1, test: 10 }, &mut Silent).unwrap();
    let dataset = crate::store::import::open(&paths.data, Split::Test).unwrap().dataset;
    let request = ObserverRequest { file: paths.observer, ..ObserverRequest::default() };
    let opened = observer(&request, &dataset).unwrap();
    assert_eq!(
        (opened.observer.spec.arch.to_string().as_str(), opened.observer.spec.side),
        ("conv4x64", SIDE as usize)
    );
    assert!(opened.observer.report.is_complete() && opened.observer.report.unused.is_empty());
    assert!(opened.notes.is_empty(), "{:?}", opened.notes);
    assert!(opened.observer.classes.as_ref().unwrap().iter().eq(CLASSES.iter()));
    let cpu = pick(DeviceChoice::Cpu).unwrap();
    let mut session = Session::new(dataset.into(), opened.into(), &cpu, (None, None)).unwrap();
    let (report, _) = evaluate_all(&mut session, &mut Silent).unwrap();
    println!("top-1 {} % on {} images", report.top1, report.images);
    assert!(report.images == 100 && report.top1 >= 90.0, "{report:?}");
    let card: Card = serde_json::from_slice(CARD).unwrap();
    assert!(card.top1.unwrap() >= 90.0);
}
