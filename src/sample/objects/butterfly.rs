//! A butterfly seen from above: two pairs of wings with dark borders and spots, a body, feelers.

use crate::sample::colour::{Dice, hsv, lit, mix};
use crate::sample::geometry::{P, circle, direction, melt, p, step, stroke};
use crate::sample::pen::{Pen, glossy, matt};

pub fn draw(pen: &mut Pen, dice: &mut Dice) {
    let wing = pen.apart(dice, Dice::vivid);
    let inner = mix(wing, hsv(dice.range(0.0, 1.0), 0.5, 1.0), dice.range(0.2, 0.8));
    let dark = hsv(dice.range(0.0, 0.15), 0.4, dice.range(0.08, 0.2));
    let (fold, spread) = (dice.range(0.8, 1.0), direction(dice.range(-0.03, 0.03)));
    let spots = [p(0.86, -0.74), p(0.84, -0.26), p(0.44, 0.72), p(0.68, 0.5)];
    let (spot, size) = (hsv(dice.range(0.0, 1.0), 0.15, 1.0), dice.range(0.04, 0.08));
    let own = |q: P| p(q.x.abs() / fold, q.y).rotated(spread);
    let upper = |q: P| {
        let (root, tip, bend) = ((p(0.02, -0.08), 0.1), (p(0.74, -0.62), 0.24), (p(0.6, -0.22), 0.27));
        melt(stroke(q, root, tip), stroke(q, root, bend), 0.3)
    };
    let lower = |q: P| stroke(q, (p(0.02, 0.1), 0.1), (p(0.44, 0.46), 0.32));
    for which in [false, true] {
        let shape = |q: P| if which { upper(own(q)) } else { lower(own(q)) };
        let tone = |q: P| {
            let ground = mix(wing, inner, step(0.75, 0.2, own(q).length()));
            let rimmed = mix(ground, dark, step(-0.11, -0.06, shape(q)));
            let near = spots.iter().map(|&s| circle(own(q), s, size)).fold(f32::MAX, f32::min);
            mix(rimmed, spot, step(0.03, -0.03, near))
        };
        pen.paint(matt(0.12), tone, shape);
    }
    for side in [-1.0, 1.0] {
        pen.fill(matt(0.03), dark, |q| stroke(q, (p(0.0, -0.42), 0.03), (p(0.28 * side, -0.9), 0.04)));
    }
    pen.fill(glossy(0.1, 0.3), lit(dark, 1.5), |q| {
        stroke(q, (p(0.0, -0.35), 0.1), (p(0.0, 0.55), 0.06)).min(circle(q, p(0.0, -0.45), 0.11))
    });
}
