//! A finished set whose pixels are moved further: compensated by LIC from its cells, or recovered from its images.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::core::data::dataset::ClassId;
use crate::core::distil::manifest::{ClassNote, Manifest, Program, RANKED, class_folder};
use crate::core::distil::recipe::Recipe;
use crate::core::distil::set::ImageSet;
use crate::core::progress::Progress;
use crate::store::export::rded::{RdedFolder, SetManifest};
use crate::store::files::lies_within;
use crate::store::project::Project;

use super::super::open::OpenedObserver;
use super::super::refine::{Asked, Beginning, check, refine};
use super::super::scoring::{Cost, tell_rounding};
use super::super::session::Session;
use super::finished::{FinishedSet, scorer};
use super::images::{Shared, write_images};
use super::laid::mean_loss;
use super::made::looking;
use super::notes::{dataset_note, image_notes, observer_note};
use super::sets::Set;
use super::{DistillError, DistillReport, Each, begun, recorded, tell_format};

/// What is moved further, and where to.
#[derive(Clone, Debug)]
pub struct FurtherRequest {
    /// The set to begin with.
    pub set: FinishedSet,
    /// Method and parameters, with the set's own ([`FinishedSet::recipe`]).
    pub recipe: Recipe,
    /// Observers that move pixels beside the session's.
    pub beside: Vec<Arc<OpenedObserver>>,
    /// The output folder.
    pub out: PathBuf,
}

/// Moves the pixels of a finished set further. `each` sees images as they change.
///
/// # Errors
/// [`DistillError`]. The output folder is absent or complete; batches that were finished stay in the project.
pub fn refine_set(
    session: &mut Session,
    project: &Project,
    request: &FurtherRequest,
    progress: &mut dyn Progress,
    each: Each<'_>,
) -> Result<DistillReport, DistillError> {
    if lies_within(&request.out, request.set.root()) {
        return Err(request.set.unfit("this set is read: give an output folder elsewhere".to_owned()).into());
    }
    let pairs = request.set.classes(&session.dataset)?;
    check(session, &request.recipe, &request.beside)?;
    let beginning = request.set.beginning(session, &request.recipe, &pairs, progress)?;
    if beginning.stitched().is_some() {
        tell_rounding(&session.dataset, progress);
    }
    let output = begun(&request.out, progress)?;
    tell_format(&request.recipe, progress);
    request.set.tell(session, &request.recipe.method, progress);
    let classes: Vec<ClassId> = pairs.iter().map(|pair| pair.data).collect();
    let (beside, set) = (&request.beside[..], Some(request.set.root()));
    let asked = recorded::Asked { classes: &classes, beside, curation: None, set };
    let runs = recorded::begin(session, project, &asked, &[(&request.recipe, request.out.clone())])?;
    let further = Further { project, request, classes: &classes, beginning: &beginning };
    let result = further.written(session, output, progress, each);
    recorded::end(project, runs, result)
}

/// A set that is moved further, with all that this takes.
struct Further<'a> {
    project: &'a Project,
    request: &'a FurtherRequest,
    /// The dataset's classes in the set's order.
    classes: &'a [ClassId],
    beginning: &'a Beginning,
}

impl Further<'_> {
    /// The manifest of the set whose cells are begun with; `None` where its images are.
    fn parent(&self) -> Option<&Manifest> {
        self.request.set.manifest().filter(|_| self.beginning.stitched().is_some())
    }

    /// Moves the pixels and writes the set.
    fn written(
        &self,
        session: &mut Session,
        output: RdedFolder,
        progress: &mut dyn Progress,
        each: Each<'_>,
    ) -> Result<DistillReport, DistillError> {
        let start = Instant::now();
        let (recipe, beside) = (&self.request.recipe, &self.request.beside[..]);
        let asked = Asked { recipe, classes: self.classes, start: self.beginning, beside };
        let (images, spent) = refine(session, self.project, asked, progress, &mut looking(each))?;
        let nested_in = self.parent().and_then(|parent| parent.nested_in);
        let set = Set { recipe: recipe.clone(), folder: None, nested_in };
        let count = self.classes.len() as u32;
        let shared = Shared { images: &images, classes: count, holders: vec![&set] };
        write_images(&[shared], &output, session.throughput.threads, progress)?;
        let manifest = self.manifest(session, &set, &images);
        let broken = manifest.classes.iter().map(|class| class.broken as usize).sum();
        let out = output.finish(&[SetManifest { folder: None, manifest }])?;
        Ok(DistillReport {
            out,
            ipc: recipe.ipc,
            seconds: start.elapsed().as_secs_f64(),
            cost: Cost::default(),
            images: (0..count).map(|class| images.images(ClassId(class)) as usize).sum(),
            refined: Some(spent),
            mean_selected_loss: self.beginning.stitched().map(|laid| mean_loss(&set, laid)),
            broken,
        })
    }

    fn manifest(&self, session: &Session, set: &Set, images: &dyn ImageSet) -> Manifest {
        let (recipe, known, parent) = (&set.recipe, self.request.set.manifest(), self.parent());
        let side = session.observer.observer.spec.side as u32;
        let note = |(index, &class): (u32, &ClassId)| {
            let about = session.dataset.class(class);
            let named = known.and_then(|manifest| manifest.classes.get(index as usize));
            let of = parent.and(named);
            ClassNote {
                index,
                name: named.map_or(&about.name, |note| &note.name).clone(),
                title: named.map_or(&about.title, |note| &note.title).clone(),
                folder: class_folder(index),
                scored: of.map_or(0, |note| note.scored),
                broken: of.map_or(0, |note| note.broken),
                images: image_notes(recipe, index, images),
            }
        };
        let beside = self.request.beside.iter().map(|observer| observer_note(observer, self.classes));
        let mut manifest = Manifest {
            format: RANKED,
            program: Program::this(),
            recipe: recipe.clone(),
            nested_in: set.nested_in,
            dataset: known.map_or_else(|| dataset_note(&session.dataset), |known| known.dataset.clone()),
            observer: Some(observer_note(&session.observer, self.classes)),
            beside: beside.collect(),
            scored_by: parent.and_then(|parent| scorer(parent, session)).cloned(),
            device: session.device_class(),
            patch_side: recipe.method.rded().map(|own| own.patch_side(side)),
            classes: (0..).zip(self.classes).map(note).collect(),
        };
        manifest.format = manifest.due_format();
        manifest
    }
}
