//! The training panel: the form on the left, curves above, the table of trainings below; in a narrow window the form or
//! the others.

use eframe::egui::{self, RichText, Sense, Ui, Vec2, WidgetInfo};

use crate::core::chart::{Chart, Run, View, charts};
use crate::ui::actions::Action;
use crate::ui::intent::{Intent, TrainingsChange};
use crate::ui::model::Model;
use crate::ui::panels::controls::{command, saved};
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::room::at_least;
use crate::ui::widgets::table::Table;
use crate::ui::widgets::text;

mod asking;
mod changes;
mod comparison;
mod details;
mod fields;
pub mod form;
pub mod form_view;
mod paths;
pub(super) mod plots;
mod runs;
pub mod suggestion;

/// What the panel remembers.
pub struct TrainingPanel {
    /// The form.
    pub form: form::TrainForm,
    /// The window with everything that is known of a training.
    pub details: details::Details,
    form_view: form_view::FormView,
    table: Table,
    view: View,
    /// Bars of the results in place of curves.
    compare: bool,
    reset: bool,
    /// The epoch under the pointer in the last frame, in whichever plot.
    epoch: Option<f64>,
    /// The legend's entry under the pointer in the last frame.
    highlighted: Option<String>,
    /// Paths that are typed: of more trainings, and of curves.
    pub paths: paths::Paths,
    /// In a narrow window: the form, in place of curves and table.
    pub form_in_front: bool,
    drawn: Option<Drawn>,
    /// Height of what stood above the curves in the last frame: messages and fields make it grow.
    above: f32,
    /// Height of what stands over the curves, as it was last: their buttons and the legend.
    heads: f32,
    /// That of the table's buttons, which take several rows where they must.
    bar: f32,
}

/// Least height of the curves themselves.
const CURVES: f32 = 90.0;
/// Least height of the table without its buttons.
const TABLE: f32 = 120.0;
/// From this width on the form and the curves have room beside each other.
const BESIDE: f32 = 700.0;

/// The charts of a frame, kept while nothing changes.
struct Drawn {
    /// The shown records by address, with their colours, and the view.
    of: (Vec<(usize, usize)>, View),
    charts: [Chart; 3],
}

impl Default for TrainingPanel {
    fn default() -> Self {
        Self {
            form: form::TrainForm::default(),
            details: details::Details::default(),
            form_view: form_view::FormView::default(),
            table: Table::default(),
            view: View { smoothing: 0.0, log_loss: false, train_top1: true },
            compare: false,
            reset: false,
            epoch: None,
            highlighted: None,
            paths: paths::Paths::default(),
            form_in_front: true,
            drawn: None,
            above: 0.0,
            heads: 0.0,
            bar: 0.0,
        }
    }
}

impl TrainingPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let width = ui.available_width();
        if width < BESIDE {
            ui.horizontal(|ui| {
                ui.selectable_value(&mut self.form_in_front, true, "Form").on_hover_text("What to train, and how");
                ui.selectable_value(&mut self.form_in_front, false, "Curves and table")
                    .on_hover_text("The trainings that there are");
            });
            ui.separator();
            if self.form_in_front {
                self.form_view.show(ui, &mut self.form, scene);
            } else {
                self.trainings(ui, scene);
            }
        } else {
            egui::Panel::left("training form")
                .resizable(true)
                .default_size(312.0)
                .size_range(280.0..=(width - 420.0).min(520.0))
                .frame(egui::Frame::new())
                .show(ui, |ui| self.form_view.show(ui, &mut self.form, scene));
            egui::CentralPanel::default()
                .frame(egui::Frame::new().inner_margin(egui::Margin { left: 8, ..Default::default() }))
                .show(ui, |ui| self.trainings(ui, scene));
        }
        self.details.show(ui.ctx(), scene);
    }

    /// Curves above, the table below.
    fn trainings(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let least = Vec2::new(280.0, self.above + self.heads + CURVES + self.bar + TABLE);
        at_least(ui, least, |ui| self.curves_and_table(ui, scene));
    }

    fn curves_and_table(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let top = ui.cursor().top();
        if let Some(problem) = &scene.model.trainings.problem {
            text::problem(ui, &format!("The project's trainings can't be listed: {problem}"), true);
        }
        self.paths.show(ui, scene);
        self.above = ui.cursor().top() - top;
        if scene.model.trainings.rows().is_empty() {
            nothing(ui, scene);
            return;
        }
        let p = palette(ui.visuals());
        let height = ui.available_height();
        let least = self.bar + TABLE;
        let most = (height - self.heads - CURVES).max(least);
        egui::Panel::bottom("training table")
            .resizable(true)
            .default_size((height * 0.45).min(226.0))
            .size_range(least..=most)
            .frame(egui::Frame::new().fill(p.ground))
            .show(ui, |ui| {
                let top = ui.cursor().top();
                ui.add_space(4.0);
                self.table_bar(ui, scene);
                self.bar = ui.cursor().top() - top;
                runs::show(ui, &mut self.table, scene);
            });
        self.plots(ui, scene);
    }

    /// The charts of what is shown.
    #[must_use]
    pub fn charts(&self, model: &Model) -> [Chart; 3] {
        let shown: Vec<_> = model.trainings.shown().collect();
        let runs: Vec<Run<'_>> = shown
            .iter()
            .map(|(_, note, colour)| Run { name: &note.name, colour: *colour, curves: &note.curves })
            .collect();
        charts(&runs, &self.view)
    }

    fn redraw(&mut self, model: &Model) {
        let shown = model.trainings.shown().map(|(_, note, colour)| (std::sync::Arc::as_ptr(note) as usize, colour));
        let of = (shown.collect(), self.view);
        if self.drawn.as_ref().is_none_or(|d| d.of != of) {
            self.drawn = Some(Drawn { charts: self.charts(model), of });
        }
    }

    fn plots(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let top = ui.cursor().top();
        self.controls(ui, scene);
        self.heads = ui.cursor().top() - top;
        if scene.model.trainings.shown().next().is_none() {
            text::empty(
                ui,
                "No curves are shown",
                "Click the box at the left of a training in the table below: its curves appear here, one colour each.",
            );
            return;
        }
        if self.compare {
            comparison::show(ui, scene);
            return;
        }
        self.legend(ui, scene);
        self.heads = ui.cursor().top() - top;
        self.redraw(scene.model);
        let Some(drawn) = &self.drawn else { return };
        let space = ui.available_size();
        let heading = ui.text_style_height(&egui::TextStyle::Body) + 6.0;
        let gap = 8.0;
        // Side by side where there is room; accuracy and loss matter more than the rate.
        let wide = space.x > 760.0;
        let shares = [0.38, 0.38, 0.24_f32];
        let (mut epoch, reset) = (None, std::mem::take(&mut self.reset));
        let mut one = |ui: &mut Ui, number: usize, size: Vec2| {
            let chart = &drawn.charts[number];
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                title(ui, chart, size.x);
                let look = plots::Look {
                    size: Vec2::new(size.x, size.y - heading),
                    reset,
                    highlighted: self.highlighted.as_deref(),
                    epoch: self.epoch,
                };
                epoch = plots::show(ui, (number, chart), look).or(epoch);
            });
        };
        if wide {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = gap;
                // The last label of an axis stands out by half its width.
                let width = space.x - 2.0 * gap - 12.0;
                shares.iter().enumerate().for_each(|(i, s)| one(ui, i, Vec2::new(width * s, space.y - 4.0)));
            });
        } else {
            egui::ScrollArea::vertical().id_salt("plots").auto_shrink(false).show(ui, |ui| {
                let height = space.y.max(420.0) - 2.0 * gap;
                shares.iter().enumerate().for_each(|(i, s)| one(ui, i, Vec2::new(space.x, height * s)));
            });
        }
        self.epoch = epoch;
    }

    fn controls(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut self.compare, false, "Curves");
            ui.selectable_value(&mut self.compare, true, "Comparison")
                .on_hover_text("The results of the shown trainings side by side, over their seeds");
            ui.separator();
            self.curve_controls(ui);
            ui.menu_button("Export", |ui| {
                for action in [Action::ExportCsv, Action::ExportSvg, Action::ExportTable] {
                    if command(ui, action, scene).clicked() {
                        ui.close();
                    }
                }
            });
            saved(ui, scene, &["the shown curves", "the shown charts", "the table of trainings"]);
        });
    }

    fn curve_controls(&mut self, ui: &mut Ui) {
        let label = ui.label("Smoothing").on_hover_text(
            "Exponential: each value becomes the average of those before it, weighed by powers of this. Evaluations and \
             rates are not smoothed; what was measured stays as a faint line.",
        );
        ui.spacing_mut().slider_width = 110.0;
        // Of the comparison they change nothing.
        let curves = !self.compare;
        let smoothing = egui::Slider::new(&mut self.view.smoothing, 0.0..=0.99).fixed_decimals(2);
        ui.add_enabled(curves, smoothing).labelled_by(label.id);
        ui.separator();
        let was = self.view.log_loss;
        ui.add_enabled(curves, egui::Checkbox::new(&mut self.view.log_loss, "Log loss"))
            .on_hover_text("Logarithmic scale of the loss");
        // The old scale's view means nothing on the new one.
        self.reset |= was != self.view.log_loss;
        ui.add_enabled(curves, egui::Checkbox::new(&mut self.view.train_top1, "Training top-1"))
            .on_hover_text("Top-1 on the augmented training images, dashed");
        ui.separator();
        self.reset |= ui
            .add_enabled(curves, egui::Button::new("Reset view"))
            .on_hover_text(
                "All epochs and values. In a plot: drag moves, the wheel zooms, a drag with the right button zooms into a \
                 box, a double click resets.",
            )
            .clicked();
    }

    /// The shown trainings in their colours; pointing at one brings it out, a click hides it.
    fn legend(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let p = palette(ui.visuals());
        let mut pointed = None;
        let mut hidden = None;
        let most = (ui.available_height() * 0.25).max(40.0);
        let area = egui::ScrollArea::vertical().id_salt("legend").max_height(most).auto_shrink([false, true]);
        let longest = (ui.available_width() - 40.0).max(40.0);
        let names = |ui: &mut Ui| {
            ui.spacing_mut().item_spacing = Vec2::new(16.0, 2.0);
            for (row, note, number) in scene.model.trainings.shown() {
                let colour = p.curves[number % p.curves.len()];
                let galley = text::elided(ui, &note.name, longest, (egui::TextStyle::Body, p.text));
                let size = Vec2::new(galley.size().x + 22.0, galley.size().y);
                let (rect, response) = ui.allocate_exact_size(size, Sense::CLICK);
                let line = egui::Rect::from_min_size(rect.left_center() - Vec2::new(0.0, 2.0), Vec2::new(16.0, 4.0));
                ui.painter().rect_filled(line, 2.0, colour);
                let at = egui::pos2(rect.left() + 22.0, rect.top());
                ui.painter().galley(at, galley, p.text);
                let label = format!("curves of {}", note.name);
                response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &label));
                if response.hovered() {
                    pointed = Some(note.name.clone());
                }
                if response.clicked() {
                    hidden = Some(row.folder.clone());
                }
                response.on_hover_text(format!("{}\nClick hides it; the box in the table shows it again", note.name));
            }
        };
        area.show(ui, |ui| ui.horizontal_wrapped(names));
        self.highlighted = pointed;
        if let Some(folder) = hidden {
            scene.out.push(Intent::Trainings(TrainingsChange::Show(folder, false)));
        }
    }

    fn table_bar(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let one_row = ui.available_width() > 780.0;
        ui.horizontal_wrapped(|ui| {
            for action in [Action::ResumeTraining, Action::CloneTraining, Action::TrainingDetails] {
                command(ui, action, scene);
            }
            ui.separator();
            command(ui, Action::OpenTrainings, scene);
            if ui.button("Refresh").on_hover_text(Action::ListTrainings.about().tooltip).clicked() {
                scene.out.push(Intent::Do(Action::ListTrainings));
            }
            if one_row {
                let end = egui::Layout::right_to_left(egui::Align::Center);
                ui.with_layout(end, |ui| shown_count(ui, scene));
            } else {
                shown_count(ui, scene);
            }
        });
    }
}

/// How many trainings there are, and a button that shows or hides all of them.
fn shown_count(ui: &mut Ui, scene: &mut Scene<'_>) {
    let p = palette(ui.visuals());
    let all = scene.model.trainings.rows().len();
    let shown = scene.model.trainings.shown().count();
    let many = shown < all;
    if ui.small_button(if many { "Show all" } else { "Hide all" }).clicked() {
        scene.out.push(Intent::Trainings(TrainingsChange::ShowAll(many)));
    }
    let words = format!("{}, curves of {shown} shown", text::count(all, "training", "trainings"));
    ui.add(egui::Label::new(RichText::new(words).color(p.weak)).truncate());
}

/// A chart's title, and what its kinds of lines mean.
fn title(ui: &mut Ui, chart: &Chart, width: f32) {
    let p = palette(ui.visuals());
    ui.horizontal(|ui| {
        ui.set_max_width(width);
        ui.label(RichText::new(chart.title).color(p.text).strong());
        let styles = |style| chart.lines.iter().any(|l| l.style == style);
        let words = match (chart.log, styles(crate::core::chart::Style::Dashed)) {
            (true, _) => "logarithmic",
            (_, true) if width > 260.0 => "solid: evaluated, dashed: training",
            _ => "",
        };
        ui.add(egui::Label::new(RichText::new(words).color(p.weak).small()).truncate());
    });
}

fn nothing(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.model.trainings.folder().is_none() {
        text::empty(ui, "Looking for trainings…", "The project's folder is being listed.");
        return;
    }
    text::empty(
        ui,
        "No trainings yet",
        "Fill in the form on the left and start one: a distilled folder, real images to evaluate on, and the observer \
         that labels. Distil first if there is no such folder. Trainings of the command line join with Open trainings.",
    );
    ui.vertical_centered(|ui| {
        ui.horizontal_wrapped(|ui| {
            ui.add_space((ui.available_width() - 240.0).max(0.0) / 2.0);
            command(ui, Action::Train, scene);
            command(ui, Action::OpenTrainings, scene);
        });
    });
}
