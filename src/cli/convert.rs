//! `stillroom convert`.

use std::path::PathBuf;

use crate::core::data::class_order::ClassOrder;
use crate::core::data::folders::Folders;
use crate::core::data::normalise::MeanStd;
use crate::jobs::Arch;
use crate::jobs::convert::{ConvertRequest, Keep, convert};
use crate::jobs::open::ObserverRequest;
use crate::store::files::shown;

use super::console::print_line;
use super::{Console, Failure};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// The weight file
    #[arg(long, value_name = "FILE")]
    observer: PathBuf,
    /// The file to write: NAME.safetensors or NAME.pth
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Write values in half precision
    #[arg(long)]
    half: bool,
    /// Keep only these outputs, in this order
    #[arg(long, value_name = "0,217,…", value_delimiter = ',', conflicts_with = "data")]
    prune: Option<Vec<u32>>,
    /// Keep only the outputs of this dataset's classes, in its order
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What the folders of --data are where it is in doubt: splits (train, test, …) or classes
    #[arg(long, value_name = "splits|classes", default_value = "auto", hide_default_value = true, requires = "data")]
    folders: Folders,
    /// Which of the networks in the weight file, where it holds several (student, teacher, …)
    #[arg(long, value_name = "NAME")]
    part: Option<String>,
    /// The network, where its keys don't tell
    #[arg(long)]
    arch: Option<Arch>,
    /// Side of the network's input in pixels
    #[arg(long)]
    side: Option<usize>,
    /// Normalisation: imagenet, half, cifar10, tiny, none, or m,m,m,s,s,s
    #[arg(long, allow_hyphen_values = true)]
    mean_std: Option<MeanStd>,
    /// JSON file: which output belongs to which class of --data
    #[arg(long, value_name = "FILE", requires = "data")]
    class_map: Option<PathBuf>,
    /// Order of the outputs where the classes of --data are integers and nothing else tells: number, text or auto
    #[arg(long, default_value_t, requires = "data")]
    class_order: ClassOrder,
    /// Warnings as JSON lines on standard output
    #[arg(long)]
    json: bool,
}

/// Converts a weight file; the last line on standard output is JSON.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut console = Console::new(args.json)?;
    let keep = match (&args.prune, &args.data) {
        (Some(outputs), _) => Keep::Outputs(outputs.clone()),
        (None, Some(data)) => Keep::ClassesOf(data.clone()),
        (None, None) => Keep::All,
    };
    let network = ObserverRequest {
        file: args.observer.clone(),
        part: args.part.clone(),
        arch: args.arch,
        side: args.side,
        mean_std: args.mean_std,
        class_map: args.class_map.clone(),
        class_order: args.class_order,
        ..ObserverRequest::default()
    };
    let request = ConvertRequest { network, keep, folders: args.folders, out: args.out.clone(), half: args.half };
    let written = convert(&request)?;
    for note in written.notes {
        crate::core::progress::Progress::warn(&mut console, note);
    }
    for note in &written.observer.report.notes {
        console.say(note);
    }
    let (spec, out) = (written.observer.spec, shown(&args.out));
    console.say(&format!("{} with {} outputs written to {out}, its card beside it", spec.arch, spec.classes));
    print_line(&serde_json::json!({
        "job": "convert",
        "network": spec.arch.to_string(),
        "outputs": spec.classes,
        "out": out,
        "card": shown(&written.card),
    }));
    Ok(())
}
