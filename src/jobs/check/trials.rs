//! What nothing tells of an observer is tried out: which of several networks with the same tensors it is, and how its
//! input is normalised.

use std::sync::Arc;

use super::{CheckReport, Depth, Verdict, halves, predictions};
use crate::core::data::dataset::{Dataset, ImageId};
use crate::core::data::normalise::MeanStd;
use crate::core::progress::Progress;
use crate::engine::nets::Arch;
use crate::engine::observe::observer::Source;
use crate::engine::observe::score::ScoreError;
use crate::jobs::open::{self, ObserverRequest};
use crate::jobs::session::Session;

/// Points from which on another network or normalisation is worth a word.
const CLEARLY: f64 = 3.0;

/// From this top-1 on, in percent, an observer is taken to be fed rightly unless something is open.
const RIGHT: f64 = 75.0;

/// What would be better than what is in use.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Better {
    /// As flags of the command line.
    pub flags: String,
    /// Percent right with them.
    pub top1: f64,
    /// Whether it contradicts nothing that anybody said.
    pub untold: bool,
}

impl std::fmt::Display for Better {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} gives {:.2} %", self.flags, self.top1)
    }
}

/// The images that everything is tried on.
type Sample<'a> = (&'a Arc<Dataset>, &'a [ImageId]);

/// Tries what is open, and what may be wrong where top-1 is low, and adds it to the report.
pub(super) fn run(
    session: &mut Session,
    sample: Sample<'_>,
    (depth, report): (Depth, &mut CheckReport),
    progress: &mut dyn Progress,
) -> Result<(), ScoreError> {
    let (used, source) = (session.observer.observer.mean_std, session.observer.observer.normalised_by);
    let own = session.observer.observer.spec.arch;
    let sets = normalisations((depth, source), report);
    let mut best = Tried { arch: own, mean_std: used, top1: report.top1 };
    let mut other = networks(session, sample, (report, &mut best), progress)?;
    let session = other.as_mut().unwrap_or(session);
    let of_network = best;
    for (name, mean_std) in sets {
        let top1 = if mean_std == used { of_network.top1 } else { top1(session, sample, mean_std, progress)? };
        report.tried.push((name.to_owned(), top1));
        if top1 > best.top1 {
            best = Tried { mean_std, top1, ..best };
        }
    }
    if best.top1 >= report.top1 + CLEARLY {
        let arch = (best.arch != own).then(|| format!("--arch {}", best.arch));
        let set = (best.mean_std != used).then(|| format!("--mean-std {}", best.mean_std.describe()));
        let untold = set.is_none() || source == Source::Assumed;
        let flags = arch.into_iter().chain(set).collect::<Vec<_>>().join(" ");
        report.better = Some(Better { flags, top1: best.top1, untold });
    }
    Ok(())
}

/// What was tried last with success.
#[derive(Clone, Copy)]
struct Tried {
    arch: Arch,
    mean_std: MeanStd,
    top1: f64,
}

/// The normalisations that are tried: all known ones where top-1 is low, at least the other usual one where nothing says
/// which is right.
fn normalisations((depth, source): (Depth, Source), report: &CheckReport) -> Vec<(&'static str, MeanStd)> {
    let (open, low) = (source == Source::Assumed, report.top1 < RIGHT);
    let all = match depth {
        Depth::Full => low,
        Depth::Quick => open && low || matches!(report.verdict(), Verdict::Refused(_)),
    };
    let usual = |set: MeanStd| set == MeanStd::IMAGENET || set == MeanStd::HALF;
    let few = open && depth == Depth::Full;
    MeanStd::KNOWN.into_iter().filter(|(_, set)| all || few && usual(*set)).collect()
}

/// Tries the networks that have the same tensors; returns the best of them, if it isn't the session's own.
fn networks(
    session: &Session,
    sample: Sample<'_>,
    (report, best): (&mut CheckReport, &mut Tried),
    progress: &mut dyn Progress,
) -> Result<Option<Session>, ScoreError> {
    let opened = session.observer.clone();
    let mut better = None;
    if !opened.observer.look_alikes.is_empty() {
        report.networks.push((best.arch.to_string(), report.top1));
    }
    for &arch in &opened.observer.look_alikes {
        let request = ObserverRequest { arch: Some(arch), ..opened.request.clone() };
        let other = match open::observer(&request, &session.dataset) {
            Ok(other) => other,
            Err(why) => {
                progress.warn(format!("{why}; not tried as {arch}"));
                continue;
            }
        };
        let mean_std = other.observer.mean_std;
        let mut other = session.with(Arc::new(other))?;
        let top1 = top1(&mut other, sample, mean_std, progress)?;
        report.networks.push((arch.to_string(), top1));
        if top1 > best.top1 {
            (*best, better) = (Tried { arch, top1, ..*best }, Some(other));
        }
    }
    Ok(better)
}

/// Percent right.
fn top1(
    session: &mut Session,
    (data, images): Sample<'_>,
    mean_std: MeanStd,
    progress: &mut dyn Progress,
) -> Result<f64, ScoreError> {
    let answers = predictions(session, data, (images, mean_std), progress)?.predictions;
    let [a, b] = halves(session, data, &answers);
    Ok(a.merged(&b).top1(&session.observer.map.outputs))
}
