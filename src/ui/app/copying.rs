//! The command line that repeats what the window shows: what was decided about single images goes along as a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::Context;

use super::state::App;
use crate::core::data::dataset::Dataset;
use crate::core::distil::curation::Curation;
use crate::core::distil::curation::file::{Strays, text};
use crate::jobs::command_line::shell_quoted;
use crate::store::curation::keep_snapshot;
use crate::store::project::Project;
use crate::ui::command_line;
use crate::ui::later;
use crate::ui::model::log::Level;

/// What is copied, for the log.
const WHAT: &str = "the command line";

impl App {
    /// The call that repeats what the window shows, but for marks of single images.
    #[must_use]
    pub fn command_line(&self) -> String {
        command_line::of(&self.model, self.panels.recipe.target().map(|(out, _)| out))
    }

    /// Copies the call; where images are marked once the project has a file of the marks, which is written away from the
    /// frame.
    pub(super) fn copy_command(&mut self, ctx: &Context) {
        let line = self.command_line();
        let curation = self.model.workspace.curation().clone();
        let Some(dataset) = self.model.dataset().filter(|_| !curation.is_empty()).cloned() else {
            self.copied = None;
            self.copy(ctx, line, WHAT);
            return;
        };
        let (project, repaint) = (self.project.clone(), ctx.clone());
        self.copied = Some(later::soon(move || {
            let copied = with_curation(&line, project, &dataset, &curation);
            repaint.request_repaint();
            copied
        }));
    }

    /// Copies a call whose file has been written; once a frame.
    pub(super) fn drain_copied(&mut self, ctx: &Context) {
        let Some(copied) = self.copied.as_ref().and_then(|answer| answer.try_recv().ok()) else { return };
        self.copied = None;
        match copied {
            Ok(line) => self.copy(ctx, line, WHAT),
            Err(why) => self.model.say(Level::Error, format!("the command line is not copied: {why}")),
        }
    }
}

/// The call with the marks, which are kept in the project under a name that says what they are.
fn with_curation(
    line: &str,
    project: Option<PathBuf>,
    dataset: &Arc<Dataset>,
    curation: &Curation,
) -> Result<String, String> {
    let folder = project.map_or_else(Project::default_dir, Ok).map_err(|e| e.to_string())?;
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let marks = text(dataset, curation, &Strays::default()).map_err(|e| e.to_string())?;
    let file: &Path = &keep_snapshot(&folder, &marks).map_err(|e| e.to_string())?;
    Ok(format!("{line} --curation {}", shell_quoted(&file.to_string_lossy())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::dataset::{ImageId, Split};
    use crate::core::distil::curation::file::Named;
    use crate::core::distil::curation::{Choice, Mark};
    use crate::store::import;

    #[test]
    fn the_call_names_a_file_with_the_very_marks_and_other_marks_have_another_file() {
        let folder = tempfile::tempdir().unwrap();
        for image in ["data/ant/1.png", "data/bee/2.png"] {
            let path = folder.path().join(image);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        let dataset = Arc::new(import::open(&folder.path().join("data"), Split::Train).unwrap().dataset);
        let project = folder.path().join("my project");
        let mut curation = Curation::default();
        curation.set(ImageId(1), Mark { choice: Choice::Rejected, tag: 3, ..Mark::default() });
        let call = |curation: &Curation| with_curation("stillroom distill", Some(project.clone()), &dataset, curation);
        let first = call(&curation).unwrap();
        let file = first.strip_prefix("stillroom distill --curation '").unwrap().trim_end_matches('\'');
        let read = Named::parse(&std::fs::read(file).unwrap()).unwrap().resolve(&dataset);
        assert_eq!((&read.curation, read.same_dataset), (&curation, true));
        assert_eq!(call(&curation).unwrap(), first);
        curation.set(ImageId(0), Mark { choice: Choice::Pinned, ..Mark::default() });
        assert_ne!(call(&curation).unwrap(), first);
    }
}
