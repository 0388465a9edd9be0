//! File dialogs that no frame waits for: the desktop's dialog runs elsewhere, and its answer is polled.

use std::ffi::OsString;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use eframe::egui;

use crate::ui::intent::{ExportPath, Purpose, TrainPath};

type Answer = Pin<Box<dyn Future<Output = Option<rfd::FileHandle>>>>;

/// Nobody closes a dialog as fast as this: one that has gone by then never came.
const AT_ONCE: Duration = Duration::from_millis(300);

/// The open dialog, if there is one.
pub struct Dialogs {
    /// Whether dialogs are asked for at all.
    wanted: bool,
    open: Option<(Purpose, Answer, Instant)>,
}

/// What became of a dialog.
pub enum Answered {
    /// The path that was chosen.
    Chosen(PathBuf),
    /// None could be opened.
    NoDialog,
}

struct Repaint(egui::Context);

impl Wake for Repaint {
    fn wake(self: Arc<Self>) {
        self.0.request_repaint();
    }
}

impl Dialogs {
    /// The desktop's dialogs; none where they are not `wanted`.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        Self { wanted, open: None }
    }

    /// Opens a dialog unless one is open; false where none can come. `name` is suggested for a new file.
    pub fn ask(&mut self, purpose: Purpose, name: &str) -> bool {
        if self.open.is_some() {
            return true;
        }
        if !self.wanted || !can_come() {
            return false;
        }
        let dialog = rfd::AsyncFileDialog::new();
        let answer: Answer = match purpose {
            Purpose::Dataset => Box::pin(dialog.set_title("Open a dataset's folder").pick_folder()),
            Purpose::Output => Box::pin(dialog.set_title("Folder for the distilled dataset").pick_folder()),
            Purpose::ClassMap | Purpose::Training(TrainPath::ClassMap) => {
                Box::pin(dialog.set_title("Class map").add_filter("JSON", &["json"]).pick_file())
            }
            Purpose::Training(TrainPath::Data) => Box::pin(dialog.set_title("Images to learn from").pick_folder()),
            Purpose::Training(TrainPath::Evaluation) => {
                Box::pin(dialog.set_title("Images to evaluate on").pick_folder())
            }
            Purpose::Training(TrainPath::Labels) => Box::pin(dialog.set_title("Stored labels").pick_folder()),
            Purpose::Project => Box::pin(dialog.set_title("Open a project's folder").pick_folder()),
            Purpose::Lost { folder: true, .. } => Box::pin(dialog.set_title("Where is the folder now?").pick_folder()),
            Purpose::Lost { .. } => Box::pin(dialog.set_title("Where is the file now?").pick_file()),
            Purpose::ImportPreset => {
                Box::pin(dialog.set_title("A preset's file").add_filter("JSON", &["json"]).pick_file())
            }
            Purpose::ExportPreset => {
                let dialog = dialog.set_title("Write the preset to").set_file_name("preset.json");
                Box::pin(dialog.add_filter("JSON", &["json"]).save_file())
            }
            Purpose::Compared => Box::pin(dialog.set_title("A set to compare").pick_folder()),
            Purpose::Trainings => Box::pin(dialog.set_title("A folder with trainings").pick_folder()),
            Purpose::Export(path) => {
                let title = match path {
                    ExportPath::Set => "Set to export",
                    ExportPath::Data => "Dataset that the set was made from",
                    ExportPath::Out => "Folder for the export",
                };
                Box::pin(dialog.set_title(title).pick_folder())
            }
            Purpose::Save => {
                let extension = Path::new(name).extension().and_then(|e| e.to_str()).unwrap_or_default();
                let dialog = dialog.set_title("Save to").set_file_name(name);
                Box::pin(dialog.add_filter(extension.to_uppercase(), &[extension]).save_file())
            }
            Purpose::Observer | Purpose::Beside | Purpose::Training(TrainPath::Observer | TrainPath::Initial) => {
                let kinds = ["pth", "pt", "th", "bin", "safetensors", "tar", "ckpt"];
                Box::pin(dialog.set_title("Load a network's weights").add_filter("Weights", &kinds).pick_file())
            }
        };
        self.open = Some((purpose, answer, Instant::now()));
        true
    }

    /// The answer, once it is there. A dialog that was closed without one gives nothing.
    pub fn poll(&mut self, ctx: &egui::Context) -> Option<(Purpose, Answered)> {
        let (purpose, answer, asked) = self.open.as_mut()?;
        let (purpose, at_once) = (*purpose, asked.elapsed() < AT_ONCE);
        let waker = Waker::from(Arc::new(Repaint(ctx.clone())));
        let Poll::Ready(chosen) = answer.as_mut().poll(&mut TaskContext::from_waker(&waker)) else { return None };
        self.open = None;
        match chosen {
            Some(handle) => Some((purpose, Answered::Chosen(handle.path().to_owned()))),
            None => at_once.then_some((purpose, Answered::NoDialog)),
        }
    }
}

/// Whether a dialog can come. On Linux a portal makes it, which is reached over the session's bus, or else zenity; both
/// a dialog that was closed and none at all give no path, so this is asked beforehand.
fn can_come() -> bool {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    !cfg!(all(unix, not(target_os = "macos"))) || has_bus(variable) || has_zenity(variable("PATH"))
}

fn has_bus(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let socket = |folder: OsString| Path::new(&folder).join("bus").exists();
    match variable("DBUS_SESSION_BUS_ADDRESS") {
        // Of the forms that an address has, this one names a file.
        Some(address) => match address.to_string_lossy().strip_prefix("unix:path=") {
            Some(path) => Path::new(path.split([',', ';']).next().unwrap_or(path)).exists(),
            None => true,
        },
        None => variable("XDG_RUNTIME_DIR").is_some_and(socket),
    }
}

fn has_zenity(path: Option<OsString>) -> bool {
    path.is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join("zenity").is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_needs_a_bus_or_zenity() {
        let folder = tempfile::tempdir().unwrap();
        let here = || folder.path().as_os_str().to_owned();
        let runtime = |name: &str| (name == "XDG_RUNTIME_DIR").then(here);
        assert!(!has_bus(|_| None) && !has_bus(runtime) && !has_zenity(None) && !has_zenity(Some(here())));
        std::fs::write(folder.path().join("bus"), b"").unwrap();
        std::fs::write(folder.path().join("zenity"), b"").unwrap();
        assert!(has_bus(runtime) && has_zenity(Some(here())));
        let address =
            |text: String| move |name: &str| (name == "DBUS_SESSION_BUS_ADDRESS").then(|| text.clone().into());
        let file = format!("unix:path={}/bus,guid=1", folder.path().display());
        assert!(has_bus(address(file)) && has_bus(address("unix:abstract=/tmp/dbus".to_owned())));
        assert!(!has_bus(address("unix:path=/nowhere/bus".to_owned())));
    }

    #[test]
    fn without_dialogs_the_question_is_refused() {
        assert!(!Dialogs::new(false).ask(Purpose::Dataset, ""));
    }
}
