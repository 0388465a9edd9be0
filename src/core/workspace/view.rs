//! Which patches the panels show, and in what order: part of what is edited, so that a filter can be taken back.

use crate::core::data::dataset::ClassId;
use crate::core::distil::curation::Choice;
use crate::core::distil::scores::PatchScore;

/// A number that every key patch has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantity {
    /// Cross-entropy −ln p(class); low is realistic.
    #[default]
    Loss,
    /// p(class) − p(strongest other class): negative where the observer takes the patch for another class.
    Margin,
}

impl Quantity {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Loss, Self::Margin];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Margin => "margin",
        }
    }

    /// Its value; `None` where it isn't known: no margin without a strongest other class.
    #[must_use]
    pub fn of(self, patch: &PatchScore) -> Option<f32> {
        match self {
            Self::Loss => Some(patch.loss),
            Self::Margin => patch.margin(),
        }
    }
}

/// A range of a quantity, its ends included.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Brush {
    /// Of what.
    pub quantity: Quantity,
    /// Least value.
    pub low: f32,
    /// Greatest value.
    pub high: f32,
}

impl Brush {
    /// Whether a patch lies in the range; one whose value isn't known does not.
    #[must_use]
    pub fn holds(&self, patch: &PatchScore) -> bool {
        self.quantity.of(patch).is_some_and(|value| (self.low..=self.high).contains(&value))
    }
}

/// What patches must be to be shown.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Of this class; `None`: of any.
    pub class: Option<ClassId>,
    /// Text in the name of the image's file, whatever its case; empty: any.
    pub name: String,
    /// Within this range.
    pub brush: Option<Brush>,
    /// Pinned, rejected, or neither.
    pub choice: Option<Choice>,
    /// With this tag.
    pub tag: Option<u8>,
    /// Stitched into a distilled image.
    pub stitched: bool,
    /// In this cell of the distilled images, row-major from 0.
    pub cell: Option<u32>,
}

impl Filter {
    /// Whether it lets every patch of a class through.
    #[must_use]
    pub fn is_open(&self) -> bool {
        Self { class: None, ..self.clone() } == Self::default()
    }
}

/// By what patches are sorted within their class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SortBy {
    /// The strategy's order.
    #[default]
    Rank,
    /// Loss.
    Loss,
    /// Margin.
    Margin,
    /// Name of the image.
    Name,
    /// Area of the crop, in pixels of its image.
    Size,
}

impl SortBy {
    /// All.
    pub const ALL: [Self; 5] = [Self::Rank, Self::Loss, Self::Margin, Self::Name, Self::Size];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rank => "rank",
            Self::Loss => "loss",
            Self::Margin => "margin",
            Self::Name => "name",
            Self::Size => "size",
        }
    }
}

/// The order in which patches are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Sort {
    /// By what.
    pub by: SortBy,
    /// The greatest first.
    pub descending: bool,
}
