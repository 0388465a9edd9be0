//! The confusion matrix: one picture with a pixel per cell, zoomed and scrolled; arrow keys move among its cells.

use eframe::egui::{
    self, Align2, ColorImage, EventFilter, FontId, Key, Rect, Response, Role, Sense, Stroke, StrokeKind, TextStyle,
    TextureHandle, TextureOptions, Ui, UiBuilder, Vec2, WidgetInfo, epaint::TextShape, pos2, vec2,
};

use super::known::Known;
use super::legend;
use crate::core::data::outcomes::At;
use crate::ui::theme::palette;
use crate::ui::widgets::text;

/// Sides of a cell in points.
const LEAST: f32 = 1.5;
const MOST: f32 = 64.0;
/// The largest side that the whole matrix is drawn with by itself.
const COMFORTABLE: f32 = 40.0;
/// From this side on cells are told apart by lines, have names beside them, and numbers in them.
const LINES: f32 = 6.0;
const NAMES: f32 = 11.0;
const NUMBERS: f32 = 21.0;
/// A zoom step.
const STEP: f32 = 1.4;

/// What the view remembers.
#[derive(Default)]
pub struct MatrixView {
    /// The side of a cell that was chosen; `None`: as large as the whole has room.
    side: Option<f32>,
    picture: Option<(bool, TextureHandle)>,
    /// Bring the chosen cell into view.
    reveal: bool,
}

/// Where cells lie.
#[derive(Clone, Copy)]
struct Plan {
    side: f32,
    rows: usize,
    columns: usize,
    /// What the names take on the left and above.
    margin: Vec2,
}

impl Plan {
    fn size(&self) -> Vec2 {
        vec2(self.columns as f32, self.rows as f32) * self.side
    }

    fn cell(&self, origin: egui::Pos2, (row, column): At) -> Rect {
        let min = origin + vec2(column as f32, row as f32) * self.side;
        Rect::from_min_size(min, Vec2::splat(self.side))
    }

    fn at(&self, place: Vec2) -> Option<At> {
        let cell = |v: f32, count: usize| (v >= 0.0).then_some((v / self.side) as usize).filter(|n| *n < count);
        Some((cell(place.y, self.rows)?, cell(place.x, self.columns)?))
    }

    /// Rows or columns between two distances from the first.
    fn between(&self, from: f32, to: f32, count: usize) -> std::ops::Range<usize> {
        let first = (from / self.side).max(0.0) as usize;
        first.min(count)..((to / self.side).ceil().max(0.0) as usize).min(count)
    }
}

impl MatrixView {
    /// Other counts are shown from now on.
    pub fn forget(&mut self) {
        self.picture = None;
        self.reveal = false;
    }

    /// Shows the matrix; returns the cell that was chosen.
    pub fn show(&mut self, ui: &mut Ui, known: &Known, chosen: Option<At>) -> Option<At> {
        let (rows, columns) = (known.outcomes.classes(), known.outcomes.columns().len());
        if rows == 0 {
            text::empty(ui, "No classes", "The dataset has no classes.");
            return None;
        }
        self.zoom_buttons(ui);
        let outer = ui.available_rect_before_wrap();
        let margin = vec2((outer.width() * 0.28).min(104.0), (outer.height() * 0.26).min(76.0));
        let bar = ui.spacing().scroll.bar_width + 4.0;
        let room = outer.size() - margin - Vec2::splat(bar);
        let fit = (room / vec2(columns as f32, rows as f32)).min_elem().clamp(LEAST, COMFORTABLE);
        let plan = Plan { side: self.side.unwrap_or(fit).clamp(LEAST, MOST), rows, columns, margin };
        let body = Rect::from_min_max(outer.min + margin, outer.max);
        let mut child = ui.new_child(UiBuilder::new().max_rect(body));
        let mut picked = None;
        let area = egui::ScrollArea::both().id_salt("matrix").auto_shrink(false);
        let shown = area.show_viewport(&mut child, |ui, viewport| {
            let (rect, response) = ui.allocate_exact_size(plan.size(), Sense::click());
            picked = self.cells(ui, (known, plan, chosen), (rect, viewport, &response));
        });
        names(ui, (known, plan), (outer, shown.state.clamped_offset()));
        ui.allocate_rect(outer, Sense::hover());
        picked
    }

    fn zoom_buttons(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            let side = self.side.unwrap_or(COMFORTABLE / 2.0);
            for (label, name, next) in [("−", "Smaller cells", side / STEP), ("+", "Larger cells", side * STEP)] {
                let button = ui.small_button(label).on_hover_text(format!("{name} (Ctrl and the wheel)"));
                button.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
                if button.clicked() {
                    self.side = Some(next.clamp(LEAST, MOST));
                }
            }
            if ui.add_enabled(self.side.is_some(), egui::Button::new("Fit").small()).clicked() {
                self.side = None;
            }
            legend::show(ui);
        });
    }

    /// The picture with its lines and numbers, and what is done to it.
    fn cells(
        &mut self,
        ui: &mut Ui,
        (known, plan, chosen): (&Known, Plan, Option<At>),
        (rect, viewport, response): (Rect, Rect, &Response),
    ) -> Option<At> {
        let p = palette(ui.visuals());
        let texture = self.texture(ui, known);
        egui::Image::new(&texture).paint_at(ui, rect);
        let rows = plan.between(viewport.min.y, viewport.max.y, plan.rows);
        let columns = plan.between(viewport.min.x, viewport.max.x, plan.columns);
        if plan.side >= LINES {
            let line = Stroke::new(1.0, p.ground);
            let seen = rect.intersect(ui.clip_rect());
            let (left, top) = (rect.left(), rect.top());
            rows.clone().for_each(|row| {
                ui.painter().hline(seen.x_range(), top + row as f32 * plan.side, line);
            });
            columns.clone().for_each(|column| {
                ui.painter().vline(left + column as f32 * plan.side, seen.y_range(), line);
            });
        }
        if plan.side >= NUMBERS {
            let font = FontId::proportional((plan.side * 0.42).min(13.0));
            for row in rows {
                for &(column, images) in known.outcomes.row(row).iter().filter(|(column, _)| columns.contains(column)) {
                    let ink = legend::ink(known.outcomes.share((row, column)).unwrap_or(0.0));
                    let center = plan.cell(rect.min, (row, column)).center();
                    ui.painter().text(center, Align2::CENTER_CENTER, images.to_string(), font.clone(), ink);
                }
            }
        }
        self.used(ui, (known, plan, chosen), (rect, response))
    }

    fn used(
        &mut self,
        ui: &mut Ui,
        (known, plan, chosen): (&Known, Plan, Option<At>),
        (rect, response): (Rect, &Response),
    ) -> Option<At> {
        let p = palette(ui.visuals());
        let label = format!(
            "confusion matrix, {} by {}",
            text::count(plan.rows, "class", "classes"),
            text::count(plan.columns, "output", "outputs")
        );
        response.widget_info(|| WidgetInfo::labeled(Role::Grid, true, &label));
        let mut picked = None;
        if response.clicked() {
            response.request_focus();
            let place = response.interact_pointer_pos().map(|at| at - rect.min);
            picked = place.map_or(Some(chosen.unwrap_or((0, 0))), |place| plan.at(place));
        }
        if response.has_focus() {
            let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
            if let Some(next) = moved(ui, chosen, plan) {
                (picked, self.reveal) = (Some(next), true);
            }
            ui.painter().rect_stroke(rect, 0.0, Stroke::new(1.0, p.accent), StrokeKind::Outside);
        }
        if let Some(at) = picked.or(chosen) {
            let cell = plan.cell(rect.min, at);
            let edge = Stroke::new(2.0, p.accent);
            ui.painter().rect_stroke(cell.expand(1.0), 0.0, Stroke::new(4.0, p.well), StrokeKind::Outside);
            ui.painter().rect_stroke(cell, 0.0, edge, StrokeKind::Outside);
            let focused = ui.interact(cell, response.id.with("cell"), Sense::hover());
            focused.widget_info(|| WidgetInfo::selected(Role::GridCell, true, true, known.words(at)));
            if std::mem::take(&mut self.reveal) {
                ui.scroll_to_rect(cell.expand(plan.side), None);
            }
        }
        if response.contains_pointer() {
            let zoomed = ui.input(|input| input.zoom_delta());
            if zoomed != 1.0 {
                self.side = Some((plan.side * zoomed).clamp(LEAST, MOST));
            }
        }
        let over = response.hover_pos().and_then(|at| plan.at(at - rect.min));
        if let Some(at) = over {
            let edge = Stroke::new(1.5, p.text);
            ui.painter().rect_stroke(plan.cell(rect.min, at), 0.0, edge, StrokeKind::Outside);
            response.clone().on_hover_text_at_pointer(known.words(at));
        }
        picked
    }

    fn texture(&mut self, ui: &Ui, known: &Known) -> TextureHandle {
        let dark = ui.visuals().dark_mode;
        let fresh = self.picture.as_ref().filter(|(theme, _)| *theme == dark);
        if let Some((_, texture)) = fresh {
            return texture.clone();
        }
        let most = ui.input(|input| input.max_texture_side).max(1);
        let image = picture(known, palette(ui.visuals()).well, most);
        let texture = ui.ctx().load_texture("confusions", image, TextureOptions::NEAREST);
        self.picture = Some((dark, texture.clone()));
        texture
    }
}

/// The cell that an arrow key leads to.
fn moved(ui: &Ui, chosen: Option<At>, plan: Plan) -> Option<At> {
    let keys = [Key::ArrowLeft, Key::ArrowRight, Key::ArrowUp, Key::ArrowDown, Key::Home, Key::End];
    let key = keys.into_iter().find(|key| ui.input(|input| input.key_pressed(*key)))?;
    let Some((row, column)) = chosen else { return Some((0, 0)) };
    Some(match key {
        Key::ArrowLeft => (row, column.saturating_sub(1)),
        Key::ArrowRight => (row, (column + 1).min(plan.columns - 1)),
        Key::ArrowUp => (row.saturating_sub(1), column),
        Key::ArrowDown => ((row + 1).min(plan.rows - 1), column),
        Key::Home => (row, 0),
        _ => (row, plan.columns - 1),
    })
}

/// A pixel per cell; where that were more than `most` a side, one per square of cells, with the greatest share of them.
fn picture(known: &Known, nothing: egui::Color32, most: usize) -> ColorImage {
    let (rows, columns) = (known.outcomes.classes(), known.outcomes.columns().len());
    let square = rows.max(columns).div_ceil(most).max(1);
    let (height, width) = (rows.div_ceil(square), columns.div_ceil(square));
    let mut shares = vec![0.0_f64; width * height];
    for row in 0..rows {
        for (column, _) in known.outcomes.row(row) {
            let share = &mut shares[row / square * width + column / square];
            *share = share.max(known.outcomes.share((row, *column)).unwrap_or(0.0));
        }
    }
    let empty = |row: usize| square == 1 && known.outcomes.total(row) == 0;
    let pixel = |at: usize| if empty(at / width) { nothing } else { legend::colour(shares[at]) };
    ColorImage::new([width, height], (0..shares.len()).map(pixel).collect())
}

/// The names beside the rows and above the columns, which stay in view.
fn names(ui: &Ui, (known, plan): (&Known, Plan), (outer, offset): (Rect, Vec2)) {
    let p = palette(ui.visuals());
    let body = Rect::from_min_max(outer.min + plan.margin, outer.max);
    if plan.side < NAMES {
        let words = "rows: classes, columns: what they were taken for";
        let top = outer.with_max_y(body.top());
        text::line(ui, top, words, (TextStyle::Small, p.weak));
        return;
    }
    let beside = ui.painter().with_clip_rect(Rect::from_min_max(pos2(outer.left(), body.top()), body.left_bottom()));
    for row in plan.between(offset.y, offset.y + body.height(), plan.rows) {
        let middle = body.top() - offset.y + (row as f32 + 0.5) * plan.side;
        let width = plan.margin.x - 6.0;
        let galley = text::elided(ui, known.class(row), width, (TextStyle::Small, p.text));
        beside.galley(pos2(outer.left(), middle - galley.size().y / 2.0), galley, p.text);
    }
    let above = ui.painter().with_clip_rect(Rect::from_min_max(pos2(body.left(), outer.top()), body.right_top()));
    for column in plan.between(offset.x, offset.x + body.width(), plan.columns) {
        let middle = body.left() - offset.x + (column as f32 + 0.5) * plan.side;
        let length = plan.margin.y - 4.0;
        let galley = text::elided(ui, &known.column(column), length, (TextStyle::Small, p.text));
        // Read upwards, beginning at the matrix.
        let start = pos2(middle - galley.size().y / 2.0, body.top() - 3.0);
        above.add(TextShape::new(start, galley, p.text).with_angle(-std::f32::consts::FRAC_PI_2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_places_belong_together() {
        let plan = Plan { side: 10.0, rows: 3, columns: 5, margin: Vec2::ZERO };
        assert_eq!(plan.at(vec2(49.0, 29.0)), Some((2, 4)));
        assert_eq!([plan.at(vec2(50.0, 0.0)), plan.at(vec2(0.0, 30.0)), plan.at(vec2(-1.0, 5.0))], [None; 3]);
        assert_eq!(plan.cell(pos2(100.0, 0.0), (2, 4)), Rect::from_min_size(pos2(140.0, 20.0), Vec2::splat(10.0)));
        // What is half in view counts.
        assert_eq!(plan.between(15.0, 31.0, plan.columns), 1..4);
        assert_eq!(plan.between(-5.0, 900.0, plan.rows), 0..3);
        assert_eq!(plan.between(400.0, 900.0, plan.rows), 3..3);
    }
}
