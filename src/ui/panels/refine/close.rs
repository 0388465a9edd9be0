//! One image beside what it began with: a wipe, and what was added to it as a signed map.

use eframe::egui::{Color32, Label, Mesh, Rect, RichText, Role, Sense, Shape, Ui, Vec2, WidgetInfo, pos2};

use super::name;
use super::wipe::{WHOLE, Wipe};
use crate::core::chart::colours::diverging;
use crate::core::distil::set::Address;
use crate::ui::intent::MovedOf;
use crate::ui::model::refine::{Change, Pictures, Refine};
use crate::ui::panels::origin;
use crate::ui::theme::palette;
use crate::ui::widgets::text;

/// Lines of text below the picture need so much.
const BELOW: f32 = 46.0;
/// Least side of the picture.
const LEAST: f32 = 96.0;
/// Height of the scale, and parts that it is painted of.
const SCALE: (f32, usize) = (10.0, 32);

/// The image over what it began with.
pub(super) fn wipe(ui: &mut Ui, wipe: &mut Wipe, refine: &Refine) {
    let Some((at, of, pictures)) = known(ui, refine) else { return };
    let side = side(ui, BELOW);
    ui.vertical_centered(|ui| match &pictures.change {
        Ok(change) => wipe.show(ui, side, (&change.start, &pictures.now)),
        Err(_) => alone(ui, side, pictures, &name(refine, of, at)),
    });
    caption(ui, refine, (of, at), pictures);
}

/// What was added to the image.
pub(super) fn change(ui: &mut Ui, refine: &Refine) {
    let Some((at, of, pictures)) = known(ui, refine) else { return };
    let change = match &pictures.change {
        Ok(change) => change,
        Err(why) => {
            let words = format!("What was added to it isn't known: {why}.");
            ui.add(Label::new(RichText::new(words).color(palette(ui.visuals()).weak)).wrap());
            return;
        }
    };
    let side = side(ui, BELOW + SCALE.0 + 6.0);
    ui.vertical_centered(|ui| {
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
        ui.painter().image(change.map.id(), rect, WHOLE, Color32::WHITE);
        let label = format!("What was added to {}: ±{}", name(refine, of, at), number(change.most));
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
        let tip =
            "Of each pixel the channel that changed most: blue where it fell, red where it rose, white where it stayed";
        response.on_hover_text(tip);
        scale(ui, side);
    });
    of_scale(ui, change, pictures);
}

/// The image that is looked at, once its pictures are there; else what is wrong, or that they are coming.
fn known<'a>(ui: &mut Ui, refine: &'a Refine) -> Option<(Address, MovedOf, &'a Pictures)> {
    let (at, of) = (refine.chosen()?, refine.shown()?);
    match refine.pictures() {
        Some(Ok(pictures)) => Some((at, of, pictures)),
        Some(Err(why)) => {
            text::problem(ui, why, true);
            None
        }
        None => {
            ui.label(RichText::new("comparing…").color(palette(ui.visuals()).weak));
            None
        }
    }
}

/// Side of a square that leaves so much below.
fn side(ui: &Ui, below: f32) -> f32 {
    (ui.available_height() - below).min(ui.available_width() - 4.0).max(LEAST)
}

fn alone(ui: &mut Ui, side: f32, pictures: &Pictures, name: &str) {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
    ui.painter().image(pictures.now.id(), rect, WHOLE, Color32::WHITE);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{name}, as it is")));
}

/// Which image it is and how it was made.
fn caption(ui: &mut Ui, refine: &Refine, (of, at): (MovedOf, Address), pictures: &Pictures) {
    let p = palette(ui.visuals());
    let made = refine.written.as_ref().filter(|_| of == MovedOf::Set);
    let made = made.and_then(|written| origin::words(&written.set.note(at)?.origin));
    let made = made.map_or_else(String::new, |made| format!(": {made}"));
    let lines = [Some(format!("{}{made}", name(refine, of, at))), outside(pictures), pictures.change.clone().err()];
    for words in lines.into_iter().flatten() {
        ui.add(Label::new(RichText::new(&words).color(p.weak).small()).truncate()).on_hover_text(words);
    }
}

/// What 8 bits can't hold of it.
fn outside(pictures: &Pictures) -> Option<String> {
    (pictures.outside > 0.0).then(|| {
        let share = text::percent(pictures.outside as f32);
        format!("{share} of its values are outside of 0 to 1, which only floats keep")
    })
}

/// Three digits, small ones with their power of ten.
fn number(value: f32) -> String {
    if value != 0.0 && value < 0.001 { format!("{value:.1e}") } else { format!("{value:.3}") }
}

/// The colours from −most to most.
fn scale(ui: &mut Ui, width: f32) {
    let (rect, _) = ui.allocate_exact_size(Vec2::new(width, SCALE.0), Sense::hover());
    let mut mesh = Mesh::default();
    let part = |n: usize| n as f32 / SCALE.1 as f32;
    for n in 0..=SCALE.1 {
        let [r, g, b] = diverging(f64::from(2.0 * part(n) - 1.0));
        let x = rect.left() + part(n) * rect.width();
        mesh.colored_vertex(pos2(x, rect.top()), Color32::from_rgb(r, g, b));
        mesh.colored_vertex(pos2(x, rect.bottom()), Color32::from_rgb(r, g, b));
        if n > 0 {
            let at = 2 * n as u32;
            mesh.add_triangle(at - 2, at - 1, at);
            mesh.add_triangle(at - 1, at, at + 1);
        }
    }
    ui.painter().with_clip_rect(Rect::everything_below(rect.top()).intersect(ui.clip_rect())).add(Shape::mesh(mesh));
}

fn of_scale(ui: &mut Ui, change: &Change, pictures: &Pictures) {
    let p = palette(ui.visuals());
    let words = format!("±{} in units of 0 to 1: blue is less, red is more", number(change.most));
    for words in [Some(words), outside(pictures)].into_iter().flatten() {
        ui.add(Label::new(RichText::new(&words).color(p.weak).small()).truncate()).on_hover_text(words);
    }
}
