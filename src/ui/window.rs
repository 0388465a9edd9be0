//! The desktop's window around the app.

use super::actions::Action;
use super::app::{App, AppConfig};
use super::intent::Intent;

/// Opens the window and returns when it is closed.
///
/// # Errors
/// Why there is no window, and how to work without one.
pub fn run(config: AppConfig) -> Result<(), String> {
    // The icon is part of the program; if it weren't one, the desktop's own would do.
    let icon = eframe::icon_data::from_png_bytes(include_bytes!("../../assets/icon.png")).unwrap_or_default();
    let viewport = eframe::egui::ViewportBuilder::default()
        .with_title("Stillroom")
        .with_app_id("stillroom")
        .with_icon(icon)
        .with_inner_size([1440.0, 900.0])
        // Half of a small screen at a large scale; panels are scrolled in it.
        .with_min_inner_size([480.0, 360.0]);
    let options = eframe::NativeOptions { viewport, ..Default::default() };
    let made = eframe::run_native(
        "stillroom",
        options,
        Box::new(|creation| {
            let sample = config.open_dataset.is_none();
            let mut app = App::new(&creation.egui_ctx, config).map_err(|e| e.to_string())?;
            if sample {
                app.ask(&creation.egui_ctx, Intent::Do(Action::OpenSample));
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
