//! What is asked of a training, and how to ask again for one that is on record.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::InitialWeights;
use crate::core::data::class_order::ClassOrder;
use crate::core::data::folders::Folders;
use crate::core::data::holdout::Holdout;
use crate::core::data::normalise::MeanStd;
use crate::core::train::recipe::TrainRecipe;
use crate::engine::nets::{Arch, UnknownArch};
use crate::jobs::open::{DatasetRequest, ObserverRequest};
use crate::store::training::{Asked, TrainingKind, TrainingNote};

/// What is trained on what, and where it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainRequest {
    /// Students or an observer.
    pub kind: TrainingKind,
    /// Its name in tables and plots; the output folder's by default.
    pub name: Option<String>,
    /// The images it learns from.
    pub data: PathBuf,
    /// The images it is evaluated on.
    pub evaluation: PathBuf,
    /// What the folders of both are.
    pub folders: Folders,
    /// What is held out of the real images, where they have no test split: they are evaluated on that alone.
    pub holdout: Option<Holdout>,
    /// The observer that labels.
    pub observer: Option<ObserverRequest>,
    /// Stored labels.
    pub labels: Option<PathBuf>,
    /// The order of classes that are integers, where nothing else tells which evaluation images are whose.
    pub class_order: ClassOrder,
    /// Weights that it begins with; the seed's by default.
    pub initial: Option<InitialWeights>,
    /// The network.
    pub student: Arch,
    /// Side of its input; the observer's by default, or that of the images.
    pub side: Option<usize>,
    /// Its normalisation; the observer's by default, or ImageNet's.
    pub mean_std: Option<MeanStd>,
    /// Only the first so many images of each class are trained on.
    pub images_per_class: Option<u32>,
    /// Only the first so many images of each class are evaluated.
    pub evaluated_per_class: Option<u32>,
    /// Parameters.
    pub recipe: TrainRecipe,
    /// The output folder.
    pub out: PathBuf,
    /// Work that a kill may cost.
    pub checkpoint_every: Duration,
}

/// A record names a network that this program doesn't have.
#[derive(Debug, thiserror::Error)]
#[error("this training can't be asked for again: {0}")]
pub struct NoteError(#[from] UnknownArch);

impl TrainRequest {
    /// Often enough to lose little, seldom enough to cost nothing.
    pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(10);

    /// The request that goes on with the training of a record in `folder`, or repeats it in another one.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn again(note: &TrainingNote, folder: &Path) -> Result<Self, NoteError> {
        let (side, mean_std) = (Some(note.side as usize), Some(note.normalise));
        let class_map = Some(note.asked.class_map.clone()).filter(|map| !map.as_os_str().is_empty());
        // Records of before there was a choice say nothing, and their order was that of text.
        let class_order = note.asked.class_order.unwrap_or(ClassOrder::Text);
        let part = Some(note.asked.part.clone()).filter(|part| !part.is_empty());
        let observer = note.observer.as_ref().map(|o| {
            let (file, arch) = (o.source.path.clone(), Some(o.network.parse()?));
            let said = ObserverRequest { file, part, arch, side, ..ObserverRequest::default() };
            let own = ObserverRequest { mean_std, class_map, class_order, ..said };
            Ok::<_, UnknownArch>(own)
        });
        Ok(Self {
            kind: note.kind,
            name: Some(note.name.clone()),
            data: note.data.path.clone(),
            evaluation: note.evaluation.path.clone(),
            folders: note.asked.folders,
            holdout: note.asked.holdout,
            observer: observer.transpose()?,
            labels: note.labels.as_ref().map(|l| l.path.clone()),
            class_order,
            initial: note.initial.as_ref().map(InitialWeights::of),
            student: note.student.parse()?,
            side,
            mean_std,
            images_per_class: note.asked.images_per_class,
            evaluated_per_class: note.asked.evaluated_per_class,
            recipe: note.recipe.clone(),
            out: folder.to_owned(),
            checkpoint_every: Self::CHECKPOINT_EVERY,
        })
    }

    /// The images that are learnt from. What is held out is held out of real images: of those that are evaluated.
    #[must_use]
    pub fn learnt_from(&self) -> DatasetRequest {
        let place = |path: &Path| path.canonicalize().unwrap_or_else(|_| absolute(path));
        let same = place(&self.data) == place(&self.evaluation);
        DatasetRequest { path: self.data.clone(), folders: self.folders, holdout: self.holdout.filter(|_| same) }
    }

    /// What the record must say besides sources and recipe.
    pub(super) fn asked(&self, images: usize) -> Asked {
        let class_map = self.observer.as_ref().and_then(|o| o.class_map.as_deref());
        Asked {
            images: u32::try_from(images).unwrap_or(u32::MAX),
            images_per_class: self.images_per_class,
            evaluated_per_class: self.evaluated_per_class,
            class_map: class_map.map(absolute).unwrap_or_default(),
            folders: self.folders,
            class_order: Some(self.class_order),
            holdout: self.holdout,
            part: self.observer.as_ref().and_then(|o| o.part.clone()).unwrap_or_default(),
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
