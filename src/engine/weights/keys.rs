//! What training scripts put before a network's keys, and into them.

use std::collections::{BTreeMap, BTreeSet};

use super::contents::{Contents, Unread};

/// Names under which training scripts keep the network; averaged weights only where there are no others.
pub(super) const WRAPPERS: [&str; 10] = [
    "state_dict",
    "model_state_dict",
    "model",
    "network",
    "net",
    "checkpoint",
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "ema",
];

/// Prefixes of data-parallel training, compilation and averaging.
const PREFIXES: [&str; 2] = ["module.", "_orig_mod."];

/// What wraps any module of a network: data-parallel training, compilation, sharding, recomputation, Lightning's
/// strategies, Opacus.
const WRAPPING: [&str; 6] =
    ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module", "_module"];

/// What the usual names of scripts tell.
pub(super) struct Inner {
    /// All tensors under keys from which what wraps single modules was taken.
    pub whole: Contents,
    /// Below which the network's lie.
    pub path: String,
    /// What was done to come there.
    pub descent: Vec<String>,
    /// What was done to all keys.
    pub note: Option<String>,
}

/// All tensors under keys from which what wraps single modules was taken, and the path below which the network's lie by
/// the usual names of scripts: wrappers are opened and prefixes removed until none is left. Optimiser states and averaged
/// weights beside the network are left alone.
pub(super) fn inner(tensors: BTreeMap<String, Unread>) -> Inner {
    let keys: BTreeSet<&str> = tensors.keys().map(String::as_str).collect();
    let mut descent = Vec::new();
    let (path, rest) = descend(keys, &mut descent);
    let wrapped = rest.iter().filter(|key| plain(key) != **key).count();
    let names: BTreeSet<String> = tensors.keys().map(|key| plain(key)).collect();
    if names.len() < tensors.len() {
        // The same module with and without: averaged weights beside the others.
        return Inner { whole: Contents(tensors), path, descent, note: None };
    }
    let whole = tensors.into_iter().map(|(key, tensor)| (plain(&key), tensor)).collect();
    let said = || format!("what wraps single modules (such as 'module') taken out of {wrapped} keys");
    let path = plain(&format!("{path}.")).trim_matches('.').to_owned();
    Inner { whole: Contents(whole), path, descent, note: (wrapped > 0).then(said) }
}

/// A key without what wraps modules; the last part is a tensor's name.
pub(super) fn plain(key: &str) -> String {
    let Some((modules, tensor)) = key.rsplit_once('.') else { return key.to_owned() };
    let modules = modules.split('.').filter(|part| !WRAPPING.contains(part));
    modules.chain([tensor]).collect::<Vec<_>>().join(".")
}

/// The path of the network's tensors, and their keys below it.
fn descend<'a>(mut keys: BTreeSet<&'a str>, notes: &mut Vec<String>) -> (String, BTreeSet<&'a str>) {
    let mut path = Vec::new();
    while !keys.is_empty() {
        if let Some(prefix) = PREFIXES.into_iter().find(|p| keys.iter().all(|k| k.starts_with(p))) {
            notes.push(format!("prefix '{prefix}' removed"));
            keys = below(&keys, prefix);
            path.push(prefix.trim_end_matches('.'));
        } else if let Some(wrapper) = WRAPPERS.into_iter().find(|w| keys.iter().any(|k| is_below(k, w))) {
            let all = keys.len();
            keys = below(&keys, &format!("{wrapper}."));
            path.push(wrapper);
            notes.push(found_under(wrapper, all - keys.len()));
        } else {
            break;
        }
    }
    (path.join("."), keys)
}

/// Where a network was found in a file.
pub(super) fn found_under(path: &str, others: usize) -> String {
    format!("network found under '{path}' ({others} tensors beside it left alone)")
}

fn is_below(key: &str, wrapper: &str) -> bool {
    key.strip_prefix(wrapper).is_some_and(|rest| rest.starts_with('.'))
}

fn below<'a>(keys: &BTreeSet<&'a str>, prefix: &str) -> BTreeSet<&'a str> {
    keys.iter().filter_map(|key| key.strip_prefix(prefix)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(keys: &[&str]) -> (Vec<String>, Vec<String>) {
        let tensor = || Unread::new(vec![1], Vec::new());
        let found = inner(keys.iter().map(|k| ((*k).to_owned(), tensor())).collect());
        let notes = found.descent.into_iter().chain(found.note).collect();
        (found.whole.below(&found.path).0.into_keys().collect(), notes)
    }

    #[test]
    fn what_wraps_modules_is_taken_out_of_keys_wherever_it_stands() {
        assert_eq!(of(&["module._orig_mod.a", "module._orig_mod.b"]).0, ["a", "b"]);
        let (keys, notes) = of(&["features.module.0.weight", "classifier.weight", "layer1._orig_mod.0.module"]);
        assert_eq!(keys, ["classifier.weight", "features.0.weight", "layer1.0.module"]);
        assert!(notes[0].contains("taken out of 2 keys"), "{notes:?}");
        assert_eq!(of(&["module.a", "b"]).0, ["a", "b"]);
        assert_eq!(of(&["module.a", "a"]).0, ["a", "module.a"], "two of one key stay apart");
    }

    #[test]
    fn wrappers_are_opened_one_in_another() {
        let (keys, notes) = of(&["checkpoint.model.module.a", "checkpoint.model.module.b", "checkpoint.optimizer.0"]);
        assert_eq!(keys, ["a", "b"]);
        assert_eq!(notes.len(), 3, "{notes:?}");
        assert!(notes[1].contains("under 'model' (1 tensors beside it"), "{notes:?}");
        assert_eq!(of(&["model.a", "model_ema.a", "model_ema.b"]).0, ["a"]);
        assert_eq!(of(&["model_ema.module.a", "optimizer.state.0"]).0, ["a"]);
        assert_eq!(of(&["modelling.a"]).0, ["modelling.a"]);
    }
}
