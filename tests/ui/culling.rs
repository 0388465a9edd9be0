//! Many selected patches, and what is decided about them by mouse and keyboard.

use super::*;
use eframe::egui::{Event, Pos2};
use egui_kittest::kittest::NodeT as _;
use stillroom::core::data::dataset::{ClassId, ImageId};
use stillroom::core::distil::compose::rank_of;
use stillroom::core::distil::curation::{Choice, Mark, Place};
use stillroom::ui::actions::Action;
use stillroom::ui::intent::Intent;
use training::ask;

const CAT: ClassId = ClassId(0);

fn image(window: &Window, class: u32, rank: usize) -> ImageId {
    window.state().model().ranking.ranked(ClassId(class))[rank - 1].image
}

fn cats(window: &Window, ranks: &[usize]) -> Vec<ImageId> {
    let mut images: Vec<ImageId> = ranks.iter().map(|rank| image(window, 0, *rank)).collect();
    images.sort_unstable();
    images
}

fn selected(window: &Window) -> Vec<ImageId> {
    window.state().model().workspace.selection().images().collect()
}

fn lead(window: &Window) -> Option<ImageId> {
    window.state().model().workspace.selected()
}

fn mark(window: &Window, image: ImageId) -> Mark {
    window.state().model().workspace.curation().mark(image)
}

/// Whether a tile's name, which begins with `tile`, ends with these marks.
fn is_marked(window: &Window, tile: &str, marks: &str) -> bool {
    window.get_by_label_contains(tile).accesskit_node().label().unwrap().ends_with(marks)
}

/// The stitched images of cats by slot.
fn slots(window: &Window) -> Vec<ImageId> {
    window.state().model().ranking.selected(CAT).iter().map(|kept| kept.patch.image).collect()
}

fn click_tile(window: &mut Window, tile: &str, modifiers: Modifiers) {
    window.get_by_label_contains(tile).click_modifiers(modifiers);
    window.run_steps(3);
}

fn press(window: &mut Window, key: Key) {
    window.key_press(key);
    window.run_steps(3);
}

fn press_with(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run_steps(3);
}

fn undo(window: &mut Window) {
    press_with(window, Modifiers::COMMAND, Key::Z);
}

fn redo(window: &mut Window) {
    press_with(window, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
}

fn drag(window: &mut Window, from: Pos2, to: Pos2, modifiers: Modifiers) {
    window.hover_at(from);
    window.event(Event::ModifiersChanged(modifiers));
    window.run_steps(2);
    window.drag_at(from);
    window.hover_at(from + (to - from) * 0.5);
    window.hover_at(to);
    window.drop_at(to);
    window.event(Event::ModifiersChanged(Modifiers::NONE));
    window.run_steps(3);
}

fn center(window: &Window, tile: &str) -> Pos2 {
    window.get_by_label_contains(tile).rect().center()
}

/// The middle of a cell of a distilled image of four.
fn cell_center(window: &Window, image: usize, cell: usize) -> Pos2 {
    let rect = window.get_by_label(&format!("cat distilled image {image}")).rect();
    let at = |n: usize| 0.25 + 0.5 * n as f32;
    rect.lerp_inside([at((cell - 1) % 2), at((cell - 1) / 2)])
}

/// Four patches in each of two images: all eight are stitched.
fn scored_in_fours(files: &Files, ipc: f64) -> Window {
    let mut window = scored(files);
    window.get_by_role_and_label(Role::RadioButton, "Patches per image (N) 4").click();
    window.run_steps(3);
    window.get_by_role_and_label(Role::Slider, "Images per class (IPC)").set_value_accesskit(ipc);
    window.run_steps(3);
    click(&mut window, "Score patches");
    until(&mut window, "scores of all classes", |w| w.state().model().staleness() == (0, CLASSES.len()) && idle(w));
    window
}

#[test]
fn clicks_select_one_and_more_and_ranges() {
    let files = Files::make();
    let mut window = scored(&files);
    window.get_all_by_label("none selected").next().unwrap();
    click_tile(&mut window, "cat rank 2,", Modifiers::NONE);
    assert_eq!(selected(&window), cats(&window, &[2]));
    click_tile(&mut window, "cat rank 4,", Modifiers::COMMAND);
    assert_eq!((selected(&window), lead(&window)), (cats(&window, &[2, 4]), Some(image(&window, 0, 4))));
    click_tile(&mut window, "cat rank 2,", Modifiers::COMMAND);
    assert_eq!(selected(&window), cats(&window, &[4]));

    // A range goes on in the next section, and its beginning stays while its end moves.
    click_tile(&mut window, "dog rank 2,", Modifiers::SHIFT);
    let mut due = cats(&window, &[4, 5, 6, 7, 8]);
    due.extend([image(&window, 1, 1), image(&window, 1, 2)]);
    due.sort_unstable();
    assert_eq!((selected(&window), lead(&window)), (due, Some(image(&window, 1, 2))));
    let losses: Vec<f64> = {
        let ranking = &window.state().model().ranking;
        let (cats, dogs) = (ranking.ranked(CAT), ranking.ranked(ClassId(1)));
        cats[3..].iter().chain(&dogs[..2]).map(|patch| f64::from(patch.loss)).collect()
    };
    assert_eq!(window.state().model().tally().mean_loss, Some(losses.iter().sum::<f64>() / 7.0));
    window.get_all_by_label_contains("7 selected, mean loss").next().unwrap();
    click_tile(&mut window, "cat rank 3,", Modifiers::SHIFT);
    assert_eq!(selected(&window), cats(&window, &[3, 4]));
    // A range comes to what is selected.
    click_tile(&mut window, "cat rank 7,", Modifiers::COMMAND);
    click_tile(&mut window, "cat rank 8,", Modifiers::COMMAND | Modifiers::SHIFT);
    assert_eq!(selected(&window), cats(&window, &[3, 4, 7, 8]));
    // None of this is a step: the last one is the recipe's.
    assert!(!window.state().model().workspace.steps().0.iter().any(|words| words.contains("select")));
}

#[test]
fn keys_and_headings_select_and_invert() {
    let files = Files::make();
    let mut window = scored(&files);
    click_tile(&mut window, "cat rank 2,", Modifiers::NONE);
    press_with(&mut window, Modifiers::SHIFT, Key::ArrowRight);
    press_with(&mut window, Modifiers::SHIFT, Key::ArrowRight);
    assert_eq!(selected(&window), cats(&window, &[2, 3, 4]));
    press_with(&mut window, Modifiers::SHIFT, Key::ArrowLeft);
    assert_eq!((selected(&window), lead(&window)), (cats(&window, &[2, 3]), Some(image(&window, 0, 3))));
    press(&mut window, Key::Escape);
    assert_eq!(selected(&window), cats(&window, &[2, 3]));
    press(&mut window, Key::Enter);
    assert_eq!(selected(&window), cats(&window, &[4]));
    press_with(&mut window, Modifiers::COMMAND, Key::A);
    assert_eq!(selected(&window).len(), 24);
    press_with(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::I);
    assert_eq!((selected(&window), lead(&window)), (Vec::new(), None));

    window.get_by_label("Select all shown of dog (patches)").click();
    window.run_steps(3);
    let dogs: Vec<_> = selected(&window);
    assert!(dogs.len() == 8 && dogs.contains(&image(&window, 1, 8)));
    window.get_by_label("Select all shown of cat (distilled)").click_modifiers(Modifiers::COMMAND);
    window.run_steps(3);
    assert_eq!(selected(&window).len(), 10, "the two that are stitched come");
    window.get_by_label("Select all shown of dog (patches)").click_modifiers(Modifiers::ALT);
    window.run_steps(3);
    assert_eq!(selected(&window), cats(&window, &[1, 2]));
}

#[test]
fn a_rubber_band_selects_adds_and_subtracts() {
    let files = Files::make();
    let mut window = scored(&files);
    let (from, to) = (center(&window, "cat rank 2,"), center(&window, "cat rank 4,"));
    drag(&mut window, from, to, Modifiers::NONE);
    assert_eq!(selected(&window), cats(&window, &[2, 3, 4]));
    let (from, to) = (center(&window, "cat rank 6,"), center(&window, "cat rank 5,"));
    drag(&mut window, from, to, Modifiers::COMMAND);
    assert_eq!(selected(&window), cats(&window, &[2, 3, 4, 5, 6]));
    let (from, to) = (center(&window, "cat rank 3,"), center(&window, "cat rank 4,"));
    drag(&mut window, from, to, Modifiers::ALT);
    assert_eq!(selected(&window), cats(&window, &[2, 5, 6]));
}

#[test]
fn keys_mark_patches_go_on_and_can_be_taken_back() {
    let files = Files::make();
    let mut window = scored(&files);
    let [one, two, three, four] = [1, 2, 3, 4].map(|rank| image(&window, 0, rank));
    assert_eq!(slots(&window), [one, two]);
    click_tile(&mut window, "cat rank 1,", Modifiers::NONE);
    press(&mut window, Key::X);
    assert_eq!(mark(&window, one).choice, Choice::Rejected);
    // At once: the next in rank lies in its cell, and the next patch is selected.
    assert_eq!((slots(&window), selected(&window)), (vec![three, two], vec![two]));
    assert!(is_marked(&window, "cat rank 1,", ", rejected"));
    press(&mut window, Key::ArrowRight);
    press(&mut window, Key::ArrowRight);
    press(&mut window, Key::P);
    assert_eq!(mark(&window, four).choice, Choice::Pinned);
    assert!(slots(&window).contains(&four));
    undo(&mut window);
    assert_eq!((mark(&window, four), slots(&window)), (Mark::default(), vec![three, two]));
    undo(&mut window);
    assert_eq!((mark(&window, one), slots(&window)), (Mark::default(), vec![one, two]));
    redo(&mut window);
    assert_eq!(slots(&window), [three, two]);
    redo(&mut window);
    let steps = window.state().model().workspace.steps().0.join(", ");
    assert!(steps.contains("1 patch rejected, 1 patch pinned"), "{steps}");

    // Several stay selected; tags select nothing, and a reset leaves them.
    click_tile(&mut window, "cat rank 1,", Modifiers::NONE);
    click_tile(&mut window, "cat rank 4,", Modifiers::SHIFT);
    press(&mut window, Key::Num3);
    assert!(is_marked(&window, "cat rank 1,", ", rejected, tag 3"));
    assert!(is_marked(&window, "cat rank 4,", ", pinned, tag 3"));
    assert!(is_marked(&window, "cat distilled image 1, cell 1: rank 4,", ", pinned, tag 3"));
    assert_eq!([one, two, three, four].map(|image| mark(&window, image).tag), [3; 4]);
    press(&mut window, Key::U);
    assert_eq!((mark(&window, one), mark(&window, four)), (Mark::default().tagged(3), Mark::default().tagged(3)));
    assert_eq!((slots(&window), selected(&window).len()), (vec![one, two], 4));
    press(&mut window, Key::Num0);
    assert!(window.state().model().workspace.curation().is_empty());
    undo(&mut window);
    assert_eq!(mark(&window, two).tag, 3);
    press(&mut window, Key::X);
    assert_eq!((selected(&window).len(), mark(&window, four).choice), (4, Choice::Rejected));
}

#[test]
fn without_advancing_the_selection_stays() {
    let files = Files::make();
    let mut window = scored(&files);
    window.get_by_role_and_label(Role::CheckBox, "advance after a mark").click();
    window.run_steps(3);
    click_tile(&mut window, "cat rank 2,", Modifiers::NONE);
    press(&mut window, Key::P);
    assert_eq!((selected(&window), mark(&window, image(&window, 0, 2)).choice), (cats(&window, &[2]), Choice::Pinned));
}

#[test]
fn keys_of_culling_rest_while_somebody_types_or_reads_and_where_nobody_culls() {
    let files = Files::make();
    let mut window = scored(&files);
    let one = image(&window, 0, 1);
    click_tile(&mut window, "cat rank 1,", Modifiers::NONE);
    let nothing = |window: &mut Window, what: &str| {
        for key in [Key::X, Key::P, Key::Num2, Key::ArrowRight, Key::Enter, Key::S] {
            press(window, key);
        }
        press_with(window, Modifiers::COMMAND, Key::A);
        assert_eq!((mark(window, one), selected(window)), (Mark::default(), vec![one]), "{what}");
    };
    window.get_by_role_and_label(Role::TextInput, "Output folder").focus();
    window.run_steps(2);
    press(&mut window, Key::X);
    press(&mut window, Key::ArrowRight);
    press_with(&mut window, Modifiers::COMMAND, Key::A);
    assert_eq!((mark(&window, one), selected(&window)), (Mark::default(), vec![one]), "while typing");

    click_tile(&mut window, "cat rank 1,", Modifiers::NONE);
    ask(&mut window, Intent::Do(Action::Help));
    window.run_steps(2);
    nothing(&mut window, "behind the help sheet");
    press(&mut window, Key::Escape);

    click_tile(&mut window, "cat rank 1,", Modifiers::NONE);
    press_with(&mut window, Modifiers::SHIFT, Key::S);
    assert_eq!(selected(&window), [one]);
    press(&mut window, Key::Escape);
    press(&mut window, Key::M);
    window.get_by_label("Move to another cell");
    nothing(&mut window, "behind a dialog");
    press(&mut window, Key::Escape);

    // The panel that was pressed last has the keys.
    window.get_by_label_contains("Tensors: 20 used, 0 missing").click();
    window.run_steps(3);
    nothing(&mut window, "in another panel");
    click_tile(&mut window, "cat rank 1,", Modifiers::NONE);
    press(&mut window, Key::X);
    assert_eq!(mark(&window, one).choice, Choice::Rejected);
}

#[test]
fn another_crop_is_taken_by_key_and_by_click() {
    let files = Files::make();
    let mut window = scored(&files);
    let one = image(&window, 0, 1);
    let mut crops = window.state().model().crops(one);
    crops.sort_by(|a, b| a.loss.total_cmp(&b.loss));
    click_tile(&mut window, "cat rank 1,", Modifiers::NONE);
    press(&mut window, Key::C);
    assert_eq!(mark(&window, one).crop, Some(crops[1].bbox));
    let stitched = |window: &Window| window.state().model().ranking.selected(CAT)[0].patch.bbox;
    assert_eq!(stitched(&window), crops[1].bbox);
    assert!(is_marked(&window, "cat rank 1,", ", another crop"));
    press_with(&mut window, Modifiers::SHIFT, Key::C);
    assert_eq!((mark(&window, one), stitched(&window)), (Mark::default(), crops[0].bbox));
    press_with(&mut window, Modifiers::SHIFT, Key::C);
    assert_eq!(mark(&window, one).crop, Some(crops[4].bbox), "round and round");
    undo(&mut window);
    assert_eq!(mark(&window, one), Mark::default());

    let third = format!("crop {}: loss", crops[2].crop + 1);
    window.get_by_label_contains(&third).click_accesskit();
    window.run_steps(3);
    assert_eq!(stitched(&window), crops[2].bbox);
    undo(&mut window);
    assert_eq!(stitched(&window), crops[0].bbox);
}

#[test]
fn another_image_takes_the_very_cell() {
    let files = Files::make();
    let mut window = scored(&files);
    let [one, two, three, five] = [1, 2, 3, 5].map(|rank| image(&window, 0, rank));
    click_tile(&mut window, "cat rank 2,", Modifiers::NONE);
    press(&mut window, Key::S);
    assert_eq!((slots(&window), selected(&window)), (vec![one, three], vec![three]));
    let place = Some(Place { image: 1, cell: 0 });
    assert_eq!((mark(&window, two).choice, mark(&window, three).place), (Choice::Rejected, place));
    undo(&mut window);
    assert_eq!(slots(&window), [one, two]);
    redo(&mut window);

    press_with(&mut window, Modifiers::SHIFT, Key::S);
    assert_eq!(window.get_all_by_label_contains("cat runner-up at rank").count(), 5, "8, less 2 and the rejected one");
    window.get_by_label_contains("cat runner-up at rank 5,").click();
    window.run_steps(3);
    assert_eq!((slots(&window), selected(&window)), (vec![one, five], vec![five]));
    assert_eq!((mark(&window, three).choice, mark(&window, three).place), (Choice::Rejected, None));
    undo(&mut window);
    assert_eq!(slots(&window), [one, three]);

    // What isn't stitched has no cell to give.
    click_tile(&mut window, "cat rank 8,", Modifiers::NONE);
    let before = window.state().model().workspace.curation().clone();
    press(&mut window, Key::S);
    assert_eq!(*window.state().model().workspace.curation(), before);
}

#[test]
fn cells_exchange_their_places_by_drag_and_by_dialog() {
    let files = Files::make();
    let mut window = scored_in_fours(&files, 2.0);
    let slot = |image: usize, cell: usize| rank_of(cell - 1, image - 1, 2);
    let mut due = slots(&window);
    let before = due.clone();
    assert_eq!(due.len(), 8);
    let (from, to) = (cell_center(&window, 1, 1), cell_center(&window, 2, 4));
    drag(&mut window, from, to, Modifiers::NONE);
    due.swap(slot(1, 1), slot(2, 4));
    assert_eq!(slots(&window), due);
    undo(&mut window);
    assert_eq!((slots(&window), window.state().model().workspace.curation().is_empty()), (before, true));
    redo(&mut window);

    // For the keyboard: the cell is asked for.
    let at = cell_center(&window, 1, 2);
    window.hover_at(at);
    window.drag_at(at);
    window.drop_at(at);
    window.run_steps(3);
    assert_eq!(lead(&window), Some(due[slot(1, 2)]));
    press(&mut window, Key::M);
    window.get_by_role_and_label(Role::SpinButton, "Distilled image").set_value_accesskit(2.0);
    window.run_steps(2);
    window.get_by_role_and_label(Role::SpinButton, "Cell").set_value_accesskit(3.0);
    window.run_steps(2);
    window.get_by_role_and_label(Role::Button, "Move").click();
    window.run_steps(3);
    due.swap(slot(1, 2), slot(2, 3));
    assert_eq!(slots(&window), due);
    assert!(window.query_by_label("Move to another cell").is_none());
}

#[test]
fn cells_of_distilled_images_are_walked_and_selected_as_patches_are() {
    let files = Files::make();
    let mut window = scored_in_fours(&files, 2.0);
    let all = slots(&window);
    let of = |cells: &[(usize, usize)]| {
        let mut images: Vec<_> = cells.iter().map(|(image, cell)| all[rank_of(cell - 1, image - 1, 2)]).collect();
        images.sort_unstable();
        images
    };
    let at = cell_center(&window, 1, 4);
    let click_at = |window: &mut Window, at: Pos2, modifiers: Modifiers| {
        window.hover_at(at);
        window.event(Event::ModifiersChanged(modifiers));
        window.drag_at(at);
        window.drop_at(at);
        window.event(Event::ModifiersChanged(Modifiers::NONE));
        window.run_steps(3);
    };
    click_at(&mut window, at, Modifiers::NONE);
    assert_eq!(selected(&window), of(&[(1, 4)]));
    press(&mut window, Key::ArrowRight);
    assert_eq!(selected(&window), of(&[(2, 3)]), "the next one in the row");
    press(&mut window, Key::ArrowLeft);
    press(&mut window, Key::ArrowUp);
    assert_eq!(selected(&window), of(&[(1, 2)]));
    press(&mut window, Key::Enter);
    assert_eq!(selected(&window), of(&[(1, 3)]), "cell by cell");
    let to = cell_center(&window, 2, 1);
    click_at(&mut window, to, Modifiers::SHIFT);
    assert_eq!(selected(&window), of(&[(1, 3), (1, 4), (2, 1)]));
    click_at(&mut window, to, Modifiers::ALT);
    assert_eq!(selected(&window), of(&[(2, 1), (2, 2), (2, 3), (2, 4)]));
    // With a modifier, a drag draws a band.
    let (from, to) = (cell_center(&window, 1, 2), cell_center(&window, 2, 1));
    drag(&mut window, from, to, Modifiers::SHIFT);
    assert_eq!(selected(&window), of(&[(1, 2), (2, 1), (2, 2), (2, 3), (2, 4)]));
}

#[test]
fn the_menu_of_a_patch_has_all_that_can_be_decided() {
    let files = Files::make();
    let mut window = scored(&files);
    click_tile(&mut window, "cat rank 1,", Modifiers::NONE);
    window.get_by_label_contains("cat rank 3,").click_secondary();
    window.run_steps(4);
    let three = image(&window, 0, 3);
    assert_eq!(selected(&window), [three], "it is of the patch under the pointer");
    window.get_by_label_contains("Another crop");
    window.get_by_label_contains("Reject").click();
    window.run_steps(3);
    assert_eq!(mark(&window, three).choice, Choice::Rejected);

    // Of a whole distilled image, its patches are selected.
    let mut window = scored_in_fours(&files, 2.0);
    window.get_by_label("cat distilled image 2").click_secondary();
    window.run_steps(4);
    window.get_by_label("Select whole distilled image").click();
    window.run_steps(3);
    let second: Vec<_> = slots(&window).into_iter().skip(1).step_by(2).collect();
    assert!(selected(&window).len() == 4 && second.iter().all(|image| selected(&window).contains(image)));
}

#[test]
fn marks_without_effect_are_said_and_taken_back() {
    let files = Files::make();
    let mut window = scored(&files);
    window.get_by_label("Select all shown of cat (patches)").click();
    window.run_steps(3);
    press(&mut window, Key::P);
    // Two cells, eight pins.
    window.get_by_label_contains("6 marks have no effect now: 6 pinned without room");
    window.get_by_role_and_label(Role::Slider, "Subset").set_value_accesskit(5.0);
    window.run_steps(3);
    window.get_by_label_contains("6 marks have no effect now: 3 not in the subset; 3 pinned without room");
    window.get_by_role_and_label(Role::Button, "show").click();
    window.run_steps(4);
    assert_eq!(window.get_all_by_label_contains(": not in the subset").count(), 3);
    window.get_by_label("Take these marks back").click();
    window.run_steps(3);
    assert_eq!(window.state().model().workspace.curation().len(), 2);
    assert!(window.query_by_label_contains("no effect now").is_none());
    undo(&mut window);
    assert_eq!(window.state().model().workspace.curation().len(), 8);
}
