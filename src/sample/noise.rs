//! Textures' randomness: numbers that belong to lattice points, and smooth noise between them.

use super::geometry::{P, lerp, whole};

/// Noise over the plane that depends on its seed alone.
#[derive(Clone, Copy, Debug)]
pub struct Noise(pub u32);

impl Noise {
    /// Uniform in [0, 1) for one lattice point: two rounds of multiply and xor-shift over 32 bits.
    pub fn at(self, x: i32, y: i32) -> f32 {
        let mut h = (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ self.0;
        h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
        h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
        ((h ^ (h >> 15)) >> 8) as f32 / 16_777_216.0
    }

    /// Value noise in [0, 1): lattice values, joined by cubics.
    pub fn smooth(self, x: f32, y: f32) -> f32 {
        let (i, j) = (whole(x), whole(y));
        let (u, v) = (x - i as f32, y - j as f32);
        let (u, v) = (u * u * (3.0 - 2.0 * u), v * v * (3.0 - 2.0 * v));
        let upper = lerp(self.at(i, j), self.at(i + 1, j), u);
        let lower = lerp(self.at(i, j + 1), self.at(i + 1, j + 1), u);
        lerp(upper, lower, v)
    }

    /// Three octaves of [`Noise::smooth`], in [0, 1).
    pub fn cloudy(self, q: P) -> f32 {
        let fine = Self(self.0 ^ 0x5bd1_e995);
        let finest = Self(self.0 ^ 0x1b87_3593);
        0.55 * self.smooth(q.x, q.y)
            + 0.29 * fine.smooth(2.1 * q.x, 2.1 * q.y)
            + 0.16 * finest.smooth(4.3 * q.x, 4.3 * q.y)
    }
}
