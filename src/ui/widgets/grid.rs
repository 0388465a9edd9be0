//! A virtual grid with headed sections: whatever its length, only the cells in view are laid out and painted.

use std::collections::BTreeMap;

use eframe::egui::{self, Context, Id, Key, Pos2, Rect, Response, Sense, TextStyle, Ui, Vec2};

use super::super::theme::palette;
use super::text;

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

/// How a grid looks and what is selected in it.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// Name for ids.
    pub name: &'static str,
    /// Side of the square pictures.
    pub side: f32,
    /// Height of the caption under each.
    pub caption: f32,
    /// The selected cell.
    pub selected: Option<At>,
    /// Bring the selected cell into view.
    pub reveal: bool,
    /// Whether arrow keys move this grid's selection.
    pub active: bool,
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
}

/// What happened in a grid.
#[derive(Clone, Copy, Debug, Default)]
pub struct PickedCells {
    /// The cell that was clicked, and where in its picture (0…1).
    pub clicked: Option<(At, Vec2)>,
    /// The cell that the arrow keys lead to.
    pub moved: Option<At>,
}

const GAP: f32 = 6.0;
const HEADING: f32 = 24.0;

/// Where sections lie: columns, and each section's first pixel.
struct Plan {
    columns: usize,
    /// Side of the pictures: a little more than asked for, so that the columns fill the width.
    side: f32,
    row: f32,
    tops: Vec<f32>,
    headed: bool,
    height: f32,
}

impl Plan {
    fn new(grid: &Grid, sections: Sections<'_>, width: f32) -> Self {
        let columns = (((width + GAP) / (grid.side + GAP)) as usize).max(1);
        let side = ((width + GAP) / columns as f32 - GAP).floor().clamp(1.0, grid.side * 1.5);
        let row = side + grid.caption + GAP;
        let headed = sections.heading.is_some();
        let mut tops = Vec::with_capacity(sections.counts.len());
        let mut height = 0.0;
        for count in sections.counts {
            tops.push(height);
            height += count.div_ceil(columns) as f32 * row + if headed { HEADING } else { 0.0 };
        }
        Self { columns, side, row, tops, headed, height }
    }

    fn first_row(&self, section: usize) -> f32 {
        self.tops[section] + if self.headed { HEADING } else { 0.0 }
    }
}

impl Grid {
    /// Shows the grid in what is left of the panel; `paint` is called for the cells in view.
    pub fn show(&self, ui: &mut Ui, sections: Sections<'_>, mut paint: impl FnMut(&mut Ui, &Cell)) -> PickedCells {
        let mut picked = PickedCells::default();
        let mut area = egui::ScrollArea::vertical().id_salt(self.name).auto_shrink(false);
        if let Some(offset) = self.offset(ui, sections) {
            area = area.vertical_scroll_offset(offset);
        }
        let shown = area.show_viewport(ui, |ui, viewport| {
            let plan = Plan::new(self, sections, ui.available_width());
            ui.set_height(plan.height);
            let origin = ui.max_rect().min;
            picked.moved = self.arrows(ui, &plan, sections.counts);
            if let Some(at) = picked.moved.or(self.selected.filter(|_| self.reveal)) {
                let mut rect = self.rect(&plan, origin, at).expand2(Vec2::new(0.0, GAP));
                // The first row comes with its heading.
                if at.1 < plan.columns && plan.headed {
                    rect.min.y -= HEADING;
                }
                ui.scroll_to_rect(rect, None);
            }
            let first = plan.tops.partition_point(|&top| top <= viewport.min.y).saturating_sub(1);
            for (s, &count) in sections.counts.iter().enumerate().skip(first) {
                if plan.tops[s] > viewport.max.y {
                    break;
                }
                if let Some(words) = sections.heading {
                    let top = Pos2::new(origin.x, origin.y + plan.tops[s]);
                    let rect = Rect::from_min_size(top, Vec2::new(ui.available_width(), HEADING));
                    heading(ui, rect, (s, &words(s)));
                }
                let top = plan.first_row(s);
                let row = |y: f32| ((y - top) / plan.row).max(0.0) as usize;
                let from = row(viewport.min.y) * plan.columns;
                let to = ((row(viewport.max.y) + 1) * plan.columns).min(count);
                for i in from..to {
                    let cell = self.cell(ui, self.rect(&plan, origin, (s, i)), (s, i));
                    if cell.response.clicked() {
                        let at = cell.response.interact_pointer_pos().unwrap_or(cell.picture.center());
                        picked.clicked = Some(((s, i), (at - cell.picture.min) / cell.picture.size()));
                    }
                    paint(ui, &cell);
                }
            }
        });
        let offset = shown.state.clamped_offset().y;
        scrolls(ui.ctx(), |scrolls| scrolls.now.insert(self.name.to_owned(), offset));
        picked
    }

    /// How far the grid was scrolled when it was left, once there is as much in it again.
    fn offset(&self, ui: &Ui, sections: Sections<'_>) -> Option<f32> {
        let (offset, complete) = scrolls(ui.ctx(), |s| Some((*s.wanted.get(self.name)?, s.complete)))?;
        let reachable = || Plan::new(self, sections, ui.available_width()).height - ui.available_height() >= offset;
        (complete || reachable()).then(|| scrolls(ui.ctx(), |s| s.wanted.remove(self.name)))?
    }

    fn rect(&self, plan: &Plan, origin: Pos2, (section, i): At) -> Rect {
        let (row, column) = (i / plan.columns, i % plan.columns);
        let top = plan.tops.get(section).map_or(0.0, |_| plan.first_row(section));
        let min = origin + Vec2::new(column as f32 * (plan.side + GAP), top + row as f32 * plan.row);
        Rect::from_min_size(min, Vec2::new(plan.side, plan.side + self.caption))
    }

    fn cell(&self, ui: &Ui, rect: Rect, at: At) -> Cell {
        // Clicks only: a thousand cells are no stops for the Tab key, the arrow keys move among them.
        let response = ui.interact(rect, ui.scope_id().with((self.name, at)), Sense::CLICK);
        let picture = Rect::from_min_size(rect.min, Vec2::splat(rect.width()));
        let caption = Rect::from_min_max(picture.left_bottom(), rect.max);
        Cell { at, picture, caption, response }
    }

    /// Where the arrow keys lead, unless a text field or another widget has the keyboard.
    fn arrows(&self, ui: &Ui, plan: &Plan, counts: &[usize]) -> Option<At> {
        if !self.active || ui.memory(|m| m.focused().is_some()) || egui::Popup::is_any_open(ui.ctx()) {
            return None;
        }
        let pressed = |key| ui.input(|i| i.key_pressed(key));
        let keys = [Key::ArrowLeft, Key::ArrowRight, Key::ArrowUp, Key::ArrowDown, Key::Home, Key::End];
        let key = keys.into_iter().find(|k| pressed(*k))?;
        let Some(at) = self.selected else { return counts.iter().position(|count| *count > 0).map(|s| (s, 0)) };
        step(key, at, (plan.columns, counts))
    }
}

fn step(key: Key, (s, i): At, (columns, counts): (usize, &[usize])) -> Option<At> {
    let count = |s: usize| counts.get(s).copied().unwrap_or(0);
    let later = (s + 1..counts.len()).find(|&s| count(s) > 0);
    let earlier = (0..s).rev().find(|&s| count(s) > 0);
    match key {
        Key::ArrowRight if i + 1 < count(s) => Some((s, i + 1)),
        Key::ArrowRight => later.map(|s| (s, 0)),
        Key::ArrowLeft if i > 0 => Some((s, i - 1)),
        Key::ArrowLeft => earlier.map(|s| (s, count(s) - 1)),
        Key::ArrowDown if i + columns < count(s) => Some((s, i + columns)),
        Key::ArrowDown => later.map(|s| (s, (i % columns).min(count(s) - 1))),
        Key::ArrowUp if i >= columns => Some((s, i - columns)),
        Key::ArrowUp => earlier.map(|s| {
            let last_row = (count(s) - 1) / columns * columns;
            (s, (last_row + i % columns).min(count(s) - 1))
        }),
        Key::Home => Some((s, 0)),
        Key::End => count(s).checked_sub(1).map(|last| (s, last)),
        _ => None,
    }
}

/// How far grids are scrolled, by name.
#[derive(Clone, Debug, Default)]
struct Scrolls {
    /// In the last frame.
    now: BTreeMap<String, f32>,
    /// When they were left; each is taken once.
    wanted: BTreeMap<String, f32>,
    /// Nothing more comes into them by itself: what can't be reached now never will.
    complete: bool,
}

fn scrolls<R>(ctx: &Context, change: impl FnOnce(&mut Scrolls) -> R) -> R {
    ctx.data_mut(|data| change(data.get_temp_mut_or_default(Id::unique("how far grids are scrolled"))))
}

/// How far each grid is scrolled, in points.
pub fn scrolled(ctx: &Context) -> BTreeMap<String, f32> {
    scrolls(ctx, |scrolls| {
        let mut all = scrolls.now.clone();
        // A grid that was not seen since is where it was left.
        all.extend(scrolls.wanted.clone());
        all.retain(|_, offset| *offset > 0.0);
        all
    })
}

/// Has each grid scrolled this far as soon as there is as much in it.
pub fn scroll_to(ctx: &Context, wanted: &BTreeMap<String, f32>) {
    let wanted = wanted.iter().filter(|(_, offset)| offset.is_finite() && **offset > 0.0);
    let wanted = wanted.map(|(name, offset)| (name.clone(), *offset)).collect();
    scrolls(ctx, |scrolls| *scrolls = Scrolls { wanted, ..Scrolls::default() });
}

/// Nothing more comes into the grids by itself: they scroll as far as they can.
pub fn scroll_at_last(ctx: &Context) {
    scrolls(ctx, |scrolls| scrolls.complete = true);
}

fn heading(ui: &Ui, rect: Rect, (section, words): (usize, &Heading)) {
    let p = palette(ui.visuals());
    let font = TextStyle::Body.resolve(ui.style());
    let title = ui.painter().layout_no_wrap(words.title.clone(), font, p.text);
    let width = title.size().x.min(rect.width() * 0.6);
    let cut = text::line(ui, rect.with_max_x(rect.left() + width + 1.0), &words.title, (TextStyle::Body, p.text));
    let note = rect.with_min_x(rect.left() + width + 10.0);
    if text::line(ui, note, &words.note, (TextStyle::Small, p.weak)) || cut {
        let id = ui.scope_id().with(("heading", section));
        ui.interact(rect, id, Sense::hover()).on_hover_text(format!("{}\n{}", words.title, words.note));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_walk_rows_and_sections() {
        let all = [5, 0, 2];
        let go = |key, at| step(key, at, (3, &all));
        assert_eq!(go(Key::ArrowRight, (0, 4)), Some((2, 0)));
        assert_eq!(go(Key::ArrowLeft, (2, 0)), Some((0, 4)));
        assert_eq!(go(Key::ArrowDown, (0, 1)), Some((0, 4)));
        assert_eq!(go(Key::ArrowDown, (0, 2)), Some((2, 1)));
        assert_eq!(go(Key::ArrowUp, (2, 1)), Some((0, 4)));
        assert_eq!(go(Key::ArrowUp, (0, 0)), None);
        assert_eq!(go(Key::End, (0, 0)), Some((0, 4)));
    }

    #[test]
    fn a_plan_stacks_sections() {
        let grid = Grid { name: "g", side: 50.0, caption: 14.0, selected: None, reveal: false, active: false };
        let heading = |_| Heading { title: "x".into(), note: String::new() };
        let plan = Plan::new(&grid, Sections { counts: &[5, 0, 2], heading: Some(&heading) }, 170.0);
        // Three columns of 50 and two gaps of 6 fit 170, and 52 fit too; rows are 52 + 14 + 6 high.
        assert_eq!((plan.columns, plan.side, plan.row), (3, 52.0, 72.0));
        assert_eq!(plan.tops, [0.0, 168.0, 192.0]);
        assert_eq!(plan.height, 288.0);
    }
}
