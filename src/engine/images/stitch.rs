//! Patches become the cells of a distilled image, by the very arithmetic of RDED's code: normalised in f32, spread
//! over the cell by nearest neighbour, de-normalised, times 255, truncated (RDED's code). The rounding of
//! each step stays in the pixels, so no step may be left out although their exact values would cancel.

use crate::core::data::normalise::MeanStd;
use crate::core::data::pixels::{Rgb8, RgbF32};
use crate::core::distil::compose::{Cell, cells, nearest, patch_side};
use crate::core::distil::patch::CropBox;

use super::resize::{OutsideImage, resize};

/// Patches that don't make an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StitchError {
    /// Not N = f² patches.
    #[error("{0} patches don't fill a square grid: give 1, 4, 9, 16 or 25")]
    NotSquare(usize),
    /// A side smaller than the grid.
    #[error("an image of side {side} has no room for {factor}×{factor} patches: give fewer patches or a larger side")]
    TooSmall {
        /// Side of the image.
        side: u32,
        /// Patches per row.
        factor: u32,
    },
    /// A patch that has not 3·p² values.
    #[error("patch {index} has {found} values, not the {expected} of its size: cut it again")]
    WrongLength {
        /// Which patch.
        index: usize,
        /// Its values.
        found: usize,
        /// 3·p².
        expected: usize,
    },
}

/// Stitches N = f² patches, row by row, to one `side`×`side` image.
///
/// Each patch is planar: 3·p² values in [0, 1] (R before G before B, rows from the top), as [`resize`] gives it, p = side ÷ f,
/// or `side` for images that were scored whole and shrink to their cells; `mean_std` is that of the observer that scored it.
///
/// # Errors
/// [`StitchError`] where the count is no square or a patch has another size.
pub fn stitch(patches: &[&[f32]], side: u32, mean_std: &MeanStd) -> Result<Rgb8, StitchError> {
    stitch_floats(patches, side, mean_std).map(|image| truncated(&image))
}

/// [`stitch`] before it truncates: the values in units of [0, 1].
///
/// # Errors
/// As [`stitch`].
pub fn stitch_floats(patches: &[&[f32]], side: u32, mean_std: &MeanStd) -> Result<RgbF32, StitchError> {
    let factor = patches.len().isqrt();
    if factor == 0 || factor * factor != patches.len() {
        return Err(StitchError::NotSquare(patches.len()));
    }
    let factor = factor as u32;
    let small = patch_side(side, factor);
    if small == 0 {
        return Err(StitchError::TooSmall { side, factor });
    }
    let values = |patch: u32| 3 * patch as usize * patch as usize;
    let patch = if patches[0].len() == values(side) { side } else { small };
    let expected = values(patch);
    let mut image = RgbF32::black(side, side);
    for (index, (values, cell)) in patches.iter().zip(cells(side, factor)).enumerate() {
        if values.len() != expected {
            return Err(StitchError::WrongLength { index, found: values.len(), expected });
        }
        place(&mut image, &cell, &cell_pixels(values, patch, (cell.height, cell.width), mean_std));
    }
    Ok(image)
}

/// In 8 bits, as RDED makes them: times 255, truncated.
#[must_use]
pub fn truncated(image: &RgbF32) -> Rgb8 {
    // RDED truncates without a clamp. Bilinear values stay in [0, 1] but for rounding, where its wrap-around
    // would turn −0.00001 into 255; Rust's `as` truncates alike and saturates instead.
    let data = image.data.iter().map(|v| (v * 255.0) as u8).collect();
    Rgb8 { width: image.width, height: image.height, data }
}

/// Cuts the box `region` of `image` again and gives the values of its cell of `(height, width)`: with what a manifest
/// holds, the same as [`stitch_floats`] made.
///
/// # Errors
/// [`OutsideImage`] for a box that is not inside the image.
pub fn recut(
    image: &Rgb8,
    region: CropBox,
    patch_side: u32,
    cell: (u32, u32),
    mean_std: &MeanStd,
) -> Result<RgbF32, OutsideImage> {
    let patch = resize(image, region, (patch_side, patch_side))?;
    Ok(cell_pixels(&patch, patch_side, cell, mean_std))
}

/// Copies a cell's pixels to their place.
fn place(image: &mut RgbF32, cell: &Cell, pixels: &RgbF32) {
    let (stride, row) = (image.width as usize * 3, cell.width as usize * 3);
    for (y, source) in pixels.data.chunks_exact(row).enumerate() {
        let at = (cell.top as usize + y) * stride + cell.left as usize * 3;
        image.data[at..at + row].copy_from_slice(source);
    }
}

/// A planar patch of side `patch` as the pixels of a cell of `(height, width)`.
fn cell_pixels(values: &[f32], patch: u32, (height, width): (u32, u32), mean_std: &MeanStd) -> RgbF32 {
    let mut pixels = RgbF32::black(width, height);
    let at = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
    for (pixel, (y, x)) in pixels.data.chunks_exact_mut(3).zip(at) {
        pixel.copy_from_slice(&cell_value(values, patch, (height, width), (y, x), mean_std));
    }
    pixels
}

/// The de-normalised R, G, B at row `y`, column `x` of the cell.
fn cell_value(
    values: &[f32],
    patch: u32,
    (height, width): (u32, u32),
    (y, x): (u32, u32),
    mean_std: &MeanStd,
) -> [f32; 3] {
    let (y, x) = (nearest(y, patch, height) as usize, nearest(x, patch, width) as usize);
    let plane = patch as usize * patch as usize;
    std::array::from_fn(|c| {
        let normalised = mean_std.apply(values[c * plane + y * patch as usize + x], c);
        mean_std.invert(normalised, c)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::images::fixtures::{Tensors, folder};

    /// Splits a list of equally long patches.
    fn split(values: &[f32], count: usize) -> Vec<&[f32]> {
        values.chunks_exact(values.len() / count).collect()
    }

    #[test]
    fn stitched_bytes_equal_rdeds_arithmetic() {
        let reference = Tensors::read(&folder().join("resized.safetensors"));
        for factor in [1, 2, 3, 5] {
            let patches = reference.f32(&format!("patches/{factor}"));
            let image = stitch(&split(&patches, factor * factor), 32, &MeanStd::IMAGENET).unwrap();
            assert_eq!(image, reference.image(&format!("mosaic/{factor}")), "f = {factor}");
        }
    }

    #[test]
    fn a_cell_cut_again_equals_the_stitched_one() {
        let source = Tensors::read(&folder().join("resized.safetensors")).image("source");
        for factor in [1, 2, 3, 4, 5] {
            let side = patch_side(32, factor);
            let region = |k: u32| CropBox { top: k, left: 2 * k, height: 30 + k % 3, width: 30 + k % 3 };
            let patches: Vec<_> =
                (0..factor * factor).map(|k| resize(&source, region(k), (side, side)).unwrap()).collect();
            let slices: Vec<&[f32]> = patches.iter().map(Vec::as_slice).collect();
            let image = stitch(&slices, 32, &MeanStd::CIFAR10).unwrap();
            for (k, cell) in cells(32, factor).iter().enumerate() {
                let size = (cell.height, cell.width);
                let again = truncated(&recut(&source, region(k as u32), side, size, &MeanStd::CIFAR10).unwrap());
                for (y, x) in (0..cell.height).flat_map(|y| (0..cell.width).map(move |x| (y, x))) {
                    assert_eq!(again.pixel(x, y), image.pixel(cell.left + x, cell.top + y), "cell {k} of f = {factor}");
                }
            }
        }
    }

    #[test]
    fn values_beyond_the_range_saturate() {
        let patch = [-0.001_f32, 1.001, 0.5];
        let image = stitch(&[&patch], 1, &MeanStd::NONE).unwrap();
        assert_eq!(image.data, [0, 255, 127]);
    }

    #[test]
    fn floats_are_what_is_truncated() {
        let patch = [-0.001_f32, 1.001, 0.501];
        let floats = stitch_floats(&[&patch], 1, &MeanStd::NONE).unwrap();
        assert_eq!(floats.data, patch);
        assert_eq!((truncated(&floats).data, floats.rounded().data), (vec![0, 255, 127], vec![0, 255, 128]));
    }

    /// Four originals of 4×4 shrink to their cells: each keeps every other pixel of every other row, as it is.
    #[test]
    fn what_is_as_large_as_the_image_shrinks_by_leaving_pixels_out() {
        let original = |k: usize| (0..48).map(|i| (100 * k + i) as f32 + 0.1).collect::<Vec<f32>>();
        let originals = [0, 1, 2, 3].map(original);
        let slices: Vec<&[f32]> = originals.iter().map(Vec::as_slice).collect();
        let image = stitch_floats(&slices, 4, &MeanStd::NONE).unwrap();
        let red = |x, y| image.pixel(x, y)[0];
        assert_eq!([0, 1, 2, 3].map(|x| red(x, 0)), [0.1, 2.1, 100.1, 102.1]);
        assert_eq!([0, 1, 2, 3].map(|x| red(x, 1)), [8.1, 10.1, 108.1, 110.1]);
        // The last row of the last plane: rows 2 of the lower originals, 32 + 8 and 32 + 10.
        assert_eq!([0, 1, 2, 3].map(|x| image.pixel(x, 3)[2]), [240.1, 242.1, 340.1, 342.1]);
    }

    #[test]
    fn wrong_patches_are_refused() {
        let (one, short) = (vec![0.0; 3], vec![0.0; 2]);
        assert_eq!(stitch(&[], 4, &MeanStd::NONE), Err(StitchError::NotSquare(0)));
        assert_eq!(stitch(&[&one, &one], 4, &MeanStd::NONE), Err(StitchError::NotSquare(2)));
        let four: [&[f32]; 4] = [&one, &one, &short, &one];
        assert_eq!(stitch(&four, 1, &MeanStd::NONE), Err(StitchError::TooSmall { side: 1, factor: 2 }));
        let wrong = StitchError::WrongLength { index: 2, found: 2, expected: 3 };
        assert_eq!(stitch(&four, 2, &MeanStd::NONE), Err(wrong));
    }

    /// The patch of one rank: image, best crop and box as the notes of the reference have them.
    #[cfg(feature = "shared-data")]
    fn ranked(notes: &serde_json::Value, pixels: &[u8], (run, class, rank): (usize, usize, usize)) -> Vec<f32> {
        let number = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
        let of_class = &notes["runs"][run]["classes"][class];
        let n = number(&of_class["ranking"][rank]);
        // The boxes are written once, with the first run.
        let region = &notes["runs"][0]["classes"][class]["boxes"][n][number(&of_class["best_crop"][n])];
        let [top, left, length] = [0, 1, 2].map(|i| number(&region[i]) as u32);
        let at = (class * 60 + n) * 3072;
        let image = Rgb8 { width: 32, height: 32, data: pixels[at..at + 3072].to_vec() };
        let side = patch_side(32, run as u32 + 1);
        resize(&image, CropBox { top, left, height: length, width: length }, (side, side)).unwrap()
    }

    #[cfg(feature = "shared-data")]
    #[test]
    fn mosaics_of_real_patches_equal_pytorch() {
        use crate::core::distil::compose::rank_of;
        use crate::engine::images::fixtures::shared;
        let pixels = Tensors::read(&shared("parity/rded_images.safetensors")).u8("images");
        let reference = Tensors::read(&shared("parity/rded_mosaic.safetensors"));
        let notes: serde_json::Value =
            serde_json::from_slice(&std::fs::read(shared("parity/rded.json")).unwrap()).unwrap();
        let (ipc, mut compared) = (3, 0);
        // Runs 0, 1, 2 are f = 1, 2, 3; of each, the images 0 … 2 of the first two classes are kept.
        for (run, class, j) in (0..3).flat_map(|r| (0..2).flat_map(move |c| (0..ipc).map(move |j| (r, c, j)))) {
            let factor = run as u32 + 1;
            let name = notes["runs"][run]["classes"][class]["name"].as_str().unwrap();
            let expected = &reference.f32(&format!("factor{factor}/{name}"))[j * 3072..(j + 1) * 3072];
            for (k, cell) in cells(32, factor).iter().enumerate() {
                let patch = ranked(&notes, &pixels, (run, class, rank_of(k, j, ipc)));
                for (y, x) in (0..cell.height).flat_map(|y| (0..cell.width).map(move |x| (y, x))) {
                    let size = (cell.height, cell.width);
                    let got = cell_value(&patch, patch_side(32, factor), size, (y, x), &MeanStd::IMAGENET);
                    for (c, value) in got.into_iter().enumerate() {
                        let at = (c * 32 + (cell.top + y) as usize) * 32 + (cell.left + x) as usize;
                        let difference = (value - expected[at]).abs();
                        assert!(difference < 1e-5, "{name}, f = {factor}, image {j}, cell {k}: {difference}");
                        compared += 1;
                    }
                }
            }
        }
        assert_eq!(compared, 3 * 2 * ipc * 3072);
    }
}
