//! Sets beside each other: ticking runs, typed folders, unequal budgets, and the way to the random set that belongs beside
//! them.

use super::refine::{choose, distil, set, written};
use super::sizes::{SIZES, all_is_reachable, nothing_overlaps, resize};
use super::training::ask;
use super::*;
use egui_kittest::kittest::NodeT as _;
use stillroom::core::distil::recipe::Recipe;
use stillroom::core::workspace::Command;
use stillroom::ui::actions::Action;
use stillroom::ui::intent::{CompareChange, Intent, Panel};

fn recipe(window: &Window) -> &Recipe {
    window.state().model().workspace.recipe()
}

fn runs(window: &Window) -> usize {
    window.state().model().runs.list.rows.len()
}

fn compared(window: &Window) -> usize {
    window.state().model().compare.sets().count()
}

fn tick(window: &mut Window, name: &str) {
    window.get_by_role_and_label(Role::CheckBox, &format!("Compare {name}")).click_accesskit();
    window.run_steps(3);
    until(window, "the sets", |w| !w.state().model().compare.is_opening() && idle(w));
}

/// Where the next set would be written.
fn folder(window: &Window) -> String {
    window.get_by_role_and_label(Role::TextInput, "Output folder").accesskit_node().value().unwrap_or_default()
}

/// A set of RDED's with IPC 2 and one of LIC's with IPC 2, and the panel that compares them in front.
fn two_runs(files: &Files) -> Window {
    let mut window = scored(files);
    distil(&mut window);
    until(&mut window, "RDED's set", |w| runs(w) == 1 && idle(w));
    choose(&mut window, "LIC");
    set(&mut window, &[("iterations", "3")]);
    distil(&mut window);
    until(&mut window, "LIC's set", |w| runs(w) == 2 && written(w));
    ask(&mut window, Intent::Do(Action::ShowCompare));
    window.run_steps(4);
    window
}

#[test]
fn ticked_runs_lie_side_by_side_class_by_class() {
    let files = Files::make();
    let mut window = two_runs(&files);
    window.get_by_label("No sets are compared");
    tick(&mut window, "RDED, IPC 2, run 1");
    tick(&mut window, "LIC, IPC 2, run 2");
    window.get_by_label("RDED, run 1");
    window.get_by_label("LIC, run 2");
    for image in ["RDED, cat, image 1", "LIC, cat, image 1", "RDED, owl, image 1", "LIC, owl, image 1"] {
        window.get_by_role_and_label(Role::Image, image);
    }
    assert!(window.query_by_label_contains("Not of equal budget").is_none());
    assert_eq!(window.get_all_by_label("no student yet").count(), 2);

    // All classes go on together, by button and by key, and no further than there are images.
    window.get_by_label("image 1 of 2");
    click(&mut window, "Next image");
    window.get_by_label("image 2 of 2");
    window.get_by_role_and_label(Role::Image, "LIC, dog, image 2");
    window.key_press(Key::ArrowRight);
    window.run_steps(3);
    window.get_by_label("image 2 of 2");
    window.key_press(Key::ArrowLeft);
    window.run_steps(3);
    window.get_by_label("image 1 of 2");

    // What the recipes differ in, and a class that all panels show.
    assert!(window.query_by_label("Iterations").is_none());
    window.get_by_role_and_label(Role::CheckBox, "parameters that differ").click();
    window.run_steps(3);
    window.get_by_role_and_label(Role::Label, "Iterations");
    click(&mut window, "Class dog");
    assert_eq!(window.state().model().workspace.shown_class(), Some(stillroom::core::data::dataset::ClassId(1)));
    click(&mut window, "Class dog");
    assert_eq!(window.state().model().workspace.shown_class(), None);

    tick(&mut window, "RDED, IPC 2, run 1");
    assert_eq!(compared(&window), 1);
    assert!(window.query_by_label("RDED, run 1").is_none());
}

#[test]
fn what_makes_sets_unlike_is_said_and_the_random_set_is_one_click_away() {
    let files = Files::make();
    let mut window = two_runs(&files);
    let smaller = Recipe { ipc: 1, ..recipe(&window).clone() };
    ask(&mut window, Intent::Edit(Command::SetRecipe(smaller)));
    ask(&mut window, Intent::Show(Panel::Recipe));
    until(&mut window, "a free folder", |w| folder(w).ends_with("/pets-lic-ipc1"));
    distil(&mut window);
    until(&mut window, "the smaller set", |w| runs(w) == 3 && written(w));
    ask(&mut window, Intent::Show(Panel::Compare));
    tick(&mut window, "RDED, IPC 2, run 1");
    tick(&mut window, "LIC, IPC 1, run 3");
    window.get_by_label_contains("Not of equal budget: IPC 1 and 2.");
    // The smaller one has no second image.
    click(&mut window, "Next image");
    window.get_by_role_and_label(Role::Image, "RDED, dog, image 2");
    assert!(window.query_by_role_and_label(Role::Image, "LIC, dog, image 2").is_none());

    window.get_by_label_contains("No random set of IPC 2 lies beside them");
    let before = recipe(&window).clone();
    click(&mut window, "Take the recipe of a random set");
    let own = *recipe(&window).method.rded().unwrap();
    assert_eq!((recipe(&window).ipc, own.patches, own.crops, own.strategy.name()), (2, 1, 0, "random"));
    ask(&mut window, Intent::Do(Action::Undo));
    assert_eq!(*recipe(&window), before, "one step");
    ask(&mut window, Intent::Do(Action::Redo));
    ask(&mut window, Intent::Show(Panel::Recipe));
    until(&mut window, "a free folder", |w| folder(w).ends_with("/pets-distilled-ipc2-2"));
    distil(&mut window);
    until(&mut window, "the random set", |w| runs(w) == 4 && w.state().model().written.is_some() && idle(w));
    ask(&mut window, Intent::Show(Panel::Compare));
    tick(&mut window, "RDED random, IPC 2, run 4");
    window.get_by_label("RDED, random, run 4");
    window.get_by_label_contains("No random set of IPC 1 lies beside them");
    tick(&mut window, "LIC, IPC 1, run 3");
    assert!(window.query_by_label_contains("No random set").is_none());
}

#[test]
fn a_folder_is_typed_and_a_wrong_one_is_named() {
    let files = Files::make();
    let mut window = two_runs(&files);
    let nowhere = files.folder.path().join("nowhere");
    type_into(&mut window, "Set's folder", &nowhere);
    click(&mut window, "Add");
    until(&mut window, "the error", |w| !w.state().model().compare.is_opening());
    assert!(window.get_all_by_label_contains("nowhere").count() >= 2, "its row, and what is wrong with it");
    assert_eq!(compared(&window), 0);
    window.get_by_label("No sets are compared");
    // Real images can lie beside distilled ones.
    ask(&mut window, Intent::Compare(CompareChange::Leave(nowhere)));
    ask(&mut window, Intent::Compare(CompareChange::Add(files.dataset())));
    until(&mut window, "the images", |w| compared(w) == 1);
    tick(&mut window, "LIC, IPC 2, run 2");
    window.get_by_label("Real images, pets");
    window.get_by_role_and_label(Role::Image, "Real images, cat, image 1");
    window.get_by_label("image 1 of 9");

    for size in [SIZES[0], SIZES[2], SIZES[5]] {
        resize(&mut window, size);
        window.state_mut().bring_forward(Panel::Compare);
        window.run_steps(6);
        let place = format!("Compare at {} × {}", size.0, size.1);
        nothing_overlaps(&window, &place);
        all_is_reachable(&mut window, size.0, &place);
    }
}

#[test]
fn compared_sets_lie_there_again_when_the_window_is_opened_again() {
    let files = Files::make();
    let mut first = two_runs(&files);
    tick(&mut first, "LIC, IPC 2, run 2");
    tick(&mut first, "RDED, IPC 2, run 1");
    click(&mut first, "Next image");
    let folders = |w: &Window| w.state().model().compare.sets().map(|set| set.folder.clone()).collect::<Vec<_>>();
    let due = folders(&first);
    drop(first);
    // One of them was moved away meanwhile.
    std::fs::rename(&due[1], files.folder.path().join("elsewhere")).unwrap();
    let mut second = super::project::reopened(&files);
    until(&mut second, "the sets", |w| compared(w) == 1 && !w.state().model().compare.is_opening() && idle(w));
    assert_eq!(folders(&second), due[..1]);
    assert_eq!(second.state().model().compare.image(), 1);
    second.state_mut().bring_forward(Panel::Compare);
    second.run_steps(4);
    second.get_by_label("LIC, run 2");
    second.get_by_label_contains("wrote nothing that is still there");
}
