//! The data: an index of images, the source of their bytes, classes and their names, pixels.

pub mod class_map;
pub mod class_order;
pub mod confusion;
pub mod dataset;
pub mod folders;
pub mod holdout;
pub mod names;
pub mod normalise;
pub mod outcomes;
pub mod pixels;
pub mod source;
pub mod wordnet;
