use super::*;
use crate::core::fixtures;

const ID: DrawId = DrawId { seed: 1, epoch: 0, number: 0 };

#[test]
fn operations_are_pytorchs() {
    let fixture = fixtures::training().dsa;
    assert_eq!(fixture.cases.len(), 8);
    for case in fixture.cases {
        let mut images = fixture.images.clone();
        DsaDraw { steps: vec![case.step.clone()] }.apply(&mut images, fixture.side);
        let worst = images.iter().zip(&case.images).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{:?}: {worst}", case.step);
        assert_ne!(images, fixture.images);
    }
}

#[test]
fn draws_stay_in_the_papers_ranges_and_repeat() {
    let mut kinds = [0; 3];
    for number in 0..60 {
        let draw = DsaDraw::new(DrawId { number, ..ID }, 16, 32);
        assert_eq!(draw, DsaDraw::new(DrawId { number, ..ID }, 16, 32));
        let [Step::Flip(flips), Step::Brightness(b), Step::Saturation(s), Step::Contrast(c), moved, Step::Cutout(o)] =
            draw.steps.as_slice()
        else {
            panic!("{draw:?}")
        };
        assert!(flips.len() == 16 && b.iter().all(|v| v.abs() <= 0.5));
        assert!(s.iter().all(|v| (0.0..=2.0).contains(v)) && c.iter().all(|v| (0.5..=1.5).contains(v)));
        assert!(o.iter().all(|&(r, c)| r <= 32 && c <= 32));
        match moved {
            Step::Crop(by) => {
                kinds[0] += 1;
                assert!(by.iter().all(|&(y, x)| y.abs() <= 4 && x.abs() <= 4));
            }
            Step::Scale(by) => {
                kinds[1] += 1;
                assert!(by.iter().flat_map(|&(x, y)| [x, y]).all(|v| (0.833..=1.2001).contains(&v)));
            }
            Step::Rotate(by) => {
                kinds[2] += 1;
                assert!(by.iter().all(|v| v.abs() <= 0.262));
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(kinds.iter().all(|&n| n > 8), "{kinds:?}");
}

#[test]
fn the_chain_changes_what_it_says_and_travels_as_text() {
    let draw = DsaDraw::new(ID, 2, 8);
    let text = serde_json::to_string(&draw).unwrap();
    assert_eq!(serde_json::from_str::<DsaDraw>(&text).unwrap(), draw);
    let images: Vec<f32> = (0..3 * 192).map(|i| (i % 17) as f32 / 8.0 - 1.0).collect();
    let mut changed = images.clone();
    draw.apply(&mut changed, 8);
    assert_ne!(changed[..192], images[..192]);
    assert_eq!(changed[384..], images[384..], "the third image has no numbers");
    assert!(changed.iter().all(|v| v.is_finite()));
    draw.apply(&mut [], 0);
}

/// Flip, one row up and one column right, a 2×2 hole around the corner (1, 1): by hand on 4×4.
#[test]
fn gradients_of_the_shared_draw_are_worked_out_by_hand() {
    let steps = vec![Step::Flip(vec![true]), Step::Crop(vec![(1, -1)]), Step::Cutout(vec![(1, 1)])];
    let draw = DsaDraw { steps };
    let mut images: Vec<f32> = (0..48).map(|i| (i % 16 + 1) as f32).collect();
    draw.apply(&mut images, 4);
    // Mirrored 4 3 2 1 / 8 7 6 5 / …; the second row comes up and a zero comes in from the left.
    #[rustfmt::skip]
    let after = [
        0.0, 0.0, 7.0, 6.0,
        0.0, 0.0, 11.0, 10.0,
        0.0, 16.0, 15.0, 14.0,
        0.0, 0.0, 0.0, 0.0,
    ];
    assert!(images.chunks(16).all(|plane| plane == after), "{images:?}");
    let mut gradient: Vec<f32> = (0..48).map(|i| (i % 16 + 1) as f32).collect();
    draw.pull_back(&mut gradient, 4);
    // Value 7 came from row 1, column 2 and is the third of the first row: its gradient is 3, and so on.
    #[rustfmt::skip]
    let before = [
        0.0, 0.0, 0.0, 0.0,
        0.0, 4.0, 3.0, 0.0,
        0.0, 8.0, 7.0, 0.0,
        0.0, 12.0, 11.0, 10.0,
    ];
    assert!(gradient.chunks(16).all(|plane| plane == before), "{gradient:?}");
}

/// ⟨Ax − A0, y⟩ = ⟨x, Aᵀy⟩ for every kind of step, and for the chains.
#[test]
fn pulling_back_is_the_transpose() {
    let side = 12;
    let mut stream = Stream::new("test of the transpose", 3, &[]);
    let mut noise = || (0..2 * 3 * side * side).map(|_| stream.range(-1.0, 1.0) as f32).collect::<Vec<_>>();
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let chains = (0..9).map(|number| DsaDraw::new(DrawId { number, ..ID }, 2, 12));
    let shared = (0..9).map(|number| DsaDraw::shared(DrawId { number, ..ID }, 2, 12));
    let draws: Vec<_> = chains.chain(shared).collect();
    let single = draws.iter().flat_map(|d| &d.steps).map(|step| DsaDraw { steps: vec![step.clone()] });
    for draw in single.chain(draws.iter().cloned()) {
        let (x, y) = (noise(), noise());
        let (mut there, mut zero, mut back) = (x.clone(), vec![0.0; x.len()], y.clone());
        draw.apply(&mut there, side);
        draw.apply(&mut zero, side);
        draw.pull_back(&mut back, side);
        let (one, other) = (dot(&there, &y) - dot(&zero, &y), dot(&x, &back));
        assert!((one - other).abs() < 1e-4, "{draw:?}: {one} and {other}");
    }
}

#[test]
fn a_shared_draw_is_one_for_all_images() {
    let (mut flipped, mut shifts) = (0, std::collections::BTreeSet::new());
    for number in 0..80 {
        let id = DrawId { number, ..ID };
        let draw = DsaDraw::shared(id, 5, 32);
        assert_eq!(draw, DsaDraw::shared(id, 5, 32));
        let [Step::Flip(flips), Step::Crop(by), Step::Cutout(centres)] = draw.steps.as_slice() else {
            panic!("{draw:?}")
        };
        assert!(flips.len() == 5 && flips.iter().all(|f| *f == flips[0]));
        assert!(by.iter().all(|b| *b == by[0]) && centres.iter().all(|c| *c == centres[0]));
        assert!(by[0].0.abs() <= 4 && by[0].1.abs() <= 4 && centres[0].0 <= 32 && centres[0].1 <= 32);
        let Step::Crop(of_two) = &DsaDraw::shared(id, 2, 32).steps[1] else { panic!("{draw:?}") };
        assert_eq!(of_two[..], by[..2], "the numbers don't depend on how many images there are");
        flipped += u32::from(flips[0]);
        shifts.insert(by[0].0);
    }
    assert!((25..55).contains(&flipped), "{flipped} of 80");
    assert_eq!(shifts.len(), 9, "{shifts:?}");
}
