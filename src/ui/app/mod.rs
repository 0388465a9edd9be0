//! The window's state, and the one place where intents are carried out. Each of these builds on those before it: state,
//! editing, culling, distilling, filtering, saving and training, copying, execute, frame.

mod attention;
mod beside;
mod comparing;
mod copying;
mod culling;
mod distilling;
mod docked;
mod editing;
mod execute;
mod exporting;
mod filtering;
mod frame;
mod keeping;
mod kept;
mod looking;
mod moving;
mod notify;
mod ordering;
mod pending;
mod presets;
mod relocating;
mod reopening;
mod rerunning;
mod saving;
mod state;
mod touring;
mod training;
mod tuning;
mod viewing;

pub use state::{App, AppConfig, Desktop};
