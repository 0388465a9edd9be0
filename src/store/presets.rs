//! The user's own presets: recipes under a name, a file each, that can be passed on.
//!
//! A file is `{"format": 1, "kind": "recipe" or "training", "name", "about", "recipe"}`; the recipe is spelt as in
//! manifests and records of trainings.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::files::{FileError, Written, read_small, shown, sync_folder, write_new};
use super::settings;
use crate::core::data::names::portable;
use crate::core::distil::presets::Preset;
use crate::core::distil::rded::{Rded, Strategy};
use crate::core::distil::recipe::{Method, Recipe};
use crate::core::distil::short::ShortClasses;
use crate::core::train::presets::TrainPreset;
use crate::core::train::recipe::TrainRecipe;

/// Version of the files that are written.
const FORMAT: u64 = 1;
const LIMIT: u64 = 1 << 20;

/// What a preset sets.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnRecipe {
    /// How images are distilled.
    Distil(Recipe),
    /// How networks are trained.
    Train(TrainRecipe),
}

impl OwnRecipe {
    /// What it is called in files and messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Distil(_) => "recipe",
            Self::Train(_) => "training",
        }
    }
}

/// A recipe under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnPreset {
    /// Its name, which its file has, too.
    pub name: String,
    /// What it is for, in the user's words; may be empty.
    pub about: String,
    /// What it sets.
    pub recipe: OwnRecipe,
}

/// Why a preset can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PresetError {
    /// The name is no file's on every system.
    #[error("'{0}' is no name for a preset: give letters, digits, '-', '_' and '.' alone, such as '{1}'")]
    Name(String, String),
    /// A preset of the program has the name.
    #[error("'{0}' is the name of a preset that comes with the program; give another one")]
    Shipped(String),
    /// One of the user's presets has the name.
    #[error("there is a preset '{0}' already; give another name, or replace it")]
    Taken(String),
    /// A file has the name.
    #[error("{}: exists already; give another name", shown(.0))]
    Exists(PathBuf),
    /// There is no such preset.
    #[error("there is no preset '{0}'")]
    Missing(String),
    /// The file holds something else.
    #[error("{}: {}", shown(.0), .1)]
    Contents(PathBuf, String),
    /// There is no place for presets.
    #[error("the environment names no home folder, so that presets can't be kept; set HOME")]
    NoHome,
    /// The file system's reason.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The presets in a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// Those that can be read, by name.
    pub presets: Vec<OwnPreset>,
    /// Why others can't.
    pub problems: Vec<String>,
}

/// A folder of presets.
#[derive(Clone, Debug)]
pub struct PresetFolder(PathBuf);

impl PresetFolder {
    /// The folder `presets` of the user's settings.
    ///
    /// # Errors
    /// [`PresetError::NoHome`].
    pub fn of_user() -> Result<Self, PresetError> {
        settings::folder().map(|folder| Self::below(&folder)).ok_or(PresetError::NoHome)
    }

    /// That of a folder of settings.
    #[must_use]
    pub fn below(settings: &Path) -> Self {
        Self(settings.join("presets"))
    }

    /// Reads all of them; a folder that isn't there holds none.
    ///
    /// # Errors
    /// [`PresetError::File`] where the folder can't be read.
    pub fn list(&self) -> Result<Listed, PresetError> {
        let mut listed = Listed::default();
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(listed),
            Err(e) => return Err(FileError::at(&self.0, "list")(e).into()),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(FileError::at(&self.0, "list"))?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                files.push(path);
            }
        }
        files.sort();
        for path in files {
            match read(&path) {
                Ok(preset) => listed.presets.push(preset),
                Err(why) => listed.problems.push(why.to_string()),
            }
        }
        Ok(listed)
    }

    /// The preset of this name.
    ///
    /// # Errors
    /// [`PresetError::Missing`], or why its file can't be read.
    pub fn named(&self, name: &str) -> Result<OwnPreset, PresetError> {
        let path = self.path(name);
        if portable(name) == name && path.exists() { read(&path) } else { Err(PresetError::Missing(name.to_owned())) }
    }

    /// Keeps a preset; one of the same name is put aside first where it may be replaced. Returns its file.
    ///
    /// # Errors
    /// [`PresetError`]: the name is taken or none, or the file can't be written.
    pub fn save(&self, preset: &OwnPreset, replace: bool) -> Result<PathBuf, PresetError> {
        let name = &preset.name;
        if portable(name) != *name {
            return Err(PresetError::Name(name.clone(), portable(name)));
        }
        if Preset::named(name).is_some() || TrainPreset::named(name).is_some() {
            return Err(PresetError::Shipped(name.clone()));
        }
        std::fs::create_dir_all(&self.0).map_err(FileError::at(&self.0, "make this folder"))?;
        let path = self.path(name);
        if replace && path.exists() {
            self.put_aside(name)?;
        }
        match write_new(&path, &spelt(preset))? {
            Written::New | Written::Same => Ok(path),
            Written::Differs => Err(PresetError::Taken(name.clone())),
        }
    }

    /// Takes a preset out of the list: its file stays beside the others under the name that is returned.
    ///
    /// # Errors
    /// [`PresetError`]: there is none of this name, or the file can't be renamed.
    pub fn put_aside(&self, name: &str) -> Result<PathBuf, PresetError> {
        let path = self.path(name);
        if portable(name) != name || !path.exists() {
            return Err(PresetError::Missing(name.to_owned()));
        }
        let numbered = (2..).map(|n| format!("{name}.json.removed-{n}"));
        let names = std::iter::once(format!("{name}.json.removed")).chain(numbered);
        let mut free = names.map(|name| self.0.join(name)).filter(|aside| !aside.exists());
        let aside = free.next().unwrap_or_else(|| path.with_extension("removed"));
        std::fs::rename(&path, &aside).map_err(FileError::at(&path, "rename"))?;
        sync_folder(&self.0)?;
        Ok(aside)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.json"))
    }
}

/// Reads a preset from a file, wherever it lies; its name is the file's.
///
/// # Errors
/// [`PresetError`]: the file can't be opened, or holds no preset of this program.
pub fn read(path: &Path) -> Result<OwnPreset, PresetError> {
    let bytes = read_small(path, LIMIT)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    parsed(&bytes, name).map_err(|why| PresetError::Contents(path.to_owned(), why))
}

/// Writes a preset to a new file, to be passed on.
///
/// # Errors
/// [`PresetError`]: the file exists with other contents, or can't be written.
pub fn write(path: &Path, preset: &OwnPreset) -> Result<(), PresetError> {
    match write_new(path, &spelt(preset))? {
        Written::New | Written::Same => Ok(()),
        Written::Differs => Err(PresetError::Exists(path.to_owned())),
    }
}

fn spelt(preset: &OwnPreset) -> Vec<u8> {
    let recipe = match &preset.recipe {
        OwnRecipe::Distil(recipe) => serde_json::to_value(recipe),
        OwnRecipe::Train(recipe) => serde_json::to_value(recipe),
    };
    // Recipes are plain values: they always have a spelling.
    let recipe = recipe.unwrap_or_default();
    let (kind, name, about) = (preset.recipe.kind(), &preset.name, &preset.about);
    let file = serde_json::json!({"format": FORMAT, "kind": kind, "name": name, "about": about, "recipe": recipe});
    format!("{file:#}\n").into_bytes()
}

fn parsed(bytes: &[u8], name: String) -> Result<OwnPreset, String> {
    let file: Value = serde_json::from_slice(bytes).map_err(|e| format!("this is no preset: {e}"))?;
    match file.get("format").and_then(Value::as_u64) {
        Some(FORMAT) => {}
        Some(newer) if newer > FORMAT => {
            return Err(format!("a newer program wrote this preset (format {newer}); update this one"));
        }
        _ => return Err("this is no preset: it has no \"format\"".to_owned()),
    }
    let given = file.get("recipe").ok_or("this preset holds no recipe")?;
    let wrong = |e: serde_json::Error| format!("its recipe can't be used: {e}");
    let (recipe, about) = match file.get("kind").and_then(Value::as_str) {
        Some("recipe") => {
            let File { recipe, about, .. } = serde_json::from_slice::<File<Recipe>>(bytes).map_err(wrong)?;
            (OwnRecipe::Distil(recipe), about)
        }
        Some("training") => {
            let File { recipe, about, .. } = serde_json::from_slice::<File<TrainRecipe>>(bytes).map_err(wrong)?;
            (OwnRecipe::Train(recipe), about)
        }
        _ => return Err("its \"kind\" is neither \"recipe\" nor \"training\"".to_owned()),
    };
    if let Some(key) = unknown(given, &in_full(&recipe)) {
        return Err(format!("its recipe has '{key}', which no recipe has: correct the name, or take it out"));
    }
    Ok(OwnPreset { name, about, recipe })
}

/// A file as it is read: unlike a [`Value`] it has no name twice.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File<R> {
    #[serde(rename = "format")]
    _format: u64,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "name", default)]
    _name: String,
    #[serde(default)]
    about: String,
    recipe: R,
}

/// A recipe with every name that its spelling may have; some values are not spelt where they are the default.
fn in_full(recipe: &OwnRecipe) -> Value {
    let spelt = match recipe {
        OwnRecipe::Distil(recipe) => match recipe.rded() {
            Some(rded) => {
                let own = Rded { strategy: Strategy::Random, short_classes: ShortClasses::Fewer, ..rded.method };
                serde_json::to_value(recipe.with(Method::Rded(own)))
            }
            None => serde_json::to_value(recipe),
        },
        OwnRecipe::Train(recipe) => serde_json::to_value(recipe),
    };
    spelt.unwrap_or_default()
}

/// A name of an object in `given` that the object in its place in `known` doesn't have: such names are passed over when
/// recipes are read, so that a misspelt parameter would be a default without a word.
fn unknown<'a>(given: &'a Value, known: &Value) -> Option<&'a str> {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => given.iter().find_map(|(name, value)| match known.get(name) {
            Some(known) => unknown(value, known),
            None => Some(name.as_str()),
        }),
        (Value::Array(given), Value::Array(known)) => given.iter().zip(known).find_map(|(a, b)| unknown(a, b)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preset(name: &str, ipc: u32) -> OwnPreset {
        let recipe = OwnRecipe::Distil(Recipe { ipc, seed: u64::MAX, ..Recipe::default() });
        OwnPreset { name: name.to_owned(), about: "for a test".to_owned(), recipe }
    }

    #[test]
    fn what_is_saved_is_listed_and_nothing_is_lost() {
        let place = tempfile::tempdir().unwrap();
        let folder = PresetFolder::below(place.path());
        assert_eq!(folder.list().unwrap(), Listed::default());
        let training = OwnRecipe::Train(TrainRecipe { epochs: 7, ..TrainRecipe::default() });
        let other = OwnPreset { recipe: training, ..preset("zwei", 1) };
        folder.save(&preset("eins", 1), false).unwrap();
        folder.save(&other, false).unwrap();
        // The same again changes nothing; another of the name needs to be told to replace it.
        folder.save(&preset("eins", 1), false).unwrap();
        assert!(matches!(folder.save(&preset("eins", 2), false), Err(PresetError::Taken(_))));
        folder.save(&preset("eins", 2), true).unwrap();
        assert_eq!(folder.list().unwrap(), Listed { presets: vec![preset("eins", 2), other], problems: vec![] });
        let aside = folder.put_aside("eins").unwrap();
        assert!(aside.ends_with("eins.json.removed-2"), "{}", aside.display());
        assert!(matches!(folder.named("eins"), Err(PresetError::Missing(_))));
        let first = place.path().join("presets/eins.json.removed");
        assert_eq!(parsed(&std::fs::read(first).unwrap(), "eins".to_owned()), Ok(preset("eins", 1)));
    }

    #[test]
    fn names_are_files_everywhere_and_not_the_programs() {
        let place = tempfile::tempdir().unwrap();
        let folder = PresetFolder::below(place.path());
        for (name, why) in [
            ("../up", "'_up'"),
            ("a b", "'a_b'"),
            ("", "'_'"),
            ("rded-cifar10", "comes with the program"),
            ("squeeze-tiny", "comes with the program"),
        ] {
            let error = folder.save(&preset(name, 1), true).unwrap_err().to_string();
            assert!(error.contains(why), "{name}: {error}");
        }
        assert!(matches!(folder.named("../up"), Err(PresetError::Missing(_))));
        assert!(!place.path().join("presets").exists());
    }

    #[test]
    fn what_is_passed_on_is_read_elsewhere_and_never_written_over() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("passed-on.json");
        write(&file, &preset("mine", 3)).unwrap();
        assert_eq!(read(&file).unwrap(), preset("passed-on", 3));
        assert!(matches!(write(&file, &preset("mine", 4)), Err(PresetError::Exists(_))));
    }

    #[test]
    fn files_that_are_no_presets_are_named_with_the_reason() {
        let place = tempfile::tempdir().unwrap();
        let good = String::from_utf8(spelt(&preset("good", 1))).unwrap();
        let own = OwnPreset { recipe: OwnRecipe::Train(TrainRecipe::default()), ..preset("good", 1) };
        let training = String::from_utf8(spelt(&own)).unwrap();
        // What is spelt by default or not is a recipe's all the same.
        let explicit =
            good.replace("\"ipc\": 1", "\"ipc\": 1, \"strategy\": \"realism\", \"short_classes\": \"refuse\"");
        assert_eq!(parsed(explicit.as_bytes(), "good".to_owned()), Ok(preset("good", 1)));
        for (text, why) in [
            ("nonsense".to_owned(), "this is no preset: expected"),
            ("{}".to_owned(), "it has no \"format\""),
            ("[".repeat(9000), "this is no preset"),
            (good.replace("\"format\": 1", "\"format\": 2"), "a newer program"),
            (good.replace("\"kind\": \"recipe\"", "\"kind\": \"dish\""), "neither"),
            (good.replace("\"kind\": \"recipe\"", "\"kind\": \"training\""), "its recipe can't be used"),
            (good.replace("\"ipc\": 1", "\"ipc\": 0"), "ipc is 0: give a whole number"),
            (good.replace("\"ipc\": 1", "\"ipc\": 1, \"stratgy\": \"random\""), "'stratgy', which no recipe has"),
            (good.replace("\"ipc\": 1", "\"ipc\": 1, \"ipc\": 2"), "duplicate field `ipc`"),
            (good.replace("\"crops\"", "\"crops\": 3, \"crops\""), "duplicate field `crops`"),
            (good.replace("\"about\"", "\"abuot\": \"\", \"about\""), "unknown field `abuot`"),
            (training.replace("\"epochs\"", "\"epoch\": 3, \"epochs\""), "'epoch', which no recipe has"),
        ] {
            let file = place.path().join("presets/bad.json");
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &text).unwrap();
            let error = read(&file).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("bad.json"), "{error}");
            assert_eq!(PresetFolder::below(place.path()).list().unwrap().problems, [error]);
        }
    }
}
