//! The window: panels that show a read-only model and emit intents; one place carries them out. It knows jobs, core
//! and the store's readers; what is computed runs on the worker's thread, and no frame waits for it.

pub mod actions;
pub mod app;
mod arrangement;
pub mod bench;
mod command_line;
mod fonts;
pub mod intent;
mod keyboard;
mod later;
mod layout;
pub mod model;
mod panels;
mod search;
mod theme;
mod widgets;
mod window;

pub use app::{App, AppConfig, Desktop};
pub use window::run;
