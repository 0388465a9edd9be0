//! How maps lie in memory.

use super::kernel::LANES;
use crate::engine::nets::extent::Extent;

/// A channels-last map with a zero border. The distance between pixels is their channels rounded up to [`LANES`],
/// except for an input image that only convolutions read; what lies beyond a pixel's channels means nothing, and no
/// step reads it into a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows without the border.
    pub height: usize,
    /// Columns without the border.
    pub width: usize,
    /// Channels that mean something.
    pub channels: usize,
    /// Distance between pixels.
    pub stride: usize,
    /// Zero rows and columns on every side.
    pub border: usize,
}

impl Shape {
    /// A map of that size.
    pub fn new(Extent { channels, height, width, .. }: Extent, border: usize) -> Self {
        Self { height, width, channels, stride: channels.next_multiple_of(LANES), border }
    }

    /// Distance between rows.
    pub fn row(&self) -> usize {
        (self.width + 2 * self.border) * self.stride
    }

    /// Values in all.
    pub fn len(&self) -> usize {
        (self.height + 2 * self.border) * self.row()
    }

    /// Where the pixel in row `y` and column `x` begins.
    pub fn at(&self, y: usize, x: usize) -> usize {
        (y + self.border) * self.row() + (x + self.border) * self.stride
    }
}
