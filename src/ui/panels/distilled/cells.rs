//! Where the cells of a distilled image are on the screen.

use eframe::egui::{Rect, Vec2};

/// The cell of a distilled image at a point (0…1 in both directions).
pub(super) fn cell_at(within: Vec2, factor: u32) -> usize {
    let part = |v: f32| ((v * factor as f32).max(0.0) as usize).min(factor.max(1) as usize - 1);
    part(within.y) * factor as usize + part(within.x)
}

/// The cells that a part of the picture (0…1) touches, row by row.
pub(super) fn cells_in(part: Rect, factor: u32) -> Vec<usize> {
    let factor = factor as usize;
    let (first, last) = (cell_at(part.min.to_vec2(), factor as u32), cell_at(part.max.to_vec2(), factor as u32));
    let columns = first % factor..=last % factor;
    (first / factor..=last / factor).flat_map(|row| columns.clone().map(move |column| row * factor + column)).collect()
}

/// A cell within a picture.
pub(super) fn cell_rect(picture: Rect, factor: u32, cell: usize) -> Rect {
    let side = picture.width() / factor as f32;
    let (row, column) = (cell / factor as usize, cell % factor as usize);
    Rect::from_min_size(picture.min + Vec2::new(column as f32, row as f32) * side, Vec2::splat(side))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(x: [f32; 2], y: [f32; 2]) -> Rect {
        Rect::from_min_max((x[0], y[0]).into(), (x[1], y[1]).into())
    }

    #[test]
    fn a_click_finds_its_cell() {
        assert_eq!(cell_at(Vec2::new(0.9, 0.1), 2), 1);
        assert_eq!(cell_at(Vec2::new(0.1, 0.9), 2), 2);
        assert_eq!(cell_at(Vec2::new(1.0, 1.0), 3), 8);
        assert_eq!(cell_at(Vec2::new(-0.1, 0.5), 1), 0);
    }

    #[test]
    fn a_band_touches_a_block_of_cells() {
        assert_eq!(cells_in(part([0.1, 0.9], [0.1, 0.2]), 2), [0, 1]);
        assert_eq!(cells_in(part([0.4, 0.9], [0.4, 1.0]), 3), [4, 5, 7, 8]);
        assert_eq!(cells_in(part([0.0, 1.0], [0.0, 1.0]), 1), [0]);
        let cell = cell_rect(part([10.0, 40.0], [20.0, 50.0]), 3, 5);
        assert_eq!((cell.min, cell.max), ((30.0, 30.0).into(), (40.0, 40.0).into()));
    }
}
