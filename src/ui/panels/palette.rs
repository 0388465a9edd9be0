//! The palette: everything that can be done or gone to, found by typing.

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui::{
    self, Context, Id, Key, Modifiers, Rect, Response, Role, ScrollArea, Sense, TextEdit, TextStyle, Ui, Vec2,
    WidgetInfo,
};

use super::scene::Scene;
use crate::core::data::dataset::Dataset;
use crate::core::distil::presets::PRESETS;
use crate::core::distil::recipe::Recipe;
use crate::core::train::presets::TRAIN_PRESETS;
use crate::core::workspace::Command;
use crate::jobs::open::{DatasetRequest, ObserverRequest};
use crate::store::presets::OwnRecipe;
use crate::ui::actions::Action;
use crate::ui::intent::{Intent, Panel};
use crate::ui::model::Model;
use crate::ui::search::{Distance, distance};
use crate::ui::theme::palette;
use crate::ui::widgets::text;

/// What was chosen lately, at most; offered first.
const REMEMBERED: usize = 12;
const ROW: f32 = 24.0;

/// What an entry leads to. Names, not numbers: what was chosen lately is found again in another dataset.
#[derive(Clone, Debug, PartialEq)]
enum Target {
    Command(Action),
    Panel(Panel),
    Class(String),
    Recipe(String, Recipe),
    OwnRecipe(String, Recipe),
    Training(String),
    Dataset(DatasetRequest),
    Observer(PathBuf, Option<String>),
}

impl Target {
    /// What kind of thing it is.
    fn kind(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::Panel(_) => "panel",
            Self::Class(_) => "class",
            Self::Recipe(..) | Self::OwnRecipe(..) => "recipe",
            Self::Training(_) => "training",
            Self::Dataset(_) => "dataset",
            Self::Observer(..) => "observer",
        }
    }
}

struct Entry {
    text: String,
    /// What is searched.
    lower: String,
    /// One sentence, for the tooltip; searched, too.
    about: String,
    target: Target,
}

impl Entry {
    fn new(text: impl Into<String>, about: impl Into<String>, target: Target) -> Self {
        let text = text.into();
        Self { lower: text.to_lowercase(), text, about: about.into(), target }
    }
}

/// The palette's state.
#[derive(Default)]
pub struct Palette {
    /// Everything there is, from when it was opened; nothing while it is closed.
    entries: Option<Vec<Entry>>,
    typed: String,
    /// The entries that answer, the best first.
    found: Vec<usize>,
    at: usize,
    reveal: bool,
    /// What was chosen lately, latest first.
    lately: Vec<Target>,
}

impl Palette {
    /// Opens it, empty.
    pub fn open(&mut self, model: &Model) {
        self.entries = Some(entries(model));
        self.typed.clear();
        self.search();
    }

    /// Whether it lies over the panels.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.entries.is_some()
    }

    /// Shows it, if it is open.
    pub fn show(&mut self, ctx: &Context, scene: &mut Scene<'_>) {
        if !self.is_open() {
            return;
        }
        let room = scene.room;
        let top = Vec2::new(0.0, room.top() + 24.0);
        let area = egui::Modal::default_area(Id::unique("palette")).anchor(egui::Align2::CENTER_TOP, top);
        let shown = egui::Modal::new(Id::unique("palette")).area(area).show(ctx, |ui| {
            ui.set_width((room.width() - 40.0).clamp(200.0, 620.0));
            let entered = self.field(ui);
            let clicked = self.list(ui, room, scene.model);
            clicked.or(entered.then_some(self.at))
        });
        if let Some(row) = shown.inner {
            self.run(row, scene);
        }
        if shown.should_close() {
            self.entries = None;
        }
    }

    /// The field; returns whether Enter was pressed.
    fn field(&mut self, ui: &mut Ui) -> bool {
        let last = self.found.len().saturating_sub(1);
        let pressed = |key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
        let entered = pressed(Key::Enter);
        for (key, to) in [
            (Key::ArrowDown, if self.at >= last { 0 } else { self.at + 1 }),
            (Key::ArrowUp, self.at.checked_sub(1).unwrap_or(last)),
            (Key::PageDown, (self.at + 8).min(last)),
            (Key::PageUp, self.at.saturating_sub(8)),
        ] {
            if pressed(key) {
                (self.at, self.reveal) = (to, true);
                break;
            }
        }
        let hint = "A command, class, preset, panel, dataset or observer";
        let field = ui.add(TextEdit::singleline(&mut self.typed).hint_text(hint).desired_width(f32::INFINITY));
        field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Find a command"));
        if !field.has_focus() {
            field.request_focus();
        }
        if field.changed() {
            self.search();
        }
        entered
    }

    /// The rows in view; returns the one that was clicked.
    fn list(&mut self, ui: &mut Ui, room: Rect, model: &Model) -> Option<usize> {
        let entries = self.entries.as_deref().unwrap_or_default();
        let p = palette(ui.visuals());
        let words = match self.found.len() {
            0 => "Nothing answers this. Try a part of a word.".to_owned(),
            n => format!("showing {} of {}", text::thousands(n as u64), text::thousands(entries.len() as u64)),
        };
        ui.label(egui::RichText::new(words).small().color(p.weak));
        let height = (room.height() - 120.0).clamp(2.0 * ROW, 14.0 * ROW);
        ui.spacing_mut().item_spacing.y = 0.0;
        let mut area = ScrollArea::vertical().id_salt("found").max_height(height).auto_shrink([false, true]);
        // A short list made the palette small: a long one grows it again, and isn't scrolled in what was left.
        area = area.min_scrolled_height(height);
        if std::mem::take(&mut self.reveal) {
            area = area.vertical_scroll_offset((self.at as f32 * ROW - height / 2.0).max(0.0));
        }
        let mut clicked = None;
        area.show_rows(ui, ROW, self.found.len(), |ui, rows| {
            for row in rows {
                if let Some(entry) = self.found.get(row).and_then(|i| entries.get(*i))
                    && shown(ui, entry, (row == self.at, model)).clicked()
                {
                    clicked = Some(row);
                }
            }
        });
        clicked
    }

    /// Carries out what a row says, unless that can't be done now.
    fn run(&mut self, row: usize, scene: &mut Scene<'_>) {
        let entry = self.found.get(row).and_then(|i| self.entries.as_ref()?.get(*i));
        let Some(target) = entry.map(|e| e.target.clone()).filter(|t| why_not(t, scene.model).is_none()) else {
            return;
        };
        scene.out.extend(intents(&target, scene.model));
        self.lately.retain(|t| *t != target);
        self.lately.insert(0, target);
        self.lately.truncate(REMEMBERED);
        self.entries = None;
    }

    /// Finds what answers; what was chosen lately comes first among equals.
    fn search(&mut self) {
        let typed = self.typed.trim().to_lowercase();
        let entries = self.entries.as_deref().unwrap_or_default();
        let answer = |(i, entry): (usize, &Entry)| {
            let lately = self.lately.iter().position(|t| *t == entry.target).unwrap_or(usize::MAX);
            let mentioned = || entry.about.to_lowercase().contains(&typed).then_some(Distance::MENTIONED);
            distance(&typed, &entry.lower).or_else(mentioned).map(|distance| (distance, lately, i))
        };
        let mut found: Vec<(Distance, usize, usize)> = entries.iter().enumerate().filter_map(answer).collect();
        found.sort_unstable();
        self.found = found.into_iter().map(|(.., i)| i).collect();
        (self.at, self.reveal) = (0, true);
    }
}

/// Everything there is: commands in the order of the menus, then what they are about.
fn entries(model: &Model) -> Vec<Entry> {
    let commands = Action::all().filter(|a| *a != Action::Palette).map(Action::about);
    let commands = commands.map(|about| Entry::new(about.label, about.tooltip, Target::Command(about.action)));
    let panels = Panel::ALL.map(|p| Entry::new(p.title(), p.about(), Target::Panel(p)));
    let class = |c: &str, name: &str| Entry::new(c, name, Target::Class(name.to_owned()));
    let classes =
        |data: &Arc<Dataset>| -> Vec<Entry> { data.classes().iter().map(|c| class(c.shown(), &c.name)).collect() };
    let recipes = PRESETS.map(|p| Entry::new(p.name, p.about, Target::Recipe(p.name.to_owned(), p.recipe())));
    let trainings = TRAIN_PRESETS.map(|p| Entry::new(p.name, p.about, Target::Training(p.name.to_owned())));
    let own = model.presets.presets.iter().map(|own| {
        let target = match &own.recipe {
            OwnRecipe::Distil(recipe) => Target::OwnRecipe(own.name.clone(), recipe.clone()),
            OwnRecipe::Train(_) => Target::Training(own.name.clone()),
        };
        Entry::new(&own.name, &own.about, target)
    });
    let datasets = model.recent.datasets.iter().map(|recent| {
        let request = DatasetRequest { holdout: recent.holdout, ..DatasetRequest::whole(&recent.root) };
        let about = text::count(recent.images, "image", "images");
        Entry::new(recent.root.to_string_lossy(), about, Target::Dataset(request))
    });
    let observers = model.recent.observers.iter().map(|recent| {
        let part = recent.part.as_ref().map_or_else(String::new, |part| format!(" ({part})"));
        let text = format!("{}{part}", recent.path.to_string_lossy());
        Entry::new(text, recent.network.clone(), Target::Observer(recent.path.clone(), recent.part.clone()))
    });
    let mut all: Vec<Entry> = commands.chain(panels).collect();
    all.extend(model.dataset().map(classes).unwrap_or_default());
    all.extend(recipes.into_iter().chain(trainings).chain(own).chain(datasets).chain(observers));
    all
}

/// Why an entry can't be followed now.
fn why_not(target: &Target, model: &Model) -> Option<&'static str> {
    match target {
        Target::Command(action) => model.why_not(*action),
        Target::Observer(..) => model.why_not(Action::OpenObserver),
        _ => None,
    }
}

fn intents(target: &Target, model: &Model) -> Vec<Intent> {
    match target {
        Target::Command(action) => vec![Intent::Do(*action)],
        Target::Panel(panel) => vec![Intent::Show(*panel)],
        Target::Class(name) => match model.dataset().and_then(|data| data.class_named(name)) {
            Some(class) => vec![Intent::Edit(Command::ShowClass(Some(class))), Intent::Show(Panel::Patches)],
            None => Vec::new(),
        },
        Target::Recipe(_, preset) => {
            let now = model.workspace.recipe();
            let recipe = Recipe { ipc: now.ipc, seed: now.seed, ..preset.clone() };
            vec![Intent::Edit(Command::SetRecipe(recipe)), Intent::Show(Panel::Recipe)]
        }
        Target::OwnRecipe(_, recipe) => {
            vec![Intent::Edit(Command::SetRecipe(recipe.clone())), Intent::Show(Panel::Recipe)]
        }
        Target::Training(name) => vec![Intent::TrainPreset(name.clone())],
        Target::Dataset(request) => vec![Intent::OpenDataset(request.clone())],
        Target::Observer(file, part) => {
            let request = ObserverRequest { file: file.clone(), part: part.clone(), ..ObserverRequest::default() };
            vec![Intent::OpenObserver(request)]
        }
    }
}

fn shown(ui: &mut Ui, entry: &Entry, (chosen, model): (bool, &Model)) -> Response {
    let p = palette(ui.visuals());
    let why_not = why_not(&entry.target, model);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), Sense::CLICK);
    let kind = entry.target.kind();
    let name = format!("{kind}: {}", entry.text);
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, why_not.is_none(), chosen, &name));
    if chosen || response.hovered() {
        let fill = if chosen { ui.visuals().selection.bg_fill } else { ui.visuals().widgets.hovered.bg_fill };
        ui.painter().rect_filled(rect, 3.0, fill);
    }
    let inner = rect.shrink2(Vec2::new(8.0, 0.0));
    let keys = match &entry.target {
        Target::Command(action) => action.about().keys(ui.ctx()),
        _ => None,
    };
    let right = why_not.map_or_else(|| keys.unwrap_or_else(|| kind.to_owned()), str::to_owned);
    let right = text::elided(ui, &right, inner.width() * 0.4, (TextStyle::Small, p.weak));
    let left = inner.with_max_x(inner.right() - right.size().x - 10.0);
    let color = if why_not.is_some() { p.weak } else { p.text };
    text::line(ui, left, &entry.text, (TextStyle::Body, color));
    let at = egui::Pos2::new(inner.right() - right.size().x, inner.center().y - right.size().y / 2.0);
    ui.painter().galley(at, right, p.weak);
    response.on_hover_text(format!("{}\n{}", entry.text, entry.about))
}
