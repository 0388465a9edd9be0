//! Colours as three numbers in display (not linear) space, 0 to 1, and the draws that choose them.

use super::geometry::{P, fraction, lerp};
use super::noise::Noise;
use crate::core::rng::Stream;

/// Red, green, blue.
pub type Rgb = [f32; 3];

/// A colour by hue (in turns: 0 red, ⅓ green, ⅔ blue), saturation and value.
pub fn hsv(hue: f32, saturation: f32, value: f32) -> Rgb {
    let channel = |offset: f32| {
        let h = hue + offset;
        let ramp = (fraction(h) * 6.0 - 3.0).abs() - 1.0;
        value * lerp(1.0, ramp.clamp(0.0, 1.0), saturation)
    };
    [channel(0.0), channel(2.0 / 3.0), channel(1.0 / 3.0)]
}

/// `a` at 0, `b` at 1.
pub fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    [lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t)]
}

/// Brighter (over 1) or darker (under 1).
pub fn lit(c: Rgb, k: f32) -> Rgb {
    [c[0] * k, c[1] * k, c[2] * k]
}

/// How far apart two colours look, roughly: green counts most.
pub fn contrast(a: Rgb, b: Rgb) -> f32 {
    let d = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    (0.3 * d[0] * d[0] + 0.5 * d[1] * d[1] + 0.2 * d[2] * d[2]).sqrt()
}

/// The draws of one image.
pub struct Dice(pub Stream);

impl Dice {
    /// Uniform between `low` and `high`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        self.0.range(f64::from(low), f64::from(high)) as f32
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.range(0.0, 1.0) < probability
    }

    /// Uniform in {0, …, n−1}.
    pub fn below(&mut self, n: usize) -> usize {
        self.0.below(n as u64) as usize
    }

    /// One of the given.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A point of the rectangle between two corners.
    pub fn point(&mut self, low: P, high: P) -> P {
        P { x: self.range(low.x, high.x), y: self.range(low.y, high.y) }
    }

    /// A fresh noise.
    pub fn noise(&mut self) -> Noise {
        Noise((self.0.bits() >> 32) as u32)
    }

    /// Any strong colour.
    pub fn vivid(&mut self) -> Rgb {
        hsv(self.range(0.0, 1.0), self.range(0.6, 0.95), self.range(0.6, 1.0))
    }

    /// A colour near one given by hue, saturation and value.
    pub fn near(&mut self, hue: f32, saturation: f32, value: f32) -> Rgb {
        let hue = hue + self.range(-0.025, 0.025);
        hsv(
            hue,
            (saturation + self.range(-0.12, 0.12)).clamp(0.0, 1.0),
            (value + self.range(-0.1, 0.1)).clamp(0.0, 1.0),
        )
    }
}
