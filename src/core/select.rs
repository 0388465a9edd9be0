//! From scores to the patches that are kept: key patch per image, then the best IPC·N of the class (RDED section 3).

use super::scores::{ClassScores, PatchScore};

/// Fewer patches than the distilled images of a class need.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "class '{class}': {available} usable images, but IPC·N = {needed} patches are needed; lower IPC or N, or raise the subset"
)]
pub struct TooFewPatches {
    /// The class.
    pub class: String,
    /// Images with a score within the subset.
    pub available: usize,
    /// IPC·N.
    pub needed: usize,
}

/// The image's best crop among the first `crops`: the least loss, the lower crop number on a tie. NaN loses.
#[must_use]
pub fn key_patch(scores: &ClassScores, row: usize, crops: u32) -> Option<PatchScore> {
    let patches = (0..crops.min(scores.crops)).filter_map(|crop| scores.patch(row, crop));
    patches.min_by(|a, b| nan_last(a.loss, b.loss))
}

/// All key patches of the first `subset` images of the permutation, best first. Ties break by image name (ids of a
/// class are in name order).
#[must_use]
pub fn ranked(scores: &ClassScores, subset: u32, crops: u32) -> Vec<PatchScore> {
    let rows = scores.positions.partition_point(|&p| p < subset);
    let mut keys: Vec<_> = (0..rows).filter_map(|row| key_patch(scores, row, crops)).collect();
    keys.sort_by(|a, b| nan_last(a.loss, b.loss).then(a.image.cmp(&b.image)));
    keys
}

/// The best `needed` = IPC·N key patches of a class, best first.
///
/// # Errors
/// [`TooFewPatches`], which names the class.
pub fn select(
    scores: &ClassScores,
    class: &str,
    subset: u32,
    crops: u32,
    needed: usize,
) -> Result<Vec<PatchScore>, TooFewPatches> {
    let mut keys = ranked(scores, subset, crops);
    if keys.len() < needed {
        return Err(TooFewPatches { class: class.to_owned(), available: keys.len(), needed });
    }
    keys.truncate(needed);
    Ok(keys)
}

/// Ascending order in which NaN comes last, whatever its sign, and −0 equals 0.
fn nan_last(a: f32, b: f32) -> std::cmp::Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::super::dataset::ImageId;
    use super::super::patch::CropBox;
    use super::*;

    fn block(losses: &[[f32; 2]]) -> ClassScores {
        let mut scores = ClassScores::new(2);
        for (i, row) in losses.iter().enumerate() {
            scores.push(i as u32, ImageId(100 - i as u32), &[CropBox::whole(8, 8); 2], row);
        }
        scores
    }

    #[test]
    fn keeps_the_least_loss_per_image_and_ranks_them() {
        let scores = block(&[[3.0, 1.0], [0.5, 2.0], [0.7, 0.7], [f32::NAN, 9.0]]);
        let ranked: Vec<_> = ranked(&scores, 300, 5).iter().map(|p| (p.image.0, p.crop, p.loss)).collect();
        assert_eq!(ranked, [(99, 0, 0.5), (98, 0, 0.7), (100, 1, 1.0), (97, 1, 9.0)]);
    }

    #[test]
    fn ties_break_by_name_and_subsets_are_prefixes() {
        let scores = block(&[[1.0, 1.0], [1.0, 2.0], [0.0, 0.0]]);
        let of = |subset| ranked(&scores, subset, 2).iter().map(|p| p.image.0).collect::<Vec<_>>();
        assert_eq!(of(2), [99, 100]);
        assert_eq!(of(3), [98, 99, 100]);
    }

    #[test]
    fn too_few_names_the_class() {
        let error = select(&block(&[[1.0, 1.0]]), "owl", 300, 2, 4).unwrap_err();
        assert_eq!(error, TooFewPatches { class: "owl".into(), available: 1, needed: 4 });
        assert!(error.to_string().contains("owl"));
    }
}
