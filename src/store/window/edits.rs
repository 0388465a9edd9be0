//! What was edited and selected, with names in place of positions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::core::data::names::{escape, unescape};
use crate::core::distil::recipe::Recipe;
use crate::core::train::recipe::TrainRecipe;
use crate::core::workspace::Edited;
use crate::core::workspace::selection::Selection;
use crate::core::workspace::view::{Filter, Sort};
use crate::store::files::KeptPath;

/// What undo covers, but for the curation, which has a file of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Edits {
    /// Method and parameters.
    pub recipe: Recipe,
    /// Parameters of the next training.
    pub training: TrainRecipe,
    /// The classes that are distilled; `None` for all.
    pub chosen: Option<Vec<String>>,
    /// The observer's output for each class, where the user gave an order.
    pub outputs: Option<BTreeMap<String, u32>>,
    /// Weight files of observers that move pixels beside the loaded one.
    pub beside: Vec<KeptPath>,
    /// The class that is shown.
    class: Option<String>,
    /// What else patches must be to be shown; the class stands beside it.
    filter: Filter,
    /// In what order.
    pub sort: Sort,
}

impl Edits {
    /// What is edited, in the words of the open dataset; of none, only what does not speak of one.
    #[must_use]
    pub fn of(edited: &Edited, dataset: Option<&Dataset>) -> Self {
        let own = Self {
            recipe: edited.recipe.clone(),
            training: edited.training.clone(),
            filter: edited.filter.of_any_class(),
            sort: edited.sort,
            ..Self::default()
        };
        let Some(dataset) = dataset else { return own };
        let name = |class: ClassId| dataset.classes().get(class.index()).map(|c| c.name.clone());
        let chosen = dataset.class_ids().zip(&edited.chosen).filter(|(_, chosen)| **chosen);
        let outputs = edited.outputs.as_ref();
        Self {
            chosen: edited.chosen.contains(&false).then(|| chosen.filter_map(|(class, _)| name(class)).collect()),
            outputs: outputs
                .map(|all| dataset.classes().iter().map(|c| c.name.clone()).zip(all.iter().copied()).collect()),
            beside: edited.beside.iter().cloned().map(KeptPath).collect(),
            class: edited.filter.class.and_then(name),
            ..own
        }
    }

    /// The same for a dataset, with another one's curation: classes that it lacks are left out, an order of outputs holds
    /// for all classes or not at all, and where none of the chosen classes is left all are chosen.
    #[must_use]
    pub fn edited(&self, dataset: &Dataset) -> Edited {
        let chosen = self.chosen.as_ref().map(|names| {
            let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
            dataset.classes().iter().map(|c| names.contains(c.name.as_str())).collect::<Vec<bool>>()
        });
        let meant_none = self.chosen.as_ref().is_some_and(Vec::is_empty);
        let chosen = chosen.filter(|chosen| meant_none || chosen.contains(&true));
        let outputs = self.outputs.as_ref().and_then(|known| {
            dataset.classes().iter().map(|c| known.get(&c.name).copied()).collect::<Option<Vec<u32>>>()
        });
        let class = self.class.as_ref().and_then(|name| dataset.classes().iter().position(|c| c.name == *name));
        Edited {
            recipe: self.recipe.clone(),
            training: self.training.clone(),
            chosen: chosen.unwrap_or_else(|| vec![true; dataset.classes().len()]),
            outputs: outputs.map(Arc::new),
            beside: Arc::new(self.beside.iter().map(|kept| kept.0.clone()).collect()),
            filter: Filter { class: class.map(|at| ClassId(at as u32)), ..self.filter.clone() },
            sort: self.sort,
            ..Edited::default()
        }
    }
}

/// Selected images by class and name, and the one that is looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Selected {
    /// Names of images, escaped, by class.
    images: BTreeMap<String, Vec<String>>,
    /// Class and name.
    lead: Option<(String, String)>,
}

impl Selected {
    /// What is selected of a dataset.
    #[must_use]
    pub fn of(selection: &Selection, dataset: &Dataset) -> Self {
        let name = |image: ImageId| {
            let class = dataset.class(dataset.class_of(image)).name.clone();
            (class, escape(dataset.image_name(image)))
        };
        let here = |image: &ImageId| image.index() < dataset.image_count();
        let mut images: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (class, image) in selection.images().filter(here).map(name) {
            images.entry(class).or_default().push(image);
        }
        Self { images, lead: selection.lead().filter(here).map(name) }
    }

    /// The images of a dataset that have these names, and the one that is looked at.
    #[must_use]
    pub fn images(&self, dataset: &Dataset) -> (Vec<ImageId>, Option<ImageId>) {
        let classes: BTreeMap<&str, ClassId> =
            dataset.class_ids().map(|class| (dataset.class(class).name.as_str(), class)).collect();
        let find = |class: &str, name: &str| {
            let range = dataset.images_of(*classes.get(class)?);
            let name = unescape(name)?;
            // Images of a class are in order of their names.
            let (mut low, mut high) = (range.start, range.end);
            while low < high {
                let middle = low + (high - low) / 2;
                match dataset.image_name(ImageId(middle)).cmp(&name) {
                    std::cmp::Ordering::Equal => return Some(ImageId(middle)),
                    std::cmp::Ordering::Less => low = middle + 1,
                    std::cmp::Ordering::Greater => high = middle,
                }
            }
            None
        };
        let all = self.images.iter().flat_map(|(class, names)| names.iter().map(move |name| (class, name)));
        let images = all.filter_map(|(class, name)| find(class, name)).collect();
        (images, self.lead.as_ref().and_then(|(class, name)| find(class, name)))
    }
}
