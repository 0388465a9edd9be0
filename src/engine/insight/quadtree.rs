//! The repulsion of t-SNE by a quadtree (Barnes and Hut 1986; van der Maaten 2014, section 4.2): cells that are far away
//! count as one point in their middle.

/// Points that a cell holds before it is divided.
const BUCKET: usize = 8;
/// Divisions at most; points that still share a cell are all but the same.
const DEPTH: u32 = 48;

/// A tree over points of a plane. Cells lie in the order of a walk from the root, each followed by what is in it.
#[derive(Debug, Default)]
pub struct Quadtree {
    cells: Vec<Cell>,
    /// The points, those of a cell together, with their positions.
    points: Vec<(u32, [f64; 2])>,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    /// Mean of its points.
    middle: [f64; 2],
    /// Square of its side.
    area: f64,
    /// Its points: from here to `end`.
    start: u32,
    end: u32,
    /// The cell that follows all that is in this one; for a leaf, the next.
    next: u32,
    leaf: bool,
}

/// What all other points do to one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Repulsion {
    /// Σⱼ wᵢⱼ²·(yᵢ − yⱼ) with w = 1 / (1 + ‖yᵢ − yⱼ‖²).
    pub force: [f64; 2],
    /// Σⱼ wᵢⱼ.
    pub weight: f64,
}

impl Repulsion {
    fn add(&mut self, [x, y]: [f64; 2], squared: f64, points: f64) {
        let w = 1.0 / (1.0 + squared);
        self.weight += points * w;
        self.force[0] += points * w * w * x;
        self.force[1] += points * w * w * y;
    }
}

/// A square: its middle, and half its side.
#[derive(Clone, Copy)]
struct Square {
    centre: [f64; 2],
    half: f64,
}

impl Quadtree {
    /// Builds the tree of `positions` (at most 2³²) anew, in the memory of the last one.
    pub fn build(&mut self, positions: &[[f64; 2]]) {
        self.cells.clear();
        self.points.clear();
        self.points.extend((0..).zip(positions.iter().copied()));
        if positions.is_empty() {
            return;
        }
        let bounds = |axis: usize| {
            let values = positions.iter().map(|p| p[axis]);
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
        };
        let ((left, right), (bottom, top)) = (bounds(0), bounds(1));
        let centre = [f64::midpoint(left, right), f64::midpoint(bottom, top)];
        self.divide(0, positions.len(), Square { centre, half: (right - left).max(top - bottom) / 2.0 }, 0);
    }

    fn divide(&mut self, start: usize, end: usize, square: Square, depth: u32) {
        let points = &mut self.points[start..end];
        let mut middle = [0.0; 2];
        points.iter().for_each(|(_, p)| (middle[0], middle[1]) = (middle[0] + p[0], middle[1] + p[1]));
        middle = middle.map(|sum| sum / points.len() as f64);
        let leaf = points.len() <= BUCKET || depth == DEPTH;
        let at = self.cells.len();
        let area = (2.0 * square.half).powi(2);
        self.cells.push(Cell { middle, area, start: start as u32, end: end as u32, next: 0, leaf });
        if !leaf {
            let quarter = |(_, p): &(u32, [f64; 2])| (p[1] > square.centre[1], p[0] > square.centre[0]);
            // Stable, so the order within a cell is that of the points.
            points.sort_by_key(quarter);
            let sizes: Vec<((bool, bool), usize)> =
                points.chunk_by(|a, b| quarter(a) == quarter(b)).map(|c| (quarter(&c[0]), c.len())).collect();
            let half = square.half / 2.0;
            let mut first = start;
            for ((up, right), size) in sizes {
                let shift = |positive: bool| if positive { half } else { -half };
                let centre = [square.centre[0] + shift(right), square.centre[1] + shift(up)];
                self.divide(first, first + size, Square { centre, half }, depth + 1);
                first += size;
            }
        }
        self.cells[at].next = self.cells.len() as u32;
    }

    /// What all other points do to point `i` at `position`. A cell of side s at distance d counts as one point where
    /// s < `angle`·d; with `angle` 0 the sum is exact.
    #[must_use]
    pub fn repulsion(&self, i: usize, position: [f64; 2], angle: f64) -> Repulsion {
        let mut sum = Repulsion::default();
        let mut at = 0;
        while let Some(cell) = self.cells.get(at) {
            let (apart, squared) = apart(position, cell.middle);
            if cell.area < angle * angle * squared {
                sum.add(apart, squared, f64::from(cell.end - cell.start));
                at = cell.next as usize;
            } else if cell.leaf {
                for &(j, other) in &self.points[cell.start as usize..cell.end as usize] {
                    if j as usize != i {
                        let (apart, squared) = self::apart(position, other);
                        sum.add(apart, squared, 1.0);
                    }
                }
                at = cell.next as usize;
            } else {
                at += 1;
            }
        }
        sum
    }
}

fn apart(from: [f64; 2], to: [f64; 2]) -> ([f64; 2], f64) {
    let (x, y) = (from[0] - to[0], from[1] - to[1]);
    ([x, y], x * x + y * y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::rng::Stream;

    fn exact(positions: &[[f64; 2]], i: usize) -> Repulsion {
        let mut sum = Repulsion::default();
        for (_, &other) in positions.iter().enumerate().filter(|&(j, _)| j != i) {
            let (apart, squared) = apart(positions[i], other);
            sum.add(apart, squared, 1.0);
        }
        sum
    }

    fn off(a: Repulsion, b: Repulsion) -> f64 {
        let of = |r: Repulsion| [r.force[0], r.force[1], r.weight];
        of(a).iter().zip(of(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn two_points_by_hand() {
        let positions = [[0.0, 0.0], [2.0, 1.0]];
        let mut tree = Quadtree::default();
        tree.build(&positions);
        // w = 1/6.
        let found = tree.repulsion(0, positions[0], 0.5);
        assert!(off(found, Repulsion { force: [-2.0 / 36.0, -1.0 / 36.0], weight: 1.0 / 6.0 }) < 1e-16);
    }

    #[test]
    fn angle_zero_is_exact_and_half_is_close() {
        let mut stream = Stream::new("stillroom 2026 test", 2, &[]);
        let positions: Vec<[f64; 2]> = (0..700).map(|_| [stream.normal() * 20.0, stream.normal() * 5.0]).collect();
        let mut tree = Quadtree::default();
        tree.build(&positions[..9]);
        tree.build(&positions);
        for i in (0..700).step_by(50) {
            let expected = exact(&positions, i);
            assert!(off(tree.repulsion(i, positions[i], 0.0), expected) < 1e-10);
            let near = tree.repulsion(i, positions[i], 0.5);
            assert!((near.weight / expected.weight - 1.0).abs() < 0.02, "{near:?} {expected:?}");
        }
    }

    #[test]
    fn equal_points_end() {
        let mut positions = vec![[1.0, 1.0]; 40];
        positions.push([4.0, 5.0]);
        let mut tree = Quadtree::default();
        tree.build(&positions);
        let found = tree.repulsion(3, positions[3], 0.5);
        assert!(off(found, exact(&positions, 3)) < 1e-12);
        assert!((found.weight - (39.0 + 1.0 / 26.0)).abs() < 1e-12);
        tree.build(&[]);
        assert_eq!(tree.repulsion(0, [0.0; 2], 0.5), Repulsion::default());
    }
}
