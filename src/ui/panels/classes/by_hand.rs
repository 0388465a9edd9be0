//! Which output is which class, as a table that can be changed.

use eframe::egui::{self, Role, Ui, UiBuilder, WidgetInfo};

use super::known::{Known, output_name, percent};
use super::weak;
use crate::core::data::class_map::exchanged;
use crate::core::data::dataset::Dataset;
use crate::core::workspace::Command;
use crate::jobs::open::OpenedObserver;
use crate::ui::intent::Intent;
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::table::{Column, Rows, Table, aligned};
use crate::ui::widgets::text;

const COLUMNS: [Column; 3] = [
    Column { title: "Class", about: "A class of the dataset", width: 112.0, numbers: false },
    Column { title: "Output", about: "The observer's output for it", width: 150.0, numbers: false },
    Column { title: "Right", about: "Its images in the sample that are taken for it", width: 62.0, numbers: true },
];

/// What the table remembers.
#[derive(Default)]
pub struct ByHand {
    table: Table,
    /// Typed into the list of outputs.
    find: String,
}

impl ByHand {
    /// Shows the table.
    pub fn show(&mut self, ui: &mut Ui, known: Option<&Known>, scene: &mut Scene<'_>) {
        let (Some(opened), Some(dataset)) = (scene.model.observer.clone(), scene.model.dataset().cloned()) else {
            return;
        };
        weak(ui, "A class that takes another's output gives it its own: they swap.");
        // What was chosen last, which the observer may not have been opened with yet.
        let own = opened.outputs_in_file();
        let outputs = scene.model.workspace.outputs().map_or(own, |outputs| outputs.to_vec());
        if outputs.len() != dataset.classes().len() {
            return;
        }
        let order = self.order(&dataset, (&outputs, known));
        let (mut next, find) = (None, &mut self.find);
        let rows = Rows { count: order.len(), selected: None, reveal: false };
        self.table.show(ui, &COLUMNS, rows, |ui, row| {
            let p = palette(ui.visuals());
            let class = order[row.row];
            let name = dataset.classes()[class].shown();
            row.response.widget_info(|| WidgetInfo::labeled(Role::Row, true, format!("outputs: {name}")));
            aligned(ui, row.cells[0], name, (false, p.text));
            let mut cell = ui.new_child(UiBuilder::new().max_rect(row.cells[1]).id_salt(("output", class)));
            let chooser = Chooser { opened: &opened, dataset: &dataset, outputs: &outputs, class };
            if let Some(output) = chooser.show(&mut cell, find) {
                next = Some(exchanged(&outputs, class, output));
            }
            let right = known.filter(|known| !known.proposed).and_then(|known| known.outcomes.share((class, class)));
            let words = right.map_or_else(|| "–".to_owned(), percent);
            aligned(ui, row.cells[2], &words, (true, p.text));
        });
        if let Some(next) = next.filter(|next| *next != outputs) {
            scene.out.push(Intent::Edit(Command::SetOutputs(Some(next))));
        }
    }

    /// Classes in the order that the headings ask for.
    fn order(&self, dataset: &Dataset, (outputs, known): (&[u32], Option<&Known>)) -> Vec<usize> {
        let mut order: Vec<usize> = (0..dataset.classes().len()).collect();
        let Some((column, falling)) = self.table.sorted else { return order };
        let share = |class: usize| known.and_then(|known| known.outcomes.share((class, class))).unwrap_or(-1.0);
        match column {
            0 => order.sort_by_cached_key(|&class| dataset.classes()[class].shown().to_lowercase()),
            1 => order.sort_by_key(|&class| outputs[class]),
            _ => order.sort_by(|&a, &b| share(a).total_cmp(&share(b))),
        }
        if falling {
            order.reverse();
        }
        order
    }
}

/// The list of outputs for one class.
struct Chooser<'a> {
    opened: &'a OpenedObserver,
    dataset: &'a Dataset,
    outputs: &'a [u32],
    class: usize,
}

impl Chooser<'_> {
    /// Shows it; returns the output of the file that was chosen.
    fn show(&self, ui: &mut Ui, find: &mut String) -> Option<u32> {
        let current = self.outputs[self.class];
        let shown = self.name(current);
        let mut chosen = None;
        let combo = egui::ComboBox::from_id_salt("output").width(ui.available_width() - 4.0).truncate();
        let combo = combo.selected_text(&shown).height(340.0);
        let combo = combo.close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
        let response = combo.show_ui(ui, |ui| {
            ui.set_min_width(200.0);
            let field = egui::TextEdit::singleline(find).hint_text("find").desired_width(f32::INFINITY);
            let field = ui.add(field);
            field.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Find an output"));
            chosen = self.list(ui, find.trim());
            if chosen.is_some() {
                ui.close();
            }
        });
        if chosen.is_some() {
            find.clear();
        }
        let name = format!("output for {}", self.dataset.classes()[self.class].shown());
        response.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, &name));
        response.response.on_hover_text(shown);
        chosen
    }

    fn list(&self, ui: &mut Ui, find: &str) -> Option<u32> {
        let current = self.outputs[self.class];
        let all = (0..self.opened.observer.spec.classes as u32).map(|output| self.opened.output_in_file(output));
        let find = find.to_lowercase();
        let fits = |output: &u32| find.is_empty() || self.name(*output).to_lowercase().contains(&find);
        let listed: Vec<u32> = all.filter(fits).collect();
        let count = self.opened.observer.spec.classes;
        weak(ui, format!("showing {} of {}", listed.len(), text::count(count, "output", "outputs")));
        let height = ui.spacing().interact_size.y;
        let mut chosen = None;
        egui::ScrollArea::vertical().max_height(260.0).show_rows(ui, height, listed.len(), |ui, rows| {
            ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Truncate);
            for output in &listed[rows] {
                if ui.selectable_label(*output == current, self.name(*output)).clicked() {
                    chosen = Some(*output);
                }
            }
        });
        chosen
    }

    /// An output of the file, and the class that has it.
    fn name(&self, output: u32) -> String {
        let here = self.opened.output_here(output);
        let name = here.map_or_else(|| format!("output {output}"), |here| output_name(self.opened, here));
        let owner = self.outputs.iter().position(|o| *o == output).filter(|class| *class != self.class);
        match owner.and_then(|class| self.dataset.classes().get(class)) {
            Some(class) => format!("{name}, of {}", class.shown()),
            None => name,
        }
    }
}
