//! Notices for what ended while the user looked elsewhere.

use eframe::egui::{Context, UserAttentionType, ViewportCommand};

use super::state::App;
use crate::jobs::check::Verdict;
use crate::jobs::worker::{Event, Job};
use crate::ui::intent::Panel;
use crate::ui::model::Model;
use crate::ui::model::log::Level;
use crate::ui::model::suspects::of_suspects;
use crate::ui::model::trainings::trained;
use crate::ui::widgets::notices::took;

/// A job that took longer may call for attention where the window isn't the one in front.
const LONG_SECS: f64 = 5.0;

/// The panel that shows what a job brings.
fn panel_of(job: Job) -> Panel {
    match job {
        Job::OpenProject | Job::OpenSample | Job::OpenDataset => Panel::Dataset,
        Job::OpenObserver | Job::Check => Panel::Observer,
        Job::Suspects => Panel::Suspects,
        Job::Score | Job::Recall => Panel::Patches,
        Job::Beside | Job::Distill => Panel::Recipe,
        Job::Train => Panel::Training,
        Job::Export | Job::Report => Panel::Export,
    }
}

/// What an event says about how its job ends.
fn ending(event: &Event) -> Option<(Level, String)> {
    Some(match event {
        Event::Failed(job, why) => (Level::Error, format!("{} failed: {why}", capital(job.name()))),
        Event::Cancelled(job) => {
            (Level::Warning, format!("{} was cancelled; what it stored stays.", capital(job.name())))
        }
        Event::Checked(report) => {
            let words = format!("Check: top-1 {:.2} % on {} images", report.top1, report.images);
            let level = if report.verdict() == Verdict::Good { Level::Info } else { Level::Warning };
            (level, words)
        }
        Event::Suspects(found) => (Level::Info, capital(&of_suspects(found))),
        Event::Distilled(report) => {
            let words = format!("Wrote {} distilled images {}", report.images, took(report.seconds));
            (Level::Info, words)
        }
        Event::Trained(_, report) => (Level::Info, capital(&trained(report))),
        _ => return None,
    })
}

/// What there is to say of a job that said nothing itself; opening shows by itself that it is done.
fn silent_ending(job: Job, model: &Model, seconds: f64) -> Option<(Level, String)> {
    let (stale, chosen) = model.staleness();
    (job == Job::Score)
        .then(|| (Level::Info, format!("Scored {} of {chosen} classes {}", chosen - stale, took(seconds))))
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl App {
    /// Notes what an event says of the running job; before the model takes it.
    pub(super) fn watch(&mut self, event: &Event) {
        match event {
            Event::Started(..) => self.attention.ended = None,
            Event::Finished(job) => {
                let now = self.model.now_secs;
                let seconds = self.model.running.as_ref().map_or(0.0, |running| now - running.began_secs);
                let ended = self.attention.ended.take().or_else(|| silent_ending(*job, &self.model, seconds));
                // What is scored by itself while a slider moves is no job that anybody waits for.
                let quiet = *job == Job::Score && self.scores_by_itself();
                if let Some((level, words)) = ended.filter(|(level, _)| !quiet || *level == Level::Error) {
                    self.notify((level, panel_of(*job)), words, seconds);
                }
            }
            // A failure is the last word of its job, whatever it brought before.
            other => self.attention.ended = ending(other).or(self.attention.ended.take()),
        }
    }

    /// Tells what ended after so many seconds, unless the user looks at the panel that shows it.
    pub(super) fn notify(&mut self, (level, panel): (Level, Panel), words: String, seconds: f64) {
        let focused = self.attention.focused;
        if focused && self.desk.is_in_front(self.attention.size, panel) {
            return;
        }
        self.attention.notices.push(self.model.now_secs, (level, panel), words);
        self.attention.call |= !focused && seconds > LONG_SECS;
    }

    /// Sees whether the window has the keyboard, and calls for attention where something has ended without it.
    pub(super) fn attend(&mut self, ctx: &Context) {
        self.attention.focused = ctx.input(|input| input.focused);
        self.attention.size = ctx.content_rect().size();
        if std::mem::take(&mut self.attention.call) {
            ctx.send_viewport_cmd(ViewportCommand::RequestUserAttention(UserAttentionType::Informational));
        }
    }
}
