//! A column cactus with one or two arms, ribs and spines, in a clay pot; sometimes it flowers.

use crate::sample::colour::{Dice, hsv, lit, mix};
use crate::sample::geometry::{P, circle, p, polygon, slab, step, stroke, zigzag};
use crate::sample::pen::{Pen, cylinder, matt};

/// A side shoot: out to `reach`, then up to `top`.
fn arm(q: P, reach: f32, low: f32, top: f32) -> f32 {
    let elbow = p(reach, low);
    stroke(q, (p(0.0, low), 0.13), (elbow, 0.14)).min(stroke(q, (elbow, 0.14), (p(reach, top), 0.13)))
}

pub fn draw(pen: &mut Pen, dice: &mut Dice) {
    let green = pen.apart(dice, |dice| {
        let (hue, value) = (dice.range(0.27, 0.42), dice.range(0.4, 0.75));
        dice.near(hue, 0.6, value)
    });
    let (left, right) = (dice.range(-0.1, 0.15), dice.range(-0.2, 0.1));
    let (left_top, right_top) = (left - dice.range(0.25, 0.45), right - dice.range(0.2, 0.4));
    let both = dice.chance(0.75);
    let (ribs, noise) = (dice.range(7.0, 9.0), dice.noise());
    let tone = |q: P| {
        let groove = step(0.1, 0.55, zigzag(ribs * q.x + 0.5));
        let spine = step(0.8, 0.95, zigzag(ribs * q.x + 0.5)) * step(0.6, 0.8, zigzag(7.0 * q.y));
        let patch = 0.9 + 0.2 * noise.smooth(4.0 * q.x, 4.0 * q.y);
        mix(lit(green, patch * (0.65 + 0.4 * groove)), hsv(0.15, 0.15, 0.95), 0.75 * spine)
    };
    pen.paint(matt(0.14), tone, |q| {
        let one = arm(q, -0.58, left, left_top);
        if both { one.min(arm(q, 0.56, right, right_top)) } else { one }
    });
    pen.paint(matt(0.27), tone, |q| stroke(q, (p(0.0, -0.72), 0.25), (p(0.0, 0.6), 0.27)));
    if dice.chance(0.4) {
        let flower = dice.near(0.92, 0.6, 0.95);
        for x in [-0.1, 0.1, 0.0] {
            pen.fill(matt(0.1), flower, |q| circle(q, p(x, -0.98 - 0.3 * (0.1 - f32::abs(x))), 0.11));
        }
    }
    let clay = if dice.chance(0.7) { dice.near(0.045, 0.65, 0.75) } else { dice.vivid() };
    let pot = [p(-0.44, 0.5), p(0.44, 0.5), p(0.33, 1.0), p(-0.33, 1.0)];
    pen.fill(cylinder(0.0, 0.46, 0.1), clay, |q| polygon(q, &pot) - 0.02);
    pen.fill(cylinder(0.0, 0.55, 0.1), lit(clay, 1.1), |q| slab(q, p(0.0, 0.5), p(0.52, 0.1), 0.03));
}
