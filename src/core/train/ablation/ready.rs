//! Grids for the questions that the papers of optimised pixels ask. Parameters are the papers'; the values between the
//! ends are this program's choice where only a plot shows theirs.

use super::Axis;

/// A grid that ships with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyGrid {
    /// Its word.
    pub name: &'static str,
    /// What it compares, for help.
    pub about: &'static str,
    /// The method whose recipes it varies.
    pub method: &'static str,
    /// Parameters and their values.
    axes: &'static [(&'static str, &'static [&'static str])],
}

impl ReadyGrid {
    /// Its axes.
    #[must_use]
    pub fn axes(&self) -> Vec<Axis> {
        let axis = |(name, values): &(&str, &[&str])| Axis {
            name: (*name).to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        self.axes.iter().map(axis).collect()
    }
}

/// The smallest area that SRe2L and CDA crop, and the whole image.
const ENDS: &[&str] = &["0.08", "1"];

/// All of them.
pub const READY: [ReadyGrid; 6] = [
    ReadyGrid {
        name: "lic-iterations",
        about: "LIC: how long images are compensated",
        method: "lic",
        axes: &[("iterations", &["25", "50", "100", "200", "400"])],
    },
    ReadyGrid {
        name: "lic-patches",
        about: "LIC: how many images are squeezed into one",
        method: "lic",
        axes: &[("patches", &["1", "4", "9", "16"])],
    },
    ReadyGrid {
        name: "lic-layer",
        about: "LIC: which of the observer's layers is aligned",
        method: "lic",
        axes: &[("layer", &["stage:1", "stage:2", "stage:3", "features"])],
    },
    ReadyGrid {
        name: "cda-constant",
        about: "CDA: crops whose least area never changes",
        method: "cda",
        axes: &[("milestone", &["0"]), ("crop-to", &["0.08", "0.2", "0.4", "0.6", "0.8", "1"])],
    },
    ReadyGrid {
        name: "cda-reverse",
        about: "CDA: the curriculum, its reverse, and both ends held",
        method: "cda",
        axes: &[("crop-from", ENDS), ("crop-to", ENDS)],
    },
    ReadyGrid {
        name: "cda-schedules",
        about: "CDA: courses of the area, and when they end",
        method: "cda",
        axes: &[("course", &["step", "linear", "cosine"]), ("milestone", &["0.2", "0.4", "0.6", "0.8", "1"])],
    },
];
