//! A toy balloon: a shining egg, its knot, and a wavy string.

use crate::sample::colour::{Dice, hsv, lit, mix};
use crate::sample::geometry::{P, circle, ellipse, melt, p, polygon, sine};
use crate::sample::pen::{FLAT, Pen, ball, glossy};

pub fn draw(pen: &mut Pen, dice: &mut Dice) {
    let skin = pen.apart(dice, Dice::vivid);
    let wide = dice.range(0.52, 0.62);
    let (sway, waves, start) = (dice.range(0.05, 0.12), dice.range(1.0, 2.0), dice.range(0.0, 1.0));
    let string = hsv(0.1, 0.1, dice.pick(&[0.95, 0.2]));
    let wind = |y: f32| sway * (sine(waves * (y - 0.3) + start) - sine(start)) * (y - 0.3).max(0.0) * 2.0;
    pen.fill(FLAT, string, |q| ((q.x - wind(q.y)).abs() - 0.04).max(0.3 - q.y).max(q.y - 1.15));
    pen.fill(glossy(0.1, 0.2), lit(skin, 0.8), |q| polygon(q, &[p(0.0, 0.08), p(0.13, 0.34), p(-0.13, 0.34)]) - 0.03);
    let body = |q: P| {
        let egg = ellipse(q, p(0.0, -0.46), p(wide, 0.62));
        melt(egg, circle(q, p(0.0, 0.1), 0.09), 0.35)
    };
    pen.fill(ball(p(0.0, -0.42), p(wide + 0.02, 0.68), 0.35), skin, body);
    let gleam = mix(skin, [1.0; 3], 0.6);
    pen.fill(FLAT, gleam, |q| ellipse((q - p(-0.26, -0.62)).unrotated(p(0.87, 0.493)), p(0.0, 0.0), p(0.08, 0.18)));
}
