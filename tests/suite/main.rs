//! The promises that stillroom makes, tested from outside: parity with PyTorch, the command line, bad input.
//!
//! One program, because each one links burn, wgpu and egui. Modules behind the feature `shared-data` use the real
//! images and observers: `STILLROOM_SHARED` (default `../shared`) and `STILLROOM_DATA`, the folder into which its
//! `data/unpack.sh` has unpacked the images. They fail where these are absent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test program")]

#[path = "../shared/answered.rs"]
mod answered;
mod archives;
mod bad_input;
mod cli;
mod curation;
mod exported_training;
mod exports;
mod float_sets;
mod gradients;
mod hostile;
mod lic_student;
mod losses;
mod networks;
mod own_sets;
mod parity;
mod people;
mod presets;
mod refined_sets;
mod refining;
mod report;
mod round_trip;
mod runs;
mod scene;
mod strategies;
mod suspects;
mod train;

#[cfg(feature = "shared-data")]
mod accuracy;
#[cfg(feature = "shared-data")]
mod full_disk;
#[cfg(feature = "shared-data")]
mod rded;
#[cfg(feature = "shared-data")]
mod real_data;
