//! Decoded pixels as plain data.

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
