//! Which network a weight file holds.

use super::contents::{Contents, WeightFile};
use super::translate::readings;
use super::{WeightError, report};
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
    let known = |contents: &Contents| {
        let found = detect::detect(&contents.shapes())?;
        match asked {
            Some(arch) => alike(arch, &found).then_some(Detected { arch, ..found }),
            None => Some(found),
        }
    };
    if let Some(found) = known(&file.contents) {
        return Ok(found);
    }
    let mut translated: Vec<(Contents, String)> = readings(&file.contents).collect();
    if let Some((at, found)) = translated.iter().enumerate().find_map(|(at, t)| known(&t.0).map(|found| (at, found))) {
        refuse_tensorflow(path, found.arch)?;
        let (contents, note) = translated.swap_remove(at);
        file.contents = contents;
        file.notes.push(note);
        return Ok(found);
    }
    match asked {
        Some(asked) => for_asked(path, file, (asked, translated)),
        None => Err(unknown(path, &file.contents, &translated)),
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
    (asked, translated): (Arch, Vec<(Contents, String)>),
) -> Result<Detected, WeightError> {
    let native = (detect::detect(&file.shapes()), report_of(&file.contents, asked));
    let others =
        translated.into_iter().map(|(c, note)| ((detect::detect(&c.shapes()), report_of(&c, asked)), Some((c, note))));
    // The reading of which most is used; the first of equals.
    let fewer = |a: &LoadReport, b: &LoadReport| a.used.len() < b.used.len();
    let all = std::iter::once((native, None)).chain(others);
    let best = all.reduce(|best, next| if fewer(&best.0.1, &next.0.1) { next } else { best });
    let Some(((found, report), reading)) = best else { return Err(unknown(path, &file.contents, &[])) };
    if let Some(found) = found {
        let (found, asked) = (found.arch.to_string(), asked.to_string());
        return Err(WeightError::OtherNetwork { path: path.to_owned(), found, asked, report: report.summary() });
    }
    if let Some((contents, note)) = reading {
        file.contents = contents;
        file.notes.push(note);
    }
    detect::describe(asked, &file.shapes()).ok_or_else(|| WeightError::Incomplete {
        path: path.to_owned(),
        arch: asked.to_string(),
        report: report.summary(),
    })
}

/// What a network would take of the tensors, with the class count that they tell.
fn report_of(contents: &Contents, arch: Arch) -> LoadReport {
    let shapes = contents.shapes();
    let told = detect::describe(arch, &shapes);
    let side = told.and_then(|d| d.side).unwrap_or_else(|| arch.usual_side());
    report(&shapes, &NetworkSpec { arch, side, classes: told.map_or(1000, |d| d.classes) }.graph())
}

fn unknown(path: &str, contents: &Contents, translated: &[(Contents, String)]) -> WeightError {
    let all = std::iter::once(contents).chain(translated.iter().map(|t| &t.0));
    let scored = all.filter_map(|c| detect::nearest(&c.shapes()).map(|(arch, share)| (c, arch, share)));
    let best = scored.reduce(|best, next| if next.2 > best.2 { next } else { best });
    let nearest = match best.filter(|b| b.2 >= LIKE) {
        Some((contents, arch, _)) => format!(", {arch} comes nearest ({})", report_of(contents, arch).summary()),
        None => {
            let keys: Vec<&str> = contents.0.keys().take(4).map(String::as_str).collect();
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
