//! `stillroom bench`: the same work as the PyTorch peer, the same fields.

use std::path::PathBuf;
use std::sync::Arc;

use crate::core::data::dataset::Split;
use crate::core::distil::recipe::Recipe;
use crate::jobs::bench::{forward_times, temporary_project};
use crate::jobs::distill::{DistillRequest, distill};
use crate::jobs::open::DatasetRequest;

use super::console::{peak_rss_mib, print_line};
use super::options::{Common, RecipeArgs};
use super::{Console, Failure};

/// What to measure.
#[derive(clap::Subcommand)]
pub enum Bench {
    /// Forward throughput of a network with weights made by a formula
    Forward(ForwardArgs),
    /// A distillation without reuse, into a temporary folder
    Distill(Box<DistillArgs>),
    /// Frames of the window: the processor's part, without display or graphics driver
    Ui(UiArgs),
}

/// Arguments of `bench ui`.
#[derive(clap::Args)]
pub struct UiArgs {
    /// The last line on standard output is JSON, as it is anyway
    #[arg(long)]
    json: bool,
}

/// Arguments of `bench forward`.
#[derive(clap::Args)]
pub struct ForwardArgs {
    /// Timed passes; the median counts
    #[arg(long, default_value_t = 5)]
    repeat: usize,
    #[command(flatten)]
    common: Common,
}

/// Arguments of `bench distill`.
#[derive(clap::Args)]
pub struct DistillArgs {
    /// The dataset's folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The observer's weight file
    #[arg(long, value_name = "FILE", alias = "weights")]
    observer: PathBuf,
    #[command(flatten)]
    recipe: RecipeArgs<Recipe>,
    #[command(flatten)]
    common: Common,
}

/// Measures; the last line on standard output is JSON.
pub fn run(bench: &Bench) -> Result<(), Failure> {
    match bench {
        Bench::Forward(args) => forward(args),
        Bench::Distill(args) => distill_bench(args),
        // The window's layer measures itself; the caller of this one asks it to.
        Bench::Ui(_) => Ok(()),
    }
}

fn forward(args: &ForwardArgs) -> Result<(), Failure> {
    let mut console = Console::new(args.common.compute.json)?;
    let arch = args.common.network.arch.ok_or_else(|| Failure::Usage("bench forward needs --arch".to_owned()))?;
    let side = args.common.network.side.unwrap_or_else(|| arch.usual_side());
    let batch = args.common.batch.unwrap_or(64) as usize;
    let picked = args.common.compute.pick(&console)?;
    let times = forward_times(arch, (side, batch), args.repeat.max(1) + 2, &picked, &mut console);
    let mut times = times.map_err(|e| console.failure(&e))?.split_off(2);
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    print_line(&serde_json::json!({
        "job": "forward",
        "arch": arch.to_string(),
        "side": side,
        "batch": batch,
        "images_per_second": batch as f64 / median,
        "ms_per_image": 1e3 * median / batch as f64,
        "peak_rss_mib": peak_rss_mib(),
        "threads": args.common.compute.threads().unwrap_or_else(rayon::current_num_threads),
        "device": picked.info.id,
    }));
    Ok(())
}

fn distill_bench(args: &DistillArgs) -> Result<(), Failure> {
    let recipe = args.recipe.apply(Recipe::default())?;
    let mut console = Console::new(args.common.compute.json)?;
    let request = args.common.network.observer(args.observer.clone());
    let dataset = args.common.open(&DatasetRequest::whole(&args.data), Split::Train, &request, &mut console)?;
    let classes = dataset.class_ids().collect();
    let mut session = args.common.session(&request, Arc::clone(&dataset), &mut console)?;
    let (folder, project) = temporary_project()?;
    let request = DistillRequest {
        recipe,
        classes,
        curation: Arc::default(),
        beside: Vec::new(),
        out: folder.path().join("distilled"),
    };
    let report =
        distill(&mut session, &project, &request, &mut console, &mut |_, _| {}).map_err(|e| console.failure(&e))?;
    super::distill::print_report(&console, &session, ("distill", &report))
}
