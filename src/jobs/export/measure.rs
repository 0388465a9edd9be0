//! What an export would come to, without writing anything.

use std::path::Path;

use serde_json::{Map, Value};

use super::{ExportJobError, Format, Material, is_free, look, lossless, rounding};
use crate::core::progress::{Cancelled, Progress};
use crate::store::export::content::Size;
use crate::store::export::room;

/// What an export would come to.
#[derive(Clone, Debug)]
pub struct Measure {
    /// Images.
    pub images: usize,
    /// Files and bytes.
    pub size: Size,
    /// Whether the set's pixels can be had again.
    pub lossless: bool,
    /// Whether the set keeps floats, of which the format has 8 bits.
    pub rounded: bool,
    /// What is special to the format, as [`super::Prepared::about`].
    pub about: Map<String, Value>,
    /// What the user should know beforehand.
    pub notes: Vec<String>,
}

/// Keeps the notes instead of passing them on.
struct Noting<'a> {
    progress: &'a mut dyn Progress,
    notes: Vec<String>,
}

impl Progress for Noting<'_> {
    fn step(&mut self, stage: &'static str, done: u64, total: u64) -> Result<(), Cancelled> {
        self.progress.step(stage, done, total)
    }

    fn warn(&mut self, message: String) {
        self.notes.push(message);
    }
}

/// Looks at each image once and says what an export would come to; no output folder is needed for that.
///
/// # Errors
/// [`ExportJobError`]: what is exported is damaged or incomplete, or the format can't hold it.
pub fn measure(material: &Material, format: Format, progress: &mut dyn Progress) -> Result<Measure, ExportJobError> {
    let mut noting = Noting { progress, notes: Vec::new() };
    let (content, _) = look(material, format, &mut noting)?;
    let layout = format.layout(&content, None)?;
    let mut notes = noting.notes;
    notes.extend(super::notes(format, &content, &*layout));
    let (size, lossless, about) = (layout.size(&content), lossless(format, &content, &*layout), layout.about());
    let rounded = rounding(format, &content).is_some();
    Ok(Measure { images: content.pictures.len(), size, lossless, rounded, about, notes })
}

/// What is found where an output folder will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes that are free on its disk; `None` where the system doesn't tell.
    pub free: Option<u64>,
    /// Why the folder can't be made there, and the remedy.
    pub problem: Option<String>,
}

/// Looks where the output folder `out` will be; makes nothing.
#[must_use]
pub fn place(out: &Path, material: &Material) -> Place {
    Place { free: room::free(out), problem: is_free(out, material).err().map(|error| error.to_string()) }
}
