//! The class order in the window: what the check took for what, the proposal, outputs by hand, and undo of each.

use super::answered::{answered, pixels};
use super::*;
use egui_kittest::kittest::NodeT as _;
use stillroom::core::data::dataset::{ClassId, ImageId};
use stillroom::core::data::normalise::MeanStd;
use stillroom::ui::actions::Action;
use stillroom::ui::intent::{Intent, Panel};
use training::ask;

const ANIMALS: [&str; 12] = ["ant", "bat", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay", "kiwi", "lynx"];

/// Held-out images at most for each class.
const MOST: usize = 24;

/// A dataset whose i-th class is output i + 1 of its observer, and one image in a wrong folder.
pub struct Shuffled {
    /// Where it lies.
    pub files: Files,
    /// Held-out images of each class.
    counts: [usize; 12],
    /// The class of the image in a wrong folder, and that folder's class.
    misfiled: (usize, usize),
}

impl Shuffled {
    fn make() -> Self {
        Self::with_training(3)
    }

    /// With so many images of each class to distil.
    pub fn with_training(images: usize) -> Self {
        let files = Files { folder: tempfile::tempdir().unwrap() };
        let spec = NetworkSpec { arch: "conv3x16".parse().unwrap(), side: 32, classes: ANIMALS.len() };
        let (answers, weights) = answered(&spec, 240, MeanStd::IMAGENET);
        std::fs::write(files.observer(), weights).unwrap();
        let write = |path: PathBuf, name: &str| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, encode::png(&pixels(name, 32)).unwrap()).unwrap();
        };
        let mut of_class: [Vec<usize>; 12] = Default::default();
        for (image, output) in answers.into_iter().enumerate() {
            let class = &mut of_class[(output + 11) % 12];
            class.extend((class.len() < MOST).then_some(image));
        }
        let mut by_size: Vec<usize> = (0..12).collect();
        by_size.sort_by_key(|class| std::cmp::Reverse(of_class[*class].len()));
        let misfiled = (by_size[0], by_size[1]);
        let moved = of_class[misfiled.0].remove(0);
        of_class[misfiled.1].push(moved);
        for (animal, held_out) in ANIMALS.iter().zip(&of_class) {
            for image in held_out {
                write(files.dataset().join(format!("val/{animal}/{image:03}.png")), &format!("image {image}"));
            }
            for n in 0..images {
                write(files.dataset().join(format!("train/{animal}/{n}.png")), &format!("train {animal} {n}"));
            }
        }
        Self { files, counts: of_class.map(|images| images.len()), misfiled }
    }

    /// Opened, loaded and checked, with the panel in front.
    fn window(&self) -> Window {
        let open = AppConfig {
            open_dataset: Some(DatasetRequest::whole(&self.files.dataset())),
            open_observer: Some(self.files.observer()),
            ..self.files.config()
        };
        let mut window = window(open);
        until(&mut window, "the check", |w| w.state().model().check.is_some() && idle(w));
        window
    }

    /// The order that is right.
    pub fn right(&self) -> Vec<u32> {
        (0..12).map(|class| (class + 1) % 12).collect()
    }

    fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// The image in the wrong folder, as the window names it.
    fn file_of_misfiled(&self, window: &Window) -> String {
        let (class, folder) = self.misfiled;
        let model = window.state().model();
        let held_out = model.data.as_ref().unwrap().held_out.clone().unwrap();
        let answers = &model.check.as_ref().unwrap().0.answers;
        let in_folder = answers.iter().filter(|a| held_out.class_of(a.image) == ClassId(folder as u32));
        let moved = in_folder.filter(|a| a.output as usize == (class + 1) % 12);
        held_out.source(moved.map(|a| a.image).next().unwrap())
    }
}

fn top1(window: &Window) -> f64 {
    window.state().model().check.as_ref().unwrap().0.top1
}

/// Whether the observer has the workspace's order and was checked with it.
pub fn settled(window: &Window, outputs: Option<&[u32]>) -> bool {
    let model = window.state().model();
    let opened = model.observer.as_ref().and_then(|opened| opened.request.outputs.as_deref());
    model.workspace.outputs().map(|outputs| outputs.as_slice()) == outputs
        && opened == outputs
        && model.check.is_some()
        && idle(window)
}

fn press(window: &mut Window, label: &str) {
    window.get_by_label(label).click();
    window.run_steps(3);
}

/// What the focused cell of the matrix says.
fn cell(window: &Window) -> String {
    window.get_by_role(Role::GridCell).accesskit_node().label().unwrap()
}

fn percent(part: usize, all: usize) -> String {
    let text = format!("{:.1}", 100.0 * part as f64 / all as f64);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

#[test]
fn the_proposal_is_shown_and_one_click_applies_it() {
    let pets = Shuffled::make();
    let mut window = pets.window();
    assert!(top1(&window) < 5.0);
    window.get_by_label("Look at the class order").click_accesskit();
    window.run_steps(3);
    window.get_by_label_contains("Another order fits better: top-1 ");
    window.get_by_label_contains("points on images it was not found from");
    let (n, wrong) = (pets.counts[pets.misfiled.0], ANIMALS[(pets.misfiled.0 + 1) % 12]);
    let taken = format!("{} taken for {wrong}: {n} of {n} (100 %)", ANIMALS[pets.misfiled.0]);
    press(&mut window, "Confused pairs");
    window.get_by_role_and_label(Role::Button, &taken);
    // With the proposed order only the image in the wrong folder is confused.
    press(&mut window, "As proposed");
    assert!(window.query_by_role_and_label(Role::Button, &taken).is_none());
    let all = pets.counts[pets.misfiled.1];
    let (class, other) = (ANIMALS[pets.misfiled.1], ANIMALS[pets.misfiled.0]);
    let only = format!("{class} taken for {other}: 1 of {all} ({})", percent(1, all));
    window.get_by_role_and_label(Role::Button, &only);
    assert!(top1(&window) < 5.0, "nothing has been changed");

    click(&mut window, "Apply this order");
    let right = pets.right();
    until(&mut window, "the order", |w| settled(w, Some(&right)));
    let due = 100.0 * (pets.total() - 1) as f64 / pets.total() as f64;
    assert!((top1(&window) - due).abs() < 1e-9, "{}", top1(&window));
    let report = window.state().model().check.as_ref().unwrap().0.clone();
    assert_eq!((&report.current_map, &report.class_map), (&right, &right));
    window.get_by_label_contains("No other order fits these answers better");
    window.get_by_role_and_label(Role::Button, &only);
    assert_eq!(report.answers.len(), pets.total());

    // The command line names a file that says the same.
    let map = window.state().model().class_map_file.clone().unwrap();
    assert!(window.state().command_line().contains(&format!(" --class-map {}", map.display())));
    assert!(map.starts_with(pets.files.folder.path().join("project/class-maps")));
    until(&mut window, "the class map", |_| map.is_file());
    let written: std::collections::BTreeMap<String, u32> =
        serde_json::from_slice(&std::fs::read(&map).unwrap()).unwrap();
    let due = ANIMALS.iter().map(|animal| (*animal).to_owned()).zip(right.iter().copied()).collect();
    assert_eq!(written, due);

    // Undo and redo open the observer likewise.
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    until(&mut window, "the order of before", |w| settled(w, None));
    assert!(top1(&window) < 5.0 && window.state().model().class_map_file.is_none());
    assert!(!window.state().command_line().contains("--class-map"));
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.run_steps(2);
    until(&mut window, "the order again", |w| settled(w, Some(&right)));
    assert!(top1(&window) > 95.0);
}

#[test]
fn a_cell_leads_to_its_images() {
    let pets = Shuffled::make();
    let mut window = pets.window();
    ask(&mut window, Intent::Do(Action::ShowClassOrder));
    window.run_steps(3);
    press(&mut window, "As proposed");
    let matrix = "confusion matrix, 12 classes by 12 outputs";
    window.get_by_role_and_label(Role::Grid, matrix).click();
    window.run_steps(3);
    // Twelve by twelve: the middle belongs to one of the four cells in it.
    let first = cell(&window);
    assert!(ANIMALS[5..7].iter().any(|animal| first.starts_with(animal)), "{first}");
    // Arrows lead to the image in the wrong folder; the focus stays in the matrix.
    let (class, other) = (pets.misfiled.1, pets.misfiled.0);
    (0..12).for_each(|_| window.key_press(Key::ArrowUp));
    window.key_press(Key::Home);
    window.run_steps(3);
    assert!(cell(&window).starts_with("ant recognised: "), "{}", cell(&window));
    for (key, steps) in [(Key::ArrowDown, class), (Key::ArrowRight, other)] {
        for _ in 0..steps {
            window.key_press(key);
            window.run_steps(2);
        }
    }
    let all = pets.counts[class];
    let due = format!("{} taken for {}: 1 of {all} ({})", ANIMALS[class], ANIMALS[other], percent(1, all));
    assert_eq!(cell(&window), due);
    assert!(window.get_by_role_and_label(Role::Grid, matrix).is_focused());

    // Its image, from the held-out ones, and large.
    window.get_by_label_contains(&format!("showing 1 of {all} image"));
    let taken = format!(", taken for {} (probability", ANIMALS[other]);
    until(&mut window, "the picture", idle);
    window.get_by_label_contains(&taken).click();
    window.run_steps(3);
    assert!(window.query_all_by_label("Image of the check").count() > 0);
    window.get_by_label("1 of 1");
    let file = pets.file_of_misfiled(&window);
    assert!(file.contains(&format!("{}/", ANIMALS[class])), "{file}");
    window.get_by_role_and_label(Role::Label, &file);
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label("Image of the check").is_none());

    // A row of the list is the same cell as one of the matrix.
    press(&mut window, "Confused pairs");
    window.get_by_role_and_label(Role::Button, &due).click();
    window.run_steps(3);
    window.get_by_label_contains(&format!("showing 1 of {all} image"));
}

#[test]
fn outputs_are_given_by_hand_and_stay_one_to_one() {
    let pets = Shuffled::make();
    let mut window = pets.window();
    window.state_mut().bring_forward(Panel::Classes);
    window.run_steps(3);
    press(&mut window, "By hand");
    let choose = |window: &mut Window, animal: &str, output: &str| {
        press(window, &format!("output for {animal}"));
        press(window, output);
    };
    // As opened, output 1 is the bat's: the two swap.
    choose(&mut window, "ant", "output 1, of bat");
    let swapped = [1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    until(&mut window, "the swap", |w| settled(w, Some(&swapped)));
    let ants = pets.counts[0];
    let report = window.state().model().check.as_ref().unwrap().0.clone();
    assert!(report.per_class[0].unwrap() >= 100.0 * (ants - 1) as f64 / ants as f64, "{:?}", report.per_class);
    choose(&mut window, "cat", "output 3, of dog");
    let both = [1, 0, 3, 2, 4, 5, 6, 7, 8, 9, 10, 11];
    until(&mut window, "the second swap", |w| settled(w, Some(&both)));

    // Two steps at once: only where they lead is opened.
    for _ in 0..2 {
        window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        window.run_steps(1);
    }
    until(&mut window, "the order as opened", |w| settled(w, None));
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.run_steps(2);
    until(&mut window, "the first swap", |w| settled(w, Some(&swapped)));
    click(&mut window, "As opened");
    until(&mut window, "the reset", |w| settled(w, None));
    assert!(window.query_by_role_and_label(Role::Button, "As opened").is_none());
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(2);
    until(&mut window, "the swap once more", |w| settled(w, Some(&swapped)));

    // Another observer that the user loads is taken as it is.
    let request = stillroom::jobs::open::ObserverRequest { file: pets.files.observer(), ..Default::default() };
    ask(&mut window, Intent::OpenObserver(request));
    until(&mut window, "the observer as it is", |w| settled(w, None));
}

#[test]
fn an_order_that_no_network_has_is_refused_and_can_be_taken_back() {
    use stillroom::core::workspace::Command;
    let pets = Shuffled::make();
    let mut window = pets.window();
    window.state_mut().bring_forward(Panel::Classes);
    ask(&mut window, Intent::Edit(Command::SetOutputs(Some(vec![0; 12]))));
    until(&mut window, "the refusal", |w| w.state().model().problems.observer.is_some() && idle(w));
    window.get_by_label_contains("This order can't be had, undo takes it back");
    window.run_steps(10);
    let log = window.state().model().log.text();
    assert_eq!(log.matches("both go to the observer's output 0").count(), 1, "asked once: {log}");
    // Nothing is distilled in an order that nobody asked for.
    until(&mut window, "a folder's name", |w| w.state().command_line().contains(" --out "));
    ask(&mut window, Intent::Do(Action::Distil));
    let why = window.state().model().problems.distil.clone().unwrap();
    assert!(why.contains("The class order can't be had") && why.contains("output 0"), "{why}");
    ask(&mut window, Intent::Edit(Command::Undo));
    window.run_steps(3);
    assert!(settled(&window, None), "the observer of before is still there");
    assert!(window.query_by_label_contains("This order can't be had").is_none());
}

#[test]
fn a_distillation_waits_for_the_check_of_the_order_that_was_just_given() {
    use stillroom::core::workspace::Command;
    let pets = Shuffled::make();
    let mut window = pets.window();
    small_recipe(&mut window);
    until(&mut window, "a folder's name", |w| w.state().command_line().contains("pets-distilled-ipc2"));
    let right = pets.right();
    ask(&mut window, Intent::Edit(Command::SetOutputs(Some(right.clone()))));
    // The check of before would refuse.
    ask(&mut window, Intent::Do(Action::Distil));
    until(&mut window, "the folder", |w| w.state().model().written.is_some() && idle(w));
    assert!(settled(&window, Some(&right)) && window.state().model().problems.distil.is_none());
    let out = window.state().model().written.as_ref().unwrap().out.clone();
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["observer"]["outputs"], serde_json::json!(right));
}

#[test]
fn scores_of_another_order_are_not_shown_as_if_they_were_right() {
    let pets = Shuffled::make();
    let mut window = pets.window();
    small_recipe(&mut window);
    click(&mut window, "Score patches");
    until(&mut window, "scores", |w| w.state().model().staleness() == (0, 12) && idle(w));
    let losses = |window: &Window| -> Vec<(ImageId, f32)> {
        let ranking = &window.state().model().ranking;
        let class = |class: u32| ranking.ranked(ClassId(class)).iter().map(|p| (p.image, p.loss)).collect::<Vec<_>>();
        (0..12).flat_map(class).collect()
    };
    let before = losses(&window);
    assert!(!before.is_empty());
    ask(&mut window, Intent::Do(Action::ShowClassOrder));
    window.run_steps(3);
    click(&mut window, "Apply this order");
    let right = pets.right();
    until(&mut window, "the order", |w| settled(w, Some(&right)));
    assert!(losses(&window).iter().all(|of| !before.contains(of)));
    click(&mut window, "Score patches");
    until(&mut window, "other scores", |w| w.state().model().staleness() == (0, 12) && idle(w));
    let after = losses(&window);
    assert!(after.len() == before.len() && after.iter().all(|of| !before.contains(of)));
}
