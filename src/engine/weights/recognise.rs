//! Which network a weight file holds.
//!
//! Its tensors tell, but for a few networks of timm which have the same ones and compute otherwise
//! ([`Arch::look_alikes`]): there, what was asked for, what lies beside the file or its own name decides, and without any
//! of these the usual one of them is taken.

use super::contents::{Contents, WeightFile};
use super::matching::{Found, Told};
use super::translate::{Reading, readings};
use super::{WeightError, choice, report, strangers};
use crate::core::formats::load_report::LoadReport;
use crate::engine::nets::arch::TENSORFLOW;
use crate::engine::nets::detect::{self, Detected};
use crate::engine::nets::{Arch, NetworkSpec};

/// From this share of a network's tensors on a file counts as a damaged one of it.
const LIKE: f64 = 0.2;

/// The network of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// Which.
    pub detected: Detected,
    /// Others that have the same tensors, where nothing told which is meant.
    pub look_alikes: Vec<Arch>,
    /// Whose names the tensors had, where they were translated.
    pub names: Option<&'static str>,
}

/// Finds the network, and gives the file's tensors the names that stillroom knows it by. A network that was asked for
/// need not be whole: what is missing is for the load report to say.
///
/// # Errors
/// [`WeightError`]: the file fits no network, or another one than was asked for; with the first differences.
pub fn recognise(path: &str, file: &mut WeightFile, told: Told<'_>) -> Result<Recognised, WeightError> {
    choice::choose(path, file, told)?;
    let translated: Vec<Reading> = readings(&file.contents, told.epsilon).collect();
    let found = Found { own: &file.contents, translated: &translated };
    if found.whole(None).is_none()
        && let Some(why) = strangers::refused(&file.shapes())
    {
        return Err(WeightError::NotTheSame { path: path.to_owned(), why });
    }
    let named = if told.asked.is_none() { named(path, found) } else { None };
    let decided = match told.asked {
        Some(asked) => found.network(Some(asked)),
        None => [told.beside, named].into_iter().flatten().find_map(|arch| found.network(Some(arch))),
    };
    let plain = || found.network(None).filter(|_| told.asked.is_none());
    let Some((reading, detected)) = decided.or_else(plain) else {
        return match told.asked {
            Some(asked) => for_asked(path, file, (asked, translated)),
            None => Err(unknown(path, &file.contents, &translated)),
        };
    };
    let mut recognised = Recognised::certain(detected);
    if decided.is_none() {
        refuse_tensorflow(path, detected.arch)?;
        recognised.look_alikes = detected.arch.look_alikes().filter(|a| found.network(Some(*a)).is_some()).collect();
    }
    recognised.names = reading.and_then(|at| translated.into_iter().nth(at)).map(|reading| file.take(reading));
    Ok(recognised)
}

impl WeightFile {
    /// Takes a reading of the tensors; tells whose names they had.
    fn take(&mut self, reading: Reading) -> &'static str {
        self.contents = reading.contents;
        self.notes.push(reading.note);
        reading.dialect.name
    }
}

impl Recognised {
    fn certain(detected: Detected) -> Self {
        Self { detected, look_alikes: Vec::new(), names: None }
    }
}

/// The network by the file's name: it decides only between those that have its tensors.
fn named(path: &str, found: Found<'_>) -> Option<Arch> {
    let named = Arch::of_file(file_name(path))?;
    let (_, Detected { arch, .. }) = found.network(None)?;
    (named == arch || arch.look_alikes().any(|other| other == named)).then_some(named)
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

fn for_asked(
    path: &str,
    file: &mut WeightFile,
    (asked, translated): (Arch, Vec<Reading>),
) -> Result<Recognised, WeightError> {
    let native = (detect::detect(&file.shapes()), report_of(&file.contents, asked));
    let others = translated.into_iter().map(|reading| {
        let contents = &reading.contents;
        ((detect::detect(&contents.shapes()), report_of(contents, asked)), Some(reading))
    });
    // The reading of which most is used; the first of equals.
    let fewer = |a: &LoadReport, b: &LoadReport| a.used.len() < b.used.len();
    let all = std::iter::once((native, None)).chain(others);
    let best = all.reduce(|best, next| if fewer(&best.0.1, &next.0.1) { next } else { best });
    let Some(((found, report), reading)) = best else { return Err(unknown(path, &file.contents, &[])) };
    if let Some(found) = found {
        let (found, asked) = (found.arch.to_string(), asked.to_string());
        return Err(WeightError::OtherNetwork { path: path.to_owned(), found, asked, report: report.summary() });
    }
    let names = reading.map(|reading| file.take(reading));
    let detected = detect::describe(asked, &file.shapes()).ok_or_else(|| WeightError::Incomplete {
        path: path.to_owned(),
        arch: asked.to_string(),
        report: report.summary(),
    })?;
    Ok(Recognised { names, ..Recognised::certain(detected) })
}

/// What a network would take of the tensors, with the class count that they tell.
fn report_of(contents: &Contents, arch: Arch) -> LoadReport {
    let shapes = contents.shapes();
    let told = detect::describe(arch, &shapes);
    let side = told.and_then(|d| d.side).unwrap_or_else(|| arch.usual_side());
    report(&shapes, &NetworkSpec { arch, side, classes: told.map_or(1000, |d| d.classes) }.graph())
}

fn unknown(path: &str, contents: &Contents, translated: &[Reading]) -> WeightError {
    let all = std::iter::once(contents).chain(translated.iter().map(|reading| &reading.contents));
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

/// timm's `tf_…` networks may have the keys and shapes of others, but TensorFlow's padding and epsilon: of one that isn't
/// known by its name, nothing else can tell.
fn refuse_tensorflow(path: &str, found: Arch) -> Result<(), WeightError> {
    if !file_name(path).starts_with(TENSORFLOW) || found.to_string().starts_with(TENSORFLOW) {
        return Ok(());
    }
    let why = format!(
        "by its name this is one of timm's networks from TensorFlow, which pad and normalise otherwise than {found} and \
         can't be run here; give a file of timm's {found}, or rename this one if its name is wrong"
    );
    Err(WeightError::NotTheSame { path: path.to_owned(), why })
}
