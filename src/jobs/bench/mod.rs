//! Work for benchmarks.

use std::time::Instant;

use crate::core::progress::{Cancelled, Progress};
use crate::engine::device::Picked;
use crate::engine::nets::{Arch, NetworkSpec};
use crate::engine::plan::{EngineError, Plan};
use crate::engine::weights::{Weights, formula};
use crate::store::project::{Project, ProjectError};

pub mod made;

/// Why there are no times.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The device.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The user asked for it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// Seconds of each of `passes` forward passes of a 1000-class network with formula weights on `(side, batch)`.
///
/// # Errors
/// [`BenchError`].
pub fn forward_times(
    arch: Arch,
    (side, batch): (usize, usize),
    passes: usize,
    picked: &Picked,
    progress: &mut dyn Progress,
) -> Result<Vec<f64>, BenchError> {
    let spec = NetworkSpec { arch, side, classes: 1000 };
    let graph = spec.graph();
    let plan = Plan::compile(&graph, &Weights::by_formula(&graph), &[]);
    let mut engine = super::session::engine(plan, picked)?;
    let images: Vec<f32> = formula("input", batch * engine.input_len()).collect();
    let mut times = Vec::with_capacity(passes);
    for pass in 0..passes {
        progress.step("forward", pass as u64, passes as u64)?;
        let start = Instant::now();
        engine.logits(&images, batch)?;
        times.push(start.elapsed().as_secs_f64());
    }
    Ok(times)
}

/// A project in a temporary folder that goes away with the first value.
///
/// # Errors
/// [`ProjectError`], also where there is no temporary folder.
pub fn temporary_project() -> Result<(tempfile::TempDir, Project), ProjectError> {
    let folder = tempfile::tempdir().map_err(|source| {
        let path = std::env::temp_dir();
        ProjectError::File(crate::store::files::FileError { path, doing: "make a temporary folder in", source })
    })?;
    let project = Project::open(&folder.path().join("project"))?;
    Ok((folder, project))
}
