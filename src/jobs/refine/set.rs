//! A set of optimised images, which the project keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::run::Made;
use super::{Asked, Beginning};
use crate::core::data::dataset::ClassId;
use crate::core::data::pixels::{Rgb8, RgbF32};
use crate::core::distil::manifest::{Optimised, Origin, TermNote};
use crate::core::distil::recipe::Method;
use crate::core::distil::set::{Address, ImageSet, SetError};
use crate::store::refinement::Finished;

/// How values become 8 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Levels {
    /// Cut off, as SRe2L's code writes them.
    Truncated,
    /// The nearest ones.
    Rounded,
}

/// Optimised images by class and number.
#[derive(Clone, Debug)]
pub struct RefinedSet {
    side: u32,
    iterations: u32,
    levels: Levels,
    /// Names of the loss's terms.
    names: &'static [&'static str],
    /// The batch that holds an image, and its place there.
    images: BTreeMap<Address, (Arc<Finished>, usize)>,
    start: Beginning,
}

impl RefinedSet {
    pub(super) fn new(asked: Asked<'_>, side: u32, names: &'static [&'static str], made: Vec<Made>) -> Self {
        let of_batch = |batch: Made| {
            let finished = Arc::new(batch.finished);
            batch.images.into_iter().enumerate().map(move |(place, at)| (at, (finished.clone(), place)))
        };
        let method = &asked.recipe.method;
        let levels = if let Method::Lic(_) = method { Levels::Rounded } else { Levels::Truncated };
        let images = made.into_iter().flat_map(of_batch).collect();
        Self { side, iterations: method.iterations(), levels, names, images, start: asked.start.clone() }
    }
}

impl ImageSet for RefinedSet {
    fn images(&self, class: ClassId) -> u32 {
        let of_class = Address { class, image: 0 }..=Address { class, image: u32::MAX };
        self.images.range(of_class).count() as u32
    }

    fn pixels(&self, at: Address) -> Result<Rgb8, SetError> {
        let floats = self.floats(at)?;
        Ok(match self.levels {
            Levels::Rounded => floats.rounded(),
            Levels::Truncated => {
                let data = floats.data.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0) as u8).collect();
                Rgb8 { width: floats.width, height: floats.height, data }
            }
        })
    }

    fn floats(&self, at: Address) -> Result<RgbF32, SetError> {
        let (finished, place) = self.images.get(&at).ok_or_else(|| SetError::absent(at))?;
        let broken = |reason: String| SetError { file: format!("optimised image {}", at.image), reason };
        let planes = finished.image(*place).map_err(|e| broken(e.to_string()))?;
        RgbF32::from_planes(self.side, self.side, &planes).ok_or_else(|| broken("it has another side".to_owned()))
    }

    fn origin(&self, at: Address) -> Option<Origin> {
        let (finished, _) = self.images.get(&at)?;
        let start = self.start.note(at)?;
        let last = finished.terms.rchunks_exact(self.names.len().max(1)).next().unwrap_or_default();
        let term = |(name, &value): (&&str, &f32)| TermNote { term: (*name).to_owned(), value };
        let losses = self.names.iter().zip(last).map(term).collect();
        Some(Origin::Optimised(Optimised { start, iterations: self.iterations, losses }))
    }
}
