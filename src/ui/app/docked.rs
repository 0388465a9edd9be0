//! The panels in their tiles.

use eframe::egui::{Rect, Stroke, Ui, Vec2, Visuals, WidgetText};
use egui_tiles::{Behavior, Tile, TileId, Tiles, UiResponse};

use crate::store::files::KeptPath;
use crate::store::window::View;
use crate::ui::intent::{Intent, Panel};
use crate::ui::panels::culling::dialogs::CullingDialogs;
use crate::ui::panels::scene::Scene;
use crate::ui::panels::{
    classes, compare, dataset, distilled, export, history, log, observer, patches, projects, recipe, refine, relocate,
    runs, save, scores, source_image, suspects, training,
};
use crate::ui::theme::palette;
use crate::ui::widgets::room::at_least;

/// The tab over all panels of distilling.
const DISTILLING: &str = "Distilling";

/// What the panels remember between frames by themselves: typed paths, thumbnail sizes.
#[derive(Default)]
pub struct Panels {
    /// Dataset.
    pub dataset: dataset::DatasetPanel,
    /// Observer.
    pub observer: observer::ObserverPanel,
    /// Recipe.
    pub recipe: recipe::RecipePanel,
    /// Training.
    pub training: training::TrainingPanel,
    /// Export.
    pub export: export::ExportPanel,
    /// Patches.
    pub patches: patches::PatchesPanel,
    /// Where a plot or a table is saved to.
    pub save: save::SaveWindow,
    /// The dialog that opens projects.
    pub projects: projects::ProjectsDialog,
    /// The dialog that finds what has gone.
    pub relocate: relocate::RelocateDialog,
    classes: classes::ClassesPanel,
    scores: scores::ScoresPanel,
    source: source_image::SourcePanel,
    runs: runs::RunsPanel,
    history: history::HistoryPanel,
    log: log::LogPanel,
    /// The dialogs of culling.
    pub culling: CullingDialogs,
    distilled: distilled::DistilledPanel,
    /// Images whose pixels are moved.
    pub refine: refine::RefinePanel,
    /// Images whose labels are suspicious.
    suspects: suspects::SuspectsPanel,
    /// Sets side by side.
    pub compare: compare::ComparePanel,
}

impl Panels {
    /// What they show and what was typed into them, to be kept.
    #[must_use]
    pub fn view(&self) -> View {
        let sides = [
            ("patches", self.patches.side),
            ("distilled", self.distilled.side),
            ("refined", self.refine.side),
            ("compared", self.compare.side),
            ("suspects", self.suspects.side),
        ];
        View {
            thumbnails: sides.map(|(name, side)| (name.to_owned(), side)).into(),
            source: Some(self.source.view()),
            class_filter: self.dataset.filter.clone(),
            out: (self.recipe.out_typed && !self.recipe.out.is_empty()).then(|| KeptPath(self.recipe.out.path())),
            ..View::default()
        }
    }

    /// Shows what was kept.
    pub fn restore(&mut self, view: &View) {
        let side = |name: &str| view.thumbnails.get(name).copied().filter(|side| side.is_finite());
        let sides = [
            (&mut self.patches.side, "patches"),
            (&mut self.distilled.side, "distilled"),
            (&mut self.refine.side, "refined"),
            (&mut self.compare.side, "compared"),
            (&mut self.suspects.side, "suspects"),
        ];
        for (own, name) in sides {
            *own = side(name).map_or(*own, |side| side.clamp(32.0, 256.0));
        }
        view.source.into_iter().for_each(|source| self.source.restore(source));
        self.dataset.filter = view.class_filter.clone();
        if let Some(out) = &view.out {
            self.recipe.out.set(&out.0);
            self.recipe.out_typed = true;
        }
    }

    /// Shows one panel.
    pub fn show(&mut self, ui: &mut Ui, panel: Panel, scene: &mut Scene<'_>) {
        // Paths and file names are long; without this they would widen the panel.
        ui.style_mut().wrap_mode = None;
        at_least(ui, least(panel), |ui| match panel {
            Panel::Dataset => self.dataset.show(ui, scene),
            Panel::Observer => self.observer.show(ui, scene),
            Panel::Recipe => self.recipe.show(ui, scene),
            Panel::Patches => self.patches.show(ui, scene),
            Panel::Distilled => self.distilled.show(ui, scene),
            Panel::Refine => self.refine.show(ui, scene),
            Panel::Training => self.training.show(ui, scene),
            Panel::Compare => self.compare.show(ui, scene),
            Panel::Classes => self.classes.show(ui, scene),
            Panel::Suspects => self.suspects.show(ui, scene),
            Panel::Scores => self.scores.show(ui, scene),
            Panel::Source => self.source.show(ui, scene),
            Panel::Export => self.export.show(ui, scene),
            Panel::Runs => self.runs.show(ui, scene),
            Panel::History => self.history.show(ui, scene),
            Panel::Log => self.log.show(ui, scene),
        });
    }
}

/// The size from which on a panel's parts have room beside and below each other; in less it is scrolled.
fn least(panel: Panel) -> Vec2 {
    match panel {
        Panel::Dataset | Panel::Observer => Vec2::new(240.0, 120.0),
        Panel::Classes => Vec2::new(280.0, 420.0),
        Panel::Suspects => Vec2::new(280.0, 440.0),
        Panel::Scores | Panel::Source | Panel::Export => Vec2::new(240.0, 160.0),
        Panel::Recipe => Vec2::new(290.0, 120.0),
        Panel::Patches => Vec2::new(280.0, 480.0),
        Panel::Distilled => Vec2::new(220.0, 160.0),
        Panel::Refine => Vec2::new(260.0, 420.0),
        Panel::Training => Vec2::new(300.0, 200.0),
        Panel::Compare => Vec2::new(280.0, 320.0),
        Panel::Runs => Vec2::new(240.0, 190.0),
        Panel::History | Panel::Log => Vec2::new(200.0, 80.0),
    }
}

/// Paints panels into their tiles.
pub(super) struct Docked<'a> {
    /// Their own state.
    pub(super) panels: &'a mut Panels,
    /// What they show and where they ask.
    pub(super) scene: Scene<'a>,
    /// The panel that the tour points at, and where it lies in this frame.
    pub(super) pointed: Option<(Panel, Option<Rect>)>,
    /// The panel that the keys belong to was painted: it is in view.
    pub(super) active_in_view: bool,
}

impl Behavior<Panel> for Docked<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, panel: &mut Panel) -> UiResponse {
        let panel = *panel;
        if let Some((pointed, rect)) = &mut self.pointed
            && *pointed == panel
        {
            *rect = Some(ui.max_rect());
        }
        // Whatever was pressed last has the keys.
        let pressed = ui.input(|i| i.pointer.any_pressed()) && ui.rect_contains_pointer(ui.max_rect());
        if pressed && self.scene.model.active != Some(panel) {
            self.scene.out.push(Intent::Activate(panel));
        }
        self.active_in_view |= self.scene.model.active == Some(panel);
        eframe::egui::Frame::new().inner_margin(8).show(ui, |ui| self.panels.show(ui, panel, &mut self.scene));
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, panel: &Panel) -> WidgetText {
        let (warnings, errors) = self.scene.model.log.counts();
        match (panel, warnings + errors) {
            (Panel::Log, n) if n > 0 => format!("Log ({n})").into(),
            _ => panel.title().into(),
        }
    }

    fn tab_title_for_tile(&mut self, tiles: &Tiles<Panel>, tile: TileId) -> WidgetText {
        match tiles.get(tile) {
            Some(Tile::Pane(panel)) => self.tab_title_for_pane(panel),
            // Whatever the user drags together: the panels of distilling are the only ones that are divided.
            _ => DISTILLING.into(),
        }
    }

    fn tab_bar_height(&self, _style: &eframe::egui::Style) -> f32 {
        26.0
    }

    fn gap_width(&self, _style: &eframe::egui::Style) -> f32 {
        4.0
    }

    fn min_size(&self) -> f32 {
        160.0
    }

    fn tab_bar_color(&self, visuals: &Visuals) -> eframe::egui::Color32 {
        palette(visuals).well
    }

    fn tab_bg_color(
        &self,
        visuals: &Visuals,
        _tiles: &Tiles<Panel>,
        _tile: TileId,
        state: &egui_tiles::TabState,
    ) -> eframe::egui::Color32 {
        if state.active { palette(visuals).ground } else { palette(visuals).well }
    }

    fn tab_outline_stroke(
        &self,
        _visuals: &Visuals,
        _tiles: &Tiles<Panel>,
        _tile: TileId,
        _state: &egui_tiles::TabState,
    ) -> Stroke {
        Stroke::NONE
    }

    fn tab_bar_hline_stroke(&self, visuals: &Visuals) -> Stroke {
        Stroke::new(1.0, palette(visuals).ground)
    }

    fn tab_text_color(
        &self,
        visuals: &Visuals,
        _tiles: &Tiles<Panel>,
        _tile: TileId,
        state: &egui_tiles::TabState,
    ) -> eframe::egui::Color32 {
        if state.active { palette(visuals).text } else { palette(visuals).weak }
    }

    fn simplification_options(&self) -> egui_tiles::SimplificationOptions {
        egui_tiles::SimplificationOptions { all_panes_must_have_tabs: true, ..Default::default() }
    }
}
