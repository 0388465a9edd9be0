//! A frame: [`App::advance`] takes what came in, [`App::paint`] only paints, and then what was asked for is carried out.

use std::sync::Arc;

use eframe::egui::{self, Context};

use super::docked::Docked;
use super::state::App;
use super::training::Settled;
use crate::core::workspace::Command;
use crate::jobs::open::DatasetRequest;
use crate::jobs::worker::{Event, Job, OpenedDataset, OpenedProject, Request};
use crate::ui::intent::Panel;
use crate::ui::model::log::Level;
use crate::ui::panels::scene::Scene;
use crate::ui::panels::{job_bar, menu};
use crate::ui::theme;
use crate::ui::widgets::dialog::Answered;
use crate::ui::widgets::scrolls;

/// What finding the patches that pass the filter may take of a frame.
const LISTING: std::time::Duration = std::time::Duration::from_millis(4);

impl App {
    fn drain(&mut self, ctx: &Context) {
        while let Some(event) = self.worker.poll() {
            self.receive(event);
        }
        self.drain_moved(ctx);
        self.drain_compared();
        self.gallery.advance(ctx);
        match self.dialogs.poll(ctx) {
            Some((purpose, Answered::Chosen(path))) => self.chosen(purpose, &path),
            Some((purpose, Answered::NoDialog)) => self.no_dialog(purpose),
            None => {}
        }
        if let Some(path) = self.free_name.as_ref().and_then(|r| r.try_recv().ok()) {
            self.free_name = None;
            if !self.panels.recipe.out_typed {
                self.panels.recipe.out.set(&path);
            }
        }
        self.drain_reopening();
        self.drain_trainings(ctx);
        self.drain_presets(ctx);
        self.drain_tour();
        self.drain_exports(ctx);
        self.drain_opinions();
        self.drain_saved(ctx);
        self.drain_copied(ctx);
        if let Some(read) = self.recent.as_ref().and_then(|r| r.try_recv().ok()) {
            self.recent = None;
            match read {
                Ok(recent) => self.model.recent = recent,
                Err(why) => self.model.say(Level::Warning, format!("what was opened before can't be listed: {why}")),
            }
        }
    }

    /// Takes an event as the worker reports it.
    pub fn receive(&mut self, event: Event) {
        let opened = if let Event::Dataset(opened) = &event { Some(opened.clone()) } else { None };
        let scores_of_another = matches!(event, Event::Observer(_) | Event::Reordered(_));
        let checked = matches!(event, Event::Checked(_));
        let stopped = matches!(event, Event::Failed(Job::Check, _) | Event::Cancelled(Job::Check));
        let unloaded = matches!(event, Event::Failed(Job::OpenObserver, _) | Event::Cancelled(Job::OpenObserver));
        let settled = Settled::of(&event);
        let opens = matches!(event, Event::Dataset(_) | Event::Observer(_));
        self.watch(&event);
        self.tuning_heard(&event);
        self.settle_exports(&event);
        self.settle_moved(&event);
        let loaded = if let Event::Observer(opened) = &event { Some(opened.clone()) } else { None };
        let news = News::of(&event);
        self.touched();
        if opened.is_some() {
            self.save_before_another();
        }
        self.model.take(event);
        self.model.culling.remarked();
        if scores_of_another {
            // They were forgotten, and with them what the curation makes of them.
            self.rank();
        }
        if let Some(opened) = opened {
            self.dataset_came(&opened);
        }
        if let Some(opened) = loaded {
            self.observer_came(Some(&opened));
            if self.reopened_observer() {
                self.panels.observer.set(&opened.request);
            } else {
                self.panels.observer.path.set(&opened.file);
                self.request(Request::Check);
            }
        }
        if unloaded {
            self.observer_came(None);
            self.distil_next = None;
        }
        self.take_news(news);
        if checked {
            self.distil_if_allowed();
        }
        // The check of an order that was given up says nothing of the one that is coming.
        if stopped && !self.awaits_observer() {
            self.distil_next = None;
        }
        self.settle_trainings(settled);
        if opens {
            self.point();
        }
    }

    /// Shows a dataset that was opened, and loads the observer that is to follow.
    fn dataset_came(&mut self, opened: &Arc<OpenedDataset>) {
        let dataset = &opened.dataset;
        self.gallery.open(dataset.clone(), opened.held_out.clone());
        self.edit(Command::Opened { classes: dataset.classes().len() });
        let (path, holdout) = (dataset.root().to_owned(), dataset.holdout());
        self.panels.dataset.set(&DatasetRequest { path, folders: opened.folders, holdout });
        self.panels.recipe.out_typed = false;
        self.suggest_output();
        self.resolve(opened);
        if self.keeping.reopening.is_none() {
            match self.observer_next.take() {
                Some(request) => {
                    self.panels.observer.path.set(&request.file);
                    self.open_observer(request);
                }
                None => self.desk.show(Panel::Dataset),
            }
        }
    }
}

/// What an event means for the project.
enum News {
    Opened(Arc<OpenedProject>),
    Held,
    /// The dataset can't be opened, or else the observer.
    NotOpened {
        dataset: bool,
    },
    Recalled,
    /// A run has ended, well or not.
    Ran,
    None,
}

impl News {
    fn of(event: &Event) -> Self {
        match event {
            Event::Project(opened) => Self::Opened(opened.clone()),
            Event::Held => Self::Held,
            Event::Failed(Job::OpenDataset, _) | Event::Cancelled(Job::OpenDataset) => {
                Self::NotOpened { dataset: true }
            }
            Event::Failed(Job::OpenObserver, _) | Event::Cancelled(Job::OpenObserver) => {
                Self::NotOpened { dataset: false }
            }
            Event::Finished(Job::Recall) => Self::Recalled,
            Event::Finished(Job::Distill) => Self::Ran,
            _ => Self::None,
        }
    }
}

impl App {
    fn take_news(&mut self, news: News) {
        match news {
            News::Opened(opened) => self.take_project(&opened),
            News::Held => self.take_held(),
            News::NotOpened { dataset } => {
                if self.keeping.reopening.is_none() {
                    self.ask_whether_moved(dataset);
                }
                self.not_reopened(dataset);
            }
            News::Ran => self.list_runs(),
            News::Recalled => scrolls::scroll_at_last(&self.keeping.ctx),
            News::None => {}
        }
    }

    /// Takes what the worker, the pictures' threads and the dialogs have brought.
    pub fn advance(&mut self, ctx: &Context) {
        self.model.now_secs = self.opened.elapsed().as_secs_f64();
        self.drain(ctx);
        self.attend(ctx);
        self.tune(ctx);
        self.settle_order();
        self.settle_beside();
        if self.model.list(LISTING) {
            ctx.request_repaint();
        }
        self.keep(ctx);
        if self.model.running.is_some() {
            ctx.request_repaint_after(std::time::Duration::from_millis(100));
        }
    }

    /// Paints the window, and then carries out what was asked for in it.
    pub fn paint(&mut self, ui: &mut egui::Ui) {
        let ctx = ui.ctx().clone();
        self.inputs(&ctx);
        let window = ctx.content_rect();
        let scene = Scene { model: &self.model, gallery: &mut self.gallery, out: &mut self.intents, room: window };
        let pointed = self.tour.panel().map(|panel| (panel, None));
        let mut docked = Docked { panels: &mut self.panels, scene, pointed, active_in_view: false };
        let p = theme::palette(ui.visuals());
        let bar = egui::Frame::new().fill(p.raised).inner_margin(egui::Margin::symmetric(8, 3));
        egui::Panel::top("menu").frame(bar).show(ui, |ui| menu::show(ui, &mut docked.scene));
        egui::Panel::bottom("jobs").exact_size(34.0).frame(bar).show(ui, |ui| job_bar::show(ui, &mut docked.scene));
        let ground = egui::Frame::new().fill(p.well);
        egui::CentralPanel::default().frame(ground).show(ui, |ui| {
            docked.scene.room = ui.max_rect();
            let fill = egui::Frame::new().fill(p.ground);
            fill.show(ui, |ui| self.desk.fitting(window.size()).ui(&mut docked, ui));
        });
        self.palette.show(&ctx, &mut docked.scene);
        self.presets_dialog.show(&ctx, &mut docked.scene);
        docked.panels.save.show(&ctx, &mut docked.scene);
        docked.panels.culling.show(&ctx, &mut docked.scene);
        let (room, in_view) = (docked.scene.room, docked.active_in_view);
        let target = docked.pointed.and_then(|(_, rect)| rect);
        if !in_view {
            self.model.active = None;
        }
        let project = &self.model.project;
        self.panels.projects.show(&ctx, (project, room), &mut self.intents);
        if let Some(relocation) = &project.relocation {
            self.panels.relocate.show(&ctx, (relocation, room), &mut self.intents);
        }
        let pressed = self.tour.show(&ctx, room, target);
        self.toured(pressed);
        self.attention.notices.show(&ctx, (room, self.model.now_secs), &mut self.intents);
        self.help.show(&ctx, room);
        self.drops(&ctx);
        if let Some(missing) = self.fonts.advance(&ctx) {
            self.model.say(Level::Warning, missing);
        }
        self.model.reveal = false;
        for intent in std::mem::take(&mut self.intents) {
            self.touched();
            self.execute(&ctx, intent);
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.advance(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.paint(ui);
    }
}
