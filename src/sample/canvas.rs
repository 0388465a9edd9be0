//! The picture while it is drawn: twice as fine as the image in each direction, in floating point.

use super::SIDE;
use super::colour::{Dice, Rgb, lit, mix};
use super::geometry::{P, p};
use crate::core::data::pixels::Rgb8;

/// Side of the drawing in samples: 2 × 2 for each pixel of the image. Edges are softened by their distances besides.
pub const FINE: usize = 2 * SIDE as usize;

/// What is behind everything drawn next.
pub struct Canvas {
    samples: Vec<Rgb>,
}

/// Things in front of the canvas: colour times coverage, and coverage.
pub struct Layer {
    pub samples: Vec<[f32; 4]>,
}

/// The shadow that a layer throws on what is behind it.
#[derive(Clone, Copy)]
pub struct Shadow {
    /// Where it falls, in pixels of the image.
    pub offset: (i32, i32),
    /// How far it is blurred, in pixels of the image.
    pub blur: usize,
    /// 0 none, 1 black.
    pub strength: f32,
}

impl Canvas {
    /// Fills the canvas with `colour` of the position, where (0, 0) is the upper left corner and (1, 1) the lower right.
    /// It is asked once for each pixel of the image: what is soft enough needs no more, and it takes most of the time.
    pub fn cover(colour: impl Fn(P) -> Rgb) -> Self {
        let side = SIDE as usize;
        let at = |i: usize| (i as f32 + 0.5) / side as f32;
        let mut samples = vec![[0.0; 3]; FINE * FINE];
        for (y, rows) in samples.chunks_exact_mut(2 * FINE).enumerate() {
            for x in 0..side {
                let c = colour(p(at(x), at(y)));
                for i in [2 * x, 2 * x + 1, FINE + 2 * x, FINE + 2 * x + 1] {
                    rows[i] = c;
                }
            }
        }
        Self { samples }
    }

    /// The mean colour in a square of half side `half` round `centre`, both in samples.
    pub fn mean_near(&self, centre: P, half: f32) -> Rgb {
        let clip = |v: f32| v.clamp(0.0, FINE as f32 - 1.0) as usize;
        let (mut sum, mut n) = ([0.0; 3], 0.0);
        for y in (clip(centre.y - half)..=clip(centre.y + half)).step_by(4) {
            for x in (clip(centre.x - half)..=clip(centre.x + half)).step_by(4) {
                let c = self.samples[y * FINE + x];
                sum = [sum[0] + c[0], sum[1] + c[1], sum[2] + c[2]];
                n += 1.0;
            }
        }
        lit(sum, 1.0 / n)
    }

    /// Brings every sample nearer to the mean of all: 1 changes nothing, 0 leaves one colour. So the things in front
    /// stand out, as they do where a lens is focused on them.
    pub fn calm(&mut self, share: f32) {
        let mean = self.mean_near(p(FINE as f32, FINE as f32) * 0.5, FINE as f32);
        for sample in &mut self.samples {
            *sample = mix(mean, *sample, share);
        }
    }

    /// Puts a layer on the canvas, its shadow first.
    pub fn lay(&mut self, layer: &Layer, shadow: Shadow) {
        let dark = layer.shade(shadow);
        let half = FINE / 2;
        for (i, (under, over)) in self.samples.iter_mut().zip(&layer.samples).enumerate() {
            let light = 1.0 - dark[i / FINE / 2 * half + i % FINE / 2];
            let through = light * (1.0 - over[3]);
            for c in 0..3 {
                under[c] = under[c] * through + over[c];
            }
        }
    }

    /// The image: light falls off across the picture, exposure, tint and contrast vary, the sensor adds noise, and
    /// 2 × 2 samples become a pixel.
    pub fn develop(&self, dice: &mut Dice) -> Rgb8 {
        let exposure = dice.range(0.86, 1.12);
        let tint = [dice.range(0.95, 1.05), dice.range(0.97, 1.03), dice.range(0.93, 1.05)];
        let contrast = dice.range(0.9, 1.1);
        let slope = p(dice.range(-0.22, 0.22), dice.range(-0.22, 0.08));
        let (noise, grain) = (dice.noise(), dice.range(0.0, 0.035));
        let mut image = Rgb8::black(SIDE, SIDE);
        for y in 0..SIDE {
            for x in 0..SIDE {
                let at = 2 * (y as usize * FINE + x as usize);
                let quad = [at, at + 1, at + FINE, at + FINE + 1].map(|i| self.samples[i]);
                let spot = p(x as f32 / SIDE as f32 - 0.5, y as f32 / SIDE as f32 - 0.5);
                let light = exposure * (1.0 + slope.dot(spot)) - 0.12 * spot.dot(spot);
                let mut rgb = [0; 3];
                for c in 0..3 {
                    let mean = quad.iter().map(|s| s[c]).sum::<f32>() * 0.25 * light * tint[c];
                    let speck = grain * (noise.at((3 * x) as i32 + c as i32, y as i32) - 0.5);
                    rgb[c] = (255.0 * (0.5 + (mean - 0.5) * contrast + speck) + 0.5) as u8;
                }
                image.set_pixel(x, y, rgb);
            }
        }
        image
    }
}

impl Layer {
    /// A layer with nothing on it.
    pub fn clear() -> Self {
        Self { samples: vec![[0.0; 4]; FINE * FINE] }
    }

    /// Takes everything off.
    pub fn wipe(&mut self) {
        self.samples.fill([0.0; 4]);
    }

    /// Lays `colour` over what the layer has at a sample.
    pub fn add(&mut self, at: usize, colour: Rgb, coverage: f32) {
        let under = self.samples[at];
        let through = 1.0 - coverage;
        for c in 0..3 {
            self.samples[at][c] = under[c] * through + colour[c] * coverage;
        }
        self.samples[at][3] = under[3] * through + coverage;
    }

    /// Darkness of the shadow for each pixel: coverage, averaged, shifted, and blurred by a box along each axis twice.
    fn shade(&self, shadow: Shadow) -> Vec<f32> {
        let side = SIDE as i32;
        let mut dark = vec![0.0; (side * side) as usize];
        for (i, cell) in dark.iter_mut().enumerate() {
            let (x, y) = (i as i32 % side - shadow.offset.0, i as i32 / side - shadow.offset.1);
            if (0..side).contains(&x) && (0..side).contains(&y) {
                let at = 2 * (y as usize * FINE + x as usize);
                let quad = [at, at + 1, at + FINE, at + FINE + 1].map(|i| self.samples[i][3]);
                *cell = quad.iter().sum::<f32>() * 0.25 * shadow.strength;
            }
        }
        for _ in 0..2 {
            dark = blurred_and_turned(&dark, shadow.blur);
            dark = blurred_and_turned(&dark, shadow.blur);
        }
        dark
    }
}

/// The picture averaged along its rows over `2 · reach + 1` pixels, rows and columns swapped: twice is a box blur.
fn blurred_and_turned(picture: &[f32], reach: usize) -> Vec<f32> {
    let side = SIDE as usize;
    let share = 1.0 / (2 * reach + 1) as f32;
    let mut turned = vec![0.0; picture.len()];
    for (y, row) in picture.chunks_exact(side).enumerate() {
        let mut sum: f32 = row[..reach].iter().sum();
        for x in 0..side {
            sum += row.get(x + reach).copied().unwrap_or(0.0);
            turned[x * side + y] = sum * share;
            sum -= if x >= reach { row[x - reach] } else { 0.0 };
        }
    }
    turned
}

/// The colour at `t` between 0 and 1 of a gradient with evenly spaced `stops`.
pub fn gradient(stops: &[Rgb], t: f32) -> Rgb {
    let last = stops.len() - 1;
    let place = t.clamp(0.0, 1.0) * last as f32;
    let at = (place as usize).min(last);
    mix(stops[at], stops[(at + 1).min(last)], place - at as f32)
}
