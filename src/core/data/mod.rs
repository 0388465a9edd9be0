//! The data: an index of images, classes and their names, pixels.

pub mod class_map;
pub mod confusion;
pub mod dataset;
pub mod names;
pub mod normalise;
pub mod pixels;
pub mod source;
pub mod wordnet;
