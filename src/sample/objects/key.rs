//! A key: a bow with a hole, a collar, a shaft and two or three teeth, of metal.

use crate::sample::colour::{Dice, hsv, lit, mix};
use crate::sample::geometry::{P, circle, p, ring, slab, step};
use crate::sample::pen::{Pen, glossy};

pub fn draw(pen: &mut Pen, dice: &mut Dice) {
    let metal = pen.apart(dice, |dice| {
        let (hue, saturation, value) =
            dice.pick(&[(0.125, 0.65, 0.92), (0.6, 0.06, 0.88), (0.07, 0.6, 0.7), (0.6, 0.12, 0.35)]);
        dice.near(hue, saturation, value)
    });
    let (round, clover) = (dice.chance(0.5), dice.chance(0.4));
    let thick = dice.range(0.085, 0.11);
    let teeth = [(0.82, dice.range(0.3, 0.42)), (0.6, dice.range(0.22, 0.4)), (0.4, dice.pick(&[0.0, 0.28]))];
    let bow = |q: P| {
        if clover {
            let leaves = [p(-0.5, -0.22), p(-0.5, 0.22), p(-0.8, 0.0)];
            leaves.iter().map(|&c| ring(q, c, 0.17, 0.085)).fold(f32::MAX, f32::min)
        } else if round {
            ring(q, p(-0.62, 0.0), 0.29, 0.115)
        } else {
            slab(q, p(-0.6, 0.0), p(0.36, 0.42), 0.22).max(-circle(q, p(-0.68, 0.0), 0.16))
        }
    };
    let shape = |q: P| {
        let collar = slab(q, p(-0.1, 0.0), p(0.06, 0.17), 0.03);
        let rod = slab(q, p(0.3, 0.0), p(0.68, thick), 0.04);
        let tooth = |(x, deep): (f32, f32)| slab(q, p(x, 0.5 * deep), p(0.075, 0.5 * deep), 0.02);
        let bits = teeth.iter().filter(|t| t.1 > 0.0).map(|&t| tooth(t)).fold(f32::MAX, f32::min);
        bow(q).min(collar).min(rod).min(bits)
    };
    let wear = dice.noise();
    let tone = |q: P| mix(metal, lit(metal, 0.75), step(0.35, 0.8, wear.smooth(4.0 * q.x, 4.0 * q.y)));
    pen.fill(glossy(0.05, 0.0), mix(lit(metal, 0.35), hsv(0.08, 0.4, 0.2), 0.4), |q| shape(q) - 0.025);
    pen.paint(glossy(0.1, 1.0), tone, shape);
}
