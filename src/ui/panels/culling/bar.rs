//! What is selected, and which marks have no effect.

use eframe::egui::{self, Label, RichText, Ui};

use crate::core::data::dataset::Dataset;
use crate::core::workspace::Command;
use crate::ui::actions::Action;
use crate::ui::intent::Intent;
use crate::ui::model::culling::Tally;
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::text;

/// Whether a mark leads on to the next patch.
pub fn advance(ui: &mut Ui, scene: &mut Scene<'_>) {
    let mut advance = scene.model.culling.advance;
    let check = ui.checkbox(&mut advance, "advance after a mark");
    if check.on_hover_text(Action::Advance.about().tooltip).changed() {
        scene.out.push(Intent::Do(Action::Advance));
    }
}

/// How many are selected, with their mean loss.
pub fn selected(ui: &mut Ui, scene: &Scene<'_>) {
    let p = palette(ui.visuals());
    let words = words(&scene.model.tally());
    let color = if scene.model.workspace.selection().is_empty() { p.weak } else { p.accent };
    ui.add(Label::new(RichText::new(words).color(color)).truncate())
        .on_hover_text("Click selects, Ctrl+click adds or removes, Shift+click selects a range, a drag a rectangle");
}

fn words(tally: &Tally) -> String {
    let Tally { selected, scored, mean_loss } = *tally;
    let count = text::thousands(selected as u64);
    let loss = mean_loss.map(|loss| text::loss(loss as f32));
    match loss {
        _ if selected == 0 => "none selected".to_owned(),
        None => format!("{count} selected, none scored"),
        Some(loss) if selected == 1 => format!("{count} selected, loss {loss}"),
        Some(loss) if scored == selected => format!("{count} selected, mean loss {loss}"),
        Some(loss) => format!("{count} selected, mean loss {loss} of {}", text::thousands(scored as u64)),
    }
}

/// A line about marks that have no effect with the recipe of now, where there are some.
pub fn unused(ui: &mut Ui, dataset: &Dataset, scene: &mut Scene<'_>) {
    let (all, by_reason) = scene.model.unused();
    if all.is_empty() {
        return;
    }
    let reasons: Vec<String> = by_reason.iter().map(|(why, count)| format!("{count} {why}")).collect();
    let verb = if all.len() == 1 { "has" } else { "have" };
    let words = format!("{} {verb} no effect now: {}", text::count(all.len(), "mark", "marks"), reasons.join("; "));
    let p = palette(ui.visuals());
    ui.horizontal_wrapped(|ui| {
        ui.menu_button("show", |ui| list(ui, dataset, scene));
        ui.add(Label::new(RichText::new(&words).color(p.warn)).truncate()).on_hover_text(&words);
    });
}

/// Each of the images, with the reason.
fn list(ui: &mut Ui, dataset: &Dataset, scene: &mut Scene<'_>) {
    let (all, _) = scene.model.unused();
    let height = ui.text_style_height(&egui::TextStyle::Body);
    ui.set_width((scene.room.width() - 60.0).clamp(160.0, 460.0));
    let area = egui::ScrollArea::vertical().id_salt("unused marks").max_height(240.0);
    area.show_rows(ui, height, all.len(), |ui, rows| {
        for unused in &all[rows] {
            ui.add(Label::new(format!("{}: {}", dataset.source(unused.image), unused.why)).truncate());
        }
    });
    ui.separator();
    if ui.button("Take these marks back").on_hover_text("Tags stay").clicked() {
        let curation = scene.model.workspace.curation();
        let marks: Vec<_> = all.iter().map(|unused| (unused.image, curation.mark(unused.image).reset())).collect();
        let words = format!("{} without effect taken back", text::count(marks.len(), "mark", "marks"));
        scene.out.push(Intent::Edit(Command::Curate { marks, words }));
        ui.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_is_said_with_its_loss() {
        let say = |selected, scored, mean_loss| words(&Tally { selected, scored, mean_loss });
        assert_eq!(say(0, 0, None), "none selected");
        assert_eq!(say(1, 1, Some(0.25)), "1 selected, loss 0.250");
        assert_eq!(say(1200, 1200, Some(0.25)), "1,200 selected, mean loss 0.250");
        assert_eq!(say(3, 2, Some(0.25)), "3 selected, mean loss 0.250 of 2");
        assert_eq!(say(3, 0, None), "3 selected, none scored");
    }
}
