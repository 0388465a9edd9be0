//! Random images and the four methods side by side, with what a student learns from each. With
//! `STILLROOM_SCREENSHOT_WHOLE=1` the methods take the papers' steps, and the students all their epochs; as that takes minutes,
//! the picture is made when it is asked for: `-- --ignored compared`.

use super::*;
use stillroom::core::distil::presets::of_method;
use stillroom::core::distil::rded::{Rded, Strategy};
use stillroom::core::distil::recipe::{Method, Recipe};
use stillroom::store::training::TrainingStatus;
use stillroom::ui::actions::Action;
use stillroom::ui::intent::CompareChange;

/// A set's name, what makes it, and the preset of its student.
type Made = (&'static str, Recipe, &'static str);

fn random() -> Recipe {
    let own = Rded { strategy: Strategy::Random, crops: 0, patches: 1, ..Rded::default() };
    Recipe { ipc: 1, method: Method::Rded(own), ..Recipe::default() }
}

fn sets() -> [Made; 5] {
    let of = |method: &str| Recipe { ipc: 1, ..of_method(method, 32).unwrap() };
    [
        ("random", random(), "rded"),
        ("rded", of("rded"), "rded"),
        ("sre2l", of("sre2l"), "sre2l"),
        ("cda", of("cda"), "cda"),
        ("lic", of("lic"), "lic"),
    ]
}

#[test]
#[ignore = "a picture that takes minutes: five sets and a student of each"]
fn compared() {
    let album = Album::open();
    let whole = std::env::var_os("STILLROOM_SCREENSHOT_WHOLE").is_some();
    let (_project, mut window) = with_trainings("tests/fixtures/trainings");
    let sets_folder = tempfile::tempdir().unwrap();
    for (name, recipe, preset) in sets() {
        ask(&mut window, Intent::Edit(Command::SetRecipe(recipe.clone())));
        if !whole || matches!(name, "sre2l" | "cda") {
            let steps = if whole { "1000" } else { "20" };
            set(&mut window, "iterations", steps);
        }
        if !whole && recipe.method.rded().is_some() {
            set(&mut window, "subset", "20");
        }
        let out = sets_folder.path().join(name);
        window.state_mut().bring_forward(Panel::Recipe);
        window.run_steps(4);
        training::replace(&mut window, "Output folder", &out);
        window.get_all_by_role_and_label(Role::Button, "Distil to folder").next().unwrap().click_accesskit();
        window.run_steps(3);
        wait(&mut window, name, |w| out.join("manifest.json").is_file() && idle(w));
        student(&mut window, &out, (preset, whole));
        ask(&mut window, Intent::Compare(CompareChange::Add(out)));
    }
    ask(&mut window, Intent::Do(Action::ShowCompare));
    window.get_by_role_and_label(Role::Slider, "Compared image size").set_value_accesskit(160.0);
    album.take(&mut window, "compare.png");
}

/// A student of a set, by a method's own preset.
fn student(window: &mut Window, images: &Path, (preset, whole): (&str, bool)) {
    window.state_mut().bring_forward(Panel::Training);
    window.run_steps(4);
    training::replace(window, "Training images", images);
    ask(window, Intent::TrainPreset(preset.to_owned()));
    let few = [("epochs", "2"), ("evaluate", "every:2")].iter().filter(|_| !whole);
    for (name, value) in few.chain(&[("seeds", "1")]) {
        ask(window, Intent::Edit(Command::SetTrainParam { name, value: (*value).to_owned() }));
    }
    let trained = |w: &Window| {
        let notes = w.state().model().trainings.rows().iter().filter_map(|row| row.note());
        notes.filter(|note| note.data.path == images && note.status == TrainingStatus::Done).count()
    };
    wait(window, "the form", |w| idle(w) && w.state().model().why_not(Action::Train).is_none());
    ask(window, Intent::Do(Action::Train));
    wait(window, "the student", |w| trained(w) == 1 && idle(w));
}
