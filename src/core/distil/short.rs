//! Classes that have fewer usable images than their distilled images need: long tails.

use super::rded::Rded;
use super::recipe::Recipe;

/// What becomes of a class with fewer candidates than IPC·N.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShortClasses {
    /// Nothing is distilled.
    #[default]
    Refuse,
    /// The class has fewer distilled images: as many as its candidates fill, at least one.
    Fewer,
}

impl ShortClasses {
    /// Their names, as flags and manifests have them.
    pub const NAMES: [&'static str; 2] = ["refuse", "fewer"];

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The choice with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Refuse, Self::Fewer].into_iter().find(|s| s.name() == name)
    }

    /// Whether it is the default, which manifests of older versions don't name.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub fn refuses(&self) -> bool {
        *self == Self::Refuse
    }
}

impl Recipe<Rded> {
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

    /// The error of classes that are too small, by name and number of usable images.
    #[must_use]
    pub fn too_few(&self, classes: Vec<(String, usize)>) -> TooFewPatches {
        let (needed, by) = match self.method.short_classes {
            ShortClasses::Refuse => (self.patches_per_class(), self.method.short_classes),
            ShortClasses::Fewer => (self.method.patches as usize, self.method.short_classes),
        };
        TooFewPatches { classes, needed, by }
    }
}

/// Fewer patches than the distilled images of a class need.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TooFewPatches {
    /// The classes, and the images with a score within the subset of each.
    pub classes: Vec<(String, usize)>,
    /// IPC·N, or N where one distilled image is enough.
    pub needed: usize,
    /// What was asked for.
    pub by: ShortClasses,
}

impl std::fmt::Display for TooFewPatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMED: usize = 5;
        let (needed, what, remedy) = match self.by {
            ShortClasses::Refuse => (
                self.needed,
                "IPC·N",
                "lower IPC or N, raise the subset, or take fewer distilled images of such classes with --short-classes fewer",
            ),
            ShortClasses::Fewer => {
                (self.needed, "N, for one distilled image,", "lower N, or leave such classes out with --classes")
            }
        };
        match &self.classes[..] {
            [(class, available)] => write!(
                f,
                "class '{class}': {available} usable images, but {what} = {needed} patches are needed; {remedy}"
            ),
            classes => {
                let named = classes.iter().take(NAMED).map(|(class, count)| format!("'{class}' ({count})"));
                let named = named.collect::<Vec<_>>().join(", ");
                let more = classes.len().saturating_sub(NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                write!(
                    f,
                    "{} classes have fewer usable images than the {what} = {needed} patches that are needed: \
                     {named}{more}; {remedy}",
                    classes.len()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(short_classes: ShortClasses) -> Recipe<Rded> {
        Recipe { ipc: 5, method: Rded { patches: 4, short_classes, ..Rded::default() }, ..Recipe::default() }
    }

    #[test]
    fn a_short_class_has_what_its_images_fill() {
        let (refuse, fewer) = (recipe(ShortClasses::Refuse), recipe(ShortClasses::Fewer));
        assert_eq!([refuse.patches_of(60), refuse.patches_of(20), refuse.patches_of(19)], [Ok(20), Ok(20), Err(20)]);
        let of = |candidates| fewer.patches_of(candidates);
        assert_eq!([of(60), of(20), of(19), of(7), of(4), of(3)], [Ok(20), Ok(20), Ok(16), Ok(4), Ok(4), Err(4)]);
        assert_eq!((fewer.images_of(19), refuse.images_of(19)), (4, 5));
    }

    #[test]
    fn all_short_classes_are_named_with_a_way_out() {
        let named = |count: usize| (0..count).map(|c| (format!("c{c}"), c)).collect::<Vec<_>>();
        let one = recipe(ShortClasses::Refuse).too_few(named(1)).to_string();
        assert!(
            one.starts_with("class 'c0': 0 usable images, but IPC·N = 20 patches") && one.contains("fewer"),
            "{one}"
        );
        let many = recipe(ShortClasses::Fewer).too_few(named(7)).to_string();
        for said in ["7 classes", "= 4 patches", "'c0' (0), 'c1' (1)", "'c4' (4) and 2 more", "--classes"] {
            assert!(many.contains(said), "{many}");
        }
    }
}
