//! A recipe: one method with its parameters, as data. What a user edits, a preset ships and a manifest records.

use super::rded::Rded;
use super::short::{ShortClass, ShortClasses, TooFewPatches};
use crate::core::param::{BadValue, Kind, Parameters as _};

pub use super::method::Method;

/// How distilled images are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputFormat {
    /// Lossless.
    Png,
    /// Baseline JPEG with 4:2:0 chroma, quality 1–100 (RDED writes 75).
    Jpeg(u8),
    /// The very values as floats, which may leave [0, 1], in one file of the set; beside it a PNG of each image to look at.
    Float,
}

impl OutputFormat {
    /// Ending of an image's file without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png | Self::Float => "png",
            Self::Jpeg(_) => "jpg",
        }
    }
}

impl std::fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Png => f.write_str("png"),
            Self::Jpeg(quality) => write!(f, "jpeg:{quality}"),
            Self::Float => f.write_str("float"),
        }
    }
}

impl std::str::FromStr for OutputFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let quality = match text {
            "png" => return Ok(Self::Png),
            "float" => return Ok(Self::Float),
            "jpeg" => Some(75),
            _ => text.strip_prefix("jpeg:").and_then(|q| q.parse().ok()).filter(|q| (1..=100).contains(q)),
        };
        quality.map(Self::Jpeg).ok_or_else(|| format!("'{text}' is no format: {}", Kind::Format.remedy()))
    }
}

impl serde::Serialize for OutputFormat {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for OutputFormat {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The parameters of a run: what all methods share, and the method. `Recipe` alone holds any [`Method`]; what only works
/// for one asks for its own, as in `Recipe<Rded>`. Ranges, units and help are in [`super::params`].
///
/// Which classes are distilled is no part of it: they are named by the dataset that is open, and a recipe fits any.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe<M = Method> {
    /// Distilled images per class.
    pub ipc: u32,
    /// Seed of everything that is drawn: the subset, crop boxes, strategies.
    pub seed: u64,
    /// File format of the distilled images.
    pub format: OutputFormat,
    /// The method and its own parameters.
    pub method: M,
}

impl<M: Default> Default for Recipe<M> {
    fn default() -> Self {
        Self { ipc: 10, seed: 0, format: OutputFormat::Png, method: M::default() }
    }
}

impl<M> Recipe<M> {
    /// What is shared, with another method.
    #[must_use]
    pub fn with<N>(&self, method: N) -> Recipe<N> {
        Recipe { ipc: self.ipc, seed: self.seed, format: self.format, method }
    }
}

impl Recipe {
    /// How patches are scored and chosen, of a method that begins with that ([`Method::rded`]).
    #[must_use]
    pub fn rded(&self) -> Option<Recipe<Rded>> {
        self.method.rded().map(|own| self.with(*own))
    }

    /// f: patches per side of a distilled image; 1 of a method that stitches none. Recovered images have no cells,
    /// whatever they began with.
    #[must_use]
    pub fn factor(&self) -> u32 {
        if self.method.recovery().is_some() { 1 } else { self.method.rded().map_or(1, Rded::factor) }
    }

    /// Whether every parameter is within its range.
    ///
    /// # Errors
    /// [`BadValue`] with the parameter and what it takes.
    pub fn check(&self) -> Result<(), BadValue> {
        self.in_range()
    }
}

impl Recipe<Rded> {
    /// Patches a class must supply: IPC·N.
    #[must_use]
    pub fn patches_per_class(&self) -> usize {
        self.ipc as usize * self.method.patches as usize
    }

    /// Distilled images of a class with so many candidates: IPC, or what they fill where classes may have fewer.
    #[must_use]
    pub fn images_of(&self, candidates: usize) -> usize {
        let ipc = self.ipc as usize;
        match self.method.short_classes {
            ShortClasses::Refuse => ipc,
            ShortClasses::Fewer => ipc.min(candidates / self.method.patches.max(1) as usize),
        }
    }

    /// Patches that are stitched of a class with so many candidates.
    ///
    /// # Errors
    /// The number that is needed at least, where there are fewer.
    pub fn patches_of(&self, candidates: usize) -> Result<usize, usize> {
        let patches = self.method.patches as usize;
        let taken = self.images_of(candidates) * patches;
        let least = taken.max(patches);
        if candidates < least { Err(least) } else { Ok(taken) }
    }

    /// The error of classes that are too small.
    #[must_use]
    pub fn too_few(&self, classes: Vec<ShortClass>) -> TooFewPatches {
        let by = self.method.short_classes;
        let needed = if by.refuses() { self.patches_per_class() } else { self.method.patches as usize };
        TooFewPatches { classes, needed, by }
    }
}

impl From<Recipe<Rded>> for Recipe {
    fn from(recipe: Recipe<Rded>) -> Self {
        recipe.with(Method::Rded(recipe.method))
    }
}

/// How a recipe is spelt: flat, with the method's name first and its own parameters in the middle, as records had it
/// when there was one method. What is read is checked.
mod spelling {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    use super::super::compensation::Compensation;
    use super::super::recovery::Recovery;
    use super::{Method, OutputFormat, Rded, Recipe};

    #[derive(Serialize)]
    struct Written<'a> {
        method: &'static str,
        ipc: u32,
        #[serde(flatten)]
        own: Own<'a>,
        seed: u64,
        format: OutputFormat,
    }

    #[derive(Serialize)]
    #[serde(untagged)]
    enum Own<'a> {
        Rded(&'a Rded),
        Recovery(&'a Recovery),
        Compensation(&'a Compensation),
    }

    #[derive(Deserialize)]
    #[serde(tag = "method", rename_all = "lowercase")]
    enum Read {
        Rded(Shared<Rded>),
        Sre2l(Shared<Recovery>),
        Cda(Shared<Recovery>),
        Lic(Shared<Compensation>),
    }

    #[derive(Deserialize)]
    struct Shared<M> {
        ipc: u32,
        seed: u64,
        format: OutputFormat,
        #[serde(flatten)]
        own: M,
    }

    impl<M> Shared<M> {
        fn recipe(self, method: impl FnOnce(M) -> Method) -> Recipe {
            Recipe { ipc: self.ipc, seed: self.seed, format: self.format, method: method(self.own) }
        }
    }

    impl Serialize for Recipe {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let own = match &self.method {
                Method::Rded(own) => Own::Rded(own),
                Method::Sre2l(own) | Method::Cda(own) => Own::Recovery(own),
                Method::Lic(own) => Own::Compensation(own),
            };
            let (ipc, seed, format) = (self.ipc, self.seed, self.format);
            Written { method: self.method.name(), ipc, own, seed, format }.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for Recipe {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let recipe = match Read::deserialize(deserializer)? {
                Read::Rded(shared) => shared.recipe(Method::Rded),
                Read::Sre2l(shared) => shared.recipe(Method::Sre2l),
                Read::Cda(shared) => shared.recipe(Method::Cda),
                Read::Lic(shared) => shared.recipe(Method::Lic),
            };
            recipe.check().map_err(|e| D::Error::custom(e.in_a_record()))?;
            Ok(recipe)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::compensation::Compensation;
    use super::super::rded::Strategy;
    use super::super::recovery::Recovery;
    use super::*;

    #[test]
    fn recipes_without_a_strategy_are_read_and_written_as_before() {
        let old = r#"{"method":"rded","ipc":10,"patches":4,"subset":300,"crops":5,"seed":0,"format":"png"}"#;
        let recipe: Recipe = serde_json::from_str(old).unwrap();
        assert_eq!(recipe, Recipe::default());
        assert_eq!(serde_json::to_string(&recipe).unwrap(), old);
    }

    /// As the program wrote it before methods had parameters of their own.
    #[test]
    fn recipes_of_before_are_read_and_written_as_before() {
        let old = r#"{"method":"rded","ipc":50,"patches":1,"subset":60,"crops":0,"strategy":"herding","seed":18446744073709551615,"format":"jpeg:75"}"#;
        let recipe: Recipe = serde_json::from_str(old).unwrap();
        let own = Rded { patches: 1, subset: 60, crops: 0, strategy: Strategy::Herding, ..Rded::default() };
        let due = Recipe { ipc: 50, seed: u64::MAX, format: OutputFormat::Jpeg(75), method: Method::Rded(own) };
        assert_eq!(recipe, due);
        assert_eq!(serde_json::to_string(&recipe).unwrap(), old);
    }

    #[test]
    fn formats_have_one_spelling() {
        for (text, extension) in [("png", "png"), ("jpeg:75", "jpg"), ("float", "png")] {
            let format: OutputFormat = text.parse().unwrap();
            assert_eq!((format.to_string().as_str(), format.extension()), (text, extension));
        }
        assert_eq!("jpeg".parse(), Ok(OutputFormat::Jpeg(75)));
        let due = "'tiff' is no format: give png, float or jpeg:Q with Q from 1 to 100";
        assert_eq!("tiff".parse::<OutputFormat>().unwrap_err(), due);
    }

    #[test]
    fn recipes_that_cannot_be_are_not_read() {
        let text = |method: &str, n: &str, subset: &str| {
            format!(
                r#"{{"method":"{method}","ipc":1,"patches":{n},"subset":{subset},"crops":5,"seed":0,"format":"png"}}"#
            )
        };
        for (bad, why) in [
            (text("rded", "7", "300"), "patches is 7: give one of [1, 4, 9, 16, 25]"),
            (text("rded", "4", "0"), "subset is 0: give a whole number from 1 to 10000"),
            (text("magic", "4", "300"), "unknown variant `magic`"),
            (text("rded", "4", "300").replace("\"subset\":300,", ""), "missing field `subset`"),
        ] {
            let error = serde_json::from_str::<Recipe>(&bad).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn every_method_is_spelt_and_read() {
        let begun = Recovery { stitch: Some(Rded::default()), ..Recovery::SRE2L_CIFAR };
        let methods = [
            Method::default(),
            Method::Sre2l(Recovery::SRE2L),
            Method::Sre2l(begun),
            Method::Cda(Recovery::CDA_TINY),
            Method::Lic(Compensation::LIC),
        ];
        for method in methods {
            let recipe = Recipe { method, ..Recipe::default() };
            let text = serde_json::to_string(&recipe).unwrap();
            assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), recipe, "{text}");
            assert!(text.starts_with(&format!(r#"{{"method":"{}","ipc":10,"#, recipe.method.name())), "{text}");
            assert!(Method::NAMES.contains(&recipe.method.name()));
        }
        let text =
            serde_json::to_string(&Recipe { method: Method::Lic(Compensation::LIC), ..Recipe::default() }).unwrap();
        let due = r#"{"method":"lic","ipc":10,"iterations":200,"lr":0.01,"decay":0.01,"layer":"auto","distance":"l1","siamese":true,"patches":4,"subset":300,"crops":0,"framing":"view","seed":0,"format":"png"}"#;
        assert_eq!(text, due);
        let wild = due.replace("\"iterations\":200", "\"iterations\":0");
        let error = serde_json::from_str::<Recipe>(&wild).unwrap_err().to_string();
        assert!(error.contains("iterations is 0: give a whole number from 1"), "{error}");
    }

    #[test]
    fn strategies_have_one_spelling() {
        for name in Strategy::NAMES {
            let strategy = Strategy::named(name).unwrap();
            assert_eq!(strategy.name(), name);
            let own = Rded { strategy, crops: 0, ..Rded::default() };
            let recipe: Recipe = Recipe { method: own, ..Recipe::default() }.into();
            let text = serde_json::to_string(&recipe).unwrap();
            assert_eq!(text.contains(&format!(r#""strategy":"{name}""#)), strategy != Strategy::Realism, "{text}");
            assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), recipe);
        }
        assert_eq!(Strategy::named("best"), None);
    }

    #[test]
    fn a_short_class_has_what_its_images_fill() {
        let of = |short_classes| {
            let method = Rded { patches: 4, short_classes, ..Rded::default() };
            Recipe { ipc: 5, method, ..Recipe::default() }
        };
        let (refuse, fewer) = (of(ShortClasses::Refuse), of(ShortClasses::Fewer));
        assert_eq!([refuse.patches_of(60), refuse.patches_of(20), refuse.patches_of(19)], [Ok(20), Ok(20), Err(20)]);
        let of = |candidates| fewer.patches_of(candidates);
        assert_eq!([of(60), of(20), of(19), of(7), of(4), of(3)], [Ok(20), Ok(20), Ok(16), Ok(4), Ok(4), Err(4)]);
        assert_eq!((fewer.images_of(19), refuse.images_of(19)), (4, 5));
        assert_eq!((refuse.too_few(vec![]).needed, fewer.too_few(vec![]).needed), (20, 4));
        let text = serde_json::to_string(&Recipe::from(fewer)).unwrap();
        assert!(text.contains(r#""short_classes":"fewer""#), "{text}");
        assert_eq!(serde_json::from_str::<Recipe>(&text).unwrap(), fewer.into());
    }
}
