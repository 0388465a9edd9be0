//! Projects that are shared, filled up, damaged and opened by another version.

mod older;
mod processes;
mod unlocked;

use std::time::Duration;

use super::*;
use crate::core::data::dataset::{Class, Dataset, DatasetBuilder, ImageId, Layout, Split};
use crate::core::data::normalise::MeanStd;
use crate::core::data::source::Held;
use crate::core::distil::patch::{CropBox, CropRange};
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::{BrokenImage, ClassScores};
use crate::core::rng::Stream;

fn key(seed: u64) -> ScoreKey {
    ScoreKey {
        scheme: 1,
        dataset: "data".into(),
        observer: "observer".into(),
        network: "conv3".into(),
        device: "cpu".into(),
        seed,
        patch_side: 16,
        input_side: 32,
        normalise: MeanStd::IMAGENET,
        range: Some(CropRange::RDED),
        view: false,
    }
}

/// A block of `tried` images, the third of which is broken, with losses that depend on `seed`.
fn block(seed: u64, tried: u32, crops: u32) -> ClassScores {
    let mut stream = Stream::new("stillroom 2026 test", seed, &[]);
    let mut block = ClassScores::new(crops);
    for position in 0..tried {
        let image = ImageId(position * 7 % 1000);
        if position == 2 {
            block.broken.push(BrokenImage { image, position, reason: "cut short".into() });
            continue;
        }
        let sides = || CropBox { top: position, left: 1, height: 2, width: 3 };
        let boxes: Vec<_> = (0..crops).map(|_| sides()).collect();
        let losses: Vec<_> = (0..crops).map(|_| stream.unit() as f32).collect();
        block.push(position, image, &boxes, &losses);
    }
    block
}

fn stamps(tried: u32) -> Vec<u64> {
    (0..u64::from(tried)).map(|p| p + 100).collect()
}

fn dataset(root: &Path) -> Dataset {
    let mut builder = DatasetBuilder::default();
    let class = Class { name: "cat".into(), title: None, folder: b"cat".to_vec() };
    builder.class(class, vec![b"1.png".to_vec(), b"2.png".to_vec()]);
    builder.build(root.to_owned(), Layout::ImageFolder, Split::Whole, Held::encoded([])).unwrap()
}

/// Blocks that are stored under a key, each as (tried, crops).
fn stored(project: &Project) -> Vec<(u32, u32)> {
    let mut query = project.connection.prepare("SELECT tried, crops FROM scores ORDER BY id").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn scores_survive_closing_and_answer_only_to_their_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = key(0);
    let slot = Slot { key: &key, class: "cat", output: 3 };
    let mut scores = block(1, 5, 2);
    scores.losses[0] = f32::INFINITY;
    scores.losses[1] = -0.0;
    Project::open(folder.path()).unwrap().save_scores(slot, &scores, &stamps(5)).unwrap();
    let project = Project::open(folder.path()).unwrap();
    assert_eq!(project.load_scores(slot, 2, &stamps(5)).unwrap().as_ref(), Some(&scores));
    assert_eq!(project.load_scores(slot, 2, &stamps(3)).unwrap().as_ref(), Some(&scores), "a smaller subset");
    let others = [Slot { class: "dog", ..slot }, Slot { output: 4, ..slot }];
    let changed: [fn(&mut ScoreKey); 11] = [
        |k| k.scheme += 1,
        |k| k.dataset.push('x'),
        |k| k.observer.push('x'),
        |k| k.network.push('x'),
        |k| k.device.push('x'),
        |k| k.seed += 1,
        |k| k.patch_side += 1,
        |k| k.input_side += 1,
        |k| k.normalise.std[2] += f32::EPSILON,
        |k| k.range = Some(CropRange { scale: (0.09, 1.0), ..CropRange::RDED }),
        |k| k.range = None,
    ];
    let keys = changed.map(|change| {
        let mut other = key.clone();
        change(&mut other);
        other
    });
    for other in others.into_iter().chain(keys.iter().map(|key| Slot { key, ..slot })) {
        assert_eq!(project.load_scores(other, 2, &stamps(5)).unwrap(), None, "{other:?}");
    }
}

/// Keys of crops are spelt as in the first version, so that its scores are found again.
#[test]
fn keys_keep_their_spelling() {
    let crops = r#""range":{"scale":[0.08,1.0],"ratio":[1.0,1.0]}}"#;
    assert!(key(0).canonical().ends_with(crops), "{}", key(0).canonical());
    assert!(ScoreKey { range: None, ..key(0) }.canonical().ends_with(r#""range":null}"#));
}

#[test]
fn a_block_gives_way_only_to_one_that_covers_it() {
    let folder = tempfile::tempdir().unwrap();
    let project = Project::open(folder.path()).unwrap();
    let key = key(0);
    let slot = Slot { key: &key, class: "cat", output: 0 };
    let save = |tried, crops| {
        project.save_scores(slot, &block(9, tried, crops), &stamps(tried)).unwrap();
        stored(&project)
    };
    assert_eq!(save(5, 2), [(5, 2)]);
    assert_eq!(save(4, 2), [(5, 2)], "less is not stored");
    assert_eq!(save(6, 2), [(6, 2)], "more replaces");
    assert_eq!(save(4, 3), [(6, 2), (4, 3)], "neither covers the other");
    let load = |tried, crops| project.load_scores(slot, crops, &stamps(tried)).unwrap().map(|b| (b.tried(), b.crops));
    assert_eq!(load(6, 2), Some((6, 2)));
    assert_eq!(load(4, 3), Some((4, 3)));
    assert_eq!(load(9, 3), Some((4, 3)), "the rest of the subset is left to score");
    assert_eq!(load(9, 1), Some((6, 2)));
    assert_eq!(load(4, 9), Some((6, 2)), "no block has so many crops: the caller sees that from `covers`");
    assert_eq!(save(6, 3), [(6, 3)], "one that covers both replaces both");
}

#[test]
fn changed_files_are_noticed_and_their_old_scores_kept() {
    let folder = tempfile::tempdir().unwrap();
    let project = Project::open(folder.path()).unwrap();
    let key = key(0);
    let slot = Slot { key: &key, class: "cat", output: 0 };
    let (old, new) = (block(1, 5, 2), block(2, 5, 2));
    project.save_scores(slot, &old, &stamps(5)).unwrap();
    let mut touched = stamps(5);
    touched[4] += 1;
    assert_eq!(project.load_scores(slot, 2, &touched).unwrap(), None);
    assert_eq!(project.load_scores(slot, 2, &touched[..4]).unwrap().as_ref(), Some(&old), "not in this subset");
    project.save_scores(slot, &new, &touched).unwrap();
    assert_eq!(project.load_scores(slot, 2, &touched).unwrap().as_ref(), Some(&new));
    assert_eq!(project.load_scores(slot, 2, &stamps(5)).unwrap().as_ref(), Some(&old), "the other copy of the data");
}

#[test]
fn contradictory_blocks_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let project = Project::open(folder.path()).unwrap();
    let key = key(0);
    let refusal = |change: fn(&mut ClassScores), stamps: &[u64]| {
        let mut block = block(1, 5, 2);
        change(&mut block);
        project.save_scores(Slot { key: &key, class: "cat", output: 0 }, &block, stamps).unwrap_err().to_string()
    };
    assert!(refusal(|b| b.losses.truncate(3), &stamps(5)).contains("'cat' can't be stored: its columns"));
    assert!(refusal(|b| b.positions.swap(0, 1), &stamps(5)).contains("do not ascend"));
    assert!(refusal(|b| b.broken.clear(), &stamps(5)).contains("no prefix"));
    assert!(refusal(|_| {}, &stamps(4)).contains("4 stamps for 5 images"));
    assert_eq!(stored(&project), []);
}

#[test]
fn a_damaged_block_is_named_and_can_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let project = Project::open(folder.path()).unwrap();
    let key = key(0);
    let slot = Slot { key: &key, class: "cat", output: 0 };
    let scores = block(1, 5, 2);
    for column in ["losses", "boxes", "images", "positions", "stamps", "broken", "tried", "checksum"] {
        project.save_scores(slot, &scores, &stamps(5)).unwrap();
        let damage = format!(
            "UPDATE scores SET {column} = CASE typeof({column}) WHEN 'integer' THEN {column} + 1
            WHEN 'text' THEN {column} || ' ' ELSE zeroblob(length({column})) END"
        );
        assert_eq!(project.connection.execute(&damage, []).unwrap(), 1);
        let error = project.load_scores(slot, 2, &stamps(5)).unwrap_err();
        assert!(matches!(&error, ProjectError::DamagedScores { class, .. } if class == "cat"), "{column}: {error}");
        project.save_scores(slot, &scores, &stamps(5)).unwrap();
        assert_eq!(project.load_scores(slot, 2, &stamps(5)).unwrap().as_ref(), Some(&scores), "{column}");
        assert_eq!(stored(&project), [(5, 2)]);
    }
}

#[test]
fn recent_lists_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let project = Project::open(folder.path()).unwrap();
    let (a, b) = (dataset(Path::new("/data/a")), dataset(Path::new("/data/b")));
    let row = project.remember_dataset(&a).unwrap();
    project.remember_dataset(&b).unwrap();
    assert_eq!(project.remember_dataset(&a).unwrap(), row);
    let recent = project.recent_datasets(10).unwrap();
    assert_eq!(recent.iter().map(|d| d.root.to_str().unwrap()).collect::<Vec<_>>(), ["/data/a", "/data/b"]);
    assert_eq!((recent[0].classes, recent[0].images, recent[0].layout), (1, 2, Layout::ImageFolder));
    assert_eq!(recent[0].fingerprint, a.fingerprint());
    assert_eq!(project.recent_datasets(1).unwrap().len(), 1);
    let holdout = "0.5:7".parse().unwrap();
    project.remember_dataset(&a.divided(holdout).0).unwrap();
    assert_eq!((recent[0].holdout, project.recent_datasets(1).unwrap()[0].holdout), (None, Some(holdout)));
    let odd = crate::store::files::join_bytes(Path::new("/w"), b"odd\xff\\.pth");
    let observer = project.remember_observer(&odd, Some("teacher"), "f00", "conv3").unwrap();
    let recent = project.recent_observers(5).unwrap();
    assert_eq!((&recent[0].path, recent[0].part.as_deref()), (&odd, Some("teacher")));
    let recipe = Recipe { seed: u64::MAX, ..Recipe::default() };
    let new = NewRun { data: row, observer, recipe: &recipe, curation: None, asked: None, out: None };
    let asked = RunAsked { classes: vec!["cat".to_owned()], ..RunAsked::default() };
    let first = NewRun { curation: Some("{}"), asked: Some(&asked), out: Some(Path::new("/out")), ..new };
    let run = project.begin_run(&first).unwrap();
    project.end_run(run, RunStatus::Failed, "why").unwrap();
    project.begin_run(&new).unwrap();
    drop(project);
    let project = Project::open(folder.path()).unwrap();
    let runs = project.runs(10).unwrap();
    assert_eq!((project.run_count().unwrap(), project.runs(1).unwrap().len()), (2, 1));
    assert_eq!((runs[0].asked.as_ref(), runs[1].asked.as_ref()), (None, Some(&asked)));
    // A date of this machine's time zone: within a day of the same in UTC.
    let (date, time) = runs[0].began_here.split_once(' ').unwrap();
    assert!(date.len() == 10 && date.starts_with("20") && time.len() == 5, "{}", runs[0].began_here);
    assert_eq!(runs.iter().map(|r| r.status).collect::<Vec<_>>(), [RunStatus::Interrupted, RunStatus::Failed]);
    assert_eq!((runs[1].recipe.clone(), runs[1].detail.as_str(), runs[1].ended.is_some()), (recipe, "why", true));
    assert_eq!((runs[0].curation.as_deref(), runs[1].curation.as_deref()), (None, Some("{}")));
    assert_eq!((runs[1].out.as_deref(), &runs[1].observer), (Some(Path::new("/out")), &odd));
}

#[test]
fn the_default_folder_is_absolute() {
    let folder = Project::default_dir().unwrap();
    assert!(folder.is_absolute() && folder.ends_with("stillroom/default"), "{folder:?}");
}

#[test]
fn one_writer_at_a_time_and_any_readers() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Project::read_only(folder.path()), Err(ProjectError::Missing(_))));
    let project = Project::open(folder.path()).unwrap();
    let error = Project::open(folder.path()).unwrap_err();
    let own = std::process::id();
    assert!(matches!(&error, ProjectError::Locked { holder, .. } if holder.pid == own), "{error}");
    let key = key(0);
    let slot = Slot { key: &key, class: "cat", output: 0 };
    let reader = Project::read_only(folder.path()).unwrap();
    project.save_scores(slot, &block(1, 5, 2), &stamps(5)).unwrap();
    assert!(reader.load_scores(slot, 2, &stamps(5)).unwrap().is_some(), "the reader sees what was committed");
    let error = reader.save_scores(slot, &block(1, 6, 2), &stamps(6)).unwrap_err().to_string();
    assert!(error.contains("it was opened for reading"), "{error}");
    drop(project);
    Project::open(folder.path()).unwrap();
}

#[test]
fn other_databases_are_left_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(DATABASE);
    Project::open(folder.path()).unwrap().connection.pragma_update(None, "user_version", 99).unwrap();
    let error = Project::open(folder.path()).unwrap_err().to_string();
    let known = format!("has version 99, this program knows versions up to {}; use a newer stillroom", schema::VERSION);
    assert!(error.contains(&known), "{error}");
    assert!(matches!(Project::read_only(folder.path()), Err(ProjectError::Newer { .. })));
    std::fs::remove_file(&file).unwrap();
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE theirs (x); PRAGMA user_version = 1").unwrap();
    let before = std::fs::read(&file).unwrap();
    assert!(matches!(Project::open(folder.path()), Err(ProjectError::NotOurs(_))));
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn a_damaged_database_is_named_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(DATABASE);
    std::fs::write(&file, [b'x'; 5000]).unwrap();
    let error = Project::open(folder.path()).unwrap_err();
    assert!(matches!(error, ProjectError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("restore a copy, or move the file away"), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), [b'x'; 5000]);
    std::fs::remove_file(&file).unwrap();
    // A real database whose inner pages were overwritten.
    let key = key(0);
    let slot = Slot { key: &key, class: "cat", output: 0 };
    let project = Project::open(folder.path()).unwrap();
    project.save_scores(slot, &block(1, 300, 5), &stamps(300)).unwrap();
    drop(project);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[8192..].fill(0xff);
    std::fs::write(&file, &bytes).unwrap();
    let damaged = Project::open(folder.path()).and_then(|p| p.load_scores(slot, 5, &stamps(300)));
    let error = damaged.unwrap_err();
    assert!(matches!(error, ProjectError::Corrupt { .. } | ProjectError::DamagedScores { .. }), "{error}");
    // Cut short in the middle.
    std::fs::write(&file, &bytes[..6000]).unwrap();
    let error = Project::open(folder.path()).and_then(|p| p.load_scores(slot, 5, &stamps(300))).unwrap_err();
    assert!(matches!(error, ProjectError::Corrupt { .. }), "{error}");
}

/// SQLite's own limit on pages stands for the end of the disk: it reports both alike.
#[test]
fn a_full_disk_keeps_what_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    let project = Project::open(folder.path()).unwrap();
    let key = key(0);
    let slot = |class| Slot { key: &key, class, output: 0 };
    project.save_scores(slot("cat"), &block(1, 30, 5), &stamps(30)).unwrap();
    let pages: i64 = project.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    project.connection.pragma_update_and_check(None, "max_page_count", pages + 1, |_| Ok(())).unwrap();
    let error = project.save_scores(slot("dog"), &block(2, 300, 5), &stamps(300)).unwrap_err();
    assert!(matches!(error, ProjectError::Full { .. }), "{error}");
    assert!(error.to_string().contains("what was stored before is safe"), "{error}");
    assert!(project.load_scores(slot("cat"), 5, &stamps(30)).unwrap().is_some());
    assert_eq!(project.load_scores(slot("dog"), 5, &stamps(300)).unwrap(), None);
    project.connection.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(())).unwrap();
    project.save_scores(slot("dog"), &block(2, 300, 5), &stamps(300)).unwrap();
}

#[test]
fn a_database_that_another_program_locks_is_called_busy() {
    let folder = tempfile::tempdir().unwrap();
    let project = Project::open(folder.path()).unwrap();
    project.connection.busy_timeout(Duration::from_millis(10)).unwrap();
    let other = Connection::open(folder.path().join(DATABASE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let key = key(0);
    let slot = Slot { key: &key, class: "cat", output: 0 };
    let error = project.save_scores(slot, &block(1, 5, 2), &stamps(5)).unwrap_err();
    assert!(matches!(error, ProjectError::Busy { .. }), "{error}");
    other.execute_batch("COMMIT").unwrap();
    project.save_scores(slot, &block(1, 5, 2), &stamps(5)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_project_folder_may_have_any_name_and_be_read_as_unchanging() {
    use std::os::unix::ffi::OsStrExt as _;
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join(std::ffi::OsStr::from_bytes(b"a ?#%\xff"));
    let key = key(0);
    let slot = Slot { key: &key, class: "cat", output: 0 };
    Project::open(&folder).unwrap().save_scores(slot, &block(1, 5, 2), &stamps(5)).unwrap();
    assert!(Project::read_only(&folder).unwrap().load_scores(slot, 2, &stamps(5)).unwrap().is_some());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(immutable_uri(&folder.join(DATABASE)), flags).unwrap();
    let count: i64 = connection.query_row("SELECT count(*) FROM scores", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
}
