//! `stillroom networks`.

use crate::jobs::networks::{NetworkRow, networks};

use super::Failure;
use super::console::{print_line, tell};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// Only names and families that contain this
    filter: Option<String>,
    /// No table on standard error
    #[arg(long)]
    json: bool,
}

/// Lists the networks; the last line on standard output is JSON.
pub fn run(args: &Args) -> Result<(), Failure> {
    let wanted = args.filter.as_deref().unwrap_or_default().to_lowercase();
    let matches = |row: &NetworkRow| row.name.contains(&wanted) || row.family.to_lowercase().contains(&wanted);
    let rows: Vec<NetworkRow> = networks().into_iter().filter(matches).collect();
    if rows.is_empty() {
        return Err(Failure::Usage(format!(
            "no network's name or family contains '{wanted}'; leave it out to see all"
        )));
    }
    if !args.json {
        let titles = ["name", "family", "parameters", "mult-adds", "input side", "files"];
        let line = |[name, family, parameters, operations, sides, files]: [&str; 6]| {
            tell(&format!("{name:<24}{family:<14}{parameters:>11}{operations:>10}  {sides:<26}{files}"));
        };
        line(titles);
        for row in &rows {
            let (parameters, operations, sides) = (row.parameters_text(), row.multiply_adds_text(), row.sides());
            line([&row.name, row.family, &parameters, &operations, &sides, &row.files]);
        }
        tell("Parameters and multiply-adds with 1000 outputs, 10 where the side is 64 or less.");
    }
    print_line(&serde_json::json!({"job": "networks", "networks": rows}));
    Ok(())
}
