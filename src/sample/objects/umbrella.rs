//! An open umbrella from its side: panels that meet at the tip, a scalloped hem, a stick with a crook.

use crate::sample::colour::{Dice, hsv, lit, mix};
use crate::sample::geometry::{P, ellipse, p, ring, step, stroke, whole, zigzag};
use crate::sample::pen::{Pen, ball, matt};

pub fn draw(pen: &mut Pen, dice: &mut Dice) {
    let cloth = pen.apart(dice, Dice::vivid);
    let other = dice.vivid();
    let second = dice.pick(&[hsv(0.1, 0.06, 0.96), lit(cloth, 0.72), other]);
    let (tall, wood) = (dice.range(0.78, 0.95), dice.near(0.07, 0.5, 0.4));
    let stick = dice.range(0.7, 0.78);
    pen.fill(matt(0.05), wood, |q| {
        let crook = ring(q, p(0.16, stick), 0.16, 0.055).max(stick - q.y);
        stroke(q, (p(0.0, -0.2), 0.045), (p(0.0, stick), 0.055)).min(crook)
    });
    pen.fill(matt(0.04), wood, |q| stroke(q, (p(0.0, -tall), 0.04), (p(0.0, -tall - 0.14), 0.025)));
    // Five panels; a panel's seams run from the tip, evenly spaced on the hem.
    let across = |q: P| {
        let up = ((q.y - 0.05) / tall).clamp(-0.999, 0.0);
        q.x / (1.0 - up * up).sqrt()
    };
    let hem = |q: P| {
        let swing = 2.0 * zigzag(2.5 * across(q)) - 1.0;
        0.02 - 0.13 * (1.0 - swing * swing)
    };
    let tone = |q: P| {
        let place = 2.5 * across(q) + 0.5;
        let even = (whole(place) & 1) as f32;
        let seam = step(0.14, 0.0, zigzag(place));
        lit(mix(cloth, second, even), 1.0 - 0.3 * seam)
    };
    let dome = |q: P| ellipse(q, p(0.0, 0.05), p(1.0, tall)).max(q.y - 0.05 + 0.6 * (hem(q) + 0.1).max(0.0));
    pen.paint(ball(p(0.0, 0.2), p(1.05, tall + 0.2), 0.35), tone, dome);
}
