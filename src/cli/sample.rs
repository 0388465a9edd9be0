//! `stillroom sample` and `stillroom demo`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::core::data::dataset::Split;
use crate::core::distil::recipe::Recipe;
use crate::jobs::distill::{DistillRequest, distill};
use crate::jobs::open::DatasetRequest;
use crate::jobs::sample::{SampleError, ensure_sample, write_images};
use crate::sample::{CLASSES, TEST_PER_CLASS, TRAIN_PER_CLASS};
use crate::store::files::shown;

use super::console::print_line;
use super::distill::{check_first, print_report};
use super::options::{Common, open_dataset, open_project};
use super::{Console, Failure};

/// Arguments of `sample`.
#[derive(clap::Args)]
pub struct SampleArgs {
    /// Folder for the sample's images; it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Progress and warnings as JSON lines on standard output too
    #[arg(long)]
    json: bool,
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

/// Writes the sample; the last line on standard output is JSON.
pub fn sample(args: &SampleArgs) -> Result<(), Failure> {
    let mut console = Console::new(args.json)?;
    let start = Instant::now();
    let out = write_images(&args.out, &mut console).map_err(|e| failure(&console, &e))?;
    let seconds = start.elapsed().as_secs_f64();
    let (train, test) = (CLASSES.len() as u32 * TRAIN_PER_CLASS, CLASSES.len() as u32 * TEST_PER_CLASS);
    console.say(&format!("{train} training and {test} test images in {}", shown(&out)));
    let line = serde_json::json!({
        "job": "sample",
        "out": shown(&out),
        "classes": CLASSES.len(),
        "train": train,
        "test": test,
        "seconds": seconds,
    });
    print_line(&line);
    Ok(())
}

/// Distils the sample end to end; the last line on standard output is JSON.
pub fn demo(args: &DemoArgs) -> Result<(), Failure> {
    let mut console = Console::new(args.common.compute.json)?;
    let out = args.out.clone().unwrap_or_else(free_name);
    let sample = ensure_sample(&mut console).map_err(|e| failure(&console, &e))?;
    console.say(&format!("sample: {}", shown(&sample.data)));
    let data = DatasetRequest::whole(&sample.data);
    let dataset = open_dataset(&data, Split::Train, &mut console)?;
    let classes = dataset.class_ids().collect();
    let project = open_project(None, &mut console)?;
    let request = args.common.network.observer(sample.observer);
    let mut session = args.common.session(&request, dataset, &mut console)?;
    check_first(&mut session, &data, false, &mut console)?;
    let request =
        DistillRequest { recipe: Recipe::default(), classes, curation: Arc::default(), beside: Vec::new(), out };
    let report = distill(&mut session, &project, &request, &mut console, &mut |_, _| {})
        .map_err(|e| if e.is_cancelled() { Failure::Resumable } else { Failure::Failed(e.to_string()) })?;
    let out = shown(&report.out);
    console
        .say(&format!("look at {out}/00000/class00000_id00000.png; {out}/manifest.json says where each patch is from"));
    print_report(&console, &session, ("distill", &report))
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
