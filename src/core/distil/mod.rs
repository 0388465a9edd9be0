//! Distillation: recipe, crop boxes, scores, selection, composition, manifest.

pub mod compensation;
pub mod compose;
pub mod coreset;
pub mod curation;
pub mod difference;
pub mod manifest;
pub mod marking;
pub mod method;
pub mod params;
pub mod patch;
pub mod presets;
pub mod rded;
pub mod recipe;
pub mod recovery;
pub mod scores;
pub mod select;
pub mod set;
pub mod short;
pub mod tables;
pub mod terms;
