//! Small things that belong to no class: they lie about in every picture, and one sometimes covers part of the object.

use super::colour::{Dice, Rgb, hsv, lit, mix};
use super::geometry::{P, carve, circle, direction, ellipse, lens, p, polygon, ring, sine, slab, step, stroke};
use super::pen::{Pen, glossy, matt};

/// All kinds, equally likely. Each fills about (−1, −1) to (1, 1).
const KINDS: [fn(&mut Pen, &mut Dice); 9] = [pebble, leaf, stick, blob, hoop, wedge, berries, crescent, stripes];

/// Draws any of the kinds.
pub fn any(pen: &mut Pen, dice: &mut Dice) {
    dice.pick(&KINDS)(pen, dice);
}

/// Draws something that grows or lies in front: a leaf or a stick.
pub fn in_front(pen: &mut Pen, dice: &mut Dice) {
    dice.pick(&[leaf, leaf, stick])(pen, dice);
}

/// Any colour, from dull to strong.
fn any_colour(dice: &mut Dice) -> Rgb {
    hsv(dice.range(0.0, 1.0), dice.range(0.3, 0.85), dice.range(0.35, 0.95))
}

fn pebble(pen: &mut Pen, dice: &mut Dice) {
    let (colour, noise) = (dice.near(0.08, 0.15, 0.6), dice.noise());
    let (radii, speckle) = (p(0.9, dice.range(0.5, 0.8)), dice.range(0.0, 0.4));
    let tone = |q: P| lit(colour, 1.0 + speckle * (noise.smooth(5.0 * q.x, 5.0 * q.y) - 0.5));
    pen.paint(matt(0.6), tone, |q| ellipse(q, p(0.0, 0.0), radii));
}

fn leaf(pen: &mut Pen, dice: &mut Dice) {
    let hue = if dice.chance(0.6) { 0.28 } else { dice.range(0.02, 0.15) };
    let (colour, half) = (dice.near(hue, 0.65, 0.6), dice.range(0.3, 0.45));
    let ribs = |q: P| {
        let vein = step(0.05, 0.0, q.y.abs()).max(0.5 * step(0.8, 1.0, sine(3.0 * q.x + 3.0 * q.y.abs())));
        mix(colour, lit(colour, 1.35), vein * 0.7)
    };
    pen.fill(matt(0.05), lit(colour, 0.7), |q| stroke(q, (p(0.7, 0.0), 0.06), (p(1.15, 0.12), 0.05)));
    pen.paint(matt(0.35), ribs, |q| lens(q, (p(-1.0, 0.0), p(0.95, 0.0)), half));
}

fn stick(pen: &mut Pen, dice: &mut Dice) {
    let (colour, thick) = (dice.near(0.08, 0.5, 0.45), dice.range(0.07, 0.14));
    let (fork, bend) = (dice.range(-0.3, 0.3), dice.range(-0.2, 0.2));
    pen.fill(matt(thick), colour, |q| {
        let twig = stroke(q, (p(fork, bend), 0.6 * thick), (p(fork + 0.4, bend - 0.45), 0.4 * thick));
        let (left, right) = (p(-1.2, -bend), p(1.2, -bend));
        let knee = p(fork, bend);
        twig.min(stroke(q, (left, thick), (knee, thick))).min(stroke(q, (knee, thick), (right, 0.7 * thick)))
    });
}

fn blob(pen: &mut Pen, dice: &mut Dice) {
    let (colour, noise, gloss) = (any_colour(dice), dice.noise(), dice.range(0.0, 0.8));
    pen.fill(glossy(0.5, gloss), colour, |q| {
        circle(q, p(0.0, 0.0), 0.75) + 0.5 * (noise.smooth(2.0 * q.x + 7.0, 2.0 * q.y + 7.0) - 0.5)
    });
}

fn hoop(pen: &mut Pen, dice: &mut Dice) {
    let (colour, half) = (any_colour(dice), dice.range(0.12, 0.25));
    pen.fill(glossy(half, 0.6), colour, |q| ring(q, p(0.0, 0.0), 0.7, half));
}

fn wedge(pen: &mut Pen, dice: &mut Dice) {
    let (colour, tip) = (any_colour(dice), dice.range(-0.5, 0.5));
    let corners = [p(-0.8, 0.6), p(0.8, 0.5), p(tip, -0.7)];
    pen.fill(matt(0.15), colour, |q| polygon(q, &corners) - 0.1);
}

fn berries(pen: &mut Pen, dice: &mut Dice) {
    let colour = any_colour(dice);
    for _ in 0..3 {
        let centre = dice.point(p(-0.55, -0.55), p(0.55, 0.55));
        pen.fill(glossy(0.38, 0.9), colour, |q| circle(q, centre, 0.38));
    }
}

fn crescent(pen: &mut Pen, dice: &mut Dice) {
    let (colour, bite) = (any_colour(dice), dice.range(0.25, 0.5));
    let away = direction(dice.range(0.0, 1.0)) * bite;
    pen.fill(matt(0.3), colour, |q| carve(circle(q, p(0.0, 0.0), 0.85), circle(q, away, 0.7), 0.1));
}

fn stripes(pen: &mut Pen, dice: &mut Dice) {
    let (first, second) = (any_colour(dice), hsv(0.1, 0.08, 0.92));
    let (count, tall) = (dice.range(1.0, 2.5), dice.range(0.25, 0.6));
    let bands = |q: P| mix(first, second, step(-0.2, 0.2, sine(count * (q.x + 0.3 * q.y))));
    pen.paint(matt(0.12), bands, |q| slab(q, p(0.0, 0.0), p(1.0, tall), 0.15));
}
