//! Pure logic: no window, no tensor library, no threads, no clock, no file system; seeds are passed in.
//!
//! Everything here is a function of its arguments, so the same inputs give the same bytes everywhere.

pub mod chart;
pub mod data;
pub mod distil;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod formats;
pub mod insight;
pub mod param;
pub mod progress;
pub mod report;
pub mod rng;
pub mod train;
pub mod workspace;
