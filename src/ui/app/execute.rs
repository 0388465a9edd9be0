//! The one place where intents are carried out.

use std::path::{Path, PathBuf};

use eframe::egui::{Context, ViewportCommand};

use super::state::App;
use crate::core::workspace::Command;
use crate::jobs::worker::Request;
use crate::ui::actions::{Action, Menu};
use crate::ui::intent::{Intent, MovedOf, Panel, Purpose, Relocate};
use crate::ui::keyboard;
use crate::ui::model::log::Level;
use crate::ui::theme;

/// Said at a field whose dialog can't come.
const NO_DIALOG: &str = "No file dialog can be opened here: neither the desktop's portal nor zenity answers. Type or \
                         paste the path into the field above, or drop a file on it.";

impl App {
    /// Carries out an intent, as a panel would ask for it.
    pub fn ask(&mut self, ctx: &Context, intent: Intent) {
        self.execute(ctx, intent);
    }

    pub(super) fn execute(&mut self, ctx: &Context, intent: Intent) {
        match intent {
            Intent::Do(action) => self.act(ctx, action),
            Intent::Edit(command) => {
                self.edit(command);
                ctx.set_theme(theme::of(self.model.workspace.theme()));
            }
            Intent::OpenDataset(request) => self.open_dataset(request),
            Intent::OpenObserver(request) => self.load_observer(request),
            Intent::OpenBesideAgain(file) => self.model.beside.again(&file),
            Intent::Browse(purpose) => self.browse(purpose),
            Intent::Copy(text, what) => self.copy(ctx, text, what),
            Intent::Train(request) => self.train(request),
            Intent::Trainings(change) => self.model.trainings.change(change),
            Intent::OpenTrainings(folder) => self.open_trainings(folder),
            Intent::Show(panel) => self.desk.show(panel),
            Intent::Presets(change) => self.change_presets(ctx, change),
            Intent::TrainPreset(name) => self.take_train_preset(&name),
            Intent::ExportSet(request) => self.write_export(Request::Export(request)),
            Intent::Report(request) => self.write_export(Request::Report(request)),
            Intent::MeasureExport(again) => self.measure_export(again),
            Intent::Save(saving) => self.save(saving),
            Intent::Write(path) => self.write(path, false),
            Intent::OpenProject(folder) => self.change_project(folder),
            Intent::SelectRun(run) => self.model.runs.chosen = Some(run),
            Intent::Relocate(step) => self.relocate(step),
            Intent::ShowMoved(of) => self.model.refine.show(of),
            Intent::OpenMoved(folder) => {
                self.open_moved(folder);
                self.model.refine.show(MovedOf::Set);
                self.desk.show(Panel::Refine);
            }
            Intent::LookAt(at) => self.model.refine.choose(at),
            Intent::Compare(change) => self.change_compared(change),
            Intent::Activate(panel) => self.model.active = Some(panel),
        }
    }

    fn act(&mut self, ctx: &Context, action: Action) {
        if self.model.why_not(action).is_some() {
            return;
        }
        match action {
            Action::OpenSample => {
                self.distil_next = None;
                self.request(Request::OpenSample);
            }
            Action::NewSession | Action::OpenProject | Action::RestoreRun | Action::CopyRun | Action::ShowRuns => {
                self.act_on_project(ctx, action);
            }
            Action::OpenDataset => self.browse(Purpose::Dataset),
            Action::OpenObserver => self.browse(Purpose::Observer),
            Action::Check => self.request(Request::Check),
            Action::FindSuspects => {
                self.request(Request::Suspects);
                self.desk.show(Panel::Suspects);
            }
            Action::Score => self.score(),
            Action::ToggleLive => self.model.live = !self.model.live,
            Action::Distil => match self.panels.recipe.target() {
                Some((out, force)) => self.distil(out, force),
                None => self.model.problems.distil = Some("Give an output folder above.".to_owned()),
            },
            Action::RefineRun => self.refine_run(),
            Action::ExportSet => self.desk.show(Panel::Export),
            Action::CopyCommand => self.copy_command(ctx),
            Action::CopyLog => self.copy(ctx, self.model.log.text(), "the log"),
            Action::Undo => self.edit(Command::Undo),
            Action::Redo => self.edit(Command::Redo),
            Action::FindByName
            | Action::ClearFilters
            | Action::OnlyStitched
            | Action::OnlyPinned
            | Action::OnlyRejected => self.act_on_filter(action),
            Action::Pause => {
                if let Some(running) = &self.model.running {
                    running.control.pause(!running.control.status().paused);
                }
            }
            Action::Cancel => {
                if let Some(running) = &self.model.running {
                    running.control.cancel();
                }
            }
            Action::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
            of_patches if of_patches.about().menu == Menu::Curate => self.cull(of_patches),
            rest => {
                if !self.act_on_view(ctx, rest) {
                    self.act_on_training(ctx, rest);
                }
            }
        }
    }

    /// Opens a dialog, or says where the path is typed in its place.
    pub(super) fn browse(&mut self, purpose: Purpose) {
        let name = self.panels.save.asked().map(|saving| saving.name.clone()).unwrap_or_default();
        if !self.dialogs.ask(purpose, &name) {
            self.no_dialog(purpose);
        }
    }

    /// A dialog was asked for and none could be opened: its field says so and has the keyboard.
    pub(super) fn no_dialog(&mut self, purpose: Purpose) {
        self.model.say(Level::Warning, NO_DIALOG);
        let (panel, field) = match purpose {
            Purpose::Project => return self.panels.projects.path.explain(NO_DIALOG),
            Purpose::Lost { at, .. } => return self.panels.relocate.field(at).explain(NO_DIALOG),
            Purpose::Dataset => (Panel::Dataset, &mut self.panels.dataset.path),
            Purpose::Observer => (Panel::Observer, &mut self.panels.observer.path),
            Purpose::ClassMap => (Panel::Observer, &mut self.panels.observer.class_map),
            Purpose::Beside => (Panel::Recipe, &mut self.panels.recipe.beside),
            Purpose::Output => (Panel::Recipe, &mut self.panels.recipe.out),
            Purpose::Training(of) => (Panel::Training, self.panels.training.form.path(of)),
            Purpose::Trainings => (Panel::Training, self.panels.training.paths.ask_folder()),
            Purpose::Compared => (Panel::Compare, &mut self.panels.compare.path),
            Purpose::ImportPreset | Purpose::ExportPreset => (Panel::Recipe, self.presets_dialog.ask_path(purpose)),
            Purpose::Export(path) => (Panel::Export, self.panels.export.field(path)),
            Purpose::Save => {
                self.panels.save.field().explain(NO_DIALOG);
                return;
            }
        };
        field.explain(NO_DIALOG);
        // In a narrow window the field would lie behind the other half of the panel.
        self.panels.training.form_in_front = matches!(purpose, Purpose::Training(_));
        self.desk.show(panel);
    }

    pub(super) fn chosen(&mut self, purpose: Purpose, path: &Path) {
        match purpose {
            Purpose::Dataset => {
                self.panels.dataset.path.set(path);
                match self.panels.dataset.request() {
                    Ok(request) => self.open_dataset(request),
                    Err(why) => self.model.problems.dataset = Some(why),
                }
            }
            Purpose::Observer => {
                self.panels.observer.path.set(path);
                match self.panels.observer.request() {
                    Ok(request) => self.load_observer(request),
                    Err(why) => self.model.problems.observer = Some(why),
                }
            }
            Purpose::Beside => self.edit(Command::AddBeside(path.to_owned())),
            Purpose::ClassMap => self.panels.observer.class_map.set(path),
            Purpose::Project => self.change_project(path.to_owned()),
            Purpose::Lost { at, .. } => {
                self.panels.relocate.field(at).set(path);
                self.relocate(Relocate::Look(at, path.to_owned()));
            }
            Purpose::Training(field) => self.panels.training.form.choose(field, path),
            Purpose::Trainings => self.open_trainings(path.to_owned()),
            Purpose::Compared => self.compare_set(path),
            Purpose::ImportPreset | Purpose::ExportPreset => self.presets_dialog.chosen(purpose, path),
            Purpose::Export(of) => self.chosen_for_export(of, path),
            Purpose::Save => self.write(path.to_owned(), true),
            Purpose::Output => {
                let name = self.default_name().unwrap_or_else(|| "distilled".to_owned());
                self.panels.recipe.out.set(&path.join(name));
                self.panels.recipe.out_typed = true;
            }
        }
    }

    /// Keys of the table, unless something lies over the panels or a text field has the keyboard. A dialog that was asked
    /// for in the last frame has them already, though it isn't there yet.
    pub(super) fn inputs(&mut self, ctx: &Context) {
        let asked = self.help.is_open()
            || self.palette.is_open()
            || self.presets_dialog.is_open()
            || self.panels.save.asked().is_some()
            || self.panels.culling.is_open()
            || self.panels.projects.open
            || self.model.project.relocation.is_some();
        if asked || !keyboard::is_free(ctx) {
            return;
        }
        // Keys without modifiers mean something to any widget that has the keyboard.
        let focused = ctx.memory(|m| m.focused().is_some());
        let culling =
            !focused && matches!(self.model.active, Some(Panel::Patches | Panel::Distilled | Panel::Suspects));
        let pressed = ctx.input_mut(|input| Action::pressed(input, culling));
        if !pressed.is_empty() {
            keyboard::heard(ctx);
        }
        self.intents.extend(pressed.into_iter().map(Intent::Do));
    }

    /// Takes the files that no field took.
    pub(super) fn drops(&mut self, ctx: &Context) {
        let dropped = ctx.input(|i| i.raw.dropped_files.clone());
        for file in dropped {
            self.dropped(&PathBuf::from(file.path()));
        }
    }

    fn dropped(&mut self, path: &Path) {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        let weights = ["pth", "pt", "th", "safetensors", "ckpt", "tar"].contains(&extension.as_str());
        self.chosen(if weights { Purpose::Observer } else { Purpose::Dataset }, path);
    }
}
