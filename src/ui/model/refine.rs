//! Images whose pixels are moved: the newest look at the batch that is under way, the set that was written, and the image
//! that is looked at closely.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use eframe::egui::TextureHandle;

use crate::core::chart::thinned::thinned;
use crate::core::data::dataset::ClassId;
use crate::core::distil::set::{Address, ImageSet as _};
use crate::jobs::moved::{Moved, WrittenSet};
use crate::jobs::refine::Refining;
use crate::jobs::worker::Preview;
use crate::ui::intent::MovedOf;

/// Columns of a plot that a curve is thinned for.
const COLUMNS: usize = 500;

/// A term of the loss over the steps.
#[derive(Clone, Debug, PartialEq)]
pub struct TermCurve {
    /// Its name, as records have it.
    pub name: &'static str,
    /// Steps that were taken, from 1, and its weighted value; peaks stay, however long it is.
    pub points: Vec<[f64; 2]>,
    /// Its last value.
    pub last: f64,
}

/// A look at a batch.
#[derive(Clone, Debug)]
pub struct Live {
    /// Counts up with each look.
    pub number: u64,
    /// The look, and what it is of.
    pub preview: Preview,
    /// The terms of the loss.
    pub curves: Arc<Vec<TermCurve>>,
}

impl Live {
    fn new(number: u64, preview: Preview) -> Self {
        let curves = Arc::new(curves(&preview.refining));
        Self { number, preview, curves }
    }

    /// The images of the batch.
    #[must_use]
    pub fn images(&self) -> &[Address] {
        &self.preview.refining.images
    }
}

fn curves(refining: &Refining) -> Vec<TermCurve> {
    let terms = refining.names.len();
    let of = |(at, &name): (usize, &&'static str)| {
        let values: Vec<f64> = refining.terms.chunks_exact(terms).map(|step| f64::from(step[at])).collect();
        let points = thinned(&values, COLUMNS).into_iter().map(|(step, value)| [(step + 1) as f64, value]).collect();
        TermCurve { name, points, last: values.last().copied().unwrap_or(f64::NAN) }
    };
    refining.names.iter().enumerate().map(of).collect()
}

/// A set that was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// Counts up with each set.
    pub number: u64,
    /// The set.
    pub set: Arc<WrittenSet>,
    /// What people call its classes.
    pub classes: Vec<String>,
    /// Images of each.
    pub counts: Vec<usize>,
}

impl Written {
    fn new(number: u64, set: Arc<WrittenSet>) -> Self {
        let notes = set.manifest().map_or(&[][..], |manifest| &manifest.classes);
        let (classes, counts) =
            (0..).zip(notes).map(|(at, class)| (class.shown().to_owned(), set.images(ClassId(at)) as usize)).unzip();
        Self { number, set, classes, counts }
    }

    /// Names an image's pixels.
    #[must_use]
    pub fn key(&self, at: Address) -> u64 {
        let mut hash = DefaultHasher::new();
        (self.set.folder(), self.number, at).hash(&mut hash);
        hash.finish()
    }
}

/// An image at a look, or of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Of {
    /// Whether it is of the batch or of the set.
    pub source: MovedOf,
    /// The number of the look, or of the set.
    pub number: u64,
    /// The image.
    pub at: Address,
}

/// An image beside what it began with.
#[derive(Clone)]
pub struct Compared {
    /// Which.
    pub of: Of,
    /// Its pictures, or why there are none.
    pub pictures: Result<Pictures, String>,
}

/// Pictures of an image beside what it began with.
#[derive(Clone)]
pub struct Pictures {
    /// As it is.
    pub now: TextureHandle,
    /// As it began, and what was added to it; or why that isn't known.
    pub change: Result<Change, String>,
    /// Share of its values that are outside of 0 to 1, which 8 bits can't hold.
    pub outside: f64,
}

/// What was added to an image.
#[derive(Clone)]
pub struct Change {
    /// As it began.
    pub start: TextureHandle,
    /// What was added as a signed map.
    pub map: TextureHandle,
    /// The scale goes from −most to most.
    pub most: f32,
}

/// Everything about images whose pixels are moved.
#[derive(Default)]
pub struct Refine {
    /// The last look at a batch.
    pub live: Option<Live>,
    /// The set that was written last.
    pub written: Option<Written>,
    /// Why that can't be shown.
    pub problem: Option<String>,
    /// Which of both is looked at, where there are both.
    of: MovedOf,
    /// The image that is looked at closely, where it was chosen.
    chosen: Option<Address>,
    /// It beside what it began with; of an older look until the newer one is ready.
    pub compared: Option<Compared>,
    /// What was counted last.
    count: u64,
}

impl Refine {
    /// Nothing, with a number that none had before.
    #[must_use]
    pub(super) fn closed(&self) -> Self {
        Self { count: self.count, ..Self::default() }
    }

    /// Takes a look at a batch.
    pub fn take(&mut self, preview: Preview) {
        self.count += 1;
        let another = self.live.as_ref().is_none_or(|live| !Arc::ptr_eq(&live.preview.classes, &preview.classes));
        if another {
            (self.of, self.problem) = (MovedOf::Batch, None);
        }
        // In the next batch the image in the same place is looked at.
        if let (Some(live), Some(chosen)) = (&self.live, self.chosen)
            && !preview.refining.images.contains(&chosen)
        {
            let place = live.images().iter().position(|at| *at == chosen).unwrap_or(0);
            self.chosen = preview.refining.images.get(place).copied();
        }
        self.live = Some(Live::new(self.count, preview));
    }

    /// Takes a written set, or why it can't be had.
    pub fn take_set(&mut self, opened: Result<WrittenSet, String>) {
        self.count += 1;
        match opened {
            Ok(set) => (self.written, self.problem) = (Some(Written::new(self.count, Arc::new(set))), None),
            Err(why) => (self.written, self.problem) = (None, Some(why)),
        }
    }

    /// Which of both is shown; `None` where there is neither.
    #[must_use]
    pub fn shown(&self) -> Option<MovedOf> {
        match (&self.live, &self.written) {
            (None, None) => None,
            (Some(_), None) => Some(MovedOf::Batch),
            (None, Some(_)) => Some(MovedOf::Set),
            (Some(_), Some(_)) => Some(self.of),
        }
    }

    /// Shows the batch or the set.
    pub fn show(&mut self, of: MovedOf) {
        self.of = of;
    }

    /// Looks at an image closely.
    pub fn choose(&mut self, at: Address) {
        self.chosen = Some(at);
    }

    /// The image that is looked at closely: the chosen one, or else the first.
    #[must_use]
    pub fn chosen(&self) -> Option<Address> {
        let chosen = self.chosen;
        match self.shown()? {
            MovedOf::Batch => {
                let images = self.live.as_ref()?.images();
                chosen.filter(|at| images.contains(at)).or(images.first().copied())
            }
            MovedOf::Set => {
                let counts = &self.written.as_ref()?.counts;
                let there = |at: &Address| counts.get(at.class.index()).is_some_and(|n| (at.image as usize) < *n);
                let first = || counts.iter().position(|n| *n > 0);
                chosen.filter(there).or_else(|| Some(Address { class: ClassId(first()? as u32), image: 0 }))
            }
        }
    }

    /// The image that is to be compared with what it began with, and the images that it is of.
    #[must_use]
    pub fn wanted(&self) -> Option<(Of, Arc<dyn Moved>)> {
        let (source, at) = (self.shown()?, self.chosen()?);
        let (number, images): (u64, Arc<dyn Moved>) = match source {
            MovedOf::Batch => {
                let live = self.live.as_ref()?;
                (live.number, live.preview.refining.clone())
            }
            MovedOf::Set => {
                let written = self.written.as_ref()?;
                (written.number, written.set.clone())
            }
        };
        Some((Of { source, number, at }, images))
    }

    /// The pictures of the image that is looked at closely; of an older look at it until those of the newer one are ready.
    #[must_use]
    pub fn pictures(&self) -> Option<&Result<Pictures, String>> {
        let (source, at) = (self.shown()?, self.chosen()?);
        let same = |compared: &&Compared| compared.of.source == source && compared.of.at == at;
        self.compared.as_ref().filter(same).map(|compared| &compared.pictures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::distil::recipe::Recipe;

    fn preview(images: &[u32], terms: &[f32], classes: &Arc<Vec<String>>) -> Preview {
        let refining = Refining {
            images: images.iter().map(|&image| Address { class: ClassId(0), image }).collect(),
            side: 1,
            values: vec![0.5; 3 * images.len()],
            start: Arc::new(vec![0.5; 3 * images.len()]),
            iteration: terms.len() as u32 / 2,
            iterations: 4,
            names: &["ce", "bn"],
            terms: terms.to_vec(),
            norms: vec![1.0],
            batch: (0, 2),
        };
        Preview { recipe: Recipe::default(), classes: classes.clone(), out: "out".into(), refining: Arc::new(refining) }
    }

    #[test]
    fn terms_become_curves_by_name() {
        let mut refine = Refine::default();
        let classes = Arc::new(vec!["cat".to_owned()]);
        refine.take(preview(&[0, 1], &[4.0, 0.5, 3.0, 0.25], &classes));
        let curves = refine.live.as_ref().unwrap().curves.clone();
        let due = |name, values: [f64; 2]| TermCurve {
            name,
            points: vec![[1.0, values[0]], [2.0, values[1]]],
            last: values[1],
        };
        assert_eq!(*curves, [due("ce", [4.0, 3.0]), due("bn", [0.5, 0.25])]);
    }

    #[test]
    fn the_image_in_the_same_place_of_the_next_batch_is_looked_at() {
        let mut refine = Refine::default();
        assert_eq!((refine.shown(), refine.chosen()), (None, None));
        let classes = Arc::new(vec!["cat".to_owned()]);
        let at = |image| Address { class: ClassId(0), image };
        refine.take(preview(&[0, 1], &[], &classes));
        assert_eq!((refine.shown(), refine.chosen()), (Some(MovedOf::Batch), Some(at(0))));
        refine.choose(at(1));
        refine.take(preview(&[0, 1], &[], &classes));
        let of = |number, image| Of { source: MovedOf::Batch, number, at: at(image) };
        assert_eq!(refine.wanted().unwrap().0, of(2, 1));
        refine.take(preview(&[2, 3], &[], &classes));
        assert_eq!(refine.chosen(), Some(at(3)));
        refine.take(preview(&[4], &[], &classes));
        assert_eq!(refine.wanted().unwrap().0, of(4, 4), "the next batch is shorter");
        assert_eq!(refine.closed().count, 4, "no number comes twice");
    }
}
