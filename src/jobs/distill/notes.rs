//! The manifest of a distilled dataset.

use std::sync::Arc;

use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::distil::compose::rank_of;
use crate::core::distil::manifest::{
    CellNote, ClassNote, DatasetNote, FORMAT, ImageNote, Manifest, ObserverNote, Origin, Program, class_folder,
    image_file,
};
use crate::core::distil::scores::{ClassScores, PatchScore};

use super::super::scoring::crop_plan;
use super::super::session::Session;
use super::sets::{Laid, Set};

/// The manifest of one set.
pub(super) fn manifest(
    session: &Session,
    classes: &[ClassId],
    (set, laid): (&Set, &Laid),
    blocks: &[Arc<ClassScores>],
) -> Manifest {
    let recipe = &set.recipe;
    let (dataset, observer) = (&session.dataset, &session.observer);
    let class_note = |(index, &class): (usize, &ClassId)| {
        let about = dataset.class(class);
        let block = &blocks[index];
        let within = |position: &u32| *position < recipe.method.subset;
        ClassNote {
            index: index as u32,
            name: about.name.clone(),
            title: about.title.clone(),
            folder: class_folder(index as u32),
            scored: block.positions.iter().copied().filter(|p| within(p)).count() as u32,
            broken: block.broken.iter().filter(|b| within(&b.position)).count() as u32,
            images: image_notes(dataset, set, index, &laid.selected[index]),
        }
    };
    Manifest {
        format: FORMAT,
        program: Program::this(),
        recipe: (*recipe).into(),
        nested_in: set.nested_in,
        dataset: DatasetNote { fingerprint: dataset.fingerprint(), layout: dataset.layout(), split: dataset.split() },
        observer: Some(ObserverNote {
            fingerprint: observer.observer.fingerprint.clone(),
            network: observer.observer.spec.arch.to_string(),
            side: observer.observer.spec.side as u32,
            normalise: observer.observer.mean_std,
            outputs: classes.iter().map(|c| observer.output_in_file(observer.map.outputs[c.index()])).collect(),
            kept: observer.kept.clone().unwrap_or_default(),
        }),
        device: session.device_class(),
        patch_side: Some(crop_plan(session, recipe).patch_side),
        classes: classes.iter().enumerate().map(class_note).collect(),
    }
}

fn image_notes(dataset: &Dataset, set: &Set, class: usize, selected: &[PatchScore]) -> Vec<ImageNote> {
    let recipe = &set.recipe;
    let ipc = set.layout_ipc() as usize;
    let cell_note = |cell: usize, image: usize| {
        let rank = rank_of(cell, image, ipc);
        let patch = &selected[rank];
        CellNote {
            cell: cell as u32,
            source: dataset.source(patch.image),
            bbox: patch.bbox,
            crop: patch.crop,
            loss: patch.loss,
            rank: rank as u32,
        }
    };
    (0..recipe.ipc as usize)
        .map(|image| ImageNote {
            file: image_file(class as u32, image as u32, recipe.format.extension()),
            origin: Origin::Stitched((0..recipe.method.patches as usize).map(|cell| cell_note(cell, image)).collect()),
        })
        .collect()
}
