//! Notices: a line in the corner for what ended while one looked elsewhere.

use std::collections::VecDeque;

use eframe::egui::{self, Align2, Context, Frame, Id, Margin, Order, Rect, Response, RichText, Role, Stroke, Ui, Vec2};

use super::super::intent::{Intent, Panel};
use super::super::model::log::Level;
use super::super::theme::palette;
use super::text;

/// Notices in view; the older ones wait.
const IN_VIEW: usize = 4;
/// Notices kept.
const KEPT: usize = 100;
/// Seconds that one stays which isn't an error.
const STAYS: f64 = 8.0;
const WIDTH: f32 = 340.0;

#[derive(Debug)]
struct Notice {
    /// Names it among the others as long as it is there.
    id: u64,
    level: Level,
    text: String,
    panel: Panel,
    /// When it goes; errors stay until they are closed.
    until_secs: f64,
}

/// All notices, oldest first.
#[derive(Debug, Default)]
pub struct Notices {
    all: VecDeque<Notice>,
    next: u64,
}

impl Notices {
    /// Adds a notice about what a panel shows.
    pub fn push(&mut self, now_secs: f64, (level, panel): (Level, Panel), text: String) {
        if self.all.len() == KEPT {
            self.all.pop_front();
        }
        self.next += 1;
        self.all.push_back(Notice { id: self.next, level, text, panel, until_secs: now_secs + STAYS });
    }

    /// Lets those go whose time is over; returns the seconds until the next one goes.
    pub fn tick(&mut self, now_secs: f64) -> Option<f64> {
        self.all.retain(|notice| notice.level == Level::Error || notice.until_secs > now_secs);
        let others = self.all.iter().filter(|notice| notice.level != Level::Error);
        others.map(|notice| notice.until_secs - now_secs).min_by(f64::total_cmp)
    }

    /// Shows the newest in the corner of `room`.
    pub fn show(&mut self, ctx: &Context, (room, now_secs): (Rect, f64), out: &mut Vec<Intent>) {
        if let Some(next) = self.tick(now_secs) {
            ctx.request_repaint_after(std::time::Duration::from_secs_f64(next));
        }
        if self.all.is_empty() {
            return;
        }
        let waiting = self.all.len().saturating_sub(IN_VIEW);
        let mut gone = None;
        let corner = room.right_bottom() - Vec2::splat(12.0);
        let area = egui::Area::new(Id::unique("notices")).order(Order::Foreground).pivot(Align2::RIGHT_BOTTOM);
        area.fixed_pos(corner).constrain_to(room).show(ctx, |ui| {
            ui.set_width(WIDTH.min(room.width() - 24.0));
            if waiting > 0 {
                ui.label(RichText::new(format!("{waiting} more")).color(palette(ui.visuals()).weak));
            }
            for notice in self.all.iter_mut().skip(waiting) {
                let (shown, held) = ui.push_id(notice.id, |ui| one(ui, notice, out)).inner;
                if held {
                    notice.until_secs = notice.until_secs.max(now_secs + STAYS / 2.0);
                }
                if shown {
                    gone = Some(notice.id);
                }
            }
        });
        if let Some(id) = gone {
            self.all.retain(|notice| notice.id != id);
        }
    }
}

/// Shows one; returns whether it was answered, and whether the pointer or the keyboard holds it.
fn one(ui: &mut Ui, notice: &Notice, out: &mut Vec<Intent>) -> (bool, bool) {
    let p = palette(ui.visuals());
    let color = match notice.level {
        Level::Info => p.good,
        Level::Warning => p.warn,
        Level::Error => p.bad,
    };
    let frame = Frame::new().fill(p.raised).stroke(Stroke::new(1.0, color)).corner_radius(4);
    let shown = frame.inner_margin(Margin::symmetric(10, 6)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(egui::Label::new(RichText::new(&notice.text).color(p.text)).wrap());
        ui.horizontal(|ui| {
            let button = |ui: &mut Ui, words: &str| {
                let response = ui.small_button(words);
                let label = format!("{words} (notice)");
                response.widget_info(|| egui::WidgetInfo::labeled(Role::Button, true, &label));
                response
            };
            let show = button(ui, &format!("Show {}", notice.panel.title()));
            let close = button(ui, "Dismiss");
            if show.clicked() {
                out.push(Intent::Show(notice.panel));
            }
            let held = [&show, &close].into_iter().any(Response::has_focus);
            (show.clicked() || close.clicked(), held)
        })
        .inner
    });
    let hovered = ui.rect_contains_pointer(shown.response.rect);
    (shown.inner.0, shown.inner.1 || hovered)
}

/// "in 12.3 s" or "in 2:05".
#[must_use]
pub fn took(seconds: f64) -> String {
    if seconds < 100.0 { format!("in {seconds:.1} s") } else { format!("in {}", text::duration(seconds)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_stay_and_others_go_when_their_time_is_over() {
        let mut notices = Notices::default();
        notices.push(0.0, (Level::Error, Panel::Recipe), "no".to_owned());
        notices.push(1.0, (Level::Info, Panel::Patches), "yes".to_owned());
        assert_eq!(notices.tick(2.0), Some(STAYS - 1.0));
        assert_eq!((notices.tick(1.0 + STAYS), notices.all.len()), (None, 1));
        assert_eq!(notices.tick(1e9), None);
        assert_eq!(notices.all[0].text, "no");
        for i in 0..2 * KEPT {
            notices.push(0.0, (Level::Error, Panel::Log), i.to_string());
        }
        assert_eq!(notices.all.len(), KEPT);
    }

    #[test]
    fn times_read_well() {
        assert_eq!([took(12.34), took(125.0)], ["in 12.3 s", "in 2:05"]);
    }
}
