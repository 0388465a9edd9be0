//! The random changes of training images, as data: what is drawn is named by (seed, epoch, image) or (seed, epoch,
//! batch), so that a resumed run repeats it and stored labels can say what they belong to.

use super::recipe::{Cropping, Mixing, TrainRecipe};
use crate::core::distil::patch::{CropBox, random_resized_crop};
use crate::core::rng::Stream;

/// What is done to one image before it joins a batch, in this order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageDraw {
    /// ShufflePatches: column strip i of the result is strip `columns[i]` of the image; empty: none.
    pub columns: Vec<u8>,
    /// The same for row strips, afterwards.
    pub rows: Vec<u8>,
    /// The box that is resized to the input; with [`super::recipe::Cropping::Padded`] in pixels of the padded image.
    pub crop: CropBox,
    /// Mirrored left to right after the crop.
    pub mirrored: bool,
}

/// What is mixed into a batch.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mix {
    /// Nothing.
    None,
    /// The box of image `partners[i]` (of the unmixed batch) replaces that of image i.
    CutMix {
        /// One per image.
        partners: Vec<u32>,
        /// λ as drawn.
        lambda: f64,
        /// The box, in input pixels; may be empty.
        bbox: CropBox,
    },
    /// λ·x + (1 − λ)·x[partners].
    MixUp {
        /// One per image.
        partners: Vec<u32>,
        /// λ.
        lambda: f64,
    },
}

/// What names a draw: the same three give the same numbers, whatever was drawn before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct DrawId {
    /// Seed of the training.
    pub seed: u64,
    /// Epoch, from 0.
    pub epoch: u32,
    /// Which image of the dataset, or which batch of the epoch.
    pub number: u32,
}

impl DrawId {
    /// The stream of this draw for one purpose. Each purpose has its own, so that switching one augmentation on or off
    /// leaves the others as they are.
    pub(super) fn stream(self, purpose: &'static str) -> Stream {
        Stream::new(purpose, self.seed, &[&self.epoch.to_le_bytes(), &self.number.to_le_bytes()])
    }
}

/// The order in which an epoch visits `count` images.
#[must_use]
pub fn epoch_order(seed: u64, epoch: u32, count: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count).collect();
    Stream::new("stillroom 2026 epoch order v1", seed, &[&epoch.to_le_bytes()]).shuffle(&mut order);
    order
}

impl ImageDraw {
    /// Draws for the image `id.number` of `size` = (width, height) pixels, of which the network sees `side`×`side`.
    #[must_use]
    pub fn new(id: DrawId, size: (u32, u32), recipe: &TrainRecipe, side: u32) -> Self {
        let (columns, rows) = shuffled_strips(id, recipe.shuffle);
        let mut stream = id.stream("stillroom 2026 student crop v1");
        let crop = match recipe.cropping {
            Cropping::Whole => CropBox::whole(size.0, size.1),
            Cropping::Cells(_) if recipe.decode_first => CropBox::whole(size.0, size.1),
            Cropping::Cells(factor) => cell_or_whole(&mut stream, size, factor),
            Cropping::Resized(range) => random_resized_crop(&mut stream, size, range),
            Cropping::Padded(border) => {
                let places = 2 * u64::from(border) + 1;
                let (top, left) = (stream.below(places) as u32, stream.below(places) as u32);
                CropBox { top, left, height: side, width: side }
            }
        };
        let mirrored = recipe.flip && id.stream("stillroom 2026 student flip v1").below(2) == 1;
        Self { columns, rows, crop, mirrored }
    }
}

/// One of the `factor`² cells, or with probability 1/`factor`² the whole image; that, too, where a cell would be empty.
fn cell_or_whole(stream: &mut Stream, (width, height): (u32, u32), factor: u32) -> CropBox {
    let cells = u64::from(factor) * u64::from(factor);
    let of_a_cell = (height.checked_div(factor).unwrap_or(0), width.checked_div(factor).unwrap_or(0));
    if of_a_cell.0 == 0 || of_a_cell.1 == 0 || stream.below(cells) == 0 {
        return CropBox::whole(width, height);
    }
    let (row, column) = (stream.below(u64::from(factor)) as u32, stream.below(u64::from(factor)) as u32);
    CropBox { top: row * of_a_cell.0, left: column * of_a_cell.1, height: of_a_cell.0, width: of_a_cell.1 }
}

/// Orders of column strips and of row strips; empty where there is one strip only.
fn shuffled_strips(id: DrawId, strips: u32) -> (Vec<u8>, Vec<u8>) {
    if strips <= 1 {
        return (Vec::new(), Vec::new());
    }
    let mut stream = id.stream("stillroom 2026 student strips v1");
    let mut order = || {
        let mut order: Vec<u8> = (0..strips.min(255) as u8).collect();
        stream.shuffle(&mut order);
        order
    };
    (order(), order())
}

/// Where the strips of a side of `length` pixels lie: start and width of each. All are `length` ÷ `strips` wide; the
/// last takes the remainder (RDED's ShufflePatches: these are not the cells of a stitched image).
#[must_use]
pub fn strips(length: u32, strips: u32) -> Vec<(u32, u32)> {
    let width = length / strips.max(1);
    let width_of = |i| if i + 1 == strips { length - width * i } else { width };
    (0..strips).map(|i| (i * width, width_of(i))).collect()
}

impl Mix {
    /// Draws for a batch of `count` images of `side`×`side`: partners first, then λ, then the box's centre
    /// (CutMix, Yun et al. 2019; mixup, Zhang et al. 2018).
    #[must_use]
    pub fn new(id: DrawId, count: u32, side: u32, mixing: Mixing) -> Self {
        let mut stream = id.stream("stillroom 2026 mix v1");
        let mut partners: Vec<u32> = (0..count).collect();
        stream.shuffle(&mut partners);
        match mixing {
            Mixing::None => Self::None,
            Mixing::CutMix => {
                let lambda = stream.unit(); // Beta(1, 1)
                let row = stream.below(u64::from(side)) as u32;
                let column = stream.below(u64::from(side)) as u32;
                Self::CutMix { partners, lambda, bbox: cutmix_box(side, lambda, (row, column)) }
            }
            Mixing::MixUp { alpha } => Self::MixUp { partners, lambda: stream.beta(alpha, alpha) },
        }
    }
}

/// CutMix's box on `side`×`side` pixels: edges of int(side·√(1 − λ)) around `centre` = (row, column), cut off at the
/// border; the share that is left is not λ any more.
#[must_use]
pub fn cutmix_box(side: u32, lambda: f64, centre: (u32, u32)) -> CropBox {
    let half = (f64::from(side) * (1.0 - lambda).max(0.0).sqrt()) as u32 / 2;
    let along = |c: u32| {
        let start = c.saturating_sub(half).min(side);
        (start, c.saturating_add(half).min(side) - start)
    };
    let ((top, height), (left, width)) = (along(centre.0), along(centre.1));
    CropBox { top, left, height, width }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::distil::patch::CropRange;
    use crate::core::fixtures;

    const ID: DrawId = DrawId { seed: 7, epoch: 3, number: 12 };

    fn recipe() -> TrainRecipe {
        let range = CropRange { scale: (0.25, 1.0), ratio: (0.75, 4.0 / 3.0) };
        TrainRecipe { shuffle: 2, cropping: Cropping::Resized(range), ..TrainRecipe::default() }
    }

    #[test]
    fn cutmix_boxes_are_those_of_the_papers() {
        // 224, λ = .3: cut 187, half 93; centre 200 gives [107, 224).
        let b = cutmix_box(224, 0.3, (200, 200));
        assert_eq!((b.top, b.top + b.height, b.left, b.left + b.width), (107, 224, 107, 224));
        let cases = fixtures::training().cutmix;
        assert_eq!(cases.len(), 8);
        for case in cases {
            let b = cutmix_box(case.side, case.lambda, case.centre);
            assert_eq!([b.top, b.left, b.top + b.height, b.left + b.width], case.edges, "{:?}", case.centre);
        }
    }

    /// What a strip order means, as PyTorch's `cat` of the strips gives it.
    #[test]
    fn strips_lie_as_in_the_paper() {
        assert_eq!(strips(224, 3), [(0, 74), (74, 74), (148, 76)]);
        let cases = fixtures::training().shuffle;
        assert_eq!(cases.len(), 3);
        for case in cases {
            let count = case.columns.len() as u32;
            let sources = |order: &[u8]| -> Vec<u32> {
                let all = strips(case.side, count);
                order.iter().flat_map(|&i| all[i as usize].0..all[i as usize].0 + all[i as usize].1).collect()
            };
            let (rows, columns) = (sources(&case.rows), sources(&case.columns));
            let pixels: Vec<u32> = rows.iter().flat_map(|r| columns.iter().map(move |c| r * case.side + c)).collect();
            assert_eq!(pixels, case.pixels);
        }
    }

    #[test]
    fn draws_depend_on_each_name_and_on_nothing_else() {
        let of = |id| ImageDraw::new(id, (500, 375), &recipe(), 224);
        assert_eq!(of(ID), of(ID));
        for other in [DrawId { seed: 8, ..ID }, DrawId { epoch: 4, ..ID }, DrawId { number: 13, ..ID }] {
            assert_ne!(of(ID).crop, of(other).crop);
        }
        let plain = ImageDraw::new(ID, (500, 375), &TrainRecipe { shuffle: 1, flip: false, ..recipe() }, 224);
        assert_eq!(plain, ImageDraw { columns: vec![], rows: vec![], mirrored: false, ..of(ID) });
    }

    #[test]
    fn all_arrangements_and_both_sides_come_up() {
        let draws: Vec<_> =
            (0..400).map(|number| ImageDraw::new(DrawId { number, ..ID }, (64, 64), &recipe(), 64)).collect();
        for columns in [[0, 1], [1, 0]] {
            for rows in [[0, 1], [1, 0]] {
                let count = draws.iter().filter(|d| d.columns == columns && d.rows == rows).count();
                assert!((70..130).contains(&count), "{columns:?} {rows:?}: {count} of 400");
            }
        }
        let mirrored = draws.iter().filter(|d| d.mirrored).count();
        assert!((160..240).contains(&mirrored), "{mirrored} of 400");
    }

    #[test]
    fn padded_windows_cover_the_border_and_no_more() {
        let recipe = TrainRecipe { cropping: Cropping::Padded(4), ..recipe() };
        let mut seen = [0; 9];
        for number in 0..400 {
            let crop = ImageDraw::new(DrawId { number, ..ID }, (500, 375), &recipe, 32).crop;
            assert_eq!((crop.height, crop.width), (32, 32));
            seen[crop.top as usize] += 1;
            assert!(crop.left <= 8);
        }
        assert!(seen.iter().all(|&n| n > 20), "{seen:?}");
        let whole = TrainRecipe { cropping: Cropping::Whole, ..recipe };
        assert_eq!(ImageDraw::new(ID, (500, 375), &whole, 32).crop, CropBox::whole(500, 375));
    }

    /// f = 2: a quarter whole, and each of the four cells three sixteenths; 224 ÷ 3 leaves two pixels over.
    #[test]
    fn cells_are_sampled_as_in_lic() {
        let of = |number, size, factor| {
            let recipe = TrainRecipe { cropping: Cropping::Cells(factor), ..recipe() };
            ImageDraw::new(DrawId { number, ..ID }, size, &recipe, 32).crop
        };
        let mut counts = std::collections::BTreeMap::new();
        for number in 0..1600 {
            let CropBox { top, left, height, width } = of(number, (32, 32), 2);
            *counts.entry((top, left, height, width)).or_insert(0) += 1;
        }
        let whole = counts.remove(&(0, 0, 32, 32)).unwrap();
        assert!((330..470).contains(&whole), "{whole} of 1600");
        let cells: Vec<_> = counts.keys().copied().collect();
        assert_eq!(cells, [(0, 0, 16, 16), (0, 16, 16, 16), (16, 0, 16, 16), (16, 16, 16, 16)]);
        assert!(counts.values().all(|n| (240..360).contains(n)), "{counts:?}");
        let edges: std::collections::BTreeSet<_> =
            (0..400).map(|n| of(n, (224, 224), 3)).map(|b| (b.top, b.height)).collect();
        assert_eq!(edges.into_iter().collect::<Vec<_>>(), [(0, 74), (0, 224), (74, 74), (148, 74)]);
        let apart = TrainRecipe { cropping: Cropping::Cells(2), decode_first: true, ..recipe() };
        let crops = (0..50).map(|number| ImageDraw::new(DrawId { number, ..ID }, (16, 16), &apart, 32).crop);
        assert!(crops.into_iter().all(|crop| crop == CropBox::whole(16, 16)), "there are no cells of cells");
        assert_eq!(of(5, (40, 20), 1), CropBox::whole(40, 20));
        assert_eq!(of(5, (1, 20), 2), CropBox::whole(1, 20), "no pixels in half of one");
    }

    /// At scale 1 nothing but the whole square fits.
    #[test]
    fn a_scale_of_one_never_crops_a_square() {
        for number in 0..200 {
            let draw = ImageDraw::new(DrawId { number, ..ID }, (32, 32), &TrainRecipe::default(), 32);
            assert_eq!(draw.crop, CropBox::whole(32, 32));
        }
    }

    #[test]
    fn a_batch_is_mixed_with_a_permutation_of_itself() {
        let mut shares = 0.0;
        for number in 0..200 {
            let mix = Mix::new(DrawId { number, ..ID }, 50, 32, Mixing::CutMix);
            assert_eq!(mix, Mix::new(DrawId { number, ..ID }, 50, 32, Mixing::CutMix));
            let Mix::CutMix { mut partners, lambda, bbox } = mix else { panic!("{mix:?}") };
            partners.sort_unstable();
            assert!(partners.into_iter().eq(0..50));
            assert!(bbox.top + bbox.height <= 32 && bbox.left + bbox.width <= 32);
            shares += lambda;
        }
        assert!((90.0..110.0).contains(&shares), "λ's mean is {}", shares / 200.0);
        assert_eq!(Mix::new(ID, 50, 32, Mixing::None), Mix::None);
        let Mix::MixUp { lambda, .. } = Mix::new(ID, 4, 32, Mixing::MixUp { alpha: 0.8 }) else { panic!() };
        assert!((0.0..=1.0).contains(&lambda));
    }

    /// Vectors kept in the repo: no upgrade may change what a seed draws.
    #[test]
    fn draws_keep_their_values() {
        let draw = ImageDraw::new(ID, (500, 375), &TrainRecipe { shuffle: 3, ..recipe() }, 224);
        assert_eq!(serde_json::to_string(&draw).unwrap(), DRAW);
        assert_eq!(serde_json::to_string(&Mix::new(ID, 4, 32, Mixing::CutMix)).unwrap(), CUT);
        let Mix::MixUp { partners, lambda } = Mix::new(ID, 4, 32, Mixing::MixUp { alpha: 0.8 }) else { panic!() };
        // Not to the bit: the library's logarithm is the platform's.
        assert!(partners == UP.0 && (lambda - UP.1).abs() < 1e-12, "{partners:?} {lambda}");
        assert_eq!(epoch_order(7, 3, 8), ORDER);
        assert_ne!(epoch_order(7, 4, 8), ORDER);
    }
    const DRAW: &str =
        r#"{"columns":[2,1,0],"rows":[1,2,0],"crop":{"top":45,"left":72,"height":307,"width":381},"mirrored":false}"#;
    const CUT: &str = r#"{"cutmix":{"partners":[3,2,1,0],"lambda":0.9253887236137927,"bbox":{"top":0,"left":12,"height":4,"width":8}}}"#;
    const UP: ([u32; 4], f64) = ([3, 2, 1, 0], 0.841_017_141_426_447_8);
    const ORDER: [u32; 8] = [7, 0, 2, 5, 4, 3, 6, 1];
}
