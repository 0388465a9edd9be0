//! A distilled image that is being stitched anew, at once: its changed cells from the patches that are at hand, over the
//! picture that it had.

use std::collections::HashMap;

use eframe::egui::Ui;

use super::cells::cell_rect;
use crate::core::data::dataset::ImageId;
use crate::core::distil::patch::CropBox;
use crate::core::distil::select::Kept;
use crate::core::distil::set::Address;
use crate::ui::theme::palette;
use crate::ui::widgets::gallery::{Gallery, Look};
use crate::ui::widgets::grid::Cell;

/// An image that may be under way.
pub(super) struct Stitching<'a> {
    /// Names its pixels.
    pub(super) key: u64,
    pub(super) at: Address,
    /// The patches in its cells.
    pub(super) kept: &'a [Kept],
    /// What is there of it.
    pub(super) look: &'a Look,
    /// Cells along a side.
    pub(super) factor: u32,
    /// Pixels along a side of a patch.
    pub(super) side: u32,
}

/// What the pictures on the screen were stitched of.
#[derive(Debug, Default)]
pub(super) struct Preview {
    made: HashMap<Address, (u64, Vec<(ImageId, CropBox)>)>,
}

impl Preview {
    /// Paints the cells of `tile` that its picture does not show yet. A patch that isn't at hand leaves its cell empty:
    /// what was there before is no longer in the image.
    pub(super) fn paint(&mut self, ui: &Ui, tile: &Cell, stitching: &Stitching<'_>, gallery: &mut Gallery) {
        let Stitching { key, at, kept, look, factor, side } = *stitching;
        let of = |kept: &Kept| (kept.patch.image, kept.patch.bbox);
        if gallery.is_made(key) {
            if self.made.get(&at).is_none_or(|(made, _)| *made != key) {
                self.made.insert(at, (key, kept.iter().map(of).collect()));
            }
            return;
        }
        let before = self.made.get(&at).map_or(&[][..], |(_, cells)| cells);
        let shows_before = matches!(look, Look::Ready(_)) && before.len() == kept.len();
        for (n, kept) in kept.iter().enumerate() {
            if shows_before && before[n] == of(kept) {
                continue;
            }
            let rect = cell_rect(tile.picture, factor, n);
            match gallery.patch_at_hand(of(kept), side) {
                Some(shown) => shown.image().paint_at(ui, rect),
                None => _ = ui.painter().rect_filled(rect, 0.0, palette(ui.visuals()).well),
            }
        }
    }
}
