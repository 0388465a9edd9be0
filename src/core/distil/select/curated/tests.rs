use super::super::super::curation::Curation;
use super::super::super::scores::BrokenImage;
use super::super::super::short::ShortClasses;
use super::super::{ranked, select, unused};
use super::*;
use crate::core::data::dataset::Class;

/// The box of a crop of these tests.
fn crop(number: u32) -> CropBox {
    CropBox { top: number, ..CropBox::whole(8, 8) }
}

/// Twelve images whose ranks are their ids: image i has the losses i and i + ½.
fn twelve() -> ClassScores {
    let mut scores = ClassScores::new(2);
    for i in 0..12 {
        scores.push(i, ImageId(i), &[crop(0), crop(1)], &[i as f32, i as f32 + 0.5]);
    }
    scores
}

fn owl() -> Class {
    Class { name: "n01".into(), title: Some("owl".into()), folder: Vec::new() }
}

/// IPC 2 and N = 4: eight slots, of which slot s is cell s ÷ 2 of image s mod 2.
fn recipe() -> Recipe<Rded> {
    Recipe { ipc: 2, method: Rded { patches: 4, crops: 2, ..Rded::default() }, ..Recipe::default() }
}

fn pinned(place: Option<(u32, u32)>) -> Mark {
    let place = place.map(|(image, cell)| Place { image, cell });
    Mark { choice: Choice::Pinned, place, ..Mark::default() }
}

fn without() -> Mark {
    Mark { choice: Choice::Rejected, ..Mark::default() }
}

fn with_crop(choice: Choice, number: u32) -> Mark {
    Mark { choice, crop: Some(crop(number)), ..Mark::default() }
}

fn marks(of: &[(u32, Mark)]) -> Vec<(ImageId, Mark)> {
    of.iter().map(|(image, mark)| (ImageId(*image), *mark)).collect::<Curation>().marks().collect()
}

/// The ranks by slot, with `p` behind pins and `s` behind swaps.
fn slots(recipe: &Recipe<Rded>, of: &[(u32, Mark)]) -> String {
    let kept = select(&twelve(), &owl(), recipe, &[], &marks(of)).unwrap();
    let spell = |kept: &Kept| match kept.chosen {
        Chosen::Rank => kept.rank.to_string(),
        Chosen::Pin => format!("{}p", kept.rank),
        Chosen::Swap => format!("{}s", kept.rank),
    };
    kept.iter().map(spell).collect::<Vec<_>>().join(" ")
}

fn whys(scores: &ClassScores, recipe: &Recipe<Rded>, of: &[(u32, Mark)]) -> Vec<(u32, Why)> {
    let unused = unused(scores, &owl(), recipe, &[], &marks(of));
    unused.into_iter().map(|unused| (unused.image.0, unused.why)).collect()
}

#[test]
fn without_marks_slots_are_ranks() {
    let of = recipe();
    assert_eq!(slots(&of, &[]), "0 1 2 3 4 5 6 7");
    let tag = Mark { tag: 4, ..Mark::default() };
    assert_eq!(slots(&of, &[(3, tag), (9, tag)]), "0 1 2 3 4 5 6 7", "tags select nothing");
    let due: Vec<_> = ranked(&twelve(), &of, "n01", &[])[..8].to_vec();
    let kept = select(&twelve(), &owl(), &of, &[], &[]).unwrap();
    assert_eq!(kept.iter().map(|kept| kept.patch).collect::<Vec<_>>(), due);
}

#[test]
fn a_rejected_patch_changes_one_cell() {
    let of = recipe();
    assert_eq!(slots(&of, &[(2, without())]), "0 1 8 3 4 5 6 7");
    assert_eq!(slots(&of, &[(2, without()), (5, without())]), "0 1 8 3 4 9 6 7");
    assert_eq!(slots(&of, &[(10, without())]), "0 1 2 3 4 5 6 7", "it was not stitched anyway");
    assert_eq!(slots(&of, &[(2, without()), (8, without())]), "0 1 9 3 4 5 6 7", "nor is a rejected one put there");
}

#[test]
fn pins_come_first_and_lie_where_they_are_put() {
    let of = recipe();
    assert_eq!(slots(&of, &[(3, pinned(None))]), "0 1 2 3p 4 5 6 7");
    assert_eq!(slots(&of, &[(10, pinned(None))]), "0 1 2 3 4 5 6 10p", "the last one makes room");
    // Image 1, cell 0 is slot 1; whose natural slot it was takes the one that is left.
    assert_eq!(slots(&of, &[(10, pinned(Some((1, 0))))]), "0 10p 2 3 4 5 6 1");
    assert_eq!(slots(&of, &[(0, pinned(Some((1, 3))))]), "7 1 2 3 4 5 6 0p", "both change places");
    assert_eq!(slots(&of, &[(10, pinned(None)), (1, without())]), "0 10p 2 3 4 5 6 7");
}

#[test]
fn places_that_cannot_be_had_are_reported_and_the_pin_holds() {
    let (of, all) = (recipe(), twelve());
    let two = [(3, pinned(Some((0, 0)))), (5, pinned(Some((0, 0))))];
    assert_eq!(slots(&of, &two), "3p 1 2 0 4 5p 6 7");
    assert_eq!(whys(&all, &of, &two), [(5, Why::PlaceTaken)]);
    for gone in [(2, 0), (0, 4), (u32::MAX, u32::MAX)] {
        let mark = [(10, pinned(Some(gone)))];
        assert_eq!(slots(&of, &mark), "0 1 2 3 4 5 6 10p");
        assert_eq!(whys(&all, &of, &mark), [(10, Why::PlaceGone)]);
    }
}

#[test]
fn more_pins_than_slots_have_no_room() {
    let one = Recipe { ipc: 1, method: Rded { patches: 1, ..recipe().method }, ..recipe() };
    let (four, two) = ((4, pinned(None)), (2, pinned(None)));
    assert_eq!(
        (slots(&one, &[four, two]).as_str(), whys(&twelve(), &one, &[four, two])),
        ("2p", vec![(4, Why::NoRoom)])
    );
    let placed = (4, pinned(Some((0, 0))));
    assert_eq!(slots(&one, &[placed, two]), "4p", "places come first");
    assert_eq!(whys(&twelve(), &one, &[placed, two]), [(2, Why::NoRoom)]);
}

#[test]
fn another_crop_is_taken_and_keeps_the_rank() {
    let (of, all) = (recipe(), twelve());
    let swap = with_crop(Choice::Ranked, 1);
    assert_eq!(slots(&of, &[(3, swap), (9, swap)]), "0 1 2 3s 4 5 6 7");
    let kept = select(&all, &owl(), &of, &[], &marks(&[(3, swap)])).unwrap()[3];
    assert_eq!((kept.patch.crop, kept.patch.bbox, kept.patch.loss, kept.rank), (1, crop(1), 3.5, 3));
    assert_eq!(slots(&of, &[(9, with_crop(Choice::Pinned, 1))]), "0 1 2 3 4 5 6 9s", "a swap says more than a pin");
    assert_eq!(slots(&of, &[(3, with_crop(Choice::Pinned, 0))]), "0 1 2 3p 4 5 6 7", "the key patch is no swap");
    assert_eq!(whys(&all, &of, &[(3, swap), (5, with_crop(Choice::Pinned, 0))]), []);
    // Crop 2 was not scored; with one crop per image, crop 1 isn't looked at.
    let gone = [(3, with_crop(Choice::Ranked, 2)), (5, with_crop(Choice::Rejected, 2))];
    assert_eq!((slots(&of, &gone).as_str(), whys(&all, &of, &gone)), ("0 1 2 3 4 8 6 7", vec![(3, Why::CropGone)]));
    let fewer = of.with(Rded { crops: 1, ..of.method });
    assert_eq!(slots(&fewer, &[(3, swap)]), "0 1 2 3 4 5 6 7");
    assert_eq!(whys(&all, &fewer, &[(3, swap)]), [(3, Why::CropGone)]);
}

#[test]
fn images_that_are_no_candidates_are_reported() {
    let mut part = ClassScores::new(2);
    part.push(0, ImageId(0), &[crop(0), crop(1)], &[1.0, 2.0]);
    part.broken.push(BrokenImage { image: ImageId(1), position: 1, reason: "torn".into() });
    part.push(2, ImageId(2), &[crop(0), crop(1)], &[0.5, 2.0]);
    let of = |subset| recipe().with(Rded { patches: 1, subset, ..recipe().method });
    let all = [(0, pinned(None)), (1, without()), (2, pinned(None)), (3, without())];
    let many = Recipe { ipc: 1, ..of(300) };
    // Image 2 is the better of the two that are pinned.
    assert_eq!(whys(&part, &many, &all), [(0, Why::NoRoom), (1, Why::Broken), (3, Why::NotScored)]);
    let due = [(1, Why::NotInSubset), (2, Why::NotInSubset), (3, Why::NotInSubset)];
    assert_eq!(whys(&part, &Recipe { ipc: 1, ..of(1) }, &all), due);
    let tag = Mark { tag: 1, ..Mark::default() };
    assert_eq!(whys(&part, &Recipe { ipc: 1, ..of(1) }, &[(3, tag)]), [], "a tag selects nothing");
}

#[test]
fn rejected_images_can_make_a_class_too_small() {
    let rejected: Vec<_> = (0..5).map(|image| (image, without())).collect();
    let error = select(&twelve(), &owl(), &recipe(), &[], &marks(&rejected)).unwrap_err().to_string();
    let due = "class 'owl': 12 usable images, 5 of them rejected, but a class's images need IPC·N = 8 patches";
    assert!(error.starts_with(due), "{error}");
    let fewer = recipe().with(Rded { short_classes: ShortClasses::Fewer, ..recipe().method });
    assert_eq!(slots(&fewer, &rejected), "5 6 7 8");
    let pin = [rejected, vec![(11, pinned(Some((0, 1))))]].concat();
    assert_eq!(slots(&fewer, &pin), "5 11p 6 7");
}

/// A slot has one patch and an image one slot, whatever is marked; pins are in as long as there is room.
#[test]
fn any_marks_fill_every_slot_once() {
    let mut stream = crate::core::rng::Stream::new("stillroom test curated", 1, &[]);
    for _ in 0..500 {
        let mut one = || {
            let mut below = |n: u64| stream.below(n) as u32;
            let image = below(12);
            let choice = [Choice::Ranked, Choice::Pinned, Choice::Rejected][below(3) as usize];
            let place = (below(2) == 0).then(|| Place { image: below(3), cell: below(5) });
            (image, Mark { choice, crop: (below(2) == 0).then(|| crop(below(3))), place, tag: 0 })
        };
        let curation: Vec<_> = (0..6).map(|_| one()).collect();
        let marks = marks(&curation);
        let Ok(kept) = select(&twelve(), &owl(), &recipe(), &[], &marks) else { continue };
        let mut ranks: Vec<u32> = kept.iter().map(|kept| kept.rank).collect();
        ranks.sort_unstable();
        ranks.dedup();
        assert_eq!((kept.len(), ranks.len()), (8, 8), "{marks:?}");
        for (image, mark) in &marks {
            let is_in = ranks.contains(&image.0);
            assert!(mark.choice != Choice::Pinned || is_in, "{image:?} of {marks:?}");
            assert!(mark.choice != Choice::Rejected || !is_in, "{image:?} of {marks:?}");
        }
    }
}
