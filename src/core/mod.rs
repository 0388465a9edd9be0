//! Pure logic: no window, no tensor library, no threads, no clock, no file system; seeds are passed in.
//!
//! Everything here is a function of its arguments, so the same inputs give the same bytes everywhere.

pub mod ablation;
pub mod augment;
pub mod chart;
pub mod class_map;
pub mod compose;
pub mod confusion;
pub mod coreset;
pub mod curve;
pub mod dataset;
pub mod dsa;
pub mod exact;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod label_set;
pub mod labels;
pub mod load_report;
pub mod loss;
pub mod manifest;
pub mod names;
pub mod normalise;
pub mod params;
pub mod patch;
pub mod pixels;
pub mod presets;
pub mod progress;
pub mod recipe;
pub mod rng;
pub mod sample;
pub mod schedule;
pub mod scores;
pub mod select;
pub mod torch_file;
pub mod torch_order;
pub mod train_forms;
pub mod train_params;
pub mod train_presets;
pub mod training;
pub mod wordnet;
pub mod workspace;
