//! `stillroom refine`.

use std::path::PathBuf;

use crate::core::data::dataset::Split;
use crate::core::distil::params::of_the_set;
use crate::core::distil::recipe::Recipe;
use crate::jobs::distill::{FinishedSet, FurtherRequest, refine_set};
use crate::jobs::open::{DatasetRequest, ObserverRequest};
use crate::store::export::folder::NewFolder;

use super::distill::{check_first, opened_beside, print_report};
use super::options::{Common, ReadingArgs, RecipeArgs, open_project};
use super::{Console, Failure, presets};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// The finished set. For lic its manifest.json must say of which patches it was stitched, curated or not; for sre2l and
    /// cda it may be any folder of classes, as large as the observer's input
    #[arg(long, value_name = "DIR")]
    set: PathBuf,
    /// The dataset that it was distilled from [default for sre2l and cda: the set itself]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The observer's weight file; it needn't be the one that scored the set's patches
    #[arg(long, value_name = "FILE")]
    observer: PathBuf,
    /// The output folder; it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Project folder that keeps the pixels [default: stillroom/default in the user's data folder]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// lic, sre2l or cda. Without a preset it takes its paper's values for the side of the data [default: lic]
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// A paper's recipe, or one of your own by its name or file; other flags override it
    #[arg(long, value_name = "NAME|FILE.json")]
    preset: Option<String>,
    /// Another observer by which pixels are moved, beside --observer, opened by its own card: --arch, --part, --mean-std and
    /// --class-map are of the first one alone. May be repeated
    #[arg(long, value_name = "FILE")]
    beside: Vec<PathBuf>,
    /// Go on although the observer check says no
    #[arg(long)]
    force: bool,
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

    /// The method's recipe with the flags that were given, for an observer of this side.
    fn recipe(&self, set: &FinishedSet, side: Option<usize>) -> Result<Recipe, Failure> {
        let method = self.method.as_deref().or(self.preset.is_none().then_some("lic"));
        let base = presets::recipe_of(method, self.preset.as_deref(), side)?;
        let own = of_the_set(&base.method);
        if let Some(flag) = self.recipe.given().map(|(name, _)| name).find(|name| own.contains(name)) {
            return Err(Failure::Usage(format!("--{flag}: the set's own is taken; leave it out")));
        }
        set.recipe(self.recipe.apply(base)?).map_err(|e| Failure::Usage(e.to_string()))
    }

    /// The dataset: of LIC, which looks at the originals, it must be given.
    fn data(&self, set: &FinishedSet, recipe: &Recipe) -> Result<DatasetRequest, Failure> {
        let Some(data) = &self.data else {
            if recipe.method.compensation().is_some() {
                let why = "lic looks at the images that the set was stitched of: give --data DIR, the dataset";
                return Err(Failure::Usage(why.to_owned()));
            }
            let given = [("--folders", !self.reading.folders.is_auto()), ("--holdout", self.reading.holdout.is_some())];
            if let Some((flag, _)) = given.into_iter().find(|(_, given)| *given) {
                return Err(Failure::Usage(format!(
                    "{flag} says how --data is read: give --data DIR, or leave it out"
                )));
            }
            return Ok(DatasetRequest::whole(set.root()));
        };
        let kept = set.manifest().and_then(|manifest| manifest.dataset.holdout);
        Ok(DatasetRequest { holdout: self.reading.holdout.or(kept), ..self.reading.of(data) })
    }
}

/// Moves the pixels of a finished set further; the last line on standard output is JSON.
pub fn run(args: &Args) -> Result<(), Failure> {
    let set = FinishedSet::open(&args.set).map_err(|e| Failure::Failed(e.to_string()))?;
    // What flags can't be is said before the observer is opened; the side that a method's values hang on is known later.
    let data = args.data(&set, &args.recipe(&set, args.common.network.side)?)?;
    let mut console = Console::new(args.common.compute.json)?;
    NewFolder::check(&args.out)?;
    let dataset = args.common.open(&data, Split::Train, &args.request(), &mut console)?;
    let project = open_project(args.project.as_deref(), &mut console)?;
    let mut session = args.common.session(&args.request(), dataset, &mut console)?;
    check_first(&mut session, &data, args.force, &mut console)?;
    let recipe = args.recipe(&set, Some(session.observer.observer.spec.side))?;
    let beside = opened_beside(&args.beside, &session, (&data, args.force), &mut console)?;
    let request = FurtherRequest { set, recipe, beside, out: args.out.clone() };
    let report = refine_set(&mut session, &project, &request, &mut console, &mut |_, _| {})
        .map_err(|e| Failure::of_distilling(&e))?;
    print_report(&console, &session, ("refine", &report))
}
