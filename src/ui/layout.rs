//! Where the panels are: a tree of tiles that the user may drag apart.

use egui_tiles::{Container, Linear, LinearDir, Tile, TileId, Tiles, Tree};

use super::intent::Panel;

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
    let left = column(&mut tiles, [(input, 0.515), (recipe, 0.485)]);
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
