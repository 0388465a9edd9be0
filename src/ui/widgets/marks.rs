//! What was decided about an image, painted on its picture and said in words.

use eframe::egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Stroke, StrokeKind, Vec2};

use crate::core::distil::curation::{Choice, Mark};
use crate::core::distil::patch::CropBox;
use crate::ui::theme::Palette;

/// What the signs mean, a line each.
pub const LEGEND: &str = "Pin and green frame: always stitched\nCross: rejected, never stitched\nTwo corners: cut \
                          elsewhere than where the loss is least\nNumber: tag";

/// A mark and what of it holds for the patch that is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    /// The mark.
    pub mark: Mark,
    /// The patch is another crop than the one with the least loss.
    pub swapped: bool,
}

impl Shown {
    /// Of a patch with this box: a box that is no crop of this seed is not the one that is shown.
    #[must_use]
    pub fn of(mark: Mark, bbox: CropBox) -> Self {
        Self { mark, swapped: mark.crop == Some(bbox) }
    }

    /// In words, each after a comma: ", pinned, another crop, tag 2".
    #[must_use]
    pub fn words(&self) -> String {
        let choice = match self.mark.choice {
            Choice::Ranked => "",
            Choice::Pinned => ", pinned",
            Choice::Rejected => ", rejected",
        };
        let crop = if self.swapped { ", another crop" } else { "" };
        let tag = if self.mark.tag > 0 { format!(", tag {}", self.mark.tag) } else { String::new() };
        format!("{choice}{crop}{tag}")
    }

    /// Paints the signs on a picture.
    pub fn paint(&self, painter: &Painter, rect: Rect, p: &Palette) {
        let side = (rect.width() * 0.3).clamp(6.0, 15.0);
        let chip = |align: Align2| align.align_size_within_rect(Vec2::splat(side), rect.shrink(1.0));
        match self.mark.choice {
            Choice::Ranked => {}
            Choice::Pinned => {
                painter.rect_stroke(rect, 1.0, Stroke::new(2.0, p.good), StrokeKind::Inside);
                pin(painter, chip(Align2::LEFT_TOP), p);
            }
            Choice::Rejected => {
                painter.rect_filled(rect, 1.0, p.well.gamma_multiply(0.72));
                cross(painter, Rect::from_center_size(rect.center(), rect.size() * 0.5), p.bad);
            }
        }
        if self.swapped {
            corners(painter, chip(Align2::RIGHT_TOP), p);
        }
        if let Some((color, ground)) = tag_colors(self.mark.tag, p) {
            let at = chip(Align2::RIGHT_BOTTOM);
            painter.rect_filled(at, 2.0, color);
            let font = FontId::proportional(side - 2.0);
            painter.text(at.center(), Align2::CENTER_CENTER, self.mark.tag, font, ground);
        }
    }
}

/// The colour of a tag, and that of the number on it; the number tells tags apart, whatever colours one sees.
fn tag_colors(tag: u8, p: &Palette) -> Option<(Color32, Color32)> {
    let color = match usize::from(tag) {
        0 => return None,
        n => p.curves.get(n - 1).copied().unwrap_or(p.text),
    };
    Some((color, p.well))
}

/// A round head on a needle.
fn pin(painter: &Painter, chip: Rect, p: &Palette) {
    painter.rect_filled(chip, 2.0, p.good);
    let head = chip.center() - Vec2::new(0.0, chip.height() * 0.14);
    painter.line_segment([head, Pos2::new(head.x, chip.bottom() - 1.0)], Stroke::new(1.5, p.well));
    painter.circle_filled(head, chip.width() * 0.25, p.well);
}

fn cross(painter: &Painter, rect: Rect, color: Color32) {
    let stroke = Stroke::new((rect.width() * 0.09).clamp(1.5, 4.0), color);
    painter.line_segment([rect.left_top(), rect.right_bottom()], stroke);
    painter.line_segment([rect.right_top(), rect.left_bottom()], stroke);
}

/// The corners of a frame, as cropping tools have them.
fn corners(painter: &Painter, chip: Rect, p: &Palette) {
    painter.rect_filled(chip, 2.0, p.quiet_box);
    let inner = chip.shrink(chip.width() * 0.22);
    let stroke = Stroke::new(1.5, p.well);
    painter.line(vec![inner.left_bottom(), inner.left_top(), inner.right_top()], stroke);
    painter.line(vec![inner.right_top(), inner.right_bottom(), inner.left_bottom()], stroke);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_said_in_words() {
        let (mine, other) = (CropBox::whole(8, 8), CropBox::whole(4, 4));
        let mark = Mark::default().pinned().tagged(2).cut(Some(mine));
        assert_eq!(Shown::of(mark, mine).words(), ", pinned, another crop, tag 2");
        assert_eq!(Shown::of(mark.rejected(), other).words(), ", rejected, tag 2");
        assert_eq!(Shown::of(Mark::default(), mine).words(), "");
    }
}
