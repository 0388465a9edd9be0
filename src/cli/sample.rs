//! `stillroom sample` and `stillroom demo`.

use std::path::PathBuf;

use super::Failure;

/// Arguments of `sample`.
#[derive(clap::Args)]
pub struct SampleArgs {
    /// Folder for the sample's images
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Arguments of `demo`.
#[derive(clap::Args)]
pub struct DemoArgs {
    /// Output folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn sample(_args: SampleArgs) -> Result<(), Failure> {
    Err(Failure::Failed(String::new()))
}
pub fn demo(_args: DemoArgs) -> Result<(), Failure> {
    Err(Failure::Failed(String::new()))
}
