//! Series of distillations and trainings that are compared under one protocol: the papers' tables, and grids.

use crate::core::distil::rded::{Rded, Strategy};
use crate::core::distil::recipe::{OutputFormat, Recipe};
use crate::core::param::{BadValue, Parameters as _};

mod ready;

pub use ready::{READY, ReadyGrid};

/// Which series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Series {
    /// RDED's steps one after another (Sun et al., Table 8).
    Steps,
    /// Which patches are kept, everything else as RDED (Table 9), with soft and with hard labels.
    Strategies,
    /// Coresets of whole images (Table 7), with hard and with soft labels.
    Coresets,
    /// All combinations of some parameters' values, of any method (RDED's Figure 4: IPC × N × subset).
    Grid(Vec<Axis>),
    /// A grid for a question of a paper.
    Ready(ReadyGrid),
}

/// A parameter of the recipe ([`crate::core::distil::params`]) and the values that it takes in a grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The parameter's name.
    pub name: String,
    /// Values as flags have them.
    pub values: Vec<String>,
}

impl std::str::FromStr for Axis {
    type Err = String;

    /// `NAME=V,V`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let axis = text.split_once('=').map(|(name, values)| Self {
            name: name.trim_start_matches("--").to_owned(),
            values: values.split(',').map(str::to_owned).collect(),
        });
        let whole = |axis: &Self| !axis.name.is_empty() && axis.values.iter().all(|value| !value.is_empty());
        axis.filter(whole).ok_or_else(|| format!("'{text}' is no axis: give NAME=V,V, such as patches=1,4"))
    }
}

/// One entry: a distilled set and how its students are taught.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Short and unique within the series.
    pub name: String,
    /// For people.
    pub title: String,
    /// The distilled set.
    pub recipe: Recipe,
    /// Whether the observer labels; otherwise the classes alone teach.
    pub soft: bool,
    /// Whether the format of the images is part of the set's name: where a series compares formats.
    pub formats: bool,
}

/// The parameters that the names of RDED's sets have always had.
const NAMED: [&str; 7] = ["ipc", "patches", "subset", "crops", "strategy", "short-classes", "seed"];

impl Entry {
    fn new(name: impl Into<String>, title: impl Into<String>, recipe: Recipe<Rded>, soft: bool) -> Self {
        Self { name: name.into(), title: title.into(), recipe: recipe.into(), soft, formats: false }
    }

    /// Names the distilled set, as a folder may be called: entries that differ in their labels alone share it.
    #[must_use]
    pub fn set(&self) -> String {
        let name = match self.recipe.rded().filter(|_| self.recipe.method.name() == "rded") {
            Some(recipe) => self.rdeds(&recipe),
            None => self.any(),
        };
        if self.formats { format!("{name}-{}", plain(&self.recipe.format.to_string())) } else { name }
    }

    /// The name of a set of RDED's: all that it has always said, and further parameters where they are moved.
    fn rdeds(&self, recipe: &Recipe<Rded>) -> String {
        let own = &recipe.method;
        let short = if own.short_classes.refuses() { "" } else { "-fewer" };
        let crops = if own.crops == 0 { "whole".to_owned() } else { format!("{}crops", own.crops) };
        let (strategy, patches, subset) = (own.strategy.name(), own.patches, own.subset);
        let (ipc, seed) = (recipe.ipc, recipe.seed);
        let mut usual = Recipe::default();
        for name in NAMED {
            // Values of a recipe that is there are values that a parameter takes.
            let _ = usual.set(name, &self.recipe.get(name));
        }
        let others = Recipe::table().iter().filter(|p| !NAMED.contains(&p.name) && p.name != "format");
        let moved = others.filter(|p| p.value(&self.recipe) != p.value(&usual));
        let moved: String = moved.map(|p| format!("-{}", worded(p.name, &plain(&p.value(&self.recipe))))).collect();
        format!("{strategy}-{crops}-{patches}of{subset}-ipc{ipc}{short}{moved}-seed{seed}")
    }

    /// The name of a set of any method: it has more parameters than a folder's name has room for, so the recipe as records
    /// have it is hashed.
    fn any(&self) -> String {
        let of_any_format = Recipe { format: OutputFormat::Png, ..self.recipe.clone() };
        // A recipe is plain fields: writing it as JSON cannot fail.
        let text = serde_json::to_vec(&of_any_format).unwrap_or_default();
        let mut hash = blake3::Hasher::new_derive_key("stillroom 2026 name of a distilled set v1");
        hash.update(&text);
        let (method, ipc, seed) = (self.recipe.method.name(), self.recipe.ipc, self.recipe.seed);
        format!("{method}-ipc{ipc}-seed{seed}-{}", &hash.finalize().to_hex()[..16])
    }

    /// Names the training: entries of two series that have set and labels in common share it.
    #[must_use]
    pub fn training(&self) -> String {
        format!("{}-{}", self.set(), if self.soft { "soft" } else { "hard" })
    }
}

/// A value with nothing but what every file system takes in a name.
fn plain(value: &str) -> String {
    value.chars().filter(|c| c.is_ascii_alphanumeric() || ".-".contains(*c)).collect()
}

/// A parameter with its value, in short: `ipc10`, `strategy=random`.
fn worded(name: &str, value: &str) -> String {
    let number = value.starts_with(|c: char| c.is_ascii_digit());
    if number { format!("{name}{value}") } else { format!("{name}={value}") }
}

impl Series {
    /// Their words, each with what it compares: the ready grids' behind the others.
    pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
        let own = [
            ("steps", "RDED's steps one after another (Table 8)"),
            ("strategies", "Which patches are kept (Table 9)"),
            ("coresets", "Coresets of whole images (Table 7)"),
            ("grid", "All combinations of --grid NAME=V,V (RDED's Figure 4: of ipc, patches and subset)"),
        ];
        own.into_iter().chain(READY.iter().map(|grid| (grid.name, grid.about)))
    }

    /// The series that a word names, with these axes where it is a grid of one's own.
    #[must_use]
    pub fn named(name: &str, axes: Vec<Axis>) -> Option<Self> {
        Some(match name {
            "steps" => Self::Steps,
            "strategies" => Self::Strategies,
            "coresets" => Self::Coresets,
            "grid" => Self::Grid(axes),
            _ => Self::Ready(READY.into_iter().find(|grid| grid.name == name)?),
        })
    }

    /// The method whose recipes the series `name` varies; `None` of a grid of one's own, and of no series.
    #[must_use]
    pub fn method_of(name: &str) -> Option<&'static str> {
        match name {
            "steps" | "strategies" | "coresets" => Some("rded"),
            _ => READY.iter().find(|grid| grid.name == name).map(|grid| grid.method),
        }
    }

    /// Whether classes alone teach some of its students.
    #[must_use]
    pub fn has_hard_labels(&self) -> bool {
        !matches!(self, Self::Grid(_) | Self::Ready(_))
    }

    /// Its word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Strategies => "strategies",
            Self::Coresets => "coresets",
            Self::Grid(_) => "grid",
            Self::Ready(grid) => grid.name,
        }
    }

    /// Its entries, in the order of the paper's table, on the basis of a recipe: RDED's for the same images, or for a
    /// grid any.
    ///
    /// # Errors
    /// [`BadValue`] of a parameter that the method doesn't have, or of a value that it can't take.
    pub fn entries(&self, base: &Recipe) -> Result<Vec<Entry>, BadValue> {
        match self {
            Self::Grid(axes) => return grid(base, axes),
            Self::Ready(ready) => return of_method(base, ready.method, self).and_then(|()| grid(base, &ready.axes())),
            Self::Steps | Self::Strategies | Self::Coresets => of_method(base, "rded", self)?,
        }
        let rded = base.rded().unwrap_or_default();
        let base = varied(&rded, |own| (own.strategy, own.crops) = (Strategy::Realism, own.crops.max(1)));
        Ok(match self {
            Self::Steps => steps(&base),
            Self::Strategies => by_strategy(&base, "patches"),
            Self::Coresets | Self::Grid(_) | Self::Ready(_) => {
                by_strategy(&varied(&base, |own| (own.crops, own.patches) = (0, 1)), "whole images")
            }
        })
    }
}

/// Refuses a recipe of another method than the series varies.
fn of_method(base: &Recipe, method: &str, series: &Series) -> Result<(), BadValue> {
    let given = base.method.name();
    let why = || format!("the series {} varies recipes of {method}: give --method {method}", series.name());
    if given == method { Ok(()) } else { Err(BadValue::new("method", given, why())) }
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

/// All combinations, the last axis fastest; the recipe itself without axes.
fn grid(base: &Recipe, axes: &[Axis]) -> Result<Vec<Entry>, BadValue> {
    let formats = axes.iter().any(|axis| axis.name == "format");
    let mut cells: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
    for (at, axis) in axes.iter().enumerate() {
        if axes[..at].iter().any(|other| other.name == axis.name) {
            return Err(BadValue::new(&axis.name, &axis.values.join(","), "the grid has this parameter already"));
        }
        let longer = cells.iter().flat_map(|cell| {
            axis.values.iter().map(move |value| [cell.as_slice(), &[(axis.name.as_str(), value.as_str())]].concat())
        });
        cells = longer.collect();
    }
    let mut entries: Vec<Entry> = Vec::new();
    for cell in cells {
        let recipe = moved(base, &cell)?;
        let said = |(name, _): &(&str, &str)| ((*name).to_owned(), recipe.get(name));
        let mut said: Vec<(String, String)> = cell.iter().map(said).collect();
        if said.is_empty() {
            said.push(("ipc".to_owned(), recipe.ipc.to_string()));
        }
        let name = said.iter().map(|(name, value)| worded(name, value)).collect::<Vec<_>>().join("-");
        let title = said.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ");
        // A value that is given twice, or in two spellings, is one entry.
        if entries.iter().all(|entry| entry.name != name) {
            entries.push(Entry { name, title, recipe, soft: true, formats });
        }
    }
    Ok(entries)
}

/// The recipe with these values, set in the table's order: some parameters are there only once others are set.
fn moved(base: &Recipe, cell: &[(&str, &str)]) -> Result<Recipe, BadValue> {
    let mut recipe = base.clone();
    let place = |name: &str| Recipe::table().iter().position(|p| p.name == name);
    let mut cell = cell.to_vec();
    cell.sort_by_key(|(name, _)| place(name));
    cell.iter().try_for_each(|(name, value)| recipe.set(name, value))?;
    recipe.check()?;
    Ok(recipe)
}

#[cfg(test)]
mod tests;
