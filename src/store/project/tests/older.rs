//! A project that version 1 of the schema wrote: `tests/fixtures/format1/project.sqlite`, from a run on eight images each
//! of three classes of the sample, with the paths replaced.

use super::*;
use crate::core::distil::scores::{CropScore, Rival};
use crate::core::param::Parameters as _;

/// A project folder with the old database.
fn old_project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/format1/project.sqlite");
    std::fs::copy(fixture, folder.path().join(DATABASE)).unwrap();
    folder
}

/// What its run scored with.
fn old_key() -> ScoreKey {
    ScoreKey {
        scheme: 1,
        dataset: "4d2c6fbfc23edc02e2d6b1c0daf0b0fb".into(),
        observer: "a649be193fdae9f7e965a0ec6af70e91".into(),
        network: "conv4x64".into(),
        device: "cpu".into(),
        seed: u64::MAX,
        patch_side: 32,
        input_side: 64,
        normalise: MeanStd::IMAGENET,
        range: Some(CropRange::RDED),
        view: false,
    }
}

/// Stamps of the apples' files, by position.
const STAMPS: [u64; 7] = [
    1526084986279211712,
    1701473108539648228,
    8521634736628824118,
    8101084436884811968,
    15419050540745335181,
    9268647718968883352,
    18386754772132704607,
];

fn apples(key: &ScoreKey) -> Slot<'_> {
    Slot { key, class: "apple", output: 0 }
}

fn check_old(project: &Project) -> ClassScores {
    let scores = project.load_scores(apples(&old_key()), 2, &STAMPS).unwrap().unwrap();
    assert!(scores.covers(7, 2, 8), "nothing is left to score");
    assert_eq!(scores.images.iter().map(|i| i.0).collect::<Vec<_>>(), [1, 6, 7, 2, 3, 4, 0]);
    assert_eq!((scores.losses[0], scores.losses[9], scores.losses.len()), (0.828_063_37, 0.950_743_9, 14));
    assert_eq!(scores.rivals, [None; 14], "nobody kept them");
    let runs = project.runs(9).unwrap();
    let flags = "--ipc 1 --patches 4 --subset 7 --crops 2 --strategy herding --short-classes refuse \
         --seed 18446744073709551615 --format jpeg:75";
    assert_eq!(
        runs.iter().map(|r| (r.recipe.flags(), r.status)).collect::<Vec<_>>(),
        [(flags.into(), RunStatus::Done)]
    );
    scores
}

#[test]
fn an_older_project_is_read_as_it_is_and_brought_up_to_date_without_loss() {
    let folder = old_project();
    let read = Project::read_only(folder.path()).unwrap();
    assert_eq!(schema::version(&read).unwrap(), 1);
    assert!(read.recent_datasets(9).unwrap().iter().all(|data| data.holdout.is_none()));
    let before = check_old(&read);
    let observers = read.recent_observers(9).unwrap();
    assert!(observers.len() == 1 && observers[0].part.is_none(), "{observers:?}");
    drop(read);
    let project = Project::open(folder.path()).unwrap();
    assert_eq!(project.recent_observers(9).unwrap(), observers);
    assert_eq!(schema::version(&project).unwrap(), schema::VERSION);
    assert_eq!(check_old(&project), before);
    drop(project);
    assert_eq!(check_old(&Project::read_only(folder.path()).unwrap()), before);
}

/// A larger subset adds new rows to old ones; what is known of each is kept.
#[test]
fn old_rows_and_new_ones_live_in_one_block() {
    let folder = old_project();
    let project = Project::open(folder.path()).unwrap();
    let mut scores = check_old(&project);
    let (boxes, rival) = ([scores.boxes[0]; 2], Rival { output: 2, probability: 0.25 });
    let new = [CropScore { loss: 0.5, rival: Some(rival) }, CropScore { loss: 0.7, rival: None }];
    scores.push(7, ImageId(5), &boxes, &new);
    let stamps: Vec<u64> = STAMPS.into_iter().chain([9]).collect();
    let key = old_key();
    project.save_scores(apples(&key), &scores, &stamps).unwrap();
    let read = project.load_scores(apples(&key), 2, &stamps).unwrap().unwrap();
    assert_eq!(read, scores);
    assert_eq!(read.rivals[13..], [None, Some(rival), None]);
    // A byte of the rivals is covered by the checksum, too.
    let flip = "UPDATE scores SET rivals = zeroblob(length(rivals)) WHERE class = 'apple'";
    project.connection.execute(flip, []).unwrap();
    let damaged = project.load_scores(apples(&key), 2, &stamps).unwrap_err();
    assert!(matches!(damaged, ProjectError::DamagedScores { .. }), "{damaged}");
}
