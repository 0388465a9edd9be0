//! The window's state, and the one place where intents are carried out. Each file adds to [`App`] what the files above it
//! in this list build on: state, editing, distilling and training, execute, frame.

mod distilling;
mod docked;
mod editing;
mod execute;
mod frame;
mod pending;
mod state;
mod training;

pub use state::{App, AppConfig};
