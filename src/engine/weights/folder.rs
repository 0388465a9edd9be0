//! A folder of weights, as a hub's snapshot is, and the index of weights that are kept in shards.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use super::WeightError;
use crate::core::data::names::escape;

/// The names that transformers and timm give their files, the preferred ones first.
const NAMES: [&str; 4] =
    ["model.safetensors.index.json", "pytorch_model.bin.index.json", "model.safetensors", "pytorch_model.bin"];

/// What other indices end in.
const INDEX: &str = ".index.json";

/// Endings of weight files.
const ENDINGS: [&str; 7] = ["safetensors", "pth", "pt", "th", "bin", "ckpt", "pkl"];

/// What trainers keep beside the weights.
const BESIDE: [&str; 5] = ["optimizer", "scheduler", "training_args", "rng_state", "scaler"];

/// Files that an error lists.
const LISTED: usize = 8;

/// An index of a hundred thousand tensors is less.
const LIMIT: u64 = 64 << 20;

/// The file that a path means: itself, or the weights in a folder.
///
/// # Errors
/// [`WeightError`]: the folder can't be read, or holds no weights, or several.
pub fn located(path: &Path) -> Result<PathBuf, WeightError> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let name = escape(path.as_os_str().as_encoded_bytes());
    let io = |source| WeightError::Io { path: name.clone(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        let file = entry.map_err(io)?.file_name();
        if path.join(&file).is_file() {
            files.extend(file.into_string());
        }
    }
    files.sort_unstable();
    let preferred = NAMES.into_iter().find(|name| files.iter().any(|file| file == name)).map(str::to_owned);
    let indices = files.iter().filter(|file| file.ends_with(INDEX));
    let single = |mut found: Vec<&String>| if found.len() == 1 { found.pop().cloned() } else { None };
    let weights: Vec<&String> = files.iter().filter(|file| is_weights(file)).collect();
    let found = preferred.or_else(|| single(indices.collect())).or_else(|| single(weights.clone()));
    found.map(|file| path.join(file)).ok_or_else(|| {
        let reason = if weights.is_empty() {
            "the folder holds no weight file (.safetensors, .pth, .pt, .th, .bin, .ckpt or .pkl); give the folder or the file that does"
                .to_owned()
        } else {
            let more = weights.len().saturating_sub(LISTED);
            let named: Vec<String> = weights.iter().take(LISTED).map(|f| escape(f.as_bytes())).collect();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("the folder holds several weight files: {}{more}; give one of them", named.join(", "))
        };
        WeightError::Unreadable { path: name.clone(), reason }
    })
}

fn is_weights(file: &str) -> bool {
    // PyTorch's ImageNet example writes checkpoint.pth.tar.
    let file = file.strip_suffix(".tar").unwrap_or(file);
    let Some((stem, ending)) = file.rsplit_once('.') else { return false };
    ENDINGS.contains(&ending) && !BESIDE.iter().any(|other| stem.starts_with(other))
}

/// An index of shards.
pub(super) struct Index {
    /// Its path, for messages.
    pub name: String,
    /// The shards in the order of their names, with the keys of their tensors.
    pub shards: BTreeMap<PathBuf, BTreeSet<String>>,
}

/// What is read of an index.
#[derive(serde::Deserialize)]
struct Written {
    weight_map: BTreeMap<String, String>,
}

/// Reads an index; `None` of a file that by its name is none.
pub(super) fn index(path: &Path) -> Result<Option<Index>, WeightError> {
    let named = path.file_name().is_some_and(|name| name.as_encoded_bytes().ends_with(INDEX.as_bytes()));
    if !named || !path.is_file() {
        return Ok(None);
    }
    let name = escape(path.as_os_str().as_encoded_bytes());
    let unreadable = |reason: String| WeightError::Unreadable { path: name.clone(), reason };
    let io = |source| WeightError::Io { path: name.clone(), source };
    let mut text = Vec::new();
    File::open(path).map_err(io)?.take(LIMIT + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > LIMIT {
        return Err(unreadable(format!("an index of more than {} MiB is none", LIMIT >> 20)));
    }
    let Written { weight_map } = serde_json::from_slice(&text).map_err(|e| {
        unreadable(format!("it is no index of shards ({e}): a 'weight_map' of keys and files is expected"))
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut shards = BTreeMap::<PathBuf, BTreeSet<String>>::new();
    for (key, shard) in weight_map {
        // Backslashes separate folders elsewhere.
        let inside = Path::new(&shard).components().all(|c| matches!(c, Component::Normal(_)));
        if !inside || shard.is_empty() || shard.contains('\\') {
            let shard = escape(shard.as_bytes());
            return Err(unreadable(format!(
                "it names '{shard}', which doesn't lie in its folder; nothing was read of it"
            )));
        }
        shards.entry(folder.join(shard)).or_default().insert(key);
    }
    if let Some(missing) = shards.keys().find(|shard| !shard.is_file()) {
        let missing = escape(missing.as_os_str().as_encoded_bytes());
        return Err(unreadable(format!("its shard {missing} is missing; fetch all files of the model")));
    }
    if shards.is_empty() {
        return Err(unreadable("it lists no tensors; fetch it again".to_owned()));
    }
    Ok(Some(Index { name, shards }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[&str]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|file| std::fs::write(folder.path().join(file), b"{}").unwrap());
        let located = located(folder.path()).map_err(|e| e.to_string())?;
        Ok(located.file_name().unwrap().to_string_lossy().into_owned())
    }

    #[test]
    fn the_weights_of_a_folder_are_found() {
        let of = |files: &[&str]| found(files).unwrap();
        assert_eq!(of(&["config.json", "pytorch_model.bin", "model.safetensors"]), "model.safetensors");
        let both = ["model.safetensors.index.json", "model-00001-of-00002.safetensors", "model.safetensors"];
        assert_eq!(of(&both), "model.safetensors.index.json");
        assert_eq!(of(&["open_clip.safetensors.index.json", "a.bin", "b.bin"]), "open_clip.safetensors.index.json");
        assert_eq!(of(&["README.md", "best.pth", "training_args.bin", "optimizer.pt"]), "best.pth");
        let several = found(&["a.pth", "b.pt"]).unwrap_err();
        assert!(several.contains("a.pth, b.pt; give one of them"), "{several}");
        let none = found(&["notes.txt"]).unwrap_err();
        assert!(none.contains("no weight file"), "{none}");
    }

    #[test]
    fn an_index_lists_its_shards_and_leaves_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors.index.json");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            index(&path).map_err(|e| e.to_string())
        };
        for name in ["../a.safetensors", "/a.safetensors", "x/../../a", "", "..\\a", "./a"] {
            let text = serde_json::json!({"weight_map": {"w": name}}).to_string();
            let why = read(&text).err().unwrap_or_default();
            assert!(why.contains("doesn't lie in its folder"), "{name}: {why}");
        }
        let why = read(r#"{"weight_map": {"w": "b.safetensors"}}"#).err().unwrap();
        assert!(why.contains("b.safetensors is missing"), "{why}");
        std::fs::write(folder.path().join("b.safetensors"), b"").unwrap();
        let index = read(r#"{"metadata": {}, "weight_map": {"w": "b.safetensors", "v": "b.safetensors"}}"#);
        assert_eq!(index.unwrap().unwrap().shards.into_values().next().map(|keys| keys.len()), Some(2));
        assert!(read("[]").err().unwrap().contains("no index of shards"));
        assert!(super::index(Path::new("model.safetensors")).unwrap().is_none());
    }
}
