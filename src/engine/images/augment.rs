//! Makes the inputs of a training: what [`crate::core::train::augment`] drew, done to pixels.

use crate::core::data::normalise::MeanStd;
use crate::core::data::pixels::{Raster, Sample};
use crate::core::distil::patch::CropBox;
use crate::core::train::augment::{self, ImageDraw, Mix};
use crate::core::train::recipe::Cropping;
use crate::engine::nets::extent::Extent;

use super::resize::{OutsideImage, resize_with};

/// One image as a normalised input of 3·side² values, R before G before B (RDED's code: shuffle, crop, mirror, normalise).
///
/// # Errors
/// [`OutsideImage`] for a box that was drawn for an image of another size.
pub fn augmented<T: Sample>(
    image: &Raster<T>,
    draw: &ImageDraw,
    cropping: Cropping,
    (side, mean_std): (usize, &MeanStd),
) -> Result<Vec<f32>, OutsideImage> {
    let shuffled = shuffled(image, draw);
    let image = shuffled.as_ref().unwrap_or(image);
    let mut input = vec![0.0; Extent::image(side).len()];
    let mut put = |x: usize, y: usize, rgb: [f32; 3]| {
        let x = if draw.mirrored { side - 1 - x } else { x };
        for (c, value) in rgb.into_iter().enumerate() {
            input[(c * side + y) * side + x] = mean_std.apply(value, c);
        }
    };
    let size = (side as u32, side as u32);
    match cropping {
        Cropping::Whole | Cropping::Resized(_) | Cropping::Cells(_) => resize_with(image, draw.crop, size, put)?,
        Cropping::Padded(border) => {
            (0..side * side).for_each(|at| put(at % side, at / side, [0.0; 3]));
            // Where the window lies on the image whose border is `border` pixels wide.
            let (top, left) = (draw.crop.top as usize, draw.crop.left as usize);
            let border = border as usize;
            let whole = CropBox::whole(image.width, image.height);
            resize_with(image, whole, size, |x, y, rgb| {
                let (x, y) = ((x + border).wrapping_sub(left), (y + border).wrapping_sub(top));
                if x < side && y < side {
                    put(x, y, rgb);
                }
            })?;
        }
    }
    Ok(input)
}

/// ShufflePatches: strips of columns in their new order, then strips of rows; `None` where nothing moves.
fn shuffled<T: Sample>(image: &Raster<T>, draw: &ImageDraw) -> Option<Raster<T>> {
    if draw.columns.is_empty() && draw.rows.is_empty() {
        return None;
    }
    let columns = sources(&draw.columns, image.width);
    let rows = sources(&draw.rows, image.height);
    let mut result = Raster::black(image.width, image.height);
    for (y, &from_row) in rows.iter().enumerate() {
        for (x, &from_column) in columns.iter().enumerate() {
            result.set_pixel(x as u32, y as u32, image.pixel(from_column, from_row));
        }
    }
    Some(result)
}

/// For each place along an axis, the place it comes from.
fn sources(strips: &[u8], length: u32) -> Vec<u32> {
    if strips.is_empty() {
        return (0..length).collect();
    }
    let places = augment::strips(length, strips.len() as u32);
    let places = strips.iter().filter_map(|&s| places.get(s as usize));
    places.flat_map(|&(first, width)| first..first + width).collect()
}

/// Mixes a batch of normalised inputs, in place; partners are taken from the unmixed batch (Yun et al. 2019; Zhang et al. 2018).
pub fn mix(batch: &mut [f32], side: usize, mix: &Mix) {
    let len = Extent::image(side).len();
    match mix {
        Mix::None => {}
        Mix::CutMix { partners, bbox, .. } => {
            let unmixed = batch.to_vec();
            let (from, to) = (bbox.left as usize, (bbox.left + bbox.width) as usize);
            for (image, &partner) in batch.chunks_exact_mut(len).zip(partners) {
                let partner = &unmixed[partner as usize * len..][..len];
                for c in 0..3 {
                    for y in bbox.top as usize..(bbox.top + bbox.height) as usize {
                        let row = (c * side + y) * side;
                        image[row + from..row + to].copy_from_slice(&partner[row + from..row + to]);
                    }
                }
            }
        }
        Mix::MixUp { partners, lambda } => {
            let (own, other) = (*lambda as f32, (1.0 - lambda) as f32);
            let unmixed = batch.to_vec();
            for (image, &partner) in batch.chunks_exact_mut(len).zip(partners) {
                let partner = &unmixed[partner as usize * len..][..len];
                image.iter_mut().zip(partner).for_each(|(x, &p)| *x = own * *x + other * p);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::core::data::pixels::{Rgb8, RgbF32};

    const PLAIN: MeanStd = MeanStd { mean: [0.0; 3], std: [1.0 / 255.0; 3] };

    /// Red is the column, green the row.
    fn numbered(side: u32) -> Rgb8 {
        let mut image = Rgb8::black(side, side);
        (0..side * side)
            .for_each(|at| image.set_pixel(at % side, at / side, [(at % side) as u8, (at / side) as u8, 9]));
        image
    }

    fn draw(crop: CropBox) -> ImageDraw {
        ImageDraw { columns: Vec::new(), rows: Vec::new(), crop, mirrored: false }
    }

    fn row(input: &[f32], side: usize, c: usize, y: usize) -> Vec<i32> {
        input[(c * side + y) * side..][..side].iter().map(|v| v.round() as i32).collect()
    }

    #[test]
    fn strips_move_and_the_last_one_is_wider() {
        let shuffle = ImageDraw { columns: vec![1, 0], rows: vec![2, 0, 1], ..draw(CropBox::whole(7, 7)) };
        let input = augmented(&numbered(7), &shuffle, Cropping::Whole, (7, &PLAIN)).unwrap();
        assert_eq!(row(&input, 7, 0, 0), [3, 4, 5, 6, 0, 1, 2]);
        let rows: Vec<i32> = (0..7).map(|y| row(&input, 7, 1, y)[0]).collect();
        assert_eq!(rows, [4, 5, 6, 0, 1, 2, 3]);
    }

    /// A cell of 2×2 on 4×4, half-pixel bilinear: columns 2 and 3 become 2, 2.25, 2.75, 3.
    #[test]
    fn a_cell_is_enlarged_without_its_neighbours() {
        let input = augmented(
            &numbered(4),
            &draw(CropBox { top: 0, left: 2, height: 2, width: 2 }),
            Cropping::Cells(2),
            (4, &PLAIN),
        );
        let input = input.unwrap();
        assert!(input[..4].iter().zip([2.0, 2.25, 2.75, 3.0]).all(|(a, b)| (a - b).abs() < 1e-4), "{:?}", &input[..4]);
        let rows: Vec<f32> = (0..4).map(|y| input[16 + 4 * y]).collect();
        assert!(rows.iter().zip([0.0, 0.25, 0.75, 1.0]).all(|(a, b)| (a - b).abs() < 1e-4), "{rows:?}");
    }

    #[test]
    fn crops_are_mirrored_after_cutting_and_padding_is_black() {
        let crop = CropBox { top: 1, left: 2, height: 3, width: 3 };
        let mirrored = ImageDraw { mirrored: true, ..draw(crop) };
        let input = augmented(&numbered(6), &mirrored, Cropping::Whole, (3, &PLAIN)).unwrap();
        assert_eq!((row(&input, 3, 0, 0), row(&input, 3, 1, 2)), (vec![4, 3, 2], vec![3, 3, 3]));
        // A border of 2: the window begins 1 pixel above the image and 2 pixels into it.
        let crop = CropBox { top: 1, left: 4, height: 4, width: 4 };
        let input = augmented(&numbered(4), &draw(crop), Cropping::Padded(2), (4, &PLAIN)).unwrap();
        assert_eq!(row(&input, 4, 2, 0), [0; 4]);
        assert_eq!((row(&input, 4, 0, 1), row(&input, 4, 2, 1)), (vec![2, 3, 0, 0], vec![9, 9, 0, 0]));
        let outside = CropBox { top: 5, left: 0, height: 3, width: 3 };
        assert!(augmented(&numbered(6), &draw(outside), Cropping::Whole, (3, &PLAIN)).is_err());
    }

    #[test]
    fn floats_go_the_way_of_bytes_and_keep_what_leaves_the_range() {
        let crop = CropBox { top: 1, left: 2, height: 3, width: 3 };
        let moved = ImageDraw { columns: vec![1, 0], rows: vec![2, 0, 1], mirrored: true, ..draw(crop) };
        let mut image = RgbF32::from(&numbered(7));
        let as_bytes = augmented(&numbered(7), &moved, Cropping::Whole, (3, &PLAIN)).unwrap();
        let as_floats = augmented(&image, &moved, Cropping::Whole, (3, &PLAIN)).unwrap();
        assert!(as_bytes.iter().zip(&as_floats).all(|(a, b)| (a - b).abs() < 1e-4), "{as_bytes:?} {as_floats:?}");
        image.data.iter_mut().for_each(|v| *v = 2.0);
        let beyond = augmented(&image, &moved, Cropping::Whole, (3, &PLAIN)).unwrap();
        assert!(beyond.iter().all(|v| (v - 510.0).abs() < 1e-3), "{beyond:?}");
    }

    #[test]
    fn partners_come_from_the_unmixed_batch() {
        let side = 2;
        let batch: Vec<f32> = (0..3).flat_map(|i| vec![i as f32; 12]).collect();
        let mut cut = batch.clone();
        let bbox = CropBox { top: 1, left: 0, height: 1, width: 2 };
        mix(&mut cut, side, &Mix::CutMix { partners: vec![1, 2, 0], lambda: 0.5, bbox });
        assert_eq!(
            (&cut[..4], &cut[12..16], &cut[24..28]),
            (&[0., 0., 1., 1.][..], &[1., 1., 2., 2.][..], &[2., 2., 0., 0.][..])
        );
        let mut blend = batch;
        mix(&mut blend, side, &Mix::MixUp { partners: vec![1, 2, 0], lambda: 0.75 });
        assert_eq!((blend[0], blend[12], blend[24]), (0.25, 1.25, 1.5));
    }
}
