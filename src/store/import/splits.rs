//! Which folders of a root are its splits. A folder is one where it is called so and holds folders; a class may be
//! called so too (CIFAR-100 has a class "train"), so where names and contents leave it open, nothing is guessed.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::Path;

use super::super::files::{FileError, bytes_of};
use super::walk::{self, Survey};
use super::wrapper::{self, Inner};
use super::{Choice, ImportError, choose, counted, some_of};
use crate::core::data::dataset::Split;
use crate::core::data::folders::Folders;
use crate::core::data::names::{composed, escape};

/// Names of training splits; in lower case, without what people write before and behind them.
const TRAINING: [&str; 2] = ["train", "training"];

/// Names of held-out splits, the preferred ones first: the papers evaluate on `val`, and a test split may lack its labels.
const HELD_OUT: [&str; 9] = ["val", "valid", "validation", "dev", "eval", "evaluation", "holdout", "test", "testing"];

/// What stands before such a name: `seg_train`, `images_test`.
const BEFORE: [&str; 5] = ["seg", "images", "image", "imgs", "img"];

/// What stands behind it: `training_set`, `test_images`.
const BEHIND: [&str; 5] = ["set", "data", "images", "imgs", "split"];

/// A folder that is called like a split.
#[derive(Debug)]
struct Candidate {
    name: String,
    training: bool,
    /// Its place in the table of names: the lowest is preferred.
    rank: usize,
    /// Its folder of classes, relative to the root.
    inner: Inner,
    survey: Survey,
}

impl Candidate {
    /// Whether it has one of the names that are splits wherever they hold folders, whatever lies beside them.
    fn is_plain(&self) -> bool {
        matches!(self.name.as_str(), "train" | "val" | "test")
    }

    /// Its class folders in composed form; a copy that was made on a Mac spells the same names otherwise.
    fn classes(&self) -> HashSet<String> {
        self.survey.folders.iter().map(|name| composed(&escape(&bytes_of(name))).into_owned()).collect()
    }

    /// Whether all its images lie in one folder of its own name: `test/test/1.jpg` is a test set without labels.
    fn is_flat_within(&self, root: &Path) -> Result<bool, FileError> {
        let [only] = &self.survey.folders[..] else { return Ok(false) };
        let called_so = only.eq_ignore_ascii_case(&self.name) || role(only).is_some();
        if !called_so || self.survey.images > 0 {
            return Ok(false);
        }
        let inside = walk::survey(&self.inner.path(root).join(only))?;
        Ok(inside.folders.is_empty() && inside.images > 0)
    }
}

/// Whether a folder is called like a training or a held-out split, and its rank among their names.
pub(super) fn role(name: &std::ffi::OsStr) -> Option<(bool, usize)> {
    let plain: String = name.to_str()?.to_lowercase().chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect();
    let dated = plain.len().checked_sub(4).filter(|&at| plain.is_char_boundary(at)).map(|at| plain.split_at(at));
    let year =
        |text: &str| (text.starts_with("19") || text.starts_with("20")) && text.bytes().all(|b| b.is_ascii_digit());
    let plain = dated.filter(|(_, behind)| year(behind)).map_or(plain.as_str(), |(name, _)| name);
    let plain = BEFORE.iter().find_map(|before| plain.strip_prefix(before)).unwrap_or(plain);
    let plain = BEHIND.iter().find_map(|behind| plain.strip_suffix(behind)).unwrap_or(plain);
    let place = |names: &[&str]| names.iter().position(|known| *known == plain);
    place(&TRAINING).map(|rank| (true, rank)).or_else(|| place(&HELD_OUT).map(|rank| (false, rank)))
}

/// The split folders of a root.
#[derive(Debug, Default)]
pub(super) struct Splits {
    train: Option<Candidate>,
    test: Option<Candidate>,
    /// Folders beside them.
    beside: Vec<String>,
    note: Option<String>,
}

impl Splits {
    /// The splits among the folders that `survey` lists; none where all folders are classes.
    ///
    /// # Errors
    /// [`ImportError::InDoubt`] where they could be either.
    pub(super) fn of(root: &Path, survey: &Survey, folders: Folders) -> Result<Self, ImportError> {
        if folders == Folders::Classes {
            return Ok(Self::default());
        }
        let (called, others): (Vec<_>, Vec<_>) = survey.folders.iter().partition(|name| role(name).is_some());
        let only = others.is_empty() || folders == Folders::Splits;
        let (mut found, mut flat) = (Vec::new(), Vec::new());
        for (name, (training, rank)) in called.into_iter().filter_map(|name| Some((name, role(name)?))) {
            let (inner, survey) = wrapper::open(root, Inner::new(name))?;
            let candidate = Candidate { name: escape(&bytes_of(name)), training, rank, inner, survey };
            // A split holds folders, a class holds images. Where there is nothing but splits, a stray image among the
            // class folders changes nothing.
            let holds_classes = !candidate.survey.folders.is_empty() && (only || candidate.survey.images == 0);
            if holds_classes && (candidate.is_plain() || !candidate.is_flat_within(root)?) {
                found.push(candidate);
            } else if candidate.survey.images > 0 || holds_classes {
                flat.push(candidate);
            }
        }
        if found.is_empty() {
            return Self::without(root, (&flat, survey), folders, only);
        }
        // An exact spelling goes before others of the same word.
        found.sort_by(|a, b| (a.rank, !a.is_plain(), &a.name).cmp(&(b.rank, !b.is_plain(), &b.name)));
        let take = |training: bool, found: &mut Vec<Candidate>| {
            let at = found.iter().position(|candidate| candidate.training == training)?;
            Some(found.remove(at))
        };
        let (train, test) = (take(true, &mut found), take(false, &mut found));
        let used = |name: &OsString| [&train, &test].into_iter().flatten().any(|c| name == c.name.as_str());
        let beside = survey.folders.iter().filter(|n| !used(n)).map(|n| escape(&bytes_of(n))).collect();
        let mut splits = Self { train, test, beside, note: None };
        if folders == Folders::Auto {
            splits.doubt(root, &others, &flat)?;
        }
        Ok(splits)
    }

    /// What it means that no folder that is called like a split holds class folders.
    fn without(
        root: &Path,
        (flat, survey): (&[Candidate], &Survey),
        folders: Folders,
        only: bool,
    ) -> Result<Self, ImportError> {
        let in_root = |first: &Candidate| {
            let path = first.inner.path(root);
            ImportError::ImagesInRoot { path, images: first.survey.images }
        };
        match (folders, flat) {
            (Folders::Splits, [first, ..]) if first.survey.images > 0 => Err(in_root(first)),
            (Folders::Auto, [first, ..]) if only => {
                let names = some_of(flat.iter().map(|c| c.name.as_str()));
                let classes = counted(survey.folders.len(), "class", "classes");
                let why = format!(
                    "images lie directly in this folder's {names}, whose names are those of splits: as splits they lack \
                     their class folders ({}/<class>/<image>), as classes they are {classes}",
                    first.name
                );
                Err(ImportError::InDoubt { path: root.to_owned(), why })
            }
            (Folders::Splits, []) => {
                let note = "no folder here is called like a split (train, val, test, …): all are classes".to_owned();
                Ok(Self { note: Some(note), ..Self::default() })
            }
            _ => Ok(Self::default()),
        }
    }

    /// Fails where the found splits could as well be classes.
    fn doubt(&mut self, root: &Path, others: &[&OsString], flat: &[Candidate]) -> Result<(), ImportError> {
        let doubt = |why: String| ImportError::InDoubt { path: root.to_owned(), why };
        let (one, other) = match (&self.train, &self.test) {
            (Some(train), Some(test)) => (train, Some(test)),
            (Some(one), None) | (None, Some(one)) => (one, None),
            (None, None) => return Ok(()),
        };
        if let Some(other) = other {
            if one.classes().is_disjoint(&other.classes()) {
                let [one, other] = [one, other].map(|c| (c.is_plain(), &c.name));
                let differ = format!("{} and {} have no class folder in common", one.1, other.1);
                if !(one.0 && other.0) {
                    return Err(doubt(format!(
                        "{differ}: as splits their classes are not the same, as classes they are two of them, whatever \
                         lies in their folders"
                    )));
                }
                self.note = Some(differ);
            }
            return Ok(());
        }
        if others.is_empty() {
            return Ok(());
        }
        let depth = usize::from(!one.is_plain());
        let mut like_classes = Vec::new();
        for name in others {
            if holds_images(&root.join(name), depth)? {
                like_classes.push(escape(&bytes_of(name)));
            }
        }
        if like_classes.is_empty() {
            return Ok(());
        }
        like_classes.extend(flat.iter().map(|c| c.name.clone()));
        let beside = some_of(like_classes.iter().map(String::as_str));
        Err(doubt(format!(
            "{} is called like a split and holds folders, while beside it there are images in {beside}: as a split it is \
             opened alone, as classes all {} folders are classes",
            one.name,
            others.len() + flat.len() + 1
        )))
    }

    /// The split that is wanted, with its folder; `None` where the root has no splits.
    pub(super) fn chosen(&self, root: &Path, want: Split) -> Result<Option<(Choice, &Inner, &Survey)>, ImportError> {
        let name = |split: &Option<Candidate>, missing: &str| {
            split.as_ref().map_or_else(|| missing.to_owned(), |c| format!("{}/", c.inner.shown()))
        };
        let names = [name(&self.train, "train/"), name(&self.test, "val/ or test/ (with class folders)")];
        if self.train.is_none() && self.test.is_none() {
            return Ok(None);
        }
        let choice = choose(root, (self.train.is_some(), self.test.is_some()), &names, want)?;
        let chosen = if choice.split == Split::Train { &self.train } else { &self.test };
        Ok(chosen.as_ref().map(|c| (choice, &c.inner, &c.survey)))
    }

    /// What the user should know of an opened split.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        let beside = (!self.beside.is_empty() && (self.train.is_some() || self.test.is_some())).then(|| {
            format!("folders beside the splits passed over: {}", some_of(self.beside.iter().map(String::as_str)))
        });
        beside.into_iter().chain(self.note.clone())
    }
}

/// Whether images lie in a folder or up to `depth` folders below it.
fn holds_images(folder: &Path, depth: usize) -> Result<bool, FileError> {
    let inside = match walk::survey(folder) {
        Err(e) if e.source.kind() == std::io::ErrorKind::PermissionDenied => return Ok(false),
        other => other?,
    };
    if inside.images > 0 || depth == 0 {
        return Ok(inside.images > 0);
    }
    for name in &inside.folders {
        if holds_images(&folder.join(name), depth - 1)? {
            return Ok(true);
        }
    }
    Ok(false)
}
