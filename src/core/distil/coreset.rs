//! Which rows stand for all of them: the baselines that distilled sets are measured against (RDED, Tables 7 and 9). Rows are
//! features of one class's images, or of its key patches; what features is the caller's choice.

use crate::core::rng::Stream;

/// Rows of features, one after another.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// count×dims values.
    pub values: &'a [f32],
    /// Values per row.
    pub dims: usize,
}

impl<'a> Rows<'a> {
    /// Number of rows.
    #[must_use]
    pub fn count(self) -> usize {
        self.values.len() / self.dims.max(1)
    }

    fn row(self, i: usize) -> &'a [f32] {
        &self.values[i * self.dims..(i + 1) * self.dims]
    }
}

/// `k` of `count` rows, uniformly without replacement; fewer rows give all. A smaller `k` gives a prefix. `class` keeps
/// classes of one size from giving the same positions.
#[must_use]
pub fn random(seed: u64, class: &str, count: usize, k: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    Stream::new("stillroom 2026 random coreset v1", seed, &[class.as_bytes()]).shuffle(&mut order);
    order.truncate(k);
    order
}

/// Herding (Welling 2009, as in IDC's code): each pick brings the sum of the picks closest to that many times the mean.
/// Features aren't normalised. Ties go to the lower row; fewer rows give all; a smaller `k` gives a prefix.
#[must_use]
pub fn herding(rows: Rows<'_>, k: usize) -> Vec<usize> {
    let count = rows.count();
    let mean = mean(rows, 0..count);
    // (k + 1)·μ − Σ chosen
    let mut wanted = vec![0.0; rows.dims];
    let mut picked: Vec<usize> = Vec::new();
    let mut left: Vec<usize> = (0..count).collect();
    while picked.len() < k && !left.is_empty() {
        wanted.iter_mut().zip(&mean).for_each(|(w, m)| *w += m);
        let at = nearest(left.iter().map(|&i| distance(&wanted, rows.row(i))));
        let pick = left.remove(at);
        wanted.iter_mut().zip(rows.row(pick)).for_each(|(w, &v)| *w -= f64::from(v));
        picked.push(pick);
    }
    picked
}

/// Times that k-means starts anew; the tightest result is taken.
const RESTARTS: u32 = 10;
/// Passes after which k-means stops even if rows still change sides (scikit-learn's number).
const PASSES: usize = 300;

/// The real rows nearest to the `k` centres of k-means (k-means++ by Arthur and Vassilvitskii 2007, ten restarts, Lloyd's
/// passes until no row changes sides), each row once, largest cluster first. Ties go to the lower row; fewer rows give
/// all.
#[must_use]
pub fn kmeans(rows: Rows<'_>, k: usize, seed: u64, class: &str) -> Vec<usize> {
    tightest(rows, k.min(rows.count()), seed, class).map_or_else(Vec::new, |clusters| clusters.representatives(rows))
}

/// The best of the restarts; `None` for no clusters.
fn tightest(rows: Rows<'_>, k: usize, seed: u64, class: &str) -> Option<Clusters> {
    let restarts = if k > 0 { RESTARTS } else { 0 };
    let found = (0..restarts).map(|restart| {
        let parts = [class.as_bytes(), &restart.to_le_bytes()];
        let mut stream = Stream::new("stillroom 2026 k-means v1", seed, &parts);
        lloyd(rows, first_centres(rows, k, &mut stream))
    });
    found.reduce(|best, next| if next.spread() < best.spread() { next } else { best })
}

/// Centres, and of each row the nearest of them with its squared distance.
struct Clusters {
    centres: Vec<Vec<f64>>,
    nearest: Vec<(usize, f64)>,
}

impl Clusters {
    /// The sum that k-means makes small.
    fn spread(&self) -> f64 {
        self.nearest.iter().map(|(_, d)| d).sum()
    }

    fn members(&self, centre: usize) -> impl Iterator<Item = usize> + Clone {
        self.nearest.iter().enumerate().filter(move |(_, (c, _))| *c == centre).map(|(i, _)| i)
    }

    fn representatives(&self, rows: Rows<'_>) -> Vec<usize> {
        let mut order: Vec<(usize, usize)> = (0..self.centres.len()).map(|c| (self.members(c).count(), c)).collect();
        // Of equals the one that holds the lower row, so that the order doesn't hang on how the centres are numbered.
        order.sort_by_key(|&(size, c)| (std::cmp::Reverse(size), self.members(c).next()));
        let mut left: Vec<usize> = (0..rows.count()).collect();
        let nearest_left = |(_, c): (usize, usize)| {
            let at = nearest(left.iter().map(|&i| distance(&self.centres[c], rows.row(i))));
            left.remove(at)
        };
        order.into_iter().map(nearest_left).collect()
    }
}

/// k-means++: each further centre is a row drawn in proportion to its squared distance from the centres so far.
fn first_centres(rows: Rows<'_>, k: usize, stream: &mut Stream) -> Vec<Vec<f64>> {
    let centre = |i: usize| rows.row(i).iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
    let mut centres = vec![centre(stream.below(rows.count() as u64) as usize)];
    let mut squares = vec![f64::INFINITY; rows.count()];
    while centres.len() < k {
        let newest = &centres[centres.len() - 1];
        squares.iter_mut().enumerate().for_each(|(i, s)| *s = s.min(distance(newest, rows.row(i))));
        let mut target = stream.unit() * squares.iter().sum::<f64>();
        let drawn = squares.iter().position(|s| {
            target -= s;
            target < 0.0
        });
        // Rounding may run past the end; where all rows are centres already, any will do.
        let farthest = || nearest(squares.iter().map(|s| -s));
        centres.push(centre(drawn.unwrap_or_else(farthest)));
    }
    centres
}

fn lloyd(rows: Rows<'_>, mut centres: Vec<Vec<f64>>) -> Clusters {
    let mut now = assigned(rows, &centres);
    for _ in 0..PASSES {
        let clusters = Clusters { centres, nearest: now };
        let sizes: Vec<usize> = (0..clusters.centres.len()).map(|c| clusters.members(c).count()).collect();
        // A centre that lost all its rows moves to the row that is worst off, as in scikit-learn.
        let mut worst: Vec<usize> = (0..rows.count()).collect();
        worst.sort_by(|&a, &b| clusters.nearest[b].1.total_cmp(&clusters.nearest[a].1));
        let mut worst = worst.into_iter();
        let moved = sizes.iter().enumerate().map(|(c, &size)| match size {
            0 => worst.next().map_or_else(Vec::new, |i| mean(rows, std::iter::once(i))),
            _ => mean(rows, clusters.members(c)),
        });
        centres = moved.collect();
        let next = assigned(rows, &centres);
        let settled = next.iter().zip(&clusters.nearest).all(|(a, b)| a.0 == b.0);
        now = next;
        if settled {
            break;
        }
    }
    Clusters { centres, nearest: now }
}

fn assigned(rows: Rows<'_>, centres: &[Vec<f64>]) -> Vec<(usize, f64)> {
    let of = |i| {
        let distances: Vec<f64> = centres.iter().map(|c| distance(c, rows.row(i))).collect();
        let c = nearest(distances.iter().copied());
        (c, distances[c])
    };
    (0..rows.count()).map(of).collect()
}

/// The mean of some rows; nothing has the mean 0.
fn mean(rows: Rows<'_>, of: impl Iterator<Item = usize>) -> Vec<f64> {
    let (mut sum, mut count) = (vec![0.0; rows.dims], 0_u32);
    for i in of {
        sum.iter_mut().zip(rows.row(i)).for_each(|(s, &v)| *s += f64::from(v));
        count += 1;
    }
    sum.iter_mut().for_each(|s| *s /= f64::from(count.max(1)));
    sum
}

/// Squared Euclidean distance.
fn distance(point: &[f64], row: &[f32]) -> f64 {
    // Eight sums, so that the compiler may use vectors: f64 addition isn't associative.
    let mut sums = [0.0_f64; 8];
    let (points, rows) = (point.chunks_exact(8), row.chunks_exact(8));
    let rest: f64 = points.remainder().iter().zip(rows.remainder()).map(|(p, &v)| (p - f64::from(v)).powi(2)).sum();
    for (p, v) in points.zip(rows) {
        for ((sum, p), &v) in sums.iter_mut().zip(p).zip(v) {
            let error = p - f64::from(v);
            *sum += error * error;
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// The position of the least value, the first of equals; NaN loses. 0 for nothing.
fn nearest(values: impl Iterator<Item = f64>) -> usize {
    let mut best = (0, f64::NAN);
    for (i, v) in values.enumerate() {
        if v < best.1 || (best.1.is_nan() && !v.is_nan()) {
            best = (i, v);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Herded {
        dims: usize,
        rows: Vec<f32>,
        picked: Vec<usize>,
    }

    /// ResNet-20's features of 60 real images, and PyTorch's order (`tests/fixtures/herding.py`).
    #[test]
    fn herding_picks_as_pytorch_does() {
        let fixture: Herded = serde_json::from_str(include_str!("../../../tests/fixtures/herding.json")).unwrap();
        let rows = Rows { values: &fixture.rows, dims: fixture.dims };
        assert_eq!((rows.count(), fixture.picked.len()), (60, 10));
        assert_eq!(herding(rows, 10), fixture.picked);
        assert_eq!(herding(rows, 3), fixture.picked[..3]);
        let mut all = herding(rows, 99);
        all.sort_unstable();
        assert!(all.into_iter().eq(0..60));
    }

    #[test]
    fn herding_by_hand() {
        // Mean 3: 2 and 4 are as near, the lower row wins; 6 − 2 asks for 4; 9 − 6 asks for 3, 0 and 6 are as near.
        let rows = Rows { values: &[0.0, 2.0, 4.0, 6.0], dims: 1 };
        assert_eq!(herding(rows, 3), [1, 2, 0]);
    }

    #[test]
    fn random_rows_are_prefixes_and_differ_between_classes() {
        let of = |class, k| random(4, class, 500, k);
        assert_eq!(of("cat", 10), of("cat", 50)[..10]);
        assert_ne!(of("cat", 10), of("dog", 10));
        let mut all = of("cat", 999);
        all.sort_unstable();
        assert!(all.into_iter().eq(0..500));
    }

    fn points(seed: u64, count: usize) -> Vec<f32> {
        let mut stream = Stream::new("stillroom 2026 test", seed, &[]);
        (0..2 * count).map(|_| stream.normal() as f32).collect()
    }

    /// The least spread of all ways to divide nine points in three.
    fn least_spread(rows: Rows<'_>) -> f64 {
        let spread = |code: usize| {
            let side: Vec<usize> = (0..9).map(|i| code / 3_usize.pow(i) % 3).collect();
            let of = |c| (0..9).filter(|&i| side[i] == c).collect::<Vec<_>>();
            let within = |members: Vec<usize>| {
                let centre = mean(rows, members.iter().copied());
                members.iter().map(|&i| distance(&centre, rows.row(i))).sum::<f64>()
            };
            (0..3).map(|c| within(of(c))).sum::<f64>()
        };
        (0..3_usize.pow(9)).map(spread).fold(f64::INFINITY, f64::min)
    }

    /// Ten restarts are no promise, but few points leave little room to miss.
    #[test]
    fn kmeans_divides_few_points_as_well_as_can_be() {
        let mut exact = 0;
        for seed in 0..8 {
            let values = points(seed, 9);
            let rows = Rows { values: &values, dims: 2 };
            let (found, least) = (tightest(rows, 3, 1, "cat").unwrap().spread(), least_spread(rows));
            assert!(found >= least - 1e-9 && found <= 1.05 * least, "seed {seed}: {found}, possible {least}");
            exact += u32::from(found < least + 1e-9);
        }
        assert!(exact >= 6, "{exact} of 8");
    }

    #[test]
    fn kmeans_takes_the_middle_of_each_heap_and_the_largest_first() {
        let heap = |x: f32, size: usize| (0..size).flat_map(move |i| [x, (i as f32 - size as f32 / 2.0).abs() / 100.0]);
        // Rows 0–4, 5–13 and 14–20; the mean's nearest rows are found by hand from |i − size/2|.
        let values: Vec<f32> = heap(0.0, 5).chain(heap(50.0, 9)).chain(heap(100.0, 7)).collect();
        let rows = Rows { values: &values, dims: 2 };
        let picked = kmeans(rows, 3, 1, "cat");
        assert_eq!(picked.iter().map(|&i| (values[2 * i] / 50.0) as u32).collect::<Vec<_>>(), [1, 2, 0]);
        assert_eq!(picked, kmeans(rows, 3, 1, "cat"));
        // Heights 2.5, 1.5, .5, .5, 1.5 have the mean 1.3: row 1 is nearest.
        assert_eq!(picked[2], 1);
    }

    #[test]
    fn equal_rows_few_rows_and_broken_rows_are_no_trouble() {
        let same = [1.0; 8];
        let mut picked = kmeans(Rows { values: &same, dims: 2 }, 3, 0, "cat");
        picked.sort_unstable();
        picked.dedup();
        assert_eq!(picked.len(), 3);
        assert_eq!(kmeans(Rows { values: &same, dims: 2 }, 9, 0, "cat").len(), 4);
        assert!(kmeans(Rows { values: &[], dims: 2 }, 3, 0, "cat").is_empty());
        assert!(herding(Rows { values: &[], dims: 0 }, 3).is_empty());
        let broken = [1.0, f32::NAN, 2.0, f32::INFINITY, 3.0];
        assert_eq!(kmeans(Rows { values: &broken, dims: 1 }, 2, 0, "cat").len(), 2);
        assert_eq!(herding(Rows { values: &broken, dims: 1 }, 5).len(), 5);
    }
}
