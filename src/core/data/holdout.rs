//! Images that are kept out of distillation and training where a dataset has no test split.

use crate::core::rng::Stream;

const PURPOSE: &str = "stillroom 2026 holdout v1";

/// A share of each class's images, drawn by a seed. Spelt `0.1`, or `0.1:7` for another seed than 0.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Holdout {
    /// Within 0 and 1, both excluded: so never NaN.
    share: f64,
    seed: u64,
}

impl Eq for Holdout {}

impl Holdout {
    /// Which of a class's images are held out: the share of them, at least one and not all where there are two or more.
    /// An image's draw depends on seed, class and its own name alone, so that no other class, and hardly another image,
    /// moves it.
    pub(super) fn draw(self, class: &str, names: &[&[u8]]) -> Vec<bool> {
        let mut held_out = vec![false; names.len()];
        if names.len() < 2 {
            return held_out;
        }
        let count = (self.share * names.len() as f64).round_ties_even() as usize;
        let draw = |name: &[u8]| Stream::new(PURPOSE, self.seed, &[class.as_bytes(), name]).bits();
        let mut order: Vec<(u64, usize)> = names.iter().enumerate().map(|(at, name)| (draw(name), at)).collect();
        order.sort_unstable();
        order.iter().take(count.clamp(1, names.len() - 1)).for_each(|&(_, at)| held_out[at] = true);
        held_out
    }
}

impl std::fmt::Display for Holdout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.seed {
            0 => write!(f, "{}", self.share),
            seed => write!(f, "{}:{seed}", self.share),
        }
    }
}

impl std::str::FromStr for Holdout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (share, seed) = text.split_once(':').unwrap_or((text, "0"));
        let share = share.trim().parse().ok().filter(|share: &f64| *share > 0.0 && *share < 1.0);
        let both = share.zip(seed.trim().parse().ok());
        let wrong = || {
            format!("'{text}' is no share: give a number between 0 and 1, such as 0.1, or with a seed behind it, 0.1:7")
        };
        both.map(|(share, seed)| Self { share, seed }).ok_or_else(wrong)
    }
}

impl From<Holdout> for String {
    fn from(holdout: Holdout) -> Self {
        holdout.to_string()
    }
}

impl TryFrom<String> for Holdout {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(holdout: &str, class: &str, images: u32) -> Vec<u32> {
        let names: Vec<Vec<u8>> = (0..images).map(|i| format!("{i}.png").into_bytes()).collect();
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let held_out = holdout.parse::<Holdout>().unwrap().draw(class, &names);
        (0..images).filter(|&i| held_out[i as usize]).collect()
    }

    /// A test vector: no upgrade may hold out other images.
    #[test]
    fn the_draw_is_fixed() {
        assert_eq!(drawn("0.1", "cat", 40), FIXED);
        assert_ne!(drawn("0.1:7", "cat", 40), FIXED);
        assert_ne!(drawn("0.1", "dog", 40), FIXED);
    }

    const FIXED: [u32; 4] = [2, 6, 21, 23];

    #[test]
    fn at_least_one_and_never_all() {
        let counts = |holdout| [0, 1, 2, 3, 10].map(|images| drawn(holdout, "cat", images).len());
        assert_eq!((counts("0.1"), counts("0.99")), ([0, 0, 1, 1, 1], [0, 0, 1, 2, 9]));
        // Images that come later leave most of what was drawn.
        let (few, more) = (drawn("0.5", "cat", 20), drawn("0.5", "cat", 22));
        assert!(few.iter().filter(|image| more.contains(image)).count() >= 9, "{few:?} {more:?}");
    }

    #[test]
    fn shares_have_one_spelling() {
        for text in ["0.1", "0.25:7"] {
            let holdout: Holdout = text.parse().unwrap();
            assert_eq!(holdout.to_string(), text);
            assert_eq!(serde_json::from_str::<Holdout>(&format!("\"{text}\"")).unwrap(), holdout);
        }
        for bad in ["0", "1", "1.5", "-0.1", "nan", "ten", "0.1:", "0.1:x", ""] {
            assert!(bad.parse::<Holdout>().unwrap_err().contains("between 0 and 1"), "{bad}");
        }
    }
}
