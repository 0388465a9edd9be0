//! `stillroom sample` and `stillroom demo`.

use std::path::PathBuf;
use std::time::Instant;

use crate::core::dataset::Split;
use crate::core::recipe::Recipe;
use crate::core::sample::{CLASSES, TEST_PER_CLASS, TRAIN_PER_CLASS};
use crate::jobs::distill::{DistillRequest, distill};
use crate::jobs::sample::{
    SampleError, TrainOptions, check_free, ensure_sample, is_sample, train_observer, write_images,
};
use crate::store::files::shown;
use crate::store::project::Project;

use super::console::{peak_rss_mib, print_line};
use super::distill::{check_first, print_report};
use super::options::{Common, open_dataset};
use super::{Console, Failure};

/// Arguments of `sample`.
#[derive(clap::Args)]
pub struct SampleArgs {
    /// Folder for the sample's images; it must not exist, be empty, or for a training hold the sample already
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Train an observer on the images and write its weights here
    #[arg(long, value_name = "FILE")]
    train_observer: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// Arguments of `demo`.
#[derive(clap::Args)]
pub struct DemoArgs {
    /// Output folder [default: stillroom-demo here, or the first free stillroom-demo-N]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// Writes the sample, and trains its observer where asked; the last line on standard output is JSON.
pub fn sample(args: &SampleArgs) -> Result<(), Failure> {
    let mut console = Console::new(args.common.json)?;
    if let Some(file) = &args.train_observer {
        check_free(file)?;
    }
    let start = Instant::now();
    // A training that was cancelled begins anew on the images that its first run has written.
    let out = if args.train_observer.is_some() && is_sample(&args.out) {
        args.out.clone()
    } else {
        write_images(&args.out, &mut console).map_err(|e| failure(&console, &e))?
    };
    let seconds = start.elapsed().as_secs_f64();
    let (train, test) = (CLASSES.len() as u32 * TRAIN_PER_CLASS, CLASSES.len() as u32 * TEST_PER_CLASS);
    console.say(&format!("{train} training and {test} test images in {}", shown(&out)));
    let mut line = serde_json::json!({
        "job": "sample",
        "out": shown(&out),
        "classes": CLASSES.len(),
        "train": train,
        "test": test,
        "seconds": seconds,
    });
    if let (Some(file), Some(fields)) = (&args.train_observer, line.as_object_mut()) {
        fields.extend(trained(args, &out, file, &mut console)?);
    }
    print_line(&line);
    Ok(())
}

/// Trains the observer; returns the line's fields about it.
fn trained(
    args: &SampleArgs,
    data: &std::path::Path,
    file: &std::path::Path,
    console: &mut Console,
) -> Result<serde_json::Map<String, serde_json::Value>, Failure> {
    let common = &args.common;
    let picked = common.pick(console)?;
    let options = TrainOptions {
        arch: common.arch,
        side: common.side,
        mean_std: common.mean_std,
        batch: common.batch.map(|n| n as usize),
        threads: common.threads.map(|n| n as usize),
    };
    let mut each = |epoch: usize, loss: f32| {
        if !common.json {
            eprintln!("epoch {epoch}: mean loss {loss:.4}");
        }
    };
    let trained = train_observer(data, file, (options, &picked), console, &mut each);
    let report = trained.map_err(|e| failure(console, &e))?;
    console.say(&format!("observer in {}: top-1 {:.2} % on the test split", shown(file), report.test.top1));
    let fields = serde_json::json!({
        "observer": shown(file),
        "epoch_losses": report.losses,
        "training_seconds": report.seconds,
        "top1": report.test.top1,
        "top5": report.test.top5,
        "peak_rss_mib": peak_rss_mib(),
        "device": picked.info.id,
    });
    Ok(fields.as_object().cloned().unwrap_or_default())
}

/// Distils the sample end to end; the last line on standard output is JSON.
pub fn demo(args: &DemoArgs) -> Result<(), Failure> {
    let mut console = Console::new(args.common.json)?;
    let out = args.out.clone().unwrap_or_else(free_name);
    let sample = ensure_sample(&mut console).map_err(|e| failure(&console, &e))?;
    console.say(&format!("sample: {}", shown(&sample.data)));
    let dataset = open_dataset(&sample.data, Split::Train, &mut console)?;
    let classes = dataset.class_ids().collect();
    let project = Project::open(&Project::default_dir()?)?;
    let request = args.common.observer(sample.observer);
    let mut session = args.common.session(&request, dataset, &mut console)?;
    check_first(&mut session, &sample.data, false, &mut console)?;
    let recipe = Recipe { ipc: 10, patches: 4, subset: 300, crops: 5, seed: 0, ..Recipe::default() };
    let request = DistillRequest { recipe, classes, out };
    let report = distill(&mut session, &project, &request, &mut console, &mut |_, _| {})
        .map_err(|e| if e.is_cancelled() { Failure::Resumable } else { Failure::Failed(e.to_string()) })?;
    let out = shown(&report.out);
    console
        .say(&format!("look at {out}/00000/class00000_id00000.png; {out}/manifest.json says where each patch is from"));
    print_report(&console, &session, &report)
}

/// `stillroom-demo` here, or the first of `stillroom-demo-2`, … that is free.
fn free_name() -> PathBuf {
    let names = std::iter::once("stillroom-demo".to_owned()).chain((2_u64..).map(|n| format!("stillroom-demo-{n}")));
    let mut free = names.map(PathBuf::from).filter(|n| n.symlink_metadata().is_err());
    // Of endlessly many names one is free.
    free.next().unwrap_or_default()
}

fn failure(console: &Console, error: &SampleError) -> Failure {
    console.failure(error)
}
