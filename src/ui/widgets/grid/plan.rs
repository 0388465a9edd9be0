//! Where the cells of a grid lie, and what lies beside what.

use eframe::egui::{Key, Pos2, Rect, Vec2};

use super::At;

pub(super) const GAP: f32 = 6.0;
pub(super) const HEADING: f32 = 24.0;

/// What a grid's cells are laid out by.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Side of the square pictures that is asked for.
    pub(super) side: f32,
    /// Height of the caption under each.
    pub(super) caption: f32,
    /// Whether headings stand over the sections.
    pub(super) headed: bool,
    /// Width that there is.
    pub(super) width: f32,
}

/// Where sections lie: columns, and each section's first pixel. Positions are those of the content, from its first pixel.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) columns: usize,
    /// Side of the pictures: a little more than asked for, so that the columns fill the width.
    pub(super) side: f32,
    caption: f32,
    pub(super) row: f32,
    pub(super) tops: Vec<f32>,
    pub(super) headed: bool,
    pub(super) height: f32,
    counts: &'a [usize],
}

impl<'a> Plan<'a> {
    pub(super) fn new(sizes: Sizes, counts: &'a [usize]) -> Self {
        let Sizes { headed, caption, width, .. } = sizes;
        let columns = (((width + GAP) / (sizes.side + GAP)) as usize).max(1);
        let side = ((width + GAP) / columns as f32 - GAP).floor().clamp(1.0, sizes.side * 1.5);
        let row = side + caption + GAP;
        let mut tops = Vec::with_capacity(counts.len());
        let mut height = 0.0;
        for count in counts {
            tops.push(height);
            height += count.div_ceil(columns) as f32 * row + if headed { HEADING } else { 0.0 };
        }
        Self { columns, side, caption, row, tops, headed, height, counts }
    }

    pub(super) fn count(&self, section: usize) -> usize {
        self.counts.get(section).copied().unwrap_or(0)
    }

    fn first_row(&self, section: usize) -> f32 {
        self.tops.get(section).map_or(0.0, |top| top + if self.headed { HEADING } else { 0.0 })
    }

    /// The cell with its caption.
    pub(super) fn rect(&self, (section, i): At) -> Rect {
        let (row, column) = (i / self.columns, i % self.columns);
        let left = column as f32 * (self.side + GAP);
        let min = Pos2::new(left, self.first_row(section) + row as f32 * self.row);
        Rect::from_min_size(min, Vec2::new(self.side, self.side + self.caption))
    }

    /// The square of a cell's picture.
    pub(super) fn picture(&self, at: At) -> Rect {
        Rect::from_min_size(self.rect(at).min, Vec2::splat(self.side))
    }

    /// The sections that reach into these heights.
    pub(super) fn sections(&self, from: f32, to: f32) -> std::ops::Range<usize> {
        let first = self.tops.partition_point(|&top| top <= from).saturating_sub(1);
        first..self.tops.partition_point(|&top| top <= to)
    }

    /// The cells of a section whose rows reach into these heights.
    pub(super) fn rows(&self, section: usize, from: f32, to: f32) -> std::ops::Range<usize> {
        let top = self.first_row(section);
        let row = |y: f32| ((y - top) / self.row).max(0.0) as usize;
        let end = ((row(to) + 1) * self.columns).min(self.count(section));
        (row(from) * self.columns).min(end)..end
    }

    /// The cells that a rectangle touches, in order.
    pub(super) fn within(&self, rect: Rect) -> Vec<At> {
        let (from, to) = (rect.min.y, rect.max.y);
        let of = |s: usize| self.rows(s, from, to).map(move |i| (s, i));
        self.sections(from, to).flat_map(of).filter(|at| self.rect(*at).intersects(rect)).collect()
    }

    /// The cell at a point.
    pub(super) fn at(&self, point: Pos2) -> Option<At> {
        self.within(Rect::from_min_max(point, point)).into_iter().find(|at| self.rect(*at).contains(point))
    }

    /// The cell that a key leads to, and the part of its picture, of which there are `along` on a side.
    pub(super) fn step_part(&self, key: Key, at: At, (along, part): (usize, usize)) -> Option<(At, usize)> {
        let (row, column) = (part / along, part % along);
        let last = along - 1;
        match key {
            Key::ArrowRight if column < last => Some((at, part + 1)),
            Key::ArrowLeft if column > 0 => Some((at, part - 1)),
            Key::ArrowDown if row < last => Some((at, part + along)),
            Key::ArrowUp if row > 0 => Some((at, part - along)),
            _ => {
                let part = match key {
                    Key::ArrowRight => row * along,
                    Key::ArrowLeft => row * along + last,
                    Key::ArrowDown => column,
                    Key::ArrowUp => last * along + column,
                    _ => part,
                };
                self.step(key, at).map(|at| (at, part))
            }
        }
    }

    /// The cell that a key leads to.
    fn step(&self, key: Key, (s, i): At) -> Option<At> {
        let (columns, count) = (self.columns, |s: usize| self.count(s));
        let later = (s + 1..self.counts.len()).find(|&s| count(s) > 0);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three columns of 50 and two gaps of 6 fit 170, and 52 fit too; rows are 52 + 14 + 6 high.
    fn plan() -> Plan<'static> {
        Plan::new(Sizes { side: 50.0, caption: 14.0, headed: true, width: 170.0 }, &[5, 0, 2])
    }

    #[test]
    fn arrows_walk_rows_and_sections() {
        let go = |key, at| plan().step(key, at);
        assert_eq!(go(Key::ArrowRight, (0, 4)), Some((2, 0)));
        assert_eq!(go(Key::ArrowLeft, (2, 0)), Some((0, 4)));
        assert_eq!(go(Key::ArrowDown, (0, 1)), Some((0, 4)));
        assert_eq!(go(Key::ArrowDown, (0, 2)), Some((2, 1)));
        assert_eq!(go(Key::ArrowUp, (2, 1)), Some((0, 4)));
        assert_eq!(go(Key::ArrowUp, (0, 0)), None);
        assert_eq!(go(Key::End, (0, 0)), Some((0, 4)));
    }

    /// Pictures of 2×2 parts: they join at their edges.
    #[test]
    fn arrows_walk_the_parts_of_pictures() {
        let go = |key, at, part| plan().step_part(key, at, (2, part));
        assert_eq!(go(Key::ArrowRight, (0, 0), 0), Some(((0, 0), 1)));
        assert_eq!(go(Key::ArrowRight, (0, 0), 3), Some(((0, 1), 2)));
        assert_eq!(go(Key::ArrowLeft, (0, 1), 0), Some(((0, 0), 1)));
        assert_eq!(go(Key::ArrowDown, (0, 0), 1), Some(((0, 0), 3)));
        assert_eq!(go(Key::ArrowDown, (0, 0), 3), Some(((0, 3), 1)));
        assert_eq!(go(Key::ArrowUp, (0, 3), 1), Some(((0, 0), 3)));
        assert_eq!(go(Key::ArrowUp, (0, 0), 1), None);
        assert_eq!(go(Key::End, (0, 0), 2), Some(((0, 4), 2)));
    }

    #[test]
    fn a_plan_stacks_sections() {
        let plan = plan();
        assert_eq!((plan.columns, plan.side, plan.row), (3, 52.0, 72.0));
        assert_eq!(plan.tops, [0.0, 168.0, 192.0]);
        assert_eq!(plan.height, 288.0);
        assert_eq!((plan.sections(100.0, 180.0), plan.sections(200.0, 900.0)), (0..2, 2..3));
        assert_eq!((plan.rows(0, 0.0, 50.0), plan.rows(0, 97.0, 110.0)), (0..3, 3..5));
    }

    /// The rows of the first section begin at 24 and 96, that of the last one at 216; columns at 0, 58 and 116.
    #[test]
    fn a_rectangle_touches_cells_of_several_sections() {
        let plan = plan();
        let of = |x: [f32; 2], y: [f32; 2]| plan.within(Rect::from_min_max((x[0], y[0]).into(), (x[1], y[1]).into()));
        assert_eq!(of([60.0, 120.0], [30.0, 40.0]), [(0, 1), (0, 2)]);
        assert_eq!(of([60.0, 70.0], [30.0, 220.0]), [(0, 1), (0, 4), (2, 1)]);
        assert_eq!(of([53.0, 57.0], [30.0, 220.0]), [], "between two columns");
        assert_eq!(of([0.0, 170.0], [0.0, 20.0]), [], "over the heading");
        assert_eq!((plan.at(Pos2::new(117.0, 30.0)), plan.at(Pos2::new(117.0, 100.0))), (Some((0, 2)), None));
    }
}
