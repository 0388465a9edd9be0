//! Culling: deciding about patches one after the other. What several panels have of it: the line about the selection, the
//! menu of a patch, and the dialogs that ask for an image or a cell.

pub mod bar;
pub mod dialogs;
pub mod menu;
