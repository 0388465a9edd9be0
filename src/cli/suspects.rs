//! `stillroom suspects`.

use std::path::PathBuf;

use crate::core::data::dataset::Split;
use crate::core::data::wordnet;
use crate::core::progress::Progress as _;
use crate::jobs::open::ObserverRequest;
use crate::jobs::suspects::suspects;

use super::console::{peak_rss_mib, print_line};
use super::options::{Common, ReadingArgs};
use super::outputs::{Outputs, written};
use super::{Console, Failure};

/// Classes that a person reads a list of.
const LISTED: usize = 20;

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// The dataset's folder; its training split is judged where it has one
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Judge the test split instead
    #[arg(long)]
    test: bool,
    /// The weight file of a network that knows the classes; best of one that was not trained on these images
    #[arg(long, value_name = "FILE")]
    observer: PathBuf,
    /// Write the suspicious images, the most suspicious first
    #[arg(long, value_name = "FILE.csv")]
    out: Option<PathBuf>,
    /// Write a curation that rejects them, for distill --curation
    #[arg(long, value_name = "FILE.json")]
    curation: Option<PathBuf>,
    /// Write every image's probabilities, for other programs
    #[arg(long, value_name = "FILE.csv")]
    probabilities: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    common: Common,
}

impl Args {
    fn request(&self) -> ObserverRequest {
        self.common.network.observer(self.observer.clone())
    }

    fn outputs(&self) -> Outputs<'_> {
        let (out, curation, probabilities) = (self.out.as_ref(), self.curation.as_ref(), self.probabilities.as_ref());
        Outputs::new([("--out", out), ("--curation", curation), ("--probabilities", probabilities)])
    }
}

/// Judges a dataset's labels; the last line on standard output is JSON.
pub fn run(args: &Args) -> Result<(), Failure> {
    args.outputs().check()?;
    let mut console = Console::new(args.common.compute.json)?;
    let want = if args.test { Split::Test } else { Split::Train };
    let dataset = args.common.open(&args.reading.of(&args.data), want, &args.request(), &mut console)?;
    let mut session = args.common.session(&args.request(), dataset.clone(), &mut console)?;
    let found = suspects(&mut session, &mut console).map_err(|e| console.failure(&e))?;
    for (image, reason) in &found.broken {
        console.warn(format!("{}: {reason}; left out", dataset.source(*image)));
    }
    written(args.out.as_ref(), |path| found.write_list(path, &dataset))?;
    written(args.curation.as_ref(), |path| found.write_curation(path, &dataset))?;
    written(args.probabilities.as_ref(), |path| found.write_probabilities(path, &dataset))?;
    let per_class = found.per_class(&dataset);
    let names: Vec<&str> = dataset.classes().iter().map(|class| wordnet::shown(class.shown())).collect();
    for (name, (flagged, all)) in names.iter().zip(&per_class).filter(|_| names.len() <= LISTED) {
        console.say(&format!("{name}: {flagged} of {all} images are probably of another class"));
    }
    let flagged: usize = per_class.iter().map(|(flagged, _)| flagged).sum();
    console.say(&format!("{flagged} of {} labels are suspicious", found.images.len()));
    let per_class: serde_json::Map<String, serde_json::Value> = names
        .iter()
        .map(|name| (*name).to_owned())
        .zip(per_class.iter().map(|(flagged, _)| (*flagged).into()))
        .collect();
    print_line(&serde_json::json!({
        "job": "suspects",
        "images": found.images.len(),
        "broken": found.broken.len(),
        "suspects": flagged,
        "per_class": per_class,
        "seconds": found.seconds,
        "device": session.device.id,
        "peak_rss_mib": peak_rss_mib(),
    }));
    Ok(())
}
