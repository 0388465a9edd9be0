//! `stillroom curation`, and the file that `distill --curation` reads.

use std::path::{Path, PathBuf};

use crate::core::data::dataset::Dataset;
use crate::core::distil::curation::Curation;
use crate::core::distil::curation::file::Resolved;
use crate::core::progress::Progress as _;
use crate::jobs::open::DatasetRequest;
use crate::store::curation::{file_of, read};
use crate::store::files::{Written, shown, write_new};
use crate::store::project::{Project, RecentDataset};

use super::console::print_line;
use super::options::ReadingArgs;
use super::{Console, Failure};

/// Datasets of a project that are looked at.
const RECENT: u32 = 1000;

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// Project folder that keeps the curation [default: stillroom/default in the user's data folder]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// The dataset's folder [default: the dataset that was opened last]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
    /// The new file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Warnings as JSON lines on standard output too
    #[arg(long)]
    json: bool,
}

/// A dataset with a curation.
struct Found {
    file: PathBuf,
    /// The dataset, where it can be opened.
    dataset: Option<Dataset>,
}

/// Writes a project's curation of a dataset; the last line on standard output is JSON.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut console = Console::new(args.json)?;
    let folder = args.project.as_ref().map_or_else(Project::default_dir, |folder| Ok(folder.clone()))?;
    let project = Project::read_only(&folder)?;
    let recent = project.recent_datasets(RECENT)?;
    let Found { file, dataset } = match &args.data {
        Some(data) => named(&folder, &recent, &args.reading.of(data))?,
        None => opened_last(&folder, &recent)?,
    };
    let (named, bytes) = read(&file)?;
    let counts = named.counts();
    let strays = dataset.map(|dataset| named.resolve(&dataset).strays);
    if let Some(strays) = &strays {
        tell_strays(&file, strays.names(), &mut console);
    } else {
        console.warn("the dataset can't be opened, so nothing is said of names that it lacks".to_owned());
    }
    if write_new(&args.out, &bytes)? == Written::Differs {
        return Err(Failure::Failed(format!(
            "{}: it exists and is not overwritten; give another --out",
            shown(&args.out)
        )));
    }
    print_line(&serde_json::json!({
        "job": "curation",
        "pinned": counts.pinned,
        "rejected": counts.rejected,
        "swapped": counts.swapped,
        "placed": counts.placed,
        "tagged": counts.tagged,
        "strays": strays.map(|strays| strays.len()),
        "out": shown(&args.out),
    }));
    Ok(())
}

/// The curation of the dataset that was opened last.
fn opened_last(project: &Path, recent: &[RecentDataset]) -> Result<Found, Failure> {
    let Some(last) = recent.first() else {
        return Err(Failure::Failed(format!("{}: no dataset was opened in this project yet", shown(project))));
    };
    let file = file_of(project, &last.fingerprint);
    if !file.exists() {
        let others: Vec<String> = recent
            .iter()
            .filter(|other| file_of(project, &other.fingerprint).exists())
            .map(|other| format!("--data {}", shown(&other.root)))
            .collect();
        let remedy = match &others[..] {
            [] => "pin, reject or swap patches in the window first".to_owned(),
            others => format!("there is a curation for {}", others.join(", ")),
        };
        let why = format!("{}: nothing was curated of {}, which was opened last", shown(project), shown(&last.root));
        return Err(Failure::Failed(format!("{why}; {remedy}")));
    }
    let request = DatasetRequest { holdout: last.holdout, ..DatasetRequest::whole(&last.root) };
    Ok(Found { file, dataset: request.training().ok().map(|imported| imported.dataset) })
}

/// The curation of a dataset that was named: as it is now, or as it was when it was opened last.
fn named(project: &Path, recent: &[RecentDataset], request: &DatasetRequest) -> Result<Found, Failure> {
    let opened = request.training().map(|imported| imported.dataset);
    if let Ok(dataset) = &opened {
        let file = file_of(project, &dataset.fingerprint());
        if file.exists() {
            return Ok(Found { file, dataset: opened.ok() });
        }
    }
    let root = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let roots = [Some(root(&request.path)), opened.as_ref().ok().map(|dataset| root(dataset.root()))];
    let known = recent.iter().find(|known| roots.iter().flatten().any(|root| *root == known.root));
    let file = known.map(|known| file_of(project, &known.fingerprint)).filter(|file| file.exists());
    match (file, opened) {
        (Some(file), opened) => Ok(Found { file, dataset: opened.ok() }),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(dataset)) => Err(Failure::Failed(format!(
            "{}: nothing was curated of {} yet; pin, reject or swap patches in the window first",
            shown(project),
            shown(dataset.root())
        ))),
    }
}

/// Reads the file of `--curation` and tells what of it the dataset lacks.
pub fn curation(file: &Path, dataset: &Dataset, console: &mut Console) -> Result<Curation, Failure> {
    let Resolved { curation, strays, same_dataset } = read(file)?.0.resolve(dataset);
    console.say(&format!("curation: {} marked images in {}", curation.len(), shown(file)));
    if !same_dataset {
        console.warn(format!("{}: it was made for another dataset, or another part; equal names apply", shown(file)));
    }
    tell_strays(file, strays.names(), console);
    Ok(curation)
}

/// Warns of names that the dataset lacks.
fn tell_strays(file: &Path, names: impl Iterator<Item = String>, console: &mut Console) {
    const NAMED: usize = 3;
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        return;
    }
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named = names[..names.len().min(NAMED)].join(", ");
    console.warn(format!("{}: the dataset has no {named}{more}: what is said of these has no effect", shown(file)));
}
