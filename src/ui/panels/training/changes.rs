//! What the form changes of the training that it was filled from.

use super::form::{TrainForm, TrainText, shown};
use crate::core::train::params::{TRAIN_PARAMS, TrainParam};
use crate::core::train::recipe::TrainRecipe;
use crate::ui::intent::TrainPath;

impl TrainForm {
    /// The value that a parameter has in the training that the form was filled from, if it is another one.
    #[must_use]
    pub fn param_before(&self, param: &TrainParam, recipe: &TrainRecipe) -> Option<String> {
        let before = param.value(&self.source.as_ref()?.recipe);
        (before != param.value(recipe)).then(|| if before.is_empty() { "none".to_owned() } else { before })
    }

    /// The same of a text.
    #[must_use]
    pub fn text_before(&self, which: TrainText) -> Option<String> {
        let source = self.source.as_ref()?;
        let arch = source.observer.as_ref().and_then(|o| o.arch);
        let part = || source.observer.as_ref().and_then(|o| o.part.clone());
        let before = match which {
            TrainText::Name => return None,
            TrainText::Student => source.student.to_string(),
            TrainText::Side => shown(source.side),
            TrainText::MeanStd => source.mean_std.map_or_else(String::new, |m| m.describe()),
            TrainText::Images => shown(source.images_per_class),
            TrainText::Evaluated => shown(source.evaluated_per_class),
            TrainText::Holdout => shown(source.holdout),
            TrainText::InitialRate => shown(source.initial.as_ref().map(|i| i.rate).filter(|rate| *rate != 1.0)),
            TrainText::Arch => shown(arch),
            TrainText::Part => shown(part()),
        };
        (before != self.said(which)).then(|| if before.is_empty() { "none".to_owned() } else { before })
    }

    /// The same of a path.
    #[must_use]
    pub fn path_before(&self, which: TrainPath) -> Option<String> {
        let source = self.source.as_ref()?;
        let observer = source.observer.as_ref();
        let before = match which {
            TrainPath::Data => Some(&source.data),
            TrainPath::Evaluation => Some(&source.evaluation),
            TrainPath::Observer => observer.map(|o| &o.file),
            TrainPath::ClassMap => observer.and_then(|o| o.class_map.as_ref()),
            TrainPath::Labels => source.labels.as_ref(),
            TrainPath::Initial => source.initial.as_ref().map(|i| &i.file),
        };
        let said = |path: &std::path::PathBuf| path.to_string_lossy().into_owned();
        (before != self.given(which).as_ref()).then(|| before.map_or_else(|| "none".to_owned(), said))
    }

    /// How many fields differ.
    #[must_use]
    pub fn changes(&self, recipe: &TrainRecipe) -> usize {
        let texts = [
            TrainText::Student,
            TrainText::Side,
            TrainText::MeanStd,
            TrainText::Images,
            TrainText::Evaluated,
            TrainText::Holdout,
            TrainText::Arch,
            TrainText::InitialRate,
            TrainText::Part,
        ];
        let paths = [
            TrainPath::Data,
            TrainPath::Evaluation,
            TrainPath::Observer,
            TrainPath::ClassMap,
            TrainPath::Labels,
            TrainPath::Initial,
        ];
        TRAIN_PARAMS.iter().filter(|p| self.param_before(p, recipe).is_some()).count()
            + texts.into_iter().filter(|t| self.text_before(*t).is_some()).count()
            + paths.into_iter().filter(|p| self.path_before(*p).is_some()).count()
    }
}
