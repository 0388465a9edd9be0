//! The window as a person uses it: widgets are found by their labels, jobs run on the real worker.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test program")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eframe::egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, HarnessBuilder};
use stillroom::core::data::pixels::Rgb8;
use stillroom::engine::images::encode;
use stillroom::engine::nets::NetworkSpec;
use stillroom::engine::weights::{Kind, Precision, Weights, file_bytes};
use stillroom::jobs::open::DatasetRequest;
use stillroom::jobs::worker::WorkerConfig;
use stillroom::ui::{App, AppConfig};

const CLASSES: [&str; 3] = ["cat", "dog", "owl"];
const PER_CLASS: usize = 8;

/// A dataset of noise with a class's own tint, one broken file among it, and an observer of formula weights.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn make() -> Self {
        Self::named(CLASSES)
    }

    fn named(classes: [&str; 3]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Self { folder };
        for (c, class) in classes.iter().enumerate() {
            let into = files.dataset().join(class);
            std::fs::create_dir_all(&into).unwrap();
            for n in 0..PER_CLASS {
                std::fs::write(into.join(format!("{n}.png")), encode::png(&noise(c, n)).unwrap()).unwrap();
            }
        }
        std::fs::write(files.dataset().join(classes[2]).join("broken.png"), b"not a picture").unwrap();
        let spec = NetworkSpec { arch: "conv3x8".parse().unwrap(), side: 32, classes: CLASSES.len() };
        let graph = spec.graph();
        let network = (&graph, &Weights::by_formula(&graph));
        let bytes = file_bytes("observer", network, (Kind::Safetensors, Precision::Half)).unwrap();
        std::fs::write(files.observer(), bytes).unwrap();
        files
    }

    fn dataset(&self) -> PathBuf {
        self.folder.path().join("pets")
    }

    fn observer(&self) -> PathBuf {
        self.folder.path().join("conv3.safetensors")
    }

    fn config(&self) -> AppConfig {
        let project = Some(self.folder.path().join("project"));
        AppConfig {
            worker: WorkerConfig { project, batch: Some(16), ..WorkerConfig::default() },
            fresh: true,
            ..AppConfig::default()
        }
    }
}

fn noise(class: usize, n: usize) -> Rgb8 {
    let mut image = Rgb8::black(40, 36);
    let mut state = (class * 1000 + n) as u32 + 1;
    for value in &mut image.data {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *value = (state >> 24) as u8;
    }
    for pixel in image.data.chunks_exact_mut(3) {
        pixel[class] = pixel[class].saturating_add(120);
    }
    image
}

type Window = Harness<'static, App>;

fn window(config: AppConfig) -> Window {
    window_with(config, |builder| builder)
}

fn window_with(config: AppConfig, with: impl Fn(HarnessBuilder<App>) -> HarnessBuilder<App>) -> Window {
    let builder = with(Harness::builder().with_size([1440.0, 900.0]));
    builder.build_eframe(|creation| App::new(&creation.egui_ctx, config).unwrap())
}

/// Lets the window run until `done`; the worker has a minute.
fn until(window: &mut Window, what: &str, done: impl Fn(&Window) -> bool) {
    let start = Instant::now();
    while !done(window) {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{what} did not happen; log:\n{}",
            window.state().model().log.text()
        );
        window.run_steps(1);
        std::thread::sleep(Duration::from_millis(5));
    }
    // One frame shows what has changed, a second what follows from it.
    window.run_steps(2);
}

fn idle(window: &Window) -> bool {
    window.state().is_idle()
}

fn type_into(window: &mut Window, label: &str, text: &Path) {
    let field = window.get_by_role_and_label(Role::TextInput, label);
    field.focus();
    field.type_text(text.to_str().unwrap());
    window.run_steps(2);
}

fn click(window: &mut Window, label: &str) {
    // "Score patches" is offered twice while there are none.
    let button = window.get_all_by_role_and_label(Role::Button, label).next();
    button.unwrap_or_else(|| panic!("no button {label}")).click();
    window.run_steps(3);
}

/// Opened, loaded, checked and scored.
fn scored(files: &Files) -> Window {
    scored_with(files, |builder| builder)
}

fn scored_with(files: &Files, with: impl Fn(HarnessBuilder<App>) -> HarnessBuilder<App>) -> Window {
    let open = AppConfig {
        open_dataset: Some(DatasetRequest::whole(&files.dataset())),
        open_observer: Some(files.observer()),
        ..files.config()
    };
    let mut window = window_with(open, with);
    until(&mut window, "the check", |w| w.state().model().check.is_some() && idle(w));
    small_recipe(&mut window);
    click(&mut window, "Score patches");
    until(&mut window, "scores of all classes", |w| w.state().model().staleness() == (0, CLASSES.len()) && idle(w));
    window
}

/// The default of 300 images and IPC 10 is more than eight images give.
fn small_recipe(window: &mut Window) {
    window.get_by_role_and_label(Role::Slider, "Images per class (IPC)").set_value_accesskit(2.0);
    window.run_steps(2);
    window.get_by_role_and_label(Role::RadioButton, "Patches per image (N) 1").click();
    window.run_steps(3);
    assert_eq!(window.state().model().workspace.recipe().rded().unwrap().patches_per_class(), 2);
}

#[test]
fn the_whole_way_from_an_empty_window_to_a_folder() {
    let files = Files::make();
    let mut window = window(files.config());
    window.run_steps(2);
    window.get_by_label("No dataset is open");

    type_into(&mut window, "Dataset folder", &files.dataset());
    click(&mut window, "Open");
    until(&mut window, "the dataset", |w| w.state().model().data.is_some() && idle(w));
    window.get_by_label("25 images, none held out");
    window.get_by_label("3 of 3 classes chosen");

    click(&mut window, "Observer");
    type_into(&mut window, "Weight file", &files.observer());
    // A wrong class order, which only the check finds.
    let rotated = files.folder.path().join("rotated.json");
    std::fs::write(&rotated, "[1, 2, 0]").unwrap();
    window.get_by_label("Overrides").click();
    window.run_steps(20);
    type_into(&mut window, "Class map", &rotated);
    click(&mut window, "Load");
    until(&mut window, "the check", |w| w.state().model().check.is_some() && idle(w));
    window.get_by_label_contains("Tensors: 20 used, 0 missing");
    window.get_by_label_contains("the given class map");

    small_recipe(&mut window);
    click(&mut window, "Score patches");
    until(&mut window, "scores", |w| w.state().model().staleness().0 == 0 && idle(w));
    window.get_by_label("showing 24 of 25");

    // The check refuses, in words, until told otherwise.
    click(&mut window, "Distil to folder");
    until(&mut window, "the refusal", |w| w.state().model().problems.distil.is_some());
    let out = files.folder.path().join("pets-distilled-ipc2");
    assert!(!out.exists());
    window.get_by_role_and_label(Role::CheckBox, "despite the check").click();
    window.run_steps(2);
    click(&mut window, "Distil to folder");
    until(&mut window, "the folder", |w| w.state().model().written.is_some() && idle(w));
    assert!(out.join("manifest.json").is_file());
    assert!(out.join("00002/class00002_id00001.png").is_file());
    window.get_by_label_contains("Wrote 6 distilled images");
}

#[test]
fn a_click_on_a_patch_or_on_a_distilled_image_shows_where_it_comes_from() {
    let files = Files::make();
    let mut window = scored(&files);
    window.get_by_label_contains("Click a patch, or a cell");
    let (data, best) = {
        let model = window.state().model();
        let cat = model.ranking.ranked(stillroom::core::data::dataset::ClassId(0)).clone();
        (model.dataset().unwrap().clone(), cat)
    };
    window.get_by_label_contains("cat rank 2,").click();
    window.run_steps(3);
    assert_eq!(window.state().model().workspace.selected(), Some(best[1].image));
    window.get_by_label(&data.source(best[1].image));
    window.get_by_label("2 of 8");
    window.get_by_label("distilled image 2");
    window.get_by_label("5 crops of this image, with their losses");

    // The other direction: the first distilled image of the class holds rank 1.
    window.get_by_label("cat distilled image 1").click();
    window.run_steps(3);
    assert_eq!(window.state().model().workspace.selected(), Some(best[0].image));
    window.get_by_label("1 of 8");
    // Arrow keys move on in the grid that was clicked.
    window.key_press(Key::ArrowRight);
    window.run_steps(3);
    assert_eq!(window.state().model().workspace.selected(), Some(best[1].image));
    // But not while a text field has the keyboard.
    window.get_by_role_and_label(Role::TextInput, "Output folder").focus();
    window.run_steps(2);
    window.key_press(Key::ArrowLeft);
    window.run_steps(3);
    assert_eq!(window.state().model().workspace.selected(), Some(best[1].image));
}

#[test]
fn ipc_and_subset_re_select_at_once_and_undo_takes_them_back() {
    let files = Files::make();
    let mut window = scored(&files);
    let jobs = |w: &Window| w.state().model().log.entries().len();
    let before = jobs(&window);
    window.get_by_label("owl distilled image 2");
    window.get_by_role_and_label(Role::Slider, "Images per class (IPC)").set_value_accesskit(4.0);
    window.run_steps(2);
    window.get_by_label("owl distilled image 4");
    window.get_by_role_and_label(Role::Slider, "Subset").set_value_accesskit(5.0);
    window.run_steps(2);
    window.get_by_label_contains("of 15");
    assert!(idle(&window) || window.state().model().running.is_none());
    assert_eq!(window.state().model().staleness().0, 0);

    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    assert_eq!(window.state().model().workspace.recipe().method.rded().unwrap().subset, 300);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    assert_eq!(window.state().model().workspace.recipe().ipc, 2);
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.run_steps(2);
    assert_eq!(window.state().model().workspace.recipe().ipc, 4);
    // Nothing of this was a job.
    assert_eq!(jobs(&window), before);

    // Another N has no scores: the window says so and keeps what it knows; back again they are there.
    window.get_by_role_and_label(Role::RadioButton, "Patches per image (N) 4").click();
    window.run_steps(3);
    window.get_by_label_contains("Stale: 3 of 3 chosen classes need scoring");
    window.get_by_label("owl distilled image 4");
    window.get_by_role_and_label(Role::RadioButton, "Patches per image (N) 1").click();
    window.run_steps(3);
    window.get_by_label("owl distilled image 4");
}

#[test]
fn what_is_wrong_is_said_where_it_arose() {
    let files = Files::make();
    let mut window = window(files.config());
    window.run_steps(2);
    let missing = files.folder.path().join("nowhere");
    type_into(&mut window, "Dataset folder", &missing);
    click(&mut window, "Open");
    until(&mut window, "the error", |w| w.state().model().problems.dataset.is_some() && idle(w));
    let words = window.state().model().problems.dataset.clone().unwrap();
    assert!(words.contains("nowhere"), "{words}");
    window.get_by_role_and_label(Role::Label, &words);
    // Loading an observer waits for a dataset, and the tab says so.
    click(&mut window, "Observer");
    window.get_by_label_contains("Open a dataset first");

    // A broken image is counted and named once it was met.
    let mut window = scored(&files);
    click(&mut window, "Dataset");
    window.get_by_label("1 broken file").click();
    window.run_steps(12);
    // In the log, from the check, and in the panel's list.
    assert!(window.get_all_by_label_contains("owl/broken.png: ").count() >= 2);
}

#[test]
fn leaving_a_class_out_and_the_command_line_agree() {
    let files = Files::make();
    let mut window = scored(&files);
    click(&mut window, "Dataset");
    window.get_by_role_and_label(Role::CheckBox, "distil dog").click();
    window.run_steps(3);
    window.get_by_label("2 of 3 classes chosen");
    assert!(window.query_by_label("dog distilled image 1").is_none());
    click(&mut window, "Copy command line");
    let copied = window.output().platform_output.commands.iter().find_map(|c| match c {
        eframe::egui::OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    let copied = copied.or_else(|| Some(window.state().command_line())).unwrap();
    assert!(
        copied.starts_with("stillroom distill --data ") && copied.ends_with("--format png --classes cat,owl"),
        "{copied}"
    );
}

#[test]
fn the_question_mark_opens_the_help_sheet_and_escape_closes_it() {
    let files = Files::make();
    let mut window = window(files.config());
    window.run_steps(2);
    window.key_press(Key::Questionmark);
    window.run_steps(3);
    window.get_by_label_contains("the trained network that judges");
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label_contains("the trained network that judges").is_none());
}

#[cfg(all(feature = "gpu-tests", feature = "shared-data"))]
mod screenshots;

#[path = "../shared/answered.rs"]
mod answered;

mod beside;
mod class_order;
mod compare;
mod culling;
mod desk;
mod desk_commands;
mod export;
mod filters;
mod opening;
mod project;
mod refine;
mod session;
mod sizes;
mod suspects;
mod training;

#[test]
fn a_click_in_the_table_of_networks_says_what_the_file_is() {
    let files = Files::make();
    let mut window =
        window(AppConfig { open_dataset: Some(DatasetRequest::whole(&files.dataset())), ..files.config() });
    until(&mut window, "the dataset", |w| w.state().model().data.is_some() && idle(w));
    click(&mut window, "Observer");
    type_into(&mut window, "Weight file", &files.observer());
    click(&mut window, "Known networks");
    let field = window.get_by_role_and_label(Role::TextInput, "Find");
    field.focus();
    field.type_text("swin");
    window.run_steps(2);
    assert!(window.query_by_label("resnet18").is_none(), "the filter leaves others out");
    assert!(window.query_by_label("28.35 M").is_some(), "Swin-V2-T's parameters");
    window.get_by_role_and_label(Role::Link, "swin_v2_t").click();
    window.run_steps(3);
    click(&mut window, "Load");
    until(&mut window, "the refusal", |w| w.state().model().problems.observer.is_some() && idle(w));
    let problem = window.state().model().problems.observer.clone().unwrap();
    assert!(problem.contains("swin_v2_t") && problem.contains("conv3x8"), "{problem}");
}
