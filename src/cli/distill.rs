//! `stillroom distill`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::data::dataset::{ClassId, Dataset, Split};
use crate::core::distil::recipe::Recipe;
use crate::core::progress::Progress as _;
use crate::jobs::check::{Depth, Verdict, check};
use crate::jobs::distill::{DistillReport, DistillRequest, Sizes, distill, distill_sizes};
use crate::jobs::open::{DatasetRequest, ObserverRequest, OpenedObserver, observer};
use crate::jobs::patch_table::PatchTable;
use crate::jobs::session::Session;
use crate::store::export::folder::NewFolder;
use crate::store::files::{NewFile, Written, shown};

use super::console::{peak_rss_mib, print_line};
use super::curation::curation;
use super::options::{Common, ReadingArgs, RecipeArgs, open_project};
use super::{Console, Failure, presets};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// The dataset's folder; its training split is used where it has one
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The observer's weight file
    #[arg(long, value_name = "FILE")]
    observer: PathBuf,
    /// The output folder; it must not exist, or be empty. With several sizes, --ipc 50,10,1, it holds ipc-50, ipc-10 and
    /// ipc-1, all from one scoring
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// With several sizes: the images of the smaller ones are the first images of the largest one
    #[arg(long)]
    nested: bool,
    /// Project folder that keeps the scores [default: stillroom/default in the user's data folder]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// A paper's recipe, or one of your own by its name or file; other flags override it
    #[arg(long, value_name = "NAME|FILE.json")]
    preset: Option<String>,
    /// rded, sre2l, cda or lic. Without a preset it takes its paper's values for the side of the data [default: rded]
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// Another observer by which pixels are moved, beside --observer (sre2l, cda, lic), opened by its own card: --arch,
    /// --part, --mean-std and --class-map are of the first one alone. May be repeated
    #[arg(long, value_name = "FILE")]
    beside: Vec<PathBuf>,
    /// Distil although the observer check says no
    #[arg(long)]
    force: bool,
    /// Write a table of all scored patches: boxes, losses, strongest other classes, ranks
    #[arg(long, value_name = "FILE.csv")]
    scores: Option<PathBuf>,
    /// Only these classes, by name, in this order
    #[arg(long, value_name = "A,B,C")]
    classes: Vec<String>,
    /// Only this class, behind those of --classes; its name may hold commas. May be repeated
    #[arg(long, value_name = "NAME")]
    class: Vec<String>,
    /// What a person pinned, rejected and swapped: a file that `stillroom curation` or the window wrote
    #[arg(long, value_name = "FILE")]
    curation: Option<PathBuf>,
    #[command(flatten)]
    recipe: RecipeArgs<Recipe>,
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

impl Args {
    /// The recipes of all sizes that the flags give, for data of this side; and whether there are several.
    fn recipes(&self, side: Option<usize>) -> Result<(Vec<Recipe>, bool), Failure> {
        let base = presets::recipe_of(self.method.as_deref(), self.preset.as_deref(), side)?;
        self.recipe.apply_each(&base, "ipc")
    }
}

/// The observers beside the session's, each checked like it.
pub fn opened_beside(
    files: &[PathBuf],
    session: &Session,
    (data, force): (&DatasetRequest, bool),
    console: &mut Console,
) -> Result<Vec<Arc<OpenedObserver>>, Failure> {
    let first = &session.observer;
    let open = |file: &PathBuf| {
        // The order is what the first one's check came to.
        let opened = observer(&ObserverRequest::beside(file, first), &session.dataset)?;
        opened.notes.iter().for_each(|note| console.warn(note.clone()));
        let name = opened.observer.name.clone();
        let mut own = session.with(Arc::new(opened))?;
        check_one(&mut own, (data, force), &format!("{name}: "), console)?;
        Ok(own.observer)
    };
    files.iter().map(open).collect()
}

/// Distils a dataset; the last line on standard output is JSON. Several sizes have a line each before it.
pub fn run(args: &Args) -> Result<(), Failure> {
    // What flags can't be is said before anything is opened; the side that a method's values hang on is known later.
    let (first, several) = args.recipes(args.common.network.side)?;
    if first.iter().any(|recipe| recipe.method.iterations() == 0) && !args.beside.is_empty() {
        return Err(Failure::Usage(
            "--beside moves pixels, which rded doesn't: give --method sre2l, cda or lic".to_owned(),
        ));
    }
    if args.nested && !several {
        return Err(Failure::Usage("--nested needs several sizes: give --ipc 50,10,1".to_owned()));
    }
    if several && args.scores.is_some() {
        return Err(Failure::Usage("--scores has the ranks of one size: give one value of --ipc".to_owned()));
    }
    scores_for(args, &first)?;
    let ipcs: Vec<u32> = first.iter().map(|r| r.ipc).collect();
    let mut console = Console::new(args.common.compute.json)?;
    NewFolder::check(&args.out)?;
    let table = args.scores.as_deref().map(new_table).transpose()?;
    let dataset = args.common.open(&args.reading.of(&args.data), Split::Train, &args.request(), &mut console)?;
    let classes = chosen_classes(&dataset, &args.classes, &args.class)?;
    let curation = match &args.curation {
        Some(file) => Arc::new(curation(file, &dataset, &mut console)?),
        None => Arc::default(),
    };
    let project = open_project(args.project.as_deref(), &mut console)?;
    let mut session = args.common.session(&args.request(), dataset, &mut console)?;
    let data = args.reading.of(&args.data);
    check_first(&mut session, &data, args.force, &mut console)?;
    let (recipes, _) = args.recipes(Some(session.observer.observer.spec.side))?;
    // Of no value there is the default.
    let recipe = recipes.into_iter().next().unwrap_or_default();
    let beside = opened_beside(&args.beside, &session, (&data, args.force), &mut console)?;
    let request = DistillRequest { recipe, classes, curation, beside, out: args.out.clone() };
    if !several {
        let mut patches = PatchTable::default();
        let mut each = |class, found| {
            if table.is_some() {
                patches.take(class, found);
            }
        };
        let report = distill(&mut session, &project, &request, &mut console, &mut each)
            .map_err(|e| Failure::of_distilling(&e))?;
        if let Some(table) = table {
            finish(table, &patches.csv(&session, &request.recipe))?;
        }
        return print_report(&console, &session, ("distill", &report));
    }
    let sizes = if args.nested { Sizes::Nested } else { Sizes::Apart };
    let what = (&request, &ipcs[..], sizes);
    let reports = distill_sizes(&mut session, &project, what, &mut console, &mut |_, _| {})
        .map_err(|e| Failure::of_distilling(&e))?;
    print_sizes(&console, &session, sizes, &reports);
    Ok(())
}

/// Refuses what is about patches where a recipe begins without any.
fn scores_for(args: &Args, recipes: &[Recipe]) -> Result<(), Failure> {
    let Some(bare) = recipes.iter().find(|recipe| recipe.rded().is_none()) else { return Ok(()) };
    let given = [("--curation", args.curation.is_some()), ("--scores", args.scores.is_some())];
    match given.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Failure::Usage(format!(
            "{flag} is about patches, and {} begins with noise: leave it out, or give --init rded",
            bare.method.name()
        ))),
        None => Ok(()),
    }
}

/// The table's file, found to be free and writable before any work.
fn new_table(path: &Path) -> Result<NewFile, Failure> {
    if path.symlink_metadata().is_ok() {
        return Err(taken(path));
    }
    Ok(NewFile::begin(path)?)
}

fn finish(table: NewFile, text: &str) -> Result<(), Failure> {
    let path = table.path().to_owned();
    if table.finish(text.as_bytes())? == Written::Differs { Err(taken(&path)) } else { Ok(()) }
}

fn taken(path: &Path) -> Failure {
    Failure::Failed(format!("{}: exists already and is not overwritten; give another name", shown(path)))
}

/// The classes that were named, in that order; all of them by default.
fn chosen_classes(dataset: &Dataset, lists: &[String], single: &[String]) -> Result<Vec<ClassId>, Failure> {
    if lists.is_empty() && single.is_empty() {
        return Ok(dataset.class_ids().collect());
    }
    // A text that is the name of a class as a whole is no list.
    let names = lists.iter().flat_map(|list| match dataset.class_named(list) {
        Some(_) => vec![list.as_str()],
        None => list.split(',').collect(),
    });
    let mut classes = Vec::new();
    for (flag, name) in
        names.map(|name| ("--classes", name)).chain(single.iter().map(|name| ("--class", name.as_str())))
    {
        let class = dataset.class_named(name).ok_or_else(|| no_class(dataset, flag, name))?;
        if classes.contains(&class) {
            return Err(Failure::Usage(format!("{flag} names '{name}' twice")));
        }
        classes.push(class);
    }
    Ok(classes)
}

fn no_class(dataset: &Dataset, flag: &str, name: &str) -> Failure {
    let known = dataset.classes().iter().take(12).map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
    let with_comma =
        dataset.classes().iter().find(|c| flag == "--classes" && c.name.split(',').any(|part| part == name));
    let hint = with_comma.map_or_else(String::new, |c| format!("; give one with commas as --class \"{}\"", c.name));
    Failure::Usage(format!("{flag}: there is no class '{name}'; the data has {known} …{hint}"))
}

/// The small check before every distillation: a wrong class order is the cause of most failed replications.
pub fn check_first(
    session: &mut Session,
    data: &DatasetRequest,
    force: bool,
    console: &mut Console,
) -> Result<(), Failure> {
    check_one(session, (data, force), "", console)
}

/// The same for any observer; `whose` stands before what is said.
fn check_one(
    session: &mut Session,
    (data, force): (&DatasetRequest, bool),
    whose: &str,
    console: &mut Console,
) -> Result<(), Failure> {
    let held_out = data.held_out(&session.dataset);
    let of_which = if held_out.is_some() { "" } else { " that are distilled (--holdout 0.1 would keep some for this)" };
    let held_out = held_out.map_or_else(|| session.dataset.clone(), std::sync::Arc::new);
    let report = check(session, &held_out, Depth::Quick, console).map_err(|e| console.failure(&e))?;
    console.say(&format!("{whose}check: top-1 {:.2} % on {} images{of_which}", report.top1, report.images));
    if let Some(order) = &report.order {
        console.say(&format!("{whose}{order}"));
    }
    // The remedies are flags, which are the first observer's.
    let card = if whose.is_empty() { "" } else { ". What flags say of --observer, the card of this file says of it" };
    match report.verdict() {
        Verdict::Good => {}
        Verdict::Doubtful(why) => console.warn(format!("{whose}{why}{card}")),
        Verdict::Refused(why) if force => console.warn(format!("{whose}{why}{card} (going on: --force)")),
        Verdict::Refused(why) => return Err(Failure::Failed(format!("{whose}{why}{card}"))),
    }
    Ok(())
}

/// The last line of a job that made a set.
pub fn print_report(
    console: &Console,
    session: &Session,
    (job, report): (&str, &DistillReport),
) -> Result<(), Failure> {
    let out = shown(&report.out);
    console.say(&format!("{} distilled images in {out}", report.images));
    let mut line = figures(session, (job, report), report.images);
    line.insert("mean_selected_loss".to_owned(), report.mean_selected_loss.into());
    line.extend(refined(report));
    line.insert("out".to_owned(), out.into());
    print_line(&line.into());
    Ok(())
}

/// A line for each size, and one for all of them.
fn print_sizes(console: &Console, session: &Session, sizes: Sizes, reports: &[DistillReport]) {
    let nested = sizes == Sizes::Nested;
    for report in reports {
        let out = shown(&report.out);
        console.say(&format!("{} distilled images in {out}", report.images));
        let (ipc, images, loss) = (report.ipc, report.images, report.mean_selected_loss);
        let line = serde_json::json!({"size": ipc, "images": images, "mean_selected_loss": loss, "out": out});
        print_line(&line);
    }
    let Some(any) = reports.first() else { return };
    let mut line = figures(session, ("distill", any), reports.iter().map(|r| r.images).sum());
    line.insert("sizes".to_owned(), reports.iter().map(|r| r.ipc).collect());
    line.insert("nested".to_owned(), nested.into());
    line.insert("out".to_owned(), any.out.parent().map(shown).into());
    line.extend(refined(any));
    print_line(&line.into());
}

/// What moving the pixels came to; nothing of a method that doesn't.
fn refined(report: &DistillReport) -> serde_json::Map<String, serde_json::Value> {
    let mut line = serde_json::Map::new();
    if let Some(cost) = &report.refined {
        let terms: serde_json::Map<_, _> =
            cost.terms.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect();
        line.insert("iterations".to_owned(), cost.iterations.into());
        line.insert("iterations_per_second".to_owned(), rounded(cost.rate()).into());
        line.insert("batches_reused".to_owned(), cost.reused.into());
        line.insert("terms".to_owned(), terms.into());
    }
    line
}

/// What a run cost, with `images` distilled images.
fn figures(
    session: &Session,
    (job, report): (&str, &DistillReport),
    images: usize,
) -> serde_json::Map<String, serde_json::Value> {
    let (seconds, spent) = (report.seconds, report.cost.spent);
    let mut line = serde_json::Map::new();
    let mut put = |name: &str, value: serde_json::Value| line.insert(name.to_owned(), value);
    put("job", job.into());
    put("seconds", rounded(seconds).into());
    put("patches_per_second", rounded(spent.patches as f64 / seconds.max(1e-9)).into());
    put("ms_per_distilled_image", rounded(1e3 * seconds / images.max(1) as f64).into());
    put("peak_rss_mib", peak_rss_mib().into());
    put("device", session.device.id.clone().into());
    put("images", images.into());
    put("patches_scored", spent.patches.into());
    put("network_seconds", rounded(spent.network_secs).into());
    put("waiting_seconds", rounded(spent.waiting_secs).into());
    put("classes_reused", report.cost.reused.into());
    put("broken_images", report.broken.into());
    if report.cost.features.patches > 0 {
        put("features_computed", report.cost.features.patches.into());
    }
    line
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
