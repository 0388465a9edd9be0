//! Pictures of the window on real data: `STILLROOM_WRITE_SCREENSHOTS=1 cargo test --release --features
//! gpu-tests,shared-data --test ui screenshots` writes them into the project.

use super::*;
use eframe::egui::Vec2;
use stillroom::core::workspace::Command;
use stillroom::jobs::open::{DatasetRequest, ObserverRequest};
use stillroom::ui::intent::Intent;
use stillroom::ui::intent::Panel;
use stillroom::ui::model::exporting::Measured;

mod compared;
mod suspects;

fn folder_of(variable: &str, otherwise: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(otherwise), PathBuf::from)
}

const WEIGHTS: &str = "resnet20-12fca82f.th";

/// The photographs' observer.
const LITE: &str = "tf_efficientnet_lite0.safetensors";

/// The observer of twenty classes at 64 pixels.
const TINY: &str = "tiny20_conv4.pth";

/// The working folder, with links to the data, so that the pictures show short paths that are the same everywhere. All
/// tests of this program share it, as they share the process.
fn desk() -> &'static Path {
    static DESK: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    DESK.get_or_init(make_desk).path()
}

fn make_desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    let link = |from: PathBuf, name: &str| {
        std::os::unix::fs::symlink(from.canonicalize().unwrap(), desk.path().join(name)).unwrap();
    };
    let (data, weights) =
        (folder_of("STILLROOM_DATA", "../data"), folder_of("STILLROOM_SHARED", "../shared").join("weights"));
    link(data.join("cifar10"), "cifar10");
    link(weights.join(WEIGHTS), WEIGHTS);
    link(data.join("imagenette-500"), "imagenette-500");
    link(weights.join(LITE), LITE);
    link(data.join("tiny-imagenet-20"), "tiny-imagenet-20");
    link(weights.join(TINY), TINY);
    // The other tests of this program name their files in full.
    std::env::set_current_dir(desk.path()).unwrap();
    desk
}

struct Album {
    into: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Album {
    fn open() -> Self {
        if std::env::var_os("STILLROOM_WRITE_SCREENSHOTS").is_some() {
            let into = Path::new(env!("CARGO_MANIFEST_DIR")).join("screenshots");
            std::fs::create_dir_all(&into).unwrap();
            return Self { into, _temporary: None };
        }
        let temporary = tempfile::tempdir().unwrap();
        Self { into: temporary.path().to_owned(), _temporary: Some(temporary) }
    }

    /// Renders the window and keeps the picture; no picture is of one colour or nearly so.
    fn take(&self, window: &mut Window, name: &str) {
        // Scrolling to the selection takes a moment.
        window.run_steps(60);
        until(window, "all pictures", idle);
        window.run_steps(4);
        let picture = window.render().unwrap();
        let mut colours = std::collections::HashMap::new();
        for pixel in picture.pixels() {
            *colours.entry(pixel.0).or_insert(0_usize) += 1;
        }
        let most = colours.values().max().copied().unwrap_or(0);
        let all = picture.width() as usize * picture.height() as usize;
        assert!(colours.len() > 500 && most < all * 3 / 4, "{name}: {} colours, {most} of {all}", colours.len());
        picture.save(self.into.join(name)).unwrap();
    }
}

fn ask(window: &mut Window, intent: Intent) {
    let ctx = window.ctx.clone();
    window.state_mut().ask(&ctx, intent);
    window.run_steps(2);
}

fn set(window: &mut Window, name: &'static str, value: &str) {
    ask(window, Intent::Edit(Command::SetParam { name, value: value.to_owned() }));
}

fn wait(window: &mut Window, what: &str, done: impl Fn(&Window) -> bool) {
    let start = Instant::now();
    while !done(window) {
        assert!(start.elapsed() < Duration::from_secs(400), "{what}:\n{}", window.state().model().log.text());
        window.run_steps(1);
        std::thread::sleep(Duration::from_millis(20));
    }
    window.run_steps(2);
}

#[test]
fn screenshots() {
    let album = Album::open();
    let project = tempfile::tempdir().unwrap();
    let worker = WorkerConfig { project: Some(project.path().join("project")), ..WorkerConfig::default() };
    let config = AppConfig {
        open_dataset: Some(DatasetRequest::whole("cifar10".as_ref())),
        open_observer: Some(WEIGHTS.into()),
        worker,
        ..AppConfig::default()
    };
    desk();
    let builder = Harness::builder().with_size(Vec2::new(1440.0, 900.0)).with_render_cursor(false).wgpu();
    let mut window = builder.build_eframe(|creation| App::new(&creation.egui_ctx, config).unwrap());
    wait(&mut window, "the check", |w| w.state().model().check.is_some() && idle(w));
    let subset = std::env::var("STILLROOM_SCREENSHOT_SUBSET").unwrap_or_else(|_| "300".to_owned());
    set(&mut window, "subset", &subset);
    set(&mut window, "patches", "4");
    training::replace(&mut window, "Output folder", Path::new("cifar10-distilled"));
    click(&mut window, "Score patches");
    wait(&mut window, "half of the scores", |w| w.state().model().staleness().0 <= 5);
    // Held still for the picture.
    click(&mut window, "Pause");
    wait(&mut window, "the pause", |w| w.state().model().status().is_some_and(|s| s.paused));
    std::thread::sleep(Duration::from_millis(500));
    running(&mut window, &album);
    click(&mut window, "Resume");
    wait(&mut window, "the scores", |w| w.state().model().staleness().0 == 0 && idle(w));
    let best = |w: &Window, class: u32, rank: usize| {
        let ranked = w.state().model().ranking.ranked(stillroom::core::data::dataset::ClassId(class));
        ranked[rank].image
    };
    let image = best(&window, 3, 12);
    ask(&mut window, Intent::Edit(Command::Select(Some(image))));
    window.state_mut().bring_forward(Panel::Dataset);
    ask(&mut window, Intent::Edit(Command::ShowClass(Some(stillroom::core::data::dataset::ClassId(5)))));
    let image = best(&window, 5, 21);
    ask(&mut window, Intent::Edit(Command::Select(Some(image))));
    window.state_mut().bring_forward(Panel::Observer);
    window.state_mut().bring_forward(Panel::Dataset);
    ask(&mut window, Intent::Do(stillroom::ui::actions::Action::ToggleTheme));
    album.take(&mut window, "dataset.png");
    window.state_mut().bring_forward(Panel::Observer);
    window.run_steps(3);
    click(&mut window, "Known networks");
    album.take(&mut window, "networks.png");
    click(&mut window, "Known networks");
    ask(&mut window, Intent::Do(stillroom::ui::actions::Action::ToggleTheme));
    class_order(&mut window, &album);
}

/// Photographs, judged by a network of ImageNet: the main view in both themes, and one picture for each panel.
#[test]
fn photographs() {
    let album = Album::open();
    let project = tempfile::tempdir().unwrap();
    desk();
    let worker = WorkerConfig { project: Some(project.path().join("project")), ..WorkerConfig::default() };
    let config = AppConfig {
        open_dataset: Some(DatasetRequest::whole("imagenette-500".as_ref())),
        open_observer: Some(LITE.into()),
        worker,
        ..AppConfig::default()
    };
    let builder = Harness::builder().with_size(Vec2::new(1440.0, 900.0)).with_render_cursor(false).wgpu();
    let mut window = builder.build_eframe(|creation| App::new(&creation.egui_ctx, config).unwrap());
    wait(&mut window, "the check", |w| w.state().model().check.is_some() && idle(w));
    // As the check advises: this network was trained on values from −1 to 1.
    let mean_std = stillroom::core::data::normalise::MeanStd::HALF;
    let request = ObserverRequest { file: LITE.into(), mean_std: Some(mean_std), ..ObserverRequest::default() };
    ask(&mut window, Intent::OpenObserver(request));
    let better = |w: &Window| w.state().model().check.as_ref().is_some_and(|(report, _)| report.top1 > 70.0);
    wait(&mut window, "the better check", |w| better(w) && idle(w));
    for (name, value) in [("subset", "30"), ("crops", "3"), ("ipc", "4"), ("patches", "4")] {
        set(&mut window, name, value);
    }
    click(&mut window, "Score patches");
    wait(&mut window, "the scores", |w| w.state().model().staleness().0 == 0 && idle(w));
    for (slider, side) in [("Patch size", 96.0), ("Distilled image size", 152.0)] {
        window.get_by_role_and_label(Role::Slider, slider).set_value_accesskit(side);
        window.run_steps(3);
    }
    training::replace(&mut window, "Output folder", Path::new("imagenette-distilled"));
    curate(&mut window);
    window.state_mut().bring_forward(Panel::Observer);
    album.take(&mut window, "main-dark.png");
    let toggle = Intent::Do(stillroom::ui::actions::Action::ToggleTheme);
    ask(&mut window, toggle.clone());
    album.take(&mut window, "main-light.png");
    ask(&mut window, toggle);
    panels(&mut window, &album);
    window.set_size(Vec2::new(800.0, 600.0));
    window.run_steps(6);
    window.state_mut().bring_forward(Panel::Patches);
    album.take(&mut window, "small.png");
}

/// Some of what a person decides: pins, a rejection, another image in its place, tags.
fn curate(window: &mut Window) {
    use stillroom::core::data::dataset::ClassId;
    use stillroom::core::distil::curation::{Choice, Mark};
    let image = |w: &Window, class: u32, rank: usize| w.state().model().ranking.ranked(ClassId(class))[rank].image;
    let pinned = Mark { choice: Choice::Pinned, ..Mark::default() };
    let rejected = Mark { choice: Choice::Rejected, ..Mark::default() };
    for (ranks, mark, words) in [
        ([(0, 2), (0, 7), (1, 3)], pinned, "3 patches pinned"),
        ([(0, 4), (1, 1), (2, 0)], rejected, "3 patches rejected"),
        ([(0, 1), (0, 3), (1, 5)], Mark { tag: 2, ..Mark::default() }, "tag 2 for 3 patches"),
    ] {
        let marks = ranks.iter().map(|(class, rank)| (image(window, *class, *rank), mark)).collect();
        ask(window, Intent::Edit(Command::Curate { marks, words: words.to_owned() }));
    }
    set(window, "ipc", "5");
    let looked_at = image(window, 0, 2);
    ask(window, Intent::Edit(Command::Select(Some(looked_at))));
}

/// One picture for each panel that the main view does not show.
fn panels(window: &mut Window, album: &Album) {
    use stillroom::core::workspace::view::{Brush, Filter, Quantity};
    use stillroom::ui::actions::Action;
    window.state_mut().bring_forward(Panel::Source);
    window.state_mut().bring_forward(Panel::History);
    wait(window, "the observer's opinion", |w| w.state().model().opinion.is_some());
    album.take(window, "source.png");
    let brush = Some(Brush { quantity: Quantity::Loss, low: 1e-4, high: 0.05 });
    ask(window, Intent::Edit(Command::SetFilter(Filter { brush, ..Filter::default() })));
    window.state_mut().bring_forward(Panel::Scores);
    album.take(window, "scores.png");
    ask(window, Intent::Edit(Command::SetFilter(Filter::default())));
    window.state_mut().bring_forward(Panel::Patches);
    window.state_mut().bring_forward(Panel::Recipe);
    window.get_by_role_and_label(Role::Slider, "Distilled image size").set_value_accesskit(224.0);
    window.run_steps(3);
    album.take(window, "distilled.png");
    ask(window, Intent::Do(Action::Palette));
    window.run_steps(4);
    let field = window.get_by_role_and_label(Role::TextInput, "Find a command");
    field.type_text("re");
    album.take(window, "palette.png");
    window.key_press(Key::Escape);
    window.run_steps(4);
    click(window, "Distil to folder");
    wait(window, "the set", |w| w.state().model().written.is_some() && idle(w));
    window.state_mut().bring_forward(Panel::Export);
    window.state_mut().bring_forward(Panel::Runs);
    let known = |w: &Window| {
        let exporting = &w.state().model().exporting;
        matches!(exporting.measured, Measured::Known(_)) && exporting.place.is_some()
    };
    wait(window, "the size of the export", known);
    training::replace(window, "Export to", Path::new("imagenette-imagefolder"));
    wait(window, "the place of the export", known);
    album.take(window, "export.png");
    ask(window, Intent::Do(Action::Help));
    album.take(window, "help.png");
    window.key_press(Key::Escape);
    window.run_steps(4);
}

/// A wrong order, what is better, and what a click in the matrix leads to.
fn class_order(window: &mut Window, album: &Album) {
    let wrong = vec![1, 0, 2, 5, 4, 3, 6, 7, 9, 8];
    ask(window, Intent::Edit(Command::SetOutputs(Some(wrong.clone()))));
    let checked = |w: &Window| {
        let model = w.state().model();
        model.check.as_ref().is_some_and(|(report, _)| report.current_map == wrong) && idle(w)
    };
    wait(window, "the check of the wrong order", checked);
    window.state_mut().bring_forward(Panel::Classes);
    window.run_steps(4);
    window.get_by_role(Role::Grid).click();
    window.run_steps(3);
    [Key::ArrowUp, Key::ArrowLeft].into_iter().for_each(|key| window.key_press(key));
    album.take(window, "class-order.png");
}

/// The picture of a running job: what waits for the decoder is awaited, the paused job is not.
fn running(window: &mut Window, album: &Album) {
    click(window, "Resume");
    wait(window, "a rate", |w| w.state().model().status().is_none_or(|s| !s.paused && s.rate > 0.0));
    window.run_steps(4);
    std::thread::sleep(Duration::from_millis(300));
    window.run_steps(4);
    window.render().unwrap().save(album.into.join("running.png")).unwrap();
    click(window, "Pause");
}

/// The window with the trainings of a folder of fixtures in its project, and CIFAR-10 open.
fn with_trainings(fixtures: &str) -> (tempfile::TempDir, Window) {
    let project = tempfile::tempdir().unwrap();
    let folder = project.path().join("project/trainings");
    for record in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(fixtures)).unwrap() {
        let record = record.unwrap();
        let into = folder.join(record.file_name());
        std::fs::create_dir_all(&into).unwrap();
        std::fs::copy(record.path().join("run.json"), into.join("run.json")).unwrap();
    }
    let worker = WorkerConfig { project: Some(project.path().join("project")), ..WorkerConfig::default() };
    let data = folder_of("STILLROOM_DATA", "../data").join("cifar10");
    let observer = folder_of("STILLROOM_SHARED", "../shared").join("weights/cifar10_conv3.pth");
    let config = AppConfig {
        open_dataset: Some(DatasetRequest::whole(&data)),
        open_observer: Some(observer),
        worker,
        ..AppConfig::default()
    };
    let builder = Harness::builder().with_size(Vec2::new(1440.0, 900.0)).with_render_cursor(false).wgpu();
    let mut window = builder.build_eframe(|creation| App::new(&creation.egui_ctx, config).unwrap());
    wait(&mut window, "the check", |w| w.state().model().check.is_some() && idle(w));
    window.state_mut().bring_forward(Panel::Training);
    window.run_steps(4);
    (project, window)
}

/// The form takes the paths of a record, in place of those of this machine.
fn clone_first(window: &mut Window) {
    window.get_all_by_role(Role::Row).next().unwrap().click();
    window.run_steps(3);
    ask(window, Intent::Do(stillroom::ui::actions::Action::CloneTraining));
}

/// The steps of the paper's Table 8 on CIFAR-10, three students each (`benches/README.md`), side by side.
#[test]
fn ablation_picture() {
    let album = Album::open();
    let (_project, mut window) = with_trainings("tests/fixtures/ablation");
    clone_first(&mut window);
    click(&mut window, "Comparison");
    window.run_steps(4);
    window.get_by_label("+ soft labels (RDED): 51.54 ± 1.10 %");
    album.take(&mut window, "ablation.png");
}

/// Trainings of three kinds on the same distilled images, as the window shows them, in both themes.
#[test]
fn training_pictures() {
    let album = Album::open();
    let (_project, mut window) = with_trainings("tests/fixtures/trainings");
    clone_first(&mut window);
    for (name, value) in [("epochs", "300"), ("seeds", "5")] {
        ask(&mut window, Intent::Edit(Command::SetTrainParam { name, value: value.to_owned() }));
    }
    window.get_by_role_and_label(Role::CheckBox, "Log loss").click();
    window.get_by_role_and_label(Role::Slider, "Smoothing").set_value_accesskit(0.6);
    window.run_steps(4);
    let plot = window.get_by_label_contains("Top-1 accuracy (%) by epoch").rect();
    window.hover_at(plot.left_top() + plot.size() * Vec2::new(0.40, 0.02));
    album.take(&mut window, "training.png");
    ask(&mut window, Intent::Do(stillroom::ui::actions::Action::ToggleTheme));
    album.take(&mut window, "training-light.png");
    ask(&mut window, Intent::Do(stillroom::ui::actions::Action::TrainingDetails));
    album.take(&mut window, "training-details.png");
}

/// LIC on CIFAR-10, a few steps of it: the images of a batch, one over what it began with, and the loss.
#[test]
fn compensated() {
    use stillroom::core::distil::presets::of_method;
    use stillroom::core::distil::recipe::Recipe;
    let album = Album::open();
    let project = tempfile::tempdir().unwrap();
    desk();
    let worker = WorkerConfig { project: Some(project.path().join("project")), ..WorkerConfig::default() };
    let config = AppConfig {
        open_dataset: Some(DatasetRequest::whole("cifar10".as_ref())),
        open_observer: Some(WEIGHTS.into()),
        worker,
        ..AppConfig::default()
    };
    let builder = Harness::builder().with_size(Vec2::new(1840.0, 1000.0)).with_render_cursor(false).wgpu();
    let mut window = builder.build_eframe(|creation| App::new(&creation.egui_ctx, config).unwrap());
    wait(&mut window, "the check", |w| w.state().model().check.is_some() && idle(w));
    let papers = Recipe { ipc: 4, ..of_method("lic", 32).unwrap() };
    ask(&mut window, Intent::Edit(Command::SetRecipe(papers)));
    for (name, value) in [("subset", "40"), ("iterations", "60")] {
        set(&mut window, name, value);
    }
    training::replace(&mut window, "Output folder", Path::new("cifar10-lic"));
    window.get_all_by_role_and_label(Role::Button, "Distil to folder").next().unwrap().click_accesskit();
    window.run_steps(3);
    wait(&mut window, "the set", |w| w.state().model().refine.written.is_some() && idle(w));
    window.get_by_role_and_label(Role::Slider, "Refined image size").set_value_accesskit(128.0);
    window.run_steps(3);
    wait(&mut window, "the image beside its beginning", |w| w.state().model().refine.pictures().is_some() && idle(w));
    album.take(&mut window, "refine.png");
    window.get_by_role_and_label(Role::Tab, "Change").click_accesskit();
    ask(&mut window, Intent::ShowMoved(stillroom::ui::intent::MovedOf::Set));
    wait(&mut window, "the image of the set", |w| w.state().model().refine.pictures().is_some() && idle(w));
    album.take(&mut window, "refine-set.png");
}
