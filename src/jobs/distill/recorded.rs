//! What a project keeps of runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::data::dataset::ClassId;
use crate::core::data::folders::Folders;
use crate::core::distil::recipe::Recipe;
use crate::store::class_map;
use crate::store::files::KeptPath;
use crate::store::project::{NewRun, Project, ProjectError, RunAsked, RunRow, RunStatus};

use super::super::open::OpenedObserver;
use super::super::reopen::{kept_dataset, kept_observer};
use super::super::session::Session;
use super::DistillError;

/// What was asked for, besides recipes and output folders.
pub(super) struct Asked<'a> {
    /// The classes, in the order of their running index.
    pub classes: &'a [ClassId],
    /// Observers beside the session's.
    pub beside: &'a [Arc<OpenedObserver>],
    /// The text of what a person decided, where that is something.
    pub curation: Option<String>,
    /// The finished set that is begun with.
    pub set: Option<&'a Path>,
}

/// Notes that runs begin: one for each recipe and its output folder.
pub(super) fn begin(
    session: &Session,
    project: &Project,
    asked: &Asked<'_>,
    runs: &[(&Recipe, PathBuf)],
) -> Result<Vec<RunRow>, ProjectError> {
    let data = project.remember_dataset(&session.dataset)?;
    let observer = &session.observer;
    let network = observer.observer.spec.arch.to_string();
    let observer = project.remember_observer(
        &observer.file,
        observer.request.part.as_deref(),
        &observer.observer.fingerprint,
        &network,
    )?;
    let curation = asked.curation.as_deref();
    let asked = &kept(session, project, asked);
    let begin = |(recipe, out): &(&Recipe, PathBuf)| {
        project.begin_run(&NewRun { data, observer, recipe, curation, asked: Some(asked), out: Some(out) })
    };
    runs.iter().map(begin).collect()
}

/// Notes how runs ended.
pub(super) fn end<T>(project: &Project, runs: Vec<RunRow>, result: Result<T, DistillError>) -> Result<T, DistillError> {
    let (status, detail) = match &result {
        Ok(_) => (RunStatus::Done, String::new()),
        Err(error) if error.is_cancelled() => (RunStatus::Cancelled, String::new()),
        Err(error) => (RunStatus::Failed, error.to_string()),
    };
    for run in runs {
        project.end_run(run, status, &detail)?;
    }
    result
}

/// What a run keeps of what it was asked for. An order of outputs that the user gave is kept as a class map.
fn kept(session: &Session, project: &Project, asked: &Asked<'_>) -> RunAsked {
    let dataset = &session.dataset;
    let mut observer = kept_observer(&session.observer);
    if let Some(outputs) = &session.observer.request.outputs {
        // Where it can't be written the run goes on: it is only harder to repeat.
        let kept = class_map::keep(project.folder(), dataset.classes(), outputs);
        observer.class_map = kept.ok().map(KeptPath);
    }
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    RunAsked {
        dataset: kept_dataset(dataset, Folders::Auto, &dataset.fingerprint()),
        observer,
        classes: asked.classes.iter().map(|class| dataset.class(*class).name.clone()).collect(),
        all: asked.classes.iter().copied().eq(dataset.class_ids()),
        beside: asked.beside.iter().map(|observer| kept_observer(observer)).collect(),
        set: asked.set.map(|set| KeptPath(absolute(set))),
    }
}
