//! A fish from its side: body with a pale belly, perhaps bands, tail and fins, eye and gill.

use crate::sample::colour::{Dice, hsv, lit, mix};
use crate::sample::geometry::{P, circle, ellipse, melt, p, polygon, ring, sine, step};
use crate::sample::pen::{FLAT, Pen, glossy, matt};

pub fn draw(pen: &mut Pen, dice: &mut Dice) {
    let back = pen.apart(dice, Dice::vivid);
    let second = hsv(dice.range(0.0, 1.0), dice.range(0.0, 0.7), dice.range(0.7, 1.0));
    let fin = if dice.chance(0.5) { lit(back, 0.75) } else { mix(back, second, 0.7) };
    let tall = dice.range(0.4, 0.54);
    let (bands, count, shift) = (dice.chance(0.6), dice.range(1.4, 2.4), dice.range(0.0, 1.0));
    let ribs = |q: P| lit(fin, 0.9 + 0.2 * sine(5.0 * q.y));
    let notch = dice.range(0.72, 0.85);
    let tail = [p(0.4, 0.0), p(1.0, -0.48), p(notch, 0.0), p(1.0, 0.48)];
    pen.paint(matt(0.12), ribs, |q| polygon(q, &tail) - 0.05);
    let crest = [p(-0.42, -0.28), p(-0.05, -tall - 0.3), p(0.38, -tall - 0.12), p(0.35, -0.15)];
    pen.paint(matt(0.12), ribs, |q| polygon(q, &crest) - 0.04);
    let keel = [p(-0.15, 0.3), p(0.12, tall + 0.25), p(0.3, 0.2)];
    pen.paint(matt(0.12), ribs, |q| polygon(q, &keel) - 0.03);
    let body = |q: P| {
        let trunk = ellipse(q, p(-0.22, 0.0), p(0.72, tall));
        melt(trunk, ellipse(q, p(0.4, 0.0), p(0.26, 0.14)), 0.25)
    };
    let tone = |q: P| {
        let band = if bands { step(0.1, 0.5, sine(count * q.x + shift)) * step(-0.6, -0.45, q.x) } else { 0.0 };
        let scale = 0.12 * sine(6.0 * q.x + 3.0 * q.y) * sine(6.0 * q.x - 3.0 * q.y);
        let side = mix(lit(back, 1.0 + scale), second, 0.85 * band);
        mix(side, hsv(0.12, 0.12, 1.0), 0.6 * step(0.05, 0.8 * tall, q.y))
    };
    pen.paint(glossy(0.5, 0.6), tone, body);
    pen.fill(FLAT, lit(back, 0.5), |q| ring(q, p(-0.72, 0.02), 0.32, 0.025).max(-0.5 - q.x).max(q.y.abs() - 0.25));
    pen.fill(matt(0.08), fin, |q| ellipse(q.rotated(p(0.9, -0.436)), p(-0.13, 0.06), p(0.2, 0.1)));
    pen.fill(FLAT, [0.97; 3], |q| circle(q, p(-0.66, -0.1), 0.13));
    pen.fill(glossy(0.08, 1.0), [0.05; 3], |q| circle(q, p(-0.68, -0.1), 0.075));
    pen.fill(FLAT, lit(back, 0.4), |q| ellipse(q, p(-0.9, 0.12), p(0.1, 0.03)));
}
