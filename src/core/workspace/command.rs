//! What can be edited, and the changes that a user may ask for.

use std::path::PathBuf;
use std::sync::Arc;

use super::selection::Joining;
use super::view::{Filter, Sort};
use crate::core::data::dataset::{ClassId, ImageId};
use crate::core::distil::curation::{Curation, Mark};
use crate::core::distil::recipe::Recipe;
use crate::core::train::recipe::TrainRecipe;

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Light text on a dark ground: pictures stand out.
    #[default]
    Dark,
    /// Dark text on a light ground.
    Light,
}

/// The part of the workspace that undo and redo cover.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edited {
    /// Method and parameters.
    pub recipe: Recipe,
    /// Parameters of the next training.
    pub training: TrainRecipe,
    /// Whether each class of the open dataset is distilled, in class order.
    pub chosen: Vec<bool>,
    /// What was decided about single images of the open dataset.
    pub curation: Arc<Curation>,
    /// The observer's output for each class, where the user gave an order; `None`: as the observer was opened.
    pub outputs: Option<Arc<Vec<u32>>>,
    /// Weight files of observers that move pixels beside the loaded one, in the order in which they take part.
    pub beside: Arc<Vec<PathBuf>>,
    /// Which patches are shown.
    pub filter: Filter,
    /// In what order they are shown.
    pub sort: Sort,
}

/// A change that the user asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Another dataset was opened: all its classes are chosen, nothing is selected. Ends the undo history, which
    /// would speak of the other dataset's classes.
    Opened {
        /// Its number of classes.
        classes: usize,
    },
    /// Sets one parameter of the recipe from text, as [`crate::core::param::Param::put`] reads it.
    SetParam {
        /// [`crate::core::param::Param::name`].
        name: &'static str,
        /// The value.
        value: String,
    },
    /// Takes a whole recipe: a preset.
    SetRecipe(Recipe),
    /// Sets one parameter of the next training from text, as [`crate::core::param::Param::put`] reads it.
    SetTrainParam {
        /// [`crate::core::param::Param::name`].
        name: &'static str,
        /// The value.
        value: String,
    },
    /// Takes the parameters that are suggested for a training: no step, since nobody asked for it.
    SuggestTraining(TrainRecipe),
    /// Takes a whole recipe of a training: a preset, or another training's.
    SetTraining(TrainRecipe),
    /// Chooses a class for distillation, or leaves it out.
    Choose(ClassId, bool),
    /// Chooses all classes or none.
    ChooseAll(bool),
    /// Shows one class, or all (`None`).
    ShowClass(Option<ClassId>),
    /// Shows the patches that pass.
    SetFilter(Filter),
    /// Shows patches in this order.
    SetSort(Sort),
    /// Decides about images: these are their marks from now on, in one step.
    Curate {
        /// Images and their new marks.
        marks: Vec<(ImageId, Mark)>,
        /// The step in the history's words, such as "3 patches rejected".
        words: String,
    },
    /// Gives the observer's output for each class, or leaves that to how it was opened.
    SetOutputs(Option<Vec<u32>>),
    /// Lists a weight file among the observers that move pixels beside the loaded one; a file that is there stays.
    AddBeside(PathBuf),
    /// Takes a weight file out of that list.
    RemoveBeside(PathBuf),
    /// Takes a whole state, as a project or a run kept it. With other classes than the open dataset's it changes
    /// nothing.
    Restore {
        /// The state.
        edited: Box<Edited>,
        /// The step in the history's words; `None` where it begins a new history: a project was reopened.
        words: Option<String>,
    },
    /// Selects the key patch of an image: the one selection that all panels follow.
    Select(Option<ImageId>),
    /// Changes the selection.
    SelectMany {
        /// Images.
        images: Vec<ImageId>,
        /// How they join it.
        joining: Joining,
        /// The one that is looked at from now on.
        lead: Option<ImageId>,
    },
    /// Sets the theme.
    SetTheme(Theme),
    /// The current drag or typing is over: the next change is a step of its own for undo.
    Settle,
    /// Takes back the last step.
    Undo,
    /// Repeats the step that was taken back.
    Redo,
    /// Goes back or forward until this many steps are done.
    TravelTo(usize),
}

/// What has to happen because of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Patches must be ranked and selected again.
    pub reselect: bool,
    /// The selected patch changed and should be brought into view.
    pub reveal: bool,
    /// The theme changed.
    pub restyle: bool,
    /// Another filter or order: what is shown must be found anew.
    pub refilter: bool,
    /// The observer's outputs are other classes' from now on.
    pub reorder: bool,
}
