//! File dialogs that no frame waits for: the desktop's dialog runs elsewhere, and its answer is polled.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};

use eframe::egui;

/// What a dialog was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A dataset's folder.
    Dataset,
    /// A weight file.
    Observer,
    /// A class map's file.
    ClassMap,
    /// The folder in which the output folder is made.
    Output,
}

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
            Purpose::ClassMap => Box::pin(dialog.set_title("Class map").add_filter("JSON", &["json"]).pick_file()),
            Purpose::Observer => {
                let kinds = ["pth", "pt", "th", "bin", "safetensors", "tar", "ckpt"];
                Box::pin(dialog.set_title("Load an observer's weights").add_filter("Weights", &kinds).pick_file())
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
