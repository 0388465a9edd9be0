//! `stillroom runs`.

use std::path::{Path, PathBuf};

use crate::core::param::Parameters as _;
use crate::jobs::command_line;
use crate::store::files::shown;
use crate::store::project::{Project, RunRecord};

use super::Failure;
use super::console::{print_line, tell};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// Project folder [default: stillroom/default in the user's data folder]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// At most this many, the newest
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// No table on standard error
    #[arg(long)]
    json: bool,
}

/// Lists the runs of a project, newest first: a JSON line each on standard output, and their number in the last one.
pub fn run(args: &Args) -> Result<(), Failure> {
    let folder = args.project.as_ref().map_or_else(Project::default_dir, |folder| Ok(folder.clone()))?;
    let project = Project::read_only(&folder)?;
    let (runs, all) = (project.runs(args.limit)?, project.run_count()?);
    for run in &runs {
        if !args.json {
            let out = run.out.as_deref().map(shown).unwrap_or_default();
            let status = status(run);
            tell(&format!("{:>5}  {}  {status:<11}  {out}  {}", run.row.number(), run.began_here, run.recipe.flags()));
        }
        print_line(&line(run));
    }
    if !args.json {
        tell(&format!("showing {} of {all} runs", runs.len()));
    }
    print_line(&serde_json::json!({ "job": "runs", "shown": runs.len(), "runs": all, "project": shown(&folder) }));
    Ok(())
}

fn status(run: &RunRecord) -> String {
    let name = serde_json::to_value(run.status).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}

fn line(run: &RunRecord) -> serde_json::Value {
    let asked = run.asked.as_ref();
    serde_json::json!({
        "run": run.row.number(),
        "began": run.began,
        "began_here": run.began_here,
        "seconds": run.ended.map(|ended| ended - run.began),
        "status": status(run),
        "detail": run.detail,
        "dataset": shown(&run.dataset),
        "observer": shown(&run.observer),
        "out": run.out.as_deref().map(shown),
        "recipe": run.recipe,
        "classes": asked.map(|asked| &asked.classes),
        "beside": asked.map(|asked| asked.beside.iter().map(|beside| shown(&beside.file)).collect::<Vec<_>>()),
        "set": asked.and_then(|asked| asked.set.as_ref()).map(|set| shown(&set.0)),
        "curation": run.curation.as_deref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok()),
        // CURATION stands for a file that holds the text above.
        "command": command_line::run(run, run.curation.as_ref().map(|_| Path::new("CURATION"))),
    })
}
