//! Parts that panels share.

pub mod atlas;
pub mod dialog;
pub mod gallery;
pub mod grid;
pub mod marks;
pub mod notices;
pub mod path_field;
pub mod picture;
pub mod room;
pub mod scrolls;
pub mod table;
pub mod text;
