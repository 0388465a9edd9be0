//! Series of distillations and trainings that are compared under one protocol: the paper's tables, and grids.

use crate::core::distil::rded::{Rded, Strategy};
use crate::core::distil::recipe::Recipe;

/// Which series.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Series {
    /// RDED's steps one after another (Sun et al., Table 8).
    Steps,
    /// Which patches are kept, everything else as RDED (Table 9), with soft and with hard labels.
    Strategies,
    /// Coresets of whole images (Table 7), with hard and with soft labels.
    Coresets,
    /// IPC × N × subset (Figure 4); an empty list keeps the recipe's own value.
    Grid {
        /// Images per class.
        ipc: Vec<u32>,
        /// Patches per image.
        patches: Vec<u32>,
        /// Images per class that are scored.
        subset: Vec<u32>,
    },
}

/// One entry: a distilled set and how its students are taught.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// Short and unique within the series.
    pub name: String,
    /// For people.
    pub title: String,
    /// The distilled set.
    pub recipe: Recipe,
    /// Whether the observer labels; otherwise the classes alone teach.
    pub soft: bool,
}

impl Entry {
    fn new(name: impl Into<String>, title: impl Into<String>, recipe: Recipe<Rded>, soft: bool) -> Self {
        Self { name: name.into(), title: title.into(), recipe: recipe.into(), soft }
    }

    /// Names the distilled set: entries that differ in their labels alone share it.
    #[must_use]
    pub fn set(&self) -> String {
        let Recipe { ipc, seed, .. } = self.recipe;
        let Rded { patches, subset, crops, strategy, short_classes, .. } =
            self.recipe.method.rded().copied().unwrap_or_default();
        let short = if short_classes.refuses() { "" } else { "-fewer" };
        let crops = if crops == 0 { "whole".to_owned() } else { format!("{crops}crops") };
        format!("{}-{crops}-{patches}of{subset}-ipc{ipc}{short}-seed{seed}", strategy.name())
    }

    /// Names the training: entries of two series that have set and labels in common share it.
    #[must_use]
    pub fn training(&self) -> String {
        format!("{}-{}", self.set(), if self.soft { "soft" } else { "hard" })
    }
}

impl Series {
    /// Its word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Strategies => "strategies",
            Self::Coresets => "coresets",
            Self::Grid { .. } => "grid",
        }
    }

    /// Its entries, in the order of the paper's table, on the basis of a recipe: RDED's for the same images.
    #[must_use]
    pub fn entries(&self, base: &Recipe<Rded>) -> Vec<Entry> {
        let base = varied(base, |own| (own.strategy, own.crops) = (Strategy::Realism, own.crops.max(1)));
        match self {
            Self::Steps => steps(&base),
            Self::Strategies => by_strategy(&base, "patches"),
            Self::Coresets => by_strategy(&varied(&base, |own| (own.crops, own.patches) = (0, 1)), "whole images"),
            Self::Grid { ipc, patches, subset } => grid(&base, (ipc, patches, subset)),
        }
    }
}

/// A recipe whose own parameters are changed.
fn varied(base: &Recipe<Rded>, change: impl FnOnce(&mut Rded)) -> Recipe<Rded> {
    let mut recipe = *base;
    change(&mut recipe.method);
    recipe
}

/// Table 8. Where one patch makes an image there is nothing to stitch, and the step is left out, as in the paper.
fn steps(base: &Recipe<Rded>) -> Vec<Entry> {
    let single = varied(base, |own| own.patches = 1);
    let random = |crops: u32| varied(&single, |own| (own.strategy, own.crops) = (Strategy::Random, crops));
    let mut entries = vec![
        Entry::new("original", "Random whole images", random(0), false),
        Entry::new("best-crop", "+ best crop of each", random(base.method.crops), false),
        Entry::new("top-k", "+ most realistic images", single, false),
    ];
    if base.method.patches > 1 {
        entries.push(Entry::new("stitch", "+ stitching", *base, false));
    }
    entries.push(Entry::new("relabel", "+ soft labels (RDED)", *base, true));
    entries
}

/// Tables 7 and 9. Of whole images the realism score chooses, too: LIC's way.
fn by_strategy(base: &Recipe<Rded>, what: &str) -> Vec<Entry> {
    let strategies = [Strategy::Random, Strategy::Herding, Strategy::KMeans, Strategy::Realism];
    let of = |soft: bool| {
        let labels = if soft { "soft" } else { "hard" };
        strategies.map(|strategy| {
            let name = format!("{}-{labels}", strategy.name());
            Entry::new(
                name,
                format!("{} {what}, {labels} labels", title(strategy)),
                varied(base, |own| own.strategy = strategy),
                soft,
            )
        })
    };
    of(false).into_iter().chain(of(true)).collect()
}

fn title(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Realism => "Most realistic",
        Strategy::Random => "Random",
        Strategy::Herding => "Herding of",
        Strategy::KMeans => "k-means of",
    }
}

fn grid(base: &Recipe<Rded>, (ipc, patches, subset): (&[u32], &[u32], &[u32])) -> Vec<Entry> {
    let or = |values: &[u32], own: u32| if values.is_empty() { vec![own] } else { values.to_vec() };
    let mut entries = Vec::new();
    for ipc in or(ipc, base.ipc) {
        for patches in or(patches, base.method.patches) {
            for subset in or(subset, base.method.subset) {
                let name = format!("ipc{ipc}-n{patches}-of{subset}");
                let title = format!("IPC {ipc}, N = {patches}, subset {subset}");
                let mut recipe = varied(base, |own| (own.patches, own.subset) = (patches, subset));
                recipe.ipc = ipc;
                entries.push(Entry::new(name, title, recipe, true));
            }
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(series: &Series, base: &Recipe<Rded>) -> Vec<String> {
        series.entries(base).into_iter().map(|e| e.name).collect()
    }

    #[test]
    fn steps_add_one_thing_each() {
        let photographs = Recipe::<Rded>::default();
        assert_eq!(names(&Series::Steps, &photographs), ["original", "best-crop", "top-k", "stitch", "relabel"]);
        let small = photographs.with(Rded { patches: 1, ..Rded::default() });
        let entries = Series::Steps.entries(&small);
        assert_eq!(
            entries.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(),
            ["original", "best-crop", "top-k", "relabel"]
        );
        let own = |entry: &Entry| *entry.recipe.method.rded().unwrap();
        let what = |at: usize| (own(&entries[at]).crops, own(&entries[at]).strategy, entries[at].soft);
        assert_eq!([what(0), what(1)], [(0, Strategy::Random, false), (5, Strategy::Random, false)]);
        assert_eq!([what(2), what(3)], [(5, Strategy::Realism, false), (5, Strategy::Realism, true)]);
        assert_eq!(entries[2].set(), entries[3].set(), "only the labels differ");
        assert_ne!(entries[0].set(), entries[1].set());
    }

    #[test]
    fn names_are_unique_and_grids_cover_all() {
        let base = Recipe::<Rded>::default();
        let grid = Series::Grid { ipc: vec![1, 10], patches: vec![], subset: vec![100, 200, 300] };
        for series in [Series::Strategies, Series::Coresets, grid.clone()] {
            let mut names = names(&series, &base);
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{series:?}");
        }
        assert_eq!(names(&grid, &base).len(), 6);
        let whole = |own: &Rded| own.crops == 0 && own.patches == 1;
        assert!(Series::Coresets.entries(&base).iter().all(|e| e.recipe.method.rded().is_some_and(whole)));
    }
}
