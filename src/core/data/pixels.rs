//! Decoded pixels as plain data.

use crate::core::distil::patch::CropBox;

/// A value of one channel of a pixel.
pub trait Sample: Copy + Default + Into<f64> + Send + Sync + 'static {
    /// The value of full intensity, that is 1 in units of [0, 1].
    const WHITE: f64;

    /// In units of [0, 1].
    #[must_use]
    fn intensity(self) -> f32;
}

impl Sample for u8 {
    const WHITE: f64 = 255.0;

    fn intensity(self) -> f32 {
        f32::from(self) / 255.0
    }
}

/// In units of [0, 1]; values may leave them.
impl Sample for f32 {
    const WHITE: f64 = 1.0;

    fn intensity(self) -> f32 {
        self
    }
}

/// An RGB image, rows from the top, three values a pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raster<T> {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width · height · 3` values.
    pub data: Vec<T>,
}

/// An 8-bit image.
pub type Rgb8 = Raster<u8>;

/// An image of floats in units of [0, 1], which its values may leave.
pub type RgbF32 = Raster<f32>;

impl<T: Sample> Raster<T> {
    /// A black image.
    #[must_use]
    pub fn black(width: u32, height: u32) -> Self {
        Self { width, height, data: vec![T::default(); width as usize * height as usize * 3] }
    }

    /// The pixels of a box as an image; `None` of a box that isn't wholly inside.
    #[must_use]
    pub fn cut(&self, region: CropBox) -> Option<Self> {
        let inside = |start: u32, length: u32, whole: u32| start.checked_add(length).is_some_and(|end| end <= whole);
        if !inside(region.left, region.width, self.width) || !inside(region.top, region.height, self.height) {
            return None;
        }
        let (first, length) = (region.left as usize * 3, region.width as usize * 3);
        let rows = (region.top..region.top + region.height).map(|row| row as usize * self.width as usize * 3 + first);
        let data = rows.flat_map(|at| &self.data[at..at + length]).copied().collect();
        Some(Self { width: region.width, height: region.height, data })
    }

    /// The pixel in column `x` of row `y`.
    ///
    /// # Panics
    /// Outside the image.
    #[must_use]
    pub fn pixel(&self, x: u32, y: u32) -> [T; 3] {
        let at = (y as usize * self.width as usize + x as usize) * 3;
        [self.data[at], self.data[at + 1], self.data[at + 2]]
    }

    /// Sets the pixel in column `x` of row `y`.
    ///
    /// # Panics
    /// Outside the image.
    pub fn set_pixel(&mut self, x: u32, y: u32, rgb: [T; 3]) {
        let at = (y as usize * self.width as usize + x as usize) * 3;
        self.data[at..at + 3].copy_from_slice(&rgb);
    }
}

/// The level from 0 to 255 that is nearest to a value in units of [0, 1]; halves go to the even one.
#[must_use]
pub fn level(value: f32) -> u8 {
    // NaN becomes 0.
    (value * 255.0).round_ties_even().clamp(0.0, 255.0) as u8
}

impl RgbF32 {
    /// In 8 bits: clamped to [0, 1] and rounded to the nearest level.
    #[must_use]
    pub fn rounded(&self) -> Rgb8 {
        Rgb8 { width: self.width, height: self.height, data: self.data.iter().map(|&v| level(v)).collect() }
    }

    /// An image from its planes: R before G before B, each of `height` rows; `None` where their length is another.
    #[must_use]
    pub fn from_planes(width: u32, height: u32, planes: &[f32]) -> Option<Self> {
        let plane = width as usize * height as usize;
        if planes.len() != 3 * plane {
            return None;
        }
        let data = (0..plane).flat_map(|at| [planes[at], planes[plane + at], planes[2 * plane + at]]).collect();
        Some(Self { width, height, data })
    }
}

/// Level ÷ 255.
impl From<&Rgb8> for RgbF32 {
    fn from(image: &Rgb8) -> Self {
        let data = image.data.iter().map(|level| level.intensity()).collect();
        Self { width: image.width, height: image.height, data }
    }
}

/// An image as its set keeps it.
#[derive(Clone, Debug, PartialEq)]
pub enum Rgb {
    /// In 8 bits.
    Bytes(Rgb8),
    /// As floats.
    Floats(RgbF32),
}

impl Rgb {
    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        match self {
            Self::Bytes(image) => (image.width, image.height),
            Self::Floats(image) => (image.width, image.height),
        }
    }

    /// The pixels of a box as an image; `None` of a box that isn't wholly inside.
    #[must_use]
    pub fn cut(&self, region: CropBox) -> Option<Self> {
        Some(match self {
            Self::Bytes(image) => Self::Bytes(image.cut(region)?),
            Self::Floats(image) => Self::Floats(image.cut(region)?),
        })
    }

    /// Bytes that its values take in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Bytes(image) => size_of_val(&image.data[..]),
            Self::Floats(image) => size_of_val(&image.data[..]),
        }
    }

    /// The values as floats: level ÷ 255 of 8 bits.
    #[must_use]
    pub fn into_floats(self) -> RgbF32 {
        match self {
            Self::Bytes(image) => RgbF32::from(&image),
            Self::Floats(image) => image,
        }
    }

    /// The pixels in 8 bits: floats clamped and rounded.
    #[must_use]
    pub fn into_pixels(self) -> Rgb8 {
        match self {
            Self::Bytes(image) => image,
            Self::Floats(image) => image.rounded(),
        }
    }

    /// Hash of all values: of the bytes, or of the floats' little-endian ones.
    #[must_use]
    pub fn hash(&self) -> blake3::Hash {
        match self {
            Self::Bytes(image) => blake3::hash(&image.data),
            Self::Floats(image) => {
                let mut hash = blake3::Hasher::new();
                image.data.chunks(1024).for_each(|values| {
                    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                    hash.update(&bytes);
                });
                hash.finalize()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_clamped_and_rounded_to_the_nearest_level() {
        let data = vec![-0.25, 0.0, 0.5 / 255.0, 1.5 / 255.0, 0.502, 254.49 / 255.0, 1.0, 1.75, f32::NAN];
        let image = RgbF32 { width: 3, height: 1, data };
        assert_eq!(image.rounded().data, [0, 0, 0, 2, 128, 254, 255, 255, 0]);
    }

    #[test]
    fn every_level_survives_floats() {
        let levels = Rgb8 { width: 128, height: 2, data: (0..=255).cycle().take(768).collect() };
        let floats = RgbF32::from(&levels);
        assert_eq!(floats.pixel(0, 0), [0.0, 1.0 / 255.0, 2.0 / 255.0]);
        assert_eq!(floats.rounded(), levels);
        assert_eq!(Rgb::Bytes(levels.clone()).into_floats(), floats);
        assert_eq!((Rgb::Bytes(levels).bytes(), Rgb::Floats(floats).bytes()), (768, 4 * 768));
    }

    #[test]
    fn planes_become_pixels() {
        let image = RgbF32::from_planes(2, 1, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert_eq!(image.data, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        assert_eq!(RgbF32::from_planes(2, 2, &[0.0; 6]), None);
    }

    #[test]
    fn a_box_is_cut_out_of_an_image_and_no_other() {
        let mut image = Rgb8::black(4, 3);
        (0..12).for_each(|at| image.set_pixel(at % 4, at / 4, [at as u8, 0, 9]));
        let part = image.cut(CropBox { top: 1, left: 2, height: 2, width: 2 }).unwrap();
        assert_eq!((part.width, part.height), (2, 2));
        assert_eq!(part.data, [6, 0, 9, 7, 0, 9, 10, 0, 9, 11, 0, 9]);
        assert_eq!(image.cut(CropBox::whole(4, 3)), Some(image.clone()));
        assert_eq!(image.cut(CropBox { top: 2, left: 0, height: 2, width: 1 }), None);
        assert_eq!(image.cut(CropBox { top: 0, left: u32::MAX, height: 1, width: 2 }), None);
    }
}
