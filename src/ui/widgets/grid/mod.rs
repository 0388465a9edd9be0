//! A virtual grid with headed sections: whatever its length, only the cells in view are laid out and painted.

use eframe::egui::{self, Color32, Key, Modifiers, Rect, Response, Sense, TextStyle, Ui, Vec2, WidgetInfo};

use super::super::keyboard;
use super::super::theme::palette;
use super::{scrolls, text};

mod band;
mod plan;

use plan::{GAP, HEADING, Plan, Sizes};

/// What stands over a run of cells.
#[derive(Clone, Debug)]
pub struct Heading {
    /// Title.
    pub title: String,
    /// Said right of the title, or instead of the cells where there are none.
    pub note: String,
}

/// Runs of cells.
#[derive(Clone, Copy)]
pub struct Sections<'a> {
    /// Number of cells of each.
    pub counts: &'a [usize],
    /// What stands over one, asked for those in view; `None` for a grid without headings.
    pub heading: Option<&'a dyn Fn(usize) -> Heading>,
}

/// Section and cell.
pub type At = (usize, usize);

/// What a drag of the pointer does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drags {
    /// Nothing.
    #[default]
    Nothing,
    /// It draws a rubber band, wherever it begins.
    Band,
    /// It carries a cell where it begins on one; beside the cells, or with Shift, Ctrl or Alt, it draws a band.
    Cells,
}

/// How a grid looks and what is selected in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grid {
    /// Name for ids.
    pub name: &'static str,
    /// Side of the square pictures.
    pub side: f32,
    /// Height of the caption under each.
    pub caption: f32,
    /// The cell that is looked at.
    pub selected: Option<At>,
    /// Bring it into view.
    pub reveal: bool,
    /// Whether arrow keys move this grid's selection.
    pub active: bool,
    /// What a drag does.
    pub drags: Drags,
    /// The parts that each picture has along a side, which arrow keys walk, and the one that is looked at, row by row;
    /// none where pictures are whole.
    pub parts: Option<(usize, usize)>,
}

/// One cell to paint.
pub struct Cell {
    /// Where.
    pub at: At,
    /// The square of the picture.
    pub picture: Rect,
    /// The line under it.
    pub caption: Rect,
    /// Clicks and hovering; give it a label with `widget_info`.
    pub response: Response,
    /// The part of its picture (0…1) that a rubber band covers in this frame.
    pub banded: Option<Rect>,
}

/// A point in a cell's picture (0…1 in both directions).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// The cell.
    pub at: At,
    /// Where in its picture.
    pub within: Vec2,
}

/// What happened in a grid.
#[derive(Clone, Debug, Default)]
pub struct PickedCells {
    /// The place that was clicked.
    pub clicked: Option<Spot>,
    /// The place that was clicked with the other button: a menu comes.
    pub menu: Option<Spot>,
    /// The section whose heading was clicked.
    pub heading: Option<usize>,
    /// The cell that the arrow keys lead to, and the part of its picture.
    pub moved: Option<(At, usize)>,
    /// What a rubber band took in: each cell, and the part of its picture (0…1).
    pub banded: Option<Vec<(At, Rect)>>,
    /// A place that is being dragged, and where it would be dropped: the place, and the picture on the screen.
    pub carried: Option<(Spot, Option<(Spot, Rect)>)>,
    /// What was dragged, and to where.
    pub dropped: Option<(Spot, Spot)>,
    /// The modifiers that were held.
    pub modifiers: Modifiers,
}

impl Grid {
    /// Shows the grid in what is left of the panel; `paint` is called for the cells in view.
    pub fn show(&self, ui: &mut Ui, sections: Sections<'_>, mut paint: impl FnMut(&mut Ui, &Cell)) -> PickedCells {
        let mut picked = PickedCells { modifiers: ui.input(held), ..PickedCells::default() };
        let mut area = egui::ScrollArea::vertical().id_salt(self.name).auto_shrink(false);
        let room = ui.available_size();
        let sized = |width| Sizes { side: self.side, caption: self.caption, headed: sections.heading.is_some(), width };
        let reachable = || Plan::new(sized(room.x), sections.counts).height - room.y;
        if let Some(offset) = scrolls::take(ui.ctx(), self.name, reachable) {
            area = area.vertical_scroll_offset(offset);
        }
        let shown = area.show_viewport(ui, |ui, viewport| {
            let sizes = sized(ui.available_width());
            let plan = Plan::new(sizes, sections.counts);
            ui.set_height(plan.height);
            let origin = ui.max_rect().min;
            let view = viewport.translate(origin.to_vec2());
            let id = ui.scope_id().with((self.name, "band"));
            let band = if self.drags == Drags::Nothing { None } else { band::drag(ui, id, view, origin) };
            picked.moved = self.arrows(ui, &plan);
            self.reveal(ui, &plan, origin, picked.moved.map(|(at, _)| at));
            for s in plan.sections(viewport.min.y, viewport.max.y) {
                if let Some(words) = sections.heading {
                    let rect =
                        Rect::from_min_size(origin + Vec2::new(0.0, plan.tops[s]), Vec2::new(sizes.width, HEADING));
                    if self.heading(ui, rect, s, &words(s)) {
                        picked.heading = Some(s);
                    }
                }
                for i in plan.rows(s, viewport.min.y, viewport.max.y) {
                    let mut cell = self.cell(ui, &plan, origin, (s, i));
                    cell.banded = band.as_ref().and_then(|band| part(plan.rect((s, i)), plan.side, band.rect));
                    picked.take(ui, &cell, &plan, origin);
                    paint(ui, &cell);
                }
            }
            if let Some(band) = band {
                band::paint(ui, &band, origin);
                let of = |at: At| Some((at, part(plan.rect(at), plan.side, band.rect)?));
                picked.banded = band.done.then(|| plan.within(band.rect).into_iter().filter_map(of).collect());
            }
        });
        if picked.moved.is_some() {
            keyboard::heard(ui.ctx());
        }
        scrolls::note(ui.ctx(), self.name, shown.state.clamped_offset().y);
        picked
    }

    /// A heading; whether it was clicked.
    fn heading(&self, ui: &Ui, rect: Rect, section: usize, words: &Heading) -> bool {
        let p = palette(ui.visuals());
        let clickable = self.drags != Drags::Nothing;
        let id = ui.scope_id().with(("heading", section));
        let response = ui.interact(rect, id, if clickable { Sense::CLICK } else { Sense::HOVER });
        paint_heading(ui, rect, words, if clickable && response.hovered() { p.accent } else { p.text });
        let help = if clickable { "\nClick to select all that are shown" } else { "" };
        let clicked = response.clicked();
        if clickable {
            let name = format!("Select all shown of {} ({})", words.title, self.name);
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
        }
        response.on_hover_text(format!("{}\n{}{help}", words.title, words.note));
        clicked
    }

    fn reveal(&self, ui: &mut Ui, plan: &Plan<'_>, origin: egui::Pos2, moved: Option<At>) {
        let Some(at) = moved.or(self.selected.filter(|_| self.reveal)) else { return };
        let mut rect = plan.rect(at).translate(origin.to_vec2()).expand2(Vec2::new(0.0, GAP));
        // The first row comes with its heading.
        if at.1 < plan.columns && plan.headed {
            rect.min.y -= HEADING;
        }
        ui.scroll_to_rect(rect, None);
    }

    fn cell(&self, ui: &Ui, plan: &Plan<'_>, origin: egui::Pos2, at: At) -> Cell {
        let rect = plan.rect(at).translate(origin.to_vec2());
        // Not focusable: a thousand cells are no stops for the Tab key, the arrow keys move among them.
        let carries = self.drags == Drags::Cells && ui.input(|i| i.modifiers.is_none());
        let sense = if carries { Sense::CLICK | Sense::DRAG } else { Sense::CLICK };
        let response = ui.interact(rect, ui.scope_id().with((self.name, at)), sense);
        let picture = plan.picture(at).translate(origin.to_vec2());
        let caption = Rect::from_min_max(picture.left_bottom(), rect.max);
        Cell { at, picture, caption, response, banded: None }
    }

    /// Where the arrow keys lead, unless a text field, a dialog or another widget has the keyboard.
    fn arrows(&self, ui: &Ui, plan: &Plan<'_>) -> Option<(At, usize)> {
        if !self.active || ui.memory(|m| m.focused().is_some()) || !keyboard::is_uncovered(ui.ctx()) {
            return None;
        }
        let pressed = |key| ui.input(|i| i.key_pressed(key));
        let keys = [Key::ArrowLeft, Key::ArrowRight, Key::ArrowUp, Key::ArrowDown, Key::Home, Key::End];
        let key = keys.into_iter().find(|k| pressed(*k))?;
        match self.selected {
            Some(at) => plan.step_part(key, at, self.parts.unwrap_or((1, 0))),
            None => (0..plan.tops.len()).find(|s| plan.count(*s) > 0).map(|s| ((s, 0), 0)),
        }
    }
}

impl PickedCells {
    /// Takes clicks on a cell, and where it was dragged.
    fn take(&mut self, ui: &Ui, cell: &Cell, plan: &Plan<'_>, origin: egui::Pos2) {
        let response = &cell.response;
        let spot = |point: egui::Pos2, at: At| {
            let picture = plan.picture(at).translate(origin.to_vec2());
            Spot { at, within: (point - picture.min) / picture.size() }
        };
        let point = response.interact_pointer_pos();
        let here = || spot(point.unwrap_or(cell.picture.center()), cell.at);
        if response.clicked() {
            self.clicked = Some(here());
        }
        if response.secondary_clicked() {
            self.menu = Some(here());
        }
        let primary = egui::PointerButton::Primary;
        if !response.dragged_by(primary) && !response.drag_stopped_by(primary) {
            return;
        }
        let id = response.id.with("from");
        if response.drag_started_by(primary)
            && let Some(press) = ui.input(|i| i.pointer.press_origin())
        {
            ui.data_mut(|data| data.insert_temp(id, spot(press, cell.at).within));
        }
        let Some(within) = ui.data(|data| data.get_temp::<Vec2>(id)) else { return };
        let from = Spot { at: cell.at, within };
        let under = |point: egui::Pos2| {
            let at = plan.at((point - origin).to_pos2())?;
            Some((spot(point, at), plan.picture(at).translate(origin.to_vec2())))
        };
        let over = point.and_then(under);
        if response.dragged_by(primary) {
            self.carried = Some((from, over));
        } else {
            self.dropped = over.map(|(to, _)| (from, to));
        }
    }
}

/// The modifiers that are held, and those that were when a button of the pointer was pressed or let go in this frame: a slow
/// frame may see the click when they are let go already.
fn held(input: &egui::InputState) -> Modifiers {
    let of_button = |event: &egui::Event| match event {
        egui::Event::PointerButton { modifiers, .. } => Some(*modifiers),
        _ => None,
    };
    input.events.iter().filter_map(of_button).fold(input.modifiers, |all, more| all | more)
}

/// The part of a cell's picture that a band covers (0…1); a band over the caption alone covers its last line.
fn part(cell: Rect, side: f32, band: Rect) -> Option<Rect> {
    if !cell.intersects(band) {
        return None;
    }
    let within = |p: egui::Pos2| ((p - cell.min) / side).clamp(Vec2::ZERO, Vec2::splat(1.0)).to_pos2();
    Some(Rect::from_min_max(within(band.min), within(band.max)))
}

/// Paints a heading within its line.
fn paint_heading(ui: &Ui, rect: Rect, words: &Heading, color: Color32) {
    let p = palette(ui.visuals());
    let font = TextStyle::Body.resolve(ui.style());
    let title = ui.painter().layout_no_wrap(words.title.clone(), font, p.text);
    let width = title.size().x.min(rect.width() * 0.6);
    text::line(ui, rect.with_max_x(rect.left() + width + 1.0), &words.title, (TextStyle::Body, color));
    let note = rect.with_min_x(rect.left() + width + 10.0);
    text::line(ui, note, &words.note, (TextStyle::Small, p.weak));
}
