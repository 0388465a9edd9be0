//! SRe2L's own parameters (Yin, Xing and Shen 2023, "recover") and CDA's (Yin and Shen 2023): how pixels are moved until
//! an observer takes them for their class, and its batch norms see the statistics of their training.
//!
//! Both are one loop. CDA is SRe2L whose crops begin with the whole image and grow smaller ([`Recovery::least_area`]).

use super::patch::{CropBox, CropRange, random_resized_crop};
use super::rded::Rded;
use crate::core::rng::Stream;

/// How the least area of a crop goes from its first to its last value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Course {
    /// Along half a cosine (CDA's choice).
    #[default]
    Cosine,
    /// In a straight line.
    Linear,
    /// All at once, at the milestone.
    Step,
}

impl Course {
    /// Their words.
    pub const NAMES: [&'static str; 3] = ["cosine", "linear", "step"];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The one that a word names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Cosine, Self::Linear, Self::Step].into_iter().find(|course| course.name() == name)
    }
}

/// How several observers take part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turns {
    /// One after another, a step each (G-VBSM's idea: Shao et al. 2024).
    #[default]
    Alternate,
    /// Each step by the mean of their losses.
    Average,
}

impl Turns {
    /// Their words.
    pub const NAMES: [&'static str; 2] = ["alternate", "average"];

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The one that a word names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Alternate, Self::Average].into_iter().find(|turns| turns.name() == name)
    }

    /// Whether it is the first of them, which records needn't spell.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub fn alternate(&self) -> bool {
        *self == Self::Alternate
    }
}

/// How far an image may be rolled round along each axis, in pixels; both bounds are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Roll {
    /// Least shift.
    pub least: i32,
    /// Greatest shift.
    pub most: i32,
}

impl Roll {
    /// The farthest that is taken.
    const FARTHEST: i32 = 1024;
}

impl std::fmt::Display for Roll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.least, self.most)
    }
}

impl std::str::FromStr for Roll {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let both = text.split_once(':').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        let within = |&(least, most): &(i32, i32)| least <= most && -Self::FARTHEST <= least && most <= Self::FARTHEST;
        both.filter(within)
            .map(|(least, most)| Self { least, most })
            .ok_or_else(|| format!("'{text}' is no range of pixels: give one like 0:32 or -4:4"))
    }
}

impl serde::Serialize for Roll {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Roll {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What one step shows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The part that is resized to the whole side.
    pub crop: CropBox,
    /// Whether it is mirrored left to right.
    pub mirrored: bool,
    /// Rows and columns by which it is rolled round, down and right.
    pub rolled: (i32, i32),
}

/// Parameters of a recovery.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Recovery {
    /// Steps of the optimiser, I.
    pub iterations: u32,
    /// Learning rate of Adam (β 0.5, 0.9), which falls to 0 along half a cosine.
    pub lr: f64,
    /// Weight of the batch norms' statistics.
    pub r_bn: f64,
    /// What the first batch norm's share is multiplied by (10 in the code; the papers' formulas have no such factor).
    pub first_bn: f64,
    /// Weight of the total variation.
    pub tv: f64,
    /// Weight of the images' norm.
    pub l2: f64,
    /// Whether the batch is cropped (RandomResizedCrop) and mirrored in each step.
    pub random_crop: bool,
    /// Least area of a crop in the first step; 1 begins with whole images.
    pub crop_from: f64,
    /// Least area of a crop from the milestone on.
    pub crop_to: f64,
    /// How it goes from the one to the other.
    pub course: Course,
    /// Share of the steps after which the crops have their last range; 0: from the beginning, which is SRe2L.
    pub milestone: f64,
    /// How far the batch is rolled in each step.
    pub roll: Roll,
    /// Most images of a batch. Each is of another class, so that batches are no larger than there are classes.
    pub batch: u32,
    /// How several observers take part.
    #[serde(default, skip_serializing_if = "Turns::alternate")]
    pub turns: Turns,
    /// RDED's parameters where the pixels begin with its images; without them they begin with noise: standard normal in
    /// the observer's normalised space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stitch: Option<Rded>,
}

impl Default for Recovery {
    fn default() -> Self {
        Self::SRE2L
    }
}

impl Recovery {
    /// What the pixels may begin with.
    pub const INITS: [&'static str; 2] = ["noise", "rded"];

    /// SRe2L on ImageNet-1k: the settings of its script, which differ from the code's defaults.
    pub const SRE2L: Self = Self {
        iterations: 4000,
        lr: 0.25,
        r_bn: 0.01,
        first_bn: 10.0,
        tv: 0.0,
        l2: 0.0,
        random_crop: true,
        crop_from: 1.0,
        crop_to: 0.08,
        course: Course::Cosine,
        milestone: 0.0,
        roll: Roll { least: 0, most: 32 },
        batch: 100,
        turns: Turns::Alternate,
        stitch: None,
    };

    /// SRe2L's defaults without a script.
    pub const SRE2L_CODE: Self = Self { iterations: 1000, lr: 0.1, r_bn: 0.05, tv: 1e-4, l2: 1e-5, ..Self::SRE2L };

    /// SRe2L's script for Tiny-ImageNet.
    pub const SRE2L_TINY: Self = Self { lr: 0.1, r_bn: 1.0, roll: Roll { least: -4, most: 4 }, ..Self::SRE2L };

    /// SRe2L's script for CIFAR-100: whole images.
    pub const SRE2L_CIFAR: Self =
        Self { iterations: 1000, random_crop: false, roll: Roll { least: 0, most: 4 }, ..Self::SRE2L };

    /// CDA on ImageNet-1k.
    pub const CDA: Self = Self { milestone: 1.0, ..Self::SRE2L };

    /// CDA's script for Tiny-ImageNet.
    pub const CDA_TINY: Self = Self { lr: 0.4, r_bn: 0.05, roll: Roll { least: 0, most: 4 }, ..Self::CDA };

    /// Table 12 of CDA's paper for Tiny-ImageNet.
    pub const CDA_TINY_PAPER: Self = Self { lr: 0.1, r_bn: 1.0, ..Self::CDA_TINY };

    /// CDA's paper on CIFAR-100, for which there is no code: crops with areas from 0.4 on.
    pub const CDA_CIFAR: Self = Self { iterations: 1000, crop_to: 0.4, roll: Roll { least: 0, most: 4 }, ..Self::CDA };

    /// What the pixels begin with.
    #[must_use]
    pub fn init(&self) -> &'static str {
        Self::INITS[usize::from(self.stitch.is_some())]
    }

    /// The least area of a crop in step `iteration`, m in CDA's algorithm 1; the greatest is 1. Its γ is β_u − β_l here, so
    /// that no other β_l leads beyond 1: with the paper's 0.08 and 1 that is its 0.92.
    #[must_use]
    pub fn least_area(&self, iteration: u32) -> f64 {
        let until = self.milestone * f64::from(self.iterations);
        let at = f64::from(iteration);
        if at >= until {
            return self.crop_to;
        }
        let part = match self.course {
            Course::Cosine => (1.0 + (std::f64::consts::PI * at / until).cos()) / 2.0,
            Course::Linear => 1.0 - at / until,
            Course::Step => 1.0,
        };
        self.crop_to + (self.crop_from - self.crop_to) * part
    }

    /// What is done to the whole batch in step `iteration`, alike to each image of this side. Draws are named by the seed,
    /// the batch and the step, so that a run that goes on draws what it would have drawn.
    #[must_use]
    pub fn draw(&self, (seed, batch): (u64, &str), iteration: u32, side: u32) -> Draw {
        let parts: [&[u8]; 2] = [batch.as_bytes(), &iteration.to_le_bytes()];
        let mut stream = Stream::new("stillroom 2026 recovery v1", seed, &parts);
        let (mut crop, mut mirrored) = (CropBox::whole(side, side), false);
        if self.random_crop {
            let range = CropRange { scale: (self.least_area(iteration).min(1.0), 1.0), ratio: (0.75, 4.0 / 3.0) };
            crop = random_resized_crop(&mut stream, (side, side), range);
            mirrored = stream.unit() < 0.5;
        }
        let Roll { least, most } = self.roll;
        let mut by = || least + stream.below(u64::from(most.abs_diff(least)) + 1) as i32;
        Draw { crop, mirrored, rolled: (by(), by()) }
    }

    /// Standard normal noise for `values` values of image `image` of a class.
    pub fn noise((seed, class, image): (u64, &str, u32), values: usize) -> impl Iterator<Item = f32> {
        let parts: [&[u8]; 2] = [class.as_bytes(), &image.to_le_bytes()];
        let mut stream = Stream::new("stillroom 2026 recovery noise v1", seed, &parts);
        (0..values).map(move |_| stream.normal() as f32)
    }

    /// The learning rate in step `iteration`: ½(1 + cos(π·i/I)), without warm-up.
    #[must_use]
    pub fn rate(&self, iteration: u32) -> f64 {
        let part = f64::from(iteration) / f64::from(self.iterations.max(1));
        self.lr * 0.5 * (1.0 + (std::f64::consts::PI * part).cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CDA's schedule for I = 4000 and milestone 1: 1.0 at 0, 0.865269 at 1000, 0.54 at 2000.
    #[test]
    fn the_curriculum_has_the_papers_numbers() {
        let cda = Recovery::CDA;
        for (iteration, due) in [(0, 1.0), (1000, 0.865_269), (2000, 0.54), (3000, 0.214_731), (4000, 0.08)] {
            assert!((cda.least_area(iteration) - due).abs() < 1e-6, "{iteration}: {}", cda.least_area(iteration));
        }
        let linear = Recovery { course: Course::Linear, ..cda };
        for (iteration, due) in [(0, 1.0), (1000, 0.77), (2000, 0.54), (3999, 0.080_23)] {
            assert!((linear.least_area(iteration) - due).abs() < 1e-9, "{iteration}: {}", linear.least_area(iteration));
        }
        let step = Recovery { course: Course::Step, milestone: 0.5, ..cda };
        assert_eq!([0, 1999, 2000, 3999].map(|i| step.least_area(i)), [1.0, 1.0, 0.08, 0.08]);
        // Half of the steps along the cosine, then the last range.
        let half = Recovery { milestone: 0.5, ..cda };
        assert!((half.least_area(1000) - 0.54).abs() < 1e-12 && half.least_area(2000) == 0.08);
        assert!([0, 1, 3999].iter().all(|&i| Recovery::SRE2L.least_area(i) == 0.08), "SRe2L's never changes");
        // β_l = 0.4 stays below 1, and a curriculum can be reversed.
        assert_eq!(Recovery::CDA_CIFAR.least_area(0), 1.0);
        let reversed = Recovery { crop_from: 0.08, crop_to: 1.0, ..cda };
        assert!((reversed.least_area(1000) - 0.214_731).abs() < 1e-6 && reversed.least_area(4000) == 1.0);
    }

    #[test]
    fn the_rate_falls_to_nothing() {
        let rate = |i| Recovery::SRE2L_CIFAR.rate(i);
        assert_eq!((rate(0), rate(500)), (0.25, 0.125));
        assert!((rate(250) - 0.213_388).abs() < 1e-6 && rate(999) < 1e-5);
    }

    #[test]
    fn draws_follow_the_curriculum_and_repeat() {
        let cda = Recovery { iterations: 100, roll: Roll { least: -4, most: 4 }, ..Recovery::CDA };
        let drawn: Vec<Draw> = (0..100).map(|i| cda.draw((1, "0/0"), i, 64)).collect();
        assert_eq!(drawn[7], cda.draw((1, "0/0"), 7, 64));
        assert_ne!(drawn[60], cda.draw((1, "1/0"), 60, 64));
        let area =
            |draws: &[Draw]| draws.iter().map(|d| d.crop.height * d.crop.width).sum::<u32>() / draws.len() as u32;
        assert!(area(&drawn[..20]) > area(&drawn[80..]) + 1000, "{}, {}", area(&drawn[..20]), area(&drawn[80..]));
        assert!(drawn.iter().any(|d| d.mirrored) && drawn.iter().any(|d| !d.mirrored));
        let rolls: Vec<i32> = drawn.iter().flat_map(|d| [d.rolled.0, d.rolled.1]).collect();
        assert_eq!((rolls.iter().min(), rolls.iter().max()), (Some(&-4), Some(&4)));
        let whole = Recovery { random_crop: false, ..cda }.draw((1, "0/0"), 99, 64);
        assert_eq!((whole.crop, whole.mirrored), (CropBox::whole(64, 64), false));
        let of = |class, image| Recovery::noise((0, class, image), 4).collect::<Vec<_>>();
        assert!(of("cat", 0) == of("cat", 0) && of("cat", 0) != of("cat", 1) && of("cat", 0) != of("dog", 0));
    }

    #[test]
    fn rolls_have_one_spelling() {
        for text in ["0:32", "-4:4", "0:0"] {
            assert_eq!(text.parse::<Roll>().unwrap().to_string(), text);
        }
        for text in ["", "4", "4:0", "0:99999", "a:b"] {
            assert!(text.parse::<Roll>().unwrap_err().contains("give one like 0:32"), "{text}");
        }
    }
}
