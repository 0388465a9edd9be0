//! A training from its files to its folder: students on distilled images, observers on real ones.

pub(super) mod data;
mod initial;
mod labels;
mod request;
mod suggest;
mod teacher;
mod watch;

use std::path::Path;
use std::time::Instant;

use crate::core::data::normalise::MeanStd;
use crate::core::distil::manifest::Program;
use crate::core::progress::Progress;
use crate::core::train::recipe::{LabelSource, TrainRecipe};
use crate::engine::device::Picked;
use crate::engine::learn::Learner;
use crate::engine::learn::choice::{Moves, learner};
use crate::engine::learn::optimiser::Rule;
use crate::engine::nets::{Arch, NetworkSpec};
use crate::engine::plan::EngineError;
use crate::engine::train::{Start, Targets, TrainError, TrainImages, TrainJob, Trained, train};
use crate::engine::weights::{Kind, Precision, WeightError, Weights, file_bytes};
use crate::store::card::{self, Card, CardError};
use crate::store::fkd::FkdError;
use crate::store::import::ImportError;
use crate::store::labels::LabelError;
use crate::store::training::{
    FORMAT, Source, TrainingError, TrainingFolder, TrainingNote, TrainingStatus, seed_folder,
};

use self::data::{Stored, TrainingImages};
use self::initial::Initial;
use self::labels::{check_labels, check_stored, stored};
use self::watch::{Evaluator, Noted, RunWatch};
use super::open::{DataError, OpenError, OwnSide};
use super::session::device_class;
pub use data::ClassesError;
pub use initial::InitialWeights;
pub use request::{NoteError, TrainRequest};
pub use suggest::{About, suggest, suggest_own};
pub(super) use teacher::Teacher;

/// How to compute.
#[derive(Clone, Copy)]
pub struct Compute<'a> {
    /// The device.
    pub picked: &'a Picked,
    /// Worker threads; all cores by default.
    pub threads: Option<usize>,
}

/// A finished training.
#[derive(Clone, Debug)]
pub struct TrainReport {
    /// What its folder says.
    pub note: TrainingNote,
    /// Seconds of this call.
    pub seconds: f64,
    /// Steps of this call.
    pub steps: u64,
}

/// Why a training failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainJobError {
    /// The images.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// An image of a set that keeps floats.
    #[error("{0}")]
    Floats(String),
    /// A part of them.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The observer.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Classes that don't fit each other.
    #[error(transparent)]
    Classes(#[from] ClassesError),
    /// The folder.
    #[error(transparent)]
    Folder(#[from] TrainingError),
    /// Stored labels.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// Labels exchanged with FKD.
    #[error(transparent)]
    Fkd(#[from] FkdError),
    /// The training itself.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The device.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The trained weights.
    #[error(transparent)]
    Weights(#[from] WeightError),
    /// Their card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A network that doesn't fit the side.
    #[error(
        "{student} can't take images of side {side} (it needs {least} to 4096 pixels); give --side, or another --student"
    )]
    Side {
        /// The network.
        student: Arch,
        /// The side.
        side: usize,
        /// The least.
        least: usize,
    },
    /// Initial weights of another network.
    #[error("{path} holds a {found}, and a {student} is trained: give weights of a {student}, or --student {found}")]
    OtherNetwork {
        /// The file.
        path: String,
        /// What it holds.
        found: String,
        /// What is trained.
        student: Arch,
    },
    /// Initial weights that hang on the side of the images.
    #[error(
        "{path}: {count} of its tensors are for images of another side than {side}; give the --side that it was trained with"
    )]
    OtherSide {
        /// The file.
        path: String,
        /// The side that is trained on.
        side: usize,
        /// Tensors that don't fit.
        count: usize,
    },
    /// The recipe's parts contradict each other.
    #[error("{0}")]
    Recipe(String),
}

impl TrainJobError {
    /// Whether the user cancelled it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Train(TrainError::Cancelled(_)) | Self::Fkd(FkdError::Cancelled(_)))
    }
}

/// Trains all seeds of a request, or what is left of them. `each` hears of every epoch.
///
/// # Errors
/// [`TrainJobError`]; what was reached is kept in the folder, and the same request goes on from there.
pub fn run(
    request: &TrainRequest,
    compute: Compute<'_>,
    progress: &mut dyn Progress,
    each: &mut dyn FnMut(&TrainingNote),
) -> Result<TrainReport, TrainJobError> {
    let start = Instant::now();
    let mut noted = Noted { progress: &mut *progress, notes: Vec::new() };
    let (mut training, evaluator) = Training::open(request, compute, &mut noted)?;
    let opening = noted.notes;
    let asked = training.note(request, evaluator.fingerprint(), compute);
    let (folder, mut note) = TrainingFolder::begin(&request.out, asked)?;
    folder.warning().into_iter().for_each(|text| progress.warn(text));
    let seeds = || (0..u64::from(request.recipe.seeds.max(1))).map(|more| request.recipe.seed + more);
    if note.status == TrainingStatus::Done && seeds().all(|seed| folder.is_finished(seed)) {
        each(&note);
        return Ok(TrainReport { note, seconds: start.elapsed().as_secs_f64(), steps: 0 });
    }
    (note.status, note.detail, note.ended) = (TrainingStatus::Running, String::new(), None);
    let new: Vec<String> = opening.into_iter().filter(|text| !note.notes.contains(text)).collect();
    note.notes.extend(new);
    folder.save_note(&note)?;
    let mut steps = 0;
    let result = seeds().try_for_each(|seed| {
        let mut watch = RunWatch::new(
            (&folder, &mut note),
            (seed, request.checkpoint_every),
            &evaluator,
            (&mut *progress, &mut *each),
        );
        let finished = training.seed(seed, &folder, compute, &mut watch);
        steps += watch.steps();
        finished
    });
    let (status, detail) = match &result {
        Ok(()) => (TrainingStatus::Done, String::new()),
        Err(error) if error.is_cancelled() => (TrainingStatus::Paused, String::new()),
        Err(error) => (TrainingStatus::Failed, error.to_string()),
    };
    (note.status, note.detail, note.ended) = (status, detail, Some(seconds_since_1970()));
    // The first error is the one to tell.
    let saved = folder.save_note(&note);
    result?;
    saved?;
    each(&note);
    Ok(TrainReport { note, seconds: start.elapsed().as_secs_f64(), steps })
}

fn seconds_since_1970() -> u64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |d| d.as_secs())
}

/// Everything that a training needs, opened.
struct Training {
    recipe: TrainRecipe,
    pictures: TrainingImages,
    observer: Option<Teacher>,
    stored: Option<Stored>,
    initial: Option<Initial>,
    spec: NetworkSpec,
    mean_std: MeanStd,
    threads: usize,
}

impl Training {
    fn open(
        request: &TrainRequest,
        compute: Compute<'_>,
        progress: &mut dyn Progress,
    ) -> Result<(Self, Evaluator), TrainJobError> {
        check_labels(request)?;
        let threads = compute.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        let pictures = TrainingImages::open(&request.learnt_from(), request.images_per_class, threads, progress)?;
        let pictures = if request.recipe.decode_first { pictures.apart()? } else { pictures };
        let observer = match &request.observer {
            Some(observer) if request.recipe.labels != LabelSource::Hard => {
                let mut teacher = Teacher::open(observer, &pictures, compute.picked, progress)?;
                teacher.look(&pictures, threads, progress)?;
                Some(teacher)
            }
            _ => None,
        };
        let of_observer = observer.as_ref().map(|t| &t.observer);
        let labels = stored(request)?;
        let header = labels.as_ref().map(|l| l.reader.header());
        let side = request.side.or(of_observer.map(|o| o.spec.side)).or(header.map(|h| h.side as usize));
        let side = side.unwrap_or_else(|| {
            let own = OwnSide::of(pictures.dataset());
            own.and_then(OwnSide::note).into_iter().for_each(|note| progress.warn(note));
            own.map_or(32, |own| own.side)
        });
        let spec = NetworkSpec { arch: request.student, side, classes: pictures.dataset().classes().len() };
        if side > 4096 || !spec.fits() {
            return Err(TrainJobError::Side { student: spec.arch, side, least: spec.arch.least_side() });
        }
        if let Some(other) = of_observer.map(|o| o.spec.side).filter(|&s| s != side) {
            return Err(TrainJobError::Recipe(format!(
                "the observer labels images of side {other}, the student would train on side {side}: give --side {other}"
            )));
        }
        let initial = request.initial.as_ref().map(|initial| Initial::open(initial, &spec, progress)).transpose()?;
        let mean_std = request.mean_std.or(of_observer.map(|o| o.mean_std)).or(header.map(|h| h.normalise));
        let mean_std = mean_std.or(initial.as_ref().and_then(|i| i.mean_std)).unwrap_or(MeanStd::IMAGENET);
        if let Some(labels) = &labels {
            check_stored(labels, &request.recipe, (&pictures, &spec, mean_std), of_observer)?;
        }
        let evaluator = Evaluator::open(request, (&pictures, &spec, mean_std), (compute.picked, threads), progress)?;
        let recipe = request.recipe.clone();
        Ok((Self { recipe, pictures, observer, stored: labels, initial, spec, mean_std, threads }, evaluator))
    }

    fn note(&self, request: &TrainRequest, evaluated: String, compute: Compute<'_>) -> TrainingNote {
        TrainingNote {
            format: FORMAT,
            program: Program::this(),
            name: request.name.clone().unwrap_or_else(|| named(&request.out)),
            kind: request.kind,
            data: source(&request.data, self.pictures.fingerprint.clone()),
            evaluation: source(&request.evaluation, evaluated),
            observer: self.observer.as_ref().map(Teacher::source),
            labels: self.stored.as_ref().map(|s| source(&s.path, s.fingerprint())),
            initial: self.initial.as_ref().map(Initial::source),
            student: self.spec.arch.to_string(),
            side: self.spec.side as u32,
            normalise: self.mean_std,
            classes: self.pictures.class_labels(),
            recipe: self.recipe.clone(),
            settings: self.observer.as_ref().map(Teacher::settings).unwrap_or_default(),
            asked: request.asked(self.pictures.count()),
            device: device_class(&compute.picked.info),
            status: TrainingStatus::Running,
            detail: String::new(),
            began: seconds_since_1970(),
            ended: None,
            notes: Vec::new(),
            curves: Vec::new(),
        }
    }

    /// Trains one seed, unless it is finished already.
    fn seed(
        &mut self,
        seed: u64,
        folder: &TrainingFolder,
        compute: Compute<'_>,
        watch: &mut RunWatch<'_>,
    ) -> Result<(), TrainJobError> {
        if folder.is_finished(seed) {
            return Ok(());
        }
        let checkpoint = folder.checkpoint(seed)?;
        let images = TrainImages { labels: &self.pictures.labels, image: &|at| self.pictures.image(at) };
        let (recipe, spec) = (&self.recipe, &self.spec);
        let job = TrainJob { spec, images, recipe, mean_std: self.mean_std, seed, threads: self.threads };
        let targets = match (&mut self.stored, &mut self.observer) {
            (Some(stored), _) => Targets::Stored(stored),
            (None, Some(t)) => Targets::Observer { engine: t.engine.as_mut(), outputs: &t.outputs, batch: t.batch },
            (None, None) => Targets::Classes,
        };
        let device = compute.picked;
        let moves = Moves { rule: Rule::of(recipe), body: self.initial.as_ref().map_or(1.0, Initial::rate) };
        let mut new =
            |weights: &Weights| -> Result<Box<dyn Learner>, EngineError> { learner(spec, weights, moves, device) };
        let start = match (&checkpoint, &self.initial) {
            (Some(bytes), _) => Start::Checkpoint(bytes),
            (None, Some(initial)) => Start::From(&initial.weights),
            (None, None) => Start::Seed,
        };
        let trained = train(job, &mut new, targets, start, watch)?;
        self.finish(seed, folder, &trained, watch)
    }

    /// Writes a finished seed's weights with their cards.
    fn finish(
        &self,
        seed: u64,
        folder: &TrainingFolder,
        trained: &Trained,
        watch: &mut RunWatch<'_>,
    ) -> Result<(), TrainJobError> {
        let graph = self.spec.graph();
        let kind = (Kind::Safetensors, Precision::Full);
        let bytes = |weights: &Weights| file_bytes("student.safetensors", (&graph, weights), kind);
        let last = bytes(&trained.weights)?;
        let best = trained.best.as_ref().map_or_else(|| Ok(last.clone()), bytes)?;
        watch.set_curve(trained.curve.clone())?;
        let top1 = |e: Option<crate::core::train::curve::Evaluated>| e.map(|e| (e.top1 * 100.0).round() / 100.0);
        let cards = [("student", top1(trained.curve.last())), ("best", top1(trained.curve.best()))];
        for (name, top1) in cards {
            let file = seed_folder(folder.folder(), seed).join(format!("{name}.safetensors"));
            let begun = self.initial.as_ref().map_or_else(String::new, |i| format!(", begun with {}", i.name()));
            let (epochs, data) = (self.recipe.epochs, self.pictures.name());
            let source = format!("trained by stillroom: {epochs} epochs on {data}{begun}");
            let card = Card {
                arch: Some(self.spec.arch.to_string()),
                side: Some(self.spec.side as u32),
                mean: Some(self.mean_std.mean),
                std: Some(self.mean_std.std),
                classes: Some(self.pictures.class_labels()),
                top1,
                source: Some(source),
            };
            // Before the weights: what is finished is not looked at again.
            folder.make_seed(seed)?;
            card::write(&file, &card)?;
        }
        Ok(folder.finish_seed(seed, &last, &best)?)
    }
}

/// A file or folder as records name it.
pub(super) fn source(path: &Path, fingerprint: String) -> Source {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Source { name: named(path), path: whole, fingerprint }
}

fn named(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
