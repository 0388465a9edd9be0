//! `stillroom check`.

use std::path::PathBuf;

use crate::core::data::dataset::Split;
use crate::jobs::check::{CheckReport, Depth, Verdict, check};
use crate::jobs::open::ObserverRequest;
use crate::store::class_map;

use super::console::print_line;
use super::options::{Common, ReadingArgs};
use super::{Console, Failure};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// The dataset's folder; its test split is used where it has one
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The weight file
    #[arg(long, value_name = "FILE")]
    observer: PathBuf,
    /// Write the best class order as a class map
    #[arg(long, value_name = "FILE")]
    write_class_map: Option<PathBuf>,
    /// Keep only the outputs of the dataset's classes: the softmax is over them alone
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    common: Common,
}

impl Args {
    fn request(&self) -> ObserverRequest {
        ObserverRequest { prune: self.prune, ..self.common.network.observer(self.observer.clone()) }
    }
}

/// Runs the check; the last line on standard output is JSON.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut console = Console::new(args.common.compute.json)?;
    let dataset = args.common.open(&args.reading.of(&args.data), Split::Test, &args.request(), &mut console)?;
    if dataset.split() == Split::Whole {
        console.say("the folder has no test split: the network may have learnt from these images (see --holdout)");
    }
    let mut session = args.common.session(&args.request(), dataset.clone(), &mut console)?;
    let report = check(&mut session, &dataset, Depth::Full, &mut console).map_err(|e| console.failure(&e))?;
    describe(&console, &report, &dataset);
    let mut line = serde_json::to_value(&report)?;
    if let Some(fields) = line.as_object_mut() {
        fields.insert("job".to_owned(), "check".into());
        fields.insert("device".to_owned(), session.device.id.clone().into());
        let verdict = match report.verdict() {
            Verdict::Good => "good",
            Verdict::Doubtful(_) => "doubtful",
            Verdict::Refused(_) => "refused",
        };
        fields.insert("verdict".to_owned(), verdict.into());
    }
    let written = args.write_class_map.as_ref().map(|path| {
        class_map::write(path, dataset.classes(), &report.class_map)?;
        console.say(&format!("class map written to {}", crate::store::files::shown(path)));
        Ok(())
    });
    // The result comes last, and a name that is taken doesn't cost it.
    print_line(&line);
    written.unwrap_or(Ok(()))
}

/// The report for people.
pub fn describe(console: &Console, report: &CheckReport, dataset: &crate::core::data::dataset::Dataset) {
    console.say(&format!(
        "check: top-1 {:.2} % on {} images; best class order {:.2} % ({:+.2} points on images it was not found from)",
        report.top1, report.images, report.top1_remapped, report.gain
    ));
    if let Some(order) = &report.order {
        console.say(&order.to_string());
    }
    for (class, accuracy) in dataset.classes().iter().zip(&report.per_class).take(20) {
        let accuracy = accuracy.map_or_else(|| "no images".to_owned(), |a| format!("{a:5.1} %"));
        console.say(&format!("  {accuracy}  {}", class.shown()));
    }
    if dataset.classes().len() > 20 {
        console.say(&format!("  … and {} more classes (all in the JSON line)", dataset.classes().len() - 20));
    }
    for (name, top1) in &report.networks {
        console.say(&format!("  as {name}: top-1 {top1:.2} %"));
    }
    for (name, top1) in &report.tried {
        console.say(&format!("  with --mean-std {name}: top-1 {top1:.2} %"));
    }
    match report.verdict() {
        Verdict::Good => {}
        Verdict::Doubtful(why) | Verdict::Refused(why) => console.say(&format!("attention: {why}")),
    }
}
