//! The observers that take part, and the names of what their pixels follow from.

use std::sync::Arc;

use super::{Asked, RefineJobError};
use crate::core::data::dataset::ClassId;
use crate::core::distil::compensation::Layer;
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::{Method, OutputFormat, Recipe};
use crate::core::distil::recovery::Turns;
use crate::engine::nets::graph::Tap;
use crate::engine::refine::{align, recover};
use crate::jobs::open::OpenedObserver;
use crate::jobs::session::Session;

/// Raised when the way from a recipe to pixels changes, so that older ones are not mixed in.
const SCHEME: &str = "stillroom 2026 refined v2";

/// Refuses observers by which a recipe's method can't move pixels: asked before anything is scored.
///
/// # Errors
/// [`RefineJobError::Observers`], or [`RefineError::Unfit`] within [`RefineJobError::Refine`].
pub fn check(session: &Session, recipe: &Recipe, beside: &[Arc<OpenedObserver>]) -> Result<(), RefineJobError> {
    all(session, beside)?.iter().try_for_each(|opened| fits(opened, &recipe.method))
}

/// Refuses one observer by which a method can't move pixels. Nothing is computed.
///
/// # Errors
/// As [`check`].
pub fn fits(opened: &OpenedObserver, method: &Method) -> Result<(), RefineJobError> {
    let own = &opened.observer;
    match method {
        Method::Rded(_) => Ok(()),
        Method::Sre2l(recovery) | Method::Cda(recovery) => {
            Ok(recover::norms(&own.spec.graph(), own.weights(), recovery).map(drop)?)
        }
        Method::Lic(compensation) => aligned(opened, compensation.layer).map(drop),
    }
}

/// The feature of an observer that is aligned.
pub(super) fn aligned(opened: &OpenedObserver, layer: Layer) -> Result<Tap, RefineJobError> {
    let spec = &opened.observer.spec;
    let tap = align::tap(layer, spec.arch, spec.side);
    if spec.graph().tap(&tap).is_none() {
        return Err(RefineJobError::Observers(format!(
            "{} has no stage as --layer {layer} asks: give --layer features, or one of its stages from stage:1 on",
            spec.arch
        )));
    }
    Ok(tap)
}

/// The session's observer and those beside it, which must see images of one side.
pub(super) fn all(
    session: &Session,
    beside: &[Arc<OpenedObserver>],
) -> Result<Vec<Arc<OpenedObserver>>, RefineJobError> {
    let first = session.observer.clone();
    let side = first.observer.spec.side;
    if let Some(other) = beside.iter().find(|other| other.observer.spec.side != side) {
        let (name, found) = (other.observer.spec.arch, other.observer.spec.side);
        return Err(RefineJobError::Observers(format!(
            "{name} sees images of side {found}, the first observer ({}) of side {side}: give one --side for both",
            first.observer.spec.arch
        )));
    }
    Ok(std::iter::once(first).chain(beside.iter().cloned()).collect())
}

/// The observer's output for each class.
pub(super) fn outputs(observer: &OpenedObserver, classes: &[ClassId]) -> Vec<u32> {
    classes.iter().map(|class| observer.map.outputs[class.index()]).collect()
}

/// Leaves out what decides which images there are, and what one observer makes no difference in: batches name their
/// members, and patches are named one by one.
fn plain(method: &mut Method, observers: usize) {
    if let Some(own) = method.recovery_mut() {
        own.batch = 1;
    }
    if let Some(own) = method.rded_mut() {
        *own = Rded { patches: own.patches, ..Rded::PHOTOGRAPHS };
    }
    if observers < 2
        && let Some(own) = method.descent_mut()
    {
        *own.turns = Turns::Alternate;
    }
}

/// Begins the name of a batch of images of the classes with these running indexes: by the method with its parameters,
/// the seed, the observers and their outputs, and the class of device.
pub(super) fn key(
    session: &Session,
    asked: Asked<'_>,
    observers: &[Arc<OpenedObserver>],
    members: &[usize],
) -> blake3::Hasher {
    let mut hash = blake3::Hasher::new_derive_key(SCHEME);
    let mut put = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    // What doesn't decide pixels is left out: how many there are, and how they are written.
    let mut recipe = Recipe { ipc: 1, format: OutputFormat::Png, ..asked.recipe.clone() };
    plain(&mut recipe.method, observers.len());
    put(&serde_json::to_vec(&recipe).unwrap_or_default());
    put(session.device_class().as_bytes());
    let classes: Vec<ClassId> = members.iter().map(|&member| asked.classes[member]).collect();
    for observer in observers {
        let own = &observer.observer;
        put(own.fingerprint.as_bytes());
        put(format!("{} {} {}", own.spec.arch, own.spec.side, own.mean_std.describe()).as_bytes());
        let outputs =
            outputs(observer, &classes).iter().map(|&output| observer.output_in_file(output)).collect::<Vec<_>>();
        put(format!("{outputs:?} of {:?}", observer.kept).as_bytes());
    }
    for &member in members {
        put(asked.class_name(session, member).as_bytes());
    }
    hash
}
