//! Observers that are to move pixels beside the loaded one: what became of their files, and whether all can take part.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::log::Level;
use super::{Model, words};
use crate::core::distil::recipe::Method;
use crate::jobs::check::Verdict;
use crate::jobs::open::OpenedObserver;
use crate::jobs::refine::fits;
use crate::jobs::worker::{Beside, BesideRequest, Job};

/// What became of a file.
pub struct Known {
    /// The network, or why there is none.
    pub beside: Arc<Beside>,
    /// What its check means, where it was checked.
    pub verdict: Option<Verdict>,
    /// The method of the recipe, and why it can't move pixels by this observer.
    unfit: Option<(Method, Option<String>)>,
}

impl Known {
    /// Why the method of the recipe can't move pixels by it, once that was looked at.
    #[must_use]
    pub fn unfit(&self) -> Option<&str> {
        self.unfit.as_ref()?.1.as_deref()
    }

    /// Whether nothing more is to be found out.
    fn is_settled(&self, check: bool) -> bool {
        !check || self.verdict.is_some() || self.beside.opened.is_err()
    }
}

/// A file that was asked about.
struct Asked {
    file: PathBuf,
    check: bool,
}

/// What is known of the listed files; all of it beside one loaded observer.
#[derive(Default)]
pub struct FurtherObservers {
    first: Option<Arc<OpenedObserver>>,
    known: Vec<Known>,
    asked: Vec<Asked>,
}

/// How far a file is.
pub enum Progress<'a> {
    /// It is opened soon, or being opened.
    Waits,
    /// It was to be opened, and that was stopped.
    Stopped,
    /// It was opened, or could not be.
    Known(&'a Known),
}

/// Whether all listed observers can take part.
pub enum Readiness {
    /// Some are still being opened or checked.
    Waits,
    /// One can't, in words.
    Problem(String),
    /// All can: these.
    Ready(Vec<Arc<OpenedObserver>>),
}

impl FurtherObservers {
    /// What is to be opened of the listed files beside this observer, and checked where `check` says so; nothing twice.
    pub fn due(
        &mut self,
        first: Option<&Arc<OpenedObserver>>,
        files: &[PathBuf],
        check: bool,
    ) -> Option<BesideRequest> {
        if self.first.as_ref().map(Arc::as_ptr) != first.map(Arc::as_ptr) {
            *self = Self { first: first.cloned(), ..Self::default() };
        }
        self.known.retain(|known| files.contains(&known.beside.file));
        self.asked.retain(|asked| files.contains(&asked.file));
        first?;
        let due = |file: &&PathBuf| {
            let settled = self.known(file).is_some_and(|known| known.is_settled(check));
            !settled && !self.is_asked(file, check)
        };
        let files: Vec<PathBuf> = files.iter().filter(due).cloned().collect();
        self.asked.retain(|asked| !files.contains(&asked.file));
        self.asked.extend(files.iter().map(|file| Asked { file: file.clone(), check }));
        (!files.is_empty()).then_some(BesideRequest { files, check })
    }

    /// Has a file opened anew.
    pub fn again(&mut self, file: &Path) {
        self.known.retain(|known| known.beside.file != file);
        self.asked.retain(|asked| asked.file != file);
    }

    /// Finds by which of the observers the method can't move pixels, where it is another one than it was looked at for.
    pub fn fit(&mut self, method: &Method) {
        for known in &mut self.known {
            if known.unfit.as_ref().is_none_or(|(of, _)| of != method) {
                let opened = known.beside.opened.as_ref().ok();
                known.unfit = Some((method.clone(), opened.and_then(|opened| unfit(opened, method))));
            }
        }
    }

    fn take(&mut self, beside: Arc<Beside>) {
        if !self.first.as_ref().is_some_and(|first| Arc::ptr_eq(first, &beside.first)) {
            return;
        }
        self.known.retain(|known| known.beside.file != beside.file);
        let verdict = beside.check.as_ref().map(|report| report.verdict());
        self.known.push(Known { beside, verdict, unfit: None });
    }

    fn known(&self, file: &Path) -> Option<&Known> {
        self.known.iter().find(|known| known.beside.file == file)
    }

    fn is_asked(&self, file: &Path, check: bool) -> bool {
        self.asked.iter().any(|asked| asked.file == file && asked.check >= check)
    }
}

fn unfit(opened: &OpenedObserver, method: &Method) -> Option<String> {
    fits(opened, method).err().map(|error| error.to_string())
}

/// A file's name, for sentences.
#[must_use]
pub fn name(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

impl Model {
    /// Whether the method of the recipe moves pixels, and so takes several observers.
    #[must_use]
    pub fn takes_several(&self) -> bool {
        self.workspace.recipe().method.iterations() > 0
    }

    /// How far a listed file is.
    #[must_use]
    pub fn progress_of(&self, file: &Path) -> Progress<'_> {
        self.progress(file, false)
    }

    /// How far a file is that is to be checked, too, where `check` says so.
    fn progress(&self, file: &Path, check: bool) -> Progress<'_> {
        // What is known was found beside an observer that is no longer the loaded one: it is opened anew.
        if self.beside.first.as_ref().map(Arc::as_ptr) != self.observer.as_ref().map(Arc::as_ptr) {
            return Progress::Waits;
        }
        match self.beside.known(file).filter(|known| known.is_settled(check)) {
            Some(known) => Progress::Known(known),
            None if self.beside.is_asked(file, check) && !self.is_under_way(Job::Beside) => Progress::Stopped,
            None => Progress::Waits,
        }
    }

    /// Whether a check refused one of the listed observers, where the method takes several.
    #[must_use]
    pub fn refuses_beside(&self) -> bool {
        let refused = |file: &PathBuf| {
            let known = self.beside.known(file).and_then(|known| known.verdict.as_ref());
            matches!(known, Some(Verdict::Refused(_)))
        };
        self.takes_several() && self.workspace.beside().iter().any(refused)
    }

    /// Whether all listed observers can move pixels by a method; a check that refuses one is passed over where `force` says
    /// so.
    #[must_use]
    pub fn readiness(&self, method: &Method, force: bool) -> Readiness {
        let mut ready = Vec::new();
        for file in self.workspace.beside().iter().filter(|_| method.iterations() > 0) {
            let problem = |why: &str| {
                let remedy = "Put that right, or remove it from the further observers.";
                Readiness::Problem(format!("The further observer {} can't take part: {why}. {remedy}", name(file)))
            };
            let known = match self.progress(file, !force) {
                Progress::Known(known) => known,
                Progress::Waits => return Readiness::Waits,
                Progress::Stopped => return problem("it is not opened and checked, since that was stopped"),
            };
            match (&known.beside.opened, &known.verdict) {
                (Err(why), _) => return problem(why),
                (Ok(_), Some(Verdict::Refused(why))) if !force => {
                    let whom = name(file);
                    return Readiness::Problem(format!("The check refused the further observer {whom}: {why}"));
                }
                (Ok(opened), _) => match unfit(opened, method) {
                    Some(why) => return problem(&why),
                    None => ready.push(opened.clone()),
                },
            }
        }
        Readiness::Ready(ready)
    }

    /// Takes what became of a file.
    pub(super) fn take_beside(&mut self, beside: Arc<Beside>) {
        match &beside.opened {
            Ok(opened) => {
                self.say_all(words::of_beside(opened, beside.check.as_ref()));
                self.note_recent(opened);
            }
            Err(why) => self.say(Level::Warning, format!("further observer: {why}")),
        }
        self.beside.take(beside);
    }
}
