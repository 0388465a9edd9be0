use std::collections::HashSet;

use super::canvas::{Canvas, FINE, Layer};
use super::colour::{Dice, Rgb};
use super::geometry::{direction, p, sine, whole, zigzag};
use super::objects::KINDS;
use super::pen::{Light, Pen, Pose};
use super::*;

/// BLAKE3 of each class's first two training images and its first test image, one after another.
const DIGESTS: [&str; 10] = [
    "c23b5d12d19735a0626b461ca65d97483e94d14621bdc6e150e50f7049fa5175",
    "842324ed19822688e45ad73419497327523fd8a8a88b35e4dc0a8e6937ffcb36",
    "e15d6c6bd0d973438ca972ce0dab05c8e4812eb042eef2753c251349aaa12ef5",
    "6602d2e68f0224e5e378a4e083f5a92fc61fa812fa7554e2bae0dcb40d0cca81",
    "2ab5df3f1bd8e4feddc444057acdbfcb4911c4e5ddc16932ddcce1faa8007925",
    "9c8a8a481f3b40323fd0f7c4513afafe87cbb47d2f10ba47f954bdf91b893764",
    "8ee4f500e15a8d22d001592a27470e0d90136aa9b0c6b0dfdc0e1df4323801f0",
    "6d9d30d0d464057d504fb50be064cb0f20b834fab8198b168dfa2a1f56f707fe",
    "a0cd3860f66dae91c580c74791c7e1f110fa6cf700283c016202416b3de533ad",
    "89989fafe0a54d7f4d24a78d8207195abdd3968db6c18a9cd04eeea3392f1fb1",
];

#[test]
fn images_keep_their_bytes() {
    let digest = |class| {
        let mut hash = blake3::Hasher::new();
        for (test, index) in [(false, 0), (false, 1), (true, 0)] {
            hash.update(&render(class, test, index).data);
        }
        hash.finalize().to_hex().to_string()
    };
    let found: Vec<String> = (0..CLASSES.len()).map(digest).collect();
    assert_eq!(found, DIGESTS);
}

#[test]
fn class_names_are_sorted_and_distinct() {
    assert!(CLASSES.is_sorted_by(|a, b| a < b), "{CLASSES:?}");
}

#[test]
fn every_image_has_its_size_and_is_no_flat_colour() {
    for (class, name) in CLASSES.iter().enumerate() {
        for index in [0, TRAIN_PER_CLASS - 1, u32::MAX] {
            let image = render(class, false, index);
            assert_eq!((image.width, image.height), (SIDE, SIDE));
            assert_eq!(image.data.len(), (SIDE * SIDE * 3) as usize);
            let darkest = image.data.iter().min().unwrap();
            let brightest = image.data.iter().max().unwrap();
            assert!(brightest - darkest > 60, "{name} {index}");
        }
    }
}

#[test]
fn no_image_occurs_twice() {
    let mut seen = HashSet::new();
    for (class, name) in CLASSES.iter().enumerate() {
        for index in 0..20 {
            assert!(seen.insert(render(class, false, index).data), "train {name} {index}");
            assert!(seen.insert(render(class, true, index).data), "test {name} {index}");
        }
    }
}

/// Coverage of one object drawn alone, as the dice of `seed` make it: upright and centred, or posed as in an image.
fn alone(kind: &Kind, seed: u64, upright: bool) -> Layer {
    let mut dice = Dice(Stream::new("stillroom 2026 sample test", seed, &[kind.name.as_bytes()]));
    let centred = Pose { centre: p(64.0, 64.0), scale: 50.0, turn: p(1.0, 0.0), stretch: 1.0 };
    let pose = if upright { centred } else { pose(kind, &mut dice) };
    let light = Light { slant: p(0.0, -0.5), direct: [0.6; 3], ambient: [0.4; 3] };
    let mut layer = Layer::clear();
    (kind.draw)(&mut Pen { layer: &mut layer, pose, light, behind: [0.5; 3] }, &mut dice);
    layer
}

/// The mean outline of 20 objects of each class tells 20 others apart, whatever their colours: classes differ by shape.
#[test]
fn outlines_tell_the_classes_apart() {
    let outline = |kind, seed| -> Vec<f32> { alone(kind, seed, true).samples.iter().map(|s| s[3]).collect() };
    let means: Vec<Vec<f32>> = KINDS
        .iter()
        .map(|kind| {
            let mut mean = vec![0.0; FINE * FINE];
            for seed in 0..20 {
                mean.iter_mut().zip(outline(kind, seed)).for_each(|(m, v)| *m += v / 20.0);
            }
            mean
        })
        .collect();
    for (class, kind) in KINDS.iter().enumerate() {
        for seed in 20..40 {
            let own = outline(kind, seed);
            let far = |mean: &Vec<f32>| mean.iter().zip(&own).map(|(m, v)| (m - v) * (m - v)).sum::<f32>();
            let nearest = (0..means.len()).min_by(|&a, &b| far(&means[a]).total_cmp(&far(&means[b]))).unwrap();
            assert_eq!(CLASSES[nearest], CLASSES[class], "seed {seed}");
        }
    }
}

#[test]
fn objects_take_a_third_to_three_quarters_of_the_side() {
    for kind in &KINDS {
        for seed in 0..60 {
            let layer = alone(kind, seed, false);
            let covered: Vec<usize> = (0..FINE * FINE).filter(|&i| layer.samples[i][3] > 0.5).collect();
            let extent = |of: fn(usize) -> usize| {
                let low = covered.iter().map(|&i| of(i)).min().unwrap();
                (covered.iter().map(|&i| of(i)).max().unwrap() - low + 1) as f32 / FINE as f32
            };
            let side = extent(|i| i % FINE).max(extent(|i| i / FINE));
            assert!((0.3..0.75).contains(&side), "{} {seed}: {side}", kind.name);
        }
    }
}

/// Share of the test images, in per cent, whose class the nearest of the classes' mean features names.
fn nearest_mean_accuracy(feature: impl Fn(&Rgb8) -> Vec<f32>) -> f32 {
    let (train, test) = (80, TEST_PER_CLASS);
    let mean = |class| {
        let all: Vec<Vec<f32>> = (0..train).map(|i| feature(&render(class, false, i))).collect();
        (0..all[0].len()).map(|c| all.iter().map(|f| f[c]).sum::<f32>() / train as f32).collect::<Vec<f32>>()
    };
    let means: Vec<Vec<f32>> = (0..CLASSES.len()).map(mean).collect();
    let mut right = 0;
    for class in 0..CLASSES.len() {
        for index in 0..test {
            let own = feature(&render(class, true, index));
            let far = |m: &Vec<f32>| m.iter().zip(&own).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
            let nearest = (0..means.len()).min_by(|&a, &b| far(&means[a]).total_cmp(&far(&means[b]))).unwrap();
            right += u32::from(nearest == class);
        }
    }
    100.0 * right as f32 / (test * CLASSES.len() as u32) as f32
}

/// Mean colour of the pixels where `counts` holds.
fn mean_colour(image: &Rgb8, counts: impl Fn(u32, u32) -> bool) -> Vec<f32> {
    let (mut sum, mut n) = (vec![0.0; 3], 0.0);
    for (x, y) in (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y))).filter(|&(x, y)| counts(x, y)) {
        n += 1.0;
        sum.iter_mut().zip(image.pixel(x, y)).for_each(|(s, v)| *s += f32::from(v));
    }
    sum.iter().map(|s| s / n).collect()
}

/// Ten classes: chance is 10 %.
#[test]
fn colours_do_not_reveal_the_class() {
    let inner = 6..SIDE - 6;
    let border = |image: &Rgb8| mean_colour(image, |x, y| !inner.contains(&x) || !inner.contains(&y));
    let accuracy = nearest_mean_accuracy(border);
    assert!(accuracy < 25.0, "border: {accuracy} %");
    let accuracy = nearest_mean_accuracy(|image| mean_colour(image, |_, _| true));
    assert!(accuracy < 25.0, "whole image: {accuracy} %");
    let accuracy = nearest_mean_accuracy(|image| image.data.iter().map(|&v| f32::from(v)).collect());
    assert!(accuracy < 35.0, "all pixels: {accuracy} %");
}

#[test]
fn waves_match_the_real_ones() {
    for i in -400..400 {
        let turns = i as f32 * 0.013;
        let exact = f64::from(turns) * std::f64::consts::TAU;
        assert!((f64::from(sine(turns)) - exact.sin()).abs() < 2e-3, "{turns}");
        let d = direction(turns);
        assert!((d.length() - 1.0).abs() < 1e-6);
        assert!((f64::from(d.x) - exact.cos()).abs() < 3e-3, "{turns}");
        assert_eq!(whole(turns) as f32, turns.floor());
    }
    assert_eq!([zigzag(-1.0), zigzag(0.25), zigzag(0.5), zigzag(1.75)], [0.0, 0.5, 1.0, 0.5]);
}

/// A shadow moves by its offset, keeps its amount where it does not leave the picture, and darkens nothing else.
#[test]
fn shadows_fall_where_they_should() {
    let mut layer = Layer::clear();
    for (x, y) in (40..48).flat_map(|y| (40..48).map(move |x| (x, y))) {
        layer.add(y * FINE + x, [0.0; 3], 1.0);
    }
    let mut canvas = Canvas::cover(|_| [1.0; 3]);
    canvas.lay(&layer, Shadow { offset: (10, -3), blur: 1, strength: 0.5 });
    let red = |x: f32, y: f32| -> Rgb { canvas.mean_near(p(x, y), 0.0) };
    assert_eq!(red(44.0, 44.0), [0.0; 3], "the thing itself");
    assert_eq!(red(4.0, 4.0), [1.0; 3], "far away");
    // 4 × 4 pixels from (20, 20), moved to (30, 17); two box blurs of 3 leave the middle with 8/9 along each axis.
    let middle = red(64.0, 38.0)[0];
    assert!((middle - (1.0 - 0.5 * 64.0 / 81.0)).abs() < 1e-4, "{middle}");
}
