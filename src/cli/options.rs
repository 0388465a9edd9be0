//! Options that several commands share.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Arg, ArgMatches, Args};

use crate::core::data::class_order::ClassOrder;
use crate::core::data::dataset::{Dataset, Split};
use crate::core::data::folders::Folders;
use crate::core::data::holdout::Holdout;
use crate::core::data::normalise::MeanStd;
use crate::core::distil::recipe::Recipe;
use crate::core::param::{Kind, Parameters};
use crate::core::progress::Progress as _;
use crate::core::train::recipe::TrainRecipe;
use crate::jobs::open::{DatasetRequest, ObserverRequest, fitting, observer};
use crate::jobs::session::Session;
use crate::jobs::{Arch, DeviceChoice, Picked, pick};
use crate::store::project::Project;

use super::{Console, Failure};

/// Where to compute, and what is told of it.
#[derive(clap::Args, Clone, Debug)]
pub struct ComputeArgs {
    /// auto, cpu, wgpu[:n], cuda[:n] or vulkan[:n]
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
    /// Worker threads (results don't depend on it)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub threads: Option<u32>,
    /// Progress and warnings as JSON lines on standard output too
    #[arg(long)]
    pub json: bool,
}

impl ComputeArgs {
    /// Picks the device and tells which; also sets the number of threads of the CPU backend.
    pub fn pick(&self, console: &Console) -> Result<Picked, Failure> {
        if let Some(threads) = self.threads {
            // Fails only if a pool exists already, which then keeps its size.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(threads as usize).build_global();
        }
        let picked = pick(self.device)?;
        console.say(&format!("device: {} – {} ({})", picked.info.id, picked.info.name, picked.reason));
        Ok(picked)
    }

    /// The number of threads that was given.
    pub fn threads(&self) -> Option<usize> {
        self.threads.map(|n| n as usize)
    }
}

/// What a weight file doesn't say.
#[derive(clap::Args, Clone, Debug)]
pub struct NetworkArgs {
    /// Which of the networks in the weight file, where it holds several (student, teacher, …)
    #[arg(long, value_name = "NAME")]
    pub part: Option<String>,
    /// The network, where its keys don't tell (conv3, resnet20_cifar, resnet18_modified, …)
    #[arg(long)]
    pub arch: Option<Arch>,
    /// Side of the network's input in pixels
    #[arg(long)]
    pub side: Option<usize>,
    /// Normalisation: imagenet, half, cifar10, tiny, none, or m,m,m,s,s,s
    #[arg(long, allow_hyphen_values = true)]
    pub mean_std: Option<MeanStd>,
    /// JSON file: which output belongs to which class
    #[arg(long, value_name = "FILE")]
    pub class_map: Option<PathBuf>,
    /// Order of the outputs where classes are integers and nothing else tells: number, text (torchvision's), or auto, which
    /// is number unless `check` or `distill` finds that the network answers in order of text
    #[arg(long, default_value_t)]
    pub class_order: ClassOrder,
}

impl NetworkArgs {
    /// The request for a weight file with these options.
    pub fn observer(&self, file: PathBuf) -> ObserverRequest {
        ObserverRequest {
            file,
            part: self.part.clone(),
            arch: self.arch,
            side: self.side,
            mean_std: self.mean_std,
            class_map: self.class_map.clone(),
            class_order: self.class_order,
            ..ObserverRequest::default()
        }
    }
}

/// How to run an observer.
#[derive(clap::Args, Clone, Debug)]
pub struct Common {
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Images per forward pass (results don't depend on it)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub batch: Option<u32>,
    #[command(flatten)]
    pub compute: ComputeArgs,
}

impl Common {
    /// Opens a dataset for an observer, and tells what was found.
    pub fn open(
        &self,
        data: &DatasetRequest,
        want: Split,
        request: &ObserverRequest,
        console: &mut Console,
    ) -> Result<Arc<Dataset>, Failure> {
        let (dataset, note) = fitting(request, open_dataset(data, want, console)?);
        note.into_iter().for_each(|note| console.warn(note));
        Ok(dataset)
    }

    /// Loads the weight file and puts it on the device.
    pub fn session(
        &self,
        request: &ObserverRequest,
        dataset: Arc<Dataset>,
        console: &mut Console,
    ) -> Result<Session, Failure> {
        self.compute.session(request, dataset, self.batch, console)
    }
}

impl ComputeArgs {
    /// Loads a weight file and puts it on the device; `batch` is the number of images per forward pass.
    pub fn session(
        &self,
        request: &ObserverRequest,
        dataset: Arc<Dataset>,
        batch: Option<u32>,
        console: &mut Console,
    ) -> Result<Session, Failure> {
        let opened = observer(request, &dataset)?;
        for note in &opened.notes {
            console.warn(note.clone());
        }
        let about = &opened.observer;
        console.say(&format!(
            "observer: {} at side {}, {} outputs, mean/std {} ({} tensors used, {} unused)",
            about.spec.arch,
            about.spec.side,
            about.spec.classes,
            about.normalisation(),
            about.report.used.len(),
            about.report.unused.len()
        ));
        for note in &about.report.notes {
            console.say(note);
        }
        if let Some(first) = about.report.unused.first() {
            let count = about.report.unused.len();
            console.warn(format!("{}: {count} tensors have no place in the network, {first} first", about.name));
        }
        let picked = self.pick(console)?;
        let limits = (batch.map(|n| n as usize), self.threads());
        Ok(Session::new(dataset, Arc::new(opened), &picked, limits)?)
    }
}

/// What a dataset's folder leaves open.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct ReadingArgs {
    /// What the data's folders are where it is in doubt: splits (train, test, …) or classes
    #[arg(long, value_name = "splits|classes", default_value = "auto", hide_default_value = true)]
    pub folders: Folders,
    /// Where the data has no test split: this share of each class's images is kept out of distilling and training, and
    /// judged by alone; the same value, the same images in every command (0.1, or with a seed 0.1:7)
    #[arg(long, value_name = "SHARE")]
    pub holdout: Option<Holdout>,
}

impl ReadingArgs {
    /// The dataset in a folder.
    pub fn of(self, path: &std::path::Path) -> DatasetRequest {
        DatasetRequest { path: path.to_owned(), folders: self.folders, holdout: self.holdout }
    }
}

/// Opens a dataset and tells what was found.
pub fn open_dataset(data: &DatasetRequest, want: Split, console: &mut Console) -> Result<Arc<Dataset>, Failure> {
    let imported = if want == Split::Test { data.evaluation()? } else { data.training()? };
    for note in imported.notes {
        console.warn(note);
    }
    let data = imported.dataset;
    console.say(&format!("dataset: {} images of {} classes", data.image_count(), data.classes().len()));
    Ok(Arc::new(data))
}

/// Opens the project that keeps the scores, and tells what is to be known of it.
pub fn open_project(folder: Option<&std::path::Path>, console: &mut Console) -> Result<Project, Failure> {
    let project = Project::open(&folder.map_or_else(Project::default_dir, |folder| Ok(folder.to_owned()))?)?;
    project.warning().into_iter().for_each(|text| console.warn(text));
    Ok(project)
}

/// A recipe whose parameters are flags.
pub trait Flags: Parameters + Default {
    /// Whether the values that no flag gives hang on a preset.
    const BY_PRESET: bool;
}

impl Flags for Recipe {
    const BY_PRESET: bool = false;
}

impl Flags for TrainRecipe {
    const BY_PRESET: bool = true;
}

/// The parameters of a recipe as flags, from its table.
#[derive(Clone, Debug)]
pub struct RecipeArgs<R>(Vec<(&'static str, String)>, std::marker::PhantomData<R>);

impl<R: Flags> RecipeArgs<R> {
    /// The names of the flags that were given.
    pub fn given(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().map(|(name, _)| *name)
    }

    /// `base` with the flags that were given.
    pub fn apply(&self, mut base: R) -> Result<R, Failure> {
        for (name, value) in &self.0 {
            base.set(name, value).map_err(|e| Failure::Usage(e.to_string()))?;
        }
        Ok(base)
    }

    /// As [`Self::apply`], one recipe for each of the values that the flag `name` lists between commas; and whether it
    /// lists more than one.
    pub fn apply_each(&self, base: &R, name: &str) -> Result<(Vec<R>, bool), Failure>
    where
        R: Clone,
    {
        let listed = self.0.iter().find(|(given, _)| *given == name).map_or("", |(_, value)| value);
        let values: Vec<&str> = listed.split(',').collect();
        if let Some(twice) = values.iter().enumerate().find(|(i, v)| values[..*i].contains(v)) {
            return Err(Failure::Usage(format!("--{name} {listed}: {} stands there twice", twice.1)));
        }
        let of = |value: &str| {
            let one = |(given, old): &(&'static str, String)| {
                (*given, if *given == name { value.to_owned() } else { old.clone() })
            };
            Self(self.0.iter().map(one).collect(), std::marker::PhantomData).apply(base.clone())
        };
        Ok((values.iter().map(|v| of(v)).collect::<Result<_, _>>()?, values.len() > 1))
    }
}

impl<R: Flags> Args for RecipeArgs<R> {
    fn augment_args(command: clap::Command) -> clap::Command {
        R::table().iter().fold(command, |command, p| {
            let range = match p.kind {
                Kind::Integer { min, max: u64::MAX } => format!("from {min}, "),
                Kind::Integer { min, max } => format!("{min} to {max}, "),
                Kind::Number { min, max } => format!("{min} to {max}, "),
                Kind::Name(names) => format!("{}, ", names.join("|")),
                Kind::Form(forms) => format!("{}, ", forms.join("|")),
                Kind::Choice(_) | Kind::Format => String::new(),
            };
            let default = match (p.get)(&R::default()) {
                Some(value) if !R::BY_PRESET => format!("default {value}"),
                _ => "default: the preset's".to_owned(),
            };
            command
                .arg(Arg::new(p.name).long(p.name).value_name("VALUE").help(format!("{} [{range}{default}]", p.help)))
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl<R: Flags> clap::FromArgMatches for RecipeArgs<R> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        // In the table's order: what belongs to an optimiser comes after it.
        let given = R::table().iter().filter_map(|p| Some((p.name, matches.get_one::<String>(p.name)?.clone())));
        Ok(Self(given.collect(), std::marker::PhantomData))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Options of the window.
#[derive(clap::Args, Debug)]
pub struct Window {
    /// Dataset folder to open in the window [default: what the project was left with, at first the built-in sample]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// How it is read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Observer to load in the window
    #[arg(long, value_name = "FILE")]
    pub observer: Option<PathBuf>,
    /// Begin with an empty window, whatever the project was left with; its scores and runs stay
    #[arg(long)]
    pub fresh: bool,
    /// Project folder [default: stillroom/default in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Device that computes: auto, cpu, wgpu[:n], cuda[:n] or vulkan[:n]
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
}
