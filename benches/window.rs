//! What a frame of the window costs after IPC or subset has moved: the real app with all its panels, laid out and cut into
//! triangles by egui as for a screen, but never drawn, so that neither a display nor a graphics driver is needed.
//!
//! `cargo bench --bench window [CLASSES …]`; without numbers 10 and 1000 classes, of 300 images with 5 crops each. A move
//! is the intent that a slider emits, and the time is that of carrying it out and of the frame that shows it.

#![allow(clippy::print_stdout, reason = "a program that prints figures")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{Context, Pos2, RawInput, Rect, Vec2};
use stillroom::core::data::dataset::{ClassId, Dataset, ImageId};
use stillroom::core::data::pixels::Rgb8;
use stillroom::core::distil::patch::{CropBox, subset_order};
use stillroom::core::distil::rded::Rded;
use stillroom::core::distil::recipe::Recipe;
use stillroom::core::distil::scores::ClassScores;
use stillroom::core::distil::select::select;
use stillroom::core::rng::Stream;
use stillroom::core::workspace::Command;
use stillroom::engine::images::encode;
use stillroom::engine::nets::families::convnet::{Norm, Shape};
use stillroom::engine::nets::{Arch, NetworkSpec};
use stillroom::engine::weights::{Kind, Precision, Weights, file_bytes};
use stillroom::jobs::distill::Found;
use stillroom::jobs::open::DatasetRequest;
use stillroom::jobs::worker::{Event, WorkerConfig};
use stillroom::ui::intent::Intent;
use stillroom::ui::{App, AppConfig};

type Failure = Box<dyn Error>;

/// Images of each class, and crops of each image.
const IMAGES: usize = 300;
const CROPS: u32 = 5;
/// Side of an image, in pixels.
const SIDE: u32 = 32;
/// Timed moves of each kind.
const MOVES: usize = 60;
/// What a frame may take on a screen with 60 of them a second.
const FRAME: Duration = Duration::from_micros(16_667);

fn main() -> Result<(), Failure> {
    // cargo passes `--bench`.
    let asked: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    println!("frame after a move, ms: median, 95 of 100, worst of {MOVES}; the screen has 1440×900 points");
    for classes in if asked.is_empty() { vec![10, 1000] } else { asked } {
        measure(classes)?;
    }
    Ok(())
}

fn measure(classes: usize) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    write_images(&data, classes)?;
    let observer = folder.path().join("conv3.safetensors");
    let arch = Arch::ConvNet(Shape { depth: 3, width: 8, norm: Norm::Batch });
    let spec = NetworkSpec { arch, side: SIDE as usize, classes };
    let graph = spec.graph();
    let network = (&graph, &Weights::by_formula(&graph));
    std::fs::write(&observer, file_bytes("observer", network, (Kind::Safetensors, Precision::Half))?)?;
    let worker = WorkerConfig { project: Some(folder.path().join("project")), ..WorkerConfig::default() };
    let config = AppConfig {
        open_dataset: Some(DatasetRequest::whole(&data)),
        open_observer: Some(observer),
        worker,
        ..AppConfig::default()
    };
    let ctx = Context::default();
    let mut window = Window { app: App::new(&ctx, config)?, ctx, began: Instant::now(), triangles: 0 };
    window.settle(|app| app.model().check.is_some())?;

    let dataset = window.app.model().dataset().cloned().ok_or("no dataset was opened")?;
    let recipe = window.app.model().workspace.recipe().rded().ok_or("the window begins with another method")?;
    let recipe = recipe.with(Rded { crops: CROPS, ..recipe.method });
    let blocks: Vec<Arc<ClassScores>> = dataset.class_ids().map(|c| Arc::new(scores(&dataset, &recipe, c))).collect();
    let start = Instant::now();
    for (class, block) in dataset.class_ids().zip(&blocks) {
        let found = Found::Scores(block.clone());
        window.app.receive(Event::Found { recipe: recipe.into(), class, found });
    }
    window.frame();
    let (arrived, patches) = (start.elapsed(), classes * IMAGES * CROPS as usize);
    window.settle(|app| app.model().staleness().0 == 0)?;
    println!("{classes} classes × {IMAGES} × {CROPS}: {patches} patches arrived in {:.1} ms", millis(arrived));

    report("no move", &window.times(&[])?, window.triangles);
    let ipc: Vec<String> = (0..MOVES).map(|i| (2 + i % 40).to_string()).collect();
    report("IPC", &window.times(&moves("ipc", &ipc))?, window.triangles);
    let subset: Vec<String> = (0..MOVES).map(|i| (160 + i * 37 % 141).to_string()).collect();
    report("subset", &window.times(&moves("subset", &subset))?, window.triangles);
    window.edit("strategy", "random");
    report("subset, random patches", &window.times(&moves("subset", &subset))?, window.triangles);

    let start = Instant::now();
    let mut selected = 0;
    for (class, block) in dataset.class_ids().zip(&blocks) {
        selected += select(block, dataset.class(class), &recipe, &[], &[])?.len();
    }
    println!(
        "  selecting {selected} patches of all classes from scratch, for comparison: {:.2}",
        millis(start.elapsed())
    );
    Ok(())
}

fn moves(name: &'static str, values: &[String]) -> Vec<Command> {
    values.iter().map(|value| Command::SetParam { name, value: value.clone() }).collect()
}

/// A window that nobody sees.
struct Window {
    app: App,
    ctx: Context,
    began: Instant,
    /// Of the last frame.
    triangles: usize,
}

impl Window {
    fn frame(&mut self) {
        let screen = Rect::from_min_size(Pos2::ZERO, Vec2::new(1440.0, 900.0));
        let time = Some(self.began.elapsed().as_secs_f64());
        let input = RawInput { screen_rect: Some(screen), time, ..RawInput::default() };
        self.app.advance(&self.ctx);
        let mut triangles = 0;
        let app = &mut self.app;
        let painted = self.ctx.run_ui(input, |ui| app.paint(ui));
        for primitive in self.ctx.tessellate(painted.shapes, painted.pixels_per_point) {
            if let eframe::egui::epaint::Primitive::Mesh(mesh) = primitive.primitive {
                triangles += mesh.indices.len() / 3;
            }
        }
        self.triangles = triangles;
    }

    /// Frames until nothing is under way, every picture in view has arrived, and `done`.
    fn settle(&mut self, done: impl Fn(&App) -> bool) -> Result<(), Failure> {
        let start = Instant::now();
        // Pictures are asked for by a frame: idle before the first one means nothing.
        for still in [false, true] {
            while !(still && self.app.is_idle() && done(&self.app)) {
                if start.elapsed() > Duration::from_secs(300) {
                    return Err(format!("it never came to rest; log:\n{}", self.app.model().log.text()).into());
                }
                self.frame();
                if !still {
                    break;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        Ok(())
    }

    fn edit(&mut self, name: &'static str, value: &str) {
        self.app.ask(&self.ctx, Intent::Edit(Command::SetParam { name, value: value.to_owned() }));
    }

    /// Seconds of each move with the frame that shows it, or of as many frames without a move. Between moves the window
    /// comes to rest, so that no picture of the last one is made meanwhile.
    fn times(&mut self, moves: &[Command]) -> Result<Vec<Duration>, Failure> {
        let mut times = Vec::with_capacity(MOVES);
        for i in 0..MOVES {
            self.settle(|_| true)?;
            let start = Instant::now();
            if let Some(command) = moves.get(i) {
                self.app.ask(&self.ctx, Intent::Edit(command.clone()));
            }
            self.frame();
            times.push(start.elapsed());
        }
        Ok(times)
    }
}

fn report(what: &str, times: &[Duration], triangles: usize) {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    let late = sorted.iter().filter(|t| **t > FRAME).count();
    println!(
        "  {what}: {:.2}, {:.2}, {:.2} ({triangles} triangles; {late} above 16.7)",
        millis(at(0.5)),
        millis(at(0.95)),
        millis(at(1.0)),
    );
}

fn millis(time: Duration) -> f64 {
    1e3 * time.as_secs_f64()
}

/// One folder of small images, which is every class: links cost nothing.
fn write_images(data: &Path, classes: usize) -> Result<(), Failure> {
    let images = data.with_file_name("images");
    std::fs::create_dir_all(&images)?;
    std::fs::create_dir_all(data)?;
    for n in 0..IMAGES {
        let mut stream = Stream::new("stillroom benchmark image", n as u64, &[]);
        let mut image = Rgb8::black(SIDE, SIDE);
        image.data.fill_with(|| stream.below(256) as u8);
        std::fs::write(images.join(format!("{n:03}.png")), encode::png(&image)?)?;
    }
    for class in 0..classes {
        link(&images, &data.join(format!("class{class:04}")))?;
    }
    Ok(())
}

#[cfg(unix)]
fn link(images: &Path, class: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(images, class)
}

#[cfg(not(unix))]
fn link(images: &Path, class: &Path) -> std::io::Result<()> {
    std::fs::create_dir(class)?;
    std::fs::read_dir(images)?.try_for_each(|image| {
        let image = image?;
        std::fs::copy(image.path(), class.join(image.file_name())).map(|_| ())
    })
}

/// A block as scoring gives it, with random losses.
fn scores(dataset: &Dataset, recipe: &Recipe<Rded>, class: ClassId) -> ClassScores {
    let name = &dataset.class(class).name;
    let mut stream = Stream::new("stillroom benchmark losses", recipe.seed, &[name.as_bytes()]);
    let first = dataset.images_of(class).start;
    let mut block = ClassScores::new(recipe.method.crops);
    for (position, at) in (0..).zip(subset_order(recipe.seed, name, dataset.class_size(class))) {
        let mut boxes = Vec::with_capacity(recipe.method.crops as usize);
        let mut losses = Vec::with_capacity(recipe.method.crops as usize);
        for _ in 0..recipe.method.crops {
            let side = 9 + stream.below(u64::from(SIDE) - 9) as u32;
            let mut from = || stream.below(u64::from(SIDE - side) + 1) as u32;
            boxes.push(CropBox { top: from(), left: from(), height: side, width: side });
            losses.push(stream.range(0.0, 8.0) as f32);
        }
        block.push(position, ImageId(first + at), &boxes, &losses);
    }
    block
}
