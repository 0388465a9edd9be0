//! Network inputs: crops of one image, and whole evaluation views, written straight into a batch.

use crate::core::data::normalise::MeanStd;
use crate::core::data::pixels::{Raster, Rgb8, Sample};
use crate::core::distil::patch::{CropBox, CropRange, ImageKey, crop_box};
use crate::engine::nets::extent::Extent;

use super::resize::{OutsideImage, resize_with};

/// How many crops of an image are drawn, and how a crop becomes the input of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct CropPlan {
    /// Seed of the boxes.
    pub seed: u64,
    /// Crops per image, K; 1 for whole images.
    pub crops: u32,
    /// How they are cut.
    pub cut: Cut,
    /// Side p to which a crop is resized.
    pub patch_side: u32,
    /// Side S ≥ p of the network's input; the difference is filled with zeros.
    pub input_side: u32,
    /// The network's normalisation.
    pub mean_std: MeanStd,
}

/// How crops are cut from an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cut {
    /// At random, of these areas and ratios.
    Random(CropRange),
    /// The whole image, whatever its shape.
    Whole,
    /// What the observer sees of it when it is evaluated ([`view_box`]).
    View,
}

/// The part of an image of `(width, height)` pixels that an observer of this side is shown when it is evaluated: its
/// shorter edge becomes (side ÷ 7)·8 pixels and the centre is cut out (RDED's code), here as one box of whole pixels. Up to
/// 64 pixels nothing is cut off but what makes it a square (LIC's code takes CIFAR and Tiny-ImageNet as they are).
///
/// For ConvNets LIC's code zooms a little more: it cuts 128 pixels from 146, where this cuts them from 144, and on
/// ImageNet-1k 64 from 73, where this cuts nothing off.
#[must_use]
pub fn view_box((width, height): (u32, u32), side: u32) -> CropBox {
    let shorter = width.min(height);
    let length = if side > 64 {
        let whole = (f64::from(side / 7) * 8.0).max(1.0);
        ((f64::from(shorter) * f64::from(side) / whole).round_ties_even() as u32).clamp(1, shorter.max(1))
    } else {
        shorter
    };
    CropBox { top: (height - length) / 2, left: (width - length) / 2, height: length, width: length }
}

impl CropPlan {
    /// The K boxes of an image of `(width, height)` pixels: they depend on the seed, the class's name, the image's name
    /// and the crop's number alone; or the image's one box.
    #[must_use]
    pub fn boxes(&self, class: &str, image: &[u8], size: (u32, u32)) -> Vec<CropBox> {
        match self.cut {
            Cut::Random(range) => {
                let key = ImageKey { class, image };
                (0..self.crops).map(|crop| crop_box(self.seed, key, crop, size, range)).collect()
            }
            Cut::Whole => vec![CropBox::whole(size.0, size.1)],
            Cut::View => vec![view_box(size, self.input_side)],
        }
    }

    /// Values of one network input: 3·S².
    #[must_use]
    pub fn input_len(&self) -> usize {
        Extent::image(self.input_side as usize).len()
    }

    /// Writes the crops of `boxes` one after another into `inputs`, [`Self::input_len`] values each: planar (C, H, W),
    /// normalised, then padded with zeros (that is, with the mean colour) from p to S with top = left = (S − p) ÷ 2
    /// (RDED's code).
    ///
    /// # Errors
    /// [`OutsideImage`] for a box that is not inside the image; `inputs` is then partly written.
    ///
    /// # Panics
    /// When `inputs` has another length than the boxes need, or p > S: mistakes of the caller, not of the data.
    pub fn write(&self, image: &Rgb8, boxes: &[CropBox], inputs: &mut [f32]) -> Result<(), OutsideImage> {
        assert!(self.patch_side <= self.input_side, "a patch is no larger than the network's input");
        assert_eq!(inputs.len(), boxes.len() * self.input_len(), "one slot per box");
        let side = self.input_side as usize;
        let before = (side - self.patch_side as usize) / 2;
        for (&region, input) in boxes.iter().zip(inputs.chunks_exact_mut(self.input_len())) {
            input.fill(0.0);
            resize_with(image, region, (self.patch_side, self.patch_side), |x, y, rgb| {
                for (c, value) in rgb.into_iter().enumerate() {
                    input[c * side * side + (before + y) * side + before + x] = self.mean_std.apply(value, c);
                }
            })?;
        }
        Ok(())
    }
}

/// Writes a whole image, such as [`super::resize::evaluation_view`] gives, as a network input: planar (C, H, W), in units of
/// [0, 1], normalised.
///
/// # Panics
/// When `input` has not 3·height·width values: a mistake of the caller.
pub fn write_whole<T: Sample>(image: &Raster<T>, mean_std: &MeanStd, input: &mut [f32]) {
    assert_eq!(input.len(), image.data.len(), "one value per sample");
    let plane = image.data.len() / 3;
    for (i, pixel) in image.data.chunks_exact(3).enumerate() {
        for (c, &value) in pixel.iter().enumerate() {
            input[c * plane + i] = mean_std.apply(value.intensity(), c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::images::fixtures::{Tensors, folder};
    use crate::engine::images::resize::resize;

    fn plan() -> CropPlan {
        CropPlan {
            seed: 3,
            crops: 4,
            cut: Cut::Random(CropRange::RDED),
            patch_side: 9,
            input_side: 16,
            mean_std: MeanStd::IMAGENET,
        }
    }

    #[test]
    fn inputs_are_normalised_patches_in_a_frame_of_zeros() {
        let image = Tensors::read(&folder().join("resized.safetensors")).image("source");
        let plan = plan();
        let boxes = plan.boxes("cat", b"a.png", (image.width, image.height));
        assert_eq!(boxes.len(), 4);
        // Left-overs of an earlier batch must not show through.
        let mut inputs = vec![7.0; 4 * plan.input_len()];
        plan.write(&image, &boxes, &mut inputs).unwrap();
        for (region, input) in boxes.iter().zip(inputs.chunks_exact(plan.input_len())) {
            let patch = resize(&image, *region, (9, 9)).unwrap();
            for (i, &value) in input.iter().enumerate() {
                let (c, y, x) = (i / 256, i / 16 % 16, i % 16);
                // (16 − 9) ÷ 2 = 3 rows above, 4 below.
                let inside = (3..12).contains(&y) && (3..12).contains(&x);
                let expected =
                    if inside { MeanStd::IMAGENET.apply(patch[c * 81 + (y - 3) * 9 + x - 3], c) } else { 0.0 };
                assert_eq!(value, expected, "{c}, {y}, {x}");
            }
        }
    }

    #[test]
    fn boxes_do_not_depend_on_how_many_there_are() {
        let (five, four) = (CropPlan { crops: 5, ..plan() }, plan());
        assert_eq!(five.boxes("cat", b"a", (50, 40))[..4], four.boxes("cat", b"a", (50, 40)));
    }

    #[test]
    fn a_whole_image_has_its_full_box() {
        let whole = CropPlan { crops: 1, cut: Cut::Whole, ..plan() };
        let boxes = whole.boxes("cat", b"a", (50, 40));
        assert_eq!(boxes, [CropBox { top: 0, left: 0, height: 40, width: 50 }]);
    }

    /// 375 → 256, of which 224 are seen: 328 of the 375 rows, in the middle.
    #[test]
    fn a_view_is_the_centre_that_an_evaluation_sees() {
        assert_eq!(view_box((500, 375), 224), CropBox { top: 23, left: 86, height: 328, width: 328 });
        assert_eq!(view_box((375, 500), 128), CropBox { top: 83, left: 21, height: 333, width: 333 });
        assert_eq!(view_box((32, 32), 32), CropBox::whole(32, 32));
        assert_eq!(view_box((80, 64), 64), CropBox { top: 0, left: 8, height: 64, width: 64 });
        assert_eq!(view_box((1, 900), 224).height, 1);
    }

    #[test]
    fn a_box_outside_is_an_error() {
        let plan = plan();
        let region = CropBox { top: 0, left: 0, height: 5, width: 5 };
        let mut input = vec![0.0; plan.input_len()];
        assert!(plan.write(&Rgb8::black(4, 9), &[region], &mut input).is_err());
    }

    #[test]
    fn whole_images_become_planes() {
        let mut image = Rgb8::black(2, 1);
        image.set_pixel(1, 0, [255, 51, 0]);
        let mut input = vec![0.0; 6];
        write_whole(&image, &MeanStd { mean: [0.0, 0.2, 0.5], std: [1.0, 2.0, 0.5] }, &mut input);
        assert_eq!(input, [0.0, 1.0, -0.1, 0.0, -1.0, -1.0]);
    }
}
