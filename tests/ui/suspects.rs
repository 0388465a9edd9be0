//! Suspicious labels: found by the observer, looked at, rejected in one step, saved.

use super::refine::distil;
use super::sizes::{SIZES, all_is_reachable, nothing_overlaps, resize};
use super::training::{ask, replace};
use super::*;
use stillroom::core::data::dataset::ImageId;
use stillroom::core::distil::curation::Choice;
use stillroom::core::workspace::Command;
use stillroom::ui::actions::Action;
use stillroom::ui::intent::{Intent, Panel};
use stillroom::ui::model::suspects::Suspect;

fn listed(window: &Window) -> Vec<Suspect> {
    window.state().model().suspects.as_ref().map_or_else(Vec::new, |suspects| suspects.listed().to_vec())
}

fn choice(window: &Window, image: ImageId) -> Choice {
    window.state().model().workspace.curation().mark(image).choice
}

/// The dataset and the observer, and what it thinks of the labels.
fn judged(files: &Files) -> Window {
    let open = AppConfig {
        open_dataset: Some(DatasetRequest::whole(&files.dataset())),
        open_observer: Some(files.observer()),
        ..files.config()
    };
    let mut window = window(open);
    until(&mut window, "the check", |w| w.state().model().check.is_some() && idle(w));
    ask(&mut window, Intent::Do(Action::ShowSuspects));
    window.run_steps(4);
    window.get_by_label("Nobody has looked for wrong labels");
    click(&mut window, "Find suspects");
    until(&mut window, "the suspects", |w| w.state().model().suspects.is_some() && idle(w));
    window
}

/// The label of a suspect's cell.
fn cell(window: &Window, suspect: &Suspect) -> String {
    let data = window.state().model().dataset().unwrap().clone();
    let name = |class| data.class(class).shown().to_owned();
    format!("suspect {}: {}, rather {}", suspect.rank + 1, name(suspect.class), name(suspect.instead))
}

#[test]
fn suspects_are_listed_selected_and_rejected() {
    let files = Files::make();
    let mut window = judged(&files);
    let all = listed(&window);
    assert!(all.len() > 2 && all.len() < 24, "{all:?}");
    assert!(all.windows(2).all(|two| two[0].probability.0 <= two[1].probability.0));
    assert!(all.iter().all(|suspect| suspect.probability.1 > suspect.probability.0));
    window.get_by_label_contains(&format!("{} of 24 labels are suspicious; 0 rejected", all.len()));

    // A click selects it in all panels; a key rejects it, and the next one is looked at.
    let first = cell(&window, &all[0]);
    window.get_by_label(&first).click();
    window.run_steps(4);
    assert_eq!(window.state().model().workspace.selected(), Some(all[0].image));
    let data = window.state().model().dataset().unwrap().clone();
    window.get_by_role_and_label(Role::Image, &format!("suspect {}", data.source(all[0].image)));
    window.key_press(Key::X);
    window.run_steps(4);
    assert_eq!(choice(&window, all[0].image), Choice::Rejected);
    assert_eq!(window.state().model().workspace.selected(), Some(all[1].image), "the next in the list");
    window.get_by_label(&format!("{first}, rejected"));

    // What another panel selects is shown here, too.
    ask(&mut window, Intent::Edit(Command::Select(Some(all[2].image))));
    window.get_by_role_and_label(Role::Image, &format!("suspect {}", data.source(all[2].image)));

    // All in one step, which undo takes back; a pin stays.
    ask(&mut window, Intent::Edit(Command::Select(Some(all[1].image))));
    window.key_press(Key::P);
    window.run_steps(4);
    click(&mut window, "Reject all shown");
    let rejected = |w: &Window| all.iter().filter(|suspect| choice(w, suspect.image) == Choice::Rejected).count();
    assert_eq!((rejected(&window), choice(&window, all[1].image)), (all.len() - 1, Choice::Pinned));
    ask(&mut window, Intent::Do(Action::Undo));
    assert_eq!(rejected(&window), 1);
}

#[test]
fn a_class_is_shown_alone_and_the_list_is_saved() {
    let files = Files::make();
    let mut window = judged(&files);
    let all = listed(&window);
    let class = all[0].class;
    let of_class = all.iter().filter(|suspect| suspect.class == class).count();
    ask(&mut window, Intent::Edit(Command::ShowClass(Some(class))));
    window.get_by_label_contains(&format!("; {of_class} of "));
    let other = all.iter().find(|suspect| suspect.class != class);
    if let Some(other) = other {
        assert!(window.query_by_label(&cell(&window, other)).is_none());
    }
    window.get_by_role_and_label(Role::Button, "Save the suspects as CSV").click();
    window.run_steps(4);
    let table = files.folder.path().join("suspects.csv");
    replace(&mut window, "Save to a new file", &table);
    window.key_press(Key::Enter);
    until(&mut window, "the file", |w| w.state().model().saved.is_some());
    let text = std::fs::read_to_string(&table).unwrap();
    assert_eq!(text.lines().count(), all.len() + 1, "all, whatever is shown");
    assert!(text.starts_with("rank,image,class,instead,"));
}

#[test]
fn rejected_suspects_are_not_stitched_and_another_observer_forgets_the_list() {
    let files = Files::make();
    let mut window = judged(&files);
    click(&mut window, "Reject all shown");
    let all = listed(&window);
    window.state_mut().bring_forward(Panel::Patches);
    window.run_steps(4);
    small_recipe(&mut window);
    ask(&mut window, Intent::Edit(Command::SetParam { name: "ipc", value: "1".to_owned() }));
    distil(&mut window);
    until(&mut window, "the set", |w| w.state().model().written.is_some() && idle(w));
    let out = window.state().model().written.as_ref().unwrap().out.clone();
    let manifest = std::fs::read_to_string(out.join("manifest.json")).unwrap();
    let data = window.state().model().dataset().unwrap().clone();
    assert!(all.iter().all(|suspect| !manifest.contains(&format!("\"{}\"", data.source(suspect.image)))));

    let again = stillroom::jobs::open::ObserverRequest { file: files.observer(), ..Default::default() };
    ask(&mut window, Intent::OpenObserver(again));
    until(&mut window, "the observer", |w| w.state().model().suspects.is_none() && idle(w));
}

#[test]
fn the_panel_fits_every_window() {
    let files = Files::make();
    let mut window = judged(&files);
    let image = listed(&window)[0].image;
    ask(&mut window, Intent::Edit(Command::Select(Some(image))));
    for size in SIZES {
        resize(&mut window, size);
        window.state_mut().bring_forward(Panel::Suspects);
        window.run_steps(6);
        let place = format!("Suspects at {} × {}", size.0, size.1);
        nothing_overlaps(&window, &place);
        all_is_reachable(&mut window, size.0, &place);
    }
}
