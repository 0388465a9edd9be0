//! A small car from its side: body, cabin with two windows, wheels, lamps.

use crate::sample::colour::{Dice, hsv, lit, mix};
use crate::sample::geometry::{P, circle, melt, p, polygon, slab, step};
use crate::sample::pen::{FLAT, Pen, glossy, matt};

pub fn draw(pen: &mut Pen, dice: &mut Dice) {
    let paint = pen.apart(dice, |dice| if dice.chance(0.85) { dice.vivid() } else { hsv(0.6, 0.05, 0.92) });
    let (roof, rear) = (dice.range(-0.56, -0.44), dice.range(-0.78, -0.55));
    let cabin = [p(rear, 0.0), p(rear + 0.16, roof), p(0.2, roof), p(0.52, 0.0)];
    let chassis = |q: P| slab(q, p(0.0, 0.2), p(1.0, 0.27), 0.17);
    let tone = |q: P| mix(paint, lit(paint, 0.7), step(0.24, 0.28, q.y));
    pen.paint(glossy(0.22, 0.7), tone, |q| melt(chassis(q), polygon(q, &cabin) - 0.06, 0.12));
    let glass = mix(hsv(0.55, 0.25, 0.9), hsv(0.6, 0.4, 0.25), dice.range(0.0, 0.8));
    let post = dice.range(-0.2, -0.05);
    let panes = |q: P| polygon(q, &cabin) + 0.06;
    let sky = |q: P| mix(lit(glass, 1.2), glass, step(-0.1, 0.1, q.x + q.y + 0.3));
    pen.paint(FLAT, sky, |q| panes(q).max(0.05 - (q.x - post).abs()));
    pen.fill(FLAT, hsv(0.14, 0.35, 1.0), |q| slab(q, p(0.9, 0.12), p(0.09, 0.08), 0.06));
    pen.fill(FLAT, hsv(0.0, 0.85, 0.75), |q| slab(q, p(-0.94, 0.12), p(0.06, 0.08), 0.03));
    pen.fill(FLAT, lit(paint, 0.45), |q| slab(q, p(post + 0.12, 0.1), p(0.08, 0.025), 0.02));
    let (hub, size) = (hsv(0.6, 0.05, dice.range(0.6, 0.9)), dice.range(0.22, 0.27));
    for x in [-0.55, 0.55] {
        pen.fill(FLAT, lit(paint, 0.25), |q| circle(q, p(x, 0.42), size + 0.06).max(q.y - 0.46));
        pen.fill(matt(0.1), hsv(0.6, 0.1, 0.16), |q| circle(q, p(x, 0.44), size));
        pen.fill(glossy(0.1, 0.5), hub, |q| circle(q, p(x, 0.44), 0.5 * size));
    }
}
