//! Linear maps of whole batches of planes along rows and columns, with their transposes: crops that are resized, mirrored
//! and rolled round, and cells that are enlarged. What a network's gradient says of what it was shown goes back through
//! them to the pixels (CDA calls it "ReverseRandomResizedCrop").

use rayon::prelude::*;

use crate::core::distil::compose::Cell;
use crate::core::distil::patch::CropBox;
use crate::core::distil::recovery::Draw;
use crate::engine::images::resize::Axis;

/// For each place of one axis, where it is taken from and with which weights.
#[derive(Clone, Debug)]
struct Taps {
    first: Vec<usize>,
    weights: Vec<Vec<f32>>,
}

impl Taps {
    /// `length` places from `start` on, spread over `side` by half-pixel bilinear interpolation, antialiased.
    fn resized((start, length): (u32, u32), side: usize) -> Self {
        let axis = Axis::new(length, side as u64, 0, side as u32);
        let (mut first, mut weights) = (Vec::with_capacity(side), Vec::with_capacity(side));
        for i in 0..side {
            let (from, by) = axis.tap(i);
            first.push(start as usize + from);
            weights.push(by.iter().map(|&w| w as f32).collect());
        }
        Self { first, weights }
    }

    fn mirrored(mut self) -> Self {
        self.first.reverse();
        self.weights.reverse();
        self
    }

    /// What lay at place i lies at place i + `by`, round the end.
    fn rolled(mut self, by: i32) -> Self {
        let by = by.rem_euclid(self.first.len().max(1) as i32) as usize;
        self.first.rotate_right(by);
        self.weights.rotate_right(by);
        self
    }

    fn each(&self) -> impl Iterator<Item = (usize, usize, f32)> {
        let taps = self.first.iter().zip(&self.weights).enumerate();
        taps.flat_map(|(to, (&first, weights))| weights.iter().enumerate().map(move |(k, &w)| (to, first + k, w)))
    }
}

/// A map from planes of `from`×`from` values to planes of another side.
#[derive(Clone, Debug)]
pub struct View {
    from: usize,
    rows: Taps,
    columns: Taps,
}

impl View {
    /// What a step of a recovery shows of images of this side: the crop at the full side, mirrored or not, rolled round.
    #[must_use]
    pub fn of(draw: &Draw, side: usize) -> Self {
        let CropBox { top, left, height, width } = draw.crop;
        let columns = Taps::resized((left, width), side);
        let columns = if draw.mirrored { columns.mirrored() } else { columns };
        let rows = Taps::resized((top, height), side);
        Self { from: side, rows: rows.rolled(draw.rolled.0), columns: columns.rolled(draw.rolled.1) }
    }

    /// A cell of images of side `from`, enlarged to `side`.
    #[must_use]
    pub fn of_cell(cell: Cell, from: usize, side: usize) -> Self {
        let Cell { top, left, height, width } = cell;
        Self { from, rows: Taps::resized((top, height), side), columns: Taps::resized((left, width), side) }
    }

    fn to(&self) -> usize {
        self.rows.first.len()
    }

    /// The planes as they are seen.
    ///
    /// # Panics
    /// Never: what is left over of a plane is left out.
    #[must_use]
    pub fn apply(&self, planes: &[f32]) -> Vec<f32> {
        let (from, to) = (self.from, self.to());
        let mut seen = vec![0.0; planes.len() / (from * from).max(1) * to * to];
        seen.par_chunks_exact_mut((to * to).max(1)).zip(planes.par_chunks_exact((from * from).max(1))).for_each(
            |(seen, plane)| {
                let mut wide = vec![0.0; from * to];
                for (wide, row) in wide.chunks_exact_mut(to.max(1)).zip(plane.chunks_exact(from)) {
                    self.columns.each().for_each(|(x, at, w)| wide[x] += w * row[at]);
                }
                for (y, at, w) in self.rows.each() {
                    let row = &wide[at * to..(at + 1) * to];
                    seen[y * to..(y + 1) * to].iter_mut().zip(row).for_each(|(s, v)| *s += w * v);
                }
            },
        );
        seen
    }

    /// The transpose: adds to `pulled` what a gradient of what is seen says of the planes.
    pub fn pull_back(&self, gradient: &[f32], pulled: &mut [f32]) {
        let (from, to) = (self.from, self.to());
        let chunks = pulled.par_chunks_exact_mut((from * from).max(1)).zip(gradient.par_chunks_exact((to * to).max(1)));
        chunks.for_each(|(plane, gradient)| {
            let mut wide = vec![0.0; from * to];
            for (y, at, w) in self.rows.each() {
                let row = &gradient[y * to..(y + 1) * to];
                wide[at * to..(at + 1) * to].iter_mut().zip(row).for_each(|(s, v)| *s += w * v);
            }
            for (wide, row) in wide.chunks_exact(to.max(1)).zip(plane.chunks_exact_mut(from)) {
                self.columns.each().for_each(|(x, at, w)| row[at] += w * wide[x]);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Draw =
        Draw { crop: CropBox { top: 0, left: 0, height: 4, width: 4 }, mirrored: false, rolled: (0, 0) };

    fn numbered() -> Vec<f32> {
        (0..16).map(|i| i as f32).collect()
    }

    /// Rolled by one row down and two columns right, as `torch.roll(x, (1, 2), (2, 3))` does.
    #[test]
    fn rolls_go_round() {
        let seen = View::of(&Draw { rolled: (1, 2), ..WHOLE }, 4).apply(&numbered());
        assert_eq!(seen, [14., 15., 12., 13., 2., 3., 0., 1., 6., 7., 4., 5., 10., 11., 8., 9.]);
        let back = View::of(&Draw { rolled: (-1, -2), ..WHOLE }, 4).apply(&seen);
        assert_eq!(back, numbered());
    }

    /// Columns 1 and 2 of rows 0 and 1, enlarged: half-pixel positions −¼, ¼, ¾, 1¼ of two pixels.
    #[test]
    fn crops_are_enlarged_then_mirrored() {
        let crop = CropBox { top: 0, left: 1, height: 2, width: 2 };
        let seen = View::of(&Draw { crop, ..WHOLE }, 4).apply(&numbered());
        assert_eq!(seen[..4], [1.0, 1.25, 1.75, 2.0]);
        assert_eq!(seen[4..8], [2.0, 2.25, 2.75, 3.0]);
        let mirrored = View::of(&Draw { crop, mirrored: true, ..WHOLE }, 4).apply(&numbered());
        assert_eq!(mirrored[..4], [2.0, 1.75, 1.25, 1.0]);
        let cell = View::of_cell(Cell { top: 2, left: 2, height: 2, width: 2 }, 4, 4).apply(&numbered());
        assert_eq!(cell[..4], [10.0, 10.25, 10.75, 11.0]);
    }

    /// ⟨A·x, y⟩ = ⟨x, Aᵀ·y⟩, and the finite differences of ½‖A·x‖² are Aᵀ·A·x.
    #[test]
    fn gradients_go_back_the_same_way() {
        let value = |i: usize, by: f32| ((i as f32 * by).sin() * 3.0).round() / 2.0;
        let draw = Draw { crop: CropBox { top: 1, left: 0, height: 5, width: 3 }, mirrored: true, rolled: (2, -1) };
        let view = View::of(&draw, 7);
        let x: Vec<f32> = (0..2 * 49).map(|i| value(i, 1.7)).collect();
        let y: Vec<f32> = (0..2 * 49).map(|i| value(i, 2.3)).collect();
        let pulled = |y: &[f32]| {
            let mut pulled = vec![0.0; x.len()];
            view.pull_back(y, &mut pulled);
            pulled
        };
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        assert!((product(&view.apply(&x), &y) - product(&x, &pulled(&y))).abs() < 1e-4);
        let energy = |x: &[f32]| product(&view.apply(x), &view.apply(x)) / 2.0;
        let gradient = pulled(&view.apply(&x));
        for at in [0, 8, 17, 52] {
            let moved = |by: f32| {
                let mut x = x.clone();
                x[at] += by;
                energy(&x)
            };
            let slope = (moved(0.25) - moved(-0.25)) / 0.5;
            assert!((slope - f64::from(gradient[at])).abs() < 1e-3, "{at}: {slope}, {}", gradient[at]);
        }
    }
}
