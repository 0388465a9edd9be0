//! `stillroom`: the window, and the same work headless. See `stillroom --help`.

use std::process::ExitCode;

use stillroom::cli::{self, Outcome};

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Outcome::Exit(code) => code,
        Outcome::Window(_options) => ExitCode::FAILURE,
    }
}
