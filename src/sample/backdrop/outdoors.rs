//! Scenes under the sky, and the ground.

use crate::sample::canvas::{Canvas, gradient};
use crate::sample::colour::{Dice, Rgb, hsv, lit, mix};
use crate::sample::geometry::{P, circle, direction, p, step, whole, zigzag};
use crate::sample::noise::Noise;

/// A sky's colours from its top to its horizon: blue, overcast, or evening.
fn sky_stops(dice: &mut Dice) -> [Rgb; 3] {
    match dice.below(4) {
        0 => [dice.near(0.62, 0.15, 0.62), dice.near(0.6, 0.1, 0.75), dice.near(0.6, 0.06, 0.85)],
        1 => [dice.near(0.66, 0.45, 0.5), dice.near(0.93, 0.35, 0.75), dice.near(0.08, 0.5, 0.97)],
        _ => [dice.near(0.6, 0.7, 0.72), dice.near(0.57, 0.5, 0.88), dice.near(0.55, 0.2, 0.97)],
    }
}

/// A cloud's share of the sky at a place.
fn cloud(noise: Noise, q: P, cover: f32) -> f32 {
    step(1.0 - cover, 1.15 - 0.5 * cover, noise.cloudy(p(3.0 * q.x, 6.0 * q.y)))
}

/// Clouds over a gradient.
pub fn sky(dice: &mut Dice) -> Canvas {
    let (stops, noise, cover) = (sky_stops(dice), dice.noise(), dice.range(0.45, 0.75));
    let (white, drift) = (dice.near(0.1, 0.04, 0.95), dice.range(-0.3, 0.3));
    Canvas::cover(|q| {
        let bent = p(q.x + drift * q.y, q.y);
        mix(gradient(&stops, q.y), white, 0.85 * cloud(noise, bent, cover))
    })
}

/// Where the ground ends in the picture; above it for a look at the ground alone.
fn horizon(dice: &mut Dice) -> f32 {
    if dice.chance(0.4) { -0.3 } else { dice.range(0.15, 0.5) }
}

/// Grass, in most pictures up to a horizon.
pub fn meadow(dice: &mut Dice) -> Canvas {
    let (stops, clouds, high) = (sky_stops(dice), dice.noise(), horizon(dice));
    let (near, far) = (dice.near(0.27, 0.65, 0.42), dice.near(0.22, 0.5, 0.65));
    let (blades, patches) = (dice.noise(), dice.noise());
    Canvas::cover(|q| {
        let depth = (q.y - high) / (1.0 - high);
        let edge = depth - 0.03 * blades.smooth(40.0 * q.x, 0.0);
        let above = mix(gradient(&stops, q.y / high.max(0.2)), [0.97; 3], 0.7 * cloud(clouds, q, 0.55));
        let size = 1.0 / (0.3 + depth.max(0.0));
        let blade = blades.smooth(34.0 * size * (q.x - 0.5) + 6.0 * q.y, 9.0 * size);
        let tone = 0.62 + 0.42 * blade + 0.3 * (patches.cloudy(p(5.0 * q.x, 9.0 * q.y)) - 0.5);
        mix(above, lit(mix(far, near, depth.clamp(0.0, 1.0)), tone), step(-0.01, 0.01, edge))
    })
}

/// Water with waves that grow towards the viewer.
pub fn sea(dice: &mut Dice) -> Canvas {
    let (stops, clouds, high) = (sky_stops(dice), dice.noise(), horizon(dice));
    let hue = dice.range(0.47, 0.6);
    let (deep, shallow) = (dice.near(hue, 0.8, 0.42), dice.near(hue, 0.5, 0.72));
    let (waves, foam) = (dice.noise(), dice.range(0.35, 0.8));
    Canvas::cover(|q| {
        let depth = (q.y - high) / (1.0 - high);
        let above = mix(gradient(&stops, q.y / high.max(0.2)), [0.97; 3], 0.7 * cloud(clouds, q, 0.55));
        let size = 1.0 / (0.25 + depth.max(0.0));
        let wave = waves.cloudy(p(3.5 * size * (q.x - 0.5), 11.0 * size));
        let water = mix(mix(shallow, deep, 0.25 + 0.6 * depth.clamp(0.0, 1.0)), shallow, step(0.4, 0.62, wave));
        mix(above, mix(water, [0.95; 3], foam * step(0.64, 0.78, wave)), step(-0.008, 0.008, depth))
    })
}

/// Sand with ripples.
pub fn sand(dice: &mut Dice) -> Canvas {
    let (turn, ripples) = (direction(dice.range(-0.12, 0.12)), dice.range(5.0, 11.0));
    let base = dice.near(0.1, 0.4, 0.82);
    let (warp, grains, deep) = (dice.noise(), dice.noise(), dice.range(0.06, 0.2));
    Canvas::cover(|q| {
        let r = q.rotated(turn);
        let crest = zigzag(ripples * r.y + 2.2 * warp.cloudy(p(3.0 * r.x, 4.0 * r.y)));
        let grain = grains.smooth(64.0 * q.x, 64.0 * q.y) - 0.5;
        lit(base, 0.93 + deep * (step(0.0, 1.0, crest) - 0.5) + 0.14 * grain)
    })
}

/// Ranges of hills, paler the farther.
pub fn hills(dice: &mut Dice) -> Canvas {
    let stops = sky_stops(dice);
    let haze = stops[2];
    let near = if dice.chance(0.6) { dice.near(0.3, 0.5, 0.38) } else { hsv(dice.range(0.0, 1.0), 0.35, 0.35) };
    let ranges: [(Noise, f32, f32); 3] = [0.3, 0.52, 0.74].map(|y| (dice.noise(), y, dice.range(1.5, 3.5)));
    let trees = dice.noise();
    Canvas::cover(|q| {
        let mut colour = gradient(&stops, q.y * 1.4);
        for (i, (noise, y, wide)) in ranges.iter().enumerate() {
            let top = y - 0.26 * (noise.smooth(wide * q.x, 0.0) - 0.3) - 0.02 * trees.smooth(30.0 * q.x, i as f32);
            let speckle = 0.85 + 0.3 * trees.cloudy(p(14.0 * q.x, 14.0 * q.y));
            let slope = lit(mix(haze, near, 0.4 + 0.3 * i as f32), speckle);
            colour = mix(colour, slope, step(-0.006, 0.006, q.y - top));
        }
        colour
    })
}

/// Leaves out of focus, with discs of light.
pub fn foliage(dice: &mut Dice) -> Canvas {
    let hue = if dice.chance(0.7) { dice.range(0.2, 0.4) } else { dice.range(0.0, 1.0) };
    let (dark, bright) = (hsv(hue, 0.6, 0.22), hsv(hue - 0.05, 0.55, 0.62));
    let noise = dice.noise();
    let discs: Vec<(P, f32, f32)> = (0..14)
        .map(|_| (dice.point(p(0.0, 0.0), p(1.0, 1.0)), dice.range(0.04, 0.13), dice.range(0.08, 0.4)))
        .collect();
    let glow = hsv(hue - 0.1, 0.3, 1.0);
    Canvas::cover(|q| {
        let mut colour = mix(dark, bright, step(0.2, 0.8, noise.cloudy(p(4.0 * q.x, 4.0 * q.y))));
        for &(centre, radius, strength) in &discs {
            colour = mix(colour, glow, strength * step(0.012, -0.012, circle(q, centre, radius)));
        }
        colour
    })
}

/// Paving of round stones: each sample belongs to the nearest of the scattered points.
pub fn cobbles(dice: &mut Dice) -> Canvas {
    let (across, turn) = (dice.range(4.0, 7.5), direction(dice.range(0.0, 1.0)));
    let (stone, gap) = (dice.near(0.09, 0.16, 0.62), dice.near(0.1, 0.3, 0.26));
    let (dx, dy, tones) = (dice.noise(), dice.noise(), dice.noise());
    Canvas::cover(|q| {
        let r = q.rotated(turn) * across;
        let (i, j) = (whole(r.x), whole(r.y));
        let (mut first, mut second, mut tone) = (9.0_f32, 9.0_f32, 0.0);
        for (x, y) in (-1..=1).flat_map(|y| (-1..=1).map(move |x| (i + x, j + y))) {
            let seat = p(x as f32 + 0.15 + 0.7 * dx.at(x, y), y as f32 + 0.15 + 0.7 * dy.at(x, y));
            let away = (r - seat).dot(r - seat);
            if away < first {
                (first, second, tone) = (away, first, tones.at(x, y));
            } else {
                second = second.min(away);
            }
        }
        let (near, rim) = (first.sqrt(), second.sqrt() - first.sqrt());
        let rough = 0.16 * (tones.smooth(40.0 * q.x, 40.0 * q.y) - 0.5);
        mix(gap, lit(stone, 0.8 + 0.4 * tone - 0.35 * near * near + rough), step(0.04, 0.2, rim))
    })
}
