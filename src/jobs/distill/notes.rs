//! The manifest of a distilled dataset.

use std::sync::Arc;

use crate::core::data::dataset::ClassId;
use crate::core::distil::manifest::{
    ClassNote, DatasetNote, ImageNote, Manifest, ObserverNote, Program, RANKED, class_folder, image_file,
};
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::ClassScores;
use crate::core::distil::set::{Address, ImageSet};

use super::super::scoring::crop_plan;
use super::super::session::Session;
use super::sets::Set;

/// The manifest of one set.
pub(super) fn manifest(
    session: &Session,
    classes: &[ClassId],
    (set, images): (&Set, &dyn ImageSet),
    blocks: &[Arc<ClassScores>],
) -> Manifest {
    let recipe = &set.recipe;
    let (dataset, observer) = (&session.dataset, &session.observer);
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
        dataset: DatasetNote {
            fingerprint: dataset.fingerprint(),
            layout: dataset.layout(),
            split: dataset.split(),
            holdout: dataset.holdout(),
        },
        observer: Some(ObserverNote {
            fingerprint: observer.observer.fingerprint.clone(),
            part: observer.request.part.clone(),
            network: observer.observer.spec.arch.to_string(),
            side: observer.observer.spec.side as u32,
            normalise: observer.observer.mean_std,
            outputs: classes.iter().map(|c| observer.output_in_file(observer.map.outputs[c.index()])).collect(),
            kept: observer.kept.clone().unwrap_or_default(),
            class_order: observer.order_taken(),
        }),
        device: session.device_class(),
        patch_side: recipe.rded().map(|recipe| crop_plan(session, &recipe).patch_side),
        classes: classes.iter().enumerate().map(class_note).collect(),
    };
    manifest.format = manifest.due_format();
    manifest
}

fn image_notes(recipe: &Recipe, class: u32, images: &dyn ImageSet) -> Vec<ImageNote> {
    let extension = recipe.format.extension();
    let note = |image: u32| {
        let origin = images.origin(Address { class: ClassId(class), image })?;
        Some(ImageNote { file: image_file(class, image, extension), origin })
    };
    (0..recipe.ipc).filter_map(note).collect()
}
