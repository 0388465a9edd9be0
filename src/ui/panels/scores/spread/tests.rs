use std::sync::Arc;

use super::*;
use crate::core::data::dataset::{Class, DatasetBuilder, ImageId, Layout, Split};
use crate::core::data::source::Held;
use crate::core::distil::curation::Mark;
use crate::core::distil::patch::CropBox;
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::{ClassScores, CropScore, Rival};
use crate::core::workspace::Command;
use crate::jobs::worker::OpenedDataset;

const A: ClassId = ClassId(0);
const B: ClassId = ClassId(1);
const ENOUGH: Duration = Duration::from_secs(60);

fn recipe(ipc: u32) -> Recipe<Rded> {
    let method = Rded { patches: 1, subset: 4, crops: 1, ..Rded::default() };
    Recipe { ipc, method, ..Recipe::default() }
}

fn block(first: u32, scores: [(f32, Option<f32>); 4]) -> Arc<ClassScores> {
    let mut block = ClassScores::new(1);
    for (i, (loss, rival)) in (0..).zip(scores) {
        let rival = rival.map(|probability| Rival { output: 9, probability });
        block.push(i, ImageId(first + i), &[CropBox::whole(8, 8)], &[CropScore { loss, rival }]);
    }
    Arc::new(block)
}

/// Two classes of four images, of which two are stitched; image 3 is rejected.
fn model() -> Model {
    let mut builder = DatasetBuilder::default();
    for name in ["a", "b"] {
        let names = (0..4).map(|i| format!("{i}.png").into_bytes()).collect();
        builder.class(Class { name: name.into(), title: None, folder: name.into() }, names);
    }
    let dataset = builder.build("/nowhere".into(), Layout::ImageFolder, Split::Whole, Held::encoded([])).unwrap();
    let dataset = Arc::new(dataset);
    let mut model = Model::default();
    model.ranking.open(Some(dataset.clone()));
    let fingerprint = dataset.fingerprint();
    let (held_out, notes, folders) = Default::default();
    let opened = OpenedDataset { dataset, held_out, notes, folders, fingerprint };
    model.data = Some(Arc::new(opened));
    model.workspace.apply(Command::Opened { classes: 2 }).unwrap();
    let marks = vec![(ImageId(3), Mark { choice: Choice::Rejected, ..Mark::default() })];
    model.workspace.apply(Command::Curate { marks, words: "rejected".into() }).unwrap();
    model.ranking.update(&recipe(2), model.workspace.curation());
    // Margins of a: 1 − 0, unknown, e^−1 − 0.9 = −0.532, unknown.
    let a = [(0.0, Some(0.0)), (0.015, None), (1.0, Some(0.9)), (0.3, None)];
    model.ranking.add(&recipe(2), A, block(0, a));
    let b = [f32::INFINITY, f32::NAN, 12.0, 0.3].map(|loss| (loss, None));
    model.ranking.add(&recipe(2), B, block(4, b));
    model
}

/// The bins of a series that have values.
fn filled(series: &Series) -> Vec<(usize, u64)> {
    series.counts.iter().copied().enumerate().filter(|(_, count)| *count > 0).collect()
}

#[test]
fn axes_end_at_round_values() {
    let (loss, margin) = (bins(Quantity::Loss), bins(Quantity::Margin));
    assert_eq!((loss.count(), loss.edge(0), loss.edge(10), loss.edge(80)), (80, 1e-7, 1e-6, 10.0));
    assert_eq!((margin.count(), margin.edge(0), margin.edge(20), margin.edge(40)), (40, -1.0, 0.0, 1.0));
}

#[test]
fn each_patch_is_counted_once_by_what_becomes_of_it() {
    let model = model();
    let mut spreads = Spreads::default();
    assert_eq!(spreads.work(&model, &[A, B], ENOUGH), 0);
    let losses = spreads.by_group(Quantity::Loss, &[A]);
    let [others, stitched, rejected] = &losses.series[..] else { panic!("{losses:?}") };
    // Tenths of decades from 10⁻⁷: log 0.015 = −1.824, so bin 51; log 1 = 0, bin 70; log 0.3 = −0.523, bin 64.
    assert_eq!((stitched.below, filled(stitched)), (1, vec![(51, 1)]));
    assert_eq!((filled(others), filled(rejected), losses.outside()), (vec![(70, 1)], vec![(64, 1)], (1, 0, 0)));
    let margins = spreads.by_group(Quantity::Margin, &[A]);
    // A margin of 1 is in the last bin of 40; −0.532 in (−0.55, −0.5], the tenth.
    assert_eq!((filled(&margins.series[1]), margins.series[1].unknown), (vec![(39, 1)], 1));
    assert_eq!((filled(&margins.series[0]), margins.series[2].unknown), (vec![(9, 1)], 1));
    // Of b, 12 lies above the axis, as +∞ does; NaN is no number.
    let both = spreads.by_group(Quantity::Loss, &[A, B]);
    assert_eq!((both.outside(), both.series.iter().map(Series::total).sum::<u64>()), ((1, 2, 1), 8));
    assert_eq!(spreads.beside(&[A, B]), Beside { zero: 1, infinite: 1 });
}

#[test]
fn a_class_is_summed_up() {
    let model = model();
    let mut spreads = Spreads::default();
    spreads.work(&model, &[A, B], ENOUGH);
    let (a, b) = (spreads.class(A).unwrap(), spreads.class(B).unwrap());
    assert_eq!((a.patches, a.stitched, a.median), (4, 2, Some(f32::midpoint(0.015, 0.3))));
    let mean = (f64::from(0.015_f32) + 1.0 + f64::from(0.3_f32)) / 4.0;
    assert!((a.losses.mean().unwrap() - mean).abs() < 1e-9);
    // Of b the numbers are 0.3, 12 and ∞.
    assert_eq!((b.median, b.losses.least(), b.losses.greatest()), (Some(12.0), Some(0.3), Some(f32::INFINITY)));
    assert_eq!((b.losses.unknown, b.losses.mean()), (1, Some(f64::INFINITY)));
}

#[test]
fn a_frame_counts_what_it_has_time_for_and_what_has_changed() {
    let mut model = model();
    let mut spreads = Spreads::default();
    assert_eq!(spreads.work(&model, &[A, B], Duration::ZERO), 1);
    assert!(spreads.class(A).is_some() && spreads.class(B).is_none());
    assert_eq!(spreads.work(&model, &[A, B], Duration::ZERO), 0);
    let version = spreads.version();
    assert_eq!((spreads.work(&model, &[A, B], ENOUGH), spreads.version()), (0, version));
    model.ranking.update(&recipe(1), model.workspace.curation());
    assert_eq!(spreads.work(&model, &[A, B], ENOUGH), 0);
    assert_eq!((spreads.class(A).map(|a| a.stitched), spreads.version()), (Some(1), version + 2));
    // The class that is shown alone comes first.
    model.ranking.update(&recipe(2), model.workspace.curation());
    model.workspace.apply(Command::ShowClass(Some(B))).unwrap();
    assert_eq!(spreads.work(&model, &[A, B], Duration::ZERO), 1);
    assert_eq!([A, B].map(|class| spreads.class(class).map(|spread| spread.stitched)), [Some(1), Some(2)]);
}

#[test]
fn classes_are_compared_with_all_or_with_each_other() {
    let model = model();
    let mut spreads = Spreads::default();
    spreads.work(&model, &[A, B], ENOUGH);
    let dataset = model.dataset().unwrap();
    let one = compared(dataset, Some(B), &[A, B]);
    assert_eq!(one, [("b".to_owned(), vec![B]), ("all classes".to_owned(), vec![A, B])]);
    let histogram = spreads.overlaid(Quantity::Loss, &one);
    assert_eq!(histogram.series.iter().map(Series::total).collect::<Vec<_>>(), [4, 8]);
    // Of b one in four lies in bin 64, of all two in eight.
    assert!(histogram.overlaid && histogram.heights(&histogram.counts(64)) == [25.0, 25.0]);
    assert_eq!(compared(dataset, None, &[A, B]).len(), 2);
}
