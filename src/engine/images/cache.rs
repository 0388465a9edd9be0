//! Decoded images kept between the epochs of a training, within a budget of memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::core::data::pixels::Rgb;

/// Images by number. Those that came after the budget was used up are made anew each time, so that a large dataset
/// costs time and not memory.
#[derive(Debug)]
pub struct Cache {
    images: Vec<OnceLock<Arc<Rgb>>>,
    left: AtomicUsize,
}

impl Cache {
    /// Room for `count` images of `budget` bytes in all.
    #[must_use]
    pub fn new(count: usize, budget: usize) -> Self {
        Self { images: (0..count).map(|_| OnceLock::new()).collect(), left: AtomicUsize::new(budget) }
    }

    /// Image `at`, from memory or from `make`.
    ///
    /// # Errors
    /// Those of `make`; nothing is kept then.
    pub fn get<E>(&self, at: usize, make: impl FnOnce() -> Result<Rgb, E>) -> Result<Arc<Rgb>, E> {
        let slot = self.images.get(at);
        if let Some(kept) = slot.and_then(OnceLock::get) {
            return Ok(kept.clone());
        }
        let image = Arc::new(make()?);
        let size = image.bytes();
        let take = |left: usize| left.checked_sub(size);
        if let Some(slot) = slot
            && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
        {
            // Another thread may have been faster; both have the same pixels.
            let _ = slot.set(image.clone());
        }
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::pixels::{Rgb8, RgbF32};

    #[test]
    fn images_are_made_once_until_the_budget_is_used_up() {
        let cache = Cache::new(3, 2 * 12);
        let made = AtomicUsize::new(0);
        let make = || {
            made.fetch_add(1, Ordering::Relaxed);
            Ok::<_, ()>(Rgb::Bytes(Rgb8::black(2, 2)))
        };
        (0..3).for_each(|at| drop(cache.get(at, make)));
        (0..3).for_each(|at| drop(cache.get(at, make)));
        assert_eq!(made.load(Ordering::Relaxed), 4, "the third doesn't fit");
        assert_eq!(cache.get(9, || Err::<Rgb, _>("gone")), Err("gone"));
    }
    #[test]
    fn floats_count_four_bytes_a_value() {
        let cache = Cache::new(2, 2 * 12 + 48);
        let floats = || Ok::<_, ()>(Rgb::Floats(RgbF32::black(2, 2)));
        (0..2).for_each(|at| drop(cache.get(at, floats)));
        assert!(cache.images[0].get().is_some() && cache.images[1].get().is_none());
    }
}
