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
    /// Least value; −∞ where the range is open. JSON has no infinity: there it is null.
    #[serde(deserialize_with = "or_lowest")]
    pub low: f32,
    /// Greatest value; +∞ where the range is open.
    #[serde(deserialize_with = "or_highest")]
    pub high: f32,
}

fn or_lowest<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f32, D::Error> {
    Ok(<Option<f32> as serde::Deserialize>::deserialize(from)?.unwrap_or(f32::NEG_INFINITY))
}

fn or_highest<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f32, D::Error> {
    Ok(<Option<f32> as serde::Deserialize>::deserialize(from)?.unwrap_or(f32::INFINITY))
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
        self.of_any_class() == Self::default()
    }

    /// The same for patches of any class.
    #[must_use]
    pub fn of_any_class(&self) -> Self {
        Self { class: None, ..self.clone() }
    }

    /// Whether it looks at what is stitched.
    #[must_use]
    pub fn asks_for_cells(&self) -> bool {
        self.stitched || self.cell.is_some()
    }

    /// Whether it looks at what was decided about images.
    #[must_use]
    pub fn asks_for_marks(&self) -> bool {
        self.choice.is_some() || self.tag.is_some()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_survives_its_file_with_open_ends() {
        for (low, high) in [(0.25, 0.5), (f32::NEG_INFINITY, 0.5), (0.25, f32::INFINITY)] {
            let brush = Some(Brush { quantity: Quantity::Margin, low, high });
            let filter = Filter { class: Some(ClassId(3)), brush, tag: Some(9), ..Filter::default() };
            let text = serde_json::to_string(&filter).unwrap();
            assert_eq!(serde_json::from_str::<Filter>(&text).unwrap(), filter, "{text}");
        }
        assert_eq!(serde_json::from_str::<Filter>("{}").unwrap(), Filter::default());
    }

    #[test]
    fn a_class_alone_lets_all_its_patches_through() {
        let filter = Filter { class: Some(ClassId(3)), ..Filter::default() };
        assert!(filter.is_open());
        assert!(!Filter { cell: Some(0), ..filter }.is_open());
    }
}
