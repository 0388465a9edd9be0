//! A finished set as something to begin with: its images, or the patches that they were stitched of.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::data::dataset::{ClassId, Dataset, Split};
use crate::core::data::folders::Folders;
use crate::core::data::names::{alike, unescape};
use crate::core::distil::compose::rank_of;
use crate::core::distil::manifest::{CellNote, ClassNote, Manifest, ObserverNote};
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::{Method, Recipe};
use crate::core::distil::scores::PatchScore;
use crate::core::distil::select::Kept;
use crate::core::progress::Progress;
use crate::store::files::shown;
use crate::store::import::ImportError;

use super::super::folder_set::{Differences, FolderSet};
use super::super::open;
use super::super::refine::{Beginning, ParentImages};
use super::super::session::Session;
use super::{DistillError, StitchedSet};

/// Why a finished set can't be moved further.
#[derive(Debug, thiserror::Error)]
pub enum FurtherError {
    /// The folder.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// What it says of itself is lost.
    #[error("{0}")]
    Damaged(String),
    /// It isn't what the method begins with.
    #[error("{}: {why}", shown(.set))]
    Unfit {
        /// The set.
        set: PathBuf,
        /// Why not, and what to do.
        why: String,
    },
}

/// A finished set, opened: distilled by this program or another one.
#[derive(Clone, Debug)]
pub struct FinishedSet(Arc<FolderSet>);

/// A class of the set: its number there and in the dataset of a session.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub own: ClassId,
    pub data: ClassId,
}

impl FinishedSet {
    /// Opens the set in a folder.
    ///
    /// # Errors
    /// [`FurtherError`]: there are no images, or the folder and its manifest don't fit.
    pub fn open(path: &Path) -> Result<Self, FurtherError> {
        let set = Self(Arc::new(FolderSet::of(open::dataset(path, Split::Train, Folders::Auto)?.dataset)));
        if let Some(damage) = set.0.damage() {
            return Err(FurtherError::Damaged(damage.to_owned()));
        }
        let Differences { missing, others } = set.0.differences();
        match missing.first().or(others.first()) {
            None => Ok(set),
            Some(first) => Err(set.unfit(format!(
                "its files are not those of its manifest.json ({} missing, {} others, such as {first}): restore them, or \
                 distil the set again",
                missing.len(),
                others.len()
            ))),
        }
    }

    pub(super) fn unfit(&self, why: String) -> FurtherError {
        FurtherError::Unfit { set: self.root().to_owned(), why }
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.0.dataset().root()
    }

    /// How it came to be, where it says so.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.0.manifest()
    }

    /// The recipe with what is the set's own ([`crate::core::distil::params::of_the_set`]): how many images there are, and
    /// for LIC how they were scored and stitched.
    ///
    /// # Errors
    /// [`FurtherError::Unfit`] of a method that moves no pixels or doesn't fit the set.
    pub fn recipe(&self, mut recipe: Recipe) -> Result<Recipe, FurtherError> {
        let dataset = self.0.dataset();
        match &mut recipe.method {
            Method::Rded(_) => {
                return Err(self.unfit("rded moves no pixels: give --method lic, sre2l or cda".to_owned()));
            }
            Method::Sre2l(own) | Method::Cda(own) => {
                own.stitch = None;
                let largest = dataset.class_ids().map(|class| dataset.class_size(class)).max().unwrap_or(0);
                recipe.ipc = u32::try_from(largest).unwrap_or(u32::MAX);
            }
            Method::Lic(own) => {
                let (manifest, stitch) = self.stitched_by()?;
                // How whole images are framed has no meaning for crops, and no flag: it stays as it is.
                let framing = if stitch.whole_images() { stitch.framing } else { own.stitch.framing };
                own.stitch = Rded { framing, ..*stitch };
                (recipe.ipc, recipe.seed) = (manifest.recipe.ipc, manifest.recipe.seed);
            }
        }
        recipe.check().map_err(|e| self.unfit(e.in_a_record()))?;
        Ok(recipe)
    }

    /// How its images were stitched.
    fn stitched_by(&self) -> Result<(&Manifest, &Rded), FurtherError> {
        let found = self.manifest().and_then(|manifest| Some((manifest, manifest.recipe.method.rded()?)));
        found.ok_or_else(|| {
            self.unfit(
                "lic compensates stitched images, and nothing says of which patches these are: give a set that rded or lic \
                 made, with its manifest.json, or --method sre2l or cda"
                    .to_owned(),
            )
        })
    }

    /// What people call its classes, in the order of their running index.
    #[must_use]
    pub fn class_names(&self) -> Vec<String> {
        let own = self.0.dataset();
        match self.manifest() {
            Some(manifest) => manifest.classes.iter().map(|class| class.shown().to_owned()).collect(),
            None => own.classes().iter().map(|class| class.shown().to_owned()).collect(),
        }
    }

    /// Whether a dataset is this very folder.
    fn is(&self, dataset: &Dataset) -> bool {
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        real(self.root()).is_some_and(|own| Some(own) == real(dataset.root()))
    }

    /// The set's classes in the order of their running index.
    pub(super) fn classes(&self, dataset: &Dataset) -> Result<Vec<Pair>, FurtherError> {
        let (own, itself) = (self.0.dataset(), self.is(dataset));
        let find = |name: &str, folder: &str, id: Option<ClassId>| {
            let id = id.ok_or_else(|| self.unfit(format!("the folder {folder} is missing: restore it")))?;
            if own.class_size(id) == 0 {
                return Err(
                    self.unfit(format!("the class '{name}' has no images: remove its folder, or distil it again"))
                );
            }
            let known = dataset.class_named(if itself { folder } else { name });
            let data = known.ok_or_else(|| {
                self.unfit(format!("its class '{name}' is not in the dataset: give --data with the one that it is of"))
            })?;
            Ok(Pair { own: id, data })
        };
        match self.manifest() {
            Some(manifest) => {
                let at = |folder: &str| own.class_ids().find(|&class| alike(&own.class(class).name, folder));
                manifest.classes.iter().map(|class| find(&class.name, &class.folder, at(&class.folder))).collect()
            }
            None => own.class_ids().map(|id| find(&own.class(id).name, &own.class(id).name, Some(id))).collect(),
        }
    }

    /// What a recipe's images begin with.
    pub(super) fn beginning(
        &self,
        session: &Session,
        recipe: &Recipe,
        pairs: &[Pair],
        progress: &mut dyn Progress,
    ) -> Result<Beginning, DistillError> {
        let side = session.observer.observer.spec.side as u32;
        if recipe.method.compensation().is_none() {
            let named = |(at, pair): (usize, &Pair)| {
                let known = self.manifest().and_then(|manifest| manifest.classes.get(at)).map(|class| &class.name);
                (pair.own, known.unwrap_or(&self.0.dataset().class(pair.own).name).clone())
            };
            let classes = pairs.iter().enumerate().map(named).collect();
            return Ok(Beginning::Images(ParentImages::read(self.0.clone(), classes, side, progress)?));
        }
        let (manifest, own) = self.stitched_by()?;
        if side < own.factor() {
            return Err(DistillError::PatchTooSmall { patches: own.patches, side });
        }
        Ok(Beginning::Stitched(self.stitched(session, manifest, own, pairs)?))
    }

    /// The set as it was stitched, of the patches that its manifest names.
    fn stitched(
        &self,
        session: &Session,
        manifest: &Manifest,
        own: &Rded,
        pairs: &[Pair],
    ) -> Result<StitchedSet, FurtherError> {
        let (dataset, observer) = (&session.dataset, &session.observer.observer);
        if manifest.dataset.fingerprint != dataset.fingerprint() {
            let by = manifest.dataset.holdout.map_or_else(String::new, |holdout| format!(" and --holdout {holdout}"));
            return Err(self.unfit(format!(
                "it was distilled from another dataset than {}, whose images have other names: give --data with the one \
                 that it is of{by}",
                shown(dataset.root())
            )));
        }
        let mut selected = std::collections::BTreeMap::new();
        for (class, pair) in manifest.classes.iter().zip(pairs) {
            let kept = self.kept(class, own.patches, dataset, pair.data)?;
            selected.insert(ClassId(class.index), Arc::new(kept));
        }
        Ok(StitchedSet {
            dataset: dataset.clone(),
            side: observer.spec.side as u32,
            mean_std: observer.mean_std,
            ipc: manifest.recipe.ipc,
            patches: own.patches,
            views: own.views(),
            selected,
        })
    }

    /// The patches of a class by slot.
    fn kept(&self, class: &ClassNote, patches: u32, dataset: &Dataset, id: ClassId) -> Result<Vec<Kept>, FurtherError> {
        let images = class.images.len();
        let mut slots = vec![None; images * patches as usize];
        for (at, image) in class.images.iter().enumerate() {
            if image.cells().len() != patches as usize {
                let why = format!("nothing says of which patches {} was stitched: lic can't compensate it", image.file);
                return Err(self.unfit(why));
            }
            for cell in image.cells() {
                let patch = patch(cell, dataset, id)
                    .ok_or_else(|| self.unfit(format!("{}: the dataset has no image {}", image.file, cell.source)))?;
                let kept = Kept { patch, rank: cell.rank, chosen: cell.chosen };
                if let Some(slot) = slots.get_mut(rank_of(cell.cell as usize, at, images)) {
                    *slot = Some(kept);
                }
            }
        }
        // A checked manifest has a cell for every slot.
        Ok(slots.into_iter().flatten().collect())
    }

    /// Tells what is to be known of a set that is moved further.
    pub(super) fn tell(&self, session: &Session, method: &Method, progress: &mut dyn Progress) {
        let (Some(manifest), Some(_)) = (self.manifest(), method.compensation()) else { return };
        if let Some(scored) = scorer(manifest, session) {
            progress.warn(format!(
                "the set's patches were chosen by another observer ({}); this one ({}) moves the pixels",
                scored.network, session.observer.observer.spec.arch
            ));
        }
        if manifest.recipe.method.iterations() > 0 {
            progress.warn(format!(
                "the set's pixels were moved by {} before: lic begins with the patches again",
                manifest.recipe.method.name()
            ));
        }
    }
}

/// A patch as a cell names it.
fn patch(cell: &CellNote, dataset: &Dataset, class: ClassId) -> Option<PatchScore> {
    let source = unescape(&cell.source)?;
    let folder = &dataset.class(class).folder;
    let name = source.strip_prefix(folder.as_slice())?;
    let name = if folder.is_empty() { name } else { name.strip_prefix(b"/")? };
    let image = dataset.image_named(class, name)?;
    Some(PatchScore { image, crop: cell.crop, bbox: cell.bbox, loss: cell.loss, rival: None })
}

/// The observer that scored a set's patches, where it is another than the session's.
pub(super) fn scorer<'a>(manifest: &'a Manifest, session: &Session) -> Option<&'a ObserverNote> {
    let scored = manifest.scored_by.as_ref().or(manifest.observer.as_ref())?;
    (scored.fingerprint != session.observer.observer.fingerprint).then_some(scored)
}
