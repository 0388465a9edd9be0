//! What was added to an image, as a map: blue where values fell, red where they rose, white where they stayed.

use super::colours::diverging;
use crate::core::data::pixels::{Rgb8, RgbF32};

/// A change of an image as a picture with a scale that is the same to either side.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedMap {
    /// A pixel for each of the image's: of its three channels the one that changed most.
    pub pixels: Rgb8,
    /// The greatest change, which has the last colour of its side: the scale goes from −most to most.
    pub most: f32,
}

impl SignedMap {
    /// The map of `now − start`; `None` of images of different sizes.
    #[must_use]
    pub fn of(now: &RgbF32, start: &RgbF32) -> Option<Self> {
        if (now.width, now.height) != (start.width, start.height) || now.data.len() != start.data.len() {
            return None;
        }
        let changes: Vec<f32> = now.data.chunks_exact(3).zip(start.data.chunks_exact(3)).map(strongest).collect();
        let most = changes.iter().map(|change| change.abs()).fold(0.0, f32::max);
        let share = |&change: &f32| if most > 0.0 { f64::from(change / most) } else { 0.0 };
        let data = changes.iter().flat_map(|change| diverging(share(change))).collect();
        Some(Self { pixels: Rgb8 { width: now.width, height: now.height, data }, most })
    }
}

/// The change of the channel that changed most, with its sign.
fn strongest((now, start): (&[f32], &[f32])) -> f32 {
    let changes = now.iter().zip(start).map(|(now, start)| now - start);
    changes.fold(0.0, |most: f32, change| if change.abs() > most.abs() { change } else { most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_channel_gives_the_colour_and_the_greatest_change_the_scale() {
        let start = RgbF32 { width: 3, height: 1, data: vec![0.5; 9] };
        let data = vec![0.5, 0.5, 0.5, 0.6, 0.1, 0.5, 0.5, 0.5, 0.7];
        let map = SignedMap::of(&RgbF32 { data, ..start.clone() }, &start).unwrap();
        assert!((map.most - 0.4).abs() < 1e-6, "{}", map.most);
        assert_eq!(map.pixels.pixel(0, 0), diverging(0.0));
        assert_eq!(map.pixels.pixel(1, 0), diverging(-1.0));
        assert_eq!(map.pixels.pixel(2, 0), diverging(0.5));
    }

    #[test]
    fn nothing_changed_is_white_and_other_sizes_have_no_map() {
        let image = RgbF32 { width: 1, height: 1, data: vec![1.25, -0.5, 0.0] };
        let map = SignedMap::of(&image, &image).unwrap();
        assert_eq!((map.most, map.pixels.data), (0.0, diverging(0.0).to_vec()));
        assert_eq!(SignedMap::of(&image, &RgbF32::black(2, 1)), None);
    }
}
