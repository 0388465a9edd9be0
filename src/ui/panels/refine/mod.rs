//! The refine panel: images whose pixels are moved, as they change, one of them beside what it began with, and what pulls
//! at them.

use eframe::egui::{self, RichText, Role, Ui, WidgetInfo};

use super::controls::{command, size_slider};
use super::methods;
use super::scene::Scene;
use crate::jobs::worker::Job;
use crate::ui::actions::Action;
use crate::ui::intent::{Intent, MovedOf, Panel};
use crate::ui::model::refine::{Live, Refine, Written};
use crate::ui::theme::palette;
use crate::ui::widgets::text;

mod close;
mod images;
mod loss;
mod norms;
mod wipe;

/// From this width on, in points, an image and the curves have room beside each other.
const BESIDE: f32 = 520.0;

/// A part below the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Wipe,
    Change,
    Loss,
    Norms,
}

impl Part {
    /// Of one image.
    const CLOSE: [Self; 2] = [Self::Wipe, Self::Change];
    /// Of the batch.
    const PULLS: [Self; 2] = [Self::Loss, Self::Norms];
    const ALL: [Self; 4] = [Self::Wipe, Self::Change, Self::Loss, Self::Norms];

    /// What its tab says, and what it shows.
    fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::Wipe => {
                ("Before and after", "What the image began with beside what it is now; drag the line over it")
            }
            Self::Change => ("Change", "δ: what was added to the image's values, by its sign"),
            Self::Loss => ("Loss", "The terms of the loss, each already weighted, step by step"),
            Self::Norms => {
                ("Batch norms", "How far what each batch norm sees is from what it remembers of its training")
            }
        }
    }
}

/// What the panel remembers.
pub struct RefinePanel {
    /// Whether it was seen in the last frame: what it looks at is worked out only then.
    pub seen: bool,
    /// Side of the images, in points.
    pub side: f32,
    /// The parts in front: alone, of one image, of the batch.
    fronts: [Part; 3],
    wipe: wipe::Wipe,
    loss: loss::LossView,
}

impl Default for RefinePanel {
    fn default() -> Self {
        let fronts = [Part::Wipe, Part::Wipe, Part::Loss];
        Self { seen: false, side: 80.0, fronts, wipe: wipe::Wipe::default(), loss: loss::LossView::default() }
    }
}

impl RefinePanel {
    /// Shows the panel.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        self.seen = true;
        if let Some(problem) = &scene.model.refine.problem {
            text::problem(ui, &format!("The written set can't be shown: {problem}"), true);
        }
        let Some(shown) = scene.model.refine.shown() else {
            nothing(ui, scene);
            return;
        };
        self.header(ui, shown, scene);
        // However the window shrinks, some of the images stay in view.
        let most = (ui.available_height() - 110.0).max(190.0);
        egui::Panel::bottom("moved closely")
            .resizable(true)
            .default_size((ui.available_height() * 0.58).clamp(190.0, 460.0))
            .size_range(190.0..=most)
            .frame(egui::Frame::new())
            .show(ui, |ui| {
                ui.add_space(6.0);
                self.parts(ui, scene);
            });
        images::show(ui, (shown, self.side), scene);
    }

    fn header(&mut self, ui: &mut Ui, shown: MovedOf, scene: &mut Scene<'_>) {
        let p = palette(ui.visuals());
        let refine = &scene.model.refine;
        ui.horizontal_wrapped(|ui| {
            if refine.live.is_some() && refine.written.is_some() {
                which(ui, shown, scene.out);
            }
            size_slider(ui, &mut self.side, "Refined image size");
        });
        let (words, tip) = match (shown, &refine.live, &refine.written) {
            (MovedOf::Batch, Some(live), _) => said_of_batch(live),
            (MovedOf::Set, _, Some(written)) => said_of_set(written),
            _ => return,
        };
        ui.add(egui::Label::new(RichText::new(words).color(p.weak)).truncate()).on_hover_text(tip);
    }

    /// What is below the images: side by side where there is room.
    fn parts(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) {
        if ui.available_width() < BESIDE {
            self.part(ui, (0, &Part::ALL), scene);
            return;
        }
        ui.columns(2, |columns| {
            self.part(&mut columns[0], (1, &Part::CLOSE), scene);
            self.part(&mut columns[1], (2, &Part::PULLS), scene);
        });
    }

    fn part(&mut self, ui: &mut Ui, (place, all): (usize, &[Part]), scene: &mut Scene<'_>) {
        ui.horizontal_wrapped(|ui| {
            for part in all {
                let (name, about) = part.about();
                let front = self.fronts[place] == *part;
                let tab = ui.selectable_label(front, name).on_hover_text(about);
                tab.widget_info(|| WidgetInfo::selected(Role::Tab, true, front, name));
                if tab.clicked() {
                    self.fronts[place] = *part;
                }
            }
        });
        match self.fronts[place] {
            Part::Wipe => close::wipe(ui, &mut self.wipe, &scene.model.refine),
            Part::Change => close::change(ui, &scene.model.refine),
            Part::Loss => self.loss.show(ui, scene),
            Part::Norms => norms::show(ui, scene),
        }
    }
}

/// The batch or the set.
fn which(ui: &mut Ui, shown: MovedOf, out: &mut Vec<Intent>) {
    for (of, name, about) in [
        (MovedOf::Batch, "Batch", "The images that are moved together now, or were last"),
        (MovedOf::Set, "Written set", "All images of the set that was written last"),
    ] {
        let button = ui.selectable_label(shown == of, name).on_hover_text(about);
        button.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, shown == of, name));
        if button.clicked() && shown != of {
            out.push(Intent::ShowMoved(of));
        }
    }
}

/// "LIC: batch 3 of 10, step 120 of 200", and more about it.
fn said_of_batch(live: &Live) -> (String, String) {
    let refining = &live.preview.refining;
    let (before, batches) = refining.batch;
    let words = format!(
        "{}: batch {} of {}, step {} of {}, {}",
        methods::title(live.preview.recipe.method.name()),
        text::thousands(before as u64 + 1),
        text::thousands(batches as u64),
        text::thousands(u64::from(refining.iteration)),
        text::thousands(u64::from(refining.iterations)),
        text::count(refining.images.len(), "image", "images"),
    );
    let tip = format!("{words} of {0}×{0} pixels; for {1}", refining.side, live.preview.out.to_string_lossy());
    (words, tip)
}

/// "SRe2L: 100 images of 10 classes in cifar10-distilled", and where that is.
fn said_of_set(written: &Written) -> (String, String) {
    let folder = written.set.folder();
    let name = folder.file_name().map_or_else(|| folder.to_string_lossy(), |name| name.to_string_lossy());
    let words = format!(
        "{}: {} of {} in {name}",
        written.set.manifest().map_or("", |manifest| methods::title(manifest.recipe.method.name())),
        text::count(written.counts.iter().sum(), "image", "images"),
        text::count(written.classes.len(), "class", "classes"),
    );
    (words, folder.to_string_lossy().into_owned())
}

/// What an image is called: "cat refined image 3".
fn name(refine: &Refine, of: MovedOf, at: crate::core::distil::set::Address) -> String {
    let classes = match of {
        MovedOf::Batch => refine.live.as_ref().map(|live| &live.preview.classes[..]),
        MovedOf::Set => refine.written.as_ref().map(|written| &written.classes[..]),
    };
    let class = classes.and_then(|classes| classes.get(at.class.index())).map_or("", String::as_str);
    format!("{class} refined image {}", at.image + 1)
}

/// Says what the panel is for and what to do next.
fn nothing(ui: &mut Ui, scene: &mut Scene<'_>) {
    let model = scene.model;
    let title = methods::title(model.workspace.recipe().method.name());
    let moves = model.workspace.recipe().method.iterations() > 0;
    if let Some(problem) = model.problems.distil.as_ref().filter(|_| moves) {
        text::problem(ui, problem, true);
    }
    if moves && model.is_under_way(Job::Distill) {
        text::empty(ui, "Preparing…", "The images appear as soon as the first step is taken.");
    } else if moves {
        let next = "\"Distil to folder\" begins: the images appear here and change before your eyes.";
        text::empty(ui, &format!("{title} has not moved an image yet"), next);
        ui.vertical_centered(|ui| command(ui, Action::Distil, scene));
    } else {
        let next = "Choose SRe2L, CDA or LIC in the recipe: their images are moved by the observer's gradients, and this \
                    panel shows them as they change.";
        text::empty(ui, &format!("{title} moves no pixels"), next);
        ui.vertical_centered(|ui| {
            if ui.button("Show Recipe").on_hover_text(Panel::Recipe.about()).clicked() {
                scene.out.push(Intent::Show(Panel::Recipe));
            }
        });
    }
}
