//! Training: recipe and parameters, losses, schedules, augmentation, labels, curves, series of ablations.

pub mod ablation;
pub mod augment;
pub mod curve;
pub mod dsa;
pub mod forms;
pub mod label_set;
pub mod labels;
pub mod loss;
pub mod params;
pub mod presets;
pub mod recipe;
pub mod schedule;
pub mod statistics;
