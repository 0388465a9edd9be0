//! Methods beside one another, each as its paper has it for the data's side.

use super::{Axis, Entry, grid};
use crate::core::distil::presets::of_method;
use crate::core::distil::rded::{Rded, Strategy};
use crate::core::distil::recipe::{Method, Recipe};
use crate::core::param::{BadValue, Parameters as _};

/// The axis of a grid that goes over methods.
pub const METHOD: &str = "method";

/// Methods that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Methods {
    /// Side of the observer's input in pixels, by which papers choose their values.
    pub side: u32,
    /// Parameters that are the same for all methods that have them, as flags spell them.
    pub given: Vec<(String, String)>,
    /// Axes of a grid, one of which goes over methods; `None`: random images, then all methods.
    pub axes: Option<Vec<Axis>>,
}

impl Methods {
    /// The series' word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        if self.axes.is_some() { "grid" } else { "methods" }
    }

    /// Its entries: random images first, or the combinations of a grid, method by method.
    ///
    /// # Errors
    /// [`BadValue`] of a method that there is not, and of a value that none of the methods takes; in a grid of a parameter
    /// that one of its methods doesn't have.
    pub fn entries(&self) -> Result<Vec<Entry>, BadValue> {
        self.known()?;
        let Some(axes) = &self.axes else {
            let of = |name: &&str| Ok(entry(name, title(name), self.recipe(name)?));
            let random = entry("random", "Random whole images", self.random()?);
            return std::iter::once(Ok(random)).chain(Method::NAMES.iter().map(of)).collect();
        };
        let (over, others): (Vec<&Axis>, Vec<&Axis>) = axes.iter().partition(|axis| axis.name == METHOD);
        let others: Vec<Axis> = others.into_iter().cloned().collect();
        let mut entries: Vec<Entry> = Vec::new();
        for name in over.iter().flat_map(|axis| &axis.values) {
            if entries.iter().any(|entry| entry.recipe.method.name() == name) {
                continue;
            }
            let base = self.recipe(name)?;
            if others.is_empty() {
                entries.push(entry(name, title(name), base));
                continue;
            }
            entries.extend(grid(&base, &others)?.into_iter().map(|cell| {
                let (short, long) = (format!("{name}-{}", cell.name), format!("{}, {}", title(name), cell.title));
                entry(&short, &long, cell.recipe)
            }));
        }
        Ok(entries)
    }

    /// The recipe of a method, with what is given.
    fn recipe(&self, name: &str) -> Result<Recipe, BadValue> {
        let unknown =
            || BadValue::new(METHOD, name, format!("there is no such method; give {}", Method::NAMES.join(", ")));
        self.with_given(of_method(name, self.side).ok_or_else(unknown)?, &[])
    }

    /// Images that nobody chose, as the first row of RDED's Table 8 has them.
    fn random(&self) -> Result<Recipe, BadValue> {
        let own = Rded { strategy: Strategy::Random, crops: 0, patches: 1, ..Rded::default() };
        let base = of_method("rded", self.side).unwrap_or_default();
        self.with_given(Recipe { method: Method::Rded(own), ..base }, &["strategy", "crops", "patches", "framing"])
    }

    /// What is given, as far as the recipe has it; some parameters are there only once others are set, so in their order.
    fn with_given(&self, mut recipe: Recipe, without: &[&str]) -> Result<Recipe, BadValue> {
        for (name, value) in self.given.iter().filter(|(name, _)| !without.contains(&name.as_str())) {
            if Recipe::table().iter().any(|p| p.name == name && (p.get)(&recipe).is_some()) {
                recipe.set(name, value)?;
            }
        }
        recipe.check()?;
        Ok(recipe)
    }

    /// Refuses what is given to no method.
    fn known(&self) -> Result<(), BadValue> {
        let bases: Vec<Recipe> = Method::NAMES.iter().filter_map(|name| of_method(name, self.side)).collect();
        let lost = |(name, _): &&(String, String)| {
            !bases.iter().any(|base| Recipe::table().iter().any(|p| p.name == name && (p.get)(base).is_some()))
        };
        match self.given.iter().find(lost) {
            Some((name, value)) => Err(BadValue::new(name, value, "none of the methods has this parameter")),
            None => Ok(()),
        }
    }
}

/// Sets of other formats than the folder's others may lie beside them.
fn entry(name: &str, title: &str, recipe: Recipe) -> Entry {
    Entry { name: name.to_owned(), title: title.to_owned(), recipe, soft: true, formats: true, taught: None }
}

/// A method's name as papers write it.
fn title(name: &str) -> &str {
    match name {
        "rded" => "RDED",
        "sre2l" => "SRe2L",
        "cda" => "CDA",
        "lic" => "LIC",
        other => other,
    }
}
