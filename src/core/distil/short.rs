//! Classes that have fewer usable images than their distilled images need: long tails.

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

/// A class that is too small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortClass {
    /// Its name for people.
    pub class: String,
    /// Images with a score within the subset.
    pub usable: usize,
    /// Those of them that are rejected.
    pub rejected: usize,
}

/// Fewer patches than the distilled images of a class need.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TooFewPatches {
    /// The classes.
    pub classes: Vec<ShortClass>,
    /// IPC·N, or N where one distilled image is enough.
    pub needed: usize,
    /// What was asked for.
    pub by: ShortClasses,
}

impl std::fmt::Display for TooFewPatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMED: usize = 5;
        let (what, whose, remedy) = match self.by {
            ShortClasses::Refuse => (
                format!("IPC·N = {} patches", self.needed),
                "a class's images need",
                "lower IPC or N, raise the subset, or take fewer distilled images of such classes with \
                 --short-classes fewer",
            ),
            ShortClasses::Fewer => (
                format!("N = {} patches", self.needed),
                "one distilled image needs",
                "lower N, or leave such classes out with --classes",
            ),
        };
        let of_them = |rejected| if rejected == 0 { String::new() } else { format!(", {rejected} of them rejected") };
        let again = if self.classes.iter().any(|class| class.rejected > 0) { "take rejections back, or " } else { "" };
        if let [ShortClass { class, usable, rejected }] = &self.classes[..] {
            let usable = format!("{usable} usable images{}", of_them(*rejected));
            return write!(f, "class '{class}': {usable}, but {whose} {what}; {again}{remedy}");
        }
        let named = |c: &ShortClass| format!("'{}' ({}{})", c.class, c.usable, of_them(c.rejected));
        let named = self.classes.iter().take(NAMED).map(named).collect::<Vec<_>>().join(", ");
        let (count, more) = (self.classes.len(), self.classes.len().saturating_sub(NAMED));
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        write!(f, "{count} classes have fewer usable images than {what}, which {whose}: {named}{more}; {again}{remedy}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_short_classes_are_named_with_a_way_out() {
        let of = |by, needed, count: usize| {
            let classes = (0..count).map(|c| ShortClass { class: format!("c{c}"), usable: c, rejected: c / 3 });
            TooFewPatches { classes: classes.collect(), needed, by }.to_string()
        };
        let one = of(ShortClasses::Refuse, 20, 1);
        let due = "class 'c0': 0 usable images, but a class's images need IPC·N = 20 patches; ";
        assert!(one.starts_with(due) && one.contains("--short-classes fewer"), "{one}");
        let many = of(ShortClasses::Fewer, 4, 7);
        for said in [
            "7 classes",
            "N = 4 patches, which one distilled image needs",
            "'c0' (0), 'c1' (1)",
            "'c4' (4, 1 of them rejected) and 2 more; take rejections back, or lower N",
            "--classes",
        ] {
            assert!(many.contains(said), "{many}");
        }
    }

    #[test]
    fn choices_have_one_spelling() {
        for name in ShortClasses::NAMES {
            assert_eq!(ShortClasses::named(name).map(ShortClasses::name), Some(name));
        }
        assert_eq!(ShortClasses::named("more"), None);
    }
}
