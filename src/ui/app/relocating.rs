//! What the app does about things that are no longer where they were.

use std::sync::mpsc::TryRecvError;

use super::kept::Looking;
use super::state::App;
use crate::jobs::open::{DatasetRequest, ObserverRequest};
use crate::jobs::reopen::{Lost, dataset_request, look, observer_request};
use crate::store::files::KeptPath;
use crate::store::window::{KeptDataset, KeptObserver, WindowState};
use crate::ui::intent::Relocate;
use crate::ui::later;
use crate::ui::model::log::Level;
use crate::ui::model::project::{Missing, Relocation};

impl App {
    /// Carries out what the dialog asks for.
    pub(super) fn relocate(&mut self, step: Relocate) {
        match step {
            Relocate::Look(at, path) => {
                let Some(relocation) = &mut self.model.project.relocation else { return };
                relocation.items.iter_mut().for_each(|item| item.looking = false);
                let Some(item) = relocation.items.get_mut(at) else { return };
                (item.looking, item.found) = (true, None);
                let (lost, place) = (item.lost.clone(), path.clone());
                let answer = later::soon(move || look(&lost, &place));
                self.keeping.looking = Some(Looking { at, path, answer });
            }
            Relocate::Open => self.open_found(),
            Relocate::Without => {
                let gone = self.model.project.relocation.take();
                let state = self.keeping.relocating.take();
                let is_dataset = |item: &Missing| item.lost.is_dataset();
                // Without its dataset an observer fits nothing.
                if let (Some((state, rerun)), Some(gone)) = (state, gone)
                    && !gone.items.iter().any(is_dataset)
                {
                    self.reopen_as(WindowState { observer: None, ..WindowState::clone(&state) }, rerun);
                }
            }
        }
    }

    fn open_found(&mut self) {
        let Some(Relocation { items }) = self.model.project.relocation.take_if(|r| r.is_complete()) else { return };
        let found = items.into_iter().filter_map(|item| Some((item.place()?.to_owned(), item.lost)));
        let Some((state, rerun)) = self.keeping.relocating.take() else {
            for (path, lost) in found {
                match lost {
                    Lost::Dataset(kept) => self.open_dataset(DatasetRequest { path, ..dataset_request(&kept) }),
                    Lost::Observer(kept) => match observer_request(&kept) {
                        Ok(request) => self.load_observer(ObserverRequest { file: path, ..request }),
                        Err(why) => self.model.say(Level::Warning, why.to_string()),
                    },
                    Lost::ClassMap(_) => {}
                }
            }
            return;
        };
        let mut state = WindowState::clone(&state);
        for (path, lost) in found {
            match (lost, &mut state.dataset, &mut state.observer) {
                (Lost::Dataset(_), Some(kept), _) => kept.path = path,
                (Lost::Observer(_), _, Some(kept)) => kept.file = path,
                (Lost::ClassMap(_), _, Some(kept)) => kept.class_map = Some(KeptPath(path)),
                _ => {}
            }
        }
        if rerun.is_none() {
            self.keeping.left = Some(state.clone().into());
        }
        self.reopen_as(state, rerun);
    }

    /// Takes what was found where it was looked for.
    pub(super) fn drain_relocation(&mut self) {
        let answer = self.keeping.looking.as_ref().map(|looking| looking.answer.try_recv());
        let answer = match answer {
            None | Some(Err(TryRecvError::Empty)) => None,
            Some(Ok(found)) => Some(found),
            Some(Err(TryRecvError::Disconnected)) => Some(Err("it can't be looked at; try again".to_owned())),
        };
        if let Some(found) = answer
            && let Some(Looking { at, path, .. }) = self.keeping.looking.take()
            && let Some(relocation) = &mut self.model.project.relocation
            && let Some(item) = relocation.items.get_mut(at)
        {
            (item.looking, item.found) = (false, Some((path, found)));
        }
        if let Some(moved) = self.keeping.moved.as_ref().and_then(|answer| answer.try_recv().ok()) {
            self.keeping.moved = None;
            if let Some(lost) = moved.filter(|_| self.model.project.relocation.is_none()) {
                self.relocate_from(None, vec![lost]);
            }
        }
    }

    /// Something that was opened before can't be opened: has it only been moved? Asked away from the frame.
    pub(super) fn ask_whether_moved(&mut self, dataset: bool) {
        let lost = if dataset { self.asked_before() } else { self.loaded_before() };
        let Some(lost) = lost else { return };
        self.keeping.moved = Some(later::soon(move || matches!(lost.path().try_exists(), Ok(false)).then_some(lost)));
    }

    fn asked_before(&self) -> Option<Lost> {
        let asked = &self.panels.dataset.asked;
        let known = self.model.recent.datasets.iter().find(|known| known.root == asked.path)?;
        Some(Lost::Dataset(KeptDataset {
            path: known.root.clone(),
            folders: asked.folders,
            holdout: asked.holdout,
            fingerprint: known.fingerprint.clone(),
            classes: known.classes,
            images: known.images,
        }))
    }

    fn loaded_before(&self) -> Option<Lost> {
        let asked = self.model.observer_request.as_ref()?;
        let known =
            |known: &&crate::store::project::RecentObserver| known.path == asked.file && known.part == asked.part;
        let known = self.model.recent.observers.iter().find(known)?;
        Some(Lost::Observer(KeptObserver {
            file: known.path.clone(),
            part: asked.part.clone(),
            arch: asked.arch.map(|arch| arch.to_string()),
            side: asked.side,
            mean_std: asked.mean_std,
            class_map: asked.class_map.clone().map(KeptPath),
            class_order: asked.class_order,
            prune: asked.prune,
            // Of a network whose outputs were cut off it is another one, which can't be told from the file.
            fingerprint: if asked.prune { String::new() } else { known.fingerprint.clone() },
            rows: None,
            network: known.network.clone(),
        }))
    }
}
