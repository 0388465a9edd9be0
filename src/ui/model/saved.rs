//! What was saved.

use std::path::PathBuf;

/// A plot or a table that was saved.
#[derive(Clone, Debug)]
pub struct Saved {
    /// What it is, as [`crate::ui::intent::Saving::what`] says.
    pub what: &'static str,
    /// Where it is.
    pub path: PathBuf,
}
