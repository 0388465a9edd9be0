//! How maps lie in memory.

use std::ops::Range;

use crate::engine::nets::extent::Extent;

/// Values per block of channels: one AVX-512 register or two of AVX2.
pub const LANES: usize = 16;

/// One block of channels of one pixel.
pub type Lane = [f32; LANES];

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

    /// Pixels without the border.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Where the pixel in row `y` and column `x` begins.
    pub fn at(&self, y: usize, x: usize) -> usize {
        (y + self.border) * self.row() + (x + self.border) * self.stride
    }

    /// Where the pixels begin, row after row.
    pub fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let shape = *self;
        (0..self.height).flat_map(move |y| (0..shape.width).map(move |x| shape.at(y, x)))
    }
}

/// Values, and how they lie.
pub type Map<'a> = (&'a [f32], Shape);

/// The same for an output.
pub type MapMut<'a> = (&'a mut [f32], Shape);

/// Some pixels of a map that is written, row after row; other threads may have the others.
pub struct Band<'a> {
    /// The values from the first of these pixels on.
    pub values: &'a mut [f32],
    /// Where they begin within the map.
    pub start: usize,
    /// The map's.
    pub shape: Shape,
    /// Which pixels.
    pub pixels: Range<usize>,
}

impl<'a> Band<'a> {
    /// All pixels.
    pub fn whole((values, shape): MapMut<'a>) -> Self {
        Self { values, start: 0, shape, pixels: 0..shape.pixels() }
    }

    /// Cuts a map into at most so many bands of nearly equal size.
    pub fn cut((values, shape): MapMut<'a>, parts: usize) -> Vec<Self> {
        let pixels = shape.pixels();
        let parts = parts.clamp(1, pixels.max(1));
        if parts == 1 {
            return vec![Self::whole((values, shape))];
        }
        let place = |pixel: usize| {
            if pixel < pixels { shape.at(pixel / shape.width, pixel % shape.width) } else { shape.len() }
        };
        let (mut rest, mut start) = (values, 0);
        let mut bands = Vec::with_capacity(parts);
        for part in 0..parts {
            let pixels = pixels * part / parts..pixels * (part + 1) / parts;
            let (before, own) = std::mem::take(&mut rest).split_at_mut(place(pixels.start) - start);
            start += before.len();
            let (own, later) = own.split_at_mut(place(pixels.end) - start);
            bands.push(Self { start, shape, pixels, values: own });
            start += bands[part].values.len();
            rest = later;
        }
        bands
    }

    /// The same band once more, for a second pass over it.
    pub fn again(&mut self) -> Band<'_> {
        Band { values: &mut *self.values, start: self.start, shape: self.shape, pixels: self.pixels.clone() }
    }

    /// Calls `each` with the row, the column and the output channels of every pixel.
    #[inline(always)]
    pub fn each(self, mut each: impl FnMut(usize, usize, &mut [f32])) {
        let Self { values, start, shape, pixels } = self;
        if pixels.is_empty() {
            return;
        }
        let (mut y, mut x) = (pixels.start / shape.width, pixels.start % shape.width);
        for _ in pixels {
            let at = shape.at(y, x) - start;
            each(y, x, &mut values[at..at + shape.stride]);
            x += 1;
            if x == shape.width {
                (y, x) = (y + 1, 0);
            }
        }
    }
}

/// A row of a map, without the border.
#[inline(always)]
pub fn line_of<'a>((values, shape): Map<'a>, y: usize) -> &'a [f32] {
    &values[shape.at(y, 0)..][..shape.width * shape.stride]
}

/// The same for an output.
#[inline(always)]
pub fn line_mut<'a>((values, shape): MapMut<'a>, y: usize) -> &'a mut [f32] {
    &mut values[shape.at(y, 0)..][..shape.width * shape.stride]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pixel lies in one band, whatever the border and the number of bands.
    #[test]
    fn bands_are_the_whole_map() {
        for (height, width, border) in [(3, 5, 0), (4, 4, 1), (1, 7, 2), (1, 1, 0), (5, 1, 1)] {
            let shape = Shape::new(Extent::map(17, height, width), border);
            for parts in 1..12 {
                let mut map = vec![0.0; shape.len()];
                let bands = Band::cut((&mut map, shape), parts);
                assert_eq!(bands.len(), parts.min(height * width));
                for band in bands {
                    band.each(|y, x, out| out.iter_mut().for_each(|o| *o += (y * width + x + 1) as f32));
                }
                let mut whole = vec![0.0; shape.len()];
                Band::whole((&mut whole, shape)).each(|y, x, out| out.fill((y * width + x + 1) as f32));
                assert_eq!(map, whole, "{height} × {width}, border {border}, {parts} bands");
            }
        }
    }
}
