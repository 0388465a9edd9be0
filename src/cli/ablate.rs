//! `stillroom ablate`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::core::data::dataset::Split;
use crate::core::distil::recipe::Recipe;
use crate::core::param::{BadValue, Parameters as _};
use crate::core::train::ablation::{Axis, Series};
use crate::core::train::presets::{Facts, TrainPreset, preset_of};
use crate::jobs::Arch;
use crate::jobs::ablate::{AblateRequest, News, Row, ablate};
use crate::jobs::train::Compute;
use crate::store::files::shown;

use super::console::{peak_rss_mib, print_line, tell};
use super::distill::check_first;
use super::options::{Common, ReadingArgs, RecipeArgs, open_project};
use super::{Console, Failure, presets};

/// The words of the series, with their help.
fn words() -> PossibleValuesParser {
    PossibleValuesParser::new(Series::names().map(|(name, about)| PossibleValue::new(name).help(about)))
}

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// The series
    #[arg(long, value_parser = words())]
    series: String,
    /// The dataset: distilled from its training split, evaluated on its test split
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The observer's weight file
    #[arg(long, value_name = "FILE")]
    observer: PathBuf,
    /// The network of the students
    #[arg(long, value_name = "NAME")]
    student: Arch,
    /// Output folder; what a series has in common with one before is not made again
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Students per entry
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    seeds: u32,
    /// A training parameter for all entries, as NAME=VALUE with the names of `train`'s flags; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    train: Vec<String>,
    /// Only the first N images of each class are evaluated [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    val_limit: Option<u32>,
    /// An axis of the grid: a parameter of the recipe, by its flag's name, and its values; may be repeated
    #[arg(long, value_name = "NAME=V,V")]
    grid: Vec<Axis>,
    /// The grid's images per class
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    grid_ipc: Vec<u32>,
    /// The grid's patches per image
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    grid_patches: Vec<u32>,
    /// The grid's subsets
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    grid_subset: Vec<u32>,
    /// Project folder that keeps the scores [default: stillroom/default in the user's data folder]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// A method, as its paper has it for data of this side: rded, sre2l, cda or lic [default: the series', else rded]
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// A paper's recipe for distilling, or one of your own by its name or file; other flags override it
    #[arg(long, value_name = "NAME|FILE.json")]
    preset: Option<String>,
    /// Go on although the observer check says no
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    recipe: RecipeArgs<Recipe>,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    common: Common,
}

impl Args {
    /// The recipe that is varied, for data of this side. The ready grids bring their method; RDED's own series go by the
    /// recipe that distilling has without a method.
    fn base(&self, side: Option<usize>) -> Result<Recipe, Failure> {
        let own = Series::method_of(&self.series).filter(|method| self.preset.is_none() && *method != "rded");
        let base = presets::recipe_of(self.method.as_deref().or(own), self.preset.as_deref(), side)?;
        self.recipe.apply(base)
    }

    /// The axes with flags of their own, which came first.
    fn short_axes(&self) -> Vec<Axis> {
        let all = [("ipc", &self.grid_ipc), ("patches", &self.grid_patches), ("subset", &self.grid_subset)];
        let given = all.into_iter().filter(|(_, values)| !values.is_empty());
        given
            .map(|(name, values)| Axis {
                name: name.to_owned(),
                values: values.iter().map(ToString::to_string).collect(),
            })
            .collect()
    }

    /// The series, whose entries the recipe has been found to give.
    fn series(&self, recipe: &Recipe) -> Result<Series, Failure> {
        let short = self.short_axes();
        let given = !short.is_empty() || !self.grid.is_empty();
        if given && self.series != "grid" {
            return Err(Failure::Usage(
                "--grid, --grid-ipc, --grid-patches and --grid-subset go with --series grid".to_owned(),
            ));
        }
        let axes = short.iter().chain(&self.grid).cloned().collect();
        let unknown = || Failure::Usage(format!("there is no series '{}'", self.series));
        let series = Series::named(&self.series, axes).ok_or_else(unknown)?;
        let wrong = |BadValue { name, value, why }: BadValue| {
            let flag = if short.iter().any(|axis| axis.name == name && axis.values.contains(&value)) {
                format!("--grid-{name} {value}")
            } else if self.grid.iter().any(|axis| axis.name == name) {
                format!("--grid {name}={value}")
            } else {
                format!("--{name} {value}")
            };
            Failure::Usage(format!("{flag}: {why}"))
        };
        series.entries(recipe).map_err(wrong)?;
        Ok(series)
    }

    /// The parameters that are the same for all trainings.
    fn training(&self, method: &str, series: &Series) -> Result<Vec<(String, String)>, Failure> {
        let pair = |given: &String| {
            let (name, value) = given.split_once('=')?;
            Some((name.trim_start_matches("--").to_owned(), value.to_owned()))
        };
        let wrong = |given: &String| Failure::Usage(format!("--train {given}: give NAME=VALUE, e.g. epochs=300"));
        let mut all = vec![("seeds".to_owned(), self.seeds.to_string())];
        for given in &self.train {
            all.push(pair(given).ok_or_else(|| wrong(given))?);
        }
        // Said now, not when the first entry of a kind has been distilled.
        let [soft, hard] = [true, false].map(|soft| preset_of(method, soft));
        let presets = if series.has_hard_labels() { vec![soft, hard] } else { vec![soft] };
        let usage = |e: BadValue| Failure::Usage(format!("--train: {e}"));
        for preset in presets.iter().filter_map(|name| TrainPreset::named(name)) {
            let facts = Facts { classes: 10, side: 32, ipc: 10, factor: 1, observer: "", student: "" };
            let mut recipe = preset.suggest(&facts).recipe;
            all.iter().try_for_each(|(name, value)| recipe.set(name, value)).map_err(usage)?;
            recipe.check().map_err(usage)?;
        }
        Ok(all)
    }
}

/// Runs a series; a JSON line per entry, and the last line with all of them.
pub fn run(args: &Args) -> Result<(), Failure> {
    // What flags can't be is said before anything is opened; the side that a method's values hang on is known later.
    let recipe = args.base(args.common.network.side)?;
    let series = args.series(&recipe)?;
    let training = args.training(recipe.method.name(), &series)?;
    let mut console = Console::new(args.common.compute.json)?;
    let observer = args.common.network.observer(args.observer.clone());
    let dataset = args.common.open(&args.reading.of(&args.data), Split::Train, &observer, &mut console)?;
    let project = open_project(args.project.as_deref(), &mut console)?;
    let mut session = args.common.session(&observer, dataset, &mut console)?;
    check_first(&mut session, &args.reading.of(&args.data), args.force, &mut console)?;
    let request = AblateRequest {
        series,
        recipe: args.base(Some(session.observer.observer.spec.side))?,
        // With the class order that the check found.
        observer: session.observer.request.clone(),
        student: args.student,
        evaluation: args.data.clone(),
        folders: args.reading.folders,
        evaluated_per_class: args.val_limit,
        training,
        out: args.out.clone(),
    };
    let picked = args.common.compute.pick(&console)?;
    let compute = Compute { picked: &picked, threads: args.common.compute.threads() };
    let mut told = super::train::Told::default();
    let json = args.common.compute.json;
    let mut tell = |news: News<'_>| match news {
        News::Epoch(note) => told.epoch(note, json),
        News::Row(row) => tell_row(row, json),
    };
    let rows = ablate(&mut session, (&project, &request), compute, &mut console, &mut tell)
        .map_err(|e| if e.is_cancelled() { Failure::Resumable } else { Failure::Failed(e.to_string()) })?;
    console.say(&format!("the table is in {}", shown(&args.out.join(request.series.name()).with_extension("csv"))));
    print_line(&serde_json::json!({
        "job": "ablate",
        "rows": rows,
        "out": shown(&args.out),
        "device": picked.info.id,
        "peak_rss_mib": peak_rss_mib(),
    }));
    Ok(())
}

fn tell_row(row: &Row, json: bool) {
    let ((best, best_std), (last, last_std)) = (row.best_mean_std, row.last_mean_std);
    if json {
        print_line(&serde_json::json!({ "row": row }));
    } else {
        tell(&format!("{}: best {best:.2} ± {best_std:.2} %, last {last:.2} ± {last_std:.2} %", row.title));
    }
}
