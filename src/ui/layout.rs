//! Where the panels are: trees of tiles that the user may drag apart, one for windows with room for columns and one for
//! small ones, where each panel has a tab of its own.

use eframe::egui::{Id, Vec2};
use egui_tiles::{Container, Linear, LinearDir, Tile, TileId, Tiles, Tree};

use super::arrangement;
use super::intent::Panel;
use crate::store::window::Layout;

/// From this size on, in points, three columns have room: with less the narrowest would cut its buttons.
const ROOM_FOR_COLUMNS: Vec2 = Vec2::new(1360.0, 640.0);

/// Which arrangement a window has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Panels beside each other.
    Columns,
    /// One panel at a time.
    Tabs,
}

impl Form {
    fn of(size: Vec2) -> Self {
        if size.x >= ROOM_FOR_COLUMNS.x && size.y >= ROOM_FOR_COLUMNS.y { Self::Columns } else { Self::Tabs }
    }
}

/// Both arrangements, each as the user left it.
pub(super) struct Desk {
    columns: Tree<Panel>,
    tabs: Tree<Panel>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { columns: columns(), tabs: tabs() }
    }
}

impl Desk {
    /// Both arrangements as they were kept, as far as they can be had.
    pub(super) fn restored(kept: &Layout) -> Self {
        Self {
            columns: arrangement::restored(kept.columns.as_ref(), columns()),
            tabs: arrangement::restored(kept.tabs.as_ref(), tabs()),
        }
    }

    /// Both arrangements, to be kept.
    pub(super) fn kept(&self) -> Layout {
        Layout { columns: arrangement::of(&self.columns), tabs: arrangement::of(&self.tabs) }
    }

    /// The arrangement for a window of this size, in points.
    pub(super) fn fitting(&mut self, size: Vec2) -> &mut Tree<Panel> {
        match Form::of(size) {
            Form::Columns => &mut self.columns,
            Form::Tabs => &mut self.tabs,
        }
    }

    /// Brings a panel's tab to the front, in both forms: a window that changes its size shows what it showed. One that is
    /// gone is there again.
    pub(super) fn show(&mut self, panel: Panel) {
        show(&mut self.columns, panel);
        show(&mut self.tabs, panel);
    }

    /// Whether a panel can be seen in a window of this size.
    pub(super) fn is_in_front(&mut self, size: Vec2, panel: Panel) -> bool {
        let tree = self.fitting(size);
        tree.active_tiles().into_iter().any(|id| tree.tiles.get_pane(&id) == Some(&panel))
    }

    /// Brings the panels of distilling to the front, as they are.
    pub(super) fn show_distilling(&mut self) {
        show_distilling(&mut self.columns);
        show_distilling(&mut self.tabs);
    }
}

/// A tab for each panel, in the order in which they are used.
fn tabs() -> Tree<Panel> {
    let mut tiles = Tiles::default();
    let panes = Panel::ALL.map(|panel| tiles.insert_pane(panel)).to_vec();
    let first = panes[0];
    let root = tiles.insert_tab_tile(panes);
    if let Some(Tile::Container(Container::Tabs(t))) = tiles.get_mut(root) {
        t.set_active(first);
    }
    Tree::new(Id::unique("panels as tabs"), root, tiles)
}

/// Columns: one tab to distil, where what goes in is on the left and what comes out on the
/// right, one to train, and one to compare sets, which need the width.
fn columns() -> Tree<Panel> {
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
    let patches = tabs(&[Panel::Patches, Panel::Scores, Panel::Source, Panel::Classes, Panel::Suspects, Panel::Runs]);
    let distilled = tabs(&[Panel::Distilled, Panel::Refine, Panel::Export]);
    let log = tabs(&[Panel::Log, Panel::History]);
    let left = column(&mut tiles, [(input, 0.45), (recipe, 0.55)]);
    let right = column(&mut tiles, [(distilled, 0.78), (log, 0.22)]);
    let mut all = Linear::new(LinearDir::Horizontal, vec![left, patches, right]);
    for (tile, share) in [(left, 0.26), (patches, 0.41), (right, 0.33)] {
        all.shares.set_share(tile, share);
    }
    let distilling = tiles.insert_container(Container::Linear(all));
    let (training, compare) = (tiles.insert_pane(Panel::Training), tiles.insert_pane(Panel::Compare));
    let root = tiles.insert_tab_tile(vec![distilling, training, compare]);
    if let Some(Tile::Container(Container::Tabs(t))) = tiles.get_mut(root) {
        t.set_active(distilling);
    }
    Tree::new(Id::unique("panels"), root, tiles)
}

fn column(tiles: &mut Tiles<Panel>, parts: [(TileId, f32); 2]) -> TileId {
    let mut linear = Linear::new(LinearDir::Vertical, parts.iter().map(|(id, _)| *id).collect());
    for (id, share) in parts {
        linear.shares.set_share(id, share);
    }
    tiles.insert_container(Container::Linear(linear))
}

fn show(tree: &mut Tree<Panel>, panel: Panel) {
    match tree.tiles.find_pane(&panel) {
        Some(pane) => tree.tiles.set_visible(pane, true),
        None => reopen(tree, panel),
    }
    tree.make_active(|_, tile| matches!(tile, Tile::Pane(p) if *p == panel));
}

/// Puts a panel that is gone beside the one that is next to it in the order of use, as a tab.
fn reopen(tree: &mut Tree<Panel>, panel: Panel) {
    let place = |of: Panel| Panel::ALL.iter().position(|p| *p == of).unwrap_or(0);
    // Trainings and comparisons have the whole width: that is no place for others, nor theirs for them.
    let wide = |panel: Panel| matches!(panel, Panel::Training | Panel::Compare);
    let mut others: Vec<Panel> = Panel::ALL.into_iter().filter(|p| *p != panel && !wide(*p)).collect();
    others.sort_by_key(|other| place(*other).abs_diff(place(panel)));
    others.retain(|_| !wide(panel));
    let tabs = others.into_iter().find_map(|other| {
        let parent = tree.tiles.parent_of(tree.tiles.find_pane(&other)?)?;
        matches!(tree.tiles.get(parent), Some(Tile::Container(Container::Tabs(_)))).then_some(parent)
    });
    let pane = tree.tiles.insert_pane(panel);
    match tabs.or(tree.root()) {
        Some(home) => tree.move_tile_to_container(pane, home, usize::MAX, false),
        None => tree.root = Some(tree.tiles.insert_tab_tile(vec![pane])),
    }
}

fn show_distilling(tree: &mut Tree<Panel>) {
    // The tab in front of each group stays: only the tab that holds the groups is changed, and only where it must be.
    let Some(root) = tree.root() else { return };
    let below_root = |pane: TileId| {
        let mut tile = pane;
        while let Some(parent) = tree.tiles.parent_of(tile) {
            if parent == root {
                return Some(tile);
            }
            tile = parent;
        }
        None
    };
    let of = |panel| tree.tiles.find_pane(&panel).and_then(below_root);
    let distilling = of(Panel::Patches);
    let wide = [of(Panel::Training), of(Panel::Compare)];
    if let Some(Tile::Container(Container::Tabs(tabs))) = tree.tiles.get_mut(root)
        && let Some(child) = distilling
        && wide.contains(&tabs.active)
    {
        tabs.set_active(child);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_front(tree: &Tree<Panel>) -> Vec<Panel> {
        let panes = tree.active_tiles().into_iter().filter_map(|id| tree.tiles.get_pane(&id).copied());
        Panel::ALL.into_iter().filter(|panel| panes.clone().any(|pane| pane == *panel)).collect()
    }

    /// 3840×2160 pixels at a scale of 2.5 have room for columns, 1920×1080 at that scale have not.
    #[test]
    fn a_small_window_shows_one_panel_at_a_time_and_each_form_keeps_its_own() {
        let mut desk = Desk::default();
        let (large, small) = (Vec2::new(1536.0, 864.0), Vec2::new(768.0, 432.0));
        desk.show(Panel::Observer);
        let columns = [Panel::Observer, Panel::Recipe, Panel::Patches, Panel::Distilled, Panel::Log];
        assert_eq!(in_front(desk.fitting(large)), columns);
        assert_eq!(in_front(desk.fitting(small)), [Panel::Observer]);
        // What is closed in one form is there in the other.
        let tabs = desk.fitting(small);
        let log = tabs.tiles.find_pane(&Panel::Log).unwrap();
        tabs.tiles.remove(log);
        assert!(desk.fitting(large).tiles.find_pane(&Panel::Log).is_some());
        assert!(desk.fitting(small).tiles.find_pane(&Panel::Log).is_none());
    }

    #[test]
    fn a_panel_that_is_gone_is_there_again_when_it_is_asked_for() {
        let mut desk = Desk::default();
        let (large, small) = (Vec2::new(1440.0, 900.0), Vec2::new(800.0, 600.0));
        for panel in [Panel::Scores, Panel::Training] {
            for size in [large, small] {
                let tree = desk.fitting(size);
                let pane = tree.tiles.find_pane(&panel).unwrap();
                tree.remove_recursively(pane);
            }
            desk.show(panel);
            assert!(in_front(desk.fitting(large)).contains(&panel), "{panel:?}");
            assert_eq!(in_front(desk.fitting(small)), [panel]);
        }
        desk.show(Panel::Patches);
        let tree = desk.fitting(large);
        let parent = |panel| tree.tiles.parent_of(tree.tiles.find_pane(&panel).unwrap());
        assert_eq!(parent(Panel::Scores), parent(Panel::Patches));
        assert_eq!(parent(Panel::Training), tree.root());
    }

    #[test]
    fn going_back_to_distilling_leaves_the_tabs_as_they_are() {
        let mut desk = Desk::default();
        let (large, small) = (Vec2::new(1440.0, 900.0), Vec2::new(800.0, 600.0));
        desk.show(Panel::Recipe);
        desk.show_distilling();
        assert_eq!(in_front(desk.fitting(small)), [Panel::Recipe]);
        for wide in [Panel::Training, Panel::Compare] {
            desk.show(wide);
            assert_eq!(in_front(desk.fitting(large)), [wide]);
            desk.show_distilling();
        }
        assert_eq!(in_front(desk.fitting(small)), [Panel::Patches]);
        assert!(in_front(desk.fitting(large)).contains(&Panel::Distilled));
    }
}
