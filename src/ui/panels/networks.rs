//! The table of networks: what there is, how large, and a click to say that the observer's file is one.

use eframe::egui::{self, RichText, Ui};

use super::controls::{save, saved};
use super::scene::Scene;
use crate::core::formats::csv::{Csv, Field};
use crate::jobs::networks::NetworkRow;
use crate::ui::theme::palette;
use crate::ui::widgets::text;

/// What the table is called.
const NETWORKS: &str = "the table of networks";

/// Shows the table; returns the name that was clicked.
pub fn show(ui: &mut Ui, filter: &mut String, rows: &[NetworkRow], scene: &mut Scene<'_>) -> Option<String> {
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        save(ui, ("CSV", NETWORKS, "networks.csv"), scene, || csv(rows));
        saved(ui, scene, &[NETWORKS]);
    });
    let label = ui.label("Find");
    ui.add(egui::TextEdit::singleline(filter).hint_text("name or family").desired_width(f32::INFINITY))
        .labelled_by(label.id);
    let wanted = filter.trim().to_lowercase();
    let matches = |row: &&NetworkRow| row.name.contains(&wanted) || row.family.to_lowercase().contains(&wanted);
    let rows: Vec<&NetworkRow> = rows.iter().filter(matches).collect();
    if rows.is_empty() {
        text::problem(ui, &format!("No network's name or family contains '{wanted}'."), false);
    }
    let weak = palette(ui.visuals()).weak;
    egui::ScrollArea::both().id_salt("networks").auto_shrink(false).show(ui, |ui| {
        egui::Grid::new("networks").num_columns(6).striped(true).spacing([12.0, 3.0]).show(ui, |ui| {
            for title in ["Network", "Family", "Parameters", "Mult-adds", "Input side", "Files"] {
                ui.label(RichText::new(title).color(weak));
            }
            ui.end_row();
            for row in rows {
                if ui
                    .link(&row.name)
                    .on_hover_text(format!("{}. Click: the weight file is this network.", row.paper))
                    .clicked()
                {
                    chosen = Some(row.name.clone());
                }
                ui.label(row.family);
                let outputs = format!("with {} outputs", row.outputs);
                ui.label(row.parameters_text()).on_hover_text(&outputs);
                ui.label(row.multiply_adds_text()).on_hover_text(format!("one image of side {}, {outputs}", row.side));
                ui.label(row.sides());
                ui.label(&row.files);
                ui.end_row();
            }
        });
    });
    chosen
}

/// All networks, a line each.
fn csv(rows: &[NetworkRow]) -> String {
    let names = ["network", "family", "paper", "parameters", "multiply_adds", "outputs", "side", "sides", "files"];
    let mut table = Csv::new(names);
    for row in rows {
        table.row([
            Field::from(row.name.as_str()),
            row.family.into(),
            row.paper.into(),
            row.parameters.into(),
            row.multiply_adds.into(),
            row.outputs.into(),
            row.side.into(),
            row.sides().into(),
            row.files.as_str().into(),
        ]);
    }
    table.into_text()
}
