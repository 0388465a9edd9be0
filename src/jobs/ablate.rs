//! A series of distillations and trainings as one queue, resumable, with one table at its end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::data::dataset::ClassId;
use crate::core::data::folders::Folders;
use crate::core::distil::curation::Curation;
use crate::core::distil::manifest::{Manifest, Program};
use crate::core::distil::recipe::{OutputFormat, Recipe};
use crate::core::distil::select::SelectError;
use crate::core::formats::csv::{Csv, Field};
use crate::core::param::{BadValue, Parameters as _};
use crate::core::progress::Progress;
use crate::core::train::ablation::{Entry, Series};
use crate::core::train::curve::{Curve, mean_and_std, top1s};
use crate::core::train::presets::Task;
use crate::engine::nets::{Arch, NetworkSpec};
use crate::store::ablation::{AblationFolder, AblationNote, EACH_METHODS_OWN, FORMAT, SetCost};
use crate::store::files::{FileError, read_small, replace, shown};
use crate::store::project::Project;
use crate::store::record::RecordError;
use crate::store::training::{ObserverSource, TrainingKind, TrainingNote};

use super::distill::{DistillError, DistillRequest, distill, enough_images};
use super::folder_set::MANIFEST;
use super::memory::Watch;
use super::open::ObserverRequest;
use super::refine;
use super::session::Session;
use super::train::{About, Compute, TrainJobError, TrainRequest, run, source, suggest};

/// What is compared.
#[derive(Clone, Debug)]
pub struct AblateRequest {
    /// The series.
    pub series: Series,
    /// What its recipes are made from.
    pub recipe: Recipe,
    /// The observer: chooses patches and labels.
    pub observer: ObserverRequest,
    /// The network of the students.
    pub student: Arch,
    /// Real images to evaluate on.
    pub evaluation: PathBuf,
    /// What its folders are.
    pub folders: Folders,
    /// Only the first so many of each class.
    pub evaluated_per_class: Option<u32>,
    /// The preset that teaches all students whom the observer labels; `None`: of each method its own.
    pub taught: Option<&'static str>,
    /// Training parameters that are the same for all entries, instead of the presets' own.
    pub training: Vec<(String, String)>,
    /// The output folder: `sets/`, `trainings/`, and a table `<series>.{json,csv}`. Series in one
    /// folder share what they have in common.
    pub out: PathBuf,
}

/// An entry's result.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: String,
    /// Distilled images.
    pub images: u64,
    /// Top-1 in percent, best of the evaluated epochs, of each seed.
    pub best: Vec<f64>,
    /// After the last epoch.
    pub last: Vec<f64>,
    /// Their means and standard deviations.
    pub best_mean_std: (f64, f64),
    /// See `best_mean_std`.
    pub last_mean_std: (f64, f64),
    /// Seconds of training, of all seeds.
    pub seconds: f64,
    /// What distilling cost; `None` of a set that was there before costs were kept.
    pub distilling: Option<SetCost>,
}

/// Why a series ended early; what was finished stays.
#[derive(Debug, thiserror::Error)]
pub enum AblateError {
    /// A distillation.
    #[error("{entry}: {source}")]
    Distill {
        /// The entry.
        entry: String,
        /// The cause.
        source: Box<DistillError>,
    },
    /// A training.
    #[error("{entry}: {source}")]
    Train {
        /// The entry.
        entry: String,
        /// The cause.
        source: Box<TrainJobError>,
    },
    /// A parameter of the series.
    #[error(transparent)]
    Series(BadValue),
    /// A training parameter.
    #[error("{entry}: {source}")]
    Parameter {
        /// The entry.
        entry: String,
        /// The cause.
        source: BadValue,
    },
    /// The students.
    #[error(transparent)]
    Student(Box<TrainJobError>),
    /// The output folder.
    #[error(transparent)]
    Folder(#[from] RecordError),
    /// A set that is there is another one.
    #[error("{}: was distilled with {what}; give another --out", shown(.set))]
    Another {
        /// Its folder.
        set: PathBuf,
        /// What differs.
        what: String,
    },
    /// The table.
    #[error(transparent)]
    File(#[from] FileError),
}

impl AblateError {
    /// Whether the user cancelled it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Distill { source, .. } => source.is_cancelled(),
            Self::Train { source, .. } => source.is_cancelled(),
            _ => false,
        }
    }
}

fn failed(entry: &Entry, error: TrainJobError) -> AblateError {
    AblateError::Train { entry: entry.name.clone(), source: Box::new(error) }
}

/// What a series tells as it goes on.
pub enum News<'a> {
    /// An epoch is over.
    Epoch(&'a TrainingNote),
    /// An entry is done.
    Row(&'a Row),
}

/// Runs a series, entry by entry; entries that are finished are not run again.
///
/// # Errors
/// [`AblateError`]; the same request goes on from there.
pub fn ablate(
    session: &mut Session,
    (project, request): (&Project, &AblateRequest),
    compute: Compute<'_>,
    progress: &mut dyn Progress,
    tell: &mut dyn FnMut(News<'_>),
) -> Result<Vec<Row>, AblateError> {
    let entries = request.series.entries(&request.recipe).map_err(AblateError::Series)?;
    let entries: Vec<Entry> = entries.into_iter().map(|entry| entry.taught_by(request.taught)).collect();
    check(session, request, &entries)?;
    let held = AblationFolder::begin(&request.out, &note(session, request))?;
    held.warning().into_iter().for_each(|text| progress.warn(text));
    let mut rows = Vec::new();
    for entry in entries {
        let data = ensure_set(session, (project, request), &entry, progress)?;
        let (training, notes) = training(session, request, &entry, data)?;
        notes.into_iter().for_each(|note| progress.warn(format!("{}: {note}", entry.name)));
        let report = run(&training, compute, progress, &mut |note| tell(News::Epoch(note)))
            .map_err(|error| failed(&entry, error))?;
        let images = u64::from(report.note.asked.images);
        let distilling = SetCost::of(&request.out, &entry.set());
        let result = result((&entry, distilling), images, &report.note);
        tell(News::Row(&result));
        rows.push(result);
        write(&request.out.join(request.series.name()), &rows)?;
    }
    Ok(rows)
}

/// Finds what would end the series after hours of its first entries.
fn check(session: &Session, request: &AblateRequest, entries: &[Entry]) -> Result<(), AblateError> {
    let (data, side) = (&session.dataset, session.observer.observer.spec.side);
    let student = NetworkSpec { arch: request.student, side, classes: data.classes().len() };
    if !student.fits() {
        let least = request.student.least_side();
        let error = TrainJobError::Side { student: request.student, side, least };
        return Err(AblateError::Student(Box::new(error)));
    }
    let classes: Vec<ClassId> = data.class_ids().collect();
    entries.iter().try_for_each(|entry| {
        let failed = |e: DistillError| AblateError::Distill { entry: entry.name.clone(), source: Box::new(e) };
        let enough = |recipe| enough_images(data, (&classes, &Curation::default()), &recipe);
        entry.recipe.rded().map_or(Ok(()), enough).map_err(|e| failed(SelectError::from(e).into()))?;
        refine::check(session, &entry.recipe, &[]).map_err(|e| failed(e.into()))
    })
}

/// What the folder's tables have in common.
fn note(session: &Session, request: &AblateRequest) -> AblationNote {
    let observer = &session.observer;
    let network = observer.observer.spec.arch.to_string();
    let images = match &request.series {
        // Methods that are compared have formats of their own, unless one is given to all of them.
        Series::Methods(methods) => {
            let given = methods.given.iter().find(|(name, _)| name == "format");
            let format = given.and_then(|(_, value)| value.parse::<OutputFormat>().ok());
            format.map_or_else(|| EACH_METHODS_OWN.to_owned(), |format| format.to_string())
        }
        _ => request.recipe.format.to_string(),
    };
    AblationNote {
        format: FORMAT,
        program: Program::this(),
        data: source(session.dataset.root(), session.dataset.fingerprint()),
        observer: ObserverSource { source: source(&observer.file, observer.observer.fingerprint.clone()), network },
        student: request.student.to_string(),
        images,
    }
}

/// The entry's distilled set, made unless it is there: its folder is absent or whole.
fn ensure_set(
    session: &mut Session,
    (project, request): (&Project, &AblateRequest),
    entry: &Entry,
    progress: &mut dyn Progress,
) -> Result<PathBuf, AblateError> {
    let out = request.out.join("sets").join(entry.set());
    if out.join("manifest.json").is_file() {
        return is_the_entrys(session, entry, &out).map(|()| out);
    }
    let sets = request.out.join("sets");
    std::fs::create_dir_all(&sets).map_err(FileError::at(&sets, "make this folder"))?;
    let classes = session.dataset.class_ids().collect();
    let distillation = DistillRequest {
        recipe: entry.recipe.clone(),
        classes,
        curation: Arc::default(),
        beside: Vec::new(),
        out: out.clone(),
    };
    let watch = Watch::begin();
    let report = distill(session, project, &distillation, progress, &mut |_, _| {})
        .map_err(|error| AblateError::Distill { entry: entry.name.clone(), source: Box::new(error) })?;
    let reused = report.cost.reused + report.refined.as_ref().map_or(0, |cost| cost.reused);
    let cost = SetCost { seconds: report.seconds, peak_rss_mib: watch.peak_mib(), reused };
    cost.keep(&request.out, &entry.set())?;
    Ok(out)
}

/// Whether a set that is there was made by the entry's recipe, from this dataset, by this observer.
fn is_the_entrys(session: &Session, entry: &Entry, set: &Path) -> Result<(), AblateError> {
    let other = |what: &str| AblateError::Another { set: set.to_owned(), what: what.to_owned() };
    let bytes = read_small(&set.join("manifest.json"), MANIFEST)?;
    let manifest = Manifest::parse(&bytes).map_err(|e| other(&format!("an unreadable manifest ({e})")))?;
    if manifest.recipe != entry.recipe {
        return Err(other("other parameters"));
    }
    if !manifest.by_rank() {
        return Err(other("a curation"));
    }
    if manifest.dataset.fingerprint != session.dataset.fingerprint() {
        return Err(other("another dataset"));
    }
    if manifest.observer.is_none_or(|o| o.fingerprint != session.observer.observer.fingerprint) {
        return Err(other("another observer"));
    }
    Ok(())
}

/// The entry's training, and what is to be known of its recipe. All entries train alike but for their labels.
fn training(
    session: &Session,
    request: &AblateRequest,
    entry: &Entry,
    data: PathBuf,
) -> Result<(TrainRequest, Vec<String>), AblateError> {
    let observer = &session.observer.observer;
    let about = About {
        data: &data,
        folders: Folders::Auto,
        images_per_class: None,
        observer: Some(&request.observer),
        labels: None,
        storing: false,
        student: request.student,
        side: Some(observer.spec.side),
        task: Task::Student,
    };
    let suggested = suggest(Some(entry.preset()), about).map_err(|error| failed(entry, error))?;
    let mut recipe = suggested.recipe;
    for (name, value) in &request.training {
        recipe.set(name, value).map_err(|source| AblateError::Parameter { entry: entry.name.clone(), source })?;
    }
    recipe.check().map_err(|source| AblateError::Parameter { entry: entry.name.clone(), source })?;
    let training = TrainRequest {
        class_order: session.observer.request.class_order,
        kind: TrainingKind::Train,
        name: Some(entry.title.clone()),
        data,
        evaluation: request.evaluation.clone(),
        folders: request.folders,
        holdout: session.dataset.holdout(),
        observer: entry.soft.then(|| request.observer.clone()),
        labels: None,
        initial: None,
        student: request.student,
        side: Some(observer.spec.side),
        mean_std: Some(observer.mean_std),
        images_per_class: None,
        evaluated_per_class: request.evaluated_per_class,
        recipe,
        out: request.out.join("trainings").join(entry.training()),
        checkpoint_every: TrainRequest::CHECKPOINT_EVERY,
    };
    Ok((training, suggested.notes))
}

fn result((entry, distilling): (&Entry, Option<SetCost>), images: u64, note: &TrainingNote) -> Row {
    let [best, last] = [Curve::best, Curve::last].map(|pick| top1s(&note.curves, pick));
    let spread = |values: &[f64]| mean_and_std(values).unwrap_or((f64::NAN, f64::NAN));
    Row {
        name: entry.name.clone(),
        title: entry.title.clone(),
        images,
        best_mean_std: spread(&best),
        last_mean_std: spread(&last),
        best,
        last,
        distilling,
        seconds: note.curves.iter().filter_map(|c| c.points.last()).map(|p| p.seconds).sum(),
    }
}

/// The table so far, as JSON and as CSV.
fn write(table: &Path, rows: &[Row]) -> Result<(), FileError> {
    // Rows are plain fields: writing them as JSON cannot fail.
    let json = serde_json::to_vec_pretty(rows).unwrap_or_default();
    replace(&table.with_extension("json"), &json)?;
    let columns = ["name", "title", "images", "best_mean", "best_std", "last_mean", "last_std", "seeds"];
    let costs = ["train_seconds", "distil_seconds", "distil_peak_rss_mib", "distil_reused"];
    let mut csv = Csv::new(columns.into_iter().chain(costs));
    for row in rows {
        let (best, last) = (row.best_mean_std, row.last_mean_std);
        let spread = [best.0, best.1, last.0, last.1].map(|percent| Field::fixed(percent, 2));
        let [name, title] = [&row.name, &row.title].map(|text| Field::from(text.as_str()));
        let cost = row.distilling;
        let costs = [
            Field::fixed(row.seconds, 1),
            cost.map_or_else(|| Field::from(""), |cost| Field::fixed(cost.seconds, 1)),
            cost.and_then(|cost| cost.peak_rss_mib).into(),
            cost.map(|cost| cost.reused as u64).into(),
        ];
        let results = [name, title, row.images.into()].into_iter().chain(spread).chain([row.best.len().into()]);
        csv.row(results.chain(costs));
    }
    replace(&table.with_extension("csv"), csv.into_text().as_bytes())
}
