//! Differentiable siamese augmentation (Zhao and Bilen 2021) of a batch in normalised space.
//!
//! The papers use the same operations in two ways: the first code, and DD-Ranking's, picks one of them per batch; LIC's
//! trains students with a chain of all of them, numbers drawn for each image, of crop, scale and rotation
//! one per batch. Students are trained with the chain here, the only one of the two that a method's
//! published accuracies rest on.

use super::augment::DrawId;
use crate::core::rng::Stream;

/// One operation, with a number for each image.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Mirrored left to right where true.
    Flip(Vec<bool>),
    /// Added to every value.
    Brightness(Vec<f32>),
    /// Factor of the difference from the pixel's mean over the channels.
    Saturation(Vec<f32>),
    /// Factor of the difference from the image's mean.
    Contrast(Vec<f32>),
    /// Rows and columns by which the image moves up and left; zeros move in.
    Crop(Vec<(i32, i32)>),
    /// Factors along x and y around the middle, bilinear; above 1 the image shrinks and zeros surround it.
    Scale(Vec<(f32, f32)>),
    /// Angle in radians around the middle, bilinear; zeros come in at the corners.
    Rotate(Vec<f32>),
    /// Centre (row, column) of a zero square of half the side, cut off at the border.
    Cutout(Vec<(u32, u32)>),
}

/// What is done to a batch, in this order.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DsaDraw {
    /// The operations.
    pub steps: Vec<Step>,
}

impl DsaDraw {
    /// Draws the chain for batch `id.number` of `count` images of `side`×`side`.
    #[must_use]
    pub fn new(id: DrawId, count: u32, side: u32) -> Self {
        let mut stream = id.stream("stillroom 2026 dsa v1");
        let each = 0..count;
        let mut units = |low: f64, high: f64| each.clone().map(|_| stream.range(low, high) as f32).collect::<Vec<_>>();
        let flip = Step::Flip(units(0.0, 1.0).into_iter().map(|u| u < 0.5).collect());
        let colour =
            [Step::Brightness(units(-0.5, 0.5)), Step::Saturation(units(0.0, 2.0)), Step::Contrast(units(0.5, 1.5))];
        let moved = match stream.below(3) {
            0 => {
                let mut by = || drawn_shift(&mut stream, side);
                Step::Crop(each.clone().map(|_| (by(), by())).collect())
            }
            1 => {
                let mut by = || stream.range(1.0 / 1.2, 1.2) as f32;
                Step::Scale(each.clone().map(|_| (by(), by())).collect())
            }
            _ => {
                let most = 15.0_f64.to_radians();
                Step::Rotate(each.clone().map(|_| stream.range(-most, most) as f32).collect())
            }
        };
        let mut centre = || drawn_centre(&mut stream, side);
        let cutout = Step::Cutout(each.map(|_| (centre(), centre())).collect());
        Self { steps: std::iter::once(flip).chain(colour).chain([moved, cutout]).collect() }
    }

    /// Draws LIC's "crop_cutout_flip" for the distillation's step `id.number`: flip, crop, cutout, with one set of numbers
    /// for all `count` images of `side`×`side`. The numbers don't depend on `count`, so the originals and
    /// what is made of them may be augmented apart from each other.
    #[must_use]
    pub fn shared(id: DrawId, count: u32, side: u32) -> Self {
        let mut stream = id.stream("stillroom 2026 shared dsa v1");
        let count = count as usize;
        let flip = stream.unit() < 0.5;
        let (down, right) = (drawn_shift(&mut stream, side), drawn_shift(&mut stream, side));
        let (row, column) = (drawn_centre(&mut stream, side), drawn_centre(&mut stream, side));
        let steps = vec![
            Step::Flip(vec![flip; count]),
            Step::Crop(vec![(down, right); count]),
            Step::Cutout(vec![(row, column); count]),
        ];
        Self { steps }
    }

    /// Turns the gradient on the changed images into that on the images before, in place: the exact transpose of what
    /// [`Self::apply`] does to differences of images N×3×side×side.
    pub fn pull_back(&self, gradient: &mut [f32], side: usize) {
        if side > 0 {
            for step in self.steps.iter().rev() {
                step.pull_back(gradient, side);
            }
        }
    }

    /// Changes normalised images N×3×side×side. Images beyond a step's numbers stay as they are.
    pub fn apply(&self, images: &mut [f32], side: usize) {
        if side > 0 {
            for step in &self.steps {
                step.apply(images, side);
            }
        }
    }
}

/// int(part·side + ½), as DiffAugment rounds.
fn rounded_part(side: u32, part: f64) -> u32 {
    (f64::from(side) * part + 0.5) as u32
}

/// A crop's shift along one side: a whole number of pixels, up to an eighth of the side either way.
fn drawn_shift(stream: &mut Stream, side: u32) -> i32 {
    let most = i64::from(rounded_part(side, 0.125));
    (stream.below(2 * most as u64 + 1) as i64 - most) as i32
}

/// The middle of a cutout along one side.
fn drawn_centre(stream: &mut Stream, side: u32) -> u32 {
    stream.below(u64::from(side) + 1 - u64::from(rounded_part(side, 0.5) % 2)) as u32
}

impl Step {
    fn apply(&self, images: &mut [f32], side: usize) {
        match self {
            Self::Flip(flips) => each(images, side, flips, |image, &flip| {
                if flip {
                    image.chunks_exact_mut(side).for_each(<[f32]>::reverse);
                }
            }),
            Self::Brightness(shifts) => each(images, side, shifts, |image, shift| {
                image.iter_mut().for_each(|v| *v += shift);
            }),
            Self::Saturation(factors) => each(images, side, factors, |image, &factor| saturate(image, factor)),
            Self::Contrast(factors) => each(images, side, factors, |image, factor| {
                let mean = (image.iter().map(|&v| f64::from(v)).sum::<f64>() / image.len() as f64) as f32;
                image.iter_mut().for_each(|v| *v = (*v - mean) * factor + mean);
            }),
            Self::Crop(shifts) => each(images, side, shifts, |image, &(down, right)| {
                shifted(image, side, (down as isize, right as isize));
            }),
            Self::Scale(factors) => each(images, side, factors, |image, &(x, y)| {
                turned(image, side, [f64::from(x), 0.0, 0.0, f64::from(y)]);
            }),
            Self::Rotate(angles) => each(images, side, angles, |image, &angle| {
                let (sin, cos) = f64::from(angle).sin_cos();
                turned(image, side, [cos, -sin, sin, cos]);
            }),
            Self::Cutout(centres) => each(images, side, centres, |image, &centre| cut_out(image, side, centre)),
        }
    }

    /// The transpose of the step's linear part. What mirrors, scales colours or cuts out is its own.
    fn pull_back(&self, gradient: &mut [f32], side: usize) {
        match self {
            Self::Brightness(_) => {}
            Self::Flip(_) | Self::Saturation(_) | Self::Contrast(_) | Self::Cutout(_) => self.apply(gradient, side),
            Self::Crop(shifts) => each(gradient, side, shifts, |image, &(down, right)| {
                shifted(image, side, (-(down as isize), -(right as isize)));
            }),
            Self::Scale(factors) => each(gradient, side, factors, |image, &(x, y)| {
                turned_back(image, side, [f64::from(x), 0.0, 0.0, f64::from(y)]);
            }),
            Self::Rotate(angles) => each(gradient, side, angles, |image, &angle| {
                let (sin, cos) = f64::from(angle).sin_cos();
                turned_back(image, side, [cos, -sin, sin, cos]);
            }),
        }
    }
}

/// Calls `change` with each image 3×side×side and its number.
fn each<T>(images: &mut [f32], side: usize, numbers: &[T], change: impl Fn(&mut [f32], &T)) {
    for (image, number) in images.chunks_exact_mut(3 * side * side).zip(numbers) {
        change(image, number);
    }
}

fn saturate(image: &mut [f32], factor: f32) {
    let (red, rest) = image.split_at_mut(image.len() / 3);
    let (green, blue) = rest.split_at_mut(rest.len() / 2);
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let mean = (*r + *g + *b) / 3.0;
        for v in [r, g, b] {
            *v = (*v - mean) * factor + mean;
        }
    }
}

fn cut_out(image: &mut [f32], side: usize, centre: (u32, u32)) {
    let size = rounded_part(side as u32, 0.5) as usize;
    let range = |at: u32| {
        let end = (at as usize + size).saturating_sub(size / 2).min(side);
        (at as usize).saturating_sub(size / 2).min(end)..end
    };
    for row in image.chunks_exact_mut(side * side).flat_map(|plane| plane.chunks_exact_mut(side).enumerate()) {
        if range(centre.0).contains(&row.0) {
            row.1[range(centre.1)].fill(0.0);
        }
    }
}

/// Moves the image up by `down` rows and left by `right` columns; zeros move in.
fn shifted(image: &mut [f32], side: usize, (down, right): (isize, isize)) {
    let from = |at: usize, by: isize| at.checked_add_signed(by).filter(|&i| i < side);
    resampled(image, side, |plane, row, column| match (from(row, down), from(column, right)) {
        (Some(r), Some(c)) => plane[r * side + c],
        _ => 0.0,
    });
}

/// Every pixel from `value(plane before, row, column)`.
fn resampled(image: &mut [f32], side: usize, value: impl Fn(&[f32], usize, usize) -> f32) {
    for plane in image.chunks_exact_mut(side * side) {
        let before = plane.to_vec();
        for (i, v) in plane.iter_mut().enumerate() {
            *v = value(&before, i / side, i % side);
        }
    }
}

/// An affine map of positions in [−1, 1] around the middle, row-major; pixels are areas (PyTorch's
/// `align_corners=False`), outside is zero.
fn turned(image: &mut [f32], side: usize, map: [f64; 4]) {
    let length = side as f64;
    resampled(image, side, |plane, row, column| {
        let (x, y) = source(side, map, row, column);
        let at = |r: f64, c: f64| {
            let inside = |v: f64| v >= 0.0 && v < length;
            if inside(r) && inside(c) { f64::from(plane[r as usize * side + c as usize]) } else { 0.0 }
        };
        let (left, top) = (x.floor(), y.floor());
        let (right, down) = (x - left, y - top);
        let line = |r: f64| (1.0 - right) * at(r, left) + right * at(r, left + 1.0);
        ((1.0 - down) * line(top) + down * line(top + 1.0)) as f32
    });
}

/// The transpose of [`turned`]: each value goes to the four pixels that it was made of.
fn turned_back(image: &mut [f32], side: usize, map: [f64; 4]) {
    let length = side as f64;
    let mut sums = vec![0.0_f64; side * side];
    for plane in image.chunks_exact_mut(side * side) {
        sums.fill(0.0);
        for (i, &v) in plane.iter().enumerate() {
            let (x, y) = source(side, map, i / side, i % side);
            let (left, top) = (x.floor(), y.floor());
            let (right, down) = (x - left, y - top);
            for (r, down) in [(top, 1.0 - down), (top + 1.0, down)] {
                for (c, right) in [(left, 1.0 - right), (left + 1.0, right)] {
                    if (0.0..length).contains(&r) && (0.0..length).contains(&c) {
                        sums[r as usize * side + c as usize] += down * right * f64::from(v);
                    }
                }
            }
        }
        plane.iter_mut().zip(&sums).for_each(|(v, &sum)| *v = sum as f32);
    }
}

/// The place (x, y), in pixels, that the map takes the pixel at `row` and `column` from.
fn source(side: usize, [xx, xy, yx, yy]: [f64; 4], row: usize, column: usize) -> (f64, f64) {
    let length = side as f64;
    let centred = |i: usize| (2.0 * i as f64 + 1.0) / length - 1.0;
    let pixel = |v: f64| ((v + 1.0) * length - 1.0) / 2.0;
    let (x, y) = (centred(column), centred(row));
    (pixel(xx * x + xy * y), pixel(yx * x + yy * y))
}

#[cfg(test)]
mod tests;
