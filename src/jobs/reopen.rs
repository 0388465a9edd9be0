//! What a window had open: how it is kept, asked for again, and found again where it was moved.

use std::path::{Path, PathBuf};

use crate::core::data::dataset::Dataset;
use crate::core::data::folders::Folders;
use crate::engine::nets::UnknownArch;
use crate::jobs::open::{self, DatasetRequest, ObserverRequest, OpenedObserver};
use crate::store::class_map;
use crate::store::files::KeptPath;
use crate::store::window::{KeptDataset, KeptObserver, WindowState};

/// A dataset or a file that is no longer where it was.
#[derive(Clone, Debug, PartialEq)]
pub enum Lost {
    /// The dataset's folder.
    Dataset(KeptDataset),
    /// The observer's weights.
    Observer(KeptObserver),
    /// The observer's class map.
    ClassMap(PathBuf),
}

impl Lost {
    /// What it is, for labels.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dataset(_) => "The dataset's folder",
            Self::Observer(_) => "The observer's weight file",
            Self::ClassMap(_) => "The observer's class map",
        }
    }

    /// Whether it is a dataset's folder.
    #[must_use]
    pub fn is_dataset(&self) -> bool {
        matches!(self, Self::Dataset(_))
    }

    /// Where it was.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Dataset(kept) => &kept.path,
            Self::Observer(kept) => &kept.file,
            Self::ClassMap(path) => path,
        }
    }
}

/// What lies in another place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The same, by its fingerprint.
    Same,
    /// Something else of the kind, in words.
    Other(String),
    /// Something of the kind; what it should be is not known.
    Unknown,
}

/// What of a state has gone. Only asks whether paths exist.
#[must_use]
pub fn lost(state: &WindowState) -> Vec<Lost> {
    // What can't be asked about is tried, and then says why it can't be opened.
    let gone = |path: &Path| matches!(path.try_exists(), Ok(false));
    let mut lost = Vec::new();
    lost.extend(state.dataset.clone().map(Lost::Dataset));
    if let Some(observer) = &state.observer {
        lost.push(Lost::Observer(observer.clone()));
        lost.extend(observer.class_map.iter().map(|map| Lost::ClassMap(map.0.clone())));
    }
    lost.retain(|lost| gone(lost.path()));
    lost
}

/// Whether what lies at `path` is what was lost.
///
/// # Errors
/// Why nothing of the kind can be opened there, in words.
pub fn look(lost: &Lost, path: &Path) -> Result<Match, String> {
    match lost {
        Lost::Dataset(kept) => dataset_at(kept, path),
        Lost::Observer(kept) => observer_at(kept, path),
        Lost::ClassMap(_) => class_map::read(path).map(|_| Match::Unknown).map_err(|e| e.to_string()),
    }
}

fn dataset_at(kept: &KeptDataset, path: &Path) -> Result<Match, String> {
    let request = DatasetRequest { path: path.to_owned(), ..dataset_request(kept) };
    let found = request.training().map_err(|e| e.to_string())?.dataset;
    if kept.fingerprint.is_empty() {
        return Ok(Match::Unknown);
    }
    // An observer may have left classes without images aside.
    let same = |dataset: &Dataset| dataset.fingerprint() == kept.fingerprint;
    let (classes, images) = (found.classes().len(), found.image_count());
    if same(&found) || found.without_empty().as_ref().is_some_and(same) {
        return Ok(Match::Same);
    }
    let words = if (classes, images) == (kept.classes, kept.images) {
        "its classes or images have other names".to_owned()
    } else {
        format!("it has {images} images of {classes} classes, not {} of {}", kept.images, kept.classes)
    };
    Ok(Match::Other(words))
}

fn observer_at(kept: &KeptObserver, path: &Path) -> Result<Match, String> {
    let request = ObserverRequest { file: path.to_owned(), ..observer_request(kept).map_err(|e| e.to_string())? };
    let found = open::network(&request).map_err(|e| e.to_string())?.observer;
    let fingerprint = match &kept.rows {
        Some(rows) => found.pruned_fingerprint(rows),
        None => found.fingerprint.clone(),
    };
    Ok(match () {
        () if kept.fingerprint.is_empty() => Match::Unknown,
        () if kept.fingerprint == fingerprint => Match::Same,
        () if kept.network == found.spec.arch.to_string() => Match::Other("its weights are others".to_owned()),
        () => Match::Other(format!("it holds {}, not {}", found.spec.arch, kept.network)),
    })
}

/// The request that opens a kept dataset.
#[must_use]
pub fn dataset_request(kept: &KeptDataset) -> DatasetRequest {
    DatasetRequest { path: kept.path.clone(), folders: kept.folders, holdout: kept.holdout }
}

/// The request that loads a kept observer.
///
/// # Errors
/// [`UnknownArch`] of a network that this program doesn't have.
pub fn observer_request(kept: &KeptObserver) -> Result<ObserverRequest, UnknownArch> {
    Ok(ObserverRequest {
        file: kept.file.clone(),
        part: kept.part.clone(),
        arch: kept.arch.as_deref().map(str::parse).transpose()?,
        side: kept.side,
        mean_std: kept.mean_std,
        class_map: kept.class_map.as_ref().map(|map| map.0.clone()),
        class_order: kept.class_order,
        // Kept with what was edited, by names of classes.
        outputs: None,
        prune: kept.prune,
    })
}

/// An open dataset, to be kept.
#[must_use]
pub fn kept_dataset(dataset: &Dataset, folders: Folders, fingerprint: &str) -> KeptDataset {
    KeptDataset {
        path: absolute(dataset.root()),
        folders,
        holdout: dataset.holdout(),
        fingerprint: fingerprint.to_owned(),
        classes: dataset.classes().len(),
        images: dataset.image_count(),
    }
}

/// A loaded observer, to be kept.
#[must_use]
pub fn kept_observer(opened: &OpenedObserver) -> KeptObserver {
    let request = &opened.request;
    KeptObserver {
        file: absolute(&opened.file),
        part: request.part.clone(),
        arch: request.arch.map(|arch| arch.to_string()),
        side: request.side,
        mean_std: request.mean_std,
        class_map: request.class_map.as_deref().map(|map| KeptPath(absolute(map))),
        class_order: request.class_order,
        prune: request.prune,
        fingerprint: opened.observer.fingerprint.clone(),
        rows: opened.kept.clone(),
        network: opened.observer.spec.arch.to_string(),
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only names are read.
    fn images(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
    }

    #[test]
    fn a_moved_dataset_is_known_by_its_names_and_another_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        images(&at("old"), &["a/1.png", "a/2.png", "b/1.png"]);
        let dataset = DatasetRequest::whole(&at("old")).training().unwrap().dataset;
        let kept = kept_dataset(&dataset, Folders::Auto, &dataset.fingerprint());
        let state = WindowState { dataset: Some(kept.clone()), ..WindowState::default() };
        assert_eq!(lost(&state), []);
        std::fs::rename(at("old"), at("new")).unwrap();
        assert_eq!(lost(&state), [Lost::Dataset(kept.clone())]);
        let look = |name: &str| look(&Lost::Dataset(kept.clone()), &at(name));
        assert_eq!(look("new").unwrap(), Match::Same);
        images(&at("more"), &["a/1.png", "a/2.png", "b/1.png", "b/2.png"]);
        let words = "it has 4 images of 2 classes, not 3 of 2";
        assert_eq!(look("more").unwrap(), Match::Other(words.to_owned()));
        images(&at("renamed"), &["a/1.png", "a/2.png", "c/1.png"]);
        assert_eq!(look("renamed").unwrap(), Match::Other("its classes or images have other names".to_owned()));
        assert!(look("old").unwrap_err().contains("old: cannot open: it does not exist"));
    }

    #[test]
    fn what_is_kept_of_an_observer_asks_for_it_again() {
        let arch = Some("conv3x8".to_owned());
        let class_map = Some(KeptPath("/m/map.json".into()));
        let kept = KeptObserver { file: "/m/a.pth".into(), arch, class_map, prune: true, ..KeptObserver::default() };
        let request = observer_request(&kept).unwrap();
        assert_eq!((request.arch.unwrap().to_string().as_str(), request.prune), ("conv3x8", true));
        assert_eq!(request.class_map.as_deref(), Some(Path::new("/m/map.json")));
        let unknown = KeptObserver { arch: Some("conv9000".to_owned()), ..kept };
        assert!(observer_request(&unknown).unwrap_err().to_string().contains("conv9000"));
    }
}
