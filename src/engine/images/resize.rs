//! Antialiased bilinear resizing: of crops as PyTorch does it on float tensors, and of whole images as Pillow does
//! it on 8-bit ones.
//!
//! This is own code although there are libraries for it, because bytes depend on it. A distilled pixel is a
//! truncated float, so the float pass must give the same bits on every machine: plain sums in one order, where a
//! library's sums differ between its SIMD paths. And the 8-bit pass must give Pillow's very bytes, which needs its
//! 22-bit fixed-point weights (`fast_image_resize` has 15 bits). Both read the 8-bit pixels in place, so a crop of a
//! 20,000×20,000 image costs one row of floats besides its result.

use std::ops::Range;

use crate::core::data::pixels::{Raster, Rgb8, Sample};
use crate::core::distil::patch::CropBox;

mod view;

pub use view::{centre_floats, centre_view, evaluation_view};

/// A box that is not a part of its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the crop box (top {}, left {}, {}×{} pixels) is not inside the {width}×{height} image: the file is not the one \
     that the box was drawn for; restore that file, or score the dataset again",
    .region.top, .region.left, .region.width, .region.height
)]
pub struct OutsideImage {
    /// The box.
    pub region: CropBox,
    /// Width of the image.
    pub width: u32,
    /// Height of the image.
    pub height: u32,
}

/// For each wanted output pixel of one axis: which input pixels it sees, and how much of each.
pub(in crate::engine) struct Axis {
    first: Vec<usize>,
    /// Where the weights of each output pixel end.
    ends: Vec<usize>,
    weights: Vec<f64>,
}

impl Axis {
    /// The triangle filter (PyTorch's antialiased bilinear) from `from` to `to` pixels; of the `to` pixels only `count` from `start` on.
    /// Pixels beyond the edge are left out and the remaining weights are scaled to sum 1.
    pub(in crate::engine) fn new(from: u32, to: u64, start: u64, count: u32) -> Self {
        let scale = f64::from(from) / to as f64;
        let support = scale.max(1.0);
        // Pillow multiplies by the inverse: the last bit of a weight can decide an 8-bit rounding.
        let inverse = 1.0 / support;
        let mut axis = Self { first: Vec::new(), ends: Vec::new(), weights: Vec::new() };
        for i in 0..u64::from(count) {
            let centre = ((start + i) as f64 + 0.5) * scale;
            let low = (centre - support + 0.5).max(0.0) as u32;
            let high = ((centre + support + 0.5) as u32).min(from);
            let begin = axis.weights.len();
            let weight = |j: u32| (1.0 - ((f64::from(j) - centre + 0.5) * inverse).abs()).max(0.0);
            axis.weights.extend((low..high).map(weight));
            let sum: f64 = axis.weights[begin..].iter().sum();
            axis.weights[begin..].iter_mut().for_each(|w| *w /= sum);
            axis.first.push(low as usize);
            axis.ends.push(axis.weights.len());
        }
        axis
    }

    fn len(&self) -> usize {
        self.first.len()
    }

    /// First input pixel of output pixel `i`, and where the weights from there on lie.
    fn span(&self, i: usize) -> (usize, Range<usize>) {
        (self.first[i], i.checked_sub(1).map_or(0, |p| self.ends[p])..self.ends[i])
    }

    /// First input pixel of output pixel `i`, and the weights from there on.
    pub(in crate::engine) fn tap(&self, i: usize) -> (usize, &[f64]) {
        let (first, span) = self.span(i);
        (first, &self.weights[span])
    }
}

/// Resizes the box `region` of `image` to `size` = (width, height) and hands each pixel, as R, G, B in [0, 1], to
/// `put(column, row, rgb)`, rows from the top. Pixels outside the box have no influence; an equal size gives value ÷ 255.
///
/// Sums are taken in f64 over the image's values and rounded to f32 once, so that an even area stays exactly even. Those of
/// floats are not clamped.
///
/// # Errors
/// [`OutsideImage`] for a box that is empty or not wholly inside the image.
pub fn resize_with<T: Sample>(
    image: &Raster<T>,
    region: CropBox,
    size: (u32, u32),
    put: impl FnMut(usize, usize, [f32; 3]),
) -> Result<(), OutsideImage> {
    let inside =
        |start: u32, length: u32, whole: u32| length > 0 && u64::from(start) + u64::from(length) <= u64::from(whole);
    if !inside(region.left, region.width, image.width) || !inside(region.top, region.height, image.height) {
        return Err(OutsideImage { region, width: image.width, height: image.height });
    }
    let columns = Axis::new(region.width, u64::from(size.0), 0, size.0);
    let rows = Axis::new(region.height, u64::from(size.1), 0, size.1);
    resample(image, region, (&columns, &rows), put);
    Ok(())
}

/// [`resize_with`] of a box inside the image, for the pixels that the axes want.
fn resample<T: Sample>(
    image: &Raster<T>,
    region: CropBox,
    (columns, rows): (&Axis, &Axis),
    mut put: impl FnMut(usize, usize, [f32; 3]),
) {
    let stride = image.width as usize * 3;
    let row_start = region.left as usize * 3;
    let row_length = region.width as usize * 3;
    let mut mixed = vec![0.0_f64; row_length];
    for y in 0..rows.len() {
        let (first, weights) = rows.tap(y);
        mixed.fill(0.0);
        for (k, &weight) in weights.iter().enumerate().filter(|(_, w)| **w != 0.0) {
            let at = (region.top as usize + first + k) * stride + row_start;
            let source = &image.data[at..at + row_length];
            mixed.iter_mut().zip(source).for_each(|(sum, &value)| *sum += weight * Into::<f64>::into(value));
        }
        for x in 0..columns.len() {
            let (first, weights) = columns.tap(x);
            let mut sum = [0.0_f64; 3];
            for (pixel, &weight) in mixed[first * 3..].chunks_exact(3).zip(weights) {
                for c in 0..3 {
                    sum[c] += weight * pixel[c];
                }
            }
            put(x, y, sum.map(|s| (s / T::WHITE) as f32));
        }
    }
}

/// [`resize_with`] into planes: `3 · height · width` values, R before G before B, in [0, 1].
///
/// # Errors
/// As [`resize_with`].
pub fn resize<T: Sample>(
    image: &Raster<T>,
    region: CropBox,
    (width, height): (u32, u32),
) -> Result<Vec<f32>, OutsideImage> {
    let (row, plane) = (width as usize, width as usize * height as usize);
    let mut planes = vec![0.0; 3 * plane];
    resize_with(image, region, (width, height), |x, y, rgb| {
        for (c, value) in rgb.into_iter().enumerate() {
            planes[c * plane + y * row + x] = value;
        }
    })?;
    Ok(planes)
}

/// The whole image at another size, rounded to bytes.
#[must_use]
pub fn scaled(image: &Rgb8, size: (u32, u32)) -> Rgb8 {
    let mut scaled = Rgb8::black(size.0, size.1);
    let whole = CropBox::whole(image.width, image.height);
    let put = |x: usize, y: usize, rgb: [f32; 3]| {
        scaled.set_pixel(x as u32, y as u32, rgb.map(|v| (v * 255.0).round().clamp(0.0, 255.0) as u8));
    };
    // The whole of an image is never outside it.
    let _ = resize_with(image, whole, size, put);
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::pixels::RgbF32;
    use crate::engine::images::fixtures::{Tensors, folder, greatest};

    /// A row of grey values, resized to `to` pixels; in levels.
    fn row(values: &[u8], to: u32) -> Vec<f32> {
        let data = values.iter().flat_map(|&v| [v; 3]).collect();
        let image = Rgb8 { width: values.len() as u32, height: 1, data };
        let planes = resize(&image, CropBox::whole(image.width, 1), (to, 1)).unwrap();
        planes[..to as usize].iter().map(|v| v * 255.0).collect()
    }

    #[test]
    fn the_vectors_of_the_spec() {
        // 5 → 3: k = 5/3; the first pixel sees 0, 1, 2 with weights 13 : 7 : 1, so 9/21.
        assert!(greatest(&row(&[0, 1, 2, 3, 4], 3), &[0.428_571, 2.0, 3.571_429]) < 1e-5);
        assert!(greatest(&row(&[0, 0, 6, 0, 0, 0], 2), &[1.5, 0.75]) < 1e-5);
        assert!(greatest(&row(&[0, 4], 4), &[0.0, 1.0, 3.0, 4.0]) < 1e-5);
    }

    #[test]
    fn crops_equal_torchvision() {
        let reference = Tensors::read(&folder().join("resized.safetensors"));
        let image = reference.image("source");
        let crops = reference.numbered("crop/");
        assert_eq!(crops.len(), 8);
        for (name, numbers) in crops {
            let [top, left, height, width, to_height, to_width] = numbers[..] else { panic!("{name}") };
            let got = resize(&image, CropBox { top, left, height, width }, (to_width, to_height)).unwrap();
            let difference = greatest(&got, &reference.f32(&name));
            assert!(difference < 2e-6, "{name}: {difference}");
        }
    }

    #[test]
    fn pixels_outside_the_box_have_no_influence() {
        let image = Tensors::read(&folder().join("resized.safetensors")).image("source");
        let region = CropBox { top: 10, left: 20, height: 21, width: 33 };
        let mut alone = Rgb8::black(33, 21);
        for (y, x) in (0..21).flat_map(|y| (0..33).map(move |x| (y, x))) {
            alone.set_pixel(x, y, image.pixel(20 + x, 10 + y));
        }
        let of_alone = resize(&alone, CropBox::whole(33, 21), (8, 8)).unwrap();
        assert_eq!(resize(&image, region, (8, 8)).unwrap(), of_alone);
    }

    #[test]
    fn equal_size_is_identity_and_an_even_area_stays_exactly_even() {
        let image = Tensors::read(&folder().join("resized.safetensors")).image("source");
        let planes = resize(&image, CropBox::whole(83, 61), (83, 61)).unwrap();
        let expected: Vec<f32> =
            (0..3).flat_map(|c| image.data.iter().skip(c).step_by(3)).map(|&v| f32::from(v) / 255.0).collect();
        assert_eq!(planes, expected);
        for level in 0..=255 {
            let even = Rgb8 { width: 97, height: 89, data: vec![level; 97 * 89 * 3] };
            let planes = resize(&even, CropBox::whole(97, 89), (13, 31)).unwrap();
            assert!(planes.iter().all(|&v| v == f32::from(level) / 255.0), "level {level}");
        }
    }

    #[test]
    fn floats_are_resized_as_bytes_are_and_never_clamped() {
        let image = Tensors::read(&folder().join("resized.safetensors")).image("source");
        let region = CropBox { top: 7, left: 3, height: 40, width: 50 };
        for size in [(13, 31), (50, 40), (64, 80)] {
            let (bytes, floats) = (resize(&image, region, size), resize(&RgbF32::from(&image), region, size));
            assert!(greatest(&floats.unwrap(), &bytes.unwrap()) < 2e-7, "{size:?}");
        }
        let beyond = RgbF32 { width: 2, height: 1, data: [-1.0, -1.0, -1.0, 3.0, 3.0, 3.0].into() };
        assert_eq!(resize(&beyond, CropBox::whole(2, 1), (4, 1)).unwrap()[..4], [-1.0, 0.0, 2.0, 3.0]);
        assert_eq!(resize(&beyond, CropBox::whole(2, 1), (2, 1)).unwrap()[..2], [-1.0, 3.0]);
    }

    #[test]
    fn boxes_outside_are_refused() {
        let image = Rgb8::black(10, 20);
        for (top, left, height, width) in
            [(0, 0, 21, 10), (0, 0, 20, 11), (1, 0, 20, 10), (0, 0, 0, 5), (0, 0, 5, 0), (u32::MAX, 0, 1, 1)]
        {
            let error = resize(&image, CropBox { top, left, height, width }, (4, 4)).unwrap_err();
            assert!(error.to_string().contains("not inside the 10×20 image"), "{error}");
        }
    }

    #[cfg(feature = "shared-data")]
    #[test]
    fn photographs_equal_pytorch() {
        use crate::engine::images::fixtures::{data, shared};
        let reference = Tensors::read(&shared("parity/resize.safetensors"));
        let notes = std::fs::read(shared("parity/resize.json")).unwrap();
        let notes: Vec<serde_json::Value> = serde_json::from_slice(&notes).unwrap();
        let (mut apart, mut decoded) = (0, 0);
        for note in notes {
            let key = note["key"].as_str().unwrap();
            let number = |name: &str| note[name].as_u64().unwrap() as u32;
            let expected = reference.f32(key);
            if reference.names().contains(&format!("{key}/source")) {
                let source = reference.image(&format!("{key}/source"));
                let got = resize(&source, CropBox::whole(source.width, source.height), (32, 32)).unwrap();
                let difference = greatest(&got, &expected);
                assert!(difference < 1e-5, "{key}: {difference}");
                apart += 1;
            }
            let file = data("imagenet-sample").join(note["file"].as_str().unwrap());
            let image = crate::engine::images::decode::decode(&std::fs::read(file).unwrap()).unwrap();
            let (region, size) = if key == "whole" {
                (CropBox::whole(image.width, image.height), (number("to_width"), number("to_height")))
            } else {
                let (side, to) = (number("side"), key.split('/').nth(1).unwrap().parse().unwrap());
                (CropBox { top: number("top"), left: number("left"), height: side, width: side }, (to, to))
            };
            // With this program's own JPEG decoder in front: a few levels of it remain.
            let difference = greatest(&resize(&image, region, size).unwrap(), &expected);
            println!("{key}: decoded and resized, greatest difference {difference}");
            assert!(difference < 4.0 / 255.0, "{key}: {difference}");
            decoded += 1;
        }
        assert_eq!((apart, decoded), (5, 16));
    }
}
