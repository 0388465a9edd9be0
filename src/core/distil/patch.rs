//! Crop boxes: which rectangle of an image becomes a patch.

use crate::core::rng::Stream;

/// A rectangle of an image in pixels of its decoded size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct CropBox {
    /// First row.
    pub top: u32,
    /// First column.
    pub left: u32,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
}

impl CropBox {
    /// The whole of a `width`×`height` image.
    #[must_use]
    pub fn whole(width: u32, height: u32) -> Self {
        Self { top: 0, left: 0, height, width }
    }
}

/// Range of the area fraction and of the aspect ratio (width / height) that RandomResizedCrop draws from.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CropRange {
    /// Least and greatest fraction of the image's area.
    pub scale: (f64, f64),
    /// Least and greatest ratio width / height.
    pub ratio: (f64, f64),
}

impl CropRange {
    /// RDED's crops: squares of 8 to 100 % of the area (its `RandomResizedCrop(ratio=(1, 1))`).
    pub const RDED: Self = Self { scale: (0.08, 1.0), ratio: (1.0, 1.0) };
}

const PURPOSE: &str = "stillroom 2026 crop box v1";

/// What names an image whatever else a dataset holds: boxes are drawn from these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageKey<'a> {
    /// Its class's name.
    pub class: &'a str,
    /// Its own name within the class, raw bytes.
    pub image: &'a [u8],
}

/// The box of crop number `crop` of an image of `size` = (width, height) pixels: depends on these arguments and nothing
/// else, so that no other parameter, thread or batch re-draws it.
#[must_use]
pub fn crop_box(seed: u64, key: ImageKey<'_>, crop: u32, size: (u32, u32), range: CropRange) -> CropBox {
    let mut stream = Stream::new(PURPOSE, seed, &[key.class.as_bytes(), key.image, &crop.to_le_bytes()]);
    random_resized_crop(&mut stream, size, range)
}

/// RandomResizedCrop's box on an image of `(width, height)` pixels (torchvision's rule: at most ten tries, then the
/// centred largest box whose ratio fits; draws in the order area, log-ratio, top, left).
#[must_use]
pub fn random_resized_crop(stream: &mut Stream, (width, height): (u32, u32), range: CropRange) -> CropBox {
    let area = f64::from(width) * f64::from(height);
    let log_ratio = (range.ratio.0.ln(), range.ratio.1.ln());
    for _ in 0..10 {
        let target = area * stream.range(range.scale.0, range.scale.1);
        let ratio = stream.range(log_ratio.0, log_ratio.1).exp();
        let w = (target * ratio).sqrt().round_ties_even();
        let h = (target / ratio).sqrt().round_ties_even();
        if w >= 1.0 && w <= f64::from(width) && h >= 1.0 && h <= f64::from(height) {
            let (w, h) = (w as u32, h as u32);
            let top = stream.below(u64::from(height - h) + 1) as u32;
            let left = stream.below(u64::from(width - w) + 1) as u32;
            return CropBox { top, left, height: h, width: w };
        }
    }
    centred(width, height, range.ratio)
}

/// The fallback: the largest centred box with a ratio within the range.
fn centred(width: u32, height: u32, ratio: (f64, f64)) -> CropBox {
    let q = f64::from(width) / f64::from(height);
    let (w, h) = if q < ratio.0 {
        (width, (f64::from(width) / ratio.0).round_ties_even() as u32)
    } else if q > ratio.1 {
        ((f64::from(height) * ratio.1).round_ties_even() as u32, height)
    } else {
        (width, height)
    };
    let (w, h) = (w.clamp(1, width.max(1)), h.clamp(1, height.max(1)));
    CropBox { top: (height - h) / 2, left: (width - w) / 2, height: h, width: w }
}

/// The seeded order in which a class's images are scored: the subset is a prefix of this permutation, so a smaller
/// subset is a part of a larger one. Returns positions within the class.
#[must_use]
pub fn subset_order(seed: u64, class: &str, images: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..images as u32).collect();
    Stream::new("stillroom 2026 subset v1", seed, &[class.as_bytes()]).shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_stay_inside_and_are_square() {
        for crop in 0..200 {
            let key = ImageKey { class: "cat", image: b"0001.jpg" };
            let b = crop_box(7, key, crop, (37, 91), CropRange::RDED);
            assert!(b.height == b.width && b.width >= 1, "{b:?}");
            assert!(b.top + b.height <= 91 && b.left + b.width <= 37, "{b:?}");
        }
    }

    #[test]
    fn a_strip_falls_back_to_its_centred_square() {
        // 8 % of 1000×1 is a square of side 9: it never fits, so the fallback is the centred 1×1.
        let b = crop_box(0, ImageKey { class: "c", image: b"n" }, 0, (1000, 1), CropRange::RDED);
        assert_eq!(b, CropBox { top: 0, left: 499, height: 1, width: 1 });
    }

    #[test]
    fn boxes_depend_on_each_input() {
        let of = |seed, class, image: &[u8], crop| {
            crop_box(seed, ImageKey { class, image }, crop, (640, 480), CropRange::RDED)
        };
        let base = of(0, "cat", b"1", 0);
        assert_eq!(base, of(0, "cat", b"1", 0));
        for other in [of(1, "cat", b"1", 0), of(0, "dog", b"1", 0), of(0, "cat", b"2", 0), of(0, "cat", b"1", 1)] {
            assert_ne!(base, other);
        }
    }

    /// Vectors kept in the repo: no upgrade may change what a seed crops.
    #[test]
    fn boxes_keep_their_values() {
        let of = |image: &[u8], crop| {
            let b = crop_box(0, ImageKey { class: "n01443537", image }, crop, (500, 375), CropRange::RDED);
            (b.top, b.left, b.height, b.width)
        };
        assert_eq!([of(b"a.jpg", 0), of(b"a.jpg", 1), of(b"\xff.jpg", 0)], BOXES);
        assert_eq!(subset_order(3, "cat", 6), ORDER);
    }
    const BOXES: [(u32, u32, u32, u32); 3] = [(30, 37, 341, 341), (39, 181, 287, 287), (82, 51, 246, 246)];
    const ORDER: [u32; 6] = [1, 2, 3, 0, 4, 5];

    #[test]
    fn a_subset_order_is_a_permutation() {
        let mut order = subset_order(5, "x", 1000);
        assert_ne!(order[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        order.sort_unstable();
        assert!(order.iter().copied().eq(0..1000));
    }
}
