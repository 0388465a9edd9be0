//! A histogram to look at and to brush: a drag marks a range, its ends and all of it can be dragged, arrow keys move it.

use eframe::egui::{
    self, Align2, Color32, CursorIcon, EventFilter, Key, Modifiers, Pos2, Rect, Response, Role, Sense, Stroke,
    TextStyle, Ui, Vec2, WidgetInfo,
};

use super::scale::{Grip, Scale, shifted};
use crate::core::chart::histogram::Histogram;
use crate::core::chart::ticks;
use crate::core::workspace::view::Brush;
use crate::ui::theme::{Palette, palette};
use crate::ui::widgets::text;

/// What is drawn.
#[derive(Clone, Copy)]
pub struct Drawn<'a> {
    /// The counts.
    pub histogram: &'a Histogram,
    /// The range that is marked.
    pub brush: Option<Brush>,
    /// A range of the quantity that is drawn, for a new one.
    pub like: Brush,
    /// What it is called.
    pub label: &'a str,
}

/// What the user wants of the range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// A drag begins or is over.
    Settle,
    /// This range.
    Range(Brush),
    /// None.
    Nothing,
}

/// Left of the bars, for labels; below them, for labels and the axis's title; above and right of them.
const LEFT: f32 = 46.0;
const BELOW: f32 = 36.0;
const ABOVE: f32 = 16.0;
const RIGHT: f32 = 12.0;
/// How near the pointer must be to an end to drag it.
const REACH: f32 = 6.0;

/// Shows the histogram; `grip` is what is being dragged.
pub fn show(ui: &mut Ui, drawn: Drawn<'_>, grip: &mut Option<Grip>, height: f32) -> Vec<Wanted> {
    let (all, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::hover());
    let bars = Rect::from_min_max(all.min + Vec2::new(LEFT, ABOVE), all.max - Vec2::new(RIGHT, BELOW));
    let response = ui.interact(bars, ui.scope_id().with("histogram"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, drawn.label));
    let scale = Scale::of(&drawn.histogram.bins);
    paint(ui, (bars, &scale), drawn, response.has_focus());
    let mut wanted = pointer(ui, &response, (bars, &scale), drawn, grip);
    wanted.extend(keys(ui, &response, &scale, drawn));
    hover(&response, bars, drawn);
    wanted
}

fn pointer(
    ui: &Ui,
    response: &Response,
    (bars, scale): (Rect, &Scale),
    drawn: Drawn<'_>,
    grip: &mut Option<Grip>,
) -> Vec<Wanted> {
    let share = |at: Pos2| f64::from((at.x - bars.left()) / bars.width());
    let (range, reach) = (drawn.brush.map(|brush| scale.range(&brush)), f64::from(REACH / bars.width()));
    let mut wanted = Vec::new();
    if response.double_clicked() {
        return vec![Wanted::Nothing];
    }
    if response.clicked() || response.drag_started() {
        response.request_focus();
    }
    if response.drag_started()
        && let Some(at) = ui.input(|i| i.pointer.press_origin())
    {
        *grip = Some(Grip::at(share(at), range, reach));
        wanted.push(Wanted::Settle);
    }
    if let (Some(grip), Some(at)) = (*grip, response.interact_pointer_pos().filter(|_| response.dragged())) {
        wanted.push(Wanted::Range(scale.brush(drawn.like, grip.dragged(share(at), range))));
    }
    if response.drag_stopped() {
        *grip = None;
        wanted.push(Wanted::Settle);
    }
    if let Some(at) = response.hover_pos() {
        let icon = match grip.unwrap_or(Grip::at(share(at), range, reach)) {
            Grip::Low | Grip::High => CursorIcon::ResizeHorizontal,
            Grip::Whole(..) if response.dragged() => CursorIcon::Grabbing,
            Grip::Whole(..) => CursorIcon::Grab,
            Grip::New(_) => CursorIcon::Crosshair,
        };
        ui.ctx().set_cursor_icon(icon);
    }
    wanted
}

/// Arrow keys move the range by a bin, with Shift its upper end; Escape takes it away.
fn keys(ui: &Ui, response: &Response, scale: &Scale, drawn: Drawn<'_>) -> Option<Wanted> {
    if !response.has_focus() {
        return response.lost_focus().then_some(Wanted::Settle);
    }
    let filter = EventFilter { horizontal_arrows: true, escape: drawn.brush.is_some(), ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let brush = drawn.brush?;
    let pressed = |modifiers, key| ui.input_mut(|i| i.consume_key(modifiers, key));
    if pressed(Modifiers::NONE, Key::Escape) {
        return Some(Wanted::Nothing);
    }
    let (low, high) = scale.range(&brush);
    let step = 1.0 / drawn.histogram.bins.count().max(1) as f64;
    let ends = match () {
        () if pressed(Modifiers::SHIFT, Key::ArrowLeft) => (low, (high - step).max(low)),
        () if pressed(Modifiers::SHIFT, Key::ArrowRight) => (low, high + step),
        () if pressed(Modifiers::NONE, Key::ArrowLeft) => shifted((low, high), -step),
        () if pressed(Modifiers::NONE, Key::ArrowRight) => shifted((low, high), step),
        () => return None,
    };
    Some(Wanted::Range(scale.brush(brush, ends)))
}

fn hover(response: &Response, bars: Rect, drawn: Drawn<'_>) {
    let histogram = drawn.histogram;
    let Some(at) = response.hover_pos().filter(|at| bars.contains(*at) && !response.dragged()) else { return };
    let share = (at.x - bars.left()) / bars.width();
    let bin = ((share * histogram.bins.count() as f32) as usize).min(histogram.bins.count().saturating_sub(1));
    let edge = |at: usize| ticks::label(histogram.bins.edge(at));
    let mut words = format!("{} to {}", edge(bin), edge(bin + 1));
    let counts = histogram.counts(bin);
    for ((series, count), height) in histogram.series.iter().zip(&counts).zip(histogram.heights(&counts)) {
        let share = if histogram.overlaid { format!(" ({height:.1} %)") } else { String::new() };
        words.push_str(&format!("\n{}: {}{share}", series.name, text::thousands(*count)));
    }
    response.clone().on_hover_text_at_pointer(words);
}

/// Where bars are painted.
struct Area<'a> {
    bars: Rect,
    scale: &'a Scale,
    /// What the height of the area stands for.
    most: f64,
}

impl Area<'_> {
    fn x(&self, share: f64) -> f32 {
        self.bars.left() + self.bars.width() * share as f32
    }

    fn y(&self, height: f64) -> f32 {
        self.bars.bottom() - self.bars.height() * (height / self.most) as f32
    }
}

fn paint(ui: &Ui, (bars, scale): (Rect, &Scale), drawn: Drawn<'_>, focused: bool) {
    let p = palette(ui.visuals());
    let histogram = drawn.histogram;
    let highest = (0..histogram.bins.count()).map(|bin| histogram.height(&histogram.counts(bin))).fold(0.0, f64::max);
    let most = if highest > 0.0 { highest * 1.04 } else { 1.0 };
    let area = Area { bars, scale, most };
    ui.painter().rect_filled(bars, 0.0, if ui.visuals().dark_mode { p.well } else { p.ground });
    grid(ui, &area, histogram, p);
    let range = drawn.brush.map(|brush| scale.range(&brush));
    if let Some((low, high)) = range {
        let rect = Rect::from_x_y_ranges(area.x(low)..=area.x(high), bars.y_range());
        ui.painter().rect_filled(rect, 0.0, p.raised);
    }
    if histogram.overlaid {
        outlines(ui, &area, histogram, p);
    } else {
        stacks(ui, &area, (histogram, range), p);
    }
    if let Some((low, high)) = range {
        for share in [low, high] {
            ui.painter().vline(area.x(share), bars.y_range(), Stroke::new(1.5, p.text));
        }
    }
    let edge = if focused { Stroke::new(1.5, p.accent) } else { Stroke::new(1.0, p.line) };
    ui.painter().rect_stroke(bars, 0.0, edge, egui::StrokeKind::Outside);
}

/// Lines and labels of both axes, and what they are of.
fn grid(ui: &Ui, area: &Area<'_>, histogram: &Histogram, p: &Palette) {
    let (paint, bars) = (ui.painter(), area.bars);
    let font = TextStyle::Small.resolve(ui.style());
    let least = 30.0 / f64::from(bars.height().max(1.0)) * area.most;
    let heights = match histogram.overlaid {
        true => ticks::even(0.0, area.most, least),
        false => ticks::whole(0.0, area.most, least),
    };
    for height in heights {
        let y = area.y(height);
        paint.hline(bars.x_range(), y, Stroke::new(1.0, p.line));
        let left = Pos2::new(bars.left() - 5.0, y);
        paint.text(left, Align2::RIGHT_CENTER, ticks::label(height), font.clone(), p.weak);
    }
    let (low, high) = area.scale.ends();
    let least = 56.0 / f64::from(bars.width().max(1.0)) * (high - low);
    let values = match histogram.bins.is_log() {
        true => ticks::logarithmic(low, high, least),
        false => ticks::even(low, high, least),
    };
    for value in values {
        let x = area.x(area.scale.place(value));
        paint.vline(x, bars.bottom()..=bars.bottom() + 4.0, Stroke::new(1.0, p.weak));
        let below = Pos2::new(x, bars.bottom() + 5.0);
        paint.text(below, Align2::CENTER_TOP, ticks::label(value), font.clone(), p.weak);
    }
    let top = Pos2::new(bars.left() - LEFT + 2.0, bars.top() - 3.0);
    paint.text(top, Align2::LEFT_BOTTOM, &histogram.counted, font, p.weak);
    let title = Rect::from_min_size(bars.left_bottom() + Vec2::new(0.0, 19.0), Vec2::new(bars.width(), 16.0));
    let words = text::elided(ui, &histogram.quantity, title.width(), (TextStyle::Small, p.weak));
    paint.galley(Align2::CENTER_CENTER.align_size_within_rect(words.size(), title).min, words, p.weak);
}

fn colour(p: &Palette, number: usize) -> Color32 {
    p.curves[number % p.curves.len()]
}

/// The series upon each other; bars outside the range are faint.
fn stacks(ui: &Ui, area: &Area<'_>, (histogram, range): (&Histogram, Option<(f64, f64)>), p: &Palette) {
    let bins = histogram.bins.count().max(1) as f64;
    for bin in 0..histogram.bins.count() {
        let (from, to) = (bin as f64 / bins, (bin + 1) as f64 / bins);
        let outside = range.is_some_and(|(low, high)| to <= low || from >= high);
        let mut below = 0.0;
        for (series, height) in histogram.series.iter().zip(histogram.heights(&histogram.counts(bin))) {
            if height > 0.0 {
                let x = area.x(from) + 0.5..=area.x(to) - 0.5;
                let rect = Rect::from_x_y_ranges(x, area.y(below + height)..=area.y(below));
                let shade = colour(p, series.colour).gamma_multiply(if outside { 0.3 } else { 0.9 });
                ui.painter().rect_filled(rect, 0.0, shade);
                below += height;
            }
        }
    }
}

/// The series over each other.
fn outlines(ui: &Ui, area: &Area<'_>, histogram: &Histogram, p: &Palette) {
    let count = histogram.bins.count();
    let heights: Vec<Vec<f64>> = (0..count).map(|bin| histogram.heights(&histogram.counts(bin))).collect();
    for (at, series) in histogram.series.iter().enumerate() {
        let mut points = vec![Pos2::new(area.x(0.0), area.y(0.0))];
        for (bin, heights) in heights.iter().enumerate() {
            let y = area.y(heights[at]);
            points.extend([bin, bin + 1].map(|edge| Pos2::new(area.x(edge as f64 / count as f64), y)));
        }
        points.push(Pos2::new(area.x(1.0), area.y(0.0)));
        ui.painter().line(points, Stroke::new(1.6, colour(p, series.colour)));
    }
}

/// The series in their colours with how many they are.
pub fn legend(ui: &mut Ui, histogram: &Histogram) {
    let p = palette(ui.visuals());
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = Vec2::new(4.0, 2.0);
        for series in &histogram.series {
            let (swatch, _) = ui.allocate_exact_size(Vec2::new(14.0, 14.0), Sense::hover());
            ui.painter().rect_filled(swatch.shrink2(Vec2::new(0.0, 4.0)), 1.0, colour(p, series.colour));
            let words = format!("{} {}", series.name, text::thousands(series.total()));
            ui.label(egui::RichText::new(words).color(p.weak));
            ui.add_space(8.0);
        }
    });
}
