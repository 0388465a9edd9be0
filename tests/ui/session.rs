//! A whole session as a person has it: open, check, give the right class order, score, brush, cull, tune, distil, export,
//! close, and open again.

use super::class_order::{Shuffled, settled};
use super::*;
use stillroom::core::data::dataset::ClassId;
use stillroom::core::distil::curation::Choice;
use stillroom::core::distil::select::Chosen;
use stillroom::core::workspace::{Theme, Workspace};
use stillroom::ui::intent::Panel;

fn workspace(window: &Window) -> &Workspace {
    &window.state().model().workspace
}

fn scored_all(window: &Window) -> bool {
    window.state().model().staleness().0 == 0 && idle(window)
}

fn undo(window: &mut Window) {
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(4);
}

fn redo(window: &mut Window) {
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.run_steps(4);
}

fn show(window: &mut Window, panel: Panel) {
    window.state_mut().bring_forward(panel);
    window.run_steps(4);
}

/// What each slot of a class holds: image and why.
fn stitched(window: &Window, class: u32) -> Vec<(u32, Chosen)> {
    let kept = window.state().model().ranking.selected(ClassId(class));
    kept.iter().map(|kept| (kept.patch.image.0, kept.chosen)).collect()
}

/// Opens dataset and observer by typed paths, and gives the order that the check proposes.
fn opened(pets: &Shuffled) -> Window {
    let mut window = window(pets.files.config());
    window.run_steps(2);
    type_into(&mut window, "Dataset folder", &pets.files.dataset());
    click(&mut window, "Open");
    until(&mut window, "the dataset", |w| w.state().model().data.is_some() && idle(w));
    click(&mut window, "Observer");
    type_into(&mut window, "Weight file", &pets.files.observer());
    click(&mut window, "Load");
    until(&mut window, "the check", |w| w.state().model().check.is_some() && idle(w));
    window.get_by_label("Look at the class order").click_accesskit();
    window.run_steps(4);
    let right = pets.right();
    click(&mut window, "Apply this order");
    until(&mut window, "the right order", |w| settled(w, Some(&right)));
    undo(&mut window);
    until(&mut window, "the order as opened", |w| settled(w, None));
    redo(&mut window);
    until(&mut window, "the right order again", |w| settled(w, Some(&right)));
    window
}

/// A range of losses is given and cleared; both are taken back and repeated.
fn brush(window: &mut Window) {
    show(window, Panel::Scores);
    window.get_by_role_and_label(Role::SpinButton, "Brush to").set_value_accesskit(1.0);
    window.run_steps(4);
    let range = workspace(window).filter().brush;
    assert!(range.is_some());
    click(window, "Clear filters");
    assert!(workspace(window).filter().is_open());
    undo(window);
    assert_eq!(workspace(window).filter().brush, range);
    undo(window);
    assert!(workspace(window).filter().is_open());
    redo(window);
    assert_eq!(workspace(window).filter().brush, range);
    redo(window);
    assert!(workspace(window).filter().is_open());
}

/// Another IPC is selected from the scores that are there, by no job, and is taken back and repeated.
fn change_ipc(window: &mut Window) {
    let entries = window.state().model().log.entries().len();
    window.get_by_role_and_label(Role::Slider, "Images per class (IPC)").set_value_accesskit(2.0);
    window.run_steps(3);
    assert_eq!(stitched(window, 0).len(), 2);
    undo(window);
    assert_eq!(stitched(window, 0).len(), 1);
    redo(window);
    assert_eq!((workspace(window).recipe().ipc, stitched(window, 0).len()), (2, 2));
    assert!(scored_all(window) && window.state().model().log.entries().len() == entries);
}

/// The copied call names files of the class order and of the marks, and both are there.
fn copy_command_line(window: &mut Window) {
    const COPIED: &str = "copied the command line: ";
    let copied = |window: &Window| {
        let mut entries = window.state().model().log.entries().iter();
        entries.find_map(|entry| entry.text.strip_prefix(COPIED).map(str::to_owned))
    };
    click(window, "Copy command line");
    until(window, "the command line", |w| copied(w).is_some());
    let line = copied(window).unwrap();
    assert!(line.starts_with("stillroom distill ") && line.contains(" --ipc 2 "), "{line}");
    for option in [" --class-map ", " --curation "] {
        let file = line.split_once(option).and_then(|(_, rest)| rest.split(' ').next());
        let file = file.unwrap_or_else(|| panic!("no{option}in {line}")).trim_matches('\'');
        assert!(Path::new(file).is_file(), "{file}");
    }
}

/// Rejects, replaces, pins and tags by keys, and takes each back and repeats it.
fn cull(window: &mut Window) {
    show(window, Panel::Patches);
    for (class, tile, key) in [(0, "ant rank 1,", Key::X), (1, "bat rank 1,", Key::S), (2, "cat rank 2,", Key::P)] {
        let before = (stitched(window, class), workspace(window).curation().len());
        window.get_by_label_contains(tile).click();
        window.run_steps(3);
        window.key_press(key);
        window.run_steps(3);
        let after = (stitched(window, class), workspace(window).curation().len());
        assert!(after.0 != before.0 && after.1 > before.1, "{tile}: {before:?}, {after:?}");
        undo(window);
        assert_eq!((stitched(window, class), workspace(window).curation().len()), before, "{tile}");
        redo(window);
        assert_eq!((stitched(window, class), workspace(window).curation().len()), after, "{tile}");
    }
    window.get_by_label_contains("dog rank 1,").click();
    window.run_steps(3);
    window.key_press(Key::Num4);
    window.run_steps(3);
    let marks = workspace(window).curation().marks().map(|(_, mark)| mark);
    let counts = marks.fold([0; 3], |[pinned, rejected, tagged], mark| {
        let is = |yes: bool| usize::from(yes);
        [
            pinned + is(mark.choice == Choice::Pinned),
            rejected + is(mark.choice == Choice::Rejected),
            tagged + is(mark.tag == 4),
        ]
    });
    assert_eq!(
        counts,
        [2, 2, 1],
        "one pinned by hand and one in another's place, one rejected by hand and one replaced"
    );
}

#[test]
fn a_session_from_the_first_path_to_the_next_morning() {
    let pets = Shuffled::with_training(6);
    let mut window = opened(&pets);
    window.get_by_role_and_label(Role::Slider, "Images per class (IPC)").set_value_accesskit(1.0);
    window.run_steps(2);
    window.get_by_role_and_label(Role::RadioButton, "Patches per image (N) 1").click();
    window.run_steps(3);
    click(&mut window, "Score patches");
    until(&mut window, "the scores", scored_all);

    brush(&mut window);
    cull(&mut window);

    // Four patches of an image are scored by themselves; one patch of an image is known already.
    window.get_by_role_and_label(Role::RadioButton, "Patches per image (N) 4").click();
    window.run_steps(3);
    assert!(window.state().model().ranking.class(ClassId(0)).stale, "what is known is shown until then");
    until(&mut window, "the scores of four", scored_all);
    assert_eq!(stitched(&window, 0).len(), 4);
    let entries = window.state().model().log.entries().len();
    window.get_by_role_and_label(Role::RadioButton, "Patches per image (N) 1").click();
    window.run_steps(3);
    assert!(scored_all(&window) && window.state().model().log.entries().len() == entries);

    change_ipc(&mut window);
    copy_command_line(&mut window);

    click(&mut window, "Distil to folder");
    until(&mut window, "the set", |w| w.state().model().written.is_some() && idle(w));
    let set = window.state().model().written.as_ref().unwrap().out.clone();
    let manifest = std::fs::read_to_string(set.join("manifest.json")).unwrap();
    assert_eq!(manifest.matches("\"chosen\":\"pin\"").count(), 2, "{manifest}");
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::X);
    window.run_steps(3);
    export::choose(&mut window, "ImageFolder");
    let name = format!("{}-imagefolder", set.file_name().unwrap().to_string_lossy());
    export::measured(&mut window, &name);
    export::export(&mut window);
    let exported = std::fs::read_dir(set.with_file_name(name)).unwrap().count();
    assert_eq!(exported, 12 + 1, "a folder for each class, and metadata.jsonl");

    // What the next morning is to find: a panel in front, a filter and a theme that a new window does not have.
    show(&mut window, Panel::Scores);
    window.get_by_role_and_label(Role::SpinButton, "Brush to").set_value_accesskit(1.0);
    window.run_steps(4);
    window.key_press_modifiers(Modifiers::COMMAND, Key::T);
    window.run_steps(4);
    assert_eq!(workspace(&window).theme(), Theme::Light);
    let all = |window: &Window| (0..12).map(|class| stitched(window, class)).collect::<Vec<_>>();
    let (edited, selected, images) = (workspace(&window).edited().clone(), workspace(&window).selected(), all(&window));
    assert!(!edited.filter.is_open() && !edited.curation.is_empty() && selected.is_some());
    drop(window);
    let again = project::reopened(&pets.files);
    let model = again.state().model();
    assert!(!project::computed(&again), "{}", model.log.text());
    assert_eq!((model.workspace.edited(), model.workspace.selected()), (&edited, selected));
    assert_eq!((model.staleness().0, model.workspace.can_undo()), (0, false));
    assert_eq!(model.workspace.theme(), Theme::Light);
    again.get_by_label_contains("histogram of loss");
    assert_eq!(all(&again), images);
}
