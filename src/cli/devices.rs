//! `stillroom devices`.

use crate::jobs::{auto, list};

use super::Failure;
use super::console::{print_line, tell};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    /// No table on standard error
    #[arg(long)]
    json: bool,
}

/// Lists the devices; the last line on standard output is JSON.
pub fn run(args: &Args) -> Result<(), Failure> {
    let devices = list();
    let (chosen, reason) = auto(&devices);
    if !args.json {
        for (i, device) in devices.iter().enumerate() {
            let memory = device.memory_mib.map_or_else(|| "memory not told".to_owned(), |mib| format!("{mib} MiB"));
            let mark = if i == chosen { '*' } else { ' ' };
            tell(&format!("{mark} {:<10} {:?}  {}  {memory}", device.id, device.hardware, device.name));
        }
        tell(&format!("--device auto takes {}: {reason}", devices[chosen].id));
    }
    print_line(
        &serde_json::json!({"job": "devices", "devices": devices, "auto": devices[chosen].id, "reason": reason}),
    );
    Ok(())
}
