//! `stillroom`: the window, and the same work headless. See `stillroom --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    stillroom::cli::run(std::env::args_os())
}
