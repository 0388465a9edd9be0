//! `stillroom train` and `stillroom pretrain`.

use std::path::PathBuf;
use std::time::Duration;

use crate::core::data::class_order::ClassOrder;
use crate::core::data::normalise::MeanStd;
use crate::core::param::Parameters as _;
use crate::core::train::curve::{Curve, mean_and_std, top1s};
use crate::core::train::presets::Task;
use crate::core::train::recipe::TrainRecipe;
use crate::jobs::Arch;
use crate::jobs::train::{About, Compute, InitialWeights, TrainReport, TrainRequest, run};
use crate::store::files::shown;
use crate::store::training::{TrainingKind, TrainingNote};

use super::console::{peak_rss_mib, print_line, tell};
use super::options::{ComputeArgs, NetworkArgs, ReadingArgs, RecipeArgs};
use super::{Console, Failure, presets};

/// What both commands take.
#[derive(clap::Args)]
struct Shared {
    /// The network that is trained (see `stillroom networks`)
    #[arg(long, value_name = "NAME")]
    student: Arch,
    /// Only the first N images of each class are evaluated [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    val_limit: Option<u32>,
    /// Output folder; one that holds the same training is continued
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Seconds between checkpoints: the work that a kill may cost
    #[arg(long, value_name = "SECONDS", default_value_t = TrainRequest::CHECKPOINT_EVERY.as_secs())]
    checkpoint_every: u64,
    /// A paper's recipe, or one of your own by its name or file; other flags override it
    #[arg(long, value_name = "NAME|FILE.json")]
    preset: Option<String>,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    recipe: RecipeArgs<TrainRecipe>,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// Arguments of `train`.
#[derive(clap::Args)]
pub struct TrainArgs {
    /// The distilled folder
    #[arg(long, value_name = "DISTILLED")]
    data: PathBuf,
    /// Real images to evaluate on; their test split is used where there is one
    #[arg(long, value_name = "DIR")]
    val: PathBuf,
    /// The observer that labels
    #[arg(long, value_name = "FILE")]
    observer: Option<PathBuf>,
    /// Folder of labels that `relabel` wrote; their recipe is taken
    #[arg(long, value_name = "DIR")]
    stored_labels: Option<PathBuf>,
    /// Only the first N images of each class are trained on [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    ipc: Option<u32>,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    shared: Shared,
}

/// Arguments of `pretrain`.
#[derive(clap::Args)]
pub struct PretrainArgs {
    /// The dataset; it learns from the training split and is evaluated on the test split
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Side of the network's input in pixels [default: that of the images]
    #[arg(long)]
    side: Option<usize>,
    /// Normalisation: imagenet, half, cifar10, tiny, none, or m,m,m,s,s,s
    #[arg(long, allow_hyphen_values = true)]
    mean_std: Option<MeanStd>,
    /// Begin with the weights of this file, of the same network and any classes; only the last layer is new
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// Multiplies the learning rate of all that comes from --init, e.g. 0.1; 0 keeps it as it is [default: 1]
    #[arg(long, value_name = "FACTOR", requires = "init")]
    init_rate: Option<f64>,
    #[command(flatten)]
    shared: Shared,
}

/// Trains students; the last line on standard output is JSON.
pub fn train(args: &TrainArgs) -> Result<(), Failure> {
    let observer = args.observer.clone().map(|file| args.network.observer(file));
    let request = TrainRequest {
        kind: TrainingKind::Train,
        name: None,
        data: args.data.clone(),
        evaluation: args.val.clone(),
        folders: args.shared.reading.folders,
        holdout: args.shared.reading.holdout,
        observer,
        labels: args.stored_labels.clone(),
        class_order: args.network.class_order,
        initial: None,
        student: args.shared.student,
        side: args.network.side,
        mean_std: args.network.mean_std,
        images_per_class: args.ipc,
        evaluated_per_class: args.shared.val_limit,
        recipe: TrainRecipe::default(),
        out: args.shared.out.clone(),
        checkpoint_every: Duration::from_secs(args.shared.checkpoint_every),
    };
    execute(request, &args.shared)
}

/// Trains an observer; the last line on standard output is JSON.
pub fn pretrain(args: &PretrainArgs) -> Result<(), Failure> {
    let request = TrainRequest {
        kind: TrainingKind::Pretrain,
        name: None,
        data: args.data.clone(),
        evaluation: args.data.clone(),
        folders: args.shared.reading.folders,
        holdout: args.shared.reading.holdout,
        observer: None,
        labels: None,
        class_order: ClassOrder::Auto,
        initial: args.init.clone().map(|file| InitialWeights { file, rate: args.init_rate.unwrap_or(1.0) }),
        student: args.shared.student,
        side: args.side,
        mean_std: args.mean_std,
        images_per_class: None,
        evaluated_per_class: args.shared.val_limit,
        recipe: TrainRecipe::default(),
        out: args.shared.out.clone(),
        checkpoint_every: Duration::from_secs(args.shared.checkpoint_every),
    };
    execute(request, &args.shared)
}

/// Takes the preset's recipe with the flags that were given, and trains.
fn execute(mut request: TrainRequest, shared: &Shared) -> Result<(), Failure> {
    let mut console = Console::new(shared.compute.json)?;
    let about = About {
        data: &request.data,
        folders: request.folders,
        images_per_class: request.images_per_class,
        observer: request.observer.as_ref(),
        labels: request.labels.as_deref(),
        storing: false,
        student: request.student,
        side: request.side,
        task: if request.kind == TrainingKind::Train { Task::Student } else { Task::Observer },
    };
    let suggestion = presets::training(shared.preset.as_deref(), about)?;
    suggestion.notes.iter().for_each(|note| console.say(&format!("note: {note}")));
    request.recipe = shared.recipe.apply(suggestion.recipe)?;
    request.recipe.check().map_err(|e| Failure::Usage(e.to_string()))?;
    let request = &request;
    console.say(&format!("recipe: {}", request.recipe.flags()));
    let picked = shared.compute.pick(&console)?;
    let compute = Compute { picked: &picked, threads: shared.compute.threads() };
    let json = shared.compute.json;
    let mut told = Told::default();
    let report = run(request, compute, &mut console, &mut |note| told.epoch(note, json));
    let report = report.map_err(Failure::of_training)?;
    tell_result(&console, &report, (&picked.info.id, request));
    Ok(())
}

/// What was last told of a training.
#[derive(Default)]
pub struct Told {
    evaluated: Option<(u64, u32)>,
}

impl Told {
    /// Every epoch as JSON; for people those that were evaluated.
    pub fn epoch(&mut self, note: &TrainingNote, json: bool) {
        let Some((curve, point)) = note.curves.iter().rev().find_map(|c| Some((c, c.points.last()?))) else { return };
        let this = (curve.seed, point.epoch);
        if self.evaluated == Some(this) {
            return;
        }
        self.evaluated = Some(this);
        if json {
            print_line(&serde_json::json!({"epoch": point.epoch, "seed": curve.seed, "loss": point.loss,
                "train_top1": point.train_top1, "rate": point.rate, "top1": point.evaluated.map(|e| e.0),
                "top5": point.evaluated.map(|e| e.1), "seconds": point.seconds}));
        } else if let Some((top1, top5)) = point.evaluated {
            let (epoch, loss) = (point.epoch + 1, point.loss);
            tell(&format!("seed {} epoch {epoch}: loss {loss:.4}, top-1 {top1:.2} %, top-5 {top5:.2} %", curve.seed));
        }
    }
}

fn tell_result(console: &Console, report: &TrainReport, (device, request): (&str, &TrainRequest)) {
    let note = &report.note;
    let [best, last] = [Curve::best, Curve::last].map(|pick| top1s(&note.curves, pick));
    let (mean, std) = mean_and_std(&best).unwrap_or((f64::NAN, f64::NAN));
    let (last_mean, last_std) = mean_and_std(&last).unwrap_or((f64::NAN, f64::NAN));
    console.say(&format!(
        "top-1 {mean:.2} ± {std:.2} % (best of the evaluated epochs), {last_mean:.2} ± {last_std:.2} % (last) over {}; \
         weights and curves in {}",
        if best.len() == 1 { "one seed".to_owned() } else { format!("{} seeds", best.len()) },
        shown(&request.out)
    ));
    let job = if note.kind == TrainingKind::Train { "train" } else { "pretrain" };
    print_line(&serde_json::json!({
        "job": job,
        "top1_mean": mean,
        "top1_std": std,
        "last_mean": last_mean,
        "last_std": last_std,
        "best": best,
        "last": last,
        "top5": note.curves.iter().filter_map(crate::core::train::curve::Curve::best).map(|e| e.top5).collect::<Vec<_>>(),
        "seconds": (report.seconds * 1e3).round() / 1e3,
        "steps_per_second": (report.steps as f64 / report.seconds.max(1e-9) * 1e3).round() / 1e3,
        "peak_rss_mib": peak_rss_mib(),
        "device": device,
        "out": shown(&request.out),
    }));
}
