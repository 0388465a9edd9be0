//! Which output of an observer belongs to which class of the data, where the data may be a distilled set.

use crate::core::data::class_map::{ClassMap, ClassMapError, GivenMap, Outputs, Rule, resolve};
use crate::core::data::class_order::ClassOrder;
use crate::core::data::dataset::Dataset;
use crate::core::data::names::alike;
use crate::core::distil::manifest::{Manifest, ObserverNote};
use crate::engine::observe::observer::Observer;
use crate::jobs::folder_set;

/// The class map, and what the user should know of it. A distilled set says which outputs its own observer has for its
/// classes, and no rule is more certain than that. Names that another library wrote beside the weights
/// (`doubtful_names`) are passed over where they fit no class. `order` is that of the outputs where nothing else tells.
///
/// # Errors
/// [`ClassMapError`]
pub(super) fn map(
    observer: &Observer,
    doubtful_names: bool,
    dataset: &Dataset,
    (given, order): (Option<&GivenMap>, ClassOrder),
) -> Result<(ClassMap, Vec<String>), ClassMapError> {
    let mut notes = Vec::new();
    let distilled = if given.is_none() { Distilled::of(dataset, &mut notes) } else { None };
    let stated = distilled.as_ref().and_then(|set| set.outputs_of(observer));
    let outputs = Outputs { count: observer.spec.classes, names: observer.classes.as_deref(), order };
    let mut resolved = resolve(dataset.classes(), outputs, given);
    if let Some(stated) = stated {
        let agreed = resolved.ok().filter(|map| map.outputs == stated);
        let rule = agreed.map_or(Rule::Manifest, |map| map.rule);
        return Ok((ClassMap::new(stated, rule), notes));
    }
    let mut names = observer.classes.as_ref();
    if let (Err(why), true) = (&resolved, doubtful_names) {
        names = None;
        notes.push(format!("the class names beside the weights are passed over: {why}"));
        resolved = resolve(dataset.classes(), Outputs { names: None, ..outputs }, given);
    }
    let map = resolved?;
    if matches!(map.rule, Rule::Order | Rule::Number) {
        notes.extend(distilled.and_then(|set| set.other_order(&map.outputs)));
    }
    notes.extend(map.as_text.is_some().then(|| by_number(OUTPUTS)));
    if let (Rule::Order | Rule::Number, Some(names)) = (map.rule, names) {
        let first = names.first().map_or("", String::as_str);
        notes.push(format!(
            "the weights name their outputs ('{first}' first), and no class of the data is called so: output i is taken \
             for class i; give --class-map if that is wrong"
        ));
    }
    Ok((map, notes))
}

/// What [`by_number`] says of an observer.
pub(in crate::jobs) const OUTPUTS: &str = "output i";

/// What is said where integers were taken in order of number; `what` is the thing that is taken for the i-th class.
pub(in crate::jobs) fn by_number(what: &str) -> String {
    format!(
        "the classes are integers: {what} is taken for the i-th class in order of number (0, 1, 2, …), not in order of \
         text (0, 1, 10, …), as torchvision's ImageFolder has it; --class-order text takes that"
    )
}

/// What the manifest of a distilled set tells about its classes.
struct Distilled {
    observer: ObserverNote,
    /// The output that the set's own observer has for each class of the opened folder.
    outputs: Vec<u32>,
}

impl Distilled {
    /// `None` of real images, of a set that no observer made, and of folders that the manifest does not name; of a
    /// manifest that can't be read, too, with a note.
    fn of(dataset: &Dataset, notes: &mut Vec<String>) -> Option<Self> {
        let manifest = folder_set::manifest(dataset).unwrap_or_else(|damage| {
            notes.push(damage);
            None
        });
        let Manifest { observer, classes, .. } = manifest?;
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

    /// A word on a set whose own observer had just as many outputs, but in another order than the one that is `taken`.
    fn other_order(&self, taken: &[u32]) -> Option<String> {
        let in_order: Vec<u32> = (0..self.outputs.len() as u32).collect();
        let mut sorted = self.outputs.clone();
        sorted.sort_unstable();
        (sorted == in_order && self.outputs != taken).then(|| {
            let places = if taken == in_order { "output i".to_owned() } else { format!("output {taken:?}[i]") };
            format!(
                "{places} is taken for class i of the set, but the outputs of the {} that made the set belong to its \
                 classes in the order {:?}; if this network's do so too, give that list with --class-map",
                self.observer.network, self.outputs
            )
        })
    }
}
