//! What the window takes from the desktop, and how it does without: dialogs, dropped files, fonts, zoom.

use super::*;
use eframe::egui::{DroppedFile, FontId, Modifiers};
use std::sync::Arc;
use stillroom::ui::Desktop;
use stillroom::ui::actions::Action;
use stillroom::ui::intent::{Intent, Purpose, Saving, TrainPath};
use training::ask;

/// "Chinese character", Hiragana, Hangul, Thai, Arabic and Devanagari.
const SCRIPTS: [&str; 3] = ["漢字 ひらがな", "한글 ไทย", "عربي देवनागरी"];

fn without(files: &Files, desktop: Desktop) -> Window {
    let config = AppConfig { open_dataset: Some(DatasetRequest::whole(&files.dataset())), desktop, ..files.config() };
    let mut window = window_with(config, HarnessBuilder::allow_missing_glyphs);
    until(&mut window, "the dataset", |w| w.state().model().data.is_some() && idle(w));
    window
}

fn focused(window: &Window, label: &str) -> bool {
    window.get_by_role_and_label(Role::TextInput, label).is_focused()
}

#[test]
fn where_no_dialog_can_come_the_field_says_so_and_takes_the_keys() {
    let files = Files::make();
    let mut window = without(&files, Desktop { dialogs: false, ..Desktop::default() });
    let saving = Saving { what: "the plot", name: "plot.svg".into(), text: "<svg/>".into() };
    ask(&mut window, Intent::Save(saving));
    window.run_steps(2);
    for (purpose, field) in [
        (Purpose::Dataset, "Dataset folder"),
        (Purpose::Observer, "Weight file"),
        (Purpose::Output, "Output folder"),
        (Purpose::Training(TrainPath::Data), "Training images"),
        (Purpose::Trainings, "Folder with trainings"),
        (Purpose::Save, "Save to a new file"),
    ] {
        ask(&mut window, Intent::Browse(purpose));
        window.run_steps(3);
        assert!(focused(&window, field), "{field}");
        window.get_all_by_label_contains("Type or paste the path into the field above").next().unwrap();
    }
    let log = window.state().model().log.text();
    assert_eq!(log.matches("warning: No file dialog can be opened here").count(), 6, "{log}");
    // What is typed ends the note.
    ask(&mut window, Intent::Do(Action::OpenDataset));
    window.run_steps(2);
    let notes = |w: &Window| w.get_all_by_label_contains("No file dialog can be opened").count();
    let before = notes(&window);
    window.get_by_role_and_label(Role::TextInput, "Dataset folder").type_text("x");
    window.run_steps(3);
    assert_eq!(notes(&window), before - 1);
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|e| e.to_string())
    }
}

#[test]
fn a_file_that_is_dropped_on_a_field_goes_there_and_another_is_opened() {
    let files = Files::make();
    let mut window = without(&files, Desktop::default());
    let out = files.folder.path().join("somewhere");
    window.get_by_role_and_label(Role::TextInput, "Output folder").scroll_to_me();
    window.run_steps(20);
    let field = window.get_by_role_and_label(Role::TextInput, "Output folder").rect();
    window.hover_at(field.center());
    window.run_steps(2);
    window.input_mut().dropped_files.push(Arc::new(Dropped(out.clone())));
    window.step();
    window.run_steps(2);
    let value = window.get_by_role_and_label(Role::TextInput, "Output folder").value();
    assert_eq!(value.as_deref(), out.to_str());
    assert_eq!(window.state().model().problems.dataset, None);
    // Elsewhere it is opened: as an observer here.
    window.hover_at([700.0, 500.0].into());
    window.run_steps(2);
    window.input_mut().dropped_files.push(Arc::new(Dropped(files.observer())));
    window.step();
    until(&mut window, "the observer", |w| w.state().model().observer.is_some());
}

#[test]
fn names_in_any_script_have_glyphs_or_the_log_names_the_packages() {
    let files = Files::named(SCRIPTS);
    let mut window = without(&files, Desktop::default());
    let drawn = |window: &Window| {
        let letters: Vec<char> = SCRIPTS.concat().chars().filter(|c| c.is_alphabetic()).collect();
        let font = FontId::proportional(13.5);
        letters.into_iter().all(|c| window.ctx.fonts_mut(|fonts| fonts.has_glyph(&font, c)))
    };
    let said = |window: &Window| window.state().model().log.text().contains("fonts-noto-cjk and fonts-noto-core");
    until(&mut window, "fonts", |w| drawn(w) || said(w));

    // Without any fonts but its own it says so, once.
    let mut window = without(&files, Desktop { fonts: false, ..Desktop::default() });
    until(&mut window, "the words", said);
    window.run_steps(5);
    assert_eq!(window.state().model().log.text().matches("are shown as boxes").count(), 1);
    assert!(!drawn(&window));
}

#[test]
fn latin_names_need_no_fonts() {
    let files = Files::make();
    let mut window = without(&files, Desktop { fonts: false, ..Desktop::default() });
    window.run_steps(5);
    assert!(!window.state().model().log.text().contains("boxes"));
}

#[test]
fn the_keys_of_browsers_zoom() {
    let files = Files::make();
    let mut window = without(&files, Desktop::default());
    let press = |window: &mut Window, key| {
        window.key_press_modifiers(Modifiers::COMMAND, key);
        window.run_steps(3);
        window.ctx.zoom_factor()
    };
    assert_eq!(press(&mut window, Key::Plus), 1.1);
    assert_eq!(press(&mut window, Key::Equals), 1.2);
    assert_eq!(press(&mut window, Key::Minus), 1.1);
    assert_eq!(press(&mut window, Key::Num0), 1.0);
}

#[test]
fn a_click_shows_an_entry_of_the_log_whole() {
    let files = Files::make();
    let mut window = without(&files, Desktop::default());
    let opened = window.state().model().log.entries().iter().find(|e| e.text.starts_with("opened ")).unwrap().clone();
    let count = |w: &Window| w.get_all_by_label(&opened.text).count();
    assert_eq!(count(&window), 1);
    window.get_by_label(&opened.text).click();
    window.run_steps(3);
    assert_eq!(count(&window), 2);
}
