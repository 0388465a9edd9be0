//! `stillroom relabel`.

use std::path::PathBuf;

use crate::core::train::label_set::Precision;
use crate::core::train::presets::Task;
use crate::core::train::recipe::TrainRecipe;
use crate::jobs::relabel::{Fkd, RelabelRequest, relabel};
use crate::jobs::train::{About, Compute};
use crate::store::files::shown;

use super::console::{print_line, tell};
use super::options::{ComputeArgs, NetworkArgs, ReadingArgs, RecipeArgs};
use super::{Console, Failure, presets};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// The distilled folder
    #[arg(long, value_name = "DISTILLED")]
    data: PathBuf,
    /// The observer that labels
    #[arg(long, value_name = "FILE")]
    observer: PathBuf,
    /// Folder for the labels; one that holds the same labels is continued
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only the first N images of each class [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    ipc: Option<u32>,
    /// How logits are kept: full (32 bits), half (16 bits), or top:K (the K greatest)
    #[arg(long, default_value = "half")]
    precision: Precision,
    /// Label in the order of FKD's loader, and write its files (epoch_0/batch_0.tar …) to this new folder
    #[arg(long, value_name = "DIR", conflicts_with = "import_fkd")]
    export_fkd: Option<PathBuf>,
    /// Take FKD's files as labels, if the observer agrees with them; they decide epochs, batch and mixing
    #[arg(long, value_name = "DIR")]
    import_fkd: Option<PathBuf>,
    /// Tell the size and write nothing
    #[arg(long)]
    dry_run: bool,
    /// A paper's recipe, or one of your own by its name or file; other flags override it
    #[arg(long, value_name = "NAME|FILE.json")]
    preset: Option<String>,
    #[command(flatten)]
    recipe: RecipeArgs<TrainRecipe>,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// Stores labels; the last line on standard output is JSON.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut console = Console::new(args.compute.json)?;
    let observer = args.network.observer(args.observer.clone());
    // Which network will learn from the labels is open; only its learning rate depends on it.
    let student = crate::jobs::open::network(&observer)?.observer.spec.arch;
    let about = About {
        data: &args.data,
        folders: args.reading.folders,
        images_per_class: args.ipc,
        observer: Some(&observer),
        labels: None,
        storing: true,
        student,
        side: args.network.side,
        task: Task::Student,
    };
    let suggestion = presets::training(args.preset.as_deref(), about)?;
    suggestion.notes.iter().for_each(|note| console.say(&format!("note: {note}")));
    let recipe = args.recipe.apply(suggestion.recipe)?;
    recipe.check().map_err(|e| Failure::Usage(e.to_string()))?;
    let fkd = args.export_fkd.clone().map(Fkd::Export).or_else(|| args.import_fkd.clone().map(Fkd::Import));
    let request = RelabelRequest {
        data: args.data.clone(),
        folders: args.reading.folders,
        holdout: args.reading.holdout,
        observer,
        images_per_class: args.ipc,
        recipe,
        precision: args.precision,
        fkd,
        out: args.out.clone(),
    };
    let picked = args.compute.pick(&console)?;
    let compute = Compute { picked: &picked, threads: args.compute.threads() };
    let (json, dry_run) = (args.compute.json, args.dry_run);
    let mut announce = |bytes: u64| {
        if !json {
            tell(&format!("the labels take {}", size(bytes)));
        }
        !dry_run
    };
    let report = relabel(&request, compute, &mut console, &mut announce).map_err(Failure::of_training)?;
    if !dry_run {
        console.say(&format!("labels of {} images in {}", report.images, shown(&args.out)));
    }
    let mut line = serde_json::to_value(&report)?;
    if let Some(fields) = line.as_object_mut() {
        fields.insert("job".to_owned(), "relabel".into());
        fields.insert("out".to_owned(), shown(&args.out).into());
        fields.insert("device".to_owned(), picked.info.id.clone().into());
    }
    print_line(&line);
    Ok(())
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let steps = (bytes.max(1).ilog2() / 10).min(4);
    let value = bytes as f64 / f64::from(1 << (10 * steps.min(3))) / if steps == 4 { 1024.0 } else { 1.0 };
    if steps == 0 { format!("{bytes} bytes") } else { format!("{value:.1} {}", UNITS[steps as usize]) }
}
