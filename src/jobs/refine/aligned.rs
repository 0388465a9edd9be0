//! LIC: some images of a class at a time, which don't influence each other.

use std::sync::Arc;

use super::observers::{aligned, key};
use super::{Asked, Maker, RefineJobError, Runs, Unit};
use crate::core::data::dataset::ClassId;
use crate::core::distil::compensation::Compensation;
use crate::core::distil::compose::{cells, nearest};
use crate::core::distil::set::{Address, ImageSet as _, SetError};
use crate::core::train::augment::DrawId;
use crate::engine::learn::{Differentiable, Probe, Setup};
use crate::engine::refine::align::{self, Align, Aligning, Stitched};
use crate::jobs::open::OpenedObserver;
use crate::jobs::session::Session;
use crate::jobs::stitched::StitchedSet;

pub(super) const TERMS: &[&str] = &align::TERMS;

/// Values of the inputs that are shown at once: beyond that memory is filled, and on the processor nothing is faster. It
/// changes no pixel.
const SHOWN: usize = 160 * 3 * 32 * 32;

/// What makes compensations.
pub(super) struct Aligned<'a> {
    asked: Asked<'a>,
    own: Compensation,
    start: &'a StitchedSet,
    networks: Vec<Box<dyn Differentiable>>,
    observers: Vec<Aligning>,
    units: Vec<Unit>,
    names: Vec<String>,
}

impl<'a> Aligned<'a> {
    pub(super) fn new(
        session: &Session,
        asked: Asked<'a>,
        own: Compensation,
        observers: &[Arc<OpenedObserver>],
    ) -> Result<Self, RefineJobError> {
        let none =
            || RefineJobError::Observers("lic has nothing to compensate; this is a defect of stillroom".to_owned());
        let start = asked.start.stitched().ok_or_else(none)?;
        let (mut networks, mut aligning) = (Vec::new(), Vec::new());
        for opened in observers {
            let tap = aligned(opened, own.layer)?;
            networks.push(session.frozen(opened, &Setup::frozen_features(vec![Probe::Values(tap.clone())]))?);
            let engine = session.showing(opened, tap)?;
            aligning.push(Aligning { engine, mean_std: opened.observer.mean_std });
        }
        let names = (0..asked.classes.len()).map(|member| asked.class_name(session, member).to_owned()).collect();
        let mut made = Self { asked, own, start, networks, observers: aligning, units: Vec::new(), names };
        made.units = made.parts(session, observers)?;
        Ok(made)
    }

    /// The images of each class, a few at a time.
    fn parts(&self, session: &Session, observers: &[Arc<OpenedObserver>]) -> Result<Vec<Unit>, SetError> {
        let side = self.start.side as usize;
        let shown = (self.own.stitch.patches as usize * 3 * side * side).max(1);
        let at_once = (SHOWN / shown).max(1);
        let mut units = Vec::new();
        for class in (0..self.asked.classes.len() as u32).map(ClassId) {
            let images: Vec<Address> = (0..self.start.images(class)).map(|image| Address { class, image }).collect();
            for part in images.chunks(at_once) {
                let mut hash = key(session, self.asked, (observers, &[class.index()]));
                part.iter().try_for_each(|&at| self.start.name(at, &mut hash))?;
                units.push(Unit { key: hash.finalize().to_hex()[..40].to_owned(), images: part.to_vec() });
            }
        }
        Ok(units)
    }

    pub(super) fn units(&mut self) -> Vec<Unit> {
        std::mem::take(&mut self.units)
    }

    /// The images of a unit and what each of their cells shows.
    fn stitched(&self, unit: &Unit) -> Result<Stitched, RefineJobError> {
        let (side, factor) = (self.start.side, self.own.stitch.factor());
        let small = self.own.stitch.patch_side(side);
        let (mut images, mut originals) = (Vec::new(), Vec::new());
        for &at in &unit.images {
            let patches = self.start.cut(at, small)?;
            images.extend(squeezed(&patches, (side, small), factor));
            // What was scored whole is the original itself.
            let large = if small == side { patches } else { self.start.cut(at, side)? };
            originals.extend(large.into_iter().flatten());
        }
        let class = unit.images.first().map_or("", |at| &self.names[at.class.index()]);
        let named = blake3::hash(class.as_bytes());
        let epoch = u32::from_le_bytes(*named.as_bytes().first_chunk().unwrap_or(&[0; 4]));
        let draws = DrawId { seed: self.asked.recipe.seed, epoch, number: 0 };
        Ok(Stitched { images, originals, side: side as usize, factor: factor as usize, draws })
    }
}

/// Patches of side `patch`, spread over the cells of an image by nearest neighbour: planar, in [0, 1], nothing rounded.
fn squeezed(patches: &[Vec<f32>], (side, patch): (u32, u32), factor: u32) -> Vec<f32> {
    let (width, length) = (side as usize, patch as usize);
    let mut image = vec![0.0; 3 * width * width];
    for (values, cell) in patches.iter().zip(cells(side, factor)) {
        for c in 0..3 {
            for y in 0..cell.height {
                let from = (c * length + nearest(y, patch, cell.height) as usize) * length;
                let to = (c * width + (cell.top + y) as usize) * width + cell.left as usize;
                for x in 0..cell.width {
                    image[to + x as usize] = values[from + nearest(x, patch, cell.width) as usize];
                }
            }
        }
    }
    image
}

impl Maker for Aligned<'_> {
    fn with(&mut self, unit: &Unit, run: Runs<'_>) -> Result<(), RefineJobError> {
        let stitched = self.stitched(unit)?;
        run(&mut Align::new(self.own, stitched, &mut self.observers), &mut self.networks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four originals of 4×4: each cell keeps every other pixel of every other row.
    #[test]
    fn originals_shrink_by_leaving_pixels_out() {
        let original = |k: usize| (0..48).map(|i| (100 * k + i) as f32).collect::<Vec<f32>>();
        let image = squeezed(&[0, 1, 2, 3].map(original), (4, 4), 2);
        assert_eq!(image[..8], [0.0, 2.0, 100.0, 102.0, 8.0, 10.0, 108.0, 110.0]);
        // The last row of the last plane: rows 2 of the lower originals, 32 + 8 and 32 + 10.
        assert_eq!(image[44..], [240.0, 242.0, 340.0, 342.0]);
    }
}
