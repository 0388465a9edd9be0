//! A mug seen a little from above: wall, handle, rim, and what is in it; plain, banded, dotted or with a heart.

use crate::sample::colour::{Dice, Rgb, hsv, lit, mix};
use crate::sample::geometry::{P, circle, ellipse, melt, p, polygon, slab, step, zigzag};
use crate::sample::pen::{FLAT, Pen, cylinder, glossy};

/// What is painted on the wall: how much of the second colour is at a place.
fn print(q: P, kind: usize) -> f32 {
    match kind {
        0 => 0.0,
        1 => step(0.14, 0.1, (q.y - 0.2).abs()),
        2 => step(0.02, -0.02, circle(p(zigzag(1.9 * q.x), zigzag(1.9 * q.y + 0.3)), p(0.5, 0.5), 0.25)),
        _ => {
            let q = p((q.x + 0.2).abs(), q.y - 0.12);
            let point = polygon(q, &[p(-0.1, 0.0), p(0.25, 0.08), p(0.0, 0.36), p(-0.1, 0.36)]);
            step(0.02, -0.02, circle(q, p(0.12, 0.0), 0.14).min(point.max(q.x * 0.8 + q.y - 0.29)))
        }
    }
}

pub fn draw(pen: &mut Pen, dice: &mut Dice) {
    let glaze: Rgb = pen.apart(dice, |dice| if dice.chance(0.7) { dice.vivid() } else { dice.near(0.1, 0.12, 0.95) });
    let other = if dice.chance(0.5) { hsv(0.1, 0.05, 0.97) } else { lit(dice.vivid(), 0.8) };
    let (kind, half) = (dice.below(4), dice.range(0.52, 0.6));
    let (top, bottom, open) = (-0.6, dice.range(0.68, 0.85), dice.range(0.14, 0.22));
    let axis = -0.2;
    let lift = dice.range(0.0, 0.1);
    pen.fill(glossy(0.1, 0.6), glaze, |q| {
        let loops = ellipse(q, p(axis + half, 0.05 + lift), p(0.42, 0.42));
        (loops.abs() - 0.09).max(axis + half - 0.1 - q.x)
    });
    let wall = |q: P| {
        let base = ellipse(q, p(axis, bottom), p(half - 0.04, open * 0.9));
        let side = slab(q, p(axis, 0.5 * (top + bottom)), p(half, 0.5 * (bottom - top)), 0.03);
        melt(side.max(q.y - bottom), base, 0.06).min(ellipse(q, p(axis, top), p(half, open)))
    };
    let tone = |q: P| {
        let bow = open * (1.0 - ((q.x - axis) / half) * ((q.x - axis) / half)).max(0.0).sqrt();
        mix(glaze, other, print(p(q.x - axis - 0.2, q.y - bow), kind))
    };
    pen.paint(cylinder(axis, half * 1.02, 0.5), tone, wall);
    pen.fill(FLAT, mix(glaze, [1.0; 3], 0.45), |q| ellipse(q, p(axis, top), p(half, open)));
    let hollow = |q: P| ellipse(q, p(axis, top), p(half - 0.07, open - 0.05));
    pen.paint(FLAT, |q| lit(glaze, 0.35 + 0.3 * step(-0.5, 0.5, q.x - axis)), hollow);
    let drink = dice.pick(&[hsv(0.06, 0.7, 0.28), hsv(0.08, 0.5, 0.55), hsv(0.1, 0.75, 0.6)]);
    pen.fill(FLAT, drink, |q| ellipse(q, p(axis, top + 0.08), p(half - 0.1, open - 0.04)).max(hollow(q)));
}
