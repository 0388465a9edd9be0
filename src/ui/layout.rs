//! Where the panels are: a tree of tiles that the user may drag apart.

use eframe::egui::{Stroke, Ui, Visuals, WidgetText};
use egui_tiles::{Behavior, Container, Linear, LinearDir, Tile, TileId, Tiles, Tree, UiResponse};

use super::panels::{Panels, Scene};
use super::theme::palette;

/// A dockable panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Panel {
    /// Classes, samples, broken files.
    Dataset,
    /// The trained network.
    Observer,
    /// Parameters and the run buttons.
    Recipe,
    /// Ranked key patches and their provenance.
    Patches,
    /// Stitched images.
    Distilled,
    /// Students and observers: curves, table, form.
    Training,
    /// What happened.
    Log,
}

impl Panel {
    fn title(self) -> &'static str {
        match self {
            Self::Dataset => "Dataset",
            Self::Observer => "Observer",
            Self::Recipe => "Recipe",
            Self::Patches => "Patches",
            Self::Distilled => "Distilled",
            Self::Training => "Training",
            Self::Log => "Log",
        }
    }
}

/// The tab over all panels of distilling.
const DISTILLING: &str = "Distilling";

/// The layout that the window opens with: one tab to distil, where what goes in is on the left and what comes out on the
/// right, and one to train, which needs the width for its curves.
pub(super) fn default_tree() -> Tree<Panel> {
    let mut tiles = Tiles::default();
    let mut tabs = |panels: &[Panel]| {
        let panes: Vec<TileId> = panels.iter().map(|p| tiles.insert_pane(*p)).collect();
        let first = panes[0];
        let id = tiles.insert_tab_tile(panes);
        if let Some(Tile::Container(Container::Tabs(t))) = tiles.get_mut(id) {
            t.set_active(first);
        }
        id
    };
    let input = tabs(&[Panel::Dataset, Panel::Observer]);
    let recipe = tabs(&[Panel::Recipe]);
    let patches = tabs(&[Panel::Patches]);
    let distilled = tabs(&[Panel::Distilled]);
    let log = tabs(&[Panel::Log]);
    let left = column(&mut tiles, [(input, 0.545), (recipe, 0.455)]);
    let right = column(&mut tiles, [(distilled, 0.78), (log, 0.22)]);
    let mut all = Linear::new(LinearDir::Horizontal, vec![left, patches, right]);
    for (tile, share) in [(left, 0.26), (patches, 0.41), (right, 0.33)] {
        all.shares.set_share(tile, share);
    }
    let distilling = tiles.insert_container(Container::Linear(all));
    let training = tiles.insert_pane(Panel::Training);
    let root = tiles.insert_tab_tile(vec![distilling, training]);
    if let Some(Tile::Container(Container::Tabs(t))) = tiles.get_mut(root) {
        t.set_active(distilling);
    }
    Tree::new(eframe::egui::Id::unique("panels"), root, tiles)
}

fn column(tiles: &mut Tiles<Panel>, parts: [(TileId, f32); 2]) -> TileId {
    let mut linear = Linear::new(LinearDir::Vertical, parts.iter().map(|(id, _)| *id).collect());
    for (id, share) in parts {
        linear.shares.set_share(id, share);
    }
    tiles.insert_container(Container::Linear(linear))
}

/// Brings a panel's tab to the front.
pub(super) fn show(tree: &mut Tree<Panel>, panel: Panel) {
    tree.make_active(|_, tile| matches!(tile, Tile::Pane(p) if *p == panel));
}

/// Brings the panels of distilling to the front, as they are.
pub(super) fn show_distilling(tree: &mut Tree<Panel>) {
    // The tab in front of each group stays: only the tab that holds the groups is changed.
    let root = tree.root();
    let holds = tree.tiles.find_pane(&Panel::Patches).and_then(|pane| {
        let mut tile = pane;
        while let Some(parent) = tree.tiles.parent_of(tile) {
            if Some(parent) == root {
                return Some(tile);
            }
            tile = parent;
        }
        None
    });
    if let (Some(root), Some(child)) = (root, holds)
        && let Some(Tile::Container(Container::Tabs(tabs))) = tree.tiles.get_mut(root)
    {
        tabs.set_active(child);
    }
}

/// Paints panels into their tiles.
pub(super) struct Docked<'a> {
    /// Their own state.
    pub(super) panels: &'a mut Panels,
    /// What they show and where they ask.
    pub(super) scene: Scene<'a>,
}

impl Behavior<Panel> for Docked<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, panel: &mut Panel) -> UiResponse {
        let panel = *panel;
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
        120.0
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
