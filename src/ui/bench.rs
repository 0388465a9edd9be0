//! `stillroom bench ui`: what a frame of the window costs the processor. The real app with all its panels, laid out and
//! cut into triangles by egui as for a screen of 1440×900 points, but never drawn, so that neither a display nor a
//! graphics driver is needed. Dataset, observer and scores are made up ([`made`]).

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::epaint::Primitive;
use eframe::egui::{
    Context, Event as Input, Modifiers, MouseWheelSource, MouseWheelUnit, Pos2, RawInput, Rect, TouchPhase, Vec2,
};

use super::app::{App, AppConfig};
use super::intent::Intent;
use crate::core::data::dataset::ClassId;
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::Recipe;
use crate::core::workspace::Command;
use crate::jobs::bench::made::{self, Failure};
use crate::jobs::distill::Found;
use crate::jobs::open::DatasetRequest;
use crate::jobs::worker::{Event, Request, WorkerConfig};

/// Crops of each image.
const CROPS: u32 = 5;
/// Frames that are timed of each kind of looking.
const FRAMES: usize = 600;
/// Moves of a slider that are timed.
const MOVES: usize = 60;
/// Seconds after which a window that does not come to rest is given up.
const PATIENCE: Duration = Duration::from_secs(300);
/// A point of the grid of patches.
const OVER_PATCHES: Pos2 = Pos2::new(660.0, 300.0);

/// The figures; times in milliseconds. A move is the intent that a slider emits, and its time is that of carrying it out
/// and of the frame that shows it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Figures {
    job: &'static str,
    /// Key patches in the grid that is scrolled and zoomed.
    patches: usize,
    frame_p50_ms: f64,
    frame_p99_ms: f64,
    /// The same while a scoring job runs on all cores.
    frame_job_p99_ms: f64,
    /// IPC moves at 10 × 300 × 5: the 99th percentile, which of so few is the slowest.
    reselect_small_ms: f64,
    /// At 1000 × 300 × 5.
    reselect_large_ms: f64,
    /// Moves whose frame took more than 16 ms, of all moves.
    reselect_late: usize,
    /// Subset moves at 1000 × 300 × 5.
    subset_large_ms: f64,
    /// Until what is in view is stitched anew, decoding included.
    restitched_large_ms: f64,
    /// From nothing to the first frame.
    first_frame_ms: f64,
    /// Greatest memory of thumbnails while scrolling, MiB, and their budget.
    thumbnail_mib: f64,
    thumbnail_budget_mib: f64,
}

/// Measures.
///
/// # Errors
/// Why something could not be made or measured, in words.
pub fn run() -> Result<Figures, String> {
    measure().map_err(|e| e.to_string())
}

fn measure() -> Result<Figures, Failure> {
    let first_frame_ms = first_frame()?;
    let mut looked_at = Window::made((100, 1000))?;
    let idle = looked_at.look_around()?;
    looked_at.busy = true;
    let busy = looked_at.look_around()?;
    let (peak, budget) = (looked_at.peak_mib, looked_at.app.thumbnails().1);
    drop(looked_at);
    let mut small = Window::made((10, 300))?;
    let small_times = small.moves("ipc", |i| 2 + i % 40)?;
    drop(small);
    let mut large = Window::made((1000, 300))?;
    let large_times = large.moves("ipc", |i| 2 + i % 40)?;
    let restitched = large.restitched()?;
    let subset_times = large.moves("subset", |i| 160 + i * 37 % 141)?;
    let late = |times: &[f64]| times.iter().filter(|t| **t > 16.0).count();
    Ok(Figures {
        job: "bench-ui",
        patches: 100_000,
        frame_p50_ms: at(&idle, 0.5),
        frame_p99_ms: at(&idle, 0.99),
        frame_job_p99_ms: at(&busy, 0.99),
        reselect_small_ms: at(&small_times, 0.99),
        reselect_large_ms: at(&large_times, 0.99),
        reselect_late: late(&small_times) + late(&large_times) + late(&subset_times),
        subset_large_ms: at(&subset_times, 0.99),
        restitched_large_ms: restitched,
        first_frame_ms,
        thumbnail_mib: peak,
        thumbnail_budget_mib: mib(budget),
    })
}

/// The value below which a share of the times lies.
fn at(times: &[f64], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(((sorted.len().saturating_sub(1)) as f64 * share).ceil() as usize).copied().unwrap_or(f64::NAN)
}

fn millis(since: Instant) -> f64 {
    1e3 * since.elapsed().as_secs_f64()
}

fn mib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn config(project: &Path) -> AppConfig {
    let worker = WorkerConfig { project: Some(project.to_owned()), ..WorkerConfig::default() };
    AppConfig { worker, ..AppConfig::default() }
}

fn first_frame() -> Result<f64, Failure> {
    let folder = tempfile::tempdir()?;
    let start = Instant::now();
    let ctx = Context::default();
    let app = App::new(&ctx, config(&folder.path().join("project")))?;
    let mut window = Window { app, ctx, began: start, peak_mib: 0.0, busy: false, _folder: folder };
    window.frame(Vec::new());
    Ok(millis(start))
}

/// A window that nobody sees.
struct Window {
    app: App,
    ctx: Context,
    began: Instant,
    peak_mib: f64,
    /// Whether a job runs while it is looked at.
    busy: bool,
    _folder: tempfile::TempDir,
}

impl Window {
    /// A window on a dataset of so many classes and images of each, all of them scored.
    fn made((classes, images): (usize, usize)) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let made = made::write(folder.path(), (classes, images))?;
        let config = AppConfig {
            open_dataset: Some(DatasetRequest::whole(&made.data)),
            open_observer: Some(made.observer),
            ..config(&folder.path().join("project"))
        };
        let ctx = Context::default();
        let app = App::new(&ctx, config)?;
        let mut window = Self { app, ctx, began: Instant::now(), peak_mib: 0.0, busy: false, _folder: folder };
        window.settle(|app| app.model().check.is_some())?;
        window.edit("subset", images);
        window.edit("crops", CROPS as usize);
        let dataset = window.app.model().dataset().cloned().ok_or("no dataset was opened")?;
        let recipe = window.recipe()?;
        for class in dataset.class_ids() {
            let found = Found::Scores(Arc::new(made::scores(&dataset, &recipe, class)));
            window.app.receive(Event::Found { recipe: recipe.into(), class, found });
        }
        window.settle(|app| app.model().staleness().0 == 0)?;
        Ok(window)
    }

    fn recipe(&self) -> Result<Recipe<Rded>, Failure> {
        Ok(self.app.model().workspace.recipe().rded().ok_or("the window begins with another method")?)
    }

    /// One frame: what came in is taken, then the panels are painted and cut into triangles.
    fn frame(&mut self, events: Vec<Input>) {
        let screen = Rect::from_min_size(Pos2::ZERO, Vec2::new(1440.0, 900.0));
        let time = Some(self.began.elapsed().as_secs_f64());
        let input = RawInput { screen_rect: Some(screen), time, events, ..RawInput::default() };
        self.app.advance(&self.ctx);
        let app = &mut self.app;
        let painted = self.ctx.run_ui(input, |ui| app.paint(ui));
        let primitives = self.ctx.tessellate(painted.shapes, painted.pixels_per_point);
        // The triangles are made and thrown away; without a look at them the compiler might not make them.
        let corners =
            primitives.iter().map(|p| if let Primitive::Mesh(m) = &p.primitive { m.indices.len() } else { 0 });
        std::hint::black_box(corners.sum::<usize>());
    }

    /// Frames until nothing is under way, every picture in view has arrived, and `done`.
    fn settle(&mut self, done: impl Fn(&App) -> bool) -> Result<(), Failure> {
        let start = Instant::now();
        // Pictures are asked for by a frame: idle before the first one means nothing.
        self.frame(Vec::new());
        while !(self.app.is_idle() && done(&self.app)) {
            if start.elapsed() > PATIENCE {
                return Err(format!("it never came to rest; log:\n{}", self.app.model().log.text()).into());
            }
            std::thread::sleep(Duration::from_millis(2));
            self.frame(Vec::new());
        }
        Ok(())
    }

    fn edit(&mut self, name: &'static str, value: usize) {
        self.app.ask(&self.ctx, Intent::Edit(Command::SetParam { name, value: value.to_string() }));
    }

    /// Scrolls and zooms through the patches, a turn of the wheel each frame, as a person does: no waiting for pictures.
    fn look_around(&mut self) -> Result<Vec<f64>, Failure> {
        self.frame(vec![Input::PointerMoved(OVER_PATCHES)]);
        let mut times = Vec::with_capacity(FRAMES);
        for i in 0..FRAMES {
            let zooms = i % 100 >= 80;
            let up = if zooms { i % 20 < 10 } else { i % 400 >= 320 };
            let turn = if zooms { 30.0 } else { 900.0 };
            let event = Input::MouseWheel {
                unit: MouseWheelUnit::Point,
                delta: Vec2::new(0.0, if up { turn } else { -turn }),
                phase: TouchPhase::Move,
                source: MouseWheelSource::Unknown,
                modifiers: if zooms { Modifiers::COMMAND | Modifiers::CTRL } else { Modifiers::NONE },
            };
            // A fast machine is done before all frames are timed: then with another seed.
            if self.busy && !self.app.model().is_busy() {
                self.begin_job(i as u64 + 1);
            }
            let start = Instant::now();
            self.frame(vec![event]);
            times.push(millis(start));
            self.peak_mib = self.peak_mib.max(mib(self.app.thumbnails().0));
            // A screen shows 60 frames a second.
            std::thread::sleep(Duration::from_millis(16).saturating_sub(start.elapsed()));
        }
        Ok(times)
    }

    /// Scores everything under another seed.
    fn begin_job(&mut self, seed: u64) {
        let mut recipe = self.app.model().workspace.recipe().clone();
        recipe.seed += seed;
        let classes: Vec<ClassId> = self.app.model().workspace.chosen().collect();
        self.app.work_on(Request::Score { recipe, classes });
    }

    /// Times of moves of a parameter, each with the frame that shows it. Between moves the window comes to rest, so that
    /// no picture of the last one is made meanwhile.
    fn moves(&mut self, name: &'static str, value: impl Fn(usize) -> usize) -> Result<Vec<f64>, Failure> {
        let mut times = Vec::with_capacity(MOVES);
        for i in 0..MOVES {
            self.settle(|_| true)?;
            let start = Instant::now();
            self.edit(name, value(i));
            self.frame(Vec::new());
            times.push(millis(start));
        }
        Ok(times)
    }

    /// Median time from a move of IPC to the frame in which every stitched image in view is the new one.
    fn restitched(&mut self) -> Result<f64, Failure> {
        let mut times = Vec::with_capacity(MOVES / 4);
        for i in 0..MOVES / 4 {
            self.settle(|_| true)?;
            let start = Instant::now();
            self.edit("ipc", 50 + i);
            self.settle(|_| true)?;
            times.push(millis(start));
        }
        Ok(at(&times, 0.5))
    }
}
