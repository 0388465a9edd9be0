//! Which patch goes to which cell of which distilled image, and how big the cells are (RDED's stitching).

/// One cell of the f×f grid of a distilled image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// First row.
    pub top: u32,
    /// First column.
    pub left: u32,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
}

/// The f² cells of a `side`×`side` image in row-major order: side ÷ f, and one more for the first `side mod f` rows
/// and columns (side 224, f = 3: 75, 75, 74).
#[must_use]
pub fn cells(side: u32, factor: u32) -> Vec<Cell> {
    let spans: Vec<(u32, u32)> = (0..factor)
        .scan(0, |start, i| {
            let length = side / factor + u32::from(i < side % factor);
            let span = (*start, length);
            *start += length;
            Some(span)
        })
        .collect();
    let rows = spans.iter();
    rows.flat_map(|&(top, height)| spans.iter().map(move |&(left, width)| Cell { top, left, height, width })).collect()
}

/// Side of the patches that are scored and stitched: side ÷ f, rounded down.
#[must_use]
pub fn patch_side(side: u32, factor: u32) -> u32 {
    side / factor
}

/// The rank (0 = best) of the patch in cell `cell` of distilled image `image`: ranks k·IPC … k·IPC+IPC−1 go to cell k.
#[must_use]
pub fn rank_of(cell: usize, image: usize, ipc: usize) -> usize {
    cell * ipc + image
}

/// The cell and the distilled image that hold rank `rank`.
#[must_use]
pub fn place_of(rank: usize, ipc: usize) -> (usize, usize) {
    (rank / ipc, rank % ipc)
}

/// Nearest-neighbour source index of `dst` when `from` pixels become `to`, as PyTorch's `nearest` finds it.
#[must_use]
pub fn nearest(dst: u32, from: u32, to: u32) -> u32 {
    let source = u64::from(dst) * u64::from(from) / u64::from(to.max(1));
    (source as u32).min(from.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_tile_the_image() {
        let widths: Vec<_> = cells(224, 3).iter().take(3).map(|c| (c.left, c.width)).collect();
        assert_eq!(widths, [(0, 75), (75, 75), (150, 74)]);
        for (side, factor) in [(32, 1), (32, 3), (64, 5), (7, 4)] {
            let all = cells(side, factor);
            assert_eq!(all.len() as u32, factor * factor);
            assert_eq!(all.iter().map(|c| c.height * c.width).sum::<u32>(), side * side);
        }
    }

    #[test]
    fn ranks_fill_cell_after_cell() {
        // IPC 3, f = 2: image 1 = ranks 1, 4, 7, 10.
        assert_eq!((0..4).map(|k| rank_of(k, 1, 3)).collect::<Vec<_>>(), [1, 4, 7, 10]);
        assert_eq!(place_of(7, 3), (2, 1));
    }

    #[test]
    fn nearest_follows_the_spec() {
        assert_eq!((0..4).map(|d| nearest(d, 224, 112)).collect::<Vec<_>>(), [0, 2, 4, 6]);
        assert_eq!((0..4).map(|d| nearest(d, 74, 75)).collect::<Vec<_>>(), [0, 0, 1, 2]);
    }
}
