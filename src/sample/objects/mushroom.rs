//! A toadstool: a domed cap, mostly spotted, the gills below it, and a stem with a ring.

use crate::sample::colour::{Dice, hsv, lit, mix};
use crate::sample::geometry::{P, ellipse, melt, p, sine, step, stroke};
use crate::sample::pen::{FLAT, Pen, ball, matt};

pub fn draw(pen: &mut Pen, dice: &mut Dice) {
    let cap = pen.apart(dice, |dice| {
        let hue = dice.pick(&[0.0, 0.99, 0.06, 0.08, 0.12, 0.78]);
        dice.near(hue, 0.75, 0.75)
    });
    let cream = dice.near(0.11, 0.15, 0.92);
    let (rim, tall) = (dice.range(-0.02, 0.12), dice.range(0.75, 0.95));
    let (thin, foot) = (dice.range(0.17, 0.24), dice.range(0.22, 0.32));
    pen.fill(matt(0.25), cream, |q| stroke(q, (p(0.0, rim), thin), (p(0.0, 0.95 - foot), foot)));
    pen.fill(matt(0.06), lit(cream, 0.9), |q| ellipse(q, p(0.0, rim + 0.33), p(thin + 0.1, 0.07)));
    let under = mix(lit(cream, 0.62), cap, 0.2);
    let gills = |q: P| lit(under, 0.9 + 0.25 * sine(5.5 * q.x / (0.4 + 1.5 * (q.y - rim + 0.1).abs())));
    pen.paint(FLAT, gills, |q| ellipse(q, p(0.0, rim), p(0.86, 0.2)));
    let dome = |q: P| {
        let ball = ellipse(q, p(0.0, rim), p(0.97, tall));
        -melt(-ball, rim + 0.03 - 0.1 * q.x * q.x - q.y + 0.09, 0.12)
    };
    let spotted = dice.chance(0.8);
    let (size, turn) = (dice.range(0.1, 0.16), dice.range(-0.2, 0.2));
    // Places on the dome, as fractions of its half width and height; spots flatten towards its edge.
    let places = [(-0.72, 0.25), (-0.3, 0.22), (0.16, 0.3), (0.6, 0.22), (-0.42, 0.62), (0.0, 0.7), (0.4, 0.6)];
    let spot = |q: P| {
        let near = places.iter().map(|&(x, y)| {
            let x: f32 = x + 0.3 * turn;
            let seat = p(0.97 * x, rim - tall * y);
            ellipse(q, seat, p(size * (1.0 - 0.5 * x * x), size * (0.9 - 0.35 * y)))
        });
        near.fold(f32::MAX, f32::min)
    };
    let pale = hsv(0.12, 0.08, 0.97);
    let tone = |q: P| if spotted { mix(cap, pale, step(0.025, -0.025, spot(q))) } else { lit(cap, 0.9 - 0.2 * q.y) };
    pen.paint(ball(p(0.0, rim + 0.1), p(1.0, tall + 0.12), 0.5), tone, dome);
}
