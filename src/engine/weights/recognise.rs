//! Which network a weight file holds.

use super::{WeightError, WeightFile, Weights, readings};
use crate::core::formats::load_report::LoadReport;
use crate::engine::nets::detect::{self, Detected};
use crate::engine::nets::{Arch, NetworkSpec};

/// From this share of a network's tensors on a file counts as a damaged one of it.
const LIKE: f64 = 0.2;

/// Finds the network, and gives the file's tensors the names that stillroom knows it by. With `asked` the network is
/// known and need not be whole: what is missing is for the load report to say.
///
/// # Errors
/// [`WeightError`]: the file fits no network, or another one than `asked`; with the first differences.
pub fn recognise(path: &str, file: &mut WeightFile, asked: Option<Arch>) -> Result<Detected, WeightError> {
    let known = |weights: &Weights| {
        let found = detect::detect(&weights.shapes())?;
        match asked {
            Some(arch) => alike(arch, &found).then_some(Detected { arch, ..found }),
            None => Some(found),
        }
    };
    if let Some(found) = known(&file.weights) {
        return Ok(found);
    }
    let mut translated: Vec<(Weights, String)> = readings(&file.weights).collect();
    if let Some((at, found)) = translated.iter().enumerate().find_map(|(at, t)| known(&t.0).map(|found| (at, found))) {
        refuse_tensorflow(path, found.arch)?;
        let (weights, note) = translated.swap_remove(at);
        file.weights = weights;
        file.notes.push(note);
        return Ok(found);
    }
    match asked {
        Some(asked) => for_asked(path, file, (asked, translated)),
        None => Err(unknown(path, &file.weights, &translated)),
    }
}

/// Whether a file of the network that was found is one of `asked` too: some networks differ in their training alone.
fn alike(asked: Arch, found: &Detected) -> bool {
    let tensors = |arch: Arch| {
        let side = found.side.unwrap_or_else(|| arch.usual_side());
        let parameters = NetworkSpec { arch, side, classes: found.classes }.graph().parameters();
        parameters.into_iter().map(|p| (p.key, p.shape)).collect::<Vec<_>>()
    };
    asked == found.arch || asked.family() == found.arch.family() && tensors(asked) == tensors(found.arch)
}

fn for_asked(
    path: &str,
    file: &mut WeightFile,
    (asked, translated): (Arch, Vec<(Weights, String)>),
) -> Result<Detected, WeightError> {
    let native = (detect::detect(&file.weights.shapes()), report(&file.weights, asked));
    let others =
        translated.into_iter().map(|(w, note)| ((detect::detect(&w.shapes()), report(&w, asked)), Some((w, note))));
    // The reading of which most is used; the first of equals.
    let fewer = |a: &LoadReport, b: &LoadReport| a.used.len() < b.used.len();
    let all = std::iter::once((native, None)).chain(others);
    let best = all.reduce(|best, next| if fewer(&best.0.1, &next.0.1) { next } else { best });
    let Some(((found, report), reading)) = best else { return Err(unknown(path, &file.weights, &[])) };
    if let Some(found) = found {
        let (found, asked) = (found.arch.to_string(), asked.to_string());
        return Err(WeightError::OtherNetwork { path: path.to_owned(), found, asked, report: report.summary() });
    }
    if let Some((weights, note)) = reading {
        file.weights = weights;
        file.notes.push(note);
    }
    detect::describe(asked, &file.weights.shapes()).ok_or_else(|| WeightError::Incomplete {
        path: path.to_owned(),
        arch: asked.to_string(),
        report: report.summary(),
    })
}

/// What a network would take of the tensors, with the class count that they tell.
fn report(weights: &Weights, arch: Arch) -> LoadReport {
    let told = detect::describe(arch, &weights.shapes());
    let side = told.and_then(|d| d.side).unwrap_or_else(|| arch.usual_side());
    weights.report(&NetworkSpec { arch, side, classes: told.map_or(1000, |d| d.classes) }.graph())
}

fn unknown(path: &str, weights: &Weights, translated: &[(Weights, String)]) -> WeightError {
    let all = std::iter::once(weights).chain(translated.iter().map(|t| &t.0));
    let scored = all.filter_map(|w| detect::nearest(&w.shapes()).map(|(arch, share)| (w, arch, share)));
    let best = scored.reduce(|best, next| if next.2 > best.2 { next } else { best });
    let nearest = match best.filter(|b| b.2 >= LIKE) {
        Some((weights, arch, _)) => format!(", {arch} comes nearest ({})", report(weights, arch).summary()),
        None => {
            let keys: Vec<&str> = weights.tensors().keys().take(4).map(String::as_str).collect();
            format!(" (first keys: {})", keys.join(", "))
        }
    };
    WeightError::UnknownNetwork { path: path.to_owned(), nearest }
}

/// timm's `tf_…` networks have the keys and shapes of others, but TensorFlow's padding and epsilon: only a file's name
/// can tell.
fn refuse_tensorflow(path: &str, found: Arch) -> Result<(), WeightError> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    if !name.starts_with("tf_") {
        return Ok(());
    }
    let why = format!(
        "by its name this is one of timm's networks from TensorFlow, which pad and normalise otherwise than {found} and \
         can't be run here; give a file of timm's {found}, or rename this one if its name is wrong"
    );
    Err(WeightError::NotTheSame { path: path.to_owned(), why })
}
