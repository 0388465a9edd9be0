//! What must hold in a manifest beyond its JSON types.

use std::collections::HashSet;
use std::path::{Component, Path};

use super::super::compose::rank_of;
use super::super::rded::Rded;
use super::super::recipe::{Method, OutputFormat, Recipe};
use super::{
    CURATED, CellNote, ClassNote, FORMAT, ImageNote, Manifest, ObserverNote, Optimised, Origin, RANKED, Start,
    class_folder, image_file,
};
use crate::core::data::names::unescape;
use crate::core::data::normalise::MeanStd;

/// The largest side of an observer's input, in pixels: an image of it has 192 MiB.
pub const MAX_SIDE: u32 = 8192;

/// Why a text is no usable manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, or a field is missing or of another type.
    #[error("not a manifest of stillroom: {why}; export the dataset again")]
    NotOne {
        /// The JSON reader's words, with line and column.
        why: String,
    },
    /// Written by a later version.
    #[error("the manifest has format {found}, this program knows formats up to {known}; use a newer stillroom")]
    Newer {
        /// Format of the file.
        found: u32,
        /// [`super::FORMAT`].
        known: u32,
    },
    /// Its parts contradict each other.
    #[error("the manifest contradicts itself at {place}: {why}; it was changed after the export")]
    Contradiction {
        /// Class, image and cell.
        place: String,
        /// What does not fit.
        why: String,
    },
}

type Checked = Result<(), ManifestError>;

/// An error at `place` unless `holds`.
fn expect_that(holds: bool, place: impl FnOnce() -> String, why: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(ManifestError::Contradiction { place: place(), why: why() }) }
}

impl Manifest {
    /// Checks that all parts agree: running indices, folder and file names, counts as in the recipe, each image's
    /// origin, each cell's rank, sides, boxes that are not empty, sources that stay below the dataset's root.
    ///
    /// # Errors
    /// [`ManifestError::Contradiction`], which names the class, the image and the cell.
    pub fn validate(&self) -> Checked {
        let header = || "its header".to_owned();
        let recipe = &self.recipe;
        recipe.check().map_err(|e| ManifestError::Contradiction { place: header(), why: e.in_a_record() })?;
        let larger = self.layout_ipc();
        expect_that(larger >= recipe.ipc, header, || format!("IPC {} is nested in IPC {larger}", recipe.ipc))?;
        let whole = Recipe { ipc: larger, ..recipe.clone() }.check();
        expect_that(whole.is_ok(), header, || format!("it is nested in IPC {larger}"))?;
        let observers = self.observer.iter().chain(&self.beside).chain(&self.scored_by);
        observers.into_iter().try_for_each(|observer| self.check_observer(observer))?;
        self.check_patch_side()?;
        for (index, class) in self.classes.iter().enumerate() {
            self.check_class(index as u32, class)?;
        }
        Ok(())
    }

    /// Whoever reads a manifest makes images of its observer's side, and divides by its deviations.
    fn check_observer(&self, observer: &ObserverNote) -> Checked {
        let header = || "its header".to_owned();
        let side = observer.side;
        expect_that((1..=MAX_SIDE).contains(&side), header, || format!("the observer's side is {side} pixels"))?;
        let MeanStd { mean, std } = observer.normalise;
        let sound = mean.iter().chain(&std).all(|v| v.is_finite()) && std.iter().all(|s| *s > 0.0);
        expect_that(sound, header, || format!("no network has the mean {mean:?} and the deviation {std:?}"))?;
        let (outputs, classes) = (&observer.outputs, self.classes.len());
        expect_that(outputs.len() == classes, header, || format!("{} outputs for {classes} classes", outputs.len()))?;
        let distinct = outputs.iter().collect::<HashSet<_>>().len();
        expect_that(distinct == classes, header, || "two classes share an output of the observer".to_owned())
    }

    /// The side of patches follows from the observer's and f.
    fn check_patch_side(&self) -> Checked {
        let header = || "its header".to_owned();
        let own = self.recipe.method.rded();
        match (self.patch_side, &self.observer) {
            (None, _) => expect_that(own.is_none(), header, || "it has patches, but no 'patch_side'".to_owned()),
            (Some(_), None) => expect_that(own.is_none(), header, || "it has patches, but no observer".to_owned()),
            (Some(found), Some(observer)) => {
                let due = own.map_or(observer.side, |own| own.patch_side(observer.side));
                let fits = found == due && due > 0;
                expect_that(fits, header, || format!("patches of side {found}, where {due} is due"))
            }
        }
    }

    /// The format that it takes to say this: [`FORMAT`] of a method that moves pixels, and wherever the images are kept as
    /// floats, so that a program which knows nothing of them doesn't take their previews for the set; else [`RANKED`] where
    /// every cell lies where its rank is, and [`CURATED`] where one doesn't.
    #[must_use]
    pub fn due_format(&self) -> u32 {
        match &self.recipe.method {
            Method::Sre2l(_) | Method::Cda(_) | Method::Lic(_) => FORMAT,
            Method::Rded(_) if self.recipe.format == OutputFormat::Float => FORMAT,
            Method::Rded(_) if self.by_rank() => RANKED,
            Method::Rded(_) => CURATED,
        }
    }

    /// Whether every cell lies where its rank is, and none is missing: no person had a say.
    #[must_use]
    pub fn by_rank(&self) -> bool {
        let by_rank = |class: &ClassNote| {
            let laid_out = self.laid_out(class);
            let lies = |id: usize, cell: &CellNote| {
                cell.chosen.by_rank() && cell.rank as usize == rank_of(cell.cell as usize, id, laid_out)
            };
            let images = class.images.iter().enumerate();
            (class.images.len() == laid_out.min(self.recipe.ipc as usize) || have_parents(class))
                && images.into_iter().all(|(id, image)| image.cells().iter().all(|cell| lies(id, cell)))
        };
        self.classes.iter().all(by_rank)
    }

    /// Whether a person may have had a say in where cells lie.
    fn is_curated(&self) -> bool {
        self.format == CURATED || (self.format == FORMAT && !self.by_rank())
    }

    fn check_class(&self, index: u32, class: &ClassNote) -> Checked {
        let place = || format!("class '{}'", class.name);
        expect_that(class.index == index, place, || format!("index {} where {index} is due", class.index))?;
        expect_that(class.folder == class_folder(index), place, || format!("folder '{}'", class.folder))?;
        let (found, ipc) = (class.images.len(), self.recipe.ipc);
        let laid_out = self.laid_out(class);
        let due = laid_out.min(ipc as usize);
        // Of a short class, what is rejected is missing.
        let may_be_fewer = (self.is_curated() && self.takes_fewer()) || have_parents(class);
        let fewer = (1..=due).contains(&found) && may_be_fewer;
        expect_that((found == due && due > 0) || fewer, place, || format!("{found} images, but IPC is {ipc}"))?;
        let tried = class.scored.checked_add(class.broken);
        let subset = self.recipe.method.rded().map_or(u32::MAX, |own| own.subset);
        let few = tried.is_some_and(|tried| tried <= subset);
        expect_that(few, place, || {
            format!("{} scored and {} broken images of a subset of {subset}", class.scored, class.broken)
        })?;
        let images = class.images.iter().enumerate();
        images.into_iter().try_for_each(|(id, image)| self.check_image((index, laid_out), id as u32, image))?;
        if self.is_curated() { check_ranks(class) } else { Ok(()) }
    }

    /// Whether short classes have fewer images.
    fn takes_fewer(&self) -> bool {
        self.recipe.method.rded().is_some_and(|own| !own.short_classes.refuses())
    }

    /// Images by which the ranks of a class are laid out: IPC, or what the candidates of a short class fill.
    fn laid_out(&self, class: &ClassNote) -> usize {
        let whole = Recipe { ipc: self.layout_ipc(), ..self.recipe.clone() };
        whole.rded().map_or(whole.ipc as usize, |recipe| recipe.images_of(class.scored as usize))
    }

    fn check_image(&self, (class, laid_out): (u32, usize), id: u32, image: &ImageNote) -> Checked {
        let place = || format!("image '{}'", image.file);
        let due = image_file(class, id, self.recipe.format.extension());
        expect_that(image.file == due, place, || format!("'{due}' is due"))?;
        match (&self.recipe.method, &image.origin) {
            (Method::Rded(own), Origin::Stitched(cells)) => self.check_cells((own, laid_out), (id, image), cells),
            (Method::Rded(_), origin @ Origin::Optimised(_)) | (_, origin @ Origin::Stitched(_)) => {
                let method = self.recipe.method.name();
                expect_that(false, place, || format!("it is {}, but the method is {method}", origin.name()))
            }
            (method, Origin::Optimised(Optimised { start, iterations, .. })) => {
                let due = method.iterations();
                expect_that(*iterations == due, place, || format!("{iterations} iterations, where {due} are due"))?;
                match (method.rded(), start) {
                    (Some(own), Start::Stitched(cells)) => self.check_cells((own, laid_out), (id, image), cells),
                    (None, Start::Stitched(_)) => {
                        expect_that(false, place, || "it began with cells, but the recipe with noise".to_owned())
                    }
                    (Some(_), Start::Noise) => {
                        expect_that(false, place, || "it began with noise, but the recipe with patches".to_owned())
                    }
                    (None, Start::Noise) | (_, Start::Parent { .. }) => Ok(()),
                }
            }
            (_, Origin::Imported { .. }) => Ok(()),
        }
    }

    fn check_cells(
        &self,
        (own, laid_out): (&Rded, usize),
        (id, image): (u32, &ImageNote),
        cells: &[CellNote],
    ) -> Checked {
        let place = || format!("image '{}'", image.file);
        let (found, patches) = (cells.len(), own.patches);
        expect_that(found == patches as usize, place, || format!("{found} cells, but N is {patches}"))?;
        cells.iter().enumerate().try_for_each(|(k, cell)| {
            let place = || format!("image '{}', cell {k}", image.file);
            expect_that(cell.cell as usize == k, place, || format!("cell number {}", cell.cell))?;
            if !self.is_curated() {
                let rank = rank_of(k, id as usize, laid_out);
                expect_that(cell.rank as usize == rank, place, || format!("rank {} where {rank} is due", cell.rank))?;
                expect_that(cell.chosen.by_rank(), place, || format!("format {RANKED} knows no pins and swaps"))?;
            }
            check_cell(own, cell, place)
        })
    }
}

/// Whether the images of a class began with those of another set: there are as many as there.
fn have_parents(class: &ClassNote) -> bool {
    class.images.iter().all(ImageNote::has_parent)
}

/// Ranks of cells that a person had a say in: each image of the class has one, and lies once.
fn check_ranks(class: &ClassNote) -> Checked {
    let mut seen = HashSet::new();
    for image in &class.images {
        for cell in image.cells() {
            let place = || format!("image '{}', cell {}", image.file, cell.cell);
            let (rank, scored) = (cell.rank, class.scored);
            expect_that(rank < scored, place, || format!("rank {rank} of {scored} scored images"))?;
            expect_that(seen.insert(rank), place, || format!("rank {rank} a second time"))?;
        }
    }
    Ok(())
}

/// What holds for a cell wherever it lies.
fn check_cell(own: &Rded, cell: &CellNote, place: impl Fn() -> String) -> Checked {
    let (crops, bbox) = (own.patches_per_image(), cell.bbox);
    expect_that(cell.crop < crops, &place, || format!("crop {} of {crops}", cell.crop))?;
    let whole = !own.whole_images() || own.views() || (bbox.top, bbox.left) == (0, 0);
    expect_that(whole, &place, || "a whole image whose box begins inside".to_owned())?;
    expect_that(bbox.height > 0 && bbox.width > 0, &place, || "an empty box".to_owned())?;
    let ends = bbox.top.checked_add(bbox.height).and(bbox.left.checked_add(bbox.width));
    expect_that(ends.is_some(), &place, || "a box that ends beyond all images".to_owned())?;
    let source = || format!("source '{}' is no path below the dataset's root", cell.source);
    expect_that(stays_below_root(&cell.source), &place, source)
}

/// Whether an escaped source names something below the root: a manifest from elsewhere must not lead a reader to
/// `/etc/passwd` or `../../x`.
fn stays_below_root(source: &str) -> bool {
    let Some(bytes) = unescape(source) else { return false };
    // The components of interest are ASCII, so a lossy reading sees all of them.
    let text = String::from_utf8_lossy(&bytes);
    !bytes.contains(&0)
        && !text.is_empty()
        && Path::new(text.as_ref()).components().all(|c| matches!(c, Component::Normal(_)))
}

#[cfg(test)]
mod tests;
