//! The files in which other libraries describe a network, beside its weights.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::files::{read_small, shown};
use crate::core::formats::model_config::{ModelConfig, parse};

/// Names of tens of thousands of classes are less.
const LIMIT: u64 = 4 << 20;

/// timm's and transformers' description of the network, and transformers' of its input. The first counts where both
/// say something.
const FILES: [&str; 2] = ["config.json", "preprocessor_config.json"];

/// What lies beside weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beside {
    /// What the files say together.
    pub config: ModelConfig,
    /// Those that say anything, as people write them.
    pub files: Vec<String>,
    /// What could not be read, in words: such a file may be anybody's, so that it is no error.
    pub notes: Vec<String>,
}

/// Reads the descriptions beside a weight file, or in a folder of weights.
#[must_use]
pub fn read(weights: &Path) -> Beside {
    let mut beside = Beside::default();
    for path in FILES.map(|name| folder(weights).join(name)) {
        match read_one(&path) {
            Ok(config) if config.is_empty() => {}
            Ok(config) => {
                beside.config = std::mem::take(&mut beside.config).or(config);
                beside.files.extend(path.file_name().map(|name| shown(Path::new(name))));
            }
            Err(why) => beside.notes.extend(why.map(|why| format!("{}: passed over ({why})", shown(&path)))),
        }
    }
    beside
}

fn folder(weights: &Path) -> PathBuf {
    if weights.is_dir() {
        return weights.to_owned();
    }
    weights.parent().map(Path::to_owned).unwrap_or_default()
}

/// The file's configuration; without a reason where there is none.
fn read_one(path: &Path) -> Result<ModelConfig, Option<String>> {
    // A pipe of that name would never end.
    if std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        return Err(None);
    }
    let text = read_small(path, LIMIT).map_err(|e| match e.source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => None,
        _ => Some(e.source.to_string()),
    })?;
    parse(&text).map_err(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_beside_the_weights_are_put_together() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("model.safetensors");
        assert_eq!(read(&weights), Beside::default());
        std::fs::write(folder.path().join("config.json"), r#"{"model_type": "vit"}"#).unwrap();
        let processor = folder.path().join("preprocessor_config.json");
        std::fs::write(&processor, r#"{"image_mean": [0, 0, 0], "image_std": [1, 1, 1]}"#).unwrap();
        let beside = read(&weights);
        assert_eq!(beside.config.model_type.as_deref(), Some("vit"));
        assert!(beside.config.mean_std.is_some());
        assert_eq!((&beside, beside.files.len()), (&read(folder.path()), 2));
        std::fs::write(&processor, "{").unwrap();
        let beside = read(&weights);
        assert!(beside.notes[0].contains("preprocessor_config.json: passed over (EOF"), "{:?}", beside.notes);
        assert_eq!(beside.files, ["config.json"]);
        std::fs::remove_file(&processor).unwrap();
        std::fs::write(folder.path().join("config.json"), r#"{"epochs": 3}"#).unwrap();
        assert_eq!(read(&weights), Beside::default());
    }
}
