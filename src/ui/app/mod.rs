//! The window's state and the one place where intents are carried out. `logic` takes what came in; `ui` only paints.

use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use eframe::egui::{self, Context, ViewportCommand};
use egui_tiles::Tree;

use crate::core::workspace::{Command, Effects, Theme};
use crate::jobs::distill::DistillRequest;
use crate::jobs::open::ObserverRequest;
use crate::jobs::worker::{Event, Request, Worker};

use super::AppConfig;
use super::actions::Action;
use super::command_line;
use super::later;
use super::layout::{self, Docked, Panel};
use super::model::log::Level;
use super::model::{Intent, Model, Recent, Running};
use super::panels::{Panels, Scene, help, job_bar, menu};
use super::theme;
use super::widgets::dialog::{Dialogs, Purpose};
use super::widgets::gallery::Gallery;

mod distilling;
mod training;

/// The window.
pub struct App {
    model: Model,
    panels: Panels,
    tree: Tree<Panel>,
    gallery: Gallery,
    worker: Worker,
    project: Option<PathBuf>,
    dialogs: Dialogs,
    intents: Vec<Intent>,
    /// An observer to load as soon as the dataset is open.
    observer_next: Option<PathBuf>,
    /// A distillation that waits for the check's verdict.
    distil_next: Option<DistillRequest>,
    free_name: Option<Receiver<PathBuf>>,
    training: training::Pending,
    recent: Option<Receiver<Result<Recent, String>>>,
    help: bool,
    opened: std::time::Instant,
}

impl App {
    /// Makes the window's state and starts its threads.
    ///
    /// # Errors
    /// The system's reason where no thread can be started.
    pub fn new(ctx: &Context, config: AppConfig) -> std::io::Result<Self> {
        theme::install(ctx);
        ctx.set_theme(egui::Theme::Dark);
        let (waker, repaint) = (ctx.clone(), ctx.clone());
        let project = config.worker.project.clone();
        let mut app = Self {
            project: config.worker.project.clone(),
            model: Model::default(),
            panels: Panels::default(),
            tree: layout::default_tree(),
            gallery: Gallery::start(ctx)?,
            worker: Worker::start(config.worker, move || waker.request_repaint())?,
            dialogs: Dialogs::default(),
            intents: Vec::new(),
            observer_next: config.open_observer,
            distil_next: None,
            free_name: None,
            training: training::Pending::default(),
            recent: Some(later::later(move || {
                let read = Recent::read(project);
                repaint.request_repaint();
                read
            })),
            help: false,
            opened: std::time::Instant::now(),
        };
        app.list_trainings(ctx);
        if let Some(path) = config.open_dataset {
            app.open_dataset(path);
        }
        Ok(app)
    }

    /// What is shown, for tests and titles.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Whether nothing runs or waits and every picture has arrived.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.model.running.is_none() && self.model.waiting.is_empty() && self.gallery.is_idle()
    }

    /// Carries out an intent, as a panel would ask for it.
    pub fn ask(&mut self, ctx: &Context, intent: Intent) {
        self.execute(ctx, intent);
    }

    /// Brings a panel's tab to the front.
    pub fn bring_forward(&mut self, panel: Panel) {
        layout::show(&mut self.tree, panel);
    }

    fn drain(&mut self, ctx: &Context) {
        while let Some(event) = self.worker.poll() {
            self.take(event);
        }
        self.gallery.advance(ctx);
        if let Some((purpose, path)) = self.dialogs.poll(ctx) {
            self.chosen(purpose, &path);
        }
        if let Some(path) = self.free_name.as_ref().and_then(|r| r.try_recv().ok()) {
            self.free_name = None;
            if !self.panels.recipe.out_typed {
                self.panels.recipe.out.set(&path);
            }
        }
        self.drain_trainings(ctx);
        if let Some(read) = self.recent.as_ref().and_then(|r| r.try_recv().ok()) {
            self.recent = None;
            match read {
                Ok(recent) => self.model.recent = recent,
                Err(why) => self.model.say(Level::Warning, format!("what was opened before can't be listed: {why}")),
            }
        }
    }

    fn take(&mut self, event: Event) {
        let dataset = if let Event::Dataset(opened) = &event { Some(opened.dataset.clone()) } else { None };
        let checked = matches!(event, Event::Checked(_));
        let stopped = matches!(event, Event::Failed("check", _) | Event::Cancelled("check"));
        let settled = training::Settled::of(&event);
        let loaded = if let Event::Observer(opened) = &event { Some(opened.file.clone()) } else { None };
        self.model.take(event);
        if let Some(dataset) = dataset {
            self.gallery.open(dataset.clone());
            self.edit(Command::Opened { classes: dataset.classes().len() });
            self.panels.dataset.path.set(dataset.root());
            self.panels.recipe.out_typed = false;
            self.suggest_output();
            if let Some(file) = self.observer_next.take() {
                self.panels.observer.path.set(&file);
                self.open_observer(ObserverRequest { file, ..ObserverRequest::default() });
            } else {
                layout::show(&mut self.tree, Panel::Dataset);
            }
        }
        if let Some(file) = loaded {
            self.panels.observer.path.set(&file);
            self.request(Request::Check);
        }
        if checked {
            self.distil_if_allowed();
        }
        if stopped {
            self.distil_next = None;
        }
        self.settle_trainings(settled);
    }

    fn request(&mut self, request: Request) {
        self.queue(request);
    }

    /// Whether the worker took it.
    fn queue(&mut self, request: Request) -> bool {
        let name = request.name();
        match self.worker.request(request) {
            Ok(control) => {
                let began_secs = self.model.now_secs;
                self.model.waiting.push(Running { name, control, began_secs });
                true
            }
            Err(busy) => {
                self.model.say(Level::Error, format!("{name}: {busy}"));
                false
            }
        }
    }

    fn open_dataset(&mut self, path: PathBuf) {
        self.panels.dataset.path.set(&path);
        self.model.problems.dataset = None;
        self.distil_next = None;
        self.request(Request::OpenDataset(path));
    }

    fn open_observer(&mut self, request: ObserverRequest) {
        layout::show(&mut self.tree, Panel::Observer);
        self.model.problems.observer = None;
        self.model.observer_request = Some(request.clone());
        self.request(Request::OpenObserver(request));
    }

    fn chosen(&mut self, purpose: Purpose, path: &Path) {
        match purpose {
            Purpose::Dataset => self.open_dataset(path.to_owned()),
            Purpose::Observer => {
                self.panels.observer.path.set(path);
                match self.panels.observer.request() {
                    Ok(request) => self.open_observer(request),
                    Err(why) => self.model.problems.observer = Some(why),
                }
            }
            Purpose::ClassMap => self.panels.observer.class_map.set(path),
            Purpose::Training(field) => self.panels.training.form.choose(field, path),
            Purpose::Trainings => self.open_trainings(path.to_owned()),
            Purpose::Curves(kind) => self.export(kind, path.to_owned(), true),
            Purpose::Output => {
                let name = self.default_name().unwrap_or_else(|| "distilled".to_owned());
                self.panels.recipe.out.set(&path.join(name));
                self.panels.recipe.out_typed = true;
            }
        }
    }

    fn edit(&mut self, command: Command) {
        let ipc = self.model.workspace.recipe().ipc;
        let effects = match self.model.workspace.apply(command) {
            Ok(effects) => effects,
            Err(error) => {
                self.model.say(Level::Error, error.to_string());
                return;
            }
        };
        let Effects { reselect, reveal, .. } = effects;
        if reselect {
            // Of a method without patches the last ranking stays as it is, and nobody shows it.
            let recipe = self.model.workspace.recipe().rded();
            if let (Some(data), Some(recipe)) = (self.model.data.clone(), recipe) {
                self.model.ranking.update(&data.dataset, &recipe);
            }
            if self.model.workspace.recipe().ipc != ipc {
                self.suggest_output();
            }
        }
        self.model.reveal |= reveal;
    }

    fn execute(&mut self, ctx: &Context, intent: Intent) {
        match intent {
            Intent::Do(action) => self.act(ctx, action),
            Intent::Edit(command) => {
                self.edit(command);
                ctx.set_theme(theme::of(self.model.workspace.theme()));
            }
            Intent::OpenDataset(path) => self.open_dataset(path),
            Intent::OpenObserver(request) => self.open_observer(request),
            Intent::Browse(purpose) => self.dialogs.ask(purpose),
            Intent::Copy(text, what) => {
                ctx.copy_text(text);
                self.model.say(Level::Info, format!("copied {what}"));
            }
            Intent::Train(request) => self.train(request),
            Intent::Trainings(change) => self.model.trainings.change(change),
            Intent::OpenTrainings(folder) => self.open_trainings(folder),
            Intent::Export(kind, path) => self.export(kind, path, false),
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
            Action::OpenDataset => self.dialogs.ask(Purpose::Dataset),
            Action::OpenObserver => self.dialogs.ask(Purpose::Observer),
            Action::Check => self.request(Request::Check),
            Action::Score => self.score(),
            Action::Distil => match self.panels.recipe.target() {
                Some((out, force)) => self.distil(out, force),
                None => self.model.problems.distil = Some("Give an output folder above.".to_owned()),
            },
            Action::CopyCommand => self.execute(ctx, Intent::Copy(self.command_line(), "the command line")),
            Action::CopyLog => self.execute(ctx, Intent::Copy(self.model.log.text(), "the log")),
            Action::Undo => self.edit(Command::Undo),
            Action::Redo => self.edit(Command::Redo),
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
            Action::ToggleTheme => {
                let dark = self.model.workspace.theme() == Theme::Dark;
                let theme = if dark { Theme::Light } else { Theme::Dark };
                self.execute(ctx, Intent::Edit(Command::SetTheme(theme)));
            }
            Action::ResetLayout => self.tree = layout::default_tree(),
            Action::Help => self.help = true,
            Action::ShowDistilling => layout::show_distilling(&mut self.tree),
            Action::ShowTraining => layout::show(&mut self.tree, Panel::Training),
            Action::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
            of_training => self.act_on_training(ctx, of_training),
        }
    }

    /// The call that repeats what the window shows.
    #[must_use]
    pub fn command_line(&self) -> String {
        command_line::of(&self.model, self.panels.recipe.target().map(|(out, _)| out))
    }

    /// Keys of the table and dropped files.
    fn inputs(&mut self, ctx: &Context) {
        if !self.help
            && !ctx.text_edit_focused()
            && let Some(action) = ctx.input_mut(Action::pressed)
        {
            self.intents.push(Intent::Do(action));
        }
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

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.model.now_secs = self.opened.elapsed().as_secs_f64();
        self.drain(ctx);
        if self.model.running.is_some() {
            ctx.request_repaint_after(std::time::Duration::from_millis(100));
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.inputs(&ctx);
        let scene = Scene { model: &self.model, gallery: &mut self.gallery, out: &mut self.intents };
        let mut docked = Docked { panels: &mut self.panels, scene };
        let p = theme::palette(ui.visuals());
        let bar = egui::Frame::new().fill(p.raised).inner_margin(egui::Margin::symmetric(8, 3));
        egui::Panel::top("menu").frame(bar).show(ui, |ui| menu::show(ui, &mut docked.scene));
        egui::Panel::bottom("jobs").exact_size(34.0).frame(bar).show(ui, |ui| job_bar::show(ui, &mut docked.scene));
        let ground = egui::Frame::new().fill(p.well);
        egui::CentralPanel::default().frame(ground).show(ui, |ui| {
            let fill = egui::Frame::new().fill(p.ground);
            fill.show(ui, |ui| self.tree.ui(&mut docked, ui));
        });
        if self.help {
            self.help = help::show(&ctx);
        }
        self.model.reveal = false;
        for intent in std::mem::take(&mut self.intents) {
            self.execute(&ctx, intent);
        }
    }
}
