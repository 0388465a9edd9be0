//! What the app does for trainings.

use std::path::PathBuf;

use eframe::egui::Context;

use super::state::App;
use crate::core::chart::{colours, svg};
use crate::core::train::presets::{Task, TrainPreset};
use crate::core::workspace::Command;
use crate::jobs::command_line;
use crate::jobs::train::TrainRequest;
use crate::jobs::worker::{Event, Job, Request};
use crate::store::files;
use crate::store::training::{TrainingKind, TrainingNote, curves_csv, runs_csv};
use crate::ui::actions::Action;
use crate::ui::intent::{Panel, Purpose, Saving};
use crate::ui::later;
use crate::ui::model::log::Level;
use crate::ui::model::trainings::Listing;
use crate::ui::panels::presets::of_trainings;
use crate::ui::panels::training::form_view::{choose, choose_own};

/// Seconds between looks at trainings that another process works on.
const BETWEEN_LOOKS: f64 = 3.0;

/// What an event means for trainings, once the model has taken it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settled {
    /// The form may follow what was opened.
    follow: bool,
    /// A training's folder has reached its end or its pause.
    listed: bool,
}

impl Settled {
    pub(super) fn of(event: &Event) -> Self {
        Self {
            follow: matches!(event, Event::Dataset(_) | Event::Observer(_) | Event::Reordered(_) | Event::Distilled(_)),
            listed: matches!(event, Event::Finished(Job::Train)),
        }
    }
}

impl App {
    pub(super) fn settle_trainings(&mut self, settled: Settled) {
        if settled.follow {
            self.panels.training.form.follow(&self.model);
        }
        self.training.again |= settled.listed;
    }

    /// Lists trainings away from the frame.
    pub(super) fn list_trainings(&mut self, ctx: &Context) {
        if self.training.listing.is_some() {
            self.training.again = true;
            return;
        }
        let (project, opened, repaint) = (self.project.clone(), self.training.opened.clone(), ctx.clone());
        self.training.listed_secs = self.model.now_secs;
        self.training.again = false;
        self.training.listing = Some(later::later(move || {
            let read = Listing::read(project, &opened);
            repaint.request_repaint();
            read
        }));
    }

    pub(super) fn open_trainings(&mut self, folder: PathBuf) {
        self.panels.training.paths.answered();
        self.training.opened.retain(|f| *f != folder);
        self.training.opened.push(folder);
        self.training.again = true;
        self.desk.show(Panel::Training);
    }

    /// Takes what has arrived, and looks again where there is news.
    pub(super) fn drain_trainings(&mut self, ctx: &Context) {
        self.take_listing(ctx);
        if let Some(path) = self.training.name.as_ref().and_then(|r| r.try_recv().ok()) {
            self.training.name = None;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            self.panels.training.form.suggest_name(name);
        }
        if self.panels.training.form.suggested_name().is_some_and(|n| self.training.named.as_ref() != Some(&n)) {
            self.suggest_name();
        }
        self.suggest_recipe();
        if self.training.name.is_some() || self.training.suggestion.is_some() {
            ctx.request_repaint_after(std::time::Duration::from_millis(50));
        }
    }

    fn take_listing(&mut self, ctx: &Context) {
        if let Some(read) = self.training.listing.as_ref().and_then(|r| r.try_recv().ok()) {
            self.training.listing = None;
            match read {
                Ok(listing) => {
                    self.model.trainings.problem = None;
                    self.model.trainings.take_listing(listing);
                    self.suggest_name();
                }
                Err(why) => self.model.trainings.problem = Some(why),
            }
        }
        let quiet = self.model.now_secs - self.training.listed_secs;
        let others = self.model.trainings.others_at_work();
        if self.training.listing.is_none() && (self.training.again || others && quiet > BETWEEN_LOOKS) {
            self.list_trainings(ctx);
        } else if others {
            ctx.request_repaint_after(std::time::Duration::from_secs_f64(BETWEEN_LOOKS));
        }
    }

    /// Takes the recipe that was suggested, and has one suggested where the form names something else.
    fn suggest_recipe(&mut self) {
        if let Some((wanted, answer)) = self.training.suggestion.as_ref().and_then(|r| r.try_recv().ok()) {
            self.training.suggestion = None;
            let now = self.model.workspace.training();
            if let Some(recipe) = self.panels.training.form.suggested.take(wanted, answer, now) {
                self.edit(Command::SuggestTraining(recipe));
            }
        }
        if self.training.suggestion.is_none()
            && let Some(wanted) = self.panels.training.form.next_wanted(self.model.workspace.training())
        {
            self.training.suggestion = Some(later::later(move || {
                let answer = wanted.ask();
                (wanted, answer)
            }));
        }
    }

    /// Looks for a name that no training of the project has.
    pub(super) fn suggest_name(&mut self) {
        let name = self.panels.training.form.suggested_name();
        let (Some(name), Some(folder)) = (name, self.model.trainings.folder()) else { return };
        self.training.named = Some(name.clone());
        let name = crate::ui::panels::training::form::folder_name(&name);
        self.training.name = Some(later::free_name(folder.to_owned(), name));
    }

    /// Commands of the table that are about trainings.
    pub(super) fn act_on_training(&mut self, ctx: &Context, action: Action) {
        match action {
            Action::Train | Action::CopyTraining => {
                self.desk.show(Panel::Training);
                match (self.asked_training(), action) {
                    (Err(why), _) => self.model.problems.train = Some(why),
                    (Ok(request), Action::Train) => self.train(Box::new(request)),
                    (Ok(request), _) => {
                        let line = command_line::train(&request);
                        self.copy(ctx, line, "the command line");
                    }
                }
            }
            Action::ResumeTraining | Action::CloneTraining => self.train_again(action == Action::CloneTraining),
            Action::TrainingDetails => {
                self.desk.show(Panel::Training);
                let folder = self.model.trainings.selected().map(|r| r.folder.clone());
                self.panels.training.details.open(folder);
            }
            Action::OpenTrainings => {
                self.desk.show(Panel::Training);
                self.panels.training.form_in_front = false;
                self.panels.training.paths.ask_folder();
                self.browse(Purpose::Trainings);
            }
            Action::ListTrainings => self.list_trainings(ctx),
            Action::ExportCsv | Action::ExportSvg | Action::ExportTable => self.save_trainings(action),
            _ => {}
        }
    }

    /// Takes a preset for the form, of whatever it trains.
    pub(super) fn take_train_preset(&mut self, name: &str) {
        self.desk.show(Panel::Training);
        let Some(preset) = TrainPreset::named(name) else {
            let own = of_trainings(&self.model).find(|(own, _)| own.name == name).map(|(_, recipe)| recipe.clone());
            if let Some(recipe) = own {
                let command = choose_own(&mut self.panels.training.form, recipe);
                self.edit(command);
            }
            return;
        };
        let form = &mut self.panels.training.form;
        let kind = if preset.task == Task::Observer { TrainingKind::Pretrain } else { TrainingKind::Train };
        if form.kind() != kind {
            form.set_kind(kind, &self.model);
        }
        form.suggested.preset = Some(preset.name);
        self.panels.training.form_in_front = true;
        if let Some(command) = choose(&mut self.panels.training.form, &self.model) {
            self.edit(command);
        }
    }

    /// What the form asks for.
    fn asked_training(&self) -> Result<TrainRequest, String> {
        let folder = self.model.trainings.folder().ok_or("the project's folder is not known yet")?;
        let asked = self.panels.training.form.request(self.model.workspace.training(), folder);
        asked.map_err(|wrong| format!("{}: {}", wrong.field, wrong.why))
    }

    /// Queues a training.
    pub(super) fn train(&mut self, request: Box<TrainRequest>) {
        self.model.problems.train = None;
        let name = request.name.clone().unwrap_or_default();
        if self.model.trainings.is_asked(&request.out) {
            self.model.problems.train = Some(format!("'{name}' is under way already; give this one another name"));
            return;
        }
        let out = request.out.clone();
        if self.queue(Request::Train(request)) {
            self.model.say(Level::Info, format!("training '{name}' in {}", files::shown(&out)));
            self.model.trainings.ask(out, name);
            self.panels.training.form_in_front = false;
            self.panels.training.form.forget_name();
            self.suggest_name();
        }
    }

    /// Goes on with the selected training, or fills the form from it.
    fn train_again(&mut self, clone: bool) {
        let Some((folder, note)) =
            self.model.trainings.selected().and_then(|r| Some((r.folder.clone(), r.note()?.clone())))
        else {
            return;
        };
        match TrainRequest::again(&note, &folder) {
            Err(why) => self.model.problems.train = Some(why.to_string()),
            Ok(request) if clone => {
                self.desk.show(Panel::Training);
                self.edit(Command::SetTraining(request.recipe.clone()));
                self.panels.training.form.fill(request);
                self.panels.training.form_in_front = true;
                self.training.named = None;
            }
            Ok(request) => self.train(Box::new(request)),
        }
    }

    /// Asks where to save the shown curves or the table.
    fn save_trainings(&mut self, action: Action) {
        let trainings = &self.model.trainings;
        let saving = match action {
            Action::ExportCsv => {
                let notes: Vec<&TrainingNote> = trainings.shown().map(|(_, note, _)| &**note).collect();
                ("the shown curves", "curves.csv", curves_csv(&notes))
            }
            Action::ExportSvg => {
                let charts = self.panels.training.charts(&self.model);
                ("the shown charts", "curves.svg", svg::write(&charts, &colours::on_white()))
            }
            _ => {
                let known = trainings.rows().iter().filter_map(|row| Some((row.folder.as_path(), &**row.note()?)));
                ("the table of trainings", "trainings.csv", runs_csv(known))
            }
        };
        let (what, name, text) = saving;
        self.save(Saving { what, name: name.to_owned(), text });
    }
}
