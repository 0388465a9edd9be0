//! Which output of an observer belongs to which class of the data, where the data may be a distilled set.

use crate::core::data::class_map::{ClassMap, ClassMapError, GivenMap, Outputs, Rule, resolve};
use crate::core::data::dataset::Dataset;
use crate::core::data::names::alike;
use crate::core::distil::manifest::{Manifest, ObserverNote};
use crate::engine::observe::observer::Observer;
use crate::jobs::folder_set;

/// The class map, and what the user should know of it. A distilled set says which outputs its own observer has for its
/// classes, and no rule is more certain than that. Names that another library wrote beside the weights
/// (`doubtful_names`) are passed over where they fit no class.
///
/// # Errors
/// [`ClassMapError`]
pub(super) fn map(
    observer: &Observer,
    doubtful_names: bool,
    dataset: &Dataset,
    given: Option<&GivenMap>,
) -> Result<(ClassMap, Vec<String>), ClassMapError> {
    let distilled = if given.is_none() { Distilled::of(dataset) } else { None };
    let stated = distilled.as_ref().and_then(|set| set.outputs_of(observer));
    let outputs = Outputs { count: observer.spec.classes, names: observer.classes.as_deref() };
    let mut resolved = resolve(dataset.classes(), outputs, given);
    if let Some(stated) = stated {
        let agreed = resolved.ok().filter(|map| map.outputs == stated);
        return Ok((agreed.unwrap_or(ClassMap { outputs: stated, rule: Rule::Manifest }), Vec::new()));
    }
    let mut notes = Vec::new();
    if let (Err(why), true) = (&resolved, doubtful_names) {
        notes.push(format!("the class names beside the weights are passed over: {why}"));
        resolved = resolve(dataset.classes(), Outputs { names: None, ..outputs }, given);
    }
    let map = resolved?;
    if map.rule == Rule::Order {
        notes.extend(distilled.and_then(|set| set.other_order()));
    }
    Ok((map, notes))
}

/// What the manifest of a distilled set tells about its classes.
struct Distilled {
    observer: ObserverNote,
    /// The output that the set's own observer has for each class of the opened folder.
    outputs: Vec<u32>,
}

impl Distilled {
    /// `None` of real images, of a set that no observer made, and of folders that the manifest does not name.
    fn of(dataset: &Dataset) -> Option<Self> {
        let Manifest { observer, classes, .. } = folder_set::manifest(dataset)?;
        let observer = observer?;
        let output = |folder: &str| {
            let at = classes.iter().position(|class| alike(&class.folder, folder))?;
            observer.outputs.get(at).copied()
        };
        let outputs = dataset.classes().iter().map(|class| output(&class.name)).collect::<Option<_>>()?;
        Some(Self { observer, outputs })
    }

    /// The outputs of an observer whose weights are those that made the set, pruned then or not.
    fn outputs_of(&self, observer: &Observer) -> Option<Vec<u32>> {
        let kept = &self.observer.kept;
        let made_by = if kept.is_empty() { observer.fingerprint.clone() } else { observer.pruned_fingerprint(kept) };
        let exist = self.outputs.iter().all(|&output| (output as usize) < observer.spec.classes);
        (made_by == self.observer.fingerprint && exist).then(|| self.outputs.clone())
    }

    /// A word on a set whose own observer had just as many outputs, but in another order.
    fn other_order(&self) -> Option<String> {
        let in_order: Vec<u32> = (0..self.outputs.len() as u32).collect();
        let mut sorted = self.outputs.clone();
        sorted.sort_unstable();
        (sorted == in_order && self.outputs != in_order).then(|| {
            format!(
                "output i is taken for class i of the set, but the outputs of the {} that made the set belong to its \
                 classes in the order {:?}; if this network's do so too, give that list with --class-map",
                self.observer.network, self.outputs
            )
        })
    }
}
