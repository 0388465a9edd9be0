//! SRe2L and CDA: batches of one image of each of many classes.

use std::sync::Arc;

use super::observers::{key, outputs};
use super::run::{Maker, Runs, Unit};
use super::{Asked, RefineJobError};
use crate::core::data::dataset::ClassId;
use crate::core::data::normalise::MeanStd;
use crate::core::distil::recovery::Recovery;
use crate::core::distil::set::{Address, SetError};
use crate::engine::images::crops::write_whole;
use crate::engine::learn::{Differentiable, Setup};
use crate::engine::refine::recover::{self, Begun, Expected, Recover};
use crate::jobs::open::OpenedObserver;
use crate::jobs::session::Session;

pub(super) const TERMS: &[&str] = &recover::TERMS;

/// What makes recoveries.
pub(super) struct Recovered<'a> {
    asked: Asked<'a>,
    own: Recovery,
    side: usize,
    networks: Vec<Box<dyn Differentiable>>,
    expected: Vec<Expected>,
    /// Each observer's output for each class.
    outputs: Vec<Vec<u32>>,
    units: Vec<Unit>,
    /// Names of the classes.
    names: Vec<String>,
}

impl<'a> Recovered<'a> {
    pub(super) fn new(
        session: &Session,
        asked: Asked<'a>,
        own: Recovery,
        observers: &[Arc<OpenedObserver>],
    ) -> Result<Self, RefineJobError> {
        let (mut networks, mut expected) = (Vec::new(), Vec::new());
        for opened in observers {
            let observer = &opened.observer;
            let (probes, norms) = recover::norms(&observer.spec.graph(), observer.weights(), &own)?;
            networks.push(session.frozen(opened, &Setup::frozen(probes))?);
            let (classes, mean_std) = (observer.spec.classes, observer.mean_std);
            expected.push(Expected { outputs: Vec::new(), classes, mean_std, norms: Arc::new(norms) });
        }
        let side = session.observer.observer.spec.side;
        let names = (0..asked.classes.len()).map(|class| asked.class_name(session, class).to_owned()).collect();
        let outputs = observers.iter().map(|observer| outputs(observer, asked.classes)).collect();
        let mut made = Self { asked, own, side, networks, expected, outputs, units: Vec::new(), names };
        made.units = made.batches(session, observers)?;
        Ok(made)
    }

    /// One image of each class per batch, class after class, image number after image number (SRe2L's code).
    fn batches(&self, session: &Session, observers: &[Arc<OpenedObserver>]) -> Result<Vec<Unit>, SetError> {
        let recipe = self.asked.recipe;
        let (classes, most) = (self.asked.classes.len(), self.own.batch.max(1) as usize);
        let has = |class: usize, image: u32| {
            self.asked.start.images(ClassId(class as u32)).is_none_or(|images| image < images)
        };
        let mut units = Vec::new();
        for image in 0..recipe.ipc {
            let there: Vec<usize> = (0..classes).filter(|&class| has(class, image)).collect();
            for block in there.chunks(most) {
                let mut hash = key(session, self.asked, observers, block);
                hash.update(&image.to_le_bytes());
                let images: Vec<Address> =
                    block.iter().map(|&class| Address { class: ClassId(class as u32), image }).collect();
                images.iter().try_for_each(|&at| self.asked.start.name(at, &mut hash))?;
                units.push(Unit { key: hash.finalize().to_hex()[..40].to_owned(), images });
            }
        }
        Ok(units)
    }

    /// What the pixels begin with, in the first observer's normalised space.
    fn start(&self, unit: &Unit) -> Result<Vec<f32>, RefineJobError> {
        let (side, recipe) = (self.side, self.asked.recipe);
        let mut start = Vec::with_capacity(unit.images.len() * 3 * side * side);
        for &at in &unit.images {
            let Some(image) = self.asked.start.values(&recipe.method, at)? else {
                let class = &self.names[at.class.index()];
                start.extend(Recovery::noise((recipe.seed, class, at.image), 3 * side * side));
                continue;
            };
            let mut input = vec![0.0; 3 * side * side];
            let mean_std = self.expected.first().map_or(MeanStd::NONE, |expected| expected.mean_std);
            write_whole(&image, &mean_std, &mut input);
            start.extend(input);
        }
        Ok(start)
    }
}

impl Maker for Recovered<'_> {
    fn units(&mut self) -> Vec<Unit> {
        std::mem::take(&mut self.units)
    }

    fn with(&mut self, unit: &Unit, run: Runs<'_>) -> Result<(), RefineJobError> {
        let classes = unit.images.iter().map(|at| at.class.index());
        let batch = unit.images.iter().map(|at| format!("{}:{}", at.image, self.names[at.class.index()]));
        let batch = batch.collect::<Vec<_>>().join("\n");
        let begun = Begun { seed: self.asked.recipe.seed, batch, side: self.side, start: self.start(unit)? };
        let of_unit = |(expected, outputs): (&Expected, &Vec<u32>)| Expected {
            outputs: classes.clone().map(|class| outputs[class]).collect(),
            ..expected.clone()
        };
        let expected = self.expected.iter().zip(&self.outputs).map(of_unit).collect();
        run(&mut Recover::new(self.own, begun, expected), &mut self.networks)
    }
}
