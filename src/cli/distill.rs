//! `stillroom distill`.

use std::path::PathBuf;

use crate::core::dataset::{ClassId, Dataset, Split};
use crate::core::presets::{PRESETS, Preset};
use crate::core::progress::Progress as _;
use crate::core::recipe::Recipe;
use crate::jobs::check::{Depth, Verdict, check};
use crate::jobs::distill::{DistillReport, DistillRequest, distill};
use crate::jobs::open::ObserverRequest;
use crate::jobs::session::Session;
use crate::store::export::rded::Export;
use crate::store::project::Project;

use super::console::{peak_rss_mib, print_line};
use super::options::{Common, RecipeArgs, open_dataset};
use super::{Console, Failure};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// The dataset's folder; its training split is used where it has one
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The observer's weight file
    #[arg(long, value_name = "FILE")]
    observer: PathBuf,
    /// The output folder; it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Project folder that keeps the scores [default: stillroom/default in the user's data folder]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// A paper's recipe; other flags override it
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Distil although the observer check says no
    #[arg(long)]
    force: bool,
    /// Only these classes, by name, in this order
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    classes: Option<Vec<String>>,
    #[command(flatten)]
    recipe: RecipeArgs<Recipe>,
    /// Keep only the outputs of the dataset's classes: the softmax is over them alone
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    common: Common,
}

impl Args {
    fn request(&self) -> ObserverRequest {
        ObserverRequest { prune: self.prune, ..self.common.observer(self.observer.clone()) }
    }
}

/// Distils a dataset; the last line on standard output is JSON.
pub fn run(args: &Args) -> Result<(), Failure> {
    let recipe = args.recipe.apply(base_recipe(args.preset.as_deref())?)?;
    let mut console = Console::new(args.common.json)?;
    Export::check(&args.out)?;
    let dataset = open_dataset(&args.data, Split::Train, &mut console)?;
    let classes = chosen_classes(&dataset, args.classes.as_deref())?;
    let folder = args.project.clone().map_or_else(Project::default_dir, Ok)?;
    let project = Project::open(&folder)?;
    let mut session = args.common.session(&args.request(), dataset, &mut console)?;
    check_first(&mut session, &args.data, args.force, &mut console)?;
    let request = DistillRequest { recipe, classes, out: args.out.clone() };
    let report = distill(&mut session, &project, &request, &mut console, &mut |_, _| {})
        .map_err(|e| if e.is_cancelled() { Failure::Resumable } else { Failure::Failed(e.to_string()) })?;
    print_report(&console, &session, &report)
}

/// The default recipe or a preset's.
fn base_recipe(preset: Option<&str>) -> Result<Recipe, Failure> {
    let Some(name) = preset else { return Ok(Recipe::default()) };
    Preset::named(name).map(|p| p.recipe()).ok_or_else(|| {
        let known = PRESETS.map(|p| p.name).join(", ");
        Failure::Usage(format!("there is no preset '{name}'; there are {known}"))
    })
}

/// The classes that were named, in that order; all of them by default.
fn chosen_classes(dataset: &Dataset, names: Option<&[String]>) -> Result<Vec<ClassId>, Failure> {
    let Some(names) = names else { return Ok(dataset.class_ids().collect()) };
    let mut classes = Vec::with_capacity(names.len());
    for name in names {
        let class = dataset.class_named(name).ok_or_else(|| {
            let known = dataset.classes().iter().take(12).map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
            Failure::Usage(format!("--classes: there is no class '{name}'; the data has {known} …"))
        })?;
        if classes.contains(&class) {
            return Err(Failure::Usage(format!("--classes names '{name}' twice")));
        }
        classes.push(class);
    }
    Ok(classes)
}

/// The small check before every distillation: a wrong class order is the cause of most failed replications.
pub fn check_first(
    session: &mut Session,
    data: &std::path::Path,
    force: bool,
    console: &mut Console,
) -> Result<(), Failure> {
    let held_out = crate::jobs::open::held_out(data, &session.dataset);
    let held_out = held_out.map_or_else(|| session.dataset.clone(), std::sync::Arc::new);
    let report = check(session, &held_out, Depth::Quick, console).map_err(|e| console.failure(&e))?;
    console.say(&format!("check: top-1 {:.2} % on {} images", report.top1, report.images));
    match report.verdict() {
        Verdict::Good => {}
        Verdict::Doubtful(why) => console.warn(why),
        Verdict::Refused(why) if force => console.warn(format!("{why} (going on: --force)")),
        Verdict::Refused(why) => return Err(Failure::Failed(why)),
    }
    Ok(())
}

/// The last line.
pub fn print_report(console: &Console, session: &Session, report: &DistillReport) -> Result<(), Failure> {
    let out = crate::store::files::shown(&report.out);
    console.say(&format!("{} distilled images in {out}", report.images));
    let spent = report.cost.spent;
    let patches = spent.patches as f64;
    print_line(&serde_json::json!({
        "job": "distill",
        "seconds": rounded(report.seconds),
        "patches_per_second": rounded(patches / report.seconds.max(1e-9)),
        "ms_per_distilled_image": rounded(1e3 * report.seconds / report.images.max(1) as f64),
        "mean_selected_loss": report.mean_selected_loss,
        "peak_rss_mib": peak_rss_mib(),
        "device": session.device.id,
        "images": report.images,
        "patches_scored": spent.patches,
        "network_seconds": rounded(spent.network_secs),
        "waiting_seconds": rounded(spent.waiting_secs),
        "classes_reused": report.cost.reused,
        "broken_images": report.broken,
        "out": out,
    }));
    Ok(())
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
