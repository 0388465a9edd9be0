//! Baseline 4:2:0, the most frequent kind of JPEG, to the very pixels of libjpeg's "fancy upsampling".
//!
//! zune-jpeg enlarges chroma by the same filter, but rounds between its two directions, which puts chroma off by one
//! level in places, and red and blue by up to five: enough to move losses by hundredths. It offers no chroma of the
//! stored size, so the file is decoded in disguise: a header that says luma is sampled 4×1 instead of 2×2, in an
//! image twice as wide and half as high, describes the same blocks in the same order. For 4:1 the crate only repeats
//! each chroma sample four times, and what comes out holds luma and chroma untouched, in another order:
//!
//! - row r of the decoded image holds chroma row r, sample i at column 4·i;
//! - of each 32 columns, four blocks of 8 are the luma blocks upper left, upper right, lower left, lower right of
//!   16×16 pixels.

use super::{Frame, ycc_to_rgb};

/// The file with the header of the disguise; `None` where it is no 4:2:0 file or too wide for it.
pub(super) fn disguise(bytes: &[u8], frame: &Frame) -> Option<Vec<u8>> {
    let width = u16::try_from(frame.width.div_ceil(16) * 32).ok()?;
    let height = u16::try_from(frame.height.div_ceil(16) * 8).ok()?;
    let mut header = bytes.get(frame.at..frame.at + 8).filter(|_| frame.quarter_chroma)?.to_vec();
    header[1..3].copy_from_slice(&height.to_be_bytes());
    header[3..5].copy_from_slice(&width.to_be_bytes());
    header[7] = 0x41;
    let mut disguised = bytes.to_vec();
    disguised[frame.at..frame.at + 8].copy_from_slice(&header);
    Some(disguised)
}

/// One chroma channel around a band of 16 pixel rows: the chroma row above it, its 8 rows, the row below.
struct Window {
    channel: usize,
    rows: [Vec<u8>; 10],
    /// 3·near + far of one pixel row, with each end repeated.
    sums: Vec<u16>,
}

/// The decoded disguise as RGB of `width`×`height`, in place: band by band, what is written never reaches what is
/// still to be read.
pub(super) fn to_rgb(mut data: Vec<u8>, width: usize, height: usize) -> Vec<u8> {
    let stride = width.div_ceil(16) * 32 * 3;
    let (columns, chroma_rows) = (width.div_ceil(2), height.div_ceil(2));
    let mut windows = [1, 2].map(|channel| Window {
        channel,
        rows: std::array::from_fn(|_| vec![0; columns]),
        sums: vec![0; columns + 2],
    });
    let mut band = vec![0; 8 * stride];
    let (mut luma, mut cb, mut cr) = (vec![0; width], vec![0; 2 * columns], vec![0; 2 * columns]);
    for first in (0..height).step_by(16) {
        windows.iter_mut().for_each(|window| window.load(&data, stride, first / 2, chroma_rows));
        band.copy_from_slice(&data[first / 2 * stride..][..8 * stride]);
        for row in first..height.min(first + 16) {
            gather_luma(&band, stride, row, &mut luma);
            windows[0].enlarge(row, &mut cb);
            windows[1].enlarge(row, &mut cr);
            let pixels = data[row * width * 3..][..width * 3].chunks_exact_mut(3);
            for (((pixel, &y), &cb), &cr) in pixels.zip(&luma).zip(&cb).zip(&cr) {
                pixel.copy_from_slice(&ycc_to_rgb(y, cb, cr));
            }
        }
    }
    data.truncate(width * height * 3);
    data
}

/// Luma of pixel row `row` out of its band.
fn gather_luma(band: &[u8], stride: usize, row: usize, luma: &mut [u8]) {
    let source = &band[row % 8 * stride..][..stride];
    let lower = row / 8 % 2;
    for (block, values) in luma.chunks_mut(8).enumerate() {
        let column = block / 2 * 32 + (2 * lower + block % 2) * 8;
        values.iter_mut().zip(source[column * 3..].iter().step_by(3)).for_each(|(out, &v)| *out = v);
    }
}

impl Window {
    /// Loads the chroma rows `first` − 1 to `first` + 8; beyond the image its edge row is repeated.
    fn load(&mut self, data: &[u8], stride: usize, first: usize, count: usize) {
        // The row above was overwritten with pixels by now; it is the last of the window before.
        self.rows.swap(0, 8);
        for k in usize::from(first > 0)..10 {
            let row = (first + k).saturating_sub(1).min(count - 1);
            let samples = data[row * stride..][..stride].iter().skip(self.channel).step_by(12);
            self.rows[k].iter_mut().zip(samples).for_each(|(out, &v)| *out = v);
        }
    }

    /// The channel at full width for pixel row `row`: libjpeg's `h2v2_fancy_upsample`, weights 9 : 3 : 3 : 1, and its
    /// plain repetition where there are two columns or fewer.
    fn enlarge(&mut self, row: usize, full: &mut [u8]) {
        let near = row % 16 / 2 + 1;
        let far = if row.is_multiple_of(2) { near - 1 } else { near + 1 };
        let (near, far) = (&self.rows[near], &self.rows[far]);
        if near.len() <= 2 {
            full.chunks_exact_mut(2).zip(near).for_each(|(pair, &v)| pair.fill(v));
            return;
        }
        let inner = self.sums[1..].iter_mut().zip(near.iter().zip(far));
        inner.for_each(|(sum, (&near, &far))| *sum = 3 * u16::from(near) + u16::from(far));
        self.sums[0] = self.sums[1];
        let last = self.sums.len() - 1;
        self.sums[last] = self.sums[last - 1];
        for (pair, s) in full.chunks_exact_mut(2).zip(self.sums.windows(3)) {
            pair[0] = ((3 * s[1] + s[0] + 8) >> 4) as u8;
            pair[1] = ((3 * s[1] + s[2] + 7) >> 4) as u8;
        }
    }
}
