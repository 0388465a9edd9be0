//! `stillroom`: the window, and the same work headless. See `stillroom --help`.

use std::process::ExitCode;

use stillroom::cli::{self, Outcome};
use stillroom::jobs::worker::WorkerConfig;
use stillroom::store::settings;
use stillroom::store::window::RecentProjects;
use stillroom::ui::{self, AppConfig};

fn main() -> ExitCode {
    let options = match cli::run(std::env::args_os()) {
        Outcome::Exit(code) => return code,
        Outcome::BenchUi => return bench_ui(),
        Outcome::Window(options) => options,
    };
    let tour = options.data.is_none() && options.project.is_none();
    let worker = WorkerConfig { project: options.project, device: options.device, ..WorkerConfig::default() };
    let config = AppConfig {
        open_dataset: options.data.map(|folder| options.reading.of(&folder)),
        open_observer: options.observer,
        fresh: options.fresh,
        sample: !options.fresh,
        projects: RecentProjects::default_file(),
        worker,
        settings: settings::folder(),
        tour,
        ..AppConfig::default()
    };
    match ui::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("stillroom: {why}");
            ExitCode::FAILURE
        }
    }
}

fn bench_ui() -> ExitCode {
    let figures = ui::bench::run().and_then(|figures| serde_json::to_value(figures).map_err(|e| e.to_string()));
    match figures {
        Ok(figures) => {
            cli::print_line(&figures);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("stillroom: bench ui: {why}");
            ExitCode::FAILURE
        }
    }
}
