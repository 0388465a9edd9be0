//! All scored patches of a distillation as a table.

use std::collections::HashMap;
use std::sync::Arc;

use crate::core::data::dataset::ClassId;
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::{ClassScores, PatchScore};
use crate::core::distil::select::ranked;
use crate::core::distil::tables::{Names, ScoredClass, patches_csv};

use super::distill::Found;
use super::picking::Picks;
use super::session::Session;

/// What a distillation has told of its classes.
#[derive(Debug, Default)]
pub struct PatchTable {
    blocks: Vec<(ClassId, Arc<ClassScores>)>,
    picks: HashMap<ClassId, Picks>,
}

impl PatchTable {
    /// Takes what is told of a class ([`super::distill::Each`]).
    pub fn take(&mut self, class: ClassId, found: Found) {
        match found {
            Found::Scores(block) => self.blocks.push((class, block)),
            Found::Picks(picks) => drop(self.picks.insert(class, picks)),
            Found::Refining(_) => {}
        }
    }

    /// A line per crop of the recipe's subset, as comma-separated values; ranks are those of the recipe's strategy,
    /// whatever a person has decided. Nothing of a method that scores no patches.
    #[must_use]
    pub fn csv(&self, session: &Session, recipe: &Recipe) -> String {
        let (dataset, observer) = (&session.dataset, &session.observer);
        let own = recipe.rded();
        let ranks = |(class, block): &(ClassId, Arc<ClassScores>)| -> Vec<PatchScore> {
            let picks = self.picks.get(class).map_or(&[][..], |picks| picks);
            own.as_ref().map(|own| ranked(block, own, &dataset.class(*class).name, picks)).unwrap_or_default()
        };
        let ranks: Vec<Vec<PatchScore>> = self.blocks.iter().map(ranks).collect();
        let scored = self.blocks.iter().zip(&ranks).filter_map(|((class, block), ranked)| {
            Some(ScoredClass { name: &dataset.class(*class).name, scores: block, recipe: own.as_ref()?, ranked })
        });
        let output = |output: u32| {
            let class = observer.map.outputs.iter().position(|own| *own == output);
            let named = class.and_then(|class| dataset.classes().get(class)).map(|class| class.name.clone());
            named.or_else(|| observer.output_name(output).map(str::to_owned))
        };
        let names = Names { image: &|image| dataset.source(image), output: &output };
        patches_csv(&scored.collect::<Vec<_>>(), &names)
    }
}
