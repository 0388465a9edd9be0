//! The text of a curation. It names classes and images and no numbers of them, so that it means the same wherever the
//! dataset lies, and whatever else is in it: what it names and the dataset lacks is kept apart and written again.
//!
//! ```json
//! {"format": 1, "program": {"name": "stillroom", "version": "…"}, "dataset": {"fingerprint": "…"},
//!  "classes": {"cat": {"001.jpg": {"choice":"pinned","place":{"image":0,"cell":3},"tag":2}}}}
//! ```
//! Images are called as they are within their class's folder, escaped ([`crate::core::data::names::escape`]).

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::super::manifest::{Program, json};
use super::super::patch::CropBox;
use super::super::rded::Rded;
use super::super::recipe::Recipe;
use super::{Choice, Curation, Mark, Place, TAGS};
use crate::core::data::dataset::Dataset;
use crate::core::data::names::{escape, unescape};

/// The version of the format that this program writes, and the highest it reads.
pub const FORMAT: u32 = 1;

/// Why a text is no usable curation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CurationError {
    /// Not JSON, or a field is missing, unknown, double or of another type.
    #[error("not a curation of stillroom: {why}")]
    NotOne {
        /// The JSON reader's words, with line and column.
        why: String,
    },
    /// Written by a later version.
    #[error("the curation has format {found}, this program knows formats up to {FORMAT}; use a newer stillroom")]
    Newer {
        /// Format of the text.
        found: u32,
    },
    /// A mark that can't be.
    #[error("the curation is wrong at image '{image}' of class '{class}': {why}")]
    Wrong {
        /// Name of the class.
        class: String,
        /// Name of the image, escaped.
        image: String,
        /// What is wrong.
        why: String,
    },
}

/// Marks by class and image.
type Names = BTreeMap<String, BTreeMap<String, Mark>>;

/// A text that was read, before it is held against a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// [`Dataset::fingerprint`] of the dataset that it was made for.
    pub fingerprint: String,
    marks: Names,
}

/// Marks whose images the dataset lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strays(Names);

/// A text's marks for a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// What the dataset's images are marked with.
    pub curation: Curation,
    /// The rest.
    pub strays: Strays,
    /// Whether the text was made for this very dataset; names that are the same apply to any.
    pub same_dataset: bool,
}

/// How many marks there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pinned images.
    pub pinned: usize,
    /// Rejected ones.
    pub rejected: usize,
    /// With a crop that was taken instead of the key patch.
    pub swapped: usize,
    /// With a place.
    pub placed: usize,
    /// With a tag.
    pub tagged: usize,
}

impl Counts {
    /// Counts.
    #[must_use]
    pub fn of(marks: impl Iterator<Item = Mark>) -> Self {
        marks.fold(Self::default(), |counts, mark| Self {
            pinned: counts.pinned + usize::from(mark.choice == Choice::Pinned),
            rejected: counts.rejected + usize::from(mark.choice == Choice::Rejected),
            swapped: counts.swapped + usize::from(mark.crop.is_some()),
            placed: counts.placed + usize::from(mark.place.is_some()),
            tagged: counts.tagged + usize::from(mark.tag > 0),
        })
    }
}

impl Strays {
    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `class/image` of each, in order.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().flat_map(|(class, images)| images.keys().map(move |image| format!("{class}/{image}")))
    }
}

impl Named {
    /// Reads and checks a text.
    ///
    /// # Errors
    /// [`CurationError`].
    pub fn parse(text: &[u8]) -> Result<Self, CurationError> {
        #[derive(serde::Deserialize)]
        struct Header {
            format: u32,
        }
        let not_one = |e: serde_json::Error| CurationError::NotOne { why: e.to_string() };
        match serde_json::from_slice::<Header>(text).map_err(not_one)?.format {
            FORMAT => {}
            0 => return Err(CurationError::NotOne { why: "there is no format 0".to_owned() }),
            found => return Err(CurationError::Newer { found }),
        }
        let read: Read = serde_json::from_slice(text).map_err(not_one)?;
        let mut marks = Names::new();
        for (class, images) in read.classes.0 {
            for (image, spelt) in images.0 {
                let mark = Mark::from(spelt);
                check(&image, &mark).map_err(|why| CurationError::Wrong {
                    class: class.clone(),
                    image: image.clone(),
                    why,
                })?;
                if !mark.is_blank() {
                    marks.entry(class.clone()).or_default().insert(image, mark);
                }
            }
        }
        Ok(Self { fingerprint: read.dataset.fingerprint, marks })
    }

    /// Number of images that have a mark.
    #[must_use]
    pub fn images(&self) -> usize {
        self.marks.values().map(BTreeMap::len).sum()
    }

    /// Number of marks of each kind.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::of(self.marks.values().flat_map(BTreeMap::values).copied())
    }

    /// Finds the images in a dataset.
    #[must_use]
    pub fn resolve(self, dataset: &Dataset) -> Resolved {
        let same_dataset = self.fingerprint == dataset.fingerprint();
        let classes: BTreeMap<&str, _> = dataset.class_ids().map(|id| (dataset.class(id).name.as_str(), id)).collect();
        let (mut curation, mut strays) = (Curation::default(), Names::new());
        for (class, images) in self.marks {
            let known = classes.get(class.as_str());
            for (image, mark) in images {
                let found = known.and_then(|&id| dataset.image_named(id, &unescape(&image)?));
                match found {
                    Some(id) => curation.set(id, mark),
                    None => {
                        strays.entry(class.clone()).or_default().insert(image, mark);
                    }
                }
            }
        }
        Resolved { curation, strays: Strays(strays), same_dataset }
    }
}

/// The text of a curation of a dataset, with what strays from it: equal ones have equal bytes.
///
/// # Errors
/// None for marks of these types; the result is that of the JSON writer.
pub fn text(dataset: &Dataset, curation: &Curation, strays: &Strays) -> Result<String, serde_json::Error> {
    let mut classes: BTreeMap<&str, BTreeMap<String, Spelt>> = BTreeMap::new();
    for (class, images) in &strays.0 {
        let images = images.iter().map(|(image, mark)| (image.clone(), Spelt::from(*mark)));
        classes.entry(class).or_default().extend(images);
    }
    let own = curation.marks().filter(|(image, _)| image.index() < dataset.image_count());
    for (image, mark) in own {
        let class = dataset.class(dataset.class_of(image)).name.as_str();
        let images = classes.entry(class).or_default();
        images.insert(escape(dataset.image_name(image)), Spelt::from(mark));
    }
    let about = About { fingerprint: dataset.fingerprint() };
    let written = Written { format: FORMAT, program: Program::this(), dataset: about, classes };
    // The whole is level 1, classes 2, a class 3: a mark is one line.
    let bytes = json::write(&written, 3)?;
    // What JSON writers write is UTF-8.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What is wrong with a mark, if anything.
fn check(image: &str, mark: &Mark) -> Result<(), String> {
    let expect_that = |holds: bool, why: &dyn Fn() -> String| if holds { Ok(()) } else { Err(why()) };
    let spelt = unescape(image).is_some_and(|name| !name.is_empty() && escape(&name) == image);
    expect_that(spelt, &|| "the name is not spelt as manifests spell names".to_owned())?;
    expect_that(mark.tag <= TAGS, &|| format!("tag {}, where {TAGS} is the highest", mark.tag))?;
    if let Some(Place { image, cell }) = mark.place {
        let ipc = image.checked_add(1).is_some_and(|ipc| Recipe { ipc, ..Recipe::default() }.check().is_ok());
        let exists = ipc && Rded::PATCHES.iter().any(|patches| cell < *patches);
        expect_that(exists, &|| format!("no recipe has a cell {cell} of an image {image}"))?;
    }
    if let Some(CropBox { top, left, height, width }) = mark.crop {
        expect_that(height > 0 && width > 0, &|| "an empty box".to_owned())?;
        let ends = top.checked_add(height).and(left.checked_add(width));
        expect_that(ends.is_some(), &|| "a box that ends beyond all images".to_owned())?;
    }
    Ok(())
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    fingerprint: String,
}

#[derive(serde::Serialize)]
struct Written<'a> {
    format: u32,
    program: Program,
    dataset: About,
    classes: BTreeMap<&'a str, BTreeMap<String, Spelt>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[allow(dead_code, reason = "it was looked at before")]
    format: u32,
    #[allow(dead_code, reason = "it decides nothing")]
    program: Program,
    dataset: About,
    classes: Distinct<Distinct<Spelt>>,
}

/// A mark as its object in the file has it.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Spelt {
    #[serde(default, skip_serializing_if = "is_default")]
    choice: Choice,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crop: Option<CropBox>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    #[serde(default, skip_serializing_if = "is_default")]
    tag: u8,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl From<Mark> for Spelt {
    fn from(Mark { choice, crop, place, tag }: Mark) -> Self {
        Self { choice, crop, place, tag }
    }
}

impl From<Spelt> for Mark {
    fn from(Spelt { choice, crop, place, tag }: Spelt) -> Self {
        Self { choice, crop, place, tag }
    }
}

/// An object whose names are all different, which JSON alone doesn't ask for.
struct Distinct<V>(BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Distinct<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Distinct<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, V>()? {
                    if found.contains_key(&name) {
                        return Err(A::Error::custom(format!("'{}' is there twice", escape(name.as_bytes()))));
                    }
                    found.insert(name, value);
                }
                Ok(Distinct(found))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests;
