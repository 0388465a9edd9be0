//! The dialog for what is no longer where it was: where is it now? What is found is compared with what was lost.

use eframe::egui::{self, Context, Rect, RichText, Ui};

use crate::jobs::reopen::{Lost, Match};
use crate::ui::intent::{Intent, Purpose, Relocate};
use crate::ui::model::project::{Missing, Relocation};
use crate::ui::theme::palette;
use crate::ui::widgets::path_field::PathField;
use crate::ui::widgets::text;

/// What the dialog remembers.
#[derive(Default)]
pub struct RelocateDialog {
    fields: Vec<PathField>,
}

impl RelocateDialog {
    /// The field of something that has gone.
    pub fn field(&mut self, at: usize) -> &mut PathField {
        if self.fields.len() <= at {
            self.fields.resize_with(at + 1, PathField::default);
        }
        &mut self.fields[at]
    }

    /// Forgets what was typed: other things have gone.
    pub fn begin(&mut self, relocation: &Relocation) {
        self.fields.clear();
        for (at, item) in relocation.items.iter().enumerate() {
            self.field(at).set(item.lost.path());
        }
    }

    /// Shows the dialog within `room`, over everything.
    pub fn show(&mut self, ctx: &Context, (relocation, room): (&Relocation, Rect), out: &mut Vec<Intent>) {
        let dialog = egui::Modal::new(egui::Id::unique("relocate")).show(ctx, |ui| {
            ui.set_width((room.width() - 40.0).clamp(200.0, 560.0));
            ui.heading("Relocate");
            ui.label("These are no longer where they were. Where are they now?");
            ui.add_space(6.0);
            let height = (room.height() - 150.0).max(80.0);
            egui::ScrollArea::vertical().id_salt("lost").max_height(height).auto_shrink([false, true]).show(ui, |ui| {
                for (at, item) in relocation.items.iter().enumerate() {
                    self.item(ui, (at, item), out);
                    ui.add_space(6.0);
                }
            });
            buttons(ui, relocation, out);
        });
        if dialog.should_close() {
            out.push(Intent::Relocate(Relocate::Without));
        }
    }

    fn item(&mut self, ui: &mut Ui, (at, item): (usize, &Missing), out: &mut Vec<Intent>) {
        let p = palette(ui.visuals());
        let was = format!("It was {}", item.lost.path().to_string_lossy());
        let field = self.field(at);
        let used = field.show(ui, (item.lost.name(), "/where/it/is/now"), "Look");
        if used.submitted {
            out.push(Intent::Relocate(Relocate::Look(at, field.path())));
        }
        if used.browse {
            let folder = matches!(item.lost, Lost::Dataset(_));
            out.push(Intent::Browse(Purpose::Lost { folder, at }));
        }
        match &item.found {
            _ if item.looking => _ = ui.label(RichText::new("Looking…").color(p.weak)),
            None => _ = ui.add(egui::Label::new(RichText::new(&was).color(p.weak)).truncate()).on_hover_text(was),
            Some((_, Ok(Match::Same))) => _ = ui.label(RichText::new("Found: it is the same.").color(p.good)),
            Some((_, Ok(Match::Unknown))) => {
                ui.label(RichText::new("Found; whether it is the same can't be told.").color(p.text));
            }
            Some((_, Ok(Match::Other(why)))) => {
                text::problem(ui, &format!("This is not what was open: {why}. You may go on with it."), false);
            }
            Some((_, Err(why))) => text::problem(ui, why, true),
        }
    }
}

fn buttons(ui: &mut Ui, relocation: &Relocation, out: &mut Vec<Intent>) {
    ui.horizontal(|ui| {
        let label = if relocation.is_doubtful() { "Open anyway" } else { "Open what was found" };
        let open = ui.add_enabled(relocation.is_complete(), egui::Button::new(label));
        if open.on_disabled_hover_text("Look for each of them first, or open without").clicked() {
            out.push(Intent::Relocate(Relocate::Open));
        }
        let without =
            ui.button("Open without").on_hover_text("What is missing stays closed; it is asked for next time");
        if without.clicked() {
            out.push(Intent::Relocate(Relocate::Without));
        }
    });
}
