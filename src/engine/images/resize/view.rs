//! What an evaluation sees of an image: the papers' transform on Pillow's 8-bit images, and the same on floats.

use super::{Axis, resample};
use crate::core::data::pixels::{Rgb8, RgbF32};
use crate::core::distil::patch::CropBox;

/// The papers' evaluation transform (RDED's and SRe2L's code) up to the 8-bit image: the shorter edge becomes (side ÷ 7)·8 pixels
/// (224 → 256, 64 → 72, 32 → 32; integer division), then the `side`×`side` centre is kept, as torchvision's
/// `Resize` and `CenterCrop` do it on Pillow images; where the resized image is smaller than `side`, black is added.
#[must_use]
pub fn evaluation_view(image: &Rgb8, side: u32) -> Rgb8 {
    centre_view(image, side / 7 * 8, side)
}

/// The same with a shorter edge of `edge` pixels: LIC's code has 146 for 128 and 73 for 64.
#[must_use]
pub fn centre_view(image: &Rgb8, edge: u32, side: u32) -> Rgb8 {
    let [columns, rows] = windows((image.width, image.height), edge, side);
    let mut view = Rgb8::black(side, side);
    if image.width > 0 && image.height > 0 {
        resize_window(image, &columns, &rows, &mut view);
    }
    view
}

/// [`centre_view`] of floats: the same pixels by the same filter, neither rounded nor clamped.
#[must_use]
pub fn centre_floats(image: &RgbF32, edge: u32, side: u32) -> RgbF32 {
    let [columns, rows] = windows((image.width, image.height), edge, side);
    let mut view = RgbF32::black(side, side);
    let (left, top) = (columns.pad as u32, rows.pad as u32);
    if image.width > 0 && image.height > 0 {
        let whole = CropBox::whole(image.width, image.height);
        resample(image, whole, (&columns.axis, &rows.axis), |x, y, rgb| {
            view.set_pixel(left + x as u32, top + y as u32, rgb);
        });
    }
    view
}

/// The columns and rows that an evaluation sees of an image of `(width, height)` pixels.
fn windows((width, height): (u32, u32), edge: u32, side: u32) -> [Window; 2] {
    let shorter = u64::from(edge.max(1));
    let short = u64::from(width.min(height).max(1));
    // torchvision: int(n · long ÷ short); equals n for the shorter edge itself.
    [width, height].map(|edge| Window::new(edge, shorter * u64::from(edge) / short, side))
}

/// The part of one resized axis that the centre crop keeps.
struct Window {
    axis: Axis,
    /// Black pixels before it.
    pad: usize,
}

impl Window {
    fn new(from: u32, resized: u64, side: u32) -> Self {
        if resized <= u64::from(side) {
            let pad = (u64::from(side) - resized) / 2;
            return Self { axis: Axis::new(from, resized, 0, resized as u32), pad: pad as usize };
        }
        let start = ((resized - u64::from(side)) as f64 / 2.0).round_ties_even();
        Self { axis: Axis::new(from, resized, start as u64, side), pad: 0 }
    }
}

/// Bits behind the point of Pillow's 8-bit weights (`PRECISION_BITS` of its `Resample.c`).
const PRECISION: u32 = 32 - 8 - 2;

/// Weights in Pillow's fixed point.
fn fixed(weights: &[f64]) -> Vec<i32> {
    weights.iter().map(|w| (0.5 + w * f64::from(1_u32 << PRECISION)) as i32).collect()
}

/// A sum of fixed-point products, rounded to 8 bit.
fn round8(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (PRECISION - 1);

/// Pillow's two passes, horizontal first, each rounded to 8 bit; only rows and columns that the windows need.
fn resize_window(image: &Rgb8, columns: &Window, rows: &Window, view: &mut Rgb8) {
    let (row_weights, column_weights) = (fixed(&rows.axis.weights), fixed(&columns.axis.weights));
    let width = columns.axis.len();
    let Some(last) = rows.axis.len().checked_sub(1) else { return };
    let top = rows.axis.first[0];
    let bottom = rows.axis.first[last] + rows.axis.tap(last).1.len();
    let mut narrowed = Vec::with_capacity((bottom - top) * width * 3);
    for source in image.data.chunks_exact(image.width as usize * 3).take(bottom).skip(top) {
        for x in 0..width {
            let (first, span) = columns.axis.span(x);
            let mut sum = [HALF; 3];
            for (pixel, &weight) in source[first * 3..].chunks_exact(3).zip(&column_weights[span]) {
                for c in 0..3 {
                    sum[c] += weight * i32::from(pixel[c]);
                }
            }
            narrowed.extend(sum.map(round8));
        }
    }
    let stride = view.width as usize * 3;
    let mut sums = vec![HALF; width * 3];
    for y in 0..rows.axis.len() {
        let (first, span) = rows.axis.span(y);
        sums.fill(HALF);
        for (source, &weight) in narrowed.chunks_exact(width * 3).skip(first - top).zip(&row_weights[span]) {
            sums.iter_mut().zip(source).for_each(|(sum, &value)| *sum += weight * i32::from(value));
        }
        let at = (rows.pad + y) * stride + columns.pad * 3;
        view.data[at..at + width * 3].iter_mut().zip(&sums).for_each(|(out, &sum)| *out = round8(sum));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::images::fixtures::{Tensors, corner, folder, greatest};

    #[test]
    fn views_of_floats_are_those_of_bytes_but_for_rounding() {
        let image = Tensors::read(&folder().join("resized.safetensors")).image("source");
        for side in [8, 32, 64] {
            let view = evaluation_view(&image, side);
            let floats = centre_floats(&RgbF32::from(&image), side / 7 * 8, side);
            assert_eq!((floats.width, floats.height), (view.width, view.height));
            // Pillow rounds after each of its two passes.
            assert!(greatest(&floats.data, &RgbF32::from(&view).data) < 1.1 / 255.0, "{side}");
        }
        let small = RgbF32 { width: 3, height: 3, data: vec![2.0; 27] };
        assert!(centre_floats(&small, 32, 32).data.iter().all(|&v| (v - 2.0).abs() < 1e-6));
    }

    #[test]
    fn evaluation_views_equal_pillows_bytes() {
        let reference = Tensors::read(&folder().join("resized.safetensors"));
        let image = reference.image("source");
        let views = reference.numbered("view/");
        assert_eq!(views.len(), 11);
        for (name, numbers) in views {
            let [width, height, side] = numbers[..] else { panic!("{name}") };
            assert_eq!(evaluation_view(&corner(&image, width, height), side), reference.image(&name), "{name}");
        }
    }

    #[test]
    fn a_long_strip_costs_no_more_than_its_view() {
        // Resized as a whole this would have 224/7·8 × 25,600,000 pixels.
        let mut strip = Rgb8 { width: 1, height: 100_000, data: vec![9; 300_000] };
        strip.set_pixel(0, 50_000, [255, 0, 0]);
        let view = evaluation_view(&strip, 224);
        assert_eq!((view.width, view.height), (224, 224));
        assert_ne!(view.pixel(0, 223), view.pixel(0, 0));
    }

    /// (73 − 64) ÷ 2 = 4.5 rounds to 4, as torchvision's `CenterCrop` does.
    #[test]
    fn another_edge_shows_another_part_of_the_middle() {
        let mut image = Rgb8::black(73, 73);
        (0..73 * 73).for_each(|at| image.set_pixel(at % 73, at / 73, [(at % 73) as u8, (at / 73) as u8, 0]));
        let view = centre_view(&image, 73, 64);
        assert_eq!((view.pixel(0, 0), view.pixel(63, 63)), ([4, 4, 0], [67, 67, 0]));
        assert_eq!(centre_view(&image, 72, 64), evaluation_view(&image, 64));
        assert_eq!(view.cut(CropBox::whole(64, 64)), image.cut(CropBox { top: 4, left: 4, height: 64, width: 64 }));
    }
}
