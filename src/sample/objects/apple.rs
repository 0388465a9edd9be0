//! An apple: two melted balls that narrow towards the bottom, a dimple with a stem, often a leaf.

use crate::sample::colour::{Dice, lit, mix};
use crate::sample::geometry::{P, carve, circle, ellipse, lens, melt, p, step, stroke};
use crate::sample::pen::{FLAT, Pen, ball, matt};

pub fn draw(pen: &mut Pen, dice: &mut Dice) {
    let skin = pen.apart(dice, |dice| {
        let hue = dice.pick(&[0.0, 0.98, 0.01, 0.22, 0.14]);
        dice.near(hue, 0.82, 0.82)
    });
    let blush = if dice.chance(0.5) { dice.near(0.12, 0.7, 0.9) } else { skin };
    let (noise, side) = (dice.noise(), dice.range(-0.5, 0.5));
    let body = |q: P| {
        let cheeks = melt(circle(q, p(-0.31, 0.06), 0.6), circle(q, p(0.31, 0.06), 0.6), 0.35);
        let whole = melt(cheeks, circle(q, p(0.0, 0.38), 0.54), 0.5);
        carve(whole, ellipse(q, p(0.0, -0.66), p(0.24, 0.18)), 0.2)
    };
    let tone = |q: P| {
        let streak = noise.smooth(9.0 * q.x, 2.0 * q.y) - 0.5;
        mix(skin, blush, 0.8 * step(0.1, 0.9, q.x * side + 0.7 * q.y + 0.25 + 0.3 * streak))
    };
    pen.paint(ball(p(0.0, 0.16), p(0.98, 0.84), 0.75), tone, body);
    pen.fill(FLAT, lit(skin, 0.35), |q| ellipse(q, p(0.0, -0.4), p(0.17, 0.07)));
    let lean = dice.range(-0.15, 0.2);
    pen.fill(matt(0.07), dice.near(0.08, 0.6, 0.35), |q| stroke(q, (p(0.0, -0.4), 0.05), (p(lean, -0.88), 0.075)));
    if dice.chance(0.75) {
        let (leaf, tip) = (dice.near(0.3, 0.75, 0.6), p(0.68, dice.range(-1.0, -0.75)));
        pen.fill(matt(0.2), leaf, |q| lens(q, (p(0.06, -0.6), tip), 0.17));
    }
}
