//! The manifest of a distilled dataset.

use std::sync::Arc;

use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::distil::manifest::{
    ClassNote, DatasetNote, ImageNote, Manifest, ObserverNote, Program, RANKED, class_folder, image_file,
};
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::ClassScores;
use crate::core::distil::set::{Address, ImageSet};

use super::super::open::OpenedObserver;
use super::super::scoring::crop_plan;
use super::super::session::Session;
use super::DistillRequest;
use super::sets::Set;

/// The manifest of one set.
pub(super) fn manifest(
    session: &Session,
    request: &DistillRequest,
    (set, images): (&Set, &dyn ImageSet),
    blocks: &[Arc<ClassScores>],
) -> Manifest {
    let (recipe, classes, dataset) = (&set.recipe, &request.classes, &session.dataset);
    let class_note = |(index, &class): (usize, &ClassId)| {
        let about = dataset.class(class);
        // Nothing was scored for images that are made of noise.
        let none = ClassScores::new(0);
        let block = blocks.get(index).map_or(&none, |block| block.as_ref());
        let within = |position: &u32| recipe.method.rded().is_some_and(|own| *position < own.subset);
        ClassNote {
            index: index as u32,
            name: about.name.clone(),
            title: about.title.clone(),
            folder: class_folder(index as u32),
            scored: block.positions.iter().copied().filter(|p| within(p)).count() as u32,
            broken: block.broken.iter().filter(|b| within(&b.position)).count() as u32,
            images: image_notes(recipe, index as u32, images),
        }
    };
    let mut manifest = Manifest {
        format: RANKED,
        program: Program::this(),
        recipe: recipe.clone(),
        nested_in: set.nested_in,
        dataset: dataset_note(dataset),
        observer: Some(observer_note(&session.observer, classes)),
        beside: request.beside.iter().map(|observer| observer_note(observer, classes)).collect(),
        scored_by: None,
        device: session.device_class(),
        patch_side: recipe.rded().map(|recipe| crop_plan(session, &recipe).patch_side),
        classes: classes.iter().enumerate().map(class_note).collect(),
    };
    manifest.format = manifest.due_format();
    manifest
}

/// Which dataset.
pub(super) fn dataset_note(dataset: &Dataset) -> DatasetNote {
    DatasetNote {
        fingerprint: dataset.fingerprint(),
        layout: dataset.layout(),
        split: dataset.split(),
        holdout: dataset.holdout(),
    }
}

/// Which observer, and its outputs for these classes.
pub(super) fn observer_note(opened: &OpenedObserver, classes: &[ClassId]) -> ObserverNote {
    let own = &opened.observer;
    ObserverNote {
        fingerprint: own.fingerprint.clone(),
        part: opened.request.part.clone(),
        network: own.spec.arch.to_string(),
        side: own.spec.side as u32,
        normalise: own.mean_std,
        outputs: classes.iter().map(|c| opened.output_in_file(opened.map.outputs[c.index()])).collect(),
        kept: opened.kept.clone().unwrap_or_default(),
        class_order: opened.order_taken(),
    }
}

/// The images of a class.
pub(super) fn image_notes(recipe: &Recipe, class: u32, images: &dyn ImageSet) -> Vec<ImageNote> {
    let extension = recipe.format.extension();
    let note = |image: u32| {
        let origin = images.origin(Address { class: ClassId(class), image })?;
        Some(ImageNote { file: image_file(class, image, extension), origin })
    };
    (0..recipe.ipc).filter_map(note).collect()
}
