//! The sets that one run writes: one, or several sizes from one scoring.

use crate::core::distil::recipe::Recipe;

/// How the sets of several sizes belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sizes {
    /// Each is laid out on its own, with the same bytes as a run of that size alone.
    #[default]
    Apart,
    /// The images of the smaller ones are the first images of the largest one (RDED's table 6).
    Nested,
}

/// One distilled dataset of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Set {
    /// Its recipe: only the IPC differs within a run.
    pub recipe: Recipe,
    /// Its folder within the output folder; `None`: the output folder itself.
    pub folder: Option<String>,
    /// IPC of the larger set whose first images these are.
    pub nested_in: Option<u32>,
}

impl Set {
    /// The set that fills the whole output folder.
    pub fn only(recipe: &Recipe) -> Vec<Self> {
        vec![Self { recipe: recipe.clone(), folder: None, nested_in: None }]
    }

    /// Sets of several sizes, each in a folder of its own.
    pub fn of_sizes(recipe: &Recipe, ipcs: &[u32], sizes: Sizes) -> Vec<Self> {
        let largest = ipcs.iter().copied().max();
        let nested_in = |ipc| largest.filter(|&l| sizes == Sizes::Nested && l != ipc);
        let set = |&ipc: &u32| Self {
            recipe: Recipe { ipc, ..recipe.clone() },
            folder: Some(folder(ipc)),
            nested_in: nested_in(ipc),
        };
        ipcs.iter().map(set).collect()
    }

    /// The IPC by which ranks are laid out in cells.
    pub fn layout_ipc(&self) -> u32 {
        self.nested_in.unwrap_or(self.recipe.ipc)
    }
}

/// The folder of a size.
#[must_use]
pub fn folder(ipc: u32) -> String {
    format!("ipc-{ipc}")
}

/// The distinct layouts of sets, in their order.
pub(super) fn layouts(sets: &[Set]) -> Vec<u32> {
    let mut ipcs: Vec<u32> = Vec::new();
    for set in sets {
        if !ipcs.contains(&set.layout_ipc()) {
            ipcs.push(set.layout_ipc());
        }
    }
    ipcs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_sets_share_the_layout_of_the_largest() {
        let sets = Set::of_sizes(&Recipe::default(), &[10, 50, 1], Sizes::Nested);
        let of = |s: &Set| (s.recipe.ipc, s.folder.clone().unwrap(), s.nested_in);
        let expected = [(10, "ipc-10".into(), Some(50)), (50, "ipc-50".into(), None), (1, "ipc-1".into(), Some(50))];
        assert_eq!(sets.iter().map(of).collect::<Vec<_>>(), expected);
        assert_eq!(layouts(&sets), [50]);
        assert_eq!(layouts(&Set::of_sizes(&Recipe::default(), &[10, 50, 1], Sizes::Apart)), [10, 50, 1]);
        assert_eq!(layouts(&Set::only(&Recipe::default())), [10]);
    }
}
