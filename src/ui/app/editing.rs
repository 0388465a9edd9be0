//! Changes of what the user edits, and what follows at once from them.

use std::path::Path;

use super::state::App;
use crate::core::workspace::{Command, Effects};
use crate::ui::later;
use crate::ui::model::log::Level;

impl App {
    pub(super) fn edit(&mut self, command: Command) {
        let recipe = self.model.workspace.recipe();
        let (ipc, method) = (recipe.ipc, recipe.method.name());
        let moves = matches!(command, Command::SetParam { .. });
        match command {
            Command::Select(_) | Command::SelectMany { .. } | Command::Opened { .. } | Command::Restore { .. } => {
                self.model.culling.reselected();
                self.model.exporting.selections += 1;
            }
            Command::SetParam { name, .. } => self.tuning_begins(name),
            Command::Settle => self.tuning_settles(),
            _ => {}
        }
        let effects = match self.model.workspace.apply(command) {
            Ok(effects) => effects,
            Err(error) => {
                self.model.say(Level::Error, error.to_string());
                return;
            }
        };
        let Effects { reselect, reveal, refilter, reorder, .. } = effects;
        if reorder {
            self.settle_order();
        }
        if reselect {
            self.rank();
            self.model.culling.remarked();
            if moves {
                self.tuning_moved();
            } else {
                // What was said of single parameters was said of another set.
                self.model.changes.clear();
                self.model.last_change = None;
            }
            let recipe = self.model.workspace.recipe();
            let another = recipe.method.name() != method;
            let due = another || recipe.ipc != ipc;
            // The folder of what was written last is taken: other images have another one.
            let taken = self.model.written.as_ref().is_some_and(|w| w.out == self.panels.recipe.out.path());
            if taken {
                self.panels.recipe.out_typed = false;
            }
            if due || taken {
                self.suggest_output();
            }
        }
        // In another order, what is looked at stays in view.
        self.model.reveal |= reveal || refilter && self.model.workspace.selected().is_some();
    }

    /// Ranks and selects again.
    pub(super) fn rank(&mut self) {
        // Of a method without patches the last ranking stays as it is, and nobody shows it.
        if let Some(recipe) = self.model.workspace.recipe().rded() {
            self.model.ranking.update(&recipe, self.model.workspace.curation());
        }
    }

    pub(super) fn default_name(&self) -> Option<String> {
        let recipe = self.model.workspace.recipe();
        let (ipc, moves) = (recipe.ipc, recipe.method.iterations() > 0);
        let by = if moves { recipe.method.name() } else { "distilled" };
        self.model.dataset_name().map(|name| format!("{name}-{by}-ipc{ipc}"))
    }

    /// Looks for a free folder beside the dataset, away from the frame.
    pub(super) fn suggest_output(&mut self) {
        let (Some(dataset), Some(name)) = (self.model.dataset(), self.default_name()) else { return };
        if self.panels.recipe.out_typed {
            return;
        }
        let root = std::path::absolute(dataset.root()).unwrap_or_else(|_| dataset.root().to_owned());
        let parent = root.parent().map_or_else(|| root.clone(), Path::to_owned);
        self.free_name = Some(later::free_name(parent, name));
    }
}
