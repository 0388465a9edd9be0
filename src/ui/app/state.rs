//! The window's state, and what every part of it needs: requests to the worker, panels brought forward, texts copied.

use std::path::PathBuf;
use std::sync::mpsc::Receiver;

use eframe::egui::{self, Context};

use super::attention::Attention;
use super::docked::Panels;
use super::kept::{Keeping, Start};
use super::pending::{OpeningSet, Ordering, Pending, PendingExport, PendingMoved, PresetWork, Tuning};
use crate::core::data::dataset::ImageId;
use crate::core::distil::patch::CropBox;
use crate::core::workspace::Command;
use crate::jobs::open::{DatasetRequest, ObserverRequest};
use crate::jobs::opinion::Opinions;
use crate::jobs::worker::{Request, Worker, WorkerConfig};
use crate::ui::fonts::Fallback;
use crate::ui::intent::{Intent, Panel};
use crate::ui::layout::Desk;
use crate::ui::model::log::Level;
use crate::ui::model::saved::Saved;
use crate::ui::model::{Model, Recent, Running};
use crate::ui::panels::help::Help;
use crate::ui::panels::palette::Palette;
use crate::ui::panels::presets::PresetsDialog;
use crate::ui::panels::tour::Tour;
use crate::ui::theme;
use crate::ui::widgets::dialog::Dialogs;
use crate::ui::widgets::gallery::Gallery;

/// What the window takes from the desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Desktop {
    /// Its file dialogs. Without them paths are typed.
    pub dialogs: bool,
    /// Its fonts, for scripts that the built-in ones lack.
    pub fonts: bool,
}

impl Default for Desktop {
    fn default() -> Self {
        Self { dialogs: true, fonts: true }
    }
}

/// What the window opens with.
#[derive(Clone, Debug, Default)]
pub struct AppConfig {
    /// Dataset to open at start.
    pub open_dataset: Option<DatasetRequest>,
    /// Observer to load once that dataset is open.
    pub open_observer: Option<PathBuf>,
    /// Nothing of what the project was left with is opened.
    pub fresh: bool,
    /// The built-in sample is opened where the project was left with nothing.
    pub sample: bool,
    /// The file that lists the user's projects; `None`: none is kept.
    pub projects: Option<PathBuf>,
    /// Project folder, device, batch, threads.
    pub worker: WorkerConfig,
    /// What it takes from the desktop.
    pub desktop: Desktop,
    /// The folder of the user's settings, such as presets; without one none are kept.
    pub settings: Option<PathBuf>,
    /// Begin with the tour where nothing was opened before and the settings don't say that it was seen.
    pub tour: bool,
}

/// The window.
pub struct App {
    pub(super) model: Model,
    pub(super) panels: Panels,
    pub(super) desk: Desk,
    pub(super) gallery: Gallery,
    pub(super) worker: Worker,
    pub(super) project: Option<PathBuf>,
    pub(super) opinions: Opinions,
    /// The patch that the observer was asked about last.
    pub(super) asked_about: Option<(ImageId, CropBox)>,
    pub(super) dialogs: Dialogs,
    pub(super) fonts: Fallback,
    pub(super) intents: Vec<Intent>,
    /// An observer to load as soon as the dataset is open.
    pub(super) observer_next: Option<ObserverRequest>,
    pub(super) keeping: Keeping,
    /// A distillation that waits for the check's verdict.
    pub(super) distil_next: Option<Request>,
    pub(super) free_name: Option<Receiver<PathBuf>>,
    pub(super) training: Pending,
    pub(super) exports: PendingExport,
    pub(super) moved: PendingMoved,
    /// Sets that are being opened to be compared.
    pub(super) opening_sets: Vec<OpeningSet>,
    pub(super) tuning: Tuning,
    pub(super) ordering: Ordering,
    /// Files that are being saved.
    pub(super) saved: Vec<Receiver<Result<Saved, String>>>,
    /// A command line that is copied as soon as its file is written.
    pub(super) copied: Option<Receiver<Result<String, String>>>,
    pub(super) recent: Option<Receiver<Result<Recent, String>>>,
    pub(super) help: Help,
    pub(super) tour: Tour,
    /// Whether the tour is due, once that is known.
    pub(super) tour_due: Option<Receiver<bool>>,
    pub(super) tour_noted: Option<Receiver<Result<(), String>>>,
    pub(super) attention: Attention,
    pub(super) palette: Palette,
    /// The folder of the user's settings, where there is one.
    pub(super) settings: Option<PathBuf>,
    pub(super) presets: PresetWork,
    pub(super) presets_dialog: PresetsDialog,
    pub(super) opened: std::time::Instant,
}

impl App {
    /// Makes the window's state and starts its threads.
    ///
    /// # Errors
    /// The system's reason where no thread can be started.
    pub fn new(ctx: &Context, config: AppConfig) -> std::io::Result<Self> {
        theme::install(ctx);
        ctx.set_theme(egui::Theme::Dark);
        let (waker, answered) = (ctx.clone(), ctx.clone());
        let project = config.worker.project.clone();
        let AppConfig { open_dataset: dataset, open_observer: observer, fresh, sample, projects, .. } = config;
        let keeping = Keeping::new(ctx, projects, Start { dataset, observer, fresh, sample });
        let mut app = Self {
            project: project.clone(),
            keeping,
            model: Model { live: true, ..Model::default() },
            panels: Panels::default(),
            desk: Desk::default(),
            gallery: Gallery::start(ctx)?,
            worker: Worker::start(config.worker, move || waker.request_repaint())?,
            opinions: Opinions::start(move || answered.request_repaint())?,
            asked_about: None,
            dialogs: Dialogs::new(config.desktop.dialogs),
            fonts: Fallback::install(ctx, config.desktop.fonts),
            intents: Vec::new(),
            observer_next: None,
            distil_next: None,
            free_name: None,
            training: Pending::default(),
            exports: PendingExport::default(),
            moved: PendingMoved::default(),
            opening_sets: Vec::new(),
            tuning: Tuning::default(),
            ordering: Ordering::default(),
            saved: Vec::new(),
            copied: None,
            recent: None,
            help: Help::default(),
            tour: Tour::default(),
            tour_due: None,
            tour_noted: None,
            attention: Attention::default(),
            palette: Palette::default(),
            settings: config.settings,
            presets: PresetWork::default(),
            presets_dialog: PresetsDialog::default(),
            opened: std::time::Instant::now(),
        };
        // What it was left with comes with the answer, and with it what the command line asks for.
        app.request(Request::OpenProject(project));
        app.list_presets(ctx);
        if config.tour {
            app.ask_for_tour(ctx);
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
        let settled = self.moved_is_idle() && self.opening_sets.is_empty();
        !self.model.is_busy() && self.gallery.is_idle() && settled && !self.keeping.is_reading()
    }

    /// Brings a panel's tab to the front.
    pub fn bring_forward(&mut self, panel: Panel) {
        self.desk.show(panel);
    }

    /// Bytes of the thumbnails that are kept, and the most that may be.
    #[must_use]
    pub fn thumbnails(&self) -> (usize, usize) {
        self.gallery.memory()
    }

    /// Has the worker do something besides what panels ask for, as the benchmark does.
    pub fn work_on(&mut self, request: Request) {
        self.request(request);
    }

    pub(super) fn request(&mut self, request: Request) {
        self.queue(request);
    }

    /// Whether the worker took it.
    pub(super) fn queue(&mut self, request: Request) -> bool {
        let job = request.job();
        match self.worker.request(request) {
            Ok(control) => {
                let began_secs = self.model.now_secs;
                self.model.waiting.push(Running { job, control, began_secs });
                true
            }
            Err(busy) => {
                self.model.say(Level::Error, format!("{job}: {busy}"));
                false
            }
        }
    }

    pub(super) fn open_dataset(&mut self, request: DatasetRequest) {
        self.panels.dataset.set(&request);
        self.model.problems.dataset = None;
        self.distil_next = None;
        self.request(Request::OpenDataset(request));
    }

    pub(super) fn open_observer(&mut self, request: ObserverRequest) {
        self.desk.show(Panel::Observer);
        self.ask_for_observer(request);
    }

    /// Has an observer loaded, whichever panel is in front.
    pub(super) fn ask_for_observer(&mut self, request: ObserverRequest) {
        self.model.problems.observer = None;
        self.model.observer_request = Some(request.clone());
        self.request(Request::OpenObserver(request));
    }

    /// Forgets everything that is open; the log, the device and the look stay.
    pub(super) fn close(&mut self) {
        let model = std::mem::take(&mut self.model);
        let theme = model.workspace.theme();
        (self.model.now_secs, self.model.live) = (model.now_secs, model.live);
        (self.model.log, self.model.device, self.model.project.recent) =
            (model.log, model.device, model.project.recent);
        // A theme is never out of range.
        let _ = self.model.workspace.apply(Command::SetTheme(theme));
        (self.panels, self.training) = (Panels::default(), Pending::default());
        (self.observer_next, self.distil_next, self.free_name, self.recent) = (None, None, None, None);
        (self.tuning, self.ordering, self.asked_about) = (Tuning::default(), Ordering::default(), None);
        (self.moved, self.opening_sets) = (PendingMoved::default(), Vec::new());
        self.keeping.close();
    }

    pub(super) fn copy(&mut self, ctx: &Context, text: String, what: &str) {
        // Not every desktop has a clipboard that can be reached: a line can be selected in the log, too.
        let said = if text.contains('\n') { format!("copied {what}") } else { format!("copied {what}: {text}") };
        ctx.copy_text(text);
        self.model.say(Level::Info, said);
    }
}
