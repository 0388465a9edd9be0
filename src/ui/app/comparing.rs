//! What the app does for sets that are compared: opens them away from the frame.

use std::path::Path;
use std::sync::mpsc::TryRecvError;

use super::state::App;
use crate::jobs::moved::open_set;
use crate::ui::intent::CompareChange;
use crate::ui::later;

impl App {
    /// Takes the sets that have been opened; once a frame.
    pub(super) fn drain_compared(&mut self) {
        for (folder, awaited) in std::mem::take(&mut self.opening_sets) {
            match awaited.try_recv() {
                Ok(opened) => self.model.compare.take(&folder, opened),
                Err(TryRecvError::Empty) => self.opening_sets.push((folder, awaited)),
                Err(TryRecvError::Disconnected) => {
                    self.model.compare.take(&folder, Err("the system has no thread left to open it".to_owned()));
                }
            }
        }
    }

    pub(super) fn change_compared(&mut self, change: CompareChange) {
        match change {
            CompareChange::Add(folder) => self.compare_set(&folder),
            CompareChange::Leave(folder) => self.model.compare.leave(&folder),
            CompareChange::LookAt(image) => self.model.compare.look_at(image),
        }
    }

    /// Opens a set to be compared.
    pub(super) fn compare_set(&mut self, folder: &Path) {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        if !self.model.compare.want(&folder) {
            return;
        }
        let (path, repaint) = (folder.clone(), self.keeping.ctx.clone());
        let opened = later::soon(move || {
            let opened = open_set(&path);
            repaint.request_repaint();
            opened
        });
        self.opening_sets.push((folder, opened));
    }
}
