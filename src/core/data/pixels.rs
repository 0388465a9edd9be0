//! Decoded pixels as plain data.

use crate::core::distil::patch::CropBox;

/// An 8-bit RGB image, rows from the top, three bytes a pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rgb8 {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width · height · 3` bytes.
    pub data: Vec<u8>,
}

impl Rgb8 {
    /// A black image.
    #[must_use]
    pub fn black(width: u32, height: u32) -> Self {
        Self { width, height, data: vec![0; width as usize * height as usize * 3] }
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
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = (y as usize * self.width as usize + x as usize) * 3;
        [self.data[at], self.data[at + 1], self.data[at + 2]]
    }

    /// Sets the pixel in column `x` of row `y`.
    ///
    /// # Panics
    /// Outside the image.
    pub fn set_pixel(&mut self, x: u32, y: u32, rgb: [u8; 3]) {
        let at = (y as usize * self.width as usize + x as usize) * 3;
        self.data[at..at + 3].copy_from_slice(&rgb);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
