//! What leaves the program: a folder that is absent or complete ([`folder`]), and one file per format on top of it
//! ([`format`] lists those of sets).

mod contact_sheet;
pub mod content;
mod copies;
mod dd_ranking;
pub mod floats;
pub mod folder;
pub mod format;
mod imagefolder;
mod lic;
mod parquet;
pub mod rded;
pub mod room;
pub mod rounding;
mod sre2l;
mod tensors;
mod webdataset;
