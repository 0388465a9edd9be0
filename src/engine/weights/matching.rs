//! What network a file's tensors are, under their own names or under translated ones.

use super::contents::Contents;
use super::report;
use super::translate::{Reading, additional, readings};
use crate::engine::nets::detect::{self, Detected, Shapes};
use crate::engine::nets::{Arch, NetworkSpec};

/// What is said of a file's network.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Told<'a> {
    /// The network that was asked for.
    pub asked: Option<Arch>,
    /// What a description beside the file says; it may be another file's.
    pub beside: Option<Arch>,
    /// Which of a file's networks is meant, by the name that [`WeightError::SeveralNetworks`] gives it.
    pub part: Option<&'a str>,
    /// The epsilon of its layer norms, by that description.
    pub epsilon: Option<f64>,
}

/// The network that all of the tensors below a path are of, and nothing else.
pub(super) fn whole(contents: &Contents, told: Told<'_>) -> Option<Detected> {
    let translated: Vec<Reading> = readings(contents, told.epsilon).collect();
    Found { own: contents, translated: &translated }.whole(told.asked)
}

/// A file's tensors under its own names and under those that stillroom knows.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub own: &'a Contents,
    pub translated: &'a [Reading],
}

impl Found<'_> {
    /// What each reading says, with the number of the translation, if it is one; only of the wanted network.
    fn readings(self, wanted: Option<Arch>) -> impl Iterator<Item = (Option<usize>, Shapes, Detected)> {
        let translated = self.translated.iter().enumerate().map(|(at, reading)| (Some(at), &reading.contents));
        std::iter::once((None, self.own)).chain(translated).filter_map(move |(at, contents)| {
            let shapes = contents.shapes();
            let found = detect::detect(&shapes)?;
            match wanted {
                Some(arch) => alike(arch, &found).then_some((at, shapes, Detected { arch, ..found })),
                None => Some((at, shapes, found)),
            }
        })
    }

    /// The network of which a reading has all tensors and none that it has no place for.
    pub fn whole(self, wanted: Option<Arch>) -> Option<Detected> {
        self.readings(wanted).find(|(_, shapes, found)| is_whole(shapes, found)).map(|(_, _, found)| found)
    }

    /// The network that the tensors are of, with the number of the translation, if one was needed; only the wanted one.
    /// A whole one comes before one that isn't.
    pub fn network(self, wanted: Option<Arch>) -> Option<(Option<usize>, Detected)> {
        let mut all: Vec<_> = self.readings(wanted).collect();
        let whole = all.iter().position(|(_, shapes, found)| is_whole(shapes, found));
        let first = (!all.is_empty()).then(|| all.swap_remove(whole.unwrap_or(0))).map(|(at, _, found)| (at, found))?;
        let usual = first.1.arch.usual();
        if wanted.is_some() || usual == first.1.arch {
            return Some(first);
        }
        self.network(Some(usual)).or(Some(first))
    }
}

fn is_whole(shapes: &Shapes, found: &Detected) -> bool {
    let side = found.side.unwrap_or_else(|| found.arch.usual_side());
    let graph = NetworkSpec { arch: found.arch, side, classes: found.classes }.graph();
    report(shapes, &graph).is_complete() && additional(shapes, &graph).is_empty()
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
