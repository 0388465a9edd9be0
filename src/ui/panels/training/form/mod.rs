//! What the form of a training holds, apart from the recipe, and the request that comes of it. No widgets here.

mod initial;
mod labels;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::suggestion::Suggested;
use crate::core::data::class_order::ClassOrder;
use crate::core::data::folders::Folders;
use crate::core::data::normalise::MeanStd;
use crate::core::param::Parameters as _;
use crate::core::train::presets::Facts;
use crate::core::train::recipe::{LabelSource, TrainRecipe};
use crate::jobs::Arch;
use crate::jobs::open::ObserverRequest;
use crate::jobs::train::TrainRequest;
use crate::store::training::TrainingKind;
use crate::ui::intent::TrainPath;
use crate::ui::model::Model;
use crate::ui::widgets::path_field::PathField;
pub use labels::*;

/// A text of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrainText {
    /// Name of the training.
    Name,
    /// The network that is trained.
    Student,
    /// Side of its input.
    Side,
    /// Normalisation.
    MeanStd,
    /// Images of each class that are trained on.
    Images,
    /// Images of each class that are evaluated.
    Evaluated,
    /// What is held out of the real images.
    Holdout,
    /// The observer's network, where its file doesn't tell.
    Arch,
    /// What the rate of the initial weights is multiplied by.
    InitialRate,
    /// Which of the networks in the observer's file.
    Part,
}

/// A field that can't be taken as it is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Its label.
    pub field: &'static str,
    /// What to do about it.
    pub why: String,
}

/// What the form holds.
#[derive(Default)]
pub struct TrainForm {
    paths: BTreeMap<TrainPath, PathField>,
    texts: BTreeMap<TrainText, String>,
    /// Fields that the user filled in; the others follow what is open.
    typed: (std::collections::BTreeSet<TrainPath>, std::collections::BTreeSet<TrainText>),
    pretrain: bool,
    /// That of the open observer, or of the training that the form was filled from.
    class_order: ClassOrder,
    /// What is typed and can't be taken yet, by parameter.
    pub drafts: crate::ui::panels::parameters::Drafts,
    /// The training that the form was filled from.
    pub source: Option<TrainRequest>,
    /// The recipe that a paper suggests for what the form names.
    pub suggested: Suggested,
}

impl TrainForm {
    /// A path's field.
    pub fn path(&mut self, which: TrainPath) -> &mut PathField {
        self.paths.entry(which).or_default()
    }

    /// A text.
    pub fn text(&mut self, which: TrainText) -> &mut String {
        self.texts.entry(which).or_default()
    }

    /// What is in a text's field.
    #[must_use]
    pub fn said(&self, which: TrainText) -> &str {
        self.texts.get(&which).map_or("", |t| t.trim())
    }

    pub(super) fn given(&self, which: TrainPath) -> Option<PathBuf> {
        self.paths.get(&which).filter(|p| !p.is_empty()).map(PathField::path)
    }

    /// The user chose a path.
    pub fn choose(&mut self, which: TrainPath, path: &Path) {
        self.path(which).set(path);
        self.typed.0.insert(which);
    }

    /// The user typed into a path's field; an emptied one follows again what is open.
    pub fn path_typed(&mut self, which: TrainPath) {
        let empty = self.path(which).is_empty();
        if empty {
            self.typed.0.remove(&which)
        } else {
            self.typed.0.insert(which)
        };
    }

    /// The user typed a text; an emptied one follows again what is open.
    pub fn text_typed(&mut self, which: TrainText) {
        let empty = self.said(which).is_empty();
        if empty {
            self.typed.1.remove(&which)
        } else {
            self.typed.1.insert(which)
        };
    }

    /// What is trained.
    #[must_use]
    pub fn kind(&self) -> TrainingKind {
        if self.pretrain { TrainingKind::Pretrain } else { TrainingKind::Train }
    }

    /// Another kind of training; what was not typed follows.
    pub fn set_kind(&mut self, kind: TrainingKind, model: &Model) {
        self.pretrain = kind == TrainingKind::Pretrain;
        self.follow(model);
    }

    /// Fills what the user hasn't typed from what is open: data from the last distilled folder, evaluation images from
    /// the open dataset, the observer from the open one, and the student from its network.
    pub fn follow(&mut self, model: &Model) {
        let root = model.dataset().map(|d| d.root().to_owned());
        let distilled = model.written.as_ref().map(|w| w.out.clone());
        let data = if self.pretrain { root.clone() } else { distilled };
        let observer = model.observer_request.as_ref().filter(|_| model.observer.is_some());
        let file = observer.map(|o| o.file.clone());
        let map = observer.and_then(|o| o.class_map.clone());
        if let Some(order) = observer.map(|o| o.class_order).filter(|_| !self.typed.0.contains(&TrainPath::Observer)) {
            self.class_order = order;
        }
        let paths = [
            (TrainPath::Data, data),
            (TrainPath::Evaluation, root),
            (TrainPath::Observer, file),
            (TrainPath::ClassMap, map),
        ];
        for (which, path) in paths {
            if let Some(path) = path.filter(|_| !self.typed.0.contains(&which)) {
                self.path(which).set(&path);
            }
        }
        let network = model.observer.as_ref().map(|o| o.observer.spec.arch.to_string());
        let own = |text: Option<String>| observer.map(|_| text.unwrap_or_default());
        let holdout = model.dataset().map(|d| shown(d.holdout()));
        let texts = [
            (TrainText::Holdout, holdout),
            (TrainText::Student, network),
            (TrainText::Arch, own(observer.and_then(|o| o.arch).map(|a| a.to_string()))),
            (TrainText::Part, own(observer.and_then(|o| o.part.clone()))),
            (TrainText::Side, own(observer.and_then(|o| o.side).map(|s| s.to_string()))),
            (TrainText::MeanStd, own(observer.and_then(|o| o.mean_std).map(|m| m.describe()))),
        ];
        for (which, text) in texts {
            if let Some(text) = text.filter(|_| !self.typed.1.contains(&which)) {
                *self.text(which) = text;
            }
        }
    }

    /// A name that says what is trained on what; the app makes it unique. `None` where the user gave one.
    #[must_use]
    pub fn suggested_name(&self) -> Option<String> {
        if self.typed.1.contains(&TrainText::Name) {
            return None;
        }
        let data = self.given(TrainPath::Data)?;
        let data = data.file_name().map(|n| n.to_string_lossy().into_owned())?;
        let student = self.said(TrainText::Student);
        Some(if student.is_empty() { data } else { format!("{data}-{student}") })
    }

    /// The name is taken now: the next one is suggested.
    pub fn forget_name(&mut self) {
        self.typed.1.remove(&TrainText::Name);
    }

    /// Takes a suggested name, unless the user has typed one meanwhile.
    pub fn suggest_name(&mut self, name: String) {
        if !self.typed.1.contains(&TrainText::Name) {
            *self.text(TrainText::Name) = name;
        }
    }

    /// Fills the form from a training, so that it can be changed and started again. The name is the user's business: it
    /// is suggested anew.
    pub fn fill(&mut self, from: TrainRequest) {
        let (pretrain, class_order) = (from.kind == TrainingKind::Pretrain, from.class_order);
        *self = Self { pretrain, class_order, ..Self::default() };
        let observer = from.observer.as_ref();
        let paths = [
            (TrainPath::Data, Some(&from.data)),
            (TrainPath::Evaluation, Some(&from.evaluation)),
            (TrainPath::Observer, observer.map(|o| &o.file)),
            (TrainPath::ClassMap, observer.and_then(|o| o.class_map.as_ref())),
            (TrainPath::Labels, from.labels.as_ref()),
            (TrainPath::Initial, from.initial.as_ref().map(|i| &i.file)),
        ];
        for (which, path) in paths {
            if let Some(path) = path {
                self.path(which).set(path);
            }
            self.typed.0.insert(which);
        }
        let texts = [
            (TrainText::Student, from.student.to_string()),
            (TrainText::Side, shown(from.side)),
            (TrainText::MeanStd, from.mean_std.map_or_else(String::new, |m| m.describe())),
            (TrainText::Images, shown(from.images_per_class)),
            (TrainText::Evaluated, shown(from.evaluated_per_class)),
            (TrainText::Holdout, shown(from.holdout)),
            (TrainText::Arch, shown(observer.and_then(|o| o.arch))),
            (TrainText::InitialRate, shown(from.initial.as_ref().map(|i| i.rate).filter(|rate| *rate != 1.0))),
            (TrainText::Part, shown(observer.and_then(|o| o.part.clone()))),
        ];
        for (which, text) in texts {
            *self.text(which) = text;
            self.typed.1.insert(which);
        }
        self.source = Some(from);
    }

    /// What the folders are of the training that the form was filled from.
    pub(super) fn folders(&self) -> Folders {
        let same = |source: &&TrainRequest| self.given(TrainPath::Data).is_some_and(|data| data == source.data);
        self.source.as_ref().filter(same).map(|source| source.folders).unwrap_or_default()
    }

    /// The request that the form and a recipe come to; its folder lies in `trainings`.
    ///
    /// # Errors
    /// The first field that can't be taken.
    pub fn request(&self, recipe: &TrainRecipe, trainings: &Path) -> Result<TrainRequest, Wrong> {
        let wrong = |field, why: String| Err(Wrong { field, why });
        let needs = |which, field, why: &str| self.given(which).ok_or(Wrong { field, why: why.to_owned() });
        let fits = |name: &str, text: &str| recipe.clone().set(name, text.trim()).is_ok();
        if let Some((name, draft)) = self.drafts.iter().find(|(name, draft)| !fits(name, draft)) {
            let field = TrainRecipe::param(name).map_or(*name, |p| p.label);
            return wrong(field, format!("'{draft}' can't be taken"));
        }
        recipe.check().map_err(|e| Wrong { field: "Recipe", why: e.to_string() })?;
        let data = needs(TrainPath::Data, DATA, "give the folder of the images that it learns from")?;
        let evaluation = if self.pretrain {
            data.clone()
        } else {
            needs(TrainPath::Evaluation, EVALUATION, "give a folder of real images")?
        };
        let (side, mean_std) = (self.side()?, self.mean_std()?);
        let labels = self.given(TrainPath::Labels).filter(|_| recipe.labels == LabelSource::Stored);
        let observer = self.observer(side, mean_std)?.filter(|_| !self.pretrain && recipe.labels != LabelSource::Hard);
        match recipe.labels {
            LabelSource::Online if self.pretrain => {
                return wrong("Labels", "an observer from scratch learns from classes: choose hard".to_owned());
            }
            LabelSource::Online if observer.is_none() => {
                return wrong(OBSERVER, "online labels need one: give its weight file".to_owned());
            }
            LabelSource::Stored if labels.is_none() => {
                return wrong(LABELS, "give the folder that `stillroom relabel` wrote".to_owned());
            }
            _ => {}
        }
        let student = self.said(TrainText::Student);
        let student: Arch = match student.parse() {
            _ if student.is_empty() => return wrong(STUDENT, "give a network, such as conv3".to_owned()),
            Ok(student) => student,
            Err(unknown) => return wrong(STUDENT, unknown.to_string()),
        };
        let name = self.said(TrainText::Name);
        let folder = folder_name(name);
        if folder.is_empty() {
            return wrong(NAME, "give it a name with a letter or a digit".to_owned());
        }
        Ok(TrainRequest {
            kind: self.kind(),
            name: Some(name.to_owned()),
            folders: self.folders(),
            data,
            evaluation,
            holdout: self.parsed(TrainText::Holdout, HOLDOUT)?,
            observer,
            labels,
            class_order: self.class_order,
            initial: self.initial()?.filter(|_| self.pretrain),
            student,
            side,
            mean_std,
            images_per_class: self.count(TrainText::Images, IMAGES)?.filter(|_| !self.pretrain),
            evaluated_per_class: self.count(TrainText::Evaluated, EVALUATED)?,
            recipe: recipe.clone(),
            out: trainings.join(folder),
            checkpoint_every: TrainRequest::CHECKPOINT_EVERY,
        })
    }

    pub(super) fn observer(
        &self,
        side: Option<usize>,
        mean_std: Option<MeanStd>,
    ) -> Result<Option<ObserverRequest>, Wrong> {
        let Some(file) = self.given(TrainPath::Observer) else { return Ok(None) };
        let arch = self.said(TrainText::Arch);
        let parsed = if arch.is_empty() { Ok(None) } else { arch.parse().map(Some) };
        let arch = parsed.map_err(|e: <Arch as std::str::FromStr>::Err| Wrong { field: ARCH, why: e.to_string() })?;
        let part = self.said(TrainText::Part);
        Ok(Some(ObserverRequest {
            file,
            part: (!part.is_empty()).then(|| part.to_owned()),
            arch,
            side,
            mean_std,
            class_map: self.given(TrainPath::ClassMap),
            class_order: self.class_order,
            ..ObserverRequest::default()
        }))
    }

    pub(super) fn side(&self) -> Result<Option<usize>, Wrong> {
        let text = self.said(TrainText::Side);
        let number = text.parse::<usize>().ok().filter(|s| (1..=4096).contains(s));
        match number {
            _ if text.is_empty() => Ok(None),
            None => Err(Wrong { field: SIDE, why: format!("'{text}' is no number of pixels from 1 to 4096") }),
            side => Ok(side),
        }
    }

    fn mean_std(&self) -> Result<Option<MeanStd>, Wrong> {
        self.parsed(TrainText::MeanStd, MEAN_STD)
    }

    /// What a text stands for; `None` of an empty one.
    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        which: TrainText,
        field: &'static str,
    ) -> Result<Option<T>, Wrong> {
        let text = self.said(which);
        let wrong = |e: T::Err| Wrong { field, why: e.to_string() };
        if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(wrong) }
    }

    fn count(&self, which: TrainText, field: &'static str) -> Result<Option<u32>, Wrong> {
        let text = self.said(which);
        match text.parse::<u32>().ok().filter(|n| *n > 0) {
            _ if text.is_empty() => Ok(None),
            None => Err(Wrong { field, why: format!("'{text}' is no whole number from 1; leave it empty for all") }),
            count => Ok(count),
        }
    }

    /// What a preset is asked with; `ipc` and the factor are those of the recipe that distils.
    #[must_use]
    pub fn facts<'a>(&'a self, model: &Model, observer: &'a str) -> Facts<'a> {
        let recipe = model.workspace.recipe();
        let opened = model.observer.as_ref().map_or(32, |o| o.observer.spec.side);
        let count = |text: &str| text.parse::<u32>().ok();
        Facts {
            classes: model.dataset().map_or(0, |_| model.workspace.chosen().count() as u32),
            side: count(self.said(TrainText::Side)).unwrap_or(opened as u32),
            ipc: count(self.said(TrainText::Images)).unwrap_or(recipe.ipc),
            factor: recipe.factor(),
            observer,
            student: self.said(TrainText::Student),
        }
    }
}

/// A value as its field shows it; nothing stands for the default.
pub(in crate::ui::panels::training) fn shown<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// A folder's name for a training: letters, digits and `._-`.
#[must_use]
pub fn folder_name(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let name = name.trim_matches(|c| c == '-' || c == '.').to_owned();
    if name.chars().any(char::is_alphanumeric) { name.chars().take(60).collect() } else { String::new() }
}

#[cfg(test)]
mod tests;
