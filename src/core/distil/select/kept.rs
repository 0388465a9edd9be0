//! What selecting gives: patches with why they were taken, and the marks that had no effect.

use super::super::curation::Mark;
use super::super::scores::PatchScore;
use crate::core::data::dataset::ImageId;

/// The marks of one class, in order of the images, as [`super::super::curation::Curation::within`] gives them.
pub type Marks<'a> = &'a [(ImageId, Mark)];

/// Why a patch is stitched as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chosen {
    /// By its rank.
    #[default]
    Rank,
    /// Its image is pinned.
    Pin,
    /// Another crop of its image was taken than the one with the least loss.
    Swap,
}

impl Chosen {
    /// Its word, as manifests have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rank => "rank",
            Self::Pin => "pin",
            Self::Swap => "swap",
        }
    }

    /// Whether nobody chose it, which records don't say.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub fn by_rank(&self) -> bool {
        *self == Self::Rank
    }
}

/// A patch that is stitched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// The patch.
    pub patch: PatchScore,
    /// The image's rank in the strategy's order of all candidates, whatever is marked; from 0.
    pub rank: u32,
    /// Why it is stitched as it is.
    pub chosen: Chosen,
}

/// Why a mark has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The recipe's subset does not hold the image.
    NotInSubset,
    /// The image can't be decoded.
    Broken,
    /// The image has no scores yet.
    NotScored,
    /// None of the image's crops has the box.
    CropGone,
    /// The image has a cell, but is not pinned.
    NotPinned,
    /// The class's images have no such cell.
    PlaceGone,
    /// Another pinned patch lies in the cell.
    PlaceTaken,
    /// More are pinned than are stitched.
    NoRoom,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotInSubset => "not in the subset",
            Self::Broken => "can't be decoded",
            Self::NotScored => "not scored yet",
            Self::CropGone => "no crop of this seed has the chosen box, so the least loss decides",
            Self::NotPinned => "with a cell, but not pinned: the cell has no effect",
            Self::PlaceGone => "pinned to a cell that there is not, so the layout decides",
            Self::PlaceTaken => "pinned to the cell of another pin, so the layout decides",
            Self::NoRoom => "pinned without room, as more are pinned than are stitched",
        })
    }
}

/// A mark, or a part of one, that has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unused {
    /// The image.
    pub image: ImageId,
    /// Why.
    pub why: Why,
}
