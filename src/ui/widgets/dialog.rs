//! File dialogs that no frame waits for: the desktop's dialog runs elsewhere, and its answer is polled.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};

use eframe::egui;

use crate::ui::intent::{Curves, Purpose, TrainPath};

type Answer = Pin<Box<dyn Future<Output = Option<rfd::FileHandle>>>>;

/// The open dialog, if there is one.
#[derive(Default)]
pub struct Dialogs {
    open: Option<(Purpose, Answer)>,
}

struct Repaint(egui::Context);

impl Wake for Repaint {
    fn wake(self: Arc<Self>) {
        self.0.request_repaint();
    }
}

impl Dialogs {
    /// Opens a dialog unless one is open.
    pub fn ask(&mut self, purpose: Purpose) {
        if self.open.is_some() {
            return;
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
            Purpose::Trainings => Box::pin(dialog.set_title("A folder with trainings").pick_folder()),
            Purpose::Curves(kind) => {
                let (name, extension) = match kind {
                    Curves::Csv => ("curves.csv", "csv"),
                    Curves::Svg => ("curves.svg", "svg"),
                };
                let dialog = dialog.set_title("Write curves to").set_file_name(name);
                Box::pin(dialog.add_filter(extension.to_uppercase(), &[extension]).save_file())
            }
            Purpose::Observer | Purpose::Training(TrainPath::Observer | TrainPath::Initial) => {
                let kinds = ["pth", "pt", "th", "bin", "safetensors", "tar", "ckpt"];
                Box::pin(dialog.set_title("Load a network's weights").add_filter("Weights", &kinds).pick_file())
            }
        };
        self.open = Some((purpose, answer));
    }

    /// The answer, once it is there. A dialog that was closed without one gives nothing.
    pub fn poll(&mut self, ctx: &egui::Context) -> Option<(Purpose, PathBuf)> {
        let (purpose, answer) = self.open.as_mut()?;
        let purpose = *purpose;
        let waker = Waker::from(Arc::new(Repaint(ctx.clone())));
        let Poll::Ready(chosen) = answer.as_mut().poll(&mut TaskContext::from_waker(&waker)) else { return None };
        self.open = None;
        chosen.map(|handle| (purpose, handle.path().to_owned()))
    }
}
