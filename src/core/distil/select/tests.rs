use super::*;
use crate::core::distil::curation::{Choice, Mark};
use crate::core::distil::patch::CropBox;
use crate::core::rng::Stream;

fn block(losses: &[[f32; 2]]) -> ClassScores {
    let mut scores = ClassScores::new(2);
    for (i, row) in losses.iter().enumerate() {
        scores.push(i as u32, ImageId(100 - i as u32), &[CropBox::whole(8, 8); 2], row);
    }
    scores
}

fn owl() -> Class {
    Class { name: "n01".into(), title: Some("owl".into()), folder: Vec::new() }
}

fn recipe(strategy: Strategy, ipc: u32) -> Recipe<Rded> {
    Recipe { ipc, method: Rded { strategy, patches: 1, crops: 2, ..Rded::default() }, ..Recipe::default() }
}

/// The same with a smaller subset.
fn of_subset(recipe: Recipe<Rded>, subset: u32) -> Recipe<Rded> {
    recipe.with(Rded { subset, ..recipe.method })
}

/// The same with other crops.
fn with_crops(recipe: Recipe<Rded>, crops: u32) -> Recipe<Rded> {
    recipe.with(Rded { crops, ..recipe.method })
}

/// Eight images, whose features are what herding and k-means are tried on.
fn eight() -> (ClassScores, [f32; 8]) {
    (block(&[[3.0, 9.0]; 8]), [0.0, 2.0, 4.0, 6.0, 100.0, 101.0, 102.0, 3.0])
}

fn ids(patches: &[PatchScore]) -> Vec<u32> {
    patches.iter().map(|p| p.image.0).collect()
}

/// The images that are kept, by slot; without marks slots are ranks.
fn kept(selected: &[Kept]) -> Vec<u32> {
    selected.iter().map(|kept| kept.patch.image.0).collect()
}

#[test]
fn keeps_the_least_loss_per_image_and_ranks_them() {
    let scores = block(&[[3.0, 1.0], [0.5, 2.0], [0.7, 0.7], [f32::NAN, 9.0]]);
    let recipe = with_crops(recipe(Strategy::Realism, 1), 5);
    let ranked: Vec<_> = ranked(&scores, &recipe, "c", &[]).iter().map(|p| (p.image.0, p.crop, p.loss)).collect();
    assert_eq!(ranked, [(99, 0, 0.5), (98, 0, 0.7), (100, 1, 1.0), (97, 1, 9.0)]);
}

#[test]
fn ties_break_by_name_and_subsets_are_prefixes() {
    let scores = block(&[[1.0, 1.0], [1.0, 2.0], [0.0, 0.0]]);
    let of = |subset| ids(&ranked(&scores, &of_subset(recipe(Strategy::Realism, 1), subset), "c", &[]));
    assert_eq!(of(2), [99, 100]);
    assert_eq!(of(3), [98, 99, 100]);
}

/// The order by loss that is kept gives, for any subset, what sorting that subset's candidates gives.
#[test]
fn a_kept_order_is_that_of_sorting_the_subset() {
    let mut stream = Stream::new("stillroom test select", 3, &[]);
    for _ in 0..40 {
        let rows = stream.below(40) as usize;
        let mut scores = ClassScores::new(3);
        for row in 0..rows {
            // Few values, so that there are ties; some are no numbers, some images are missing.
            let mut loss = || [0.0, -0.0, 0.25, 1.0, f32::INFINITY, f32::NAN][stream.below(6) as usize];
            let losses = [loss(), loss(), loss()];
            let position = (row + row / 3) as u32;
            scores.push(position, ImageId((row * 7 % 41) as u32), &[CropBox::whole(8, 8); 3], &losses);
        }
        let kept = OnceCell::new();
        for _ in 0..6 {
            let recipe = of_subset(recipe(Strategy::Realism, 1), stream.below(60) as u32);
            let mut sorted = candidates(&scores, &recipe);
            sorted.sort_by(|a, b| nan_last(a.loss, b.loss).then(a.image.cmp(&b.image)));
            let ranked = ranked_keeping(&scores, &kept, &recipe, "c", &[]);
            assert_eq!(format!("{ranked:?}"), format!("{sorted:?}"));
            assert_eq!(Supply::of(&scores, &recipe, &[], &[]).candidates, sorted.len());
        }
    }
}

#[test]
fn whole_images_have_one_patch_each() {
    let scores = block(&[[3.0, 1.0], [0.5, 0.1]]);
    let recipe = with_crops(recipe(Strategy::Realism, 1), 0);
    let keys = candidates(&scores, &recipe);
    assert_eq!(keys.iter().map(|p| (p.image.0, p.crop)).collect::<Vec<_>>(), [(100, 0), (99, 0)]);
}

#[test]
fn too_few_names_the_class() {
    for strategy in [Strategy::Realism, Strategy::Random, Strategy::Herding] {
        let error = select(&block(&[[1.0, 1.0]]), &owl(), &recipe(strategy, 4), &[], &[]).unwrap_err();
        let due = recipe(strategy, 4).too_few(vec![ShortClass { class: "owl".into(), usable: 1, rejected: 0 }]);
        assert_eq!(error, SelectError::TooFew(due));
        assert!(error.to_string().contains("owl"));
    }
}

#[test]
fn random_differs_by_seed_and_class_and_smaller_sets_are_prefixes() {
    let (scores, _) = eight();
    let of = |seed, class: &str, ipc| {
        let class = Class { name: class.into(), ..owl() };
        kept(&select(&scores, &class, &Recipe { seed, ..recipe(Strategy::Random, ipc) }, &[], &[]).unwrap())
    };
    let all = of(1, "n01", 8);
    assert_eq!(of(1, "n01", 3), all[..3]);
    assert!(all != of(2, "n01", 8) && all != of(1, "n02", 8));
    let mut sorted = all;
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(93..=100), "each image once");
}

#[test]
fn herding_by_hand_then_by_loss() {
    // Of 0, 2, 4, 6 the mean is 3: 2 and 4 are as near, the lower row wins; 6 − 2 asks for 4; 9 − 6 for 3, where 0
    // and 6 are as near. Row r is image 100 − r; position 4 is beyond the subset.
    let (mut scores, features) = eight();
    let recipe = of_subset(recipe(Strategy::Herding, 2), 4);
    scores.losses[6] = 0.5;
    let keys = candidates(&scores, &recipe);
    let rows = Rows { values: &features[..4], dims: 1 };
    let three = picks(&recipe, "n01", &keys, rows, 3);
    assert_eq!(three, [ImageId(99), ImageId(98), ImageId(100)]);
    assert_eq!(picks(&recipe, "n01", &keys, rows, 2), three[..2], "fewer are a prefix");
    assert_eq!(kept(&select(&scores, &owl(), &recipe, &three, &[]).unwrap()), [99, 98]);
    // A rejected pick is replaced by what follows the picks that are needed: by loss, however many picks are at hand.
    let marks = [(ImageId(98), Mark { choice: Choice::Rejected, ..Mark::default() })];
    for picks in [&three[..2], &three] {
        let selected = select(&scores, &owl(), &recipe, picks, &marks).unwrap();
        assert_eq!(selected.iter().map(|k| (k.patch.image.0, k.rank)).collect::<Vec<_>>(), [(99, 0), (97, 2)]);
    }
    let one = ranked(&scores, &recipe, "n01", &three[..1]);
    assert_eq!(ids(&one), [99, 97, 98, 100], "image 97 has the least loss of the others");
}

#[test]
fn kmeans_takes_one_of_each_heap() {
    let (scores, features) = eight();
    let recipe = recipe(Strategy::KMeans, 2);
    let keys = candidates(&scores, &recipe);
    let two = picks(&recipe, "n01", &keys, Rows { values: &features, dims: 1 }, 2);
    // Heaps 0, 2, 4, 6, 3 and 100, 101, 102: their means are 3 and 101, the larger heap comes first.
    assert_eq!(two, [ImageId(93), ImageId(95)]);
    assert_eq!(kept(&select(&scores, &owl(), &recipe, &two, &[]).unwrap()), [93, 95]);
    // Of equal losses the first name follows: image 94's.
    let marks = [(ImageId(93), Mark { choice: Choice::Rejected, ..Mark::default() })];
    assert_eq!(kept(&select(&scores, &owl(), &recipe, &two, &marks).unwrap()), [94, 95]);
}

#[test]
fn picks_for_something_else_select_nothing() {
    let (scores, _) = eight();
    let two = [ImageId(99), ImageId(98)];
    for (strategy, ipc, fits) in [
        (Strategy::Herding, 1, true),
        (Strategy::Herding, 2, true),
        (Strategy::Herding, 3, false),
        (Strategy::KMeans, 1, false),
        (Strategy::KMeans, 2, true),
        (Strategy::KMeans, 3, false),
    ] {
        let selected = select(&scores, &owl(), &recipe(strategy, ipc), &two, &[]);
        assert_eq!(selected.is_ok(), fits, "{strategy:?} at {ipc}");
    }
    let gone = select(&scores, &owl(), &recipe(Strategy::Herding, 2), &[ImageId(99), ImageId(7)], &[]);
    assert!(gone.unwrap_err().to_string().contains("herding has not looked"));
}
