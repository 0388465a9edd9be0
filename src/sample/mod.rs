//! The sample dataset that ships inside the program, as code: small objects in cluttered scenes.
//!
//! An image shows one object of its class on a background that any class may have, with distractors that belong to
//! none, so a crop that shows the object differs from one that doesn't. Everything is drawn from
//! a random stream named by class, split and number; `geometry.rs` says why the bytes are the same on every platform.

mod backdrop;
mod canvas;
mod clutter;
mod colour;
mod geometry;
mod noise;
mod objects;
mod pen;
#[cfg(test)]
mod tests;

use self::canvas::{Canvas, FINE, Layer, Shadow};
use self::colour::{Dice, lit};
use self::geometry::{P, direction, p};
use self::objects::{KINDS, Kind};
use self::pen::{Light, Pen, Pose};
use super::core::data::pixels::Rgb8;
use super::core::rng::Stream;

/// The classes' names, sorted.
pub const CLASSES: [&str; 10] = {
    let mut names = [""; 10];
    let mut i = 0;
    while i < names.len() {
        names[i] = KINDS[i].name;
        i += 1;
    }
    names
};

/// Side of every image in pixels.
pub const SIDE: u32 = 64;

/// Training images of each class.
pub const TRAIN_PER_CLASS: u32 = 300;

/// Test images of each class.
pub const TEST_PER_CLASS: u32 = 60;

/// Draws image `index` of a class, of the training or the test split: [`SIDE`] × [`SIDE`] pixels. The numbers below
/// [`TRAIN_PER_CLASS`] and [`TEST_PER_CLASS`] make up the dataset; larger ones are further images of the same kind.
///
/// # Panics
/// When `class` is not an index of [`CLASSES`].
#[must_use]
pub fn render(class: usize, test: bool, index: u32) -> Rgb8 {
    let kind = &KINDS[class];
    let parts: [&[u8]; 3] = [kind.name.as_bytes(), &[u8::from(test)], &index.to_le_bytes()];
    let mut dice = Dice(Stream::new("stillroom 2026 sample image", 0, &parts));
    let mut canvas = backdrop::any(&mut dice);
    canvas.calm(dice.range(0.6, 0.95));
    let light = light(&mut dice);
    let pose = pose(kind, &mut dice);
    let shadow = shadow(light, &mut dice);

    let mut layer = Layer::clear();
    for _ in 0..2 + dice.below(4) {
        let pose = beside(pose, &mut dice);
        clutter::any(&mut pen(&mut layer, &canvas, pose, light), &mut dice);
    }
    canvas.lay(&layer, shadow);

    layer.wipe();
    (kind.draw)(&mut pen(&mut layer, &canvas, pose, light), &mut dice);
    canvas.lay(&layer, shadow);

    if dice.chance(0.35) {
        layer.wipe();
        let pose = across_rim(pose, &mut dice);
        clutter::in_front(&mut pen(&mut layer, &canvas, pose, light), &mut dice);
        canvas.lay(&layer, shadow);
    }
    canvas.develop(&mut dice)
}

fn pen<'a>(layer: &'a mut Layer, canvas: &Canvas, pose: Pose, light: Light) -> Pen<'a> {
    Pen { layer, pose, light, behind: canvas.mean_near(pose.centre, 1.1 * pose.scale) }
}

/// A light from above, left or right, warm or cool, hard or soft.
fn light(dice: &mut Dice) -> Light {
    let slant = direction(dice.range(-0.42, -0.08)) * dice.range(0.45, 0.7);
    let (hard, warm) = (dice.range(0.45, 0.75), dice.range(-0.06, 0.08));
    let direct = lit([1.0 + warm, 1.0, 1.0 - warm], hard);
    let ambient = lit([1.0 - 0.5 * warm, 1.0, 1.0 + 0.8 * warm], 0.94 - 0.77 * hard);
    Light { slant, direct, ambient }
}

/// The shadow that this light throws: away from it, the softer the farther.
fn shadow(light: Light, dice: &mut Dice) -> Shadow {
    let drop = dice.range(2.0, 5.0);
    let shift = |v: f32| (-v * drop + 100.5) as i32 - 100;
    Shadow {
        offset: (shift(light.slant.x), shift(light.slant.y)),
        blur: 1 + dice.below(2),
        strength: dice.range(0.3, 0.55),
    }
}

/// Where the object stands: it takes 38 to 66 % of the side, lies inside the picture but for a little, and leans as far
/// as is natural; the mirrored object is as likely.
fn pose(kind: &Kind, dice: &mut Dice) -> Pose {
    let scale = dice.range(0.38, 0.66) * FINE as f32 * 0.5;
    let (low, high) = (0.9 * scale, FINE as f32 - 0.9 * scale);
    let stretch = dice.range(0.9, 1.1) * if dice.chance(0.5) { -1.0 } else { 1.0 };
    Pose {
        centre: dice.point(p(low, low), p(high, high)),
        scale,
        turn: direction(dice.range(-kind.tilt, kind.tilt)),
        stretch,
    }
}

/// A place for a distractor: anywhere that is not on the object, if a few tries find one.
fn beside(object: Pose, dice: &mut Dice) -> Pose {
    let anywhere = |dice: &mut Dice| dice.point(p(0.0, 0.0), p(FINE as f32, FINE as f32));
    let mut centre = anywhere(dice);
    for _ in 0..6 {
        if (centre - object.centre).length() > 1.2 * object.scale {
            break;
        }
        centre = anywhere(dice);
    }
    small(centre, dice.range(0.05, 0.13), dice)
}

/// A place in front of the object's rim.
fn across_rim(object: Pose, dice: &mut Dice) -> Pose {
    let out: P = direction(dice.range(0.0, 1.0)) * (object.scale * dice.range(0.7, 1.0));
    let share = object.scale / FINE as f32 * dice.range(0.35, 0.55);
    small(object.centre + out, share, dice)
}

/// A thing of this half size (as a share of the side), turned any way.
fn small(centre: P, share: f32, dice: &mut Dice) -> Pose {
    Pose { centre, scale: share * FINE as f32, turn: direction(dice.range(0.0, 1.0)), stretch: dice.range(0.85, 1.15) }
}
