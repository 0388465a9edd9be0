//! The class order panel: what the observer check took for what, a better order where there is one, and which output is
//! which class, by hand.

mod by_hand;
mod images;
mod known;
mod legend;
mod matrix;
mod pairs;
mod proposal;
mod tables;

use eframe::egui::{self, RichText, Ui};

use super::controls::{command, save, saved};
use super::scene::Scene;
use crate::core::chart::svg::heat_map;
use crate::core::data::outcomes::At;
use crate::jobs::worker::Job;
use crate::ui::actions::Action;
use crate::ui::theme::palette;
use crate::ui::widgets::text;

use by_hand::ByHand;
use images::Images;
use known::Known;
use matrix::MatrixView;
use pairs::Pairs;

/// Height of the images of a cell with their heading.
const IMAGES: f32 = 124.0;

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Matrix,
    Pairs,
    ByHand,
}

/// What the panel remembers.
#[derive(Default)]
pub struct ClassesPanel {
    part: Part,
    /// Whether the matrix is shown with the proposed order.
    proposed: bool,
    known: Option<Known>,
    /// The cell whose images are shown.
    cell: Option<At>,
    matrix: MatrixView,
    pairs: Pairs,
    by_hand: ByHand,
    images: Images,
}

impl ClassesPanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        if scene.model.data.is_none() || scene.model.observer.is_none() {
            let next = if scene.model.data.is_none() {
                "Open a dataset and load an observer; what it takes for what appears here."
            } else {
                "Load an observer; which of its outputs is which class appears here."
            };
            text::empty(ui, "Class order", next);
            return;
        }
        self.follow(scene);
        proposal::show(ui, self.known.as_ref(), scene);
        self.toolbar(ui);
        self.save(ui, scene);
        match (self.part, &self.known) {
            (Part::ByHand, known) => self.by_hand.show(ui, known.as_ref(), scene),
            (_, None) => not_checked(ui, scene),
            (part, Some(known)) => {
                let least = if part == Part::Matrix { 120.0 } else { 80.0 };
                let strip = if self.cell.is_some() { IMAGES } else { 0.0 };
                let height = (ui.available_height() - strip).max(least);
                let before = self.cell;
                ui.allocate_ui(egui::vec2(ui.available_width(), height), |ui| {
                    ui.set_min_height(height);
                    let picked = match part {
                        Part::Matrix => self.matrix.show(ui, known, self.cell),
                        _ => self.pairs.show(ui, known, self.cell),
                    };
                    if picked.is_some() {
                        self.cell = picked;
                        ui.ctx().request_repaint();
                    }
                });
                if let Some(at) = self.cell.filter(|_| before.is_some()) {
                    self.images.strip(ui, (known, at), scene);
                }
            }
        }
        if let Some(known) = &self.known {
            self.images.large(ui.ctx(), known, scene);
        }
    }

    /// Brings what is derived from the check up to date.
    fn follow(&mut self, scene: &Scene<'_>) {
        let can_propose = scene.model.check.as_ref().is_some_and(|(report, _)| proposal::differs(report));
        self.proposed &= can_propose;
        if self.known.as_ref().is_some_and(|known| known.is_of(scene.model, self.proposed)) {
            return;
        }
        self.known = Known::of(scene.model, self.proposed);
        self.cell = None;
        self.matrix.forget();
        self.pairs.forget();
        self.images.forget();
    }

    fn toolbar(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            for (part, title, about) in [
                (Part::Matrix, "Matrix", "What images of each class were taken for"),
                (Part::Pairs, "Confused pairs", "Wrong answers, the most frequent first"),
                (Part::ByHand, "By hand", "Which output of the observer is which class"),
            ] {
                ui.selectable_value(&mut self.part, part, title).on_hover_text(about);
            }
            let Some(known) = &self.known else { return };
            let differs = proposal::differs(&known.report);
            let about = "The same answers, with the outputs in the order that fits them best";
            let why = "The order in use fits the answers best";
            let proposed = egui::Checkbox::new(&mut self.proposed, "As proposed");
            ui.add_enabled(differs && self.part != Part::ByHand, proposed)
                .on_hover_text(about)
                .on_disabled_hover_text(why);
        });
    }
}

/// Said of what is saved.
const MATRIX: &str = "the confusion matrix of the check";
const PAIRS: &str = "the confused pairs";
const ORDER: &str = "the class order";

impl ClassesPanel {
    /// Buttons that save what is shown.
    fn save(&self, ui: &mut Ui, scene: &mut Scene<'_>) {
        let known = self.known.as_ref();
        ui.horizontal_wrapped(|ui| {
            match (self.part, known) {
                (Part::Matrix, Some(known)) => {
                    let map = || known.heat_map();
                    save(ui, ("CSV", MATRIX, "check-confusion.csv"), scene, || map().csv());
                    save(ui, ("SVG", MATRIX, "check-confusion.svg"), scene, || heat_map(&map()).document());
                }
                (Part::Pairs, Some(known)) => {
                    save(ui, ("CSV", PAIRS, "confused-pairs.csv"), scene, || tables::pairs(known));
                }
                (Part::ByHand, known) => {
                    let model = scene.model;
                    save(ui, ("CSV", ORDER, "class-order.csv"), scene, || tables::order(model, known));
                }
                (_, None) => {}
            }
            saved(ui, scene, &[MATRIX, PAIRS, ORDER]);
        });
    }
}

fn not_checked(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.model.is_under_way(Job::Check) || scene.model.is_under_way(Job::OpenObserver) {
        text::empty(ui, "Checking…", "What the observer takes for what appears here in a moment.");
        return;
    }
    text::empty(ui, "Not checked yet", "Check the observer; what it takes for what appears here.");
    ui.vertical_centered(|ui| command(ui, Action::Check, scene));
}

/// A line of less important words.
fn weak(ui: &mut Ui, words: impl Into<String>) {
    let color = palette(ui.visuals()).weak;
    ui.add(egui::Label::new(RichText::new(words).color(color)).wrap());
}
