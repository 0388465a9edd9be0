//! Projects on the worker's side: opening one with what its window had, and bringing back the scores that it has.

use std::path::PathBuf;
use std::sync::Arc;

use crate::core::data::dataset::ClassId;
use crate::core::distil::recipe::Recipe;
use crate::jobs::control::Control;
use crate::jobs::distill::Found;
use crate::jobs::reopen;
use crate::jobs::scoring;
use crate::store::files::shown;
use crate::store::project::Project;
use crate::store::window::{Read, WindowFile};

use super::compute::Compute;
use super::messages::{Event, OpenedProject};

impl Compute {
    /// Closes what is open and opens a project; where it can't be written its window is shown as it was all the same.
    pub(super) fn open_project(&mut self, folder: Option<PathBuf>) {
        self.config.project = folder;
        (self.project, self.data, self.observer, self.session) = (None, None, None, None);
        let folder = self.config.project.clone().map_or_else(Project::default_dir, Ok);
        self.refused = false;
        let held = self.project().map(|_| ());
        self.refused = held.is_err();
        let mut opened = OpenedProject { folder: None, held, window: None, state: None, notes: vec![], lost: vec![] };
        if let Ok(folder) = folder {
            let Read { mut file, state } = WindowFile::read(&folder);
            match state {
                Ok(state) => opened.state = state,
                Err(error) => {
                    let aside = opened.held.as_ref().ok().map(|()| file.set_aside());
                    opened.notes.push(match aside {
                        Some(Ok(path)) => format!("{error}; it was set aside as {}", shown(&path)),
                        Some(Err(other)) => format!("{error}; {other}"),
                        None => error.to_string(),
                    });
                }
            }
            opened.lost = opened.state.as_ref().map(reopen::lost).unwrap_or_default();
            (opened.folder, opened.window) = (Some(folder), Some(file));
        }
        self.send(Event::Project(Arc::new(opened)));
    }

    /// Brings the scores that the project has; one that another process works on is read all the same.
    pub(super) fn recall(&mut self, recipe: &Recipe, classes: &[ClassId], control: &Control) -> Result<(), String> {
        let Some(own) = recipe.rded() else { return Ok(()) };
        self.known(classes)?;
        let mut reporter = self.reporter(control);
        self.session()?;
        let reader = match self.project() {
            Ok(_) => None,
            Err(_) => {
                let folder = self.config.project.clone().map_or_else(Project::default_dir, Ok);
                Some(folder.and_then(|folder| Project::read_only(&folder)).map_err(|e| e.to_string())?)
            }
        };
        let mut tell = self.teller(recipe);
        let (Some(session), Some(project)) = (self.session.as_ref(), reader.as_ref().or(self.project.as_ref())) else {
            return Ok(());
        };
        let each = &mut |class, block| tell(class, Found::Scores(block));
        scoring::recall(session, project, (&own, classes), &mut reporter, each).map_err(|e| e.to_string())
    }
}
