//! What is shown and in which order: names, sorts, ranges of scores, marks; and the Scores panel with what it saves.

use super::*;
use eframe::egui::Pos2;
use stillroom::core::data::dataset::ClassId;
use stillroom::core::distil::curation::{Choice, Mark};
use stillroom::core::workspace::Command;
use stillroom::core::workspace::view::{Brush, Filter, Quantity, Sort, SortBy};
use stillroom::ui::actions::Action;
use stillroom::ui::intent::{Intent, Panel};
use training::{ask, replace};

const ALL: [ClassId; 3] = [ClassId(0), ClassId(1), ClassId(2)];

fn filter(window: &Window) -> Filter {
    window.state().model().workspace.filter().clone()
}

fn steps(window: &Window) -> usize {
    window.state().model().workspace.steps().1
}

fn undo(window: &mut Window) {
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(4);
}

/// Losses of all key patches, ascending.
fn losses(window: &Window) -> Vec<f32> {
    let ranking = &window.state().model().ranking;
    let mut losses: Vec<f32> = ALL.into_iter().flat_map(|c| ranking.ranked(c).iter().map(|p| p.loss)).collect();
    losses.sort_by(f32::total_cmp);
    losses
}

/// How many of the six stitched patches have a loss in a range.
fn stitched_within(window: &Window, brush: &Brush) -> usize {
    let ranking = &window.state().model().ranking;
    let kept = ALL.into_iter().flat_map(|class| ranking.selected(class).iter().map(|kept| kept.patch.loss));
    kept.filter(|loss| *loss >= brush.low && *loss <= brush.high).count()
}

fn within(window: &Window, brush: &Brush) -> usize {
    losses(window).into_iter().filter(|loss| *loss >= brush.low && *loss <= brush.high).count()
}

/// The scores in front, and a loss that half of the patches are below.
fn at_scores(files: &Files) -> (Window, f32) {
    let mut window = scored(files);
    window.state_mut().bring_forward(Panel::Scores);
    window.run_steps(4);
    let losses = losses(&window);
    assert_eq!(losses.len(), 24);
    assert!(losses[11] < losses[12], "{losses:?}");
    (window, f32::midpoint(losses[11], losses[12]))
}

#[test]
fn a_name_is_searched_for_and_every_panel_follows() {
    let files = Files::make();
    let mut window = scored(&files);
    click(&mut window, "Dataset");
    window.get_by_label("showing 24 of 25");
    window.key_press_modifiers(Modifiers::COMMAND, Key::F);
    window.run_steps(3);
    let field = window.get_by_role_and_label(Role::TextInput, "Find by file name");
    assert!(field.is_focused());
    let before = steps(&window);
    for letter in ["3", "."] {
        window.get_by_role_and_label(Role::TextInput, "Find by file name").type_text(letter);
        window.run_steps(3);
    }
    assert_eq!(filter(&window).name, "3.");
    window.get_by_label("showing 3 of 25");
    window.get_by_label_contains("patches match");
    window.get_by_label("Samples: the first image with '3.' in its name of each of 3 of 3 classes");
    window.get_by_role_and_label(Role::Button, "Remove filter name '3.'");
    // Two letters are one step. Outside the field, the keys are those of the window.
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert_eq!(steps(&window), before + 1);
    undo(&mut window);
    assert_eq!(filter(&window), Filter::default());
    window.get_by_label("showing 24 of 25");
    window.get_by_label("Samples: the first image of each of 3 classes");
}

#[test]
fn patches_are_sorted_and_the_order_is_taken_back() {
    let files = Files::make();
    let mut window = scored(&files);
    let first = |window: &Window| {
        let model = window.state().model();
        let rank = model.listing(ClassId(1)).rank(0).unwrap();
        model.ranking.ranked(ClassId(1))[rank]
    };
    window.get_by_role_and_label(Role::ComboBox, "Sort patches").click();
    window.run_steps(4);
    window.get_by_label("by size").click();
    window.run_steps(4);
    window.get_by_role_and_label(Role::Button, "ascending").click();
    window.run_steps(4);
    assert_eq!(window.state().model().workspace.sort(), Sort { by: SortBy::Size, descending: true });
    let patches = window.state().model().ranking.ranked(ClassId(1)).clone();
    let area = |p: &stillroom::core::distil::scores::PatchScore| p.bbox.width * p.bbox.height;
    assert_eq!(area(&first(&window)), patches.iter().map(area).max().unwrap());
    // The first tile of a class is that patch, with its own rank; everything is still shown.
    let rank = patches.iter().position(|p| p.image == first(&window).image).unwrap() + 1;
    window.get_by_label_contains(&format!("dog rank {rank},")).click();
    window.run_steps(3);
    assert_eq!(window.state().model().workspace.selected(), Some(first(&window).image));
    window.get_by_label("showing 24 of 25");
    undo(&mut window);
    assert_eq!(window.state().model().workspace.sort(), Sort { by: SortBy::Size, descending: false });
    undo(&mut window);
    assert_eq!(window.state().model().workspace.sort(), Sort::default());
    assert_eq!(first(&window), patches[0]);
}

#[test]
fn a_range_is_typed_and_filters_every_panel_while_ipc_changes() {
    let files = Files::make();
    let (mut window, middle) = at_scores(&files);
    window.get_by_label("showing 24 of 24 patches");
    window.get_by_label("histogram of loss, 24 patches");
    window.get_by_role_and_label(Role::SpinButton, "Brush to").set_value_accesskit(f64::from(middle));
    window.run_steps(4);
    let brush = Brush { quantity: Quantity::Loss, low: f32::NEG_INFINITY, high: middle };
    assert_eq!(filter(&window).brush, Some(brush));
    window.get_by_label("showing 12 of 24 patches");
    let half = stitched_within(&window, &brush);
    window.get_by_label_contains(&format!("; {half} of 6 patches match"));

    window.get_by_role_and_label(Role::Slider, "Images per class (IPC)").set_value_accesskit(4.0);
    window.run_steps(4);
    assert_eq!(filter(&window).brush, Some(brush));
    window.get_by_label("showing 12 of 24 patches");
    let more = stitched_within(&window, &brush);
    window.get_by_label_contains(&format!("; {more} of 12 patches match"));

    // The other end, from the next patch on: one less, the least.
    let least = losses(&window)[1];
    window.get_by_role_and_label(Role::SpinButton, "Brush from").set_value_accesskit(f64::from(least));
    window.run_steps(4);
    window.get_by_label("showing 11 of 24 patches");
    window.state_mut().bring_forward(Panel::Patches);
    window.run_steps(4);
    window.get_by_label("showing 11 of 25");
    click(&mut window, "Clear filters");
    assert_eq!(filter(&window), Filter::default());
    window.get_by_label("showing 24 of 25");
    // Each is taken back by itself: clearing, the lower end, IPC, the upper end.
    undo(&mut window);
    window.get_by_label("showing 11 of 25");
    undo(&mut window);
    assert_eq!(filter(&window).brush, Some(brush));
    undo(&mut window);
    assert_eq!(window.state().model().workspace.recipe().ipc, 2);
    undo(&mut window);
    assert_eq!(filter(&window).brush, None);
}

/// Presses at one place of the axis and lets go at another; both are losses.
fn drag(window: &mut Window, from: f64, to: f64) {
    let rect = window.get_by_label_contains("histogram of loss").rect();
    // Eight decades from 10⁻⁷ on.
    let place = |loss: f64| {
        let share = (loss.log10() + 7.0) / 8.0;
        Pos2::new(rect.left() + rect.width() * share as f32, rect.center().y)
    };
    window.drag_at(place(from));
    window.run_steps(2);
    for share in [0.3, 0.7, 1.0] {
        window.hover_at(place(from).lerp(place(to), share));
        window.run_steps(2);
    }
    window.drop_at(place(to));
    window.run_steps(4);
}

fn near(a: f32, b: f64) -> bool {
    (f64::from(a) / b - 1.0).abs() < 0.02
}

#[test]
fn a_range_is_dragged_by_its_ends_and_as_a_whole_and_moved_by_keys() {
    let files = Files::make();
    let (mut window, middle) = at_scores(&files);
    let before = steps(&window);
    drag(&mut window, 1e-3, f64::from(middle));
    let brush = filter(&window).brush.unwrap();
    assert!(near(brush.low, 1e-3) && near(brush.high, f64::from(middle)), "{brush:?}");
    assert_eq!(steps(&window), before + 1, "a drag is one step");
    window.get_by_label(&format!("showing {} of 24 patches", within(&window, &brush)));
    // The lower end, then all of it by a decade to the left.
    drag(&mut window, 1e-3, 1e-2);
    let brush = filter(&window).brush.unwrap();
    assert!(near(brush.low, 1e-2) && near(brush.high, f64::from(middle)), "{brush:?}");
    drag(&mut window, 0.1, 0.01);
    let brush = filter(&window).brush.unwrap();
    assert!(near(brush.low, 1e-3) && near(brush.high, f64::from(middle) / 10.0), "{brush:?}");
    window.get_by_label(&format!("showing {} of 24 patches", within(&window, &brush)));
    // A bin is a tenth of a decade.
    window.key_press(Key::ArrowRight);
    window.run_steps(3);
    let moved = filter(&window).brush.unwrap();
    assert!(near(moved.low, 1e-3 * 10_f64.powf(0.1)), "{moved:?}");
    window.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
    window.run_steps(3);
    let wider = filter(&window).brush.unwrap();
    assert!(wider.low == moved.low && near(wider.high, f64::from(moved.high) * 10_f64.powf(0.1)), "{wider:?}");
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert_eq!(filter(&window).brush, None);
    undo(&mut window);
    assert_eq!(filter(&window).brush, Some(wider));
    // To the end of the axis and beyond, the range is open.
    window.get_by_label_contains("Remove filter loss").click();
    window.run_steps(3);
    drag(&mut window, f64::from(middle), 100.0);
    let brush = filter(&window).brush.unwrap();
    assert!(near(brush.low, f64::from(middle)) && brush.high == f32::INFINITY, "{brush:?}");
}

#[test]
fn marks_filter_and_a_chip_takes_each_part_away() {
    let files = Files::make();
    let mut window = scored(&files);
    let images: Vec<_> = (0..3).map(|rank| window.state().model().ranking.ranked(ClassId(0))[rank].image).collect();
    let mark = |choice, tag| Mark { choice, tag, ..Mark::default() };
    let marks = vec![(images[0], mark(Choice::Rejected, 2)), (images[2], mark(Choice::Pinned, 2))];
    ask(&mut window, Intent::Edit(Command::Curate { marks, words: "marks".into() }));
    window.run_steps(3);
    for (action, shown) in [(Action::OnlyPinned, 1), (Action::OnlyRejected, 1), (Action::OnlyStitched, 0)] {
        ask(&mut window, Intent::Do(action));
        window.run_steps(4);
        window.get_by_label(&format!("showing {shown} of 25"));
    }
    // A rejected patch is not stitched: both parts are on, and each goes by itself.
    window.get_by_role_and_label(Role::Button, "Remove filter rejected").click();
    window.run_steps(4);
    window.get_by_label("showing 6 of 25");
    window.get_by_role_and_label(Role::CheckBox, "stitched only").click();
    window.run_steps(4);
    window.get_by_label("showing 24 of 25");
    // Tags are in the menu.
    window.get_by_role_and_label(Role::Button, "Filter").click();
    window.run_steps(4);
    window.get_by_label("Tag 2").click();
    window.run_steps(4);
    window.get_by_label("showing 2 of 25");
    assert_eq!(filter(&window), Filter { tag: Some(2), ..Filter::default() });
    window.key_press(Key::Escape);
    window.run_steps(4);
    undo(&mut window);
    window.get_by_label("showing 24 of 25");
}

#[test]
fn the_table_shows_a_class_and_histogram_and_table_are_saved() {
    let files = Files::make();
    let (mut window, _) = at_scores(&files);
    window.get_by_role_and_label(Role::Row, "scores of dog").click();
    window.run_steps(4);
    assert_eq!(filter(&window).class, Some(ClassId(1)));
    window.get_by_label("histogram of loss, 8 patches");
    for (button, name, first, lines) in [
        ("Save the histogram as CSV", "h.csv", "from,to,other candidates,stitched,rejected", 81),
        ("Save the scores of the classes as CSV", "c.csv", "class,scored,stitched,mean_loss", 4),
    ] {
        let path = files.folder.path().join(name);
        window.get_by_role_and_label(Role::Button, button).click();
        window.run_steps(4);
        replace(&mut window, "Save to a new file", &path);
        window.key_press(Key::Enter);
        until(&mut window, "the file", |w| path.is_file() && w.query_by_label(&format!("saved as {name}")).is_some());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(first) && text.lines().count() == lines, "{text}");
    }
    let table = std::fs::read_to_string(files.folder.path().join("c.csv")).unwrap();
    assert!(table.contains("\ndog,8,2,"), "{table}");
    let counted = std::fs::read_to_string(files.folder.path().join("h.csv")).unwrap();
    let sum = |column: usize| -> u64 {
        counted.lines().skip(1).map(|line| line.split(',').nth(column).unwrap().parse::<u64>().unwrap()).sum()
    };
    assert_eq!([sum(2), sum(3), sum(4)], [6, 2, 0]);
    // The classes over each other, as a picture.
    window.get_by_role_and_label(Role::CheckBox, "by class").click();
    window.run_steps(4);
    let path = files.folder.path().join("h.svg");
    window.get_by_role_and_label(Role::Button, "Save the histogram as SVG").click();
    window.run_steps(4);
    replace(&mut window, "Save to a new file", &path);
    window.key_press(Key::Enter);
    until(&mut window, "the picture", |_| path.is_file());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("<title>dog: 8 values") && text.contains("<title>all classes: 24 values"), "{text}");
}

#[test]
fn margins_have_their_own_axis() {
    let files = Files::make();
    let (mut window, _) = at_scores(&files);
    window.get_by_role_and_label(Role::ComboBox, "Scores quantity").click();
    window.run_steps(4);
    window.get_by_label("margin").click();
    window.run_steps(4);
    window.get_by_label("histogram of margin, 24 patches");
    window.get_by_role_and_label(Role::SpinButton, "Brush from").set_value_accesskit(0.0);
    window.run_steps(4);
    let ranking = &window.state().model().ranking;
    let margins = ALL.into_iter().flat_map(|class| ranking.ranked(class).iter().filter_map(|patch| patch.margin()));
    let right = margins.filter(|margin| *margin >= 0.0).count();
    window.get_by_label(&format!("showing {right} of 24 patches"));
    window.get_by_role_and_label(Role::Button, "Remove filter margin ≥ 0");
}
