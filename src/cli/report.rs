//! `stillroom report`.

use std::path::PathBuf;

use crate::core::data::folders::Folders;
use crate::jobs::report::{ReportRequest, write};
use crate::store::files::shown;

use super::console::print_line;
use super::{Console, Failure};

const MIB: u64 = ReportRequest::BUDGET >> 20;

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// The distilled set's folder
    #[arg(long, value_name = "DIR")]
    set: PathBuf,
    /// The new page; it opens in any browser, without a network
    #[arg(long, value_name = "FILE.html")]
    out: PathBuf,
    /// A training that `train` wrote, or a folder with several; those of a random set are compared. May be repeated
    #[arg(long, value_name = "DIR")]
    training: Vec<PathBuf>,
    /// Write the tables as CSV and the charts as SVG into this new folder, too
    #[arg(long, value_name = "DIR")]
    tables: Option<PathBuf>,
    /// Most MiB for images on the page; more are shown as thumbnails, and what does not fit then is left out
    #[arg(long, value_name = "MIB", default_value_t = MIB, value_parser = clap::value_parser!(u64).range(1..=1024))]
    max_mib: u64,
    /// What the folders are where it is in doubt: splits (train, test, …) or classes
    #[arg(long, value_name = "splits|classes", default_value = "auto", hide_default_value = true)]
    folders: Folders,
    /// Progress and warnings as JSON lines on standard output too
    #[arg(long)]
    json: bool,
}

/// Writes a report; the last line on standard output is JSON.
pub fn run(args: &Args) -> Result<(), Failure> {
    let request = ReportRequest {
        set: args.set.clone(),
        folders: args.folders,
        trainings: args.training.clone(),
        out: args.out.clone(),
        tables: args.tables.clone(),
        budget: args.max_mib << 20,
    };
    let mut console = Console::new(args.json)?;
    let done = write(&request, &mut console).map_err(|e| console.failure(&e))?;
    let (shown_images, images, out) = (done.shown, done.images, shown(&done.out));
    let small = done.thumbnails.map_or_else(String::new, |side| format!(" as thumbnails of at most {side} pixels"));
    console.say(&format!("{out}: {} bytes, showing {shown_images} of {images} images{small}", done.bytes));
    let tables = done.tables.as_ref();
    if let Some((folder, files)) = tables {
        console.say(&format!("{}: {files} files of tables and charts", shown(folder)));
    }
    print_line(&serde_json::json!({
        "job": "report",
        "out": out,
        "bytes": done.bytes,
        "images": images,
        "shown": shown_images,
        "thumbnail_side": done.thumbnails,
        "trainings": done.trainings,
        "tables": args.tables.as_deref().map(shown),
        "table_files": tables.map_or(0, |(_, files)| *files),
    }));
    Ok(())
}
