//! Saving plots and tables: away from the frame, in one step, and never over another file unless a dialog has asked.

use std::path::{Path, PathBuf};

use super::state::App;
use crate::store::files::{self, Written};
use crate::ui::intent::Saving;
use crate::ui::later;
use crate::ui::model::log::Level;
use crate::ui::model::saved::Saved;

impl App {
    /// Asks where to save something.
    pub(super) fn save(&mut self, saving: Saving) {
        self.model.problems.save = None;
        self.panels.save.ask(saving);
    }

    /// Saves what is asked for; `replace` where a dialog has asked whether to.
    pub(super) fn write(&mut self, path: PathBuf, replace: bool) {
        let Some(Saving { what, text, .. }) = self.panels.save.asked().cloned() else { return };
        self.model.problems.save = None;
        self.saved = Some(later::later(move || match write(&path, &text, replace) {
            Ok(()) => Ok(Saved { what, path }),
            Err(why) => Err(why),
        }));
    }

    /// Takes what has been saved.
    pub(super) fn drain_saved(&mut self, ctx: &eframe::egui::Context) {
        match self.saved.as_ref().map(|saved| saved.try_recv()) {
            Some(Ok(outcome)) => {
                self.saved = None;
                match outcome {
                    Ok(saved) => {
                        self.panels.save.saved(&saved.path);
                        let text = format!("saved {} to {}", saved.what, files::shown(&saved.path));
                        self.model.say(Level::Info, text);
                        self.model.saved = Some(saved);
                    }
                    Err(why) => {
                        self.model.say(Level::Error, format!("saving: {why}"));
                        self.model.problems.save = Some(why);
                    }
                }
            }
            Some(Err(_)) => ctx.request_repaint_after(std::time::Duration::from_millis(50)),
            None => {}
        }
    }
}

/// Writes a text file in one step.
fn write(path: &Path, text: &str, replace: bool) -> Result<(), String> {
    if replace {
        return files::replace(path, text.as_bytes()).map_err(|e| e.to_string());
    }
    match files::write_new(path, text.as_bytes()).map_err(|e| e.to_string())? {
        Written::New | Written::Same => Ok(()),
        Written::Differs => Err(format!("{}: exists already; give another name", files::shown(path))),
    }
}
