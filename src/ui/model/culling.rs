//! What is selected and what of the curation has no effect, counted once after each change; and what a selected image
//! could be exchanged for.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;

use super::Model;
use crate::core::data::dataset::{ClassId, ImageId};
use crate::core::distil::compose::rank_of;
use crate::core::distil::curation::{Mark, Place};
use crate::core::distil::marking::{self, Replacement, runners_up};
use crate::core::distil::scores::PatchScore;
use crate::core::distil::select::{Unused, Why, nan_last};
use crate::core::workspace::Command;
use crate::ui::actions::Action;
use crate::ui::widgets::text;

/// What is selected, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Images.
    pub selected: usize,
    /// Those among them that have a patch for the recipe.
    pub scored: usize,
    /// Their mean loss; `None` where none has a patch.
    pub mean_loss: Option<f64>,
}

/// A tally, and what it was counted from.
#[derive(Clone, Debug)]
struct Counted {
    /// The classes of the selected images.
    classes: Vec<ClassId>,
    /// What the rankings of these classes were known by.
    orders: Vec<u64>,
    tally: Tally,
}

/// What culling remembers, and what was counted since the last change.
#[derive(Clone, Debug)]
pub struct Culling {
    /// After a pin or a rejection of a single patch, go to the next one.
    pub advance: bool,
    counted: RefCell<Option<Counted>>,
    unused: OnceCell<(Vec<Unused>, BTreeMap<Why, usize>)>,
}

impl Default for Culling {
    fn default() -> Self {
        Self { advance: true, counted: RefCell::default(), unused: OnceCell::new() }
    }
}

impl Culling {
    /// Other images are selected.
    pub fn reselected(&mut self) {
        self.counted = RefCell::default();
    }

    /// Something is marked or ranked that was not.
    pub fn remarked(&mut self) {
        self.unused = OnceCell::new();
    }
}

/// An exchange of images: the step, and who lies in the cells now.
#[derive(Clone, Debug)]
pub struct Exchanged {
    /// The step.
    pub command: Command,
    /// The new images.
    pub images: Vec<ImageId>,
    /// Selected images that stay since no other is left.
    pub without: usize,
}

impl Model {
    /// What is selected, in numbers.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut counted = self.culling.counted.borrow_mut();
        let orders = |classes: &[ClassId]| -> Vec<u64> {
            classes.iter().map(|class| self.ranking.class(*class).stamps.order).collect()
        };
        if let Some(counted) = counted.as_ref().filter(|counted| counted.orders == orders(&counted.classes)) {
            return counted.tally;
        }
        let classes = self.classes_of(self.workspace.selection().images());
        let (orders, tally) = (orders(&classes), self.count(&classes));
        *counted = Some(Counted { classes, orders, tally });
        tally
    }

    fn count(&self, classes: &[ClassId]) -> Tally {
        let selection = self.workspace.selection();
        let (mut scored, mut sum) = (0_usize, 0.0);
        for class in classes {
            for patch in self.ranking.ranked(*class).iter().filter(|patch| selection.holds(patch.image)) {
                scored += 1;
                sum += f64::from(patch.loss);
            }
        }
        Tally { selected: selection.len(), scored, mean_loss: (scored > 0).then(|| sum / scored as f64) }
    }

    /// The marks in classes that are distilled that have no effect with the recipe of now, and how many for each reason.
    #[must_use]
    pub fn unused(&self) -> &(Vec<Unused>, BTreeMap<Why, usize>) {
        self.culling.unused.get_or_init(|| {
            let marked = self.classes_of(self.workspace.curation().marks().map(|(image, _)| image));
            let classes = marked.into_iter().filter(|class| self.workspace.is_chosen(*class));
            let unused: Vec<Unused> = classes.flat_map(|class| self.ranking.unused(class)).collect();
            let mut counts = BTreeMap::new();
            unused.iter().for_each(|unused| *counts.entry(unused.why).or_default() += 1);
            (unused, counts)
        })
    }

    /// The classes of images that come in the order of their ids, each once.
    fn classes_of(&self, images: impl Iterator<Item = ImageId>) -> Vec<ClassId> {
        let mut classes: Vec<ClassId> = Vec::new();
        let Some(dataset) = self.dataset() else { return classes };
        for class in images.filter(|image| image.index() < dataset.image_count()).map(|image| dataset.class_of(image)) {
            if classes.last() != Some(&class) {
                classes.push(class);
            }
        }
        classes
    }

    /// The selected images of a class.
    fn selected_of(&self, class: ClassId) -> impl Iterator<Item = ImageId> + '_ {
        let selection = self.workspace.selection();
        self.ids_of(class).map(ImageId).filter(move |image| selection.holds(*image))
    }

    /// The ids of a class's images.
    #[must_use]
    pub fn ids_of(&self, class: ClassId) -> Range<u32> {
        self.dataset().map_or(0..0, |dataset| dataset.images_of(class))
    }

    /// The scored crops of an image among which its key patch is found.
    #[must_use]
    pub fn crops(&self, image: ImageId) -> Vec<PatchScore> {
        let Some(dataset) = self.dataset().filter(|dataset| image.index() < dataset.image_count()) else {
            return Vec::new();
        };
        let Some(block) = self.ranking.block(dataset.class_of(image)) else { return Vec::new() };
        let Some(row) = block.row_of(image) else { return Vec::new() };
        let crops = self.ranking.recipe(dataset.class_of(image)).method.patches_per_image();
        (0..crops).filter_map(|crop| block.patch(row, crop)).collect()
    }

    /// The best ranked images of a class that could take a cell, with their ranks.
    pub fn runners_up(&self, class: ClassId) -> impl Iterator<Item = (usize, PatchScore)> + '_ {
        let is_stitched = move |rank| self.ranking.among_stitched(class, rank).is_some();
        runners_up(self.ranking.ranked(class), self.workspace.curation(), is_stitched)
    }

    /// The cell that holds an image, if it is stitched. What is stale, of another N or seed, has cells that the recipe
    /// does not have.
    #[must_use]
    pub fn cell_of(&self, image: ImageId) -> Option<(ClassId, Place)> {
        let (class, rank) = self.ranking.place(image).filter(|(class, _)| !self.ranking.class(*class).stale)?;
        let (cell, image) = self.ranking.cell(class, rank)?;
        Some((class, Place { image: image as u32, cell: cell as u32 }))
    }

    /// The step after which an image lies in another cell of its class, and whoever lay there in its own; `None` where it
    /// isn't stitched, is there already, or there is no such cell.
    #[must_use]
    pub fn moved(&self, image: ImageId, to: Place) -> Option<Command> {
        let (class, from) = self.cell_of(image)?;
        let images = self.ranking.images(class);
        let exists = (to.image as usize) < images && to.cell < self.ranking.recipe(class).method.patches;
        let slot = exists.then(|| rank_of(to.cell as usize, to.image as usize, images))?;
        let other = self.ranking.selected(class).get(slot)?.patch.image;
        if other == image {
            return None;
        }
        let marks = marking::lay(self.workspace.curation(), self.ids_of(class), &[(image, to), (other, from)]);
        let words = format!("1 patch moved to image {}, cell {}", to.image + 1, to.cell + 1);
        Some(Command::Curate { marks, words })
    }

    /// The step after which `new` lies in the cell of `old`, which is rejected.
    #[must_use]
    pub fn replaced(&self, old: ImageId, new: ImageId) -> Option<Command> {
        let (class, place) = self.cell_of(old)?;
        let of = [Replacement { old, new, place }];
        let marks = marking::replace(self.workspace.curation(), self.ids_of(class), &of);
        Some(Command::Curate { marks, words: "1 patch replaced by another image".to_owned() })
    }

    /// The step after which the best images that aren't stitched lie in the cells of the selected ones.
    #[must_use]
    pub fn exchanged(&self) -> Option<Exchanged> {
        let (mut marks, mut images, mut without) = (Vec::new(), Vec::new(), 0);
        for class in self.classes_of(self.workspace.selection().images()) {
            let mut others = self.runners_up(class);
            let mut of = Vec::new();
            for (old, place) in self.selected_of(class).filter_map(|old| Some((old, self.cell_of(old)?.1))) {
                match others.next() {
                    Some((_, patch)) => of.push(Replacement { old, new: patch.image, place }),
                    None => without += 1,
                }
            }
            images.extend(of.iter().map(|one| one.new));
            marks.extend(marking::replace(self.workspace.curation(), self.ids_of(class), &of));
        }
        let words = format!("{} replaced by other images", text::count(images.len(), "patch", "patches"));
        (!images.is_empty() || without > 0).then_some(Exchanged {
            command: Command::Curate { marks, words },
            images,
            without,
        })
    }

    /// The step after which each selected patch is cut from its image's next crop by loss, or the one before.
    #[must_use]
    pub fn cut(&self, back: bool) -> Option<Command> {
        let mut marks = Vec::new();
        for image in self.workspace.selection().images() {
            let Some((class, rank)) = self.ranking.place(image) else { continue };
            if self.ranking.class(class).stale {
                continue;
            }
            let Some(now) = self.ranking.ranked(class).get(rank) else { continue };
            let next = marking::next_crop(&self.crops(image), now.bbox, back);
            marks.extend(next.map(|crop| (image, self.mark_with_crop(image, &crop))));
        }
        let words = format!("another crop of {}", text::count(marks.len(), "image", "images"));
        (!marks.is_empty()).then_some(Command::Curate { marks, words })
    }

    /// The mark of an image that is cut at one of its crops: that of the least loss asks for nothing.
    #[must_use]
    pub fn mark_with_crop(&self, image: ImageId, crop: &PatchScore) -> Mark {
        let crops = self.crops(image);
        let least = crops.iter().min_by(|a, b| nan_last(a.loss, b.loss));
        let is_key = least.is_some_and(|least| least.bbox == crop.bbox);
        self.workspace.curation().mark(image).cut((!is_key).then_some(crop.bbox))
    }

    /// Why nothing can be decided about patches now; `None` if it can.
    pub(super) fn why_not_culled(&self, action: Action) -> Option<&'static str> {
        let selection = self.workspace.selection();
        let stitched = || selection.lead().is_some_and(|image| self.cell_of(image).is_some());
        let place = selection.lead().and_then(|image| self.ranking.place(image));
        let stale = || place.is_some_and(|(class, _)| self.ranking.class(class).stale);
        let by_cell = matches!(action, Action::AnotherImage | Action::ChooseImage | Action::MoveTo);
        let by_crop = matches!(action, Action::NextCrop | Action::PreviousCrop);
        if let Some(why) = self.why_no_patches() {
            return Some(why);
        }
        match action {
            _ if !self.ranking.any() && self.suspects.is_none() => Some("score the patches first"),
            Action::SelectAll | Action::InvertSelection | Action::NextPatch | Action::Advance => None,
            _ if selection.is_empty() => Some("select a patch first"),
            _ if (by_cell || by_crop) && stale() => {
                Some("what is shown is of another N or seed: score the patches first")
            }
            _ if by_cell && !stitched() => Some("select a patch that is stitched"),
            _ => None,
        }
    }
}
