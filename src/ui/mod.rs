//! The window: panels that show a read-only model and emit intents; one place carries them out. It knows jobs, core
//! and the store's readers; what is computed runs on the worker's thread, and no frame waits for it.

use std::path::PathBuf;

use crate::jobs::worker::WorkerConfig;

pub mod actions;
pub mod app;
mod command_line;
mod later;
pub mod layout;
pub mod model;
mod panels;
mod theme;
mod widgets;

pub use app::App;

/// What the window opens with.
#[derive(Clone, Debug, Default)]
pub struct AppConfig {
    /// Dataset to open at start.
    pub open_dataset: Option<PathBuf>,
    /// Observer to load once that dataset is open.
    pub open_observer: Option<PathBuf>,
    /// Project folder, device, batch, threads.
    pub worker: WorkerConfig,
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// Why there is no window, and how to work without one.
pub fn run(config: AppConfig) -> Result<(), String> {
    let viewport = eframe::egui::ViewportBuilder::default()
        .with_title("Stillroom")
        .with_app_id("stillroom")
        .with_inner_size([1440.0, 900.0])
        .with_min_inner_size([800.0, 500.0]);
    let options = eframe::NativeOptions { viewport, ..Default::default() };
    let made = eframe::run_native(
        "stillroom",
        options,
        Box::new(|creation| {
            let sample = config.open_dataset.is_none();
            let mut app = App::new(&creation.egui_ctx, config).map_err(|e| e.to_string())?;
            if sample {
                app.ask(&creation.egui_ctx, model::Intent::Do(actions::Action::OpenSample));
            }
            Ok(Box::new(app))
        }),
    );
    made.map_err(|error| {
        format!(
            "no window can be opened ({error}); without a display everything works from the command line: \
             `stillroom demo` shows it end to end, `stillroom --help` lists the commands"
        )
    })
}
