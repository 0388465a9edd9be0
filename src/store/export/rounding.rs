//! What becomes of floats in formats of 8 bits.

use crate::core::data::pixels::{RgbF32, level};

/// Values of a set that keeps floats, and what clamping and rounding does to them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rounding {
    /// Values of all images.
    pub values: u64,
    /// Those outside [0, 1], which are clamped.
    pub clamped: u64,
    /// The greatest change of a value, in units of [0, 1].
    pub greatest: f32,
}

impl Rounding {
    /// Takes an image.
    pub fn add(&mut self, image: &RgbF32) {
        self.values += image.data.len() as u64;
        for &value in &image.data {
            self.clamped += u64::from(!(0.0..=1.0).contains(&value));
            self.greatest = self.greatest.max((value - f32::from(level(value)) / 255.0).abs());
        }
    }

    /// What the user should know before the floats are written in 8 bits.
    #[must_use]
    pub fn note(&self) -> String {
        let Self { values, clamped, greatest } = self;
        let levels = greatest * 255.0;
        format!(
            "the set's values are floats, and this format has 8 bits: {clamped} of {values} values are outside [0, 1] and \
             clamped, all are rounded, the largest change is {greatest:.4} ({levels:.1} levels of 255); rded, lic and \
             dd-ranking keep the floats"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_clamped_is_counted_and_the_largest_change_found() {
        let mut rounding = Rounding::default();
        rounding.add(&RgbF32 { width: 1, height: 2, data: vec![0.0, 1.0, 0.5, -0.25, 1.125, 0.2] });
        assert_eq!((rounding.values, rounding.clamped, rounding.greatest), (6, 2, 0.25));
        let said = rounding.note();
        assert!(said.contains("2 of 6 values are outside") && said.contains("0.2500 (63.8 levels of 255)"), "{said}");
        let mut inside = Rounding::default();
        inside.add(&RgbF32 { width: 1, height: 1, data: vec![0.5 / 255.0, 1.0, 0.0] });
        assert!(inside.clamped == 0 && (inside.greatest - 0.5 / 255.0).abs() < 1e-7);
    }
}
