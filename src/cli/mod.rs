//! The headless command line: one file per command. JSON on standard output only, everything else on standard error.
//! Exit codes: 0 done, 1 failed, 2 usage, 130 cancelled by Ctrl-C or a scheduler's signal and resumable.

mod ablate;
mod bench;
mod check;
mod console;
mod convert;
mod curation;
mod devices;
mod distill;
mod evaluate;
mod export;
mod map;
mod networks;
mod options;
mod outputs;
mod presets;
mod refine;
mod relabel;
mod report;
mod runs;
mod sample;
mod signals;
mod suspects;
mod train;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use console::print_line;
use console::{Console, Failure};
pub use options::Window;

/// A desktop workbench for dataset distillation: crop, score, select, stitch, look. Without a command it opens the
/// window.
#[derive(Parser)]
#[command(name = "stillroom", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    window: Window,
}

#[derive(Subcommand)]
enum Command {
    /// Distil the built-in sample end to end
    Demo(sample::DemoArgs),
    /// Write the sample's images, or train its observer
    Sample(sample::SampleArgs),
    /// List the devices, and which one --device auto takes
    Devices(devices::Args),
    /// List the networks: size, input side, accepted files
    Networks(networks::Args),
    /// Does the observer know the classes, in their order?
    Check(check::Args),
    /// Top-1 and top-5 of a network on whole images
    Evaluate(evaluate::Args),
    /// Which labels are probably wrong
    Suspects(suspects::Args),
    /// Lay images out so that those that the observer finds alike lie near each other
    Map(map::Args),
    /// Write a network's weights in another format, or for fewer classes
    Convert(convert::Args),
    /// Turn a dataset into a few images per class
    Distill(Box<distill::Args>),
    /// Move the pixels of a finished set further: compensate it, or recover from its images
    Refine(Box<refine::Args>),
    /// Write what was pinned, rejected and swapped in a project, for distill --curation
    Curation(curation::Args),
    /// List what was distilled in a project: when, with which recipe, where to
    Runs(runs::Args),
    /// Write a distilled set as other programs read it
    Export(export::Args),
    /// Write a page about a distilled set: settings, scores, images, trainings
    Report(report::Args),
    /// Store soft labels of a distilled set, for trainings to come
    Relabel(Box<relabel::Args>),
    /// Train students on distilled images and evaluate them
    Train(Box<train::TrainArgs>),
    /// Train an observer on a full dataset
    Pretrain(Box<train::PretrainArgs>),
    /// Distil and train a series: the papers' tables, or a grid
    Ablate(Box<ablate::Args>),
    /// Measure the same work as the PyTorch peer
    #[command(subcommand)]
    Bench(bench::Bench),
}

/// What the arguments came to.
pub enum Outcome {
    /// A command ran, or the arguments were wrong.
    Exit(ExitCode),
    /// No command: the caller opens the window.
    Window(Window),
    /// The caller has the window measure itself, and prints the figures as JSON with [`print_line`].
    BenchUi,
}

/// Parses the arguments and runs the command they name.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Outcome {
    let parsed = Cli::command().try_get_matches_from(arguments).and_then(|m| Cli::from_arg_matches(&m));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // --help and --version come this way too, with exit code 0.
            return Outcome::Exit(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)));
        }
    };
    let result = match cli.command {
        None => return Outcome::Window(cli.window),
        Some(Command::Bench(bench::Bench::Ui(_))) => return Outcome::BenchUi,
        Some(Command::Demo(args)) => sample::demo(&args),
        Some(Command::Sample(args)) => sample::sample(&args),
        Some(Command::Devices(args)) => devices::run(&args),
        Some(Command::Networks(args)) => networks::run(&args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Evaluate(args)) => evaluate::run(&args),
        Some(Command::Suspects(args)) => suspects::run(&args),
        Some(Command::Map(args)) => map::run(&args),
        Some(Command::Convert(args)) => convert::run(&args),
        Some(Command::Distill(args)) => distill::run(&args),
        Some(Command::Refine(args)) => refine::run(&args),
        Some(Command::Curation(args)) => curation::run(&args),
        Some(Command::Runs(args)) => runs::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Relabel(args)) => relabel::run(&args),
        Some(Command::Train(args)) => train::train(&args),
        Some(Command::Pretrain(args)) => train::pretrain(&args),
        Some(Command::Ablate(args)) => ablate::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
    };
    Outcome::Exit(match result.and_then(|()| console::lost()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            console::tell(&format!("stillroom: {failure}"));
            failure.exit_code()
        }
    })
}
