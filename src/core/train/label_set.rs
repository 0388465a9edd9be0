//! What all labels of a stored set have in common: how exactly they are kept, and which changes made their images.

use half::f16;

use super::augment::{ImageDraw, Mix};
use super::labels::{BatchLabels, Logits};
use super::recipe::{Cropping, Mixing, TrainRecipe};

/// How logits are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// All of them in 32 bits.
    Full,
    /// All of them in 16 bits, as FKD does.
    #[default]
    Half,
    /// The greatest of each image in 16 bits, with their outputs, and what the rest adds up to.
    Top(u32),
}

impl std::str::FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let top = |k: &str| k.parse().ok().filter(|&k: &u32| k > 0).map(Self::Top);
        match text {
            "full" => Ok(Self::Full),
            "half" => Ok(Self::Half),
            _ => text
                .strip_prefix("top:")
                .and_then(top)
                .ok_or_else(|| "give full, half, or top:K with K from 1".to_owned()),
        }
    }
}

/// Logits that can't be kept.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum LogitError {
    /// Not a number, or infinite.
    #[error("the observer's logit {0} is no number that can be learned from; check its weights and normalisation")]
    NotFinite(f32),
    /// Too large for 16 bits.
    #[error("the observer's logit {0} is beyond half precision (±65504); store the labels in full precision")]
    BeyondHalf(f32),
}

impl Precision {
    /// N×classes logits as a file of this precision gives them back: whoever learns from them while they are made learns
    /// the same as whoever reads them later.
    ///
    /// # Errors
    /// [`LogitError`].
    pub fn stored(self, dense: Vec<f32>, classes: usize) -> Result<Logits, LogitError> {
        let half = |v: &mut f32| {
            let rounded = f16::from_f32(*v).to_f32();
            let fits = rounded.is_finite();
            let given = std::mem::replace(v, rounded);
            if fits { Ok(()) } else { Err(LogitError::BeyondHalf(given)) }
        };
        if let Some(&wrong) = dense.iter().find(|v| !v.is_finite()) {
            return Err(LogitError::NotFinite(wrong));
        }
        let mut stored = match self {
            Self::Full | Self::Half => Logits::Dense(dense),
            Self::Top(k) => Logits::top(&dense, classes, self.kept(classes).min(k as usize)),
        };
        match &mut stored {
            Logits::Dense(logits) if self == Self::Half => logits.iter_mut().try_for_each(half)?,
            Logits::Top { logits, .. } => logits.iter_mut().try_for_each(half)?,
            Logits::Dense(_) => {}
        }
        Ok(stored)
    }

    /// Logits that are kept of each image.
    #[must_use]
    pub fn kept(self, classes: usize) -> usize {
        match self {
            Self::Full | Self::Half => classes,
            Self::Top(k) => (k as usize).clamp(1, classes.max(1)),
        }
    }
}

/// The part of a recipe that makes a batch of its images.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Augmentation {
    /// f of ShufflePatches.
    pub shuffle: u32,
    /// Crops.
    pub cropping: Cropping,
    /// Whether half of the images are mirrored.
    pub flip: bool,
    /// What is mixed.
    pub mixing: Mixing,
}

impl Augmentation {
    /// That of a recipe.
    #[must_use]
    pub fn of(recipe: &TrainRecipe) -> Self {
        let TrainRecipe { shuffle, cropping, flip, mixing, .. } = *recipe;
        Self { shuffle, cropping, flip, mixing }
    }
}

/// What the batches of a set must keep to.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Images of the set.
    pub images: usize,
    /// Classes: outputs that are labelled.
    pub classes: usize,
    /// Side of the observer's input.
    pub side: u32,
    /// How the logits are kept.
    pub precision: Precision,
    /// How the images were made.
    pub augmentation: Augmentation,
}

impl Bounds {
    /// Checks a batch: counts, indexes, boxes, and that its parts are of the kind that the set has.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn check(&self, batch: &BatchLabels) -> Result<(), String> {
        let count = batch.images.len();
        if let Some(image) = batch.images.iter().find(|&&i| i as usize >= self.images) {
            return Err(format!("image {image} of {}", self.images));
        }
        if batch.draws.len() != count {
            return Err(format!("{} draws for {count} images", batch.draws.len()));
        }
        batch.draws.iter().try_for_each(|draw| self.check_draw(draw))?;
        self.check_mix(&batch.mix, count)?;
        self.check_logits(&batch.logits, count)
    }

    fn check_draw(&self, draw: &ImageDraw) -> Result<(), String> {
        let strips = if self.augmentation.shuffle > 1 { self.augmentation.shuffle as usize } else { 0 };
        for order in [&draw.columns, &draw.rows] {
            let mut sorted: Vec<usize> = order.iter().map(|&s| usize::from(s)).collect();
            sorted.sort_unstable();
            if !sorted.into_iter().eq(0..strips) {
                return Err(format!("{order:?} is no order of {strips} strips"));
            }
        }
        let crop = draw.crop;
        let ends = [crop.top.checked_add(crop.height), crop.left.checked_add(crop.width)];
        let fits = ends.iter().all(|end| end.is_some_and(|e| e <= u32::from(u16::MAX)));
        if !fits || crop.height == 0 || crop.width == 0 {
            return Err(format!("the crop {crop:?} is no rectangle of an image of at most 65535 pixels"));
        }
        Ok(())
    }

    fn check_mix(&self, mix: &Mix, count: usize) -> Result<(), String> {
        let (partners, lambda) = match (mix, self.augmentation.mixing) {
            (Mix::None, Mixing::None) => return Ok(()),
            (Mix::CutMix { partners, lambda, bbox }, Mixing::CutMix) => {
                let ends = [bbox.top.checked_add(bbox.height), bbox.left.checked_add(bbox.width)];
                if !ends.iter().all(|end| end.is_some_and(|e| e <= self.side)) {
                    return Err(format!("the box {bbox:?} is beyond the side {}", self.side));
                }
                (partners, lambda)
            }
            (Mix::MixUp { partners, lambda }, Mixing::MixUp { .. }) => (partners, lambda),
            (_, asked) => return Err(format!("the mix is no {asked:?}")),
        };
        if partners.len() != count || partners.iter().any(|&p| p as usize >= count) {
            return Err(format!("the partners are not {count} images of the batch"));
        }
        if !(0.0..=1.0).contains(lambda) {
            return Err(format!("λ is {lambda}"));
        }
        Ok(())
    }

    fn check_logits(&self, logits: &Logits, count: usize) -> Result<(), String> {
        let kept = self.precision.kept(self.classes);
        let fits = match (logits, self.precision) {
            (Logits::Dense(values), Precision::Full | Precision::Half) => values.len() == count * kept,
            (Logits::Top { outputs, logits, rest }, Precision::Top(_)) => {
                if let Some(output) = outputs.iter().find(|&&o| o as usize >= self.classes) {
                    return Err(format!("output {output} of {}", self.classes));
                }
                // Nothing is left out where all outputs are kept: −∞.
                if rest.iter().any(|r| r.is_nan() || *r == f32::INFINITY) {
                    return Err("what is left out of a label is no number".to_owned());
                }
                (outputs.len(), logits.len(), rest.len()) == (count * kept, count * kept, count)
            }
            _ => false,
        };
        if !fits {
            return Err(format!("the logits are not {kept} for each of {count} images"));
        }
        let (Logits::Dense(values) | Logits::Top { logits: values, .. }) = logits;
        values.iter().find(|v| !v.is_finite()).map_or(Ok(()), |v| Err(LogitError::NotFinite(*v).to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::distil::patch::CropBox;

    const DENSE: [f32; 6] = [0.1, 7.3, -2.0, 1e4, 0.3, 0.2];

    #[test]
    fn logits_are_rounded_as_the_file_keeps_them() {
        assert_eq!(Precision::Full.stored(DENSE.to_vec(), 3).unwrap(), Logits::Dense(DENSE.to_vec()));
        let Logits::Dense(half) = Precision::Half.stored(DENSE.to_vec(), 3).unwrap() else { panic!() };
        assert!(half != DENSE && half.iter().zip(DENSE).all(|(a, b)| (a - b).abs() <= b.abs() / 2048.0));
        assert_eq!(Precision::Half.stored(half.clone(), 3).unwrap(), Logits::Dense(half.clone()), "once and for all");
        let Logits::Top { outputs, logits, rest } = Precision::Top(2).stored(DENSE.to_vec(), 3).unwrap() else {
            panic!()
        };
        assert_eq!((outputs, logits), (vec![1, 0, 0, 1], vec![half[1], half[0], half[3], half[4]]));
        assert!(rest.iter().zip([-2.0, 0.2]).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6), "{rest:?}");
        assert_eq!((Precision::Top(9).kept(3), Precision::Top(0).kept(3), Precision::Half.kept(3)), (3, 1, 3));
    }

    #[test]
    fn logits_that_can_t_be_kept_are_named() {
        let of = |precision: Precision, value| precision.stored(vec![0.0, value], 2).map_err(|e| e.to_string());
        assert!(of(Precision::Half, 1e5).unwrap_err().contains("100000 is beyond half precision (±65504)"));
        assert!(of(Precision::Top(1), -1e5).is_ok() && of(Precision::Top(2), -1e5).is_err());
        assert!(of(Precision::Full, 1e5).is_ok());
        for precision in [Precision::Full, Precision::Half, Precision::Top(1)] {
            assert!(of(precision, f32::NAN).unwrap_err().contains("NaN is no number"));
            assert!(of(precision, f32::INFINITY).is_err());
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let bounds = Bounds {
            images: 5,
            classes: 3,
            side: 32,
            precision: Precision::Half,
            augmentation: Augmentation { shuffle: 2, ..Augmentation::of(&TrainRecipe::default()) },
        };
        let draw = ImageDraw { columns: vec![1, 0], rows: vec![0, 1], crop: CropBox::whole(40, 30), mirrored: true };
        let bbox = CropBox { top: 30, left: 0, height: 2, width: 0 };
        let good = BatchLabels {
            images: vec![4, 0],
            draws: vec![draw.clone(), draw],
            mix: Mix::CutMix { partners: vec![1, 0], lambda: 0.5, bbox },
            logits: Logits::Dense(vec![0.5; 6]),
        };
        bounds.check(&good).unwrap();
        let wrong = |change: &dyn Fn(&mut BatchLabels)| {
            let mut batch = good.clone();
            change(&mut batch);
            bounds.check(&batch).unwrap_err()
        };
        assert_eq!(wrong(&|b| b.images[1] = 5), "image 5 of 5");
        assert_eq!(wrong(&|b| b.draws.truncate(1)), "1 draws for 2 images");
        assert_eq!(wrong(&|b| b.draws[1].rows = vec![1, 1]), "[1, 1] is no order of 2 strips");
        assert_eq!(wrong(&|b| b.draws[1].columns.clear()), "[] is no order of 2 strips");
        assert!(wrong(&|b| b.draws[0].crop.width = 0).contains("no rectangle"));
        assert!(wrong(&|b| b.draws[0].crop.top = u32::MAX).contains("no rectangle"));
        assert_eq!(wrong(&|b| b.mix = Mix::None), "the mix is no CutMix");
        let cut = |partners: &[u32], lambda, bbox| Mix::CutMix { partners: partners.to_vec(), lambda, bbox };
        assert!(wrong(&|b| b.mix = cut(&[0, 2], 0.5, bbox)).contains("partners are not 2 images"));
        assert_eq!(wrong(&|b| b.mix = cut(&[0, 1], f64::NAN, bbox)), "λ is NaN");
        assert!(wrong(&|b| b.mix = cut(&[0, 1], 0.5, CropBox { height: 3, ..bbox })).contains("beyond the side 32"));
        assert!(wrong(&|b| b.logits = Logits::Dense(vec![0.5; 5])).contains("not 3 for each of 2"));
        assert!(wrong(&|b| b.logits = Logits::Dense(vec![f32::NAN; 6])).contains("no number"));
        let top = Bounds { precision: Precision::Top(1), ..bounds };
        let of = |outputs: &[u32], rest| {
            let logits = Logits::Top { outputs: outputs.to_vec(), logits: vec![1.0; 2], rest: vec![rest; 2] };
            top.check(&BatchLabels { logits, ..good.clone() })
        };
        of(&[0, 2], f32::NEG_INFINITY).unwrap();
        assert_eq!(of(&[0, 3], 0.0), Err("output 3 of 3".to_owned()));
        assert!(of(&[0], 0.0).is_err() && of(&[0, 0], f32::NAN).is_err() && top.check(&good).is_err());
    }
}
