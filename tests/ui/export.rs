//! Exports from the window: what is exported as what, how large it will be, and what became of it.

use super::*;
use egui_kittest::kittest::NodeT as _;
use stillroom::core::data::dataset::ImageId;
use stillroom::core::data::folders::Folders;
use stillroom::core::workspace::Command;
use stillroom::core::workspace::selection::Joining;
use stillroom::jobs::export::{ExportRequest, Format, Material};
use stillroom::ui::intent::{Intent, Panel};
use stillroom::ui::model::exporting::Measured;
use training::ask;

/// A window that has distilled the dataset, with its panel of exports in front; and the set's folder.
fn distilled(files: &Files) -> (Window, PathBuf) {
    let mut window = scored(files);
    if let Some(force) = window.query_by_role_and_label(Role::CheckBox, "despite the check") {
        force.click();
    }
    window.run_steps(2);
    click(&mut window, "Distil to folder");
    until(&mut window, "the set", |w| w.state().model().written.is_some() && idle(w));
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::X);
    window.run_steps(3);
    let set = window.state().model().written.as_ref().unwrap().out.clone();
    (window, set)
}

pub fn choose(window: &mut Window, title: &str) {
    let label = format!("Export as {title}");
    window.get_by_role_and_label(Role::RadioButton, &label).scroll_to_me();
    window.run_steps(20);
    window.get_by_role_and_label(Role::RadioButton, &label).click();
    window.run_steps(3);
}

fn value(window: &Window, field: &str) -> PathBuf {
    window.get_by_role_and_label(Role::TextInput, field).value().unwrap_or_default().into()
}

fn replace(window: &mut Window, label: &str, text: &Path) {
    window.get_by_role_and_label(Role::TextInput, label).focus();
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(1);
    window.get_by_role_and_label(Role::TextInput, label).type_text(text.to_str().unwrap());
    window.run_steps(3);
}

/// What would be exported is known, and nothing is in the way.
pub fn measured(window: &mut Window, name: &str) {
    until(window, "the size", |w| {
        let exporting = &w.state().model().exporting;
        let free = exporting.place.as_ref().is_some_and(|place| place.problem.is_none());
        let named = value(w, "Export to").file_name().is_some_and(|found| found == name);
        matches!(exporting.measured, Measured::Known(_)) && free && named
    });
}

pub fn export(window: &mut Window) {
    window.get_by_role_and_label(Role::Button, BUTTON).scroll_to_me();
    window.run_steps(20);
    click(window, BUTTON);
    until(window, "the export", |w| w.state().model().exporting.done.is_some() && idle(w));
}

fn disabled(window: &Window) -> bool {
    window.get_by_role_and_label(Role::Button, BUTTON).accesskit_node().is_disabled()
}

const BUTTON: &str = "Export to folder";

#[test]
fn a_set_is_measured_exported_and_never_written_over() {
    let files = Files::make();
    let (mut window, set) = distilled(&files);
    assert_eq!(value(&window, "Set"), set);
    choose(&mut window, "Parquet");
    measured(&mut window, "pets-distilled-ipc2-parquet");
    window.get_by_label_contains("6 images in 1 file, ");
    window.get_by_label_contains("Lossless: files are copied byte by byte");
    let out = value(&window, "Export to");
    click(&mut window, "Copy as command line");
    let call = format!("stillroom export --set {} --format parquet --out {}", set.display(), out.display());
    assert!(window.state().model().log.text().contains(&call));
    assert!(!out.exists(), "the size is known before anything is written");
    export(&mut window);
    assert!(out.join("data.parquet").is_file());
    window.get_by_label_contains("Wrote 6 images as parquet: 1 file, ");
    window.get_by_label(out.to_str().unwrap());
    click(&mut window, "Copy path");
    assert!(window.state().model().log.text().contains(&format!("copied the path of the export: {}", out.display())));
    // The name is taken now: the next one is suggested.
    measured(&mut window, "pets-distilled-ipc2-parquet-2");

    choose(&mut window, "ImageFolder");
    measured(&mut window, "pets-distilled-ipc2-imagefolder");
    window.get_by_label_contains("6 images in 7 files, ");
    export(&mut window);
    let folder = files.folder.path().join("pets-distilled-ipc2-imagefolder");
    let copied = |class: &str, of: &str| {
        let read = |path: PathBuf| std::fs::read(path).unwrap();
        assert_eq!(read(folder.join(class)), read(set.join(of)));
    };
    copied("cat/00000.png", "00000/class00000_id00000.png");
    copied("owl/00001.png", "00002/class00002_id00001.png");

    // A folder that has something in it is named, with a free one, and the button is off.
    replace(&mut window, "Export to", &out);
    until(&mut window, "the refusal", |w| {
        w.state().model().exporting.place.as_ref().is_some_and(|place| place.problem.is_some())
    });
    window.get_by_label_contains("exists and is not empty");
    assert!(disabled(&window));
}

#[test]
fn a_cancelled_export_leaves_nothing_and_a_failed_one_says_why() {
    let files = Files::make();
    let (mut window, set) = distilled(&files);
    let request = |out: &str, set: PathBuf| {
        let material = Material::Set { folder: set, folders: Folders::Auto };
        let out = files.folder.path().join(out);
        Intent::ExportSet(Box::new(ExportRequest { material, format: Format::Lic, out, mean_std: None }))
    };
    let ctx = window.ctx.clone();
    // The second waits behind the first, and is cancelled there.
    window.state_mut().ask(&ctx, request("first", set.clone()));
    window.state_mut().ask(&ctx, request("second", set));
    window.state().model().waiting.last().unwrap().control.cancel();
    until(&mut window, "both", idle);
    let there = |name: &str| files.folder.path().join(name).exists();
    assert!(there("first/data.pt") && !there("second") && !there("second.partial-1"));
    assert!(window.state().model().log.text().contains("export: cancelled; nothing was left behind"));

    window.state_mut().ask(&ctx, request("third", files.folder.path().join("nowhere")));
    until(&mut window, "the failure", |w| w.state().model().problems.export.is_some() && idle(w));
    window.get_by_role_and_label(Role::Label, &window.state().model().problems.export.clone().unwrap());
    assert!(window.state().model().problems.export.as_ref().unwrap().contains("nowhere"));
}

#[test]
fn source_images_are_those_of_the_set_or_the_selected_ones() {
    let files = Files::make();
    let (mut window, _) = distilled(&files);
    choose(&mut window, "Source images");
    measured(&mut window, "pets-distilled-ipc2-sources");
    assert_eq!(value(&window, "Dataset that the set was made from"), files.dataset());
    window.get_by_label_contains("6 images in 7 files, ");
    export(&mut window);
    assert!(files.folder.path().join("pets-distilled-ipc2-sources/metadata.jsonl").is_file());

    choose(&mut window, "Selected source images");
    let select = |window: &mut Window, ids: &[u32]| {
        let images: Vec<ImageId> = ids.iter().map(|id| ImageId(*id)).collect();
        ask(window, Intent::Edit(Command::SelectMany { images, joining: Joining::Replace, lead: None }));
    };
    select(&mut window, &[]);
    window.get_by_label_contains("Nothing is selected.");
    assert!(disabled(&window));
    select(&mut window, &[8, 3]);
    measured(&mut window, "pets-selected");
    window.get_by_label_contains("2 of 25 images selected");
    window.get_by_label_contains("2 images in 3 files, ");
    window.get_by_label_contains("images of 2 of 3 classes are selected");
    // Another selection is looked at anew.
    select(&mut window, &[8]);
    until(&mut window, "the new size", |w| w.query_by_label_contains("1 image in 2 files, ").is_some());
    measured(&mut window, "pets-selected");
    export(&mut window);
    let read = |path: &str| std::fs::read(files.folder.path().join(path)).unwrap();
    assert_eq!(read("pets-selected/dog/00000.png"), read("pets/dog/0.png"));
}

#[test]
fn an_empty_panel_says_what_to_do_and_a_project_knows_its_sets() {
    let files = Files::make();
    let mut window = window(files.config());
    window.state_mut().bring_forward(Panel::Export);
    window.run_steps(3);
    window.get_by_label_contains("Distil first, or give the folder of a set");
    assert!(disabled(&window));
    let missing = files.folder.path().join("nowhere");
    type_into(&mut window, "Set", &missing);
    until(&mut window, "the problem", |w| matches!(w.state().model().exporting.measured, Measured::Failed(_)));
    assert!(window.query_all_by_label_contains("nowhere").count() >= 1);
    assert!(disabled(&window));
    drop(window);

    let (window_before, set) = distilled(&files);
    drop(window_before);
    let mut window = self::window(files.config());
    window.state_mut().bring_forward(Panel::Export);
    until(&mut window, "the project's sets", |w| !w.state().model().exporting.known.sets.is_empty());
    assert_eq!(value(&window, "Set"), set);
    window.get_by_role_and_label(Role::ComboBox, "Sets of the project");
    measured(&mut window, "pets-distilled-ipc2-imagefolder");
}

#[test]
fn a_report_is_a_page_beside_the_set() {
    let files = Files::make();
    let (mut window, _) = distilled(&files);
    choose(&mut window, "HTML report");
    let page = files.folder.path().join("pets-distilled-ipc2-report.html");
    let free = |w: &Window| w.state().model().exporting.place.as_ref().is_some_and(|place| place.problem.is_none());
    until(&mut window, "a name", |w| value(w, "Export to") == page && free(w));
    window.get_by_label_contains("A page with at most 40.0 MiB of images");
    window.get_by_label_contains("With 0 trainings of this set.");
    window.get_by_role_and_label(Role::Button, "Write report").scroll_to_me();
    window.run_steps(20);
    click(&mut window, "Write report");
    until(&mut window, "the page", |w| w.state().model().exporting.done.is_some() && idle(w));
    window.get_by_label_contains("showing 6 of 6 images");
    assert!(std::fs::read_to_string(&page).unwrap().starts_with("<!"));
    let next = files.folder.path().join("pets-distilled-ipc2-report-2.html");
    until(&mut window, "the next name", |w| value(w, "Export to") == next);
    replace(&mut window, "Export to", &page);
    until(&mut window, "the refusal", |w| !free(w) && w.state().model().exporting.place.is_some());
    window.get_by_label_contains("exists already and is not overwritten");
}
