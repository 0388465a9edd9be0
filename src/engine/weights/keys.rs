//! What training scripts put before a network's keys.

use std::collections::BTreeMap;

/// Names under which training scripts keep the network; averaged weights only where there are no others.
const WRAPPERS: [&str; 10] = [
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

/// The network's tensors under their own keys: wrappers are opened and prefixes removed until none is left. Optimiser
/// states and averaged weights beside the network are left alone. `notes` tells what was done.
pub(super) fn inner<T>(mut tensors: BTreeMap<String, T>, notes: &mut Vec<String>) -> BTreeMap<String, T> {
    while !tensors.is_empty() {
        if let Some(prefix) = PREFIXES.into_iter().find(|p| tensors.keys().all(|k| k.starts_with(p))) {
            notes.push(format!("prefix '{prefix}' removed"));
            tensors = below(tensors, prefix);
        } else if let Some(wrapper) = WRAPPERS.into_iter().find(|w| tensors.keys().any(|k| is_below(k, w))) {
            let all = tensors.len();
            tensors = below(tensors, &format!("{wrapper}."));
            let others = all - tensors.len();
            notes.push(format!("network found under '{wrapper}' ({others} tensors beside it left alone)"));
        } else {
            break;
        }
    }
    tensors
}

fn is_below(key: &str, wrapper: &str) -> bool {
    key.strip_prefix(wrapper).is_some_and(|rest| rest.starts_with('.'))
}

fn below<T>(tensors: BTreeMap<String, T>, prefix: &str) -> BTreeMap<String, T> {
    tensors.into_iter().filter_map(|(k, t)| k.strip_prefix(prefix).map(|k| (k.to_owned(), t))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(keys: &[&str]) -> (Vec<String>, Vec<String>) {
        let mut notes = Vec::new();
        let tensors = inner(keys.iter().map(|k| ((*k).to_owned(), ())).collect(), &mut notes);
        (tensors.into_keys().collect(), notes)
    }

    #[test]
    fn prefixes_are_removed_only_when_all_keys_have_them() {
        assert_eq!(of(&["module._orig_mod.a", "module._orig_mod.b"]).0, ["a", "b"]);
        assert_eq!(of(&["module.a", "b"]).0, ["b", "module.a"]);
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
