//! Sets as columns: facts over images, a row for each class. Only what is in view is laid out.

use eframe::egui::{self, Align2, Pos2, Rect, Role, Sense, Stroke, StrokeKind, TextStyle, Ui, Vec2, WidgetInfo};

use super::facts::{Fact, heading};
use crate::core::data::wordnet;
use crate::core::distil::set::{Address, ImageSet as _};
use crate::core::workspace::Command;
use crate::ui::intent::Intent;
use crate::ui::keyboard;
use crate::ui::model::compare::Beside;
use crate::ui::panels::origin;
use crate::ui::panels::scene::Scene;
use crate::ui::theme::{Palette, palette};
use crate::ui::widgets::gallery::SetOf;
use crate::ui::widgets::picture::picture;
use crate::ui::widgets::text;

/// Height of what stands over a set.
const HEADING: f32 = 40.0;
/// Height of a fact.
const LINE: f32 = 20.0;
/// Room for the names of facts and classes, and the least that facts of a set need.
const NAMES: f32 = 112.0;
const NARROWEST: f32 = 108.0;
/// Between images.
const GAP: f32 = 6.0;
/// Side of an image that the pointer rests on.
const CLOSE: f32 = 256.0;

/// Where everything lies.
#[derive(Clone, Copy)]
struct Layout {
    side: f32,
    /// Of a set.
    column: f32,
    facts: usize,
    classes: usize,
}

impl Layout {
    fn head(&self) -> f32 {
        self.facts as f32 * LINE + GAP
    }

    fn row(&self) -> f32 {
        self.side + GAP
    }

    fn size(&self, sets: usize) -> Vec2 {
        Vec2::new(NAMES + sets as f32 * self.column, self.head() + self.classes as f32 * self.row())
    }

    /// The classes between two heights.
    fn seen(&self, from: f32, to: f32) -> std::ops::Range<usize> {
        let at = |y: f32| ((y - self.head()) / self.row()).max(0.0);
        at(from) as usize..(at(to).ceil() as usize).min(self.classes)
    }
}

/// Shows the table in what is left of the panel.
pub(super) fn show(ui: &mut Ui, (side, facts): (f32, &[Fact]), scene: &mut Scene<'_>) {
    let model = scene.model;
    let sets: Vec<&Beside> = model.compare.sets().collect();
    let classes = model.compare.classes();
    let layout = Layout { side, column: (side + GAP).max(NARROWEST), facts: facts.len(), classes: classes.len() };
    let (top, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEADING), Sense::hover());
    let shown = egui::ScrollArea::both().id_salt("compared").auto_shrink(false).show_viewport(ui, |ui, viewport| {
        ui.set_min_size(layout.size(sets.len()));
        let origin = ui.max_rect().min;
        for (at, fact) in facts.iter().enumerate() {
            let y = origin.y + at as f32 * LINE;
            line(ui, (Pos2::new(origin.x, y), &layout), fact);
        }
        for row in layout.seen(viewport.min.y, viewport.max.y) {
            let y = origin.y + layout.head() + row as f32 * layout.row();
            let names = Rect::from_min_size(Pos2::new(origin.x, y), Vec2::new(NAMES - GAP, layout.side));
            class(ui, names, &classes[row], scene);
            for (at, set) in sets.iter().enumerate() {
                let left = origin.x + NAMES + at as f32 * layout.column;
                let rect = Rect::from_min_size(Pos2::new(left, y), Vec2::splat(layout.side));
                cell(ui, rect, (set, &classes[row]), scene);
            }
        }
    });
    let left = top.left() + NAMES - shown.state.clamped_offset().x;
    headings(ui, (top, left), (&layout, &sets), scene);
}

/// What stands over the sets, however far the table is scrolled.
fn headings(ui: &Ui, (top, left): (Rect, f32), (layout, sets): (&Layout, &[&Beside]), scene: &Scene<'_>) {
    let p = palette(ui.visuals());
    let painter = ui.painter().with_clip_rect(top.intersect(ui.clip_rect()));
    painter.rect_filled(top, 0.0, p.raised);
    painter.hline(top.x_range(), top.bottom() - 0.5, Stroke::new(1.0, p.line));
    for (at, set) in sets.iter().enumerate() {
        let rect = Rect::from_min_size(
            Pos2::new(left + at as f32 * layout.column, top.top()),
            Vec2::new(layout.column - GAP, HEADING),
        );
        let (made, by) = heading(scene.model, set);
        let seen = rect.intersect(top);
        let response = ui.interact(seen, ui.scope_id().with(("set", set.number)), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{made}, {by}")));
        for (words, style, color, down) in
            [(&made, TextStyle::Body, p.text, 11.0), (&by, TextStyle::Small, p.weak, 28.0)]
        {
            let galley = text::elided(ui, words, rect.width(), (style, color));
            let y = rect.top() + down - galley.size().y / 2.0;
            painter.galley(Pos2::new(rect.left(), y), galley, color);
        }
        response.on_hover_text(set.folder.to_string_lossy());
    }
}

fn line(ui: &Ui, (at, layout): (Pos2, &Layout), fact: &Fact) {
    let p = palette(ui.visuals());
    let names = Rect::from_min_size(at, Vec2::new(NAMES - GAP, LINE));
    said(ui, names, (fact.name, fact.about), p.weak);
    for (n, value) in fact.values.iter().enumerate() {
        let left = at.x + NAMES + n as f32 * layout.column;
        let rect = Rect::from_min_size(Pos2::new(left, at.y), Vec2::new(layout.column - GAP, LINE));
        said(ui, rect, (&value.words, &value.tip), p.text);
    }
}

/// A line of text with more about it.
fn said(ui: &Ui, rect: Rect, (words, tip): (&str, &str), color: egui::Color32) {
    let response =
        ui.interact(rect, ui.scope_id().with(("said", rect.min.x as i32, rect.min.y as i32)), Sense::hover());
    text::line(ui, rect, words, (TextStyle::Body, color));
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
    if !tip.is_empty() {
        response.on_hover_text(tip);
    }
}

/// The name of a class; a click shows it in all panels.
fn class(ui: &Ui, rect: Rect, name: &str, scene: &mut Scene<'_>) {
    let p = palette(ui.visuals());
    let data = scene.model.dataset();
    let own = data.and_then(|data| data.class_ids().find(|class| wordnet::shown(data.class(*class).shown()) == name));
    let chosen = own.is_some() && scene.model.workspace.shown_class() == own;
    let sense = if own.is_some() { Sense::CLICK } else { Sense::hover() };
    let response = ui.interact(rect, ui.scope_id().with(("class", name)), sense);
    let color = if chosen || (own.is_some() && response.hovered()) { p.accent } else { p.text };
    let galley = text::elided(ui, name, rect.width(), (TextStyle::Body, color));
    let at = Align2::LEFT_CENTER.align_size_within_rect(galley.size(), rect).min;
    ui.painter().galley(at, galley, color);
    response.widget_info(|| WidgetInfo::selected(Role::Button, own.is_some(), chosen, format!("Class {name}")));
    if response.clicked() {
        scene.out.push(Intent::Edit(Command::ShowClass(own.filter(|_| !chosen))));
    }
    let tip = match own {
        Some(_) if chosen => "\nClick to show all classes in Patches and Distilled again",
        Some(_) => "\nClick to show this class in Patches and Distilled",
        None => "",
    };
    response.on_hover_text(format!("{name}{tip}"));
}

fn cell(ui: &Ui, rect: Rect, (set, class): (&Beside, &str), scene: &mut Scene<'_>) {
    let p = palette(ui.visuals());
    let number = scene.model.compare.image();
    let Some(at) = set.image(class, number) else {
        none(ui, rect, (set, class, number), p);
        return;
    };
    let look = scene.gallery.of_set((set.key(at), SetOf::Beside(set.number), at), || set.set.clone());
    picture(ui, rect, &look);
    let response = ui.interact(rect, ui.scope_id().with((set.number, class)), Sense::hover());
    let name = format!("{}, {class}, image {}", heading(scene.model, set).0, number + 1);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    if response.hovered() && keyboard::pointer_leads(ui.ctx()) {
        ui.painter().rect_stroke(rect, 1.0, Stroke::new(2.0, p.weak), StrokeKind::Outside);
    }
    response.on_hover_ui(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(CLOSE), Sense::hover());
        picture(ui, rect, &look);
        ui.set_max_width(CLOSE);
        ui.label(name.as_str());
        made(ui, set, at);
    });
}

/// How an image came to be.
fn made(ui: &mut Ui, set: &Beside, at: Address) {
    let p = palette(ui.visuals());
    if let Some(words) = set.set.origin(at).as_ref().and_then(origin::words) {
        ui.label(egui::RichText::new(words).color(p.weak).small());
    }
}

/// A class that has fewer images in this set, or that it lacks.
fn none(ui: &Ui, rect: Rect, (set, class, number): (&Beside, &str, u32), p: &Palette) {
    let words =
        if set.image(class, 0).is_some() { format!("no image {}", number + 1) } else { "no such class".to_owned() };
    ui.painter().rect_stroke(rect, 1.0, Stroke::new(1.0, p.line), StrokeKind::Inside);
    text::line(ui, rect.shrink(4.0), &words, (TextStyle::Small, p.weak));
}
