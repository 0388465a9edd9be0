//! `stillroom evaluate`.

use std::path::PathBuf;

use crate::core::data::dataset::Split;
use crate::core::data::wordnet;
use crate::jobs::evaluate::{confusion, evaluate_all, write_confusion, write_predictions};
use crate::jobs::open::ObserverRequest;

use super::console::{peak_rss_mib, print_line};
use super::options::{Common, ReadingArgs};
use super::outputs::{Outputs, written};
use super::{Console, Failure};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// The dataset's folder; its test split is used where it has one
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The weight file
    #[arg(long, value_name = "FILE")]
    network: PathBuf,
    /// Write image,class,predicted,loss,probability per image
    #[arg(long, value_name = "FILE.csv")]
    predictions: Option<PathBuf>,
    /// Write the confusion: rows are classes, columns what was predicted
    #[arg(long, value_name = "FILE.csv")]
    confusion: Option<PathBuf>,
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
        ObserverRequest { prune: self.prune, ..self.common.network.observer(self.network.clone()) }
    }
}

/// Evaluates a network; the last line on standard output is JSON.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut console = Console::new(args.common.compute.json)?;
    let (predictions, counts) = (args.predictions.as_ref(), args.confusion.as_ref());
    Outputs::new([("--predictions", predictions), ("--confusion", counts)]).check()?;
    let dataset = args.common.open(&args.reading.of(&args.data), Split::Test, &args.request(), &mut console)?;
    let mut session = args.common.session(&args.request(), dataset.clone(), &mut console)?;
    let (report, evaluation) = evaluate_all(&mut session, &mut console).map_err(|e| console.failure(&e))?;
    let map = &session.observer.map.outputs;
    written(predictions, |path| write_predictions(path, &dataset, map, &evaluation))?;
    written(counts, |path| write_confusion(path, &dataset, &confusion(&dataset, map, &evaluation)))?;
    // Of a thousand classes nobody reads a list; it is in the last line.
    for (class, top1) in report.per_class.iter().filter(|_| report.per_class.len() <= 20) {
        let class = wordnet::shown(class);
        console.say(&top1.map_or_else(|| format!("{class}: no images"), |top1| format!("{class}: {top1:.2} %")));
    }
    console.say(&format!("top-1 {:.2} %, top-5 {:.2} % on {} images", report.top1, report.top5, report.images));
    let mut line = serde_json::to_value(&report)?;
    if let Some(fields) = line.as_object_mut() {
        fields.insert("job".to_owned(), "evaluate".into());
        fields.insert("device".to_owned(), session.device.id.clone().into());
        fields.insert("peak_rss_mib".to_owned(), peak_rss_mib().into());
    }
    print_line(&line);
    Ok(())
}
