//! The sets that can be compared: what the project's runs wrote, and folders that were typed.

use std::path::Path;

use eframe::egui::{self, RichText, Role, Ui, WidgetInfo};

use super::super::methods::title;
use crate::store::project::RunRecord;
use crate::ui::intent::{CompareChange, Intent, Purpose};
use crate::ui::model::compare::Wanted;
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::path_field::PathField;
use crate::ui::widgets::text;

/// "LIC, IPC 10, run 3".
pub(super) fn named(run: &RunRecord) -> String {
    let recipe = &run.recipe;
    let strategy = recipe.method.rded().filter(|_| recipe.method.iterations() == 0).map(|own| own.strategy.name());
    let strategy = strategy.filter(|name| *name != "realism").map(|name| format!(" {name}")).unwrap_or_default();
    format!("{}{strategy}, IPC {}, run {}", title(recipe.method.name()), recipe.ipc, run.row.number())
}

/// Shows the list; what is ticked is compared.
pub(super) fn show(ui: &mut Ui, path: &mut PathField, scene: &mut Scene<'_>) {
    let used = path.show(ui, ("Set's folder", "a distilled set, or real images"), "Add");
    if used.browse {
        scene.out.push(Intent::Browse(Purpose::Compared));
    }
    if used.submitted {
        scene.out.push(Intent::Compare(CompareChange::Add(path.path())));
    }
    ui.add_space(4.0);
    egui::ScrollArea::vertical().id_salt("sets").auto_shrink([false, true]).show(ui, |ui| {
        let model = scene.model;
        let wanted = model.compare.wanted();
        let runs = model.runs.list.rows.iter().filter(|run| run.there);
        let runs: Vec<(&Path, String)> =
            runs.filter_map(|run| Some((run.record.out.as_deref()?, named(&run.record)))).collect();
        // A folder that was overwritten has several runs; the newest made what is there.
        let mut seen: Vec<&Path> = Vec::new();
        for (folder, name) in &runs {
            if !seen.contains(folder) {
                seen.push(folder);
                row(ui, (folder, name), scene);
            }
        }
        for (folder, _) in wanted.iter().filter(|(folder, _)| !seen.contains(&folder.as_path())) {
            row(ui, (folder, &crate::ui::model::exporting::name(folder)), scene);
        }
        let gone = model.runs.list.rows.iter().filter(|run| run.record.out.is_some() && !run.there).count();
        if gone > 0 {
            let words = format!("{} wrote nothing that is still there", text::count(gone, "run", "runs"));
            ui.label(RichText::new(words).color(palette(ui.visuals()).weak).small());
        }
    });
}

fn row(ui: &mut Ui, (folder, name): (&Path, &str), scene: &mut Scene<'_>) {
    let state = scene.model.compare.of(folder);
    let mut ticked = state.is_some();
    let tick = ui.add(egui::Checkbox::new(&mut ticked, name));
    tick.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, ticked, format!("Compare {name}")));
    let changed = tick.changed();
    tick.on_hover_text(folder.to_string_lossy());
    if changed {
        let folder = folder.to_owned();
        let change = if ticked { CompareChange::Add(folder) } else { CompareChange::Leave(folder) };
        scene.out.push(Intent::Compare(change));
    }
    match state {
        Some(Wanted::Opening) => {
            ui.label(RichText::new("opening…").color(palette(ui.visuals()).weak).small());
        }
        Some(Wanted::Failed(why)) => text::problem(ui, why, true),
        Some(Wanted::Here(_)) | None => {}
    }
}
