//! The window's commands as a person finds them: palette, keys, help, presets, history, notices, tour.

use super::*;
use egui_kittest::kittest::NodeT as _;
use stillroom::core::data::dataset::{ClassId, ImageId};
use stillroom::core::workspace::{Command, Theme};
use stillroom::jobs::control::Control;
use stillroom::jobs::worker::{Event, Job};
use stillroom::ui::actions::Action;
use stillroom::ui::intent::{Intent, Panel};
use training::ask;

fn opened(files: &Files, config: AppConfig) -> Window {
    let config = AppConfig { open_dataset: Some(DatasetRequest::whole(&files.dataset())), ..config };
    let mut window = window(config);
    until(&mut window, "the dataset", |w| w.state().model().data.is_some() && idle(w));
    window
}

fn press(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run_steps(3);
}

/// Types into the field that has the keyboard, or takes it.
fn type_text(window: &mut Window, label: &str, text: &str) {
    let field = window.get_by_role_and_label(Role::TextInput, label);
    field.focus();
    field.type_text(text);
    window.run_steps(3);
}

const PALETTE: &str = "Find a command";

fn palette(window: &mut Window, text: &str) {
    press(window, Modifiers::COMMAND, Key::K);
    if !text.is_empty() {
        type_text(window, PALETTE, text);
    }
}

fn has_palette(window: &Window) -> bool {
    window.query_by_role_and_label(Role::TextInput, PALETTE).is_some()
}

fn theme(window: &Window) -> Theme {
    window.state().model().workspace.theme()
}

fn ipc(window: &Window) -> u32 {
    window.state().model().workspace.recipe().ipc
}

fn set_ipc(window: &mut Window, value: &str) {
    let edit = Command::SetParam { name: "ipc", value: value.to_owned() };
    ask(window, Intent::Edit(edit));
    ask(window, Intent::Edit(Command::Settle));
}

#[test]
fn the_palette_finds_a_class_shows_it_and_offers_it_first_the_next_time() {
    let files = Files::make();
    let mut window = opened(&files, files.config());
    palette(&mut window, "ow");
    window.get_by_label("class: owl");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(!has_palette(&window));
    assert_eq!(window.state().model().workspace.shown_class(), Some(ClassId(2)));
    ask(&mut window, Intent::Edit(Command::ShowClass(None)));
    palette(&mut window, "");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(window.state().model().workspace.shown_class(), Some(ClassId(2)));
    palette(&mut window, "larger");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(!has_palette(&window));
}

#[test]
fn the_palette_takes_presets_panels_and_commands_by_click_and_greys_what_cannot_be_done() {
    let files = Files::make();
    let mut window = opened(&files, files.config());
    palette(&mut window, "redo");
    let row = window.get_by_label("command: Redo");
    assert!(row.accesskit_node().is_disabled());
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(has_palette(&window), "nothing was done");
    press(&mut window, Modifiers::NONE, Key::Escape);

    palette(&mut window, "rded-cifar10");
    window.get_by_label("recipe: rded-cifar10").click();
    window.run_steps(3);
    assert_eq!(window.state().model().workspace.recipe().rded().unwrap().method.patches, 1);
    palette(&mut window, "history");
    window.get_by_label("panel: History").click();
    window.run_steps(3);
    window.get_by_label_contains("Patches per image (N) 4 to 1");
    // A slip of the finger is forgiven, and the arrows walk round.
    palette(&mut window, "lihgt or dark");
    press(&mut window, Modifiers::NONE, Key::ArrowUp);
    press(&mut window, Modifiers::NONE, Key::ArrowDown);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(theme(&window), Theme::Light);
}

#[test]
fn keys_never_mean_commands_behind_a_dialog_or_a_menu_or_while_somebody_types() {
    let files = Files::make();
    let mut window = opened(&files, files.config());
    let turn = |window: &mut Window| {
        press(window, Modifiers::COMMAND, Key::T);
        theme(window)
    };
    assert_eq!(turn(&mut window), Theme::Light);
    palette(&mut window, "");
    assert_eq!(turn(&mut window), Theme::Light, "behind the palette");
    press(&mut window, Modifiers::NONE, Key::Escape);
    press(&mut window, Modifiers::NONE, Key::Questionmark);
    assert_eq!(turn(&mut window), Theme::Light, "behind the help sheet");
    press(&mut window, Modifiers::NONE, Key::Escape);
    ask(&mut window, Intent::Do(Action::SavePreset));
    window.run_steps(2);
    assert_eq!(turn(&mut window), Theme::Light, "behind the dialog of presets");
    press(&mut window, Modifiers::NONE, Key::Escape);
    window.get_by_role_and_label(Role::Button, "Edit").click();
    window.run_steps(3);
    assert_eq!(turn(&mut window), Theme::Light, "behind a menu");
    press(&mut window, Modifiers::NONE, Key::Escape);
    window.get_by_role_and_label(Role::TextInput, "Output folder").focus();
    window.run_steps(2);
    assert_eq!(turn(&mut window), Theme::Light, "while typing");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!(turn(&mut window), Theme::Dark);
}

#[test]
fn the_help_sheet_lists_every_command_and_is_searched() {
    let files = Files::make();
    let mut window = window(files.config());
    window.run_steps(2);
    press(&mut window, Modifiers::NONE, Key::Questionmark);
    let line = |action: Action| format!("{}: {}", action.about().label, action.about().tooltip);
    type_text(&mut window, "Find in help", "observer's loss");
    window.get_by_label(&line(Action::Score));
    assert!(window.query_by_label(&line(Action::Undo)).is_none());
    type_text(&mut window, "Find in help", "xyz");
    window.get_by_label("Nothing here mentions this.");
}

#[test]
fn a_recipe_is_saved_under_a_name_found_again_and_put_aside() {
    let files = Files::make();
    let settings = files.folder.path().join("settings");
    let config = || AppConfig { settings: Some(settings.clone()), ..files.config() };
    let mut window = opened(&files, config());
    set_ipc(&mut window, "7");
    ask(&mut window, Intent::Do(Action::SavePreset));
    type_text(&mut window, "Name", "rded");
    click(&mut window, "Save");
    let said = |words: &'static str| move |w: &Window| w.query_by_label_contains(words).is_some();
    until(&mut window, "the refusal", said("comes with the program"));
    type_text(&mut window, "Name", "-seven");
    click(&mut window, "Save");
    let names = |w: &Window| w.state().model().presets.presets.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
    until(&mut window, "the preset", |w| names(w) == ["rded-seven"]);
    assert!(window.query_by_role_and_label(Role::TextInput, "Name").is_none());

    // Another window finds it; its values are taken in one step.
    drop(window);
    let mut window = opened(&files, config());
    until(&mut window, "the preset", |w| names(w) == ["rded-seven"]);
    assert_eq!(ipc(&window), 10);
    palette(&mut window, "rded-seven");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(ipc(&window), 7);
    ask(&mut window, Intent::Do(Action::Undo));
    assert_eq!(ipc(&window), 10);

    // The same name with other values: only when told to.
    ask(&mut window, Intent::Do(Action::SavePreset));
    type_text(&mut window, "Name", "rded-seven");
    click(&mut window, "Save");
    until(&mut window, "the question", said("there is a preset 'rded-seven' already"));
    click(&mut window, "Replace it");
    let replaced = settings.join("presets/rded-seven.json.removed");
    until(&mut window, "the other file", |_| replaced.is_file());
    until(&mut window, "the end of the dialog", |w| w.query_by_role_and_label(Role::TextInput, "Name").is_none());

    ask(&mut window, Intent::Do(Action::Presets));
    click(&mut window, "Delete rded-seven");
    until(&mut window, "the empty list", |w| names(w).is_empty());
    assert!(settings.join("presets/rded-seven.json.removed-2").is_file());
}

#[test]
fn a_click_in_the_history_goes_there_and_back() {
    let files = Files::make();
    let mut window = opened(&files, files.config());
    window.state_mut().bring_forward(Panel::History);
    window.run_steps(2);
    window.get_by_label("Nothing to take back");
    set_ipc(&mut window, "20");
    ask(&mut window, Intent::Edit(Command::Choose(ClassId(1), false)));
    window.run_steps(2);
    let chosen = |w: &Window| w.state().model().workspace.chosen().count();
    assert_eq!((ipc(&window), chosen(&window)), (20, 2));
    window.get_by_label("step 1: Images per class (IPC) 10 to 20");
    window.get_by_label("step 0: as it began").click();
    window.run_steps(3);
    assert_eq!((ipc(&window), chosen(&window)), (10, 3));
    window.get_by_label("step 2: 'dog' left out").click();
    window.run_steps(3);
    assert_eq!((ipc(&window), chosen(&window)), (20, 2));
}

#[test]
fn what_ends_out_of_sight_is_told_and_leads_to_its_panel() {
    let files = Files::make();
    let mut window = opened(&files, files.config());
    let fail = |window: &mut Window, why: &str| {
        window.state_mut().receive(Event::Started(Job::Score, Control::default()));
        window.state_mut().receive(Event::Failed(Job::Score, why.to_owned()));
        window.state_mut().receive(Event::Finished(Job::Score));
        window.run_steps(3);
    };
    window.state_mut().bring_forward(Panel::Training);
    window.run_steps(2);
    fail(&mut window, "no room for it");
    window.get_by_label("Score failed: no room for it");
    click(&mut window, "Show Patches (notice)");
    window.run_steps(2);
    assert!(window.query_by_label("Score failed: no room for it").is_none());
    // Now its panel is in front, and shows it itself.
    fail(&mut window, "no time for it");
    assert!(window.query_by_label("Score failed: no time for it").is_none());
    // Five are too many for the corner; each can be closed.
    window.state_mut().bring_forward(Panel::Training);
    window.run_steps(2);
    for n in 1..=5 {
        fail(&mut window, &format!("reason {n}"));
    }
    window.get_by_label("1 more");
    assert!(window.query_by_label("Score failed: reason 1").is_none());
    click(&mut window, "Dismiss (notice)");
    window.run_steps(2);
    window.get_by_label("Score failed: reason 1");
    assert!(window.query_by_label("1 more").is_none());
}

#[test]
fn the_tour_walks_through_the_panels_and_is_remembered() {
    let files = Files::make();
    let settings = files.folder.path().join("settings");
    let mut window = opened(&files, AppConfig { settings: Some(settings.clone()), ..files.config() });
    window.run_steps(3);
    assert!(window.query_by_label("1 of 6").is_none(), "nobody asked for it");
    ask(&mut window, Intent::Do(Action::Tour));
    window.get_by_label("1 of 6");
    window.get_by_label("The data");
    click(&mut window, "Next");
    window.get_by_label("The observer");
    window.get_by_label("No observer is loaded");
    click(&mut window, "Back");
    window.get_by_label("The data");
    for _ in 0..5 {
        click(&mut window, "Next");
    }
    window.get_by_label("Is it any good?");
    click(&mut window, "Done");
    assert!(window.query_by_label("6 of 6").is_none());
    until(&mut window, "the note", |_| settings.join("tour-shown").is_file());

    drop(window);
    // Who has seen it isn't led again, and neither is who has opened something before.
    for settings in [settings, files.folder.path().join("other settings")] {
        let config = AppConfig { settings: Some(settings), tour: true, ..files.config() };
        let mut window = super::window(config);
        window.run_steps(3);
        until(&mut window, "what was opened before", |w| !w.state().model().recent.datasets.is_empty());
        for _ in 0..20 {
            window.run_steps(1);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(window.query_by_label("1 of 6").is_none());
        assert!(window.state().model().data.is_none(), "the sample stays closed");
    }
}

#[test]
fn the_status_line_says_what_is_selected_and_what_comes_next() {
    let files = Files::make();
    let mut window = opened(&files, files.config());
    window.get_by_label("Idle. Load an observer next.");
    window.get_by_label("no device yet");
    ask(&mut window, Intent::Edit(Command::Select(Some(ImageId(0)))));
    window.get_by_label("1 selected ·");
    drop(window);
    let window = scored(&files);
    let device = window.state().model().device.clone().unwrap().0;
    window.get_by_label(&device);
    window.get_by_label("Idle. Distil to a folder when the images please.");
}
