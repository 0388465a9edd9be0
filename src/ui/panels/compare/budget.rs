//! Whether sets can be compared at all: their budgets, observers and data, and whether a random set of the same budget lies
//! beside them.

use std::collections::BTreeSet;

use eframe::egui::{RichText, Ui};

use crate::core::distil::manifest::Manifest;
use crate::core::distil::rded::{Rded, Strategy};
use crate::core::distil::recipe::{Method, OutputFormat, Recipe};
use crate::core::workspace::Command;
use crate::ui::intent::{Intent, Panel};
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::text;

/// Whether nobody chose its images: random ones, whole, one in each distilled image.
fn is_random(recipe: &Recipe) -> bool {
    let own = recipe.method.rded().filter(|_| recipe.method.iterations() == 0);
    own.is_some_and(|own| own.strategy == Strategy::Random && own.whole_images() && own.patches == 1)
}

/// The random set of this budget: whole images that the seed draws.
fn random(ipc: u32, seed: u64) -> Recipe {
    let own = Rded { strategy: Strategy::Random, crops: 0, patches: 1, ..Rded::default() };
    Recipe { ipc, seed, format: OutputFormat::Png, method: Method::Rded(own) }
}

/// What makes a comparison unfair, in words.
fn unlike(manifests: &[&Manifest]) -> Vec<String> {
    let mut words = Vec::new();
    let budgets: BTreeSet<u32> = manifests.iter().map(|manifest| manifest.recipe.ipc).collect();
    if budgets.len() > 1 {
        let budgets: Vec<String> = budgets.iter().map(u32::to_string).collect();
        words.push(format!("Not of equal budget: IPC {}.", budgets.join(" and ")));
    }
    let data: BTreeSet<&str> = manifests.iter().map(|manifest| manifest.dataset.fingerprint.as_str()).collect();
    if data.len() > 1 {
        words.push("Distilled from different data.".to_owned());
    }
    let observers: BTreeSet<(&str, &str, u32)> = manifests
        .iter()
        .filter_map(|manifest| manifest.observer.as_ref())
        .map(|observer| (observer.fingerprint.as_str(), observer.network.as_str(), observer.side))
        .collect();
    if observers.len() > 1 {
        let named: Vec<String> = observers.iter().map(|(_, network, side)| format!("{network} at {side}")).collect();
        words.push(format!("Made by different observers: {}.", named.join(" and ")));
    }
    words
}

/// Says what makes the comparison unfair, and offers the random set of the same budget.
pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let manifests: Vec<&Manifest> = scene.model.compare.sets().filter_map(|set| set.manifest()).collect();
    let unfair = unlike(&manifests);
    if !unfair.is_empty() {
        text::problem(ui, &unfair.join(" "), false);
    }
    let Some(first) = manifests.first().map(|manifest| &manifest.recipe) else { return };
    let lacking = manifests
        .iter()
        .map(|manifest| manifest.recipe.ipc)
        .find(|ipc| !manifests.iter().any(|manifest| manifest.recipe.ipc == *ipc && is_random(&manifest.recipe)));
    let Some(ipc) = lacking else { return };
    ui.horizontal_wrapped(|ui| {
        let words =
            format!("No random set of IPC {ipc} lies beside them: without one nobody knows what a method is worth.");
        ui.label(RichText::new(words).color(palette(ui.visuals()).weak));
        let button = ui.button("Take the recipe of a random set");
        let tip = "Whole images that the seed draws, one each; then distil it to a folder, and tick it here";
        if button.on_hover_text(tip).clicked() {
            scene.out.push(Intent::Edit(Command::SetRecipe(random(ipc, first.seed))));
            scene.out.push(Intent::Show(Panel::Recipe));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::distil::presets::of_method;

    #[test]
    fn a_random_set_is_one_that_nobody_chose() {
        assert!(is_random(&random(10, 3)));
        assert_eq!((random(10, 3).ipc, random(10, 3).seed), (10, 3));
        random(10, 3).check().unwrap();
        for name in Method::NAMES {
            assert!(!is_random(&of_method(name, 32).unwrap()), "{name}");
        }
        let crops = Rded { strategy: Strategy::Random, patches: 1, ..Rded::default() };
        assert!(!is_random(&Recipe { method: Method::Rded(crops), ..random(1, 0) }), "crops were chosen by their loss");
    }
}
