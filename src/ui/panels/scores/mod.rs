//! The scores panel: how losses and margins of the key patches are spread, a range of them to filter every panel by, and
//! the classes side by side.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{self, DragValue, Response, RichText, Role, Ui, Vec2, WidgetInfo};

use super::controls::{command, save, saved};
use super::filter_bar::{chips, showing, step};
use super::methods::without_patches;
use super::scene::Scene;
use super::source::{class_chooser, shown_classes};
use crate::core::chart::histogram::Histogram;
use crate::core::chart::{colours, svg, ticks};
use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::workspace::Command;
use crate::core::workspace::view::{Brush, Filter, Quantity};
use crate::jobs::worker::Job;
use crate::ui::actions::Action;
use crate::ui::intent::Intent;
use crate::ui::theme::palette;
use crate::ui::widgets::room::at_least;
use crate::ui::widgets::text;
use plot::{Drawn, Wanted};
use scale::Grip;
use spread::{Beside, Spreads};
use table::Classes;

mod plot;
mod scale;
mod spread;
mod table;

/// What counting patches may take of a frame.
const BUDGET: Duration = Duration::from_millis(4);
/// Least and greatest height of the histogram, and what some rows of the table need.
const PLOT: (f32, f32) = (150.0, 340.0);
const TABLE: f32 = 120.0;

/// What the histograms that can be saved are called.
const HISTOGRAM: &str = "the histogram";
/// What the table is called.
const CLASSES: &str = "the scores of the classes";

/// What the panel remembers.
#[derive(Default)]
pub struct ScoresPanel {
    quantity: Quantity,
    /// Classes over each other instead of what becomes of the patches.
    by_class: bool,
    spreads: Spreads,
    drawn: Option<(Of, Arc<Histogram>)>,
    grip: Option<Grip>,
    classes: Classes,
    /// Height of all but the histogram and the table in the last frame.
    rest: f32,
}

/// What a histogram is of.
#[derive(Clone, Debug, PartialEq)]
struct Of {
    version: u64,
    quantity: Quantity,
    by_class: bool,
    shown: Option<ClassId>,
    chosen: Vec<ClassId>,
}

impl ScoresPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let Some(dataset) = scene.model.dataset().cloned() else {
            text::empty(ui, "Scores", "Open a dataset and load an observer; the spread of its losses appears here.");
            return;
        };
        if without_patches(ui, scene) {
            return;
        }
        if !scene.model.ranking.any() {
            nothing_scored(ui, scene);
            return;
        }
        let chosen: Vec<ClassId> = scene.model.workspace.chosen().collect();
        let left = self.spreads.work(scene.model, &chosen, BUDGET);
        if left > 0 {
            ui.ctx().request_repaint();
        }
        let least = Vec2::new(280.0, self.rest + PLOT.0 + TABLE);
        at_least(ui, least, |ui| self.parts(ui, (&dataset, chosen, left), scene));
    }

    fn parts(&mut self, ui: &mut Ui, (dataset, chosen, left): (&Dataset, Vec<ClassId>, usize), scene: &mut Scene<'_>) {
        let (top, available) = (ui.cursor().top(), ui.available_height());
        let classes = shown_classes(scene.model);
        let counting = (left > 0).then(|| {
            let (counted, all) = (chosen.len().saturating_sub(left), chosen.len());
            format!("counting… {} of {} classes", text::thousands(counted as u64), text::thousands(all as u64))
        });
        let histogram = self.histogram(dataset, chosen, scene);
        self.controls(ui, &histogram, scene);
        chips(ui, scene);
        plot::legend(ui, &histogram);
        self.counted(ui, (&classes, counting), scene);
        let height = (available - self.rest - TABLE).clamp(PLOT.0, PLOT.1);
        self.plot(ui, (&histogram, &classes), height, scene);
        ui.horizontal_wrapped(|ui| {
            ui.label("Classes");
            save(ui, ("CSV", CLASSES, "class-scores.csv"), scene, || self.classes.csv());
            saved(ui, scene, &[CLASSES]);
        });
        self.rest = ui.cursor().top() - top - height;
        self.classes.show(ui, (dataset, &self.spreads), scene);
    }

    /// The histogram of what is shown, made anew where that has changed.
    fn histogram(&mut self, dataset: &Dataset, chosen: Vec<ClassId>, scene: &Scene<'_>) -> Arc<Histogram> {
        let shown = scene.model.workspace.shown_class();
        let (version, quantity, by_class) = (self.spreads.version(), self.quantity, self.by_class);
        let of = Of { version, quantity, by_class, shown, chosen };
        if let Some((_, histogram)) = self.drawn.as_ref().filter(|(drawn, _)| *drawn == of) {
            return histogram.clone();
        }
        let histogram = Arc::new(if by_class {
            self.spreads.overlaid(quantity, &spread::compared(dataset, shown, &of.chosen))
        } else {
            let classes = shown.map_or_else(|| of.chosen.clone(), |class| vec![class]);
            self.spreads.by_group(quantity, &classes)
        });
        self.drawn = Some((of, histogram.clone()));
        histogram
    }

    fn controls(&mut self, ui: &mut Ui, histogram: &Histogram, scene: &mut Scene<'_>) {
        ui.horizontal_wrapped(|ui| {
            class_chooser(ui, "Class shown in Scores", scene);
            let combo = egui::ComboBox::from_id_salt("Scores quantity").width(72.0).selected_text(self.quantity.name());
            let combo = combo.show_ui(ui, |ui| {
                for quantity in Quantity::ALL {
                    ui.selectable_value(&mut self.quantity, quantity, quantity.name());
                }
            });
            combo.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, "Scores quantity"));
            ui.checkbox(&mut self.by_class, "by class").on_hover_text(
                "Classes over each other, each in percent of its patches: the shown class and all, or the first classes",
            );
            let file = |extension: &str| format!("{}-histogram.{extension}", self.quantity.name());
            save(ui, ("CSV", HISTOGRAM, &file("csv")), scene, || histogram.csv());
            save(ui, ("SVG", HISTOGRAM, &file("svg")), scene, || {
                svg::histogram(histogram, &colours::on_white()).document()
            });
            saved(ui, scene, &[HISTOGRAM]);
        });
    }

    /// How many patches pass the filter, and what isn't counted or shown.
    fn counted(&self, ui: &mut Ui, (classes, counting): (&[ClassId], Option<String>), scene: &Scene<'_>) {
        let (p, model) = (palette(ui.visuals()), scene.model);
        let all: usize = classes.iter().map(|class| model.ranking.class(*class).ranked).sum();
        let mut words = format!("{} patches", showing(model.shown.total(&model.ranking, classes), all));
        let compared = self.drawn.as_ref().map_or(0, |(_, histogram)| histogram.series.len());
        if self.by_class && classes.len() > compared {
            words.push_str(&format!("; the first {compared} of {} classes are drawn", classes.len()));
        }
        let stale = classes.iter().filter(|class| model.ranking.class(**class).stale).count();
        if stale > 0 {
            words.push_str(&format!("; {} stale: of another N or seed", text::count(stale, "class is", "classes are")));
        }
        words.extend(counting.map(|counting| format!("; {counting}")));
        ui.label(RichText::new(words).color(p.weak));
    }

    /// The histogram, its range, and what it has no bins for.
    fn plot(
        &mut self,
        ui: &mut Ui,
        (histogram, classes): (&Histogram, &[ClassId]),
        height: f32,
        scene: &mut Scene<'_>,
    ) {
        let patches: usize = classes.iter().filter_map(|c| self.spreads.class(*c)).map(|spread| spread.patches).sum();
        let label = format!("histogram of {}, {}", self.quantity.name(), text::count(patches, "patch", "patches"));
        let like = Brush { quantity: self.quantity, low: f32::NEG_INFINITY, high: f32::INFINITY };
        let brush = scene.model.workspace.filter().brush.filter(|brush| brush.quantity == self.quantity);
        let drawn = Drawn { histogram, brush, like, label: &label };
        for wanted in plot::show(ui, drawn, &mut self.grip, height) {
            carry_out(wanted, scene);
        }
        ends(ui, brush.unwrap_or(like), scene);
        let words = match self.by_class {
            true => String::new(),
            false => beside_words(self.quantity, histogram, self.spreads.beside(classes)),
        };
        if !words.is_empty() {
            ui.label(RichText::new(words).color(palette(ui.visuals()).weak));
        }
    }
}

fn nothing_scored(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.model.is_under_way(Job::Score) || scene.model.is_under_way(Job::Distill) {
        text::empty(ui, "Scoring…", "The spread of the losses appears here class by class.");
        return;
    }
    text::empty(ui, "No scores for these settings", "Score the patches; the spread of their losses appears here.");
    ui.vertical_centered(|ui| command(ui, Action::Score, scene));
}

/// Makes what is wanted of the range a change of the filter.
fn carry_out(wanted: Wanted, scene: &mut Scene<'_>) {
    let filter = scene.model.workspace.filter().clone();
    match wanted {
        Wanted::Settle => scene.out.push(Intent::Edit(Command::Settle)),
        Wanted::Range(brush) => {
            let filter = Filter { brush: Some(brush), ..filter };
            scene.out.push(Intent::Edit(Command::SetFilter(filter)));
        }
        Wanted::Nothing => step(scene, Filter { brush: None, ..filter }),
    }
}

/// The ends of the range, to be typed.
fn ends(ui: &mut Ui, brush: Brush, scene: &mut Scene<'_>) {
    let mut next = brush;
    ui.horizontal_wrapped(|ui| {
        let from = end(ui, ("Brush from", f64::NEG_INFINITY), &mut next.low);
        let to = end(ui, ("Brush to", f64::INFINITY), &mut next.high);
        if next != brush {
            let open = next.low == f32::NEG_INFINITY && next.high == f32::INFINITY;
            carry_out(if open { Wanted::Nothing } else { Wanted::Range(next) }, scene);
        }
        // A drag is one step until it ends; a number that is typed is one by itself.
        if next != brush && !from.dragged() && !to.dragged() || from.drag_stopped() || to.drag_stopped() {
            carry_out(Wanted::Settle, scene);
        }
        if brush.low > brush.high {
            ui.label(RichText::new("no value is from here to there").color(palette(ui.visuals()).warn));
        }
    });
}

/// One end, and what it is where the range is open.
fn end(ui: &mut Ui, (label, open): (&str, f64), value: &mut f32) -> Response {
    let name = ui.label(label);
    let before = f64::from(*value);
    let mut now = before;
    let speed = if before.is_finite() { (before.abs() * 0.02).max(1e-6) } else { 0.01 };
    let field = DragValue::new(&mut now)
        .range(f64::NEG_INFINITY..=f64::INFINITY)
        .speed(speed)
        .update_while_editing(false)
        .custom_formatter(|value, _| if value.is_finite() { ticks::label(value) } else { "any".to_owned() })
        .custom_parser(move |typed| match typed.trim() {
            "" | "any" => Some(open),
            typed => typed.parse().ok().filter(|value: &f64| !value.is_nan()),
        });
    let field = ui.add(field).labelled_by(name.id);
    // What was not changed keeps the digits that no field shows.
    if now != before {
        *value = now as f32;
    }
    field.on_hover_text("Type a number, or 'any' for no bound; drag to change it")
}

/// What the axis has no bin for, in words.
fn beside_words(quantity: Quantity, histogram: &Histogram, beside: Beside) -> String {
    let (below, above, unknown) = histogram.outside();
    let patches = |n: u64| text::count(n as usize, "patch", "patches");
    let bins = &histogram.bins;
    let (low, high) = (ticks::label(bins.edge(0)), ticks::label(bins.edge(bins.count())));
    let mut parts = Vec::new();
    match quantity {
        Quantity::Loss => {
            let (small, large) = (below.saturating_sub(beside.zero), above.saturating_sub(beside.infinite));
            let all = [
                (beside.zero, "with loss 0".to_owned()),
                (small, format!("below {low}")),
                (large, format!("from {high} on")),
                (beside.infinite, "with infinite loss".to_owned()),
                (unknown, "whose loss is no number".to_owned()),
            ];
            parts.extend(all.into_iter().filter(|(n, _)| *n > 0).map(|(n, words)| format!("{} {words}", patches(n))));
        }
        Quantity::Margin if unknown > 0 => parts.push(format!("the margin is not known for {}", patches(unknown))),
        Quantity::Margin => {}
    }
    if parts.is_empty() { String::new() } else { format!("Not drawn: {}", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::chart::histogram::Bins;

    #[test]
    fn what_has_no_bin_is_said() {
        let mut histogram = Histogram::new("Patches", "loss", Bins::of([1e-7, 9.99], true, 80));
        histogram.add("a", [0.0, 0.0, 1e-9, 0.5, 10.0, 20.0, f64::INFINITY, f64::NAN]);
        let words = |quantity, beside| beside_words(quantity, &histogram, beside);
        let due = "Not drawn: 2 patches with loss 0, 1 patch below 1e-7, 2 patches from 10 on, 1 patch with infinite \
                   loss, 1 patch whose loss is no number";
        assert_eq!(words(Quantity::Loss, Beside { zero: 2, infinite: 1 }), due);
        assert_eq!(words(Quantity::Margin, Beside::default()), "Not drawn: the margin is not known for 1 patch");
        assert_eq!(beside_words(Quantity::Loss, &Histogram { series: vec![], ..histogram }, Beside::default()), "");
    }
}
