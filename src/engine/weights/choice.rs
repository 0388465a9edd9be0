//! Which of the networks in a file is meant.
//!
//! A file may hold a network below any path of its keys (`backbone.`, `model.net.`), and several of them. Taken is the one
//! below the usual names of scripts; else the only one; of a plain network and its average the plain one. Of equals, such
//! as student and teacher, none is: the user says which.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::contents::{Contents, WeightFile};
use super::keys::{self, WRAPPERS};
use super::matching::{Told, whole};
use super::translate::dialects;
use super::{NetworkPart, WeightError};
use crate::engine::nets::Arch;
use crate::engine::nets::families;
use crate::engine::nets::family::Size;

/// Networks of a file that are looked at; an ensemble has fewer.
const MOST: usize = 64;

/// Parts of names that say that weights are an average over training.
const AVERAGES: [&str; 8] = ["ema", "swa", "avg", "average", "averaged", "averages", "polyak", "shadow"];

/// What a network that stands for the whole file is called.
const ROOT: &str = ".";

/// A network in a file.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    /// What its keys begin with, without the last dot.
    path: String,
    arch: Arch,
}

/// Sets the file's tensors to those of the network that is meant.
///
/// # Errors
/// [`WeightError::SeveralNetworks`] and [`WeightError::NoSuchPart`]. That there is no network is for others to say.
pub(super) fn choose(path: &str, file: &mut WeightFile, told: Told<'_>) -> Result<(), WeightError> {
    let candidates = candidates(&file.whole, &file.place);
    let at = match (told.part, candidates.first()) {
        (None, None) => return Ok(()),
        // Whether it is whole or not: what it lacks is for the load report to say.
        (None, Some(only)) if candidates.len() == 1 => only.clone(),
        _ => chosen(path, file, told, &candidates)?,
    };
    if at != file.place {
        let contents = file.whole.below(&at);
        let beside = file.whole.0.len() - contents.0.len();
        // What was said of the usual names is true no longer.
        let passed_over = file.notes.split_off(file.notes.len().min(file.descent));
        file.notes = if at.is_empty() { Vec::new() } else { vec![keys::found_under(&at, beside)] };
        file.notes.extend(passed_over);
        (file.contents, file.place) = (contents, at);
    }
    Ok(())
}

/// The path of the network that is meant of several. The file gets a fingerprint for it, and what there is to say.
fn chosen(path: &str, file: &mut WeightFile, told: Told<'_>, at: &BTreeSet<String>) -> Result<String, WeightError> {
    let places = |told: Told<'_>| at.iter().filter_map(|at| place(&file.whole, at, told)).collect::<Vec<_>>();
    let all = places(Told { asked: None, ..told });
    let fitting = if told.asked.is_some() { places(told) } else { Vec::new() };
    let fitting = if fitting.is_empty() { &all } else { &fitting };
    let parts = |listed: &[Place]| {
        let named = names(&all).into_iter().zip(&all).filter(|(_, place)| listed.iter().any(|l| l.path == place.path));
        named.map(|(name, place)| NetworkPart { name, network: place.arch.to_string() }).collect::<Vec<_>>()
    };
    let chosen = match told.part {
        Some(part) => named(&all, part).ok_or_else(|| WeightError::NoSuchPart {
            path: path.to_owned(),
            part: part.to_owned(),
            parts: parts(&all),
        })?,
        // None is whole: the error is about the one that would have been taken.
        None if fitting.is_empty() && at.contains(&file.place) => return Ok(file.place.clone()),
        None if fitting.is_empty() => return Ok(at.first().cloned().unwrap_or_default()),
        None => decided(fitting, &file.place)
            .ok_or_else(|| WeightError::SeveralNetworks { path: path.to_owned(), parts: parts(fitting) })?,
    };
    if decided(&all, &file.place).is_none_or(|usual| usual.path != chosen.path) {
        file.fingerprint = fingerprint_of_part(&file.fingerprint, &chosen.path);
    }
    if told.part.is_none() && fitting.len() > 1 {
        let rest: Vec<Place> = fitting.iter().filter(|place| *place != chosen).cloned().collect();
        let rest: Vec<String> = parts(&rest).into_iter().map(|part| format!("'{}'", part.name)).collect();
        let own = parts(std::slice::from_ref(chosen)).pop().map_or_else(String::new, |part| part.name);
        file.choice = Some(format!(
            "{path}: of its {} networks '{own}' is taken; --part takes another: {}",
            fitting.len(),
            rest.join(", ")
        ));
    }
    Ok(chosen.path.clone())
}

/// The fingerprint of a part that isn't taken by itself: scores of two parts of a file must not be mixed.
fn fingerprint_of_part(file: &str, path: &str) -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(b"part ").update(file.as_bytes()).update(path.as_bytes());
    hash.finalize().to_hex()[..32].to_owned()
}

/// Keys of the beginning and the end of networks, by which they are looked for.
fn marks() -> impl Iterator<Item = &'static [String]> {
    static MARKS: LazyLock<BTreeSet<Vec<String>>> = LazyLock::new(|| {
        let listed = families::listed().filter_map(|listed| {
            let graph = listed.graph(Size { side: listed.side, classes: 1 });
            let first = graph.parameters().into_iter().next()?.key;
            Some(vec![first, graph.nodes()[graph.classifier()?].tensor_key("weight")])
        });
        let pair = |[first, last]: [&str; 2]| vec![first.to_owned(), last.to_owned()];
        let others = [
            ["layers.conv.0.weight", "classifier.weight"],
            ["features.0.weight", "classifier.weight"],
            ["conv1.weight", "linear.weight"],
        ];
        let foreign = dialects().map(|d| d.marks.iter().map(|mark| (*mark).to_owned()).collect());
        listed.chain(others.map(pair)).chain(foreign).collect()
    });
    MARKS.iter().map(Vec::as_slice)
}

/// Paths below which a network may lie: all the keys of a set of marks are there.
fn candidates(whole: &Contents, usual: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for set in marks() {
        let Some((first, others)) = set.split_first() else { continue };
        for key in whole.0.keys() {
            let Some(path) = key.strip_suffix(first.as_str()).filter(|p| p.is_empty() || p.ends_with('.')) else {
                continue;
            };
            if others.iter().all(|other| whole.0.contains_key(&format!("{path}{other}"))) && paths.len() < MOST {
                paths.insert(path.trim_end_matches('.').to_owned());
            }
        }
    }
    // Where it is looked for by its name alone, it need not have the first tensor.
    if !usual.is_empty() && paths.is_empty() {
        paths.insert(usual.to_owned());
    }
    paths
}

fn place(file: &Contents, path: &str, told: Told<'_>) -> Option<Place> {
    let found = whole(&file.below(path), told)?;
    Some(Place { path: path.to_owned(), arch: found.arch })
}

/// The network that is taken where nobody says which; `None` of equals.
fn decided<'a>(places: &'a [Place], usual: &str) -> Option<&'a Place> {
    let averages = |place: &&Place| averaged(&place.path).is_some();
    let plain: Vec<&Place> = places.iter().filter(|place| !averages(place)).collect();
    let at_usual = || places.iter().find(|place| place.path == usual);
    if let Some(usual) = at_usual().filter(|usual| plain.is_empty() || plain.contains(usual)) {
        return Some(usual);
    }
    let is_of = |average: &str, place: &&&Place| average.is_empty() || average == own_name(&place.path);
    let remain = |place: &&Place| averaged(&place.path).is_none_or(|name| !plain.iter().any(|p| is_of(&name, &p)));
    let mut remaining = places.iter().filter(remain);
    remaining.next().filter(|_| remaining.next().is_none())
}

/// Of an average, the name of what it is an average of; empty where it doesn't say.
fn averaged(path: &str) -> Option<String> {
    let is_average = |part: &str| part.split(['_', '-']).any(|word| AVERAGES.contains(&word.to_lowercase().as_str()));
    path.split('.').any(is_average).then(|| own_name(path))
}

/// What a path says of its network, without the words that any network has.
fn own_name(path: &str) -> String {
    const GENERAL: [&str; 5] = ["state", "dict", "weights", "params", "parameters"];
    let says = |word: &&str| {
        let general = |list: &[&str]| list.contains(&word.to_lowercase().as_str());
        !word.is_empty() && !general(&AVERAGES) && !general(&WRAPPERS) && !general(&GENERAL)
    };
    path.split(['.', '_', '-']).filter(says).collect::<Vec<_>>().join("_")
}

/// The names of places: their paths without what all of them begin and end with.
fn names(places: &[Place]) -> Vec<String> {
    let paths: Vec<Vec<&str>> = places.iter().map(|p| p.path.split('.').collect()).collect();
    let alike = |part: &dyn Fn(&[&str]) -> Option<String>| {
        paths.len() > 1 && paths.windows(2).all(|pair| part(&pair[0]).is_some() && part(&pair[0]) == part(&pair[1]))
    };
    let shortest = paths.iter().map(Vec::len).min().unwrap_or(0).saturating_sub(1);
    let text = |part: Option<&&str>| part.map(|p| (*p).to_owned());
    let before = (0..shortest).take_while(|&n| alike(&|p| text(p.get(n)))).count();
    let after = (0..shortest - before).take_while(|&n| alike(&|p| text(p.iter().rev().nth(n)))).count();
    let name = |path: &Vec<&str>| match path[before..path.len() - after].join(".") {
        root if root.is_empty() => ROOT.to_owned(),
        name => name,
    };
    paths.iter().map(name).collect()
}

/// The place that a name means: as the error lists it, its path, or the end of the path of one.
fn named<'a>(places: &'a [Place], part: &str) -> Option<&'a Place> {
    let part = part.trim_end_matches('.');
    let plain = keys::plain(&format!("{part}."));
    let plain = plain.trim_matches('.');
    let exact = places.iter().find(|place| place.path == part || place.path == plain);
    let shown = || places.iter().zip(names(places)).find(|(_, name)| name == part || name == plain).map(|p| p.0);
    exact.filter(|p| !p.path.is_empty()).or_else(shown).or_else(|| {
        let mut ending = places.iter().filter(|place| place.path.ends_with(&format!(".{plain}")));
        ending.next().filter(|_| ending.next().is_none() && !plain.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(paths: &[&str]) -> Vec<Place> {
        let arch: Arch = "resnet18".parse().unwrap();
        paths.iter().map(|path| Place { path: (*path).to_owned(), arch }).collect()
    }

    #[test]
    fn of_a_network_and_its_average_the_plain_one_is_taken_and_of_equals_none() {
        let of = |paths: &[&str], usual: &str| decided(&places(paths), usual).map(|p| p.path.clone());
        let taken = |path: &str| Some(path.to_owned());
        assert_eq!(of(&["backbone"], ""), taken("backbone"));
        assert_eq!(of(&["state_dict", "state_dict_ema"], "state_dict"), taken("state_dict"));
        assert_eq!(of(&["ema_model", "net_a"], ""), taken("net_a"));
        assert_eq!(of(&["student", "student_ema"], ""), taken("student"));
        assert_eq!(of(&["state_dict.encoder", "state_dict_ema.encoder"], "state_dict"), taken("state_dict.encoder"));
        assert_eq!(of(&["ema", "student"], "ema"), taken("student"));
        assert_eq!(of(&["ema"], "ema"), taken("ema"));
        assert_eq!(of(&["", "teacher"], ""), taken(""));
        for equals in [["student", "teacher"], ["online", "target"], ["model_a", "model_b"], ["student", "teacher_ema"]]
        {
            assert_eq!(of(&equals, ""), None, "{equals:?}");
        }
        assert_eq!(of(&["model_a", "model_b", "ema"], ""), None);
    }

    #[test]
    fn names_are_what_tells_places_apart() {
        let of = |paths: &[&str]| names(&places(paths));
        assert_eq!(of(&["state_dict.student", "state_dict.teacher"]), ["student", "teacher"]);
        assert_eq!(of(&["student.net", "teacher.net"]), ["student", "teacher"]);
        assert_eq!(of(&["a", "a.b"]), ["a", "a.b"]);
        assert_eq!(of(&["", "ema"]), [".", "ema"]);
        assert_eq!(of(&["state_dict.net"]), ["state_dict.net"]);
        let all = places(&["state_dict.student", "state_dict.teacher"]);
        for name in ["teacher", "state_dict.teacher", "teacher.", "module.teacher"] {
            assert_eq!(named(&all, name), Some(&all[1]), "{name}");
        }
        assert_eq!(named(&all, "teach"), None);
        assert_eq!(named(&places(&["", "ema"]), "."), Some(&places(&[""])[0]));
    }

    #[test]
    fn parts_have_fingerprints_of_their_own() {
        assert_ne!(fingerprint_of_part("f", "student"), fingerprint_of_part("f", "teacher"));
    }
}
