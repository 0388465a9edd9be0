//! What the app does for exports. What they would come to is looked at away from the frame, and only while the panel is
//! seen; an answer to a question that has changed since is dropped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eframe::egui::Context;

use super::state::App;
use crate::jobs::control::{Control, Reporter};
use crate::jobs::export;
use crate::jobs::report;
use crate::jobs::worker::{Event, Job, Request};
use crate::ui::intent::ExportPath;
use crate::ui::later;
use crate::ui::model::exporting::{KnownSets, Measured};
use crate::ui::panels::export::{Choice, Subject};

/// A path that is being typed is left alone for so long.
const TYPING_SECS: f64 = 0.3;

impl App {
    /// Takes what has arrived, and asks about what is new.
    pub(super) fn drain_exports(&mut self, ctx: &Context) {
        self.take_sets();
        self.take_export_answers();
        if std::mem::take(&mut self.panels.export.seen) {
            self.list_sets(ctx);
            self.look_at_export(ctx);
        }
        let asked = &self.exports;
        if asked.measure.is_some() || asked.place.is_some() || asked.name.is_some() || asked.sets.is_some() {
            ctx.request_repaint_after(Duration::from_millis(50));
        }
    }

    /// What an event means for exports.
    pub(super) fn settle_exports(&mut self, event: &Event) {
        match event {
            Event::Dataset(opened) if !self.panels.export.data_typed => {
                self.panels.export.data.set(opened.dataset.root());
            }
            Event::Distilled(report) => {
                if !self.panels.export.set_typed {
                    self.panels.export.set.set(&report.out);
                }
                self.exports.listed = false;
            }
            // The name is taken now.
            Event::Exported(_) | Event::Reported(_) => {
                self.panels.export.out_typed = false;
                (self.exports.named, self.exports.placed) = (None, None);
            }
            // What was looked at before may have changed.
            Event::Failed(Job::Export | Job::Report, _) => (self.exports.looked, self.exports.placed) = (None, None),
            Event::Cancelled(Job::Export | Job::Report) => self.exports.placed = None,
            _ => {}
        }
    }

    fn take_sets(&mut self) {
        let Some(read) = self.exports.sets.as_ref().and_then(|r| r.try_recv().ok()) else { return };
        self.exports.sets = None;
        match read {
            Ok(known) => {
                if let Some(last) = known.sets.first().filter(|_| self.panels.export.set.is_empty()) {
                    self.panels.export.set.set(&last.folder);
                }
                (self.model.exporting.known, self.model.exporting.unlisted) = (known, None);
            }
            Err(why) => self.model.exporting.unlisted = Some(why),
        }
    }

    fn list_sets(&mut self, ctx: &Context) {
        if self.exports.listed || self.exports.sets.is_some() {
            return;
        }
        self.exports.listed = true;
        let (project, repaint) = (self.project.clone(), ctx.clone());
        self.exports.sets = Some(later::later(move || {
            let read = KnownSets::read(project);
            repaint.request_repaint();
            read
        }));
    }

    fn take_export_answers(&mut self) {
        if let Some(answer) = self.exports.measure.as_ref().and_then(|(_, r)| r.try_recv().ok()) {
            self.exports.measure = None;
            self.model.exporting.measured = match answer {
                Ok(measure) => Measured::Known(Arc::new(measure)),
                Err(why) => Measured::Failed(why),
            };
        }
        if let Some(place) = self.exports.place.as_ref().and_then(|r| r.try_recv().ok()) {
            self.exports.place = None;
            self.model.exporting.place = Some(place);
        }
        if let Some(path) = self.exports.name.as_ref().and_then(|r| r.try_recv().ok()) {
            self.exports.name = None;
            if !self.panels.export.out_typed {
                self.panels.export.out.set(&path);
            }
        }
    }

    /// Asks what the panel's export would come to, where its folder will be, and how it may be called.
    fn look_at_export(&mut self, ctx: &Context) {
        let wanted = self.panels.export.wanted(&self.model);
        if wanted != self.exports.wanted {
            (self.exports.wanted, self.exports.since_secs) = (wanted.clone(), self.model.now_secs);
            self.forget_measure(Measured::Nothing);
        }
        let Some(wanted) = wanted else {
            (self.model.exporting.place, self.exports.placed) = (None, None);
            return;
        };
        let suggestion = self.panels.export.suggestion(&self.model);
        if !self.panels.export.out_typed && suggestion.is_some() && suggestion != self.exports.named {
            let ending = self.panels.export.choice.ending();
            self.exports.name = suggestion.clone().map(|(parent, name)| later::free_file(parent, name, ending));
            self.exports.named = suggestion;
        }
        let place = Some((wanted.clone(), self.panels.export.out.path()));
        if place != self.exports.placed && self.exports.place.is_none() {
            self.look_at_place(place);
        }
        if self.exports.looked.as_ref() == Some(&wanted) {
            return;
        }
        let still = self.exports.since_secs + TYPING_SECS - self.model.now_secs;
        if still > 0.0 {
            ctx.request_repaint_after(Duration::from_secs_f64(still));
        } else {
            self.measure_export(true);
        }
    }

    fn look_at_place(&mut self, place: Option<(Subject, PathBuf)>) {
        self.exports.placed = place;
        self.model.exporting.place = None;
        let Some(material) = self.panels.export.material(&self.model).filter(|_| !self.panels.export.out.is_empty())
        else {
            return;
        };
        let (out, page) = (self.panels.export.out.path(), self.panels.export.choice == Choice::Report);
        self.exports.place =
            Some(later::later(move || if page { report::place(&out) } else { export::place(&out, &material) }));
    }

    /// Looks at the images that would be exported, or stops looking.
    pub(super) fn measure_export(&mut self, again: bool) {
        self.forget_measure(if again { Measured::Nothing } else { Measured::Stopped });
        self.exports.looked = self.exports.wanted.clone();
        let asked = self.panels.export.material(&self.model).zip(self.panels.export.choice.format());
        let Some((material, format)) = asked.filter(|_| again) else { return };
        let control = Control::default();
        let looking = control.clone();
        let result = later::later(move || {
            // What the user should know comes with the answer; a decoder that breaks down ends the look, not the program.
            let work = std::panic::AssertUnwindSafe(|| {
                let mut reporter = Reporter::new(looking, |_| {});
                export::measure(&material, format, &mut reporter).map_err(|error| error.to_string())
            });
            let broken = "looking at its images broke down; the terminal says why";
            std::panic::catch_unwind(work).unwrap_or_else(|_| Err(broken.to_owned()))
        });
        self.model.exporting.measured = Measured::Looking(control.clone());
        self.exports.measure = Some((control, result));
    }

    fn forget_measure(&mut self, measured: Measured) {
        if let Some((control, _)) = self.exports.measure.take() {
            control.cancel();
        }
        self.exports.looked = None;
        self.model.exporting.measured = measured;
    }

    /// Queues an export or a report.
    pub(super) fn write_export(&mut self, request: Request) {
        self.model.problems.export = None;
        self.model.exporting.done = None;
        self.request(request);
    }

    /// A dialog has chosen a folder; the new one gets a name in it that is free.
    pub(super) fn chosen_for_export(&mut self, of: ExportPath, path: &Path) {
        let name = self.panels.export.suggestion(&self.model).map(|(_, name)| name);
        match (of, name) {
            (ExportPath::Out, Some(name)) => {
                let ending = self.panels.export.choice.ending();
                self.panels.export.choose(of, &path.join(format!("{name}{ending}")));
            }
            _ => self.panels.export.choose(of, path),
        }
    }
}
