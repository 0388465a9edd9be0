//! Arrangements of panels as they are kept: by name, whatever the tiles' numbers. What is read is mended: a panel that
//! nobody knows, or that is there twice, is left out, and one that is missing comes back beside its neighbours.

use eframe::egui::Id;
use egui_tiles::{Container, Linear, LinearDir, Tile, TileId, Tiles, Tree};

use super::intent::Panel;
use crate::store::window::{Place, Share};

/// Shares outside of this would leave a panel no room.
const SHARES: std::ops::RangeInclusive<f32> = 0.01..=100.0;

/// The name that a panel is kept by.
pub(super) fn name(panel: Panel) -> String {
    format!("{panel:?}").to_lowercase()
}

/// The panel that is kept by a name.
pub(super) fn named(kept: &str) -> Option<Panel> {
    Panel::ALL.into_iter().find(|panel| name(*panel) == kept)
}

/// A tree of tiles, to be kept; `None` of one that holds nothing.
pub(super) fn of(tree: &Tree<Panel>) -> Option<Place> {
    place(&tree.tiles, tree.root()?)
}

fn place(tiles: &Tiles<Panel>, tile: TileId) -> Option<Place> {
    let container = match tiles.get(tile)? {
        Tile::Pane(panel) => return Some(Place::Panel(name(*panel))),
        Tile::Container(container) => container,
    };
    let (ids, of): (Vec<TileId>, Vec<Place>) =
        container.children().filter_map(|child| Some((*child, place(tiles, *child)?))).unzip();
    if of.is_empty() {
        return None;
    }
    let Container::Linear(linear) = container else {
        let active = if let Container::Tabs(tabs) = container { tabs.active } else { None };
        let front = ids.iter().position(|id| Some(*id) == active).unwrap_or(0);
        return Some(Place::Tabs { of, front });
    };
    let shares = ids.into_iter().zip(of).map(|(id, of)| Share { share: linear.shares[id], of }).collect();
    Some(match linear.dir {
        LinearDir::Horizontal => Place::Row(shares),
        LinearDir::Vertical => Place::Column(shares),
    })
}

/// The tree of a kept arrangement, with the id and all panels of `usual`, which it is where nothing is kept.
pub(super) fn restored(kept: Option<&Place>, usual: Tree<Panel>) -> Tree<Panel> {
    let mut seen = Vec::new();
    let Some(mut place) = kept.and_then(|kept| known(kept, &mut seen)) else { return usual };
    let neighbours = of(&usual);
    for panel in Panel::ALL.into_iter().filter(|panel| !seen.contains(panel)) {
        let kept = name(panel);
        let beside = neighbours.as_ref().and_then(|whole| beside(whole, &kept)).unwrap_or_default();
        if !beside.iter().any(|neighbour| join(&mut place, neighbour, &kept)) {
            place = joined(place, kept);
        }
    }
    let mut tiles = Tiles::default();
    let root = insert(&mut tiles, &place);
    let id: Id = usual.id();
    Tree::new(id, root, tiles)
}

/// The part of an arrangement that this program knows, each panel once.
fn known(kept: &Place, seen: &mut Vec<Panel>) -> Option<Place> {
    let mut shares = |of: &[Share]| -> Vec<Share> {
        let known = |s: &Share| Some(Share { share: sane(s.share), of: known(&s.of, seen)? });
        of.iter().filter_map(known).collect()
    };
    let groups = match kept {
        Place::Panel(kept) => {
            let panel = named(kept).filter(|panel| !seen.contains(panel))?;
            seen.push(panel);
            return Some(Place::Panel(name(panel)));
        }
        Place::Tabs { of, front } => {
            let known = |(at, place): (usize, &Place)| Some((at, known(place, seen)?));
            let (ats, of): (Vec<usize>, Vec<Place>) = of.iter().enumerate().filter_map(known).unzip();
            let front = ats.iter().position(|at| at == front).unwrap_or(0);
            return (!of.is_empty()).then_some(Place::Tabs { of, front });
        }
        Place::Row(of) => Place::Row(shares(of)),
        Place::Column(of) => Place::Column(shares(of)),
    };
    match &groups {
        Place::Row(of) | Place::Column(of) if of.is_empty() => None,
        _ => Some(groups),
    }
}

fn sane(share: f32) -> f32 {
    if share.is_finite() { share.clamp(*SHARES.start(), *SHARES.end()) } else { 1.0 }
}

fn parts(place: &Place) -> Vec<&Place> {
    match place {
        Place::Panel(_) => Vec::new(),
        Place::Tabs { of, .. } => of.iter().collect(),
        Place::Row(of) | Place::Column(of) => of.iter().map(|share| &share.of).collect(),
    }
}

/// The panels in the same group as this one.
fn beside(whole: &Place, panel: &str) -> Option<Vec<String>> {
    let parts = parts(whole);
    let names = parts.iter().filter_map(|part| if let Place::Panel(name) = part { Some(name.clone()) } else { None });
    let names: Vec<String> = names.collect();
    if names.iter().any(|name| name == panel) {
        return Some(names.into_iter().filter(|name| name != panel).collect());
    }
    parts.into_iter().find_map(|part| beside(part, panel))
}

/// Puts a panel behind another one, as a tab; whether that was found.
fn join(place: &mut Place, neighbour: &str, panel: &str) -> bool {
    let is_it = |place: &Place| matches!(place, Place::Panel(name) if name == neighbour);
    match place {
        Place::Tabs { of, .. } if of.iter().any(is_it) => {
            of.push(Place::Panel(panel.to_owned()));
            true
        }
        Place::Panel(_) if is_it(place) => {
            let of = vec![place.clone(), Place::Panel(panel.to_owned())];
            *place = Place::Tabs { of, front: 0 };
            true
        }
        Place::Panel(_) => false,
        Place::Tabs { of, .. } => of.iter_mut().any(|part| join(part, neighbour, panel)),
        Place::Row(of) | Place::Column(of) => of.iter_mut().any(|share| join(&mut share.of, neighbour, panel)),
    }
}

/// The whole with one more tab.
fn joined(place: Place, panel: String) -> Place {
    match place {
        Place::Tabs { mut of, front } => {
            of.push(Place::Panel(panel));
            Place::Tabs { of, front }
        }
        other => Place::Tabs { of: vec![other, Place::Panel(panel)], front: 0 },
    }
}

/// Places beside or below each other.
fn insert_shares(tiles: &mut Tiles<Panel>, dir: LinearDir, of: &[Share]) -> TileId {
    let ids: Vec<TileId> = of.iter().map(|share| insert(tiles, &share.of)).collect();
    let mut linear = Linear::new(dir, ids.clone());
    ids.into_iter().zip(of).for_each(|(id, share)| linear.shares.set_share(id, share.share));
    tiles.insert_container(Container::Linear(linear))
}

fn insert(tiles: &mut Tiles<Panel>, place: &Place) -> TileId {
    match place {
        // All names are known by now.
        Place::Panel(kept) => tiles.insert_pane(named(kept).unwrap_or(Panel::Log)),
        Place::Row(of) => insert_shares(tiles, LinearDir::Horizontal, of),
        Place::Column(of) => insert_shares(tiles, LinearDir::Vertical, of),
        Place::Tabs { of, front } => {
            let ids: Vec<TileId> = of.iter().map(|part| insert(tiles, part)).collect();
            let active = ids.get(*front).or(ids.first()).copied();
            let root = tiles.insert_tab_tile(ids);
            if let (Some(Tile::Container(Container::Tabs(tabs))), Some(active)) = (tiles.get_mut(root), active) {
                tabs.set_active(active);
            }
            root
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Tree<Panel> {
        Tree::new_tabs(Id::unique("usual"), Panel::ALL.to_vec())
    }

    fn panel(name: &str) -> Place {
        Place::Panel(name.to_owned())
    }

    fn panels(tree: &Tree<Panel>) -> Vec<Panel> {
        let mut found: Vec<Panel> = tree
            .tiles
            .tiles()
            .filter_map(|tile| match tile {
                Tile::Pane(panel) => Some(*panel),
                Tile::Container(_) => None,
            })
            .collect();
        found.sort_by_key(|panel| name(*panel));
        found
    }

    fn all() -> Vec<Panel> {
        let mut all = Panel::ALL.to_vec();
        all.sort_by_key(|panel| name(*panel));
        all
    }

    #[test]
    fn an_arrangement_comes_back_as_it_was() {
        let rest = Panel::ALL.into_iter().filter(|p| !matches!(p, Panel::Log | Panel::Recipe));
        let tabs = Place::Tabs { of: rest.map(|p| panel(&name(p))).collect(), front: 3 };
        let column = vec![Share { share: 2.0, of: panel("log") }, Share { share: 0.5, of: panel("recipe") }];
        let whole = Place::Row(vec![Share { share: 1.0, of: Place::Column(column) }, Share { share: 3.0, of: tabs }]);
        let tree = restored(Some(&whole), usual());
        assert_eq!((of(&tree), panels(&tree), tree.id()), (Some(whole), all(), usual().id()));
        assert_eq!(of(&restored(None, usual())), of(&usual()));
    }

    #[test]
    fn what_cannot_be_is_mended() {
        let share = |share, of| Share { share, of };
        let odd = Place::Row(vec![
            share(f32::NAN, panel("log")),
            share(-3.0, Place::Column(vec![])),
            share(1e30, Place::Tabs { of: vec![panel("log"), panel("nobody"), panel("recipe")], front: 99 }),
        ]);
        let tree = restored(Some(&odd), usual());
        assert_eq!(panels(&tree), all());
        let Some(Place::Row(of)) = of(&tree) else { panic!("{:?}", super::of(&tree)) };
        assert_eq!((of.len(), of[0].share, of[1].share), (2, 1.0, 100.0));
        // The others have come to the first of their neighbours that is there.
        let Place::Tabs { of, front } = &of[1].of else { panic!("{:?}", of[1]) };
        assert_eq!((&of[0], *front), (&panel("recipe"), 0));
        for nothing in [Place::Row(vec![]), panel("nobody"), Place::Tabs { of: vec![], front: 0 }] {
            assert_eq!(super::of(&restored(Some(&nothing), usual())), super::of(&usual()));
        }
    }
}
