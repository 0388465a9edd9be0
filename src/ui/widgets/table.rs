//! A table of many rows: headings that sort and resize, and only the rows in view are painted.

use eframe::egui::{self, Color32, CursorIcon, Pos2, Rect, Response, Role, Sense, Shape, Stroke, TextStyle, Ui, Vec2};
use eframe::egui::{PointerButton, WidgetInfo};

use super::super::theme::palette;
use super::text;

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Heading.
    pub title: &'static str,
    /// What it says, for the tooltip.
    pub about: &'static str,
    /// Width at first.
    pub width: f32,
    /// Whether it holds numbers: they stand on the right, and the greatest come first.
    pub numbers: bool,
}

/// What a table remembers.
#[derive(Clone, Debug, Default)]
pub struct Table {
    widths: Vec<f32>,
    /// The column that rows are sorted by, and whether the greatest come first.
    pub sorted: Option<(usize, bool)>,
}

/// One row to paint.
pub struct RowCells<'a> {
    /// Its number, from the top.
    pub row: usize,
    /// A rectangle per column, without the padding.
    pub cells: &'a [Rect],
    /// Clicks and hovering; give it a label with `widget_info`.
    pub response: Response,
}

/// What the rows are.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// How many.
    pub count: usize,
    /// The selected one.
    pub selected: Option<usize>,
    /// Bring the selected one into view.
    pub reveal: bool,
}

/// What happened in a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct PickedRows {
    /// The row that was clicked, with either button.
    pub clicked: Option<usize>,
    /// The row that was double-clicked.
    pub opened: Option<usize>,
}

const HEADING: f32 = 24.0;
const ROW: f32 = 24.0;
const PADDING: f32 = 6.0;
const NARROWEST: f32 = 28.0;

impl Table {
    /// Shows the table in what is left of the panel; `paint` is called for the rows in view.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        columns: &[Column],
        rows: Rows,
        mut paint: impl FnMut(&mut Ui, &RowCells<'_>),
    ) -> PickedRows {
        if self.widths.len() != columns.len() {
            self.widths = columns.iter().map(|c| c.width).collect();
        }
        let mut picked = PickedRows::default();
        let (top, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEADING), Sense::hover());
        ui.spacing_mut().item_spacing.y = 0.0;
        let width: f32 = self.widths.iter().sum();
        let area = egui::ScrollArea::both().id_salt("rows").auto_shrink(false);
        let shown = area.show_viewport(ui, |ui, viewport| {
            ui.set_min_size(Vec2::new(width, rows.count as f32 * ROW));
            let origin = ui.max_rect().min;
            let across = width.max(viewport.width());
            let at =
                |row: usize| Rect::from_min_size(origin + Vec2::new(0.0, row as f32 * ROW), Vec2::new(across, ROW));
            if let Some(row) = rows.selected.filter(|_| rows.reveal) {
                ui.scroll_to_rect(at(row).with_max_x(origin.x + 1.0), None);
            }
            let first = (viewport.min.y / ROW).max(0.0) as usize;
            let end = ((viewport.max.y / ROW).ceil().max(0.0) as usize).min(rows.count);
            for row in first..end {
                let (response, cells) = self.row(ui, at(row), (row, rows.selected == Some(row)));
                if response.clicked() || response.clicked_by(PointerButton::Secondary) {
                    picked.clicked = Some(row);
                }
                if response.double_clicked() {
                    picked.opened = Some(row);
                }
                paint(ui, &RowCells { row, cells: &cells, response });
            }
        });
        self.headings(ui, (top, shown.state.clamped_offset().x), columns);
        picked
    }

    fn row(&self, ui: &Ui, rect: Rect, (row, selected): (usize, bool)) -> (Response, Vec<Rect>) {
        let p = palette(ui.visuals());
        let response = ui.interact(rect, ui.scope_id().with(("row", row)), Sense::CLICK);
        let fill = match (selected, response.hovered()) {
            (true, _) => ui.visuals().selection.bg_fill,
            (false, true) => ui.visuals().widgets.hovered.bg_fill,
            _ if row % 2 == 1 => p.raised,
            _ => Color32::TRANSPARENT,
        };
        ui.painter().rect_filled(rect, 0.0, fill);
        let mut left = rect.left();
        let cell = |width: &f32| {
            let cell = Rect::from_min_size(Pos2::new(left, rect.top()), Vec2::new(*width, ROW));
            left += width;
            cell.shrink2(Vec2::new(PADDING, 0.0))
        };
        (response, self.widths.iter().map(cell).collect())
    }

    fn headings(&mut self, ui: &mut Ui, (rect, offset): (Rect, f32), columns: &[Column]) {
        let p = palette(ui.visuals());
        let clip = ui.clip_rect();
        ui.set_clip_rect(clip.intersect(rect));
        ui.painter().rect_filled(rect, 0.0, p.raised);
        ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, p.line));
        let mut left = rect.left() - offset;
        for (i, column) in columns.iter().enumerate() {
            let cell = Rect::from_min_size(Pos2::new(left, rect.top()), Vec2::new(self.widths[i], HEADING));
            self.heading(ui, cell, (i, column));
            left = cell.right();
            self.edge(ui, cell, (i, column));
        }
        ui.set_clip_rect(clip);
    }

    fn heading(&mut self, ui: &Ui, cell: Rect, (i, column): (usize, &Column)) {
        let p = palette(ui.visuals());
        let sense = if column.title.is_empty() { Sense::hover() } else { Sense::CLICK };
        let response = ui.interact(cell.intersect(ui.clip_rect()), ui.scope_id().with(("heading", i)), sense);
        let sorted = self.sorted.filter(|(by, _)| *by == i).map(|(_, falling)| falling);
        let color = if response.hovered() || sorted.is_some() { p.text } else { p.weak };
        let mut inner = cell.shrink2(Vec2::new(PADDING, 0.0));
        if let Some(falling) = sorted {
            let (x, y) = (inner.right() - 4.0, inner.center().y);
            let (base, tip) = if falling { (y - 2.5, y + 3.0) } else { (y + 2.5, y - 3.0) };
            let corners = vec![Pos2::new(x - 4.0, base), Pos2::new(x + 4.0, base), Pos2::new(x, tip)];
            ui.painter().add(Shape::convex_polygon(corners, p.accent, Stroke::NONE));
            inner.max.x -= 12.0;
        }
        aligned(ui, inner, column.title, (column.numbers, color));
        if column.title.is_empty() {
            return;
        }
        let name = format!("Sort by {}", column.title);
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, sorted.is_some(), &name));
        if response.clicked() {
            // The first click sorts as one would want it, the next turns it round, the third ends it.
            self.sorted = match sorted {
                None => Some((i, column.numbers)),
                Some(falling) if falling == column.numbers => Some((i, !falling)),
                Some(_) => None,
            };
        }
        response.on_hover_text(format!("{}\nclick to sort, drag the edge for the width", column.about));
    }

    /// The edge between two headings, which changes the width.
    fn edge(&mut self, ui: &Ui, cell: Rect, (i, column): (usize, &Column)) {
        let p = palette(ui.visuals());
        let grip = Rect::from_center_size(Pos2::new(cell.right(), cell.center().y), Vec2::new(8.0, HEADING));
        let sense = Sense::click_and_drag().difference(Sense::FOCUSABLE);
        let response = ui.interact(grip.intersect(ui.clip_rect()), ui.scope_id().with(("edge", i)), sense);
        let response = response.on_hover_cursor(CursorIcon::ResizeColumn);
        if response.dragged() {
            self.widths[i] = (self.widths[i] + response.drag_delta().x).max(NARROWEST);
        }
        if response.double_clicked() {
            self.widths[i] = column.width;
        }
        let color = if response.hovered() || response.dragged() { p.accent } else { p.line };
        let x = cell.right() - 0.5;
        ui.painter().vline(x, cell.shrink2(Vec2::new(0.0, 5.0)).y_range(), Stroke::new(1.0, color));
    }
}

/// One line in a cell, on the left or for numbers on the right; returns whether it was cut.
pub fn aligned(ui: &Ui, cell: Rect, words: &str, (right, color): (bool, Color32)) -> bool {
    if !right {
        return text::line(ui, cell, words, (TextStyle::Body, color));
    }
    let galley = ui.painter().layout_no_wrap(words.to_owned(), TextStyle::Body.resolve(ui.style()), color);
    if galley.size().x > cell.width() {
        return text::line(ui, cell, words, (TextStyle::Body, color));
    }
    let at = Pos2::new(cell.right() - galley.size().x, cell.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, color);
    false
}
