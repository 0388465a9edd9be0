//! Several observers: further ones are listed in the recipe, opened and checked, and move pixels beside the loaded one.

use super::refine::{choose, distil, refine, set, written};
use super::sizes::{SIZES, all_is_reachable, nothing_overlaps, resize};
use super::training::ask;
use super::*;
use stillroom::core::workspace::Command;
use stillroom::jobs::command_line;
use stillroom::ui::Desktop;
use stillroom::ui::actions::Action;
use stillroom::ui::intent::{Intent, Panel, Purpose};

/// A network of formula weights for so many classes.
fn network(files: &Files, name: &str, (arch, classes): (&str, usize)) -> PathBuf {
    let spec = NetworkSpec { arch: arch.parse().unwrap(), side: 32, classes };
    let graph = spec.graph();
    let weights = Weights::by_formula(&graph);
    let bytes = file_bytes(name, (&graph, &weights), (Kind::Safetensors, Precision::Half)).unwrap();
    let file = files.folder.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    file
}

fn listed(window: &Window) -> Vec<PathBuf> {
    window.state().model().workspace.beside().to_vec()
}

/// Types a file and adds it; waits until it was looked at.
fn add(window: &mut Window, file: &Path) {
    type_into(window, "Further observers", file);
    press(window, "Add");
    assert_eq!(listed(window).last().map(PathBuf::as_path), Some(file));
    looked_at(window);
}

/// The list is longer than the panel: buttons may have to be scrolled to.
fn press(window: &mut Window, label: &str) {
    let button = window.get_all_by_role_and_label(Role::Button, label).next();
    button.unwrap_or_else(|| panic!("no button {label}")).click_accesskit();
    window.run_steps(3);
}

fn looked_at(window: &mut Window) {
    until(window, "a look at all files", |w| w.query_by_label_contains("is being opened").is_none() && idle(w));
}

#[test]
fn a_second_observer_takes_part_and_the_command_line_names_it() {
    let files = Files::make();
    let mut window = scored(&files);
    assert!(window.query_by_role_and_label(Role::TextInput, "Further observers").is_none(), "RDED takes one");
    choose(&mut window, "LIC");
    set(&mut window, &[("iterations", "3")]);
    let second = network(&files, "second net.safetensors", ("conv3x4", 3));
    add(&mut window, &second);
    // The loaded one was checked, and so is this one.
    window.get_by_label_contains("second net.safetensors: conv3x4, top-1 ");
    ask(&mut window, Intent::Do(Action::Undo));
    assert!(listed(&window).is_empty() && !window.state().command_line().contains("--beside"));
    ask(&mut window, Intent::Do(Action::Redo));
    let flag = format!(" --beside '{}'", second.display());
    assert!(window.state().command_line().contains(&flag), "{}", window.state().command_line());

    // Nobody has trained it: its check refuses, in words, until told otherwise.
    press(&mut window, "Distil to folder");
    let refusal = |w: &Window| w.state().model().problems.distil.clone().unwrap_or_default();
    until(&mut window, "the refusal", |w| !refusal(w).is_empty() && idle(w));
    assert!(refusal(&window).starts_with("The check refused the further observer second net"), "{}", refusal(&window));
    distil(&mut window);
    until(&mut window, "the set", written);
    assert_eq!(refusal(&window), "");
    let made = refine(&window).written.as_ref().unwrap().set.clone();
    let manifest = made.manifest().unwrap();
    let networks: Vec<_> = manifest.observer.iter().chain(&manifest.beside).map(|o| o.network.as_str()).collect();
    assert_eq!(networks, ["conv3x8", "conv3x4"]);

    // The run knows them both, for its command and for the window.
    until(&mut window, "the run", |w| w.state().model().runs.list.rows.len() == 1 && idle(w));
    let run = window.state().model().runs.list.rows[0].record.clone();
    assert!(command_line::run(&run, None).contains(&flag));
    press(&mut window, "Remove: second net.safetensors");
    assert!(listed(&window).is_empty());
    ask(&mut window, Intent::SelectRun(run.row));
    ask(&mut window, Intent::Do(Action::RestoreRun));
    until(&mut window, "the run's observers", |w| listed(w) == [second.clone()] && idle(w));
    assert_eq!(window.state().model().workspace.steps().0.last(), Some(&"run 1 restored"));

    // A method that takes one observer leaves the list alone, and out of its call.
    choose(&mut window, "RDED");
    assert!(!window.state().command_line().contains("--beside") && listed(&window) == [second.clone()]);
    choose(&mut window, "LIC");
    drop(window);
    let mut again = project::reopened(&files);
    until(&mut again, "the network", |w| w.query_by_label_contains("conv3x4, not checked yet").is_some() && idle(w));
    assert_eq!(listed(&again), [second]);
    assert!(!project::computed(&again), "{}", again.state().model().log.text());
}

#[test]
fn a_file_that_cannot_take_part_is_told_and_stops_nothing_else() {
    let files = Files::make();
    let mut window = scored(&files);
    choose(&mut window, "SRe2L");
    set(&mut window, &[("iterations", "2")]);
    let good = network(&files, "good.safetensors", ("conv4x4", 3));
    let two = network(&files, "two.safetensors", ("conv3x4", 2));
    let bare = network(&files, "bare.safetensors", ("squeezenet1_1", 3));
    let text = files.folder.path().join("notes.pth");
    std::fs::write(&text, "no network").unwrap();
    for file in [&text, &two, &bare, &good] {
        add(&mut window, file);
    }
    window.get_by_label_contains("notes.pth: can't take part");
    window.get_by_label_contains("two.safetensors: can't take part");
    window.get_by_label_contains("bare.safetensors: squeezenet1_1, top-1 ");
    window.get_by_label_contains("good.safetensors: conv4x4, top-1 ");
    window.get_by_role_and_label(Role::Label, &opening_problem(&window, &text));
    window.get_by_role_and_label(Role::Label, &opening_problem(&window, &two));
    window.get_by_label_contains("the observer has no batch norm");
    for size in [SIZES[0], SIZES[5]] {
        resize(&mut window, size);
        window.state_mut().bring_forward(Panel::Recipe);
        window.run_steps(6);
        let place = format!("Recipe with further observers at {} × {}", size.0, size.1);
        nothing_overlaps(&window, &place);
        all_is_reachable(&mut window, size.0, &place);
    }

    // Nothing is distilled by fewer observers than are listed, and the words say by which file.
    let refused = |window: &mut Window, file: &str| {
        distil(window);
        until(window, "the refusal", |w| w.state().model().problems.distil.is_some() && idle(w));
        let why = window.state().model().problems.distil.clone().unwrap();
        assert!(why.contains(&format!("The further observer {file} can't take part: ")), "{why}");
    };
    refused(&mut window, "notes.pth");
    press(&mut window, "Remove: notes.pth");
    refused(&mut window, "two.safetensors");
    // Put right on the disk, it is opened anew.
    network(&files, "two.safetensors", ("conv3x4", 3));
    press(&mut window, "Try again: two.safetensors");
    looked_at(&mut window);
    window.get_by_label_contains("two.safetensors: conv3x4, top-1 ");
    refused(&mut window, "bare.safetensors");
    press(&mut window, "Remove: bare.safetensors");
    distil(&mut window);
    until(&mut window, "the set", written);
    let made = refine(&window).written.as_ref().unwrap().set.clone();
    let networks: Vec<_> = made.manifest().unwrap().beside.iter().map(|o| o.network.clone()).collect();
    assert_eq!(networks, ["conv3x4", "conv4x4"], "in the order of the list");
}

fn opening_problem(window: &Window, file: &Path) -> String {
    use stillroom::ui::model::beside::Progress;
    let Progress::Known(known) = window.state().model().progress_of(file) else { panic!("not looked at") };
    let why = known.beside.opened.as_ref().unwrap_err().clone();
    assert!(why.contains(file.file_name().unwrap().to_str().unwrap()), "{why}");
    why
}

#[test]
fn a_run_is_moved_further_by_several_observers() {
    let files = Files::make();
    let mut window = scored(&files);
    distil(&mut window);
    until(&mut window, "the run", |w| w.state().model().runs.list.rows.len() == 1 && idle(w));
    let run = window.state().model().runs.list.rows[0].record.row;
    choose(&mut window, "LIC");
    set(&mut window, &[("iterations", "2"), ("turns", "average")]);
    let second = network(&files, "second.safetensors", ("conv3x4", 3));
    // What was not looked at yet is waited for; its check refuses weights that nobody has trained.
    ask(&mut window, Intent::Edit(Command::AddBeside(second)));
    ask(&mut window, Intent::SelectRun(run));
    ask(&mut window, Intent::Do(Action::RefineRun));
    until(&mut window, "the refusal", |w| w.state().model().problems.distil.is_some() && idle(w));
    window.get_by_role_and_label(Role::CheckBox, "despite the check").click_accesskit();
    window.run_steps(2);
    ask(&mut window, Intent::Do(Action::RefineRun));
    until(&mut window, "the compensated set", written);
    assert_eq!(window.state().model().problems.distil, None);
    let made = refine(&window).written.as_ref().unwrap().set.clone();
    assert_eq!(made.folder().file_name().unwrap(), "pets-distilled-ipc2-lic");
    assert_eq!(made.manifest().unwrap().beside.len(), 1);
}

#[test]
fn the_list_waits_for_the_observer_and_offers_what_was_loaded_before() {
    let files = Files::make();
    let open = Some(DatasetRequest::whole(&files.dataset()));
    let desktop = Desktop { dialogs: false, ..Desktop::default() };
    let mut window = window(AppConfig { open_dataset: open, desktop, ..files.config() });
    until(&mut window, "the dataset", |w| w.state().model().data.is_some() && idle(w));
    choose(&mut window, "LIC");
    window.get_by_label_contains("No observer is loaded: further ones take part beside it");
    assert!(window.query_by_label("Loaded before").is_none());

    let second = network(&files, "second.safetensors", ("conv3x4", 3));
    for file in [&second, &files.observer()] {
        ask(&mut window, Intent::Show(Panel::Observer));
        training::replace(&mut window, "Weight file", file);
        press(&mut window, "Load");
        until(&mut window, "the observer", |w| {
            w.state().model().observer.as_ref().is_some_and(|opened| opened.file == *file) && idle(w)
        });
    }
    ask(&mut window, Intent::Show(Panel::Recipe));
    assert!(window.query_by_label_contains("No observer is loaded").is_none());
    press(&mut window, "Loaded before");
    press(&mut window, second.to_str().unwrap());
    looked_at(&mut window);
    assert_eq!(listed(&window), std::slice::from_ref(&second));
    assert!(window.query_by_label("Loaded before").is_none(), "all of them take part");

    // The same one twice would count twice.
    type_into(&mut window, "Further observers", &second);
    press(&mut window, "Add");
    window.get_by_label("It takes part already.");
    assert_eq!(listed(&window).len(), 1);
    // Without a dialog the field says so.
    ask(&mut window, Intent::Browse(Purpose::Beside));
    assert!(window.query_by_label("It takes part already.").is_none());
    assert!(window.get_all_by_label_contains("No file dialog can be opened here").next().is_some());
}
