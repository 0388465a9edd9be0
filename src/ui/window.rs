//! The desktop's window around the app.

use std::path::Path;

use super::app::{App, AppConfig};
use crate::store::project::Project;
use crate::store::window::{Look, WindowFile};

/// The first window, in points: with the desktop's frame and bar it fits on 1440×900.
const INNER_SIZE: [f32; 2] = [1400.0, 830.0];

/// Opens the window and returns when it is closed.
///
/// # Errors
/// Why there is no window, and how to work without one.
pub fn run(config: AppConfig) -> Result<(), String> {
    // The icon is part of the program; if it weren't one, the desktop's own would do.
    let icon = eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png")).unwrap_or_default();
    // The rest of how the window was left is read by the worker; a window must have a size before it is there.
    let left = if config.fresh { Look::default() } else { left(config.worker.project.as_deref()) };
    let viewport = eframe::egui::ViewportBuilder::default()
        .with_title("Stillroom")
        .with_app_id("stillroom")
        .with_icon(icon)
        .with_inner_size(left.sane_size().unwrap_or(INNER_SIZE))
        .with_maximized(left.maximised)
        // Half of a small screen at a large scale; panels are scrolled in it.
        .with_min_inner_size([480.0, 360.0]);
    let options = eframe::NativeOptions { viewport, ..Default::default() };
    let made = eframe::run_native(
        "stillroom",
        options,
        Box::new(|creation| {
            let app = App::new(&creation.egui_ctx, config).map_err(|e| e.to_string())?;
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

/// How the window of a project looked.
fn left(project: Option<&Path>) -> Look {
    let folder = project.map_or_else(Project::default_dir, |folder| Ok(folder.to_owned()));
    let state = folder.ok().and_then(|folder| WindowFile::read(&folder).state.ok().flatten());
    state.map_or_else(Look::default, |state| state.look)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_icon_is_a_picture_that_desktops_can_scale() {
        let icon = eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png")).unwrap();
        assert_eq!((icon.width, icon.height), (256, 256));
        // Its corners are clear, so that it is no square on the desktop's ground.
        assert_eq!((icon.rgba[3], icon.rgba[4 * (128 * 256 + 20) + 3]), (0, 255));
    }
}
