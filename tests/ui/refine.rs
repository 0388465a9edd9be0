//! Methods that move pixels: choosing one, and the panel that shows its images as they change.

use super::sizes::{SIZES, all_is_reachable, nothing_overlaps, resize};
use super::*;
use egui_kittest::kittest::NodeT as _;
use stillroom::core::data::dataset::ClassId;
use stillroom::core::distil::presets::of_method;
use stillroom::core::distil::recipe::Recipe;
use stillroom::core::distil::set::Address;
use stillroom::core::param::Parameters as _;
use stillroom::core::workspace::Command;
use stillroom::ui::actions::Action;
use stillroom::ui::intent::{Intent, MovedOf, Panel};
use stillroom::ui::model::refine::{Live, Refine};
use training::ask;

fn recipe(window: &Window) -> &Recipe {
    window.state().model().workspace.recipe()
}

pub fn refine(window: &Window) -> &Refine {
    &window.state().model().refine
}

fn live(window: &Window) -> &Live {
    refine(window).live.as_ref().unwrap()
}

pub fn choose(window: &mut Window, method: &str) {
    window.get_by_role_and_label(Role::RadioButton, &format!("Method {method}")).click_accesskit();
    window.run_steps(3);
}

pub fn set(window: &mut Window, values: &[(&'static str, &str)]) {
    for (name, value) in values {
        ask(window, Intent::Edit(Command::SetParam { name, value: (*value).to_owned() }));
        ask(window, Intent::Edit(Command::Settle));
    }
}

/// A part of the panel brought to the front.
fn part(window: &mut Window, name: &str) {
    window.get_by_role_and_label(Role::Tab, name).click_accesskit();
    window.run_steps(4);
}

/// Distils, whatever the check says of weights that nobody has trained.
pub fn distil(window: &mut Window) {
    if let Some(force) = window.query_by_role_and_label(Role::CheckBox, "despite the check") {
        let on = force.accesskit_node().toggled() == Some(eframe::egui::accesskit::Toggled::True);
        if !on {
            force.click_accesskit();
        }
    }
    window.run_steps(2);
    // The recipe is longer than its panel: the button may have to be scrolled to.
    window.get_all_by_role_and_label(Role::Button, "Distil to folder").next().unwrap().click_accesskit();
    window.run_steps(3);
}

pub fn written(window: &Window) -> bool {
    refine(window).written.is_some() && idle(window)
}

#[test]
fn a_method_takes_its_papers_values_and_undo_brings_the_others_back() {
    let files = Files::make();
    let mut window = scored(&files);
    let before = recipe(&window).clone();
    choose(&mut window, "SRe2L");
    let papers = Recipe { ipc: before.ipc, seed: before.seed, ..of_method("sre2l", 32).unwrap() };
    assert_eq!(*recipe(&window), papers, "IPC and seed stay, the rest is for 32×32 images");
    assert!(window.query_by_role_and_label(Role::RadioButton, "Patches per image (N) 4").is_none());
    assert!(window.query_by_role_and_label(Role::CheckBox, "Random crops").is_some());

    // Panels of patches say why they are empty, and nothing is scored.
    assert_eq!(window.get_all_by_label("SRe2L begins with noise").count(), 2, "Patches and Distilled");
    let log = window.state().model().log.entries().len();
    std::thread::sleep(Duration::from_millis(700));
    window.run_steps(6);
    assert!(idle(&window) && window.state().model().log.entries().len() == log, "nothing begins by itself");
    assert!(window.state().command_line().contains(" --method sre2l --ipc 2 "), "{}", window.state().command_line());

    // A number is typed; what can't be taken is said.
    training::replace(&mut window, "Learning rate", Path::new("0.125"));
    assert_eq!(recipe(&window).get("lr"), "0.125");
    training::replace(&mut window, "Roll", Path::new("far"));
    assert_eq!(recipe(&window).get("roll"), papers.get("roll"));
    window.get_by_label_contains("'far' is no range of pixels");

    // Begun with RDED's images it has patches again.
    window.get_all_by_role_and_label(Role::Button, "Begin with RDED's images").next().unwrap().click_accesskit();
    window.run_steps(3);
    assert!(recipe(&window).method.rded().is_some());
    assert!(window.query_by_label("SRe2L begins with noise").is_none());
    ask(&mut window, Intent::Edit(Command::Undo));
    ask(&mut window, Intent::Edit(Command::Undo));
    ask(&mut window, Intent::Edit(Command::Undo));
    assert_eq!(*recipe(&window), before);
    let steps = window.state().model().workspace.steps().0.into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert!(steps.contains(&"method rded to sre2l".to_owned()), "{steps:?}");
}

#[test]
fn images_from_noise_are_seen_with_what_pulls_at_them() {
    let files = Files::make();
    let mut window = scored(&files);
    ask(&mut window, Intent::Show(Panel::Refine));
    window.get_by_label("RDED moves no pixels");
    choose(&mut window, "SRe2L");
    window.get_by_label("SRe2L has not moved an image yet");
    set(&mut window, &[("iterations", "6")]);
    distil(&mut window);
    until(&mut window, "the set", written);
    assert_eq!(window.state().model().problems.distil, None);

    // Two images for each of three classes: a batch has one image of each class.
    let refining = live(&window).preview.refining.clone();
    assert_eq!((refining.batch, refining.iteration, refining.images.len()), ((1, 2), 6, 3));
    let curves = live(&window).curves.clone();
    assert!(curves.iter().all(|curve| curve.points.len() == 6), "{curves:?}");
    assert_eq!(curves.iter().map(|curve| curve.name).collect::<Vec<_>>(), ["ce", "bn", "tv", "l2"]);
    window.get_by_label_contains("SRe2L: batch 2 of 2, step 6 of 6, 3 images");
    window.get_by_label("dog refined image 2").click();
    window.run_steps(4);
    let dog = Address { class: ClassId(1), image: 1 };
    assert_eq!(refine(&window).chosen(), Some(dog));
    until(&mut window, "its pictures", |w| refine(w).pictures().is_some());

    part(&mut window, "Loss");
    window.get_by_label("Loss by step: 4 terms");
    part(&mut window, "Batch norms");
    window.get_by_label("Batch-norm mismatch of 3 layers");
    part(&mut window, "Change");
    window.get_by_label_contains("What was added to dog refined image 2: ±");
    let pictures = refine(&window).pictures().unwrap().clone().unwrap();
    let most = pictures.change.unwrap().most;
    assert!(most > 0.0 && most.is_finite(), "{most}");

    // The written set: what it says of an image, and that noise isn't kept.
    window.get_by_role_and_label(Role::RadioButton, "Written set").click_accesskit();
    window.run_steps(3);
    until(&mut window, "the set's picture", |w| refine(w).pictures().is_some() && idle(w));
    assert_eq!(refine(&window).shown(), Some(MovedOf::Set));
    window.get_by_label_contains("SRe2L: 6 images of 3 classes in pets-");
    window.get_by_label("cat refined image 2");
    part(&mut window, "Before and after");
    window.get_by_label_contains("dog refined image 2: optimised from noise in 6 steps; last loss: ce ");
    window.get_by_label_contains("it began with noise, which isn't kept");
}

/// The line between before and after, as assistive programs hear of it: percent of the width.
fn line(window: &Window) -> f64 {
    let line = window.get_by_role_and_label(Role::Slider, "Line between before and after");
    line.accesskit_node().numeric_value().unwrap()
}

#[test]
fn a_compensation_goes_on_after_it_was_cancelled_and_is_wiped_over_its_beginning() {
    let files = Files::make();
    let mut window = scored(&files);
    choose(&mut window, "LIC");
    window.get_by_label("LIC begins with these");
    // Longer than anybody waits.
    set(&mut window, &[("iterations", "1000000")]);
    distil(&mut window);
    until(&mut window, "the first steps", |w| {
        refine(w).live.as_ref().is_some_and(|l| l.preview.refining.iteration > 0)
    });
    let begun = live(&window).preview.refining.clone();
    until(&mut window, "more steps", |w| live(w).preview.refining.iteration > begun.iteration);
    assert_eq!(begun.names, ["feature"]);
    click(&mut window, "Cancel");
    until(&mut window, "the end", idle);
    let left = live(&window).preview.refining.clone();
    assert_eq!(left.start, begun.start);
    assert_ne!(left.values, *left.start, "it moved");
    window.get_by_label_contains("LIC: batch 1 of 3");

    // Where it goes on, it is behind where it was left, and begins with the same images.
    distil(&mut window);
    until(&mut window, "further steps", |w| {
        let now = &live(w).preview.refining;
        !std::sync::Arc::ptr_eq(now, &left) && now.iteration >= left.iteration
    });
    assert_eq!(live(&window).preview.refining.start, begun.start);
    click(&mut window, "Cancel");
    until(&mut window, "the end", |w| idle(w) && refine(w).pictures().is_some());

    part(&mut window, "Before and after");
    assert_eq!(line(&window), 50.0);
    window.get_by_role_and_label(Role::Slider, "Line between before and after").focus();
    window.run_steps(2);
    for (key, due) in [(Key::ArrowRight, 52.0), (Key::Home, 0.0), (Key::ArrowLeft, 0.0), (Key::End, 100.0)] {
        window.key_press(key);
        window.run_steps(2);
        assert_eq!(line(&window), due, "{key:?}");
    }
    part(&mut window, "Batch norms");
    window.get_by_label_contains("LIC looks at features");
}

#[test]
fn a_finished_compensation_is_shown_with_what_it_began_with_and_fits_every_window() {
    let files = Files::make();
    let mut window = scored(&files);
    choose(&mut window, "LIC");
    set(&mut window, &[("iterations", "3")]);
    distil(&mut window);
    until(&mut window, "the set", written);
    window.get_by_role_and_label(Role::RadioButton, "Written set").click_accesskit();
    window.run_steps(3);
    until(&mut window, "the set's picture", |w| refine(w).pictures().is_some() && idle(w));
    let pictures = refine(&window).pictures().unwrap().clone().unwrap();
    let most = pictures.change.unwrap().most;
    // Three steps of AdamW at a rate of 0.01 move no value by more than a little over 0.03.
    assert!(most > 0.001 && most < 0.04, "{most}");
    window.get_by_label_contains("cat refined image 1: optimised from 4 patches in 3 steps; last loss: feature ");
    for size in [SIZES[0], SIZES[5]] {
        resize(&mut window, size);
        window.state_mut().bring_forward(Panel::Refine);
        window.run_steps(6);
        let place = format!("Refine at {} × {}", size.0, size.1);
        nothing_overlaps(&window, &place);
        all_is_reachable(&mut window, size.0, &place);
    }

    // A run leads to its images, too.
    ask(&mut window, Intent::ShowMoved(MovedOf::Batch));
    window.state_mut().bring_forward(Panel::Runs);
    window.run_steps(3);
    let run = window.state().model().runs.list.rows[0].record.row;
    ask(&mut window, Intent::SelectRun(run));
    click(&mut window, "Show in Refine");
    until(&mut window, "the run's set", |w| refine(w).shown() == Some(MovedOf::Set) && written(w));
}

#[test]
fn a_run_is_compensated_into_a_folder_beside_its_own() {
    let files = Files::make();
    let mut window = scored(&files);
    distil(&mut window);
    until(&mut window, "the run", |w| w.state().model().runs.list.rows.len() == 1 && idle(w));
    let run = window.state().model().runs.list.rows[0].record.clone();
    ask(&mut window, Intent::SelectRun(run.row));
    let why_not = |w: &Window| w.state().model().why_not(Action::RefineRun);
    assert_eq!(why_not(&window), Some("choose LIC, SRe2L or CDA in the recipe"));
    choose(&mut window, "LIC");
    set(&mut window, &[("iterations", "3")]);
    assert_eq!(why_not(&window), None);
    ask(&mut window, Intent::Do(Action::RefineRun));
    until(&mut window, "the compensated set", written);
    assert_eq!(window.state().model().problems.distil, None);
    let made = refine(&window).written.as_ref().unwrap().set.clone();
    assert_eq!(made.folder().file_name().unwrap(), "pets-distilled-ipc2-lic");
    let manifest = made.manifest().unwrap();
    let own = |recipe: &Recipe| recipe.method.rded().map(|own| (own.patches, own.subset, own.crops, own.strategy));
    assert_eq!(own(&manifest.recipe), own(&run.recipe), "patches stay those of the run");
    window.get_by_role_and_label(Role::RadioButton, "Written set").click_accesskit();
    window.run_steps(3);
    until(&mut window, "the set's picture", |w| refine(w).pictures().is_some() && idle(w));
    window.get_by_label_contains("cat refined image 1: optimised from 1 patch in 3 steps; last loss: feature ");
    assert!(refine(&window).pictures().unwrap().as_ref().unwrap().change.is_ok());
}
