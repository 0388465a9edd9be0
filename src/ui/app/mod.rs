//! The window's state, and the one place where intents are carried out. Each of these builds on those before it: state,
//! editing, distilling, filtering, saving and training, execute, frame.

mod distilling;
mod docked;
mod editing;
mod execute;
mod filtering;
mod frame;
mod keeping;
mod kept;
mod looking;
mod ordering;
mod pending;
mod relocating;
mod reopening;
mod rerunning;
mod saving;
mod state;
mod training;
mod tuning;

pub use state::{App, AppConfig, Desktop};
