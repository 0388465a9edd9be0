//! Tables of patches and of distilled images, as comma-separated values.

use std::collections::HashMap;

use super::manifest::{CellNote, ClassNote, ImageNote, Manifest, Optimised, Origin, Start};
use super::rded::Rded;
use super::recipe::Recipe;
use super::scores::{ClassScores, PatchScore};
use crate::core::data::dataset::ImageId;
use crate::core::formats::csv::{Csv, Field};

/// Losses in a few numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossSummary {
    /// Losses that are numbers; +∞ is one.
    pub count: usize,
    /// Those that are none.
    pub unknown: usize,
    /// Their sum in f64.
    sum: f64,
    /// Least and greatest.
    range: Option<(f32, f32)>,
}

impl LossSummary {
    /// That of some losses.
    #[must_use]
    pub fn of(losses: impl IntoIterator<Item = f32>) -> Self {
        let mut summary = Self::default();
        for loss in losses {
            if loss.is_nan() {
                summary.unknown += 1;
                continue;
            }
            summary.count += 1;
            summary.sum += f64::from(loss);
            let (low, high) = summary.range.unwrap_or((loss, loss));
            summary.range = Some((low.min(loss), high.max(loss)));
        }
        summary
    }

    /// Mean, in f64; `None` without losses.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// The least one.
    #[must_use]
    pub fn least(&self) -> Option<f32> {
        self.range.map(|(low, _)| low)
    }

    /// The greatest one.
    #[must_use]
    pub fn greatest(&self) -> Option<f32> {
        self.range.map(|(_, high)| high)
    }
}

/// A class of a distilled set in a few numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassSummary {
    /// Its name in the dataset.
    pub name: String,
    /// Distilled images.
    pub images: usize,
    /// Images of the subset that were scored.
    pub scored: u32,
    /// Images of the subset that could not be decoded.
    pub broken: u32,
    /// The losses of the patches that were chosen.
    pub losses: LossSummary,
}

impl ClassSummary {
    /// That of a class in a manifest.
    #[must_use]
    pub fn of(class: &ClassNote) -> Self {
        let losses = class.images.iter().flat_map(ImageNote::cells).map(|cell| cell.loss);
        Self {
            name: class.name.clone(),
            images: class.images.len(),
            scored: class.scored,
            broken: class.broken,
            losses: LossSummary::of(losses),
        }
    }
}

/// A line per class: distilled images, patches and their losses. Losses are −ln p of the class in nats.
#[must_use]
pub fn summaries_csv(classes: &[ClassSummary]) -> String {
    let columns = ["class", "images", "patches", "mean_loss", "min_loss", "max_loss", "no_number", "scored", "broken"];
    let mut table = Csv::new(columns);
    for class in classes {
        let losses = &class.losses;
        table.row([
            Field::from(class.name.as_str()),
            class.images.into(),
            (losses.count + losses.unknown).into(),
            losses.mean().into(),
            losses.least().into(),
            losses.greatest().into(),
            losses.unknown.into(),
            class.scored.into(),
            class.broken.into(),
        ]);
    }
    table.into_text()
}

/// What scores know by number alone.
pub struct Names<'a> {
    /// An image's name.
    pub image: &'a dyn Fn(ImageId) -> String,
    /// What an output of the observer is called; `None` where it has no name.
    pub output: &'a dyn Fn(u32) -> Option<String>,
}

/// The scores of a class.
#[derive(Clone, Copy, Debug)]
pub struct ScoredClass<'a> {
    /// Its name.
    pub name: &'a str,
    /// All scored crops; those that the recipe looks at are in the table.
    pub scores: &'a ClassScores,
    /// The recipe.
    pub recipe: &'a Recipe<Rded>,
    /// The key patches in order of rank ([`super::select::ranked`]).
    pub ranked: &'a [PatchScore],
}

/// A line per scored crop of the recipe's subset, with the rank of those that are their image's key patch. The rival is the strongest other
/// class, the margin the class's probability less the rival's.
#[must_use]
pub fn patches_csv(classes: &[ScoredClass<'_>], names: &Names<'_>) -> String {
    let mut table = Csv::new([
        "class",
        "image",
        "crop",
        "top",
        "left",
        "height",
        "width",
        "loss",
        "probability",
        "rival",
        "rival_probability",
        "margin",
        "rank",
    ]);
    for class in classes {
        let ranks: HashMap<(ImageId, u32), usize> =
            class.ranked.iter().enumerate().map(|(rank, patch)| ((patch.image, patch.crop), rank)).collect();
        let own = &class.recipe.method;
        let rows = class.scores.positions.partition_point(|&position| position < own.subset);
        let crops = own.patches_per_image();
        let patches = (0..rows).flat_map(|row| (0..crops).map(move |crop| (row, crop)));
        for patch in patches.filter_map(|(row, crop)| class.scores.patch(row, crop)) {
            let called = |output: u32| (names.output)(output).unwrap_or_else(|| format!("output {output}"));
            let start = [Field::from(class.name), (names.image)(patch.image).into(), patch.crop.into()];
            let scores = [
                patch.loss.into(),
                patch.probability().into(),
                patch.rival.map(|rival| called(rival.output)).into(),
                patch.rival.map(|rival| rival.probability).into(),
                patch.margin().into(),
                ranks.get(&(patch.image, patch.crop)).copied().into(),
            ];
            table.row(start.into_iter().chain(sides(&patch.bbox)).chain(scores));
        }
    }
    table.into_text()
}

fn sides(bbox: &super::patch::CropBox) -> [Field<'static>; 4] {
    [bbox.top.into(), bbox.left.into(), bbox.height.into(), bbox.width.into()]
}

/// Where an image came from that was not made of patches.
#[must_use]
pub fn came_from(origin: &Origin) -> Option<&str> {
    match origin {
        Origin::Imported { source } => Some(source),
        Origin::Optimised(Optimised { start: Start::Parent { file, .. }, .. }) => Some(file),
        Origin::Stitched(_) | Origin::Optimised(_) => None,
    }
}

/// A line per cell of each distilled image, and one for an image without cells: where every pixel came from. Names are
/// spelt as in the manifest.
#[must_use]
pub fn provenance_csv(manifest: &Manifest) -> String {
    let mut table = Csv::new([
        "label",
        "class",
        "image",
        "origin",
        "from",
        "cell",
        "source",
        "crop",
        "top",
        "left",
        "height",
        "width",
        "loss",
        "probability",
        "rank",
        "chosen",
    ]);
    for class in &manifest.classes {
        for image in &class.images {
            let start = || {
                let from = came_from(&image.origin);
                let names = [class.name.as_str().into(), image.file.as_str().into(), image.origin.name().into()];
                std::iter::once(Field::from(class.index)).chain(names).chain([from.into()])
            };
            for cell in image.cells() {
                table.row(start().chain(of_cell(cell)));
            }
            if image.cells().is_empty() {
                table.row(start().chain(std::iter::repeat_n(Field::Empty, 11)));
            }
        }
    }
    table.into_text()
}

fn of_cell(cell: &CellNote) -> impl Iterator<Item = Field<'_>> {
    let start = [cell.cell.into(), cell.source.as_str().into(), cell.crop.into()];
    let end = [cell.loss.into(), (-cell.loss).exp().into(), cell.rank.into(), cell.chosen.name().into()];
    start.into_iter().chain(sides(&cell.bbox)).chain(end)
}

#[cfg(test)]
mod tests {
    use super::super::manifest::tests::sample;
    use super::super::patch::CropBox;
    use super::super::scores::{CropScore, Rival};
    use super::super::select::Chosen;
    use super::*;

    /// Losses 0.5 and 1 make a mean of 0.75; a NaN is counted aside, +∞ is not left out.
    #[test]
    fn losses_are_summed_up_without_hiding_any() {
        let some = LossSummary::of([0.5, f32::NAN, 1.0]);
        assert_eq!((some.count, some.unknown, some.mean()), (2, 1, Some(0.75)));
        assert_eq!((some.least(), some.greatest()), (Some(0.5), Some(1.0)));
        assert_eq!(LossSummary::of([1.0, f32::INFINITY]).mean(), Some(f64::INFINITY));
        assert_eq!((LossSummary::of([]).mean(), LossSummary::of([f32::NAN]).least()), (None, None));
    }

    /// Class 0 of the sample has all eight losses, +∞ and NaN among them: every cell has its rank's.
    #[test]
    fn a_class_is_a_line() {
        let manifest = sample();
        let classes: Vec<ClassSummary> = manifest.classes.iter().map(ClassSummary::of).collect();
        let text = summaries_csv(&classes);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "class,images,patches,mean_loss,min_loss,max_loss,no_number,scored,broken");
        let least = 1e-45_f32.to_string();
        assert_eq!(lines[1], format!("c0,2,8,inf,{least},inf,1,8,1"));
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn every_crop_is_a_line_with_its_rival_and_its_rank() {
        let mut scores = ClassScores::new(3);
        let boxes = [CropBox { top: 1, left: 2, height: 3, width: 4 }, CropBox::whole(8, 9), CropBox::whole(1, 1)];
        let rival = |output| Some(Rival { output, probability: 0.25 });
        // A loss of 0 is a probability of 1.
        let (first, second) =
            (CropScore { loss: 0.0, rival: rival(7) }, CropScore { loss: f32::INFINITY, rival: None });
        scores.push(0, ImageId(3), &boxes, &[first, second, first]);
        scores.push(1, ImageId(2), &boxes, &[first, second, first]);
        let ranked = [scores.patch(0, 0).unwrap()];
        // Two of the three crops, one of the two images.
        let method = Rded { crops: 2, subset: 1, ..Rded::default() };
        let recipe = Recipe { method, ..Recipe::default() };
        let class = ScoredClass { name: "=cat", scores: &scores, recipe: &recipe, ranked: &ranked };
        let names = Names { image: &|image| format!("a/{}.png", image.0), output: &|o| (o == 8).then(String::new) };
        let text = patches_csv(&[class], &names);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "'=cat,a/3.png,0,1,2,3,4,0,1,output 7,0.25,0.75,0");
        assert_eq!(lines[2], "'=cat,a/3.png,1,0,0,9,8,inf,0,,,,");
        assert_eq!((lines[0].split(',').count(), lines.len()), (13, 3));
    }

    #[test]
    fn every_cell_is_a_line_that_names_its_source() {
        let mut manifest = sample();
        manifest.classes[1].images[1].origin = Origin::Imported { source: "a,b.pt".into() };
        if let Origin::Stitched(cells) = &mut manifest.classes[0].images[1].origin {
            (cells[3].chosen, cells[3].rank) = (Chosen::Swap, 70);
        }
        let text = provenance_csv(&manifest);
        let lines: Vec<&str> = text.lines().collect();
        // Three stitched images of four cells, and one that has none.
        assert_eq!(lines.len(), 1 + 3 * 4 + 1);
        let start = r"0,c0,00000/class00000_id00000.jpg,stitched,,1,train/c0/odd\xff2.jpg,1,1,2,4,4,";
        assert!(lines[2].starts_with(start) && lines[2].ends_with(",1,2,rank"), "{}", lines[2]);
        assert!(lines[8].ends_with(",70,swap"), "{}", lines[8]);
        assert_eq!(lines[13], "1,c1,00001/class00001_id00001.jpg,imported,\"a,b.pt\",,,,,,,,,,,");
        assert!(lines.iter().all(|line| line.replace("a,b", "").matches(',').count() == 15), "{text}");
    }
}
