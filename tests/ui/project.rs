//! A project opens again as it was left, and what has gone is found again.

use std::path::Path;

use eframe::egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable as _;
use stillroom::core::data::dataset::{ClassId, ImageId};
use stillroom::core::distil::curation::{Choice, Mark};
use stillroom::core::workspace::view::{Filter, Sort, SortBy};
use stillroom::core::workspace::{Command, Theme};
use stillroom::ui::AppConfig;
use stillroom::ui::actions::Action;
use stillroom::ui::intent::{Intent, Panel};

use crate::{CLASSES, Files, Window, click, idle, scored, type_into, until, window};

/// The window as it opens by itself.
pub fn reopened(files: &Files) -> Window {
    let mut window = window(AppConfig { fresh: false, ..files.config() });
    until(&mut window, "the project", |w| w.state().model().project.folder.is_some() && idle(w));
    window
}

fn ask(window: &mut Window, intent: Intent) {
    let ctx = window.ctx.clone();
    window.state_mut().ask(&ctx, intent);
    window.run_steps(2);
}

fn edit(window: &mut Window, command: Command) {
    ask(window, Intent::Edit(command));
}

/// Jobs that compute: none may run because a project is opened.
pub fn computed(window: &Window) -> bool {
    let log = window.state().model().log.text();
    window.state().model().check.is_some() || log.contains("scoring") || log.contains("check:")
}

fn file(files: &Files) -> std::path::PathBuf {
    files.folder.path().join("project/window.json")
}

#[test]
fn a_project_opens_again_as_it_was_left() {
    let files = Files::make();
    let mut first = scored(&files);
    let reject = Mark { choice: Choice::Rejected, ..Mark::default() };
    let filter = Filter { class: Some(ClassId(2)), name: "png".to_owned(), ..Filter::default() };
    for command in [
        Command::SetParam { name: "ipc", value: "3".to_owned() },
        Command::SetTrainParam { name: "epochs", value: "17".to_owned() },
        Command::SetTheme(Theme::Light),
        Command::Choose(ClassId(1), false),
        Command::Curate { marks: vec![(ImageId(4), reject)], words: "1 patch rejected".to_owned() },
        Command::SetFilter(filter),
        Command::SetSort(Sort { by: SortBy::Loss, descending: true }),
        Command::Select(Some(ImageId(20))),
    ] {
        edit(&mut first, command);
    }
    first.state_mut().bring_forward(Panel::Training);
    ask(&mut first, Intent::Do(Action::ZoomIn));
    let out = files.folder.path().join("somewhere");
    ask(&mut first, Intent::Do(Action::ShowDistilling));
    // Larger, the window has room for one panel at a time.
    first.state_mut().bring_forward(Panel::Recipe);
    first.run_steps(3);
    type_into(&mut first, "Output folder", &out);
    first.run_steps(3);
    let (edited, selected) = {
        let workspace = &first.state().model().workspace;
        (workspace.edited().clone(), workspace.selected())
    };
    let line = first.state().command_line();
    drop(first);
    assert!(file(&files).is_file());

    let mut again = reopened(&files);
    let model = again.state().model();
    assert!(!computed(&again), "{}", model.log.text());
    assert_eq!(model.workspace.edited(), &edited);
    assert_eq!((model.workspace.selected(), model.workspace.theme()), (selected, Theme::Light));
    assert!(!model.workspace.can_undo());
    assert_eq!((model.staleness(), model.ranking.any()), ((0, 2), true));
    assert_eq!(again.ctx.zoom_factor(), 1.1);
    assert_eq!(again.state().command_line(), line);
    // Nothing has changed, and nothing is written: the bytes are the same.
    let before = std::fs::read(file(&files)).unwrap();
    again.run_steps(3);
    drop(again);
    let (before, after) = (String::from_utf8(before).unwrap(), std::fs::read_to_string(file(&files)).unwrap());
    assert_eq!(before, after);
}

#[test]
fn a_change_is_written_within_seconds_and_a_killed_window_leaves_it() {
    let files = Files::make();
    let mut first = scored(&files);
    edit(&mut first, Command::SetParam { name: "ipc", value: "5".to_owned() });
    let written = || std::fs::read_to_string(file(&files)).is_ok_and(|text| text.contains("\"ipc\": 5"));
    until(&mut first, "the autosave", |_| written());
    // A process that is killed now leaves this: it is read by another one as it is.
    let state = stillroom::store::window::WindowFile::read(&files.folder.path().join("project")).state;
    assert_eq!(state.unwrap().unwrap().edits.recipe.ipc, 5);
}

#[test]
fn a_second_window_shows_the_project_and_leaves_it_alone() {
    let files = Files::make();
    let mut first = scored(&files);
    edit(&mut first, Command::SetParam { name: "ipc", value: "5".to_owned() });
    until(&mut first, "the autosave", |_| {
        std::fs::read_to_string(file(&files)).is_ok_and(|text| text.contains("\"ipc\": 5"))
    });
    let before = std::fs::read(file(&files)).unwrap();
    let mut second = reopened(&files);
    let model = second.state().model();
    assert!(model.log.text().contains("in use by") && model.log.text().contains("is not kept"), "{}", model.log.text());
    assert_eq!((model.workspace.recipe().ipc, model.ranking.any()), (5, true), "what is stored is read all the same");
    edit(&mut second, Command::SetParam { name: "ipc", value: "9".to_owned() });
    drop(second);
    assert_eq!(std::fs::read(file(&files)).unwrap(), before);
}

#[test]
fn what_cannot_be_read_is_set_aside_and_said() {
    let files = Files::make();
    let project = files.folder.path().join("project");
    std::fs::create_dir_all(&project).unwrap();
    std::fs::write(file(&files), r#"{"format": 99}"#).unwrap();
    let window = reopened(&files);
    let log = window.state().model().log.text();
    assert!(log.contains("has format 99") && log.contains("window.set-aside-1.json"), "{log}");
    drop(window);
    let aside = project.join("window.set-aside-1.json");
    assert_eq!(std::fs::read_to_string(aside).unwrap(), r#"{"format": 99}"#);
    assert!(stillroom::store::window::WindowFile::read(&project).state.unwrap().is_some());
}

#[test]
fn a_moved_dataset_is_asked_for_and_found() {
    let files = Files::make();
    let mut first = scored(&files);
    edit(&mut first, Command::Choose(ClassId(0), false));
    drop(first);
    let moved = files.folder.path().join("moved");
    std::fs::rename(files.dataset(), &moved).unwrap();

    // Without it nothing is forgotten.
    let mut without = reopened(&files);
    without.get_by_label("Relocate");
    click(&mut without, "Open without");
    assert!(without.state().model().data.is_none());
    drop(without);

    let mut again = reopened(&files);
    let other = files.folder.path().join("other");
    for class in ["cat", "dog"] {
        std::fs::create_dir_all(other.join(class)).unwrap();
        std::fs::write(other.join(class).join("1.png"), b"").unwrap();
    }
    look(&mut again, &other);
    again.get_by_label_contains("This is not what was open: it has 2 images of 2 classes, not 25 of 3");
    again.get_by_role_and_label(Role::Button, "Open anyway");
    look(&mut again, &files.folder.path().join("nowhere"));
    again.get_by_label_contains("nowhere: cannot open: it does not exist");
    look(&mut again, &moved);
    again.get_by_label("Found: it is the same.");
    click(&mut again, "Open what was found");
    until(&mut again, "the dataset", |w| w.state().model().ranking.any() && idle(w));
    let model = again.state().model();
    assert!(!computed(&again), "{}", model.log.text());
    assert_eq!(model.dataset().unwrap().root(), moved);
    assert_eq!((model.workspace.chosen().count(), model.staleness()), (2, (0, 2)));
}

/// Types a place into the dialog, in place of what stands there.
fn look(window: &mut Window, path: &Path) {
    let field = window.get_by_role_and_label(Role::TextInput, "The dataset's folder");
    field.focus();
    window.run_steps(1);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(1);
    type_into(window, "The dataset's folder", path);
    click(window, "Look");
    until(window, "the answer", |w| {
        w.state().model().project.relocation.as_ref().is_none_or(|r| r.items.iter().all(|item| !item.looking))
    });
}

#[test]
fn another_project_is_opened_and_this_one_is_as_it_was() {
    let files = Files::make();
    let mut window = scored(&files);
    edit(&mut window, Command::SetParam { name: "ipc", value: "5".to_owned() });
    ask(&mut window, Intent::Do(Action::OpenProject));
    let other = files.folder.path().join("other");
    type_into(&mut window, "Project folder", &other);
    click(&mut window, "Open project");
    until(&mut window, "the other project", |w| {
        w.state().model().project.folder.as_deref() == Some(other.as_path()) && idle(w)
    });
    assert!(window.state().model().data.is_none() && other.join("window.json").parent().unwrap().is_dir());
    let home = files.folder.path().join("project");
    ask(&mut window, Intent::OpenProject(home.clone()));
    until(&mut window, "the first project", |w| {
        w.state().model().project.folder.as_deref() == Some(home.as_path()) && idle(w)
    });
    let model = window.state().model();
    assert_eq!((model.workspace.recipe().ipc, model.staleness()), (5, (0, CLASSES.len())));

    ask(&mut window, Intent::Do(Action::NewSession));
    until(&mut window, "a new session", |w| w.state().model().data.is_none() && idle(w));
    assert_eq!(window.state().model().workspace.recipe().ipc, 10);
}

#[test]
fn the_list_of_projects_is_the_users() {
    let files = Files::make();
    let list = files.folder.path().join("config/projects.json");
    let config = || AppConfig { projects: Some(list.clone()), ..files.config() };
    for name in ["a", "b"] {
        let mut config = config();
        config.worker.project = Some(files.folder.path().join(name));
        let mut window = window(config);
        until(&mut window, "the list", |w| !w.state().model().project.recent.is_empty() && idle(w));
    }
    let mut window = window(config());
    until(&mut window, "the list", |w| w.state().model().project.recent.len() == 3 && idle(w));
    ask(&mut window, Intent::Do(Action::OpenProject));
    click(&mut window, files.folder.path().join("a").to_str().unwrap());
    until(&mut window, "project a", |w| w.state().model().project.name().as_deref() == Some("a") && idle(w));
}

#[test]
fn a_run_is_had_again_in_a_step_that_undo_takes_back() {
    let files = Files::make();
    let mut window = scored(&files);
    let mark = |choice| Command::Curate {
        marks: vec![(ImageId(4), Mark { choice, ..Mark::default() })],
        words: "a patch".to_owned(),
    };
    edit(&mut window, Command::Choose(ClassId(1), false));
    edit(&mut window, mark(Choice::Rejected));
    if let Some(despite) = window.query_by_role_and_label(Role::CheckBox, "despite the check") {
        despite.click();
        window.run_steps(2);
    }
    click(&mut window, "Distil to folder");
    until(&mut window, "the run", |w| w.state().model().runs.list.rows.len() == 1 && idle(w));
    assert_eq!(window.state().model().problems.distil, None);

    edit(&mut window, Command::SetParam { name: "ipc", value: "4".to_owned() });
    edit(&mut window, Command::Choose(ClassId(1), true));
    edit(&mut window, mark(Choice::Ranked));
    let before = window.state().model().workspace.edited().clone();
    ask(&mut window, Intent::Do(Action::ShowRuns));
    window.get_by_label("showing 1 of 1 runs");
    window.get_by_label("run 1, done").click();
    window.run_steps(3);
    click(&mut window, "Restore run");
    until(&mut window, "the run's recipe", |w| w.state().model().workspace.recipe().ipc == 2 && idle(w));
    let workspace = &window.state().model().workspace;
    let chosen: Vec<ClassId> = workspace.chosen().collect();
    assert_eq!(chosen, [ClassId(0), ClassId(2)]);
    assert_eq!(workspace.curation().mark(ImageId(4)).choice, Choice::Rejected);
    assert_eq!(workspace.steps().0.last(), Some(&"run 1 restored"));
    assert_eq!(window.state().model().staleness(), (0, 2));
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    assert_eq!(window.state().model().workspace.edited(), &before);

    ask(&mut window, Intent::Do(Action::CopyRun));
    until(&mut window, "the command line", |w| w.state().model().log.text().contains("copied the run's command line"));
    let log = window.state().model().log.text();
    assert!(log.contains(" --classes cat,owl --curation "), "{log}");
}
