//! LIC: some images of a class at a time, which don't influence each other.

use std::sync::Arc;

use super::observers::{aligned, key};
use super::run::{Maker, Runs, Unit};
use super::{Asked, RefineJobError};
use crate::core::data::dataset::ClassId;
use crate::core::data::normalise::MeanStd;
use crate::core::distil::compensation::Compensation;
use crate::core::distil::set::{Address, ImageSet as _, SetError};
use crate::core::train::augment::DrawId;
use crate::engine::images::crops::write_whole;
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
        let start = asked.start.stitched().ok_or_else(nothing)?;
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
                let mut hash = key(session, self.asked, observers, &[class.index()]);
                part.iter().try_for_each(|&at| self.start.name(at, &mut hash))?;
                units.push(Unit { key: hash.finalize().to_hex()[..40].to_owned(), images: part.to_vec() });
            }
        }
        Ok(units)
    }

    /// The images of a unit and what each of their cells shows.
    fn stitched(&self, unit: &Unit) -> Result<Stitched, RefineJobError> {
        let (side, factor) = (self.start.side, self.own.stitch.factor());
        let (mut images, mut originals) = (Vec::new(), Vec::new());
        for &at in &unit.images {
            let image = self.asked.start.values(&self.asked.recipe.method, at)?.ok_or_else(nothing)?;
            let mut values = vec![0.0; image.data.len()];
            write_whole(&image, &MeanStd::NONE, &mut values);
            images.extend(values);
            originals.extend(self.start.cut(at, side)?.into_iter().flatten());
        }
        let class = unit.images.first().map_or("", |at| &self.names[at.class.index()]);
        let named = blake3::hash(class.as_bytes());
        let epoch = u32::from_le_bytes(*named.as_bytes().first_chunk().unwrap_or(&[0; 4]));
        let draws = DrawId { seed: self.asked.recipe.seed, epoch, number: 0 };
        Ok(Stitched { images, originals, side: side as usize, factor: factor as usize, draws })
    }
}

fn nothing() -> RefineJobError {
    RefineJobError::Observers("lic has nothing to compensate; this is a defect of stillroom".to_owned())
}

impl Maker for Aligned<'_> {
    fn units(&mut self) -> Vec<Unit> {
        std::mem::take(&mut self.units)
    }

    fn with(&mut self, unit: &Unit, run: Runs<'_>) -> Result<(), RefineJobError> {
        let stitched = self.stitched(unit)?;
        run(&mut Align::new(self.own, stitched, &mut self.observers), &mut self.networks)
    }
}
