//! Whole pieces of work, put together from the engine and the store: the command line calls them on its own thread,
//! the window through a [`worker::Worker`]. The only threads that outlive a call are here.

pub mod ablate;
pub mod bench;
pub mod check;
pub mod command_line;
pub mod control;
pub mod convert;
pub mod distill;
pub mod evaluate;
pub mod export;
pub mod folder_set;
mod keeping;
pub mod map;
pub mod memory;
pub mod moved;
pub mod networks;
pub mod open;
pub mod opinion;
pub mod patch_table;
pub mod picking;
pub mod pictures;
pub mod refine;
pub mod relabel;
pub mod reopen;
pub mod report;
pub mod sample;
pub mod scoring;
pub mod session;
pub mod stitched;
pub mod suspects;
pub mod train;
pub mod worker;

// What the command line and the window must name of the layers below.
pub use crate::engine::device::{DeviceChoice, DeviceInfo, Picked, auto, list, pick};
pub use crate::engine::nets::Arch;
