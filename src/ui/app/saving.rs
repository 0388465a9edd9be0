//! Saving plots and tables: away from the frame, in one step, and never over another file unless a dialog has asked.

use std::path::{Path, PathBuf};
use std::sync::mpsc::TryRecvError;

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
        self.saved.push(later::later(move || match write(&path, &text, replace) {
            Ok(()) => Ok(Saved { what, path }),
            Err(why) => Err(why),
        }));
    }

    /// Takes what has been saved.
    pub(super) fn drain_saved(&mut self, ctx: &eframe::egui::Context) {
        let mut outcomes = Vec::new();
        self.saved.retain(|saved| match saved.try_recv() {
            Ok(outcome) => {
                outcomes.push(outcome);
                false
            }
            Err(why) => why == TryRecvError::Empty,
        });
        for outcome in outcomes {
            match outcome {
                Ok(saved) => {
                    self.panels.save.saved(&saved);
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
        if !self.saved.is_empty() {
            ctx.request_repaint_after(std::time::Duration::from_millis(50));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_path_replaces_nothing_and_a_chosen_one_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plot.svg");
        assert_eq!(write(&path, "one", false), Ok(()));
        // The same again is what was asked for.
        assert_eq!(write(&path, "one", false), Ok(()));
        let why = write(&path, "two", false).unwrap_err();
        assert!(why.contains("plot.svg: exists already; give another name"), "{why}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(write(&path, "two", true), Ok(()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        let why = write(&folder.path().join("no/plot.svg"), "one", false).unwrap_err();
        assert!(why.contains("/no: ") && why.contains("does not exist"), "{why}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
