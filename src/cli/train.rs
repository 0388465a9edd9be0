//! `stillroom train` and `stillroom pretrain`.

use std::path::PathBuf;

use crate::core::curve::mean_and_std;
use crate::core::normalise::MeanStd;
use crate::core::training::TrainRecipe;
use crate::jobs::open::ObserverRequest;
use crate::jobs::train::{Compute, TrainReport, TrainRequest, run};
use crate::jobs::{Arch, DeviceChoice, pick};
use crate::store::files::shown;
use crate::store::training::{TrainingKind, TrainingNote};

use super::console::{peak_rss_mib, print_line};
use super::options::RecipeArgs;
use super::{Console, Failure};

/// What both commands take.
#[derive(clap::Args)]
struct Shared {
    /// The network that is trained (see `stillroom networks`)
    #[arg(long, value_name = "NAME")]
    student: Arch,
    /// Only the first N images of each class are evaluated [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    val_limit: Option<u32>,
    /// Output folder; one that holds the same training is gone on with
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Side of the network's input in pixels
    #[arg(long)]
    side: Option<usize>,
    /// Normalisation: imagenet, cifar10, tiny, none, or m,m,m,s,s,s
    #[arg(long, allow_hyphen_values = true)]
    mean_std: Option<MeanStd>,
    /// auto, cpu, wgpu[:n], cuda[:n] or vulkan[:n]
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
    /// Worker threads (results don't depend on it)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    threads: Option<u32>,
    /// Progress, epochs and warnings as JSON lines on standard output too
    #[arg(long)]
    json: bool,
    /// A paper's recipe; other flags override it
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    #[command(flatten)]
    recipe: RecipeArgs<TrainRecipe>,
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
    /// The observer's network, where its keys don't tell
    #[arg(long)]
    arch: Option<Arch>,
    /// JSON file: which output of the observer belongs to which class
    #[arg(long, value_name = "FILE")]
    class_map: Option<PathBuf>,
    /// Folder of labels that `relabel` wrote
    #[arg(long, value_name = "DIR")]
    stored_labels: Option<PathBuf>,
    /// Only the first N images of each class are trained on [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    ipc: Option<u32>,
    #[command(flatten)]
    shared: Shared,
}

/// Arguments of `pretrain`.
#[derive(clap::Args)]
pub struct PretrainArgs {
    /// The dataset; it learns from the training split and is evaluated on the test split
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    shared: Shared,
}

/// Trains students; the last line on standard output is JSON.
pub fn train(args: &TrainArgs) -> Result<(), Failure> {
    let observer = args.observer.clone().map(|file| ObserverRequest {
        file,
        arch: args.arch,
        side: args.shared.side,
        mean_std: args.shared.mean_std,
        class_map: args.class_map.clone(),
        prune: false,
    });
    let request = TrainRequest {
        kind: TrainingKind::Train,
        name: None,
        data: args.data.clone(),
        evaluation: args.val.clone(),
        observer,
        labels: args.stored_labels.clone(),
        student: args.shared.student,
        side: args.shared.side,
        mean_std: args.shared.mean_std,
        images_per_class: args.ipc,
        evaluated_per_class: args.shared.val_limit,
        recipe: args.shared.recipe.apply(TrainRecipe::default())?,
        out: args.shared.out.clone(),
    };
    execute(&request, &args.shared)
}

/// Trains an observer; the last line on standard output is JSON.
pub fn pretrain(args: &PretrainArgs) -> Result<(), Failure> {
    let request = TrainRequest {
        kind: TrainingKind::Pretrain,
        name: None,
        data: args.data.clone(),
        evaluation: args.data.clone(),
        observer: None,
        labels: None,
        student: args.shared.student,
        side: args.shared.side,
        mean_std: args.shared.mean_std,
        images_per_class: None,
        evaluated_per_class: args.shared.val_limit,
        recipe: args.shared.recipe.apply(TrainRecipe::default())?,
        out: args.shared.out.clone(),
    };
    execute(&request, &args.shared)
}

fn execute(request: &TrainRequest, shared: &Shared) -> Result<(), Failure> {
    request.recipe.check().map_err(|e| Failure::Usage(e.to_string()))?;
    let mut console = Console::new(shared.json)?;
    if let Some(threads) = shared.threads {
        // Fails only if a pool exists already, which then keeps its size.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads as usize).build_global();
    }
    let picked = pick(shared.device)?;
    console.say(&format!("device: {} – {} ({})", picked.info.id, picked.info.name, picked.reason));
    let compute = Compute { picked: &picked, threads: shared.threads.map(|n| n as usize) };
    let json = shared.json;
    let mut told = Told::default();
    let report = run(request, compute, &mut console, &mut |note| told.epoch(note, json));
    let report =
        report.map_err(|e| if e.is_cancelled() { Failure::Resumable } else { Failure::Failed(e.to_string()) })?;
    tell(&console, &report, (&picked.info.id, request));
    Ok(())
}

/// What was last told of a training.
#[derive(Default)]
struct Told {
    evaluated: Option<(u64, u32)>,
}

impl Told {
    /// Every epoch as JSON; for people those that were evaluated.
    fn epoch(&mut self, note: &TrainingNote, json: bool) {
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
            eprintln!("seed {} epoch {epoch}: loss {loss:.4}, top-1 {top1:.2} %, top-5 {top5:.2} %", curve.seed);
        }
    }
}

fn tell(console: &Console, report: &TrainReport, (device, request): (&str, &TrainRequest)) {
    let note = &report.note;
    let of = |pick: fn(&crate::core::curve::Curve) -> Option<crate::core::curve::Evaluated>| -> Vec<f64> {
        note.curves.iter().filter_map(pick).map(|e| e.top1).collect()
    };
    let (best, last) = (of(crate::core::curve::Curve::best), of(crate::core::curve::Curve::last));
    let (mean, std) = mean_and_std(&best).unwrap_or((f64::NAN, f64::NAN));
    let (last_mean, last_std) = mean_and_std(&last).unwrap_or((f64::NAN, f64::NAN));
    console.say(&format!(
        "top-1 {mean:.2} ± {std:.2} % (best of the evaluated epochs), {last_mean:.2} ± {last_std:.2} % (last) over {} \
         seeds; weights and curves in {}",
        best.len(),
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
        "top5": note.curves.iter().filter_map(crate::core::curve::Curve::best).map(|e| e.top5).collect::<Vec<_>>(),
        "seconds": (report.seconds * 1e3).round() / 1e3,
        "steps_per_second": (report.steps as f64 / report.seconds.max(1e-9) * 1e3).round() / 1e3,
        "peak_rss_mib": peak_rss_mib(),
        "device": device,
        "out": shown(&request.out),
    }));
}
