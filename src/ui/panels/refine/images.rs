//! The images of the batch as they change, or of the written set by class.

use std::sync::Arc;

use eframe::egui::{Role, Stroke, StrokeKind, TextStyle, Ui, WidgetInfo};

use super::name;
use crate::core::data::dataset::ClassId;
use crate::core::distil::set::Address;
use crate::ui::intent::{Intent, MovedOf, Panel};
use crate::ui::keyboard;
use crate::ui::model::refine::{Live, Written};
use crate::ui::panels::scene::Scene;
use crate::ui::theme::palette;
use crate::ui::widgets::gallery::{Gallery, Look, SetOf};
use crate::ui::widgets::grid::{At, Cell, Grid, Heading, PickedCells, Sections};
use crate::ui::widgets::picture::picture;
use crate::ui::widgets::text;

/// Height of the line under an image.
const CAPTION: f32 = 16.0;

/// Shows the images, with sides of so many points.
pub(super) fn show(ui: &mut Ui, (shown, side): (MovedOf, f32), scene: &mut Scene<'_>) {
    let model = scene.model;
    let refine = &model.refine;
    let chosen = refine.chosen();
    let active = model.active == Some(Panel::Refine);
    let grid = |selected| Grid { name: "refined", side, caption: CAPTION, selected, active, ..Grid::default() };
    let picked = match (shown, &refine.live, &refine.written) {
        (MovedOf::Batch, Some(live), _) => {
            let images = live.images();
            let place = chosen.and_then(|chosen| images.iter().position(|at| *at == chosen));
            let counts = [images.len()];
            let picked = grid(place.map(|place| (0, place))).show(
                ui,
                Sections { counts: &counts, heading: None },
                |ui, cell| {
                    let Some(&at) = images.get(cell.at.1) else { return };
                    let class = live.preview.classes.get(at.class.index()).map_or("", String::as_str);
                    let caption = format!("{class} {}", at.image + 1);
                    let look = of_batch(scene.gallery, live, at);
                    paint(ui, cell, &look, (&name(refine, shown, at), &caption, chosen == Some(at)));
                },
            );
            found(&picked).and_then(|(_, place)| images.get(place).copied())
        }
        (MovedOf::Set, _, Some(written)) => {
            let of = |(class, image): At| Address { class: ClassId(class as u32), image: image as u32 };
            let title = |class: usize| heading(written, class);
            let selected = chosen.map(|at| (at.class.index(), at.image as usize));
            let sections = Sections { counts: &written.counts, heading: Some(&title) };
            let picked = grid(selected).show(ui, sections, |ui, cell| {
                let at = of(cell.at);
                let look = scene.gallery.of_set((written.key(at), SetOf::Written, at), || written.set.clone());
                let caption = (at.image + 1).to_string();
                paint(ui, cell, &look, (&name(refine, shown, at), &caption, chosen == Some(at)));
            });
            found(&picked).map(of)
        }
        _ => None,
    };
    if let Some(at) = picked {
        scene.out.push(Intent::LookAt(at));
        scene.out.push(Intent::Activate(Panel::Refine));
    }
}

fn of_batch(gallery: &mut Gallery, live: &Live, at: Address) -> Look {
    let refining = &live.preview.refining;
    gallery.live((live.number, at), || Arc::clone(refining) as _)
}

fn heading(written: &Written, class: usize) -> Heading {
    let title = written.classes.get(class).cloned().unwrap_or_default();
    Heading { title, note: text::count(written.counts.get(class).copied().unwrap_or(0), "image", "images") }
}

/// The image that was clicked, or that the arrow keys lead to.
fn found(picked: &PickedCells) -> Option<At> {
    picked.clicked.map(|spot| spot.at).or(picked.moved.map(|(at, _)| at))
}

fn paint(ui: &Ui, cell: &Cell, look: &Look, (name, caption, chosen): (&str, &str, bool)) {
    let p = palette(ui.visuals());
    picture(ui, cell.picture, look);
    cell.response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, name));
    text::line(ui, cell.caption, caption, (TextStyle::Small, if chosen { p.accent } else { p.weak }));
    let stroke = match () {
        () if chosen => Stroke::new(3.0, p.accent),
        () if cell.response.hovered() && keyboard::pointer_leads(ui.ctx()) => Stroke::new(2.0, p.weak),
        () => Stroke::NONE,
    };
    ui.painter().rect_stroke(cell.picture, 1.0, stroke, StrokeKind::Outside);
    if cell.response.hovered() {
        cell.response.clone().on_hover_text(format!("{name}\nClick to see it beside what it began with"));
    }
}
