//! The table of networks that observers and students can be.

use crate::engine::nets::shapes::multiply_adds;
use crate::engine::nets::{Arch, Family, NetworkSpec};

/// A row of the table.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct NetworkRow {
    /// The name that `--arch` and `--student` take.
    pub name: String,
    /// Its family.
    pub family: &'static str,
    /// The paper.
    pub paper: &'static str,
    /// Learnable values, with `outputs` classes.
    pub parameters: usize,
    /// Multiply-adds of one image at `side`.
    pub multiply_adds: u64,
    /// Classes that both numbers stand for: 10 for the networks of small images, else 1000.
    pub outputs: usize,
    /// The side it is made for.
    pub side: usize,
    /// The least side it takes.
    pub least_side: usize,
    /// Sides are multiples of this.
    pub side_step: usize,
    /// Whose weight files are accepted.
    pub files: String,
}

impl NetworkRow {
    fn new(arch: Arch) -> Self {
        let side = arch.usual_side();
        let outputs = if side <= 64 { 10 } else { 1000 };
        let graph = NetworkSpec { arch, side, classes: outputs }.graph();
        let family = arch.family();
        Self {
            name: arch.to_string(),
            family: family.name(),
            paper: family.paper(),
            parameters: graph.parameter_count(),
            multiply_adds: multiply_adds(&graph).unwrap_or(0),
            outputs,
            side,
            least_side: arch.least_side(),
            side_step: arch.side_step(),
            files: arch.files(),
        }
    }

    /// The sides it takes, in words.
    #[must_use]
    pub fn sides(&self) -> String {
        match (self.family == Family::ConvNet.name(), self.side_step) {
            // The classifier reads the whole map.
            (true, _) => format!("{}, or as its weights", self.side),
            (false, 1) => format!("{}, any from {}", self.side, self.least_side),
            (false, step) => format!("{}, any multiple of {step}", self.side),
        }
    }

    /// "25.56 M".
    #[must_use]
    pub fn parameters_text(&self) -> String {
        format!("{:.2} M", self.parameters as f64 / 1e6)
    }

    /// "4.09 G".
    #[must_use]
    pub fn multiply_adds_text(&self) -> String {
        let n = self.multiply_adds as f64;
        if n < 1e8 { format!("{:.1} M", n / 1e6) } else { format!("{:.2} G", n / 1e9) }
    }
}

/// All networks, family by family.
#[must_use]
pub fn networks() -> Vec<NetworkRow> {
    Arch::all().map(NetworkRow::new).collect()
}
