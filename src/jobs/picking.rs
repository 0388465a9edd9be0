//! The picks of strategies that look at features: computed class by class from the key patches of scores.

use std::sync::Arc;

use crate::core::data::dataset::{ClassId, ImageId};
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::ClassScores;
use crate::core::distil::select::{candidates, picks};
use crate::core::progress::Progress;
use crate::engine::observe::batcher::Spent;
use crate::engine::observe::features::{FeatureError, FeatureJob, Row, features};

use super::scoring::crop_plan;
use super::session::Session;

/// The images that a strategy picked of one class, in its order ([`picks`]).
pub type Picks = Arc<Vec<ImageId>>;

/// Classes with their scores, in the same order.
#[derive(Clone, Copy, Debug)]
pub struct ScoredClasses<'a> {
    /// Classes.
    pub classes: &'a [ClassId],
    /// Their blocks.
    pub blocks: &'a [Arc<ClassScores>],
}

/// Picks patches of all classes for each of `ipcs`; nothing for strategies without features. Gives one list
/// per class for each size; `each` sees those of the first size as they come.
///
/// # Errors
/// [`FeatureError`].
pub fn pick(
    session: &mut Session,
    recipe: &Recipe<Rded>,
    (scored, ipcs): (ScoredClasses<'_>, &[u32]),
    progress: &mut dyn Progress,
    each: &mut dyn FnMut(ClassId, Picks),
) -> Result<(Vec<Vec<Picks>>, Spent), FeatureError> {
    let mut picked: Vec<Vec<Picks>> = vec![Vec::with_capacity(scored.classes.len()); ipcs.len()];
    let mut spent = Spent::default();
    if !recipe.method.strategy.needs_features() {
        picked.iter_mut().for_each(|of_size| of_size.resize(scored.classes.len(), Picks::default()));
        return Ok((picked, spent));
    }
    let keys: Vec<_> = scored.blocks.iter().map(|block| candidates(block, recipe)).collect();
    let (total, mut done) = (keys.iter().map(Vec::len).sum::<usize>() as u64, 0);
    let crops = crop_plan(session, recipe);
    let (dataset, throughput) = (session.dataset.clone(), session.throughput);
    for (&class, keys) in scored.classes.iter().zip(&keys) {
        progress.step("features", done, total)?;
        let job = FeatureJob { dataset: &dataset, patches: keys, crops: &crops };
        let advance = &mut |n: usize| progress.step("features", done + n as u64, total);
        let found = features(session.tapped()?, (&job, Row::Flattened), throughput, advance)?;
        session.take_notes().into_iter().for_each(|note| progress.warn(note));
        spent.add(found.spent);
        done += keys.len() as u64;
        let name = &dataset.class(class).name;
        for (of_size, &ipc) in picked.iter_mut().zip(ipcs) {
            let recipe = &Recipe { ipc, ..*recipe };
            // A class that is too small is refused when it comes to selecting.
            let needed = recipe.patches_of(keys.len()).unwrap_or_else(|needed| needed);
            // k-means takes its time; between its sizes the user may stop it.
            progress.step("features", done, total)?;
            of_size.push(Arc::new(picks(recipe, name, keys, found.rows(), needed)));
        }
        if let Some(first) = picked.first().and_then(|of_size| of_size.last()) {
            each(class, first.clone());
        }
    }
    Ok((picked, spent))
}
