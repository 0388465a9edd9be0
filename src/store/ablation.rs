//! The folder of ablations: `ablation.json` says of which dataset, observer and student its tables are.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::files::{FileError, read_small, replace};
use super::record::{Held, Record, RecordError};
use super::training::{ObserverSource, Source};
use crate::core::distil::manifest::Program;
use crate::core::distil::recipe::Recipe;

/// The version of the format that this program writes, and the highest it reads.
pub const FORMAT: u32 = 1;

/// The formats where methods are compared that have different ones.
pub const EACH_METHODS_OWN: &str = "each method's own";

/// What all tables of a folder have in common.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AblationNote {
    /// Version of this format, see [`FORMAT`].
    pub format: u32,
    /// What wrote it.
    pub program: Program,
    /// The dataset that is distilled.
    pub data: Source,
    /// The network that scores and labels.
    pub observer: ObserverSource,
    /// The network of the students.
    pub student: String,
    /// File format of the distilled images, or [`EACH_METHODS_OWN`].
    pub images: String,
}

impl Record for AblationNote {
    const FILE: &'static str = "ablation.json";
    const FORMAT: u32 = FORMAT;
    const WHAT: &'static str = "ablation";
    // The record 1, its sources 2.
    const OPEN_LEVELS: usize = 2;

    fn identity(&self) -> Value {
        // Such sets have their format in their names, so they lie beside those of the default one.
        let format = Some(&self.images).filter(|images| *images != EACH_METHODS_OWN).cloned();
        let format = format.unwrap_or_else(|| <Recipe>::default().format.to_string());
        serde_json::json!({
            "dataset": { "fingerprint": self.data.fingerprint },
            "observer": { "fingerprint": self.observer.source.fingerprint },
            "student": self.student,
            "format": format,
        })
    }
}

/// A folder of ablations, held for work: no other process takes it meanwhile.
#[derive(Debug)]
pub struct AblationFolder {
    held: Held,
}

impl AblationFolder {
    /// Takes the folder `path`: a new or empty one, which gets its record now, or one of the same ablations.
    ///
    /// # Errors
    /// [`RecordError::Another`] names what differs; others: in use, holding other files, not writable, full.
    pub fn begin(path: &Path, note: &AblationNote) -> Result<Self, RecordError> {
        let (held, _) = Held::begin(path, note)?;
        Ok(Self { held })
    }

    /// What to tell where the file system keeps no locks, so that nothing keeps another machine out; once.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.held.warning()
    }
}

/// What distilling a set cost, kept beside the sets: whoever goes on with a series doesn't distil it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct SetCost {
    /// Seconds of the run that finished it.
    pub seconds: f64,
    /// The largest resident set meanwhile, in MiB; `None` where the system doesn't tell.
    pub peak_rss_mib: Option<u64>,
    /// Classes and batches that this run found in the project, so that its seconds are not of all the work.
    pub reused: usize,
}

impl SetCost {
    fn file(out: &Path, set: &str) -> PathBuf {
        out.join("costs").join(format!("{set}.json"))
    }

    /// Keeps it for the set of this name.
    ///
    /// # Errors
    /// [`FileError`] where the folder of ablations is not writable or full.
    pub fn keep(&self, out: &Path, set: &str) -> Result<(), FileError> {
        let file = Self::file(out, set);
        let folder = out.join("costs");
        std::fs::create_dir_all(&folder).map_err(FileError::at(&folder, "make this folder"))?;
        // Plain fields: writing them as JSON cannot fail.
        replace(&file, &serde_json::to_vec(self).unwrap_or_default())
    }

    /// That of a set; `None` where nothing, or nothing readable, is kept.
    #[must_use]
    pub fn of(out: &Path, set: &str) -> Option<Self> {
        let bytes = read_small(&Self::file(out, set), 1 << 16).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(student: &str) -> AblationNote {
        let source = |name: &str| Source { name: name.into(), path: name.into(), fingerprint: name.into() };
        AblationNote {
            format: FORMAT,
            program: Program::this(),
            data: source("data"),
            observer: ObserverSource { source: source("observer"), network: "conv3".into() },
            student: student.into(),
            images: "png".into(),
        }
    }

    #[test]
    fn a_folder_belongs_to_one_question_and_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let held = AblationFolder::begin(&out, &note("conv3")).unwrap();
        let busy = AblationFolder::begin(&out, &note("conv3")).unwrap_err().to_string();
        assert!(busy.contains("in use by process"), "{busy}");
        drop(held);
        drop(AblationFolder::begin(&out, &note("conv3")).unwrap());
        let other = AblationFolder::begin(&out, &note("resnet18")).unwrap_err().to_string();
        assert!(
            other.contains("student is \"conv3\", not \"resnet18\"") || other.contains("student is conv3"),
            "{other}"
        );
        std::fs::create_dir(folder.path().join("thesis")).unwrap();
        std::fs::write(folder.path().join("thesis/years.txt"), "of work").unwrap();
        let foreign = AblationFolder::begin(&folder.path().join("thesis"), &note("conv3")).unwrap_err().to_string();
        assert!(foreign.contains("holds other files and no ablation"), "{foreign}");
    }
}
