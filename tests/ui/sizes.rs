//! Small windows and large scales: every panel can be used in each of them. What egui will offer to the pointer in the
//! next frame is looked at: each widget's place, and how much of it is not cut off.

use super::*;
use eframe::egui::{Context, Rect, Vec2, accesskit};
use egui_kittest::kittest::NodeT as _;
use stillroom::core::train::recipe::TrainRecipe;
use stillroom::store::training::{TrainingFolder, TrainingStatus};
use stillroom::ui::actions::Action;
use stillroom::ui::intent::{Intent, Panel};

/// Size in points and scale: screens of 800×600, 1920×1080 and 3840×2160 pixels.
pub const SIZES: [(Vec2, f32); 7] = [
    (Vec2::new(800.0, 600.0), 1.0),
    (Vec2::new(640.0, 480.0), 1.25),
    (Vec2::new(768.0, 432.0), 2.5),
    (Vec2::new(1280.0, 720.0), 1.5),
    (Vec2::new(1536.0, 864.0), 2.5),
    (Vec2::new(1920.0, 1080.0), 2.0),
    (Vec2::new(3840.0, 2160.0), 1.0),
];

const LONG: [&str; 3] = [
    "a class with a name that goes on for much longer than any column is wide, and then some",
    "n02099601 golden retriever, whose description nobody has ever shortened",
    "x",
];

/// A widget that takes clicks or is dragged: what it is called, where it is, and the part of it that can be clicked.
struct Target {
    label: String,
    role: Role,
    node: accesskit::NodeId,
    rect: Rect,
    clickable: Rect,
}

impl Target {
    fn is_whole(&self) -> bool {
        (self.rect.size() - self.clickable.size()).max_elem() < 2.0
    }
}

/// The widgets of the last frame that take clicks or are dragged, by layer.
fn targets(window: &Window) -> Vec<Vec<Target>> {
    let named: std::collections::HashMap<_, _> = window
        .root()
        .children_recursive()
        .map(|node| {
            let of = node.accesskit_node();
            (of.locate().0, (of.label().or(of.value()).unwrap_or_default(), of.role()))
        })
        .collect();
    let of = |ctx: &Context| {
        ctx.viewport(|viewport| {
            let layers = viewport.prev_pass.widgets.layers();
            let target = |widget: &eframe::egui::WidgetRect| {
                let node = widget.id.accesskit_id();
                let (label, role) = named.get(&node)?.clone();
                let shown =
                    (widget.sense.senses_click() || widget.sense.senses_drag()) && widget.interact_rect.is_positive();
                shown.then_some(Target { label, role, node, rect: widget.rect, clickable: widget.interact_rect })
            };
            layers.map(|(_, widgets)| widgets.iter().filter_map(target).collect()).collect()
        })
    };
    of(&window.ctx)
}

/// Fails where two widgets lie over each other. A row may hold its box.
pub fn nothing_overlaps(window: &Window, place: &str) {
    for mut layer in targets(window) {
        // The grips between columns lie on their headings, and have no names; a window holds its own buttons.
        layer.retain(|t| !t.label.is_empty() && !matches!(t.role, Role::Splitter | Role::Window));
        for (i, a) in layer.iter().enumerate() {
            for b in &layer[i + 1..] {
                let both = a.clickable.intersect(b.clickable);
                let within = |a: &Target, b: &Target| a.role == Role::Row && a.clickable.contains_rect(b.clickable);
                let apart = both.width() < 1.5 || both.height() < 1.5 || within(a, b) || within(b, a);
                let words = |t: &Target| format!("{:?} '{}' {:?}", t.role, t.label, t.clickable);
                assert!(apart, "{place}: {} lies over {}", words(a), words(b));
            }
        }
    }
}

/// Fails where a widget is outside the window, or can't be scrolled into view as a whole.
pub fn all_is_reachable(window: &mut Window, size: Vec2, place: &str) {
    let whole = Rect::from_min_size(Default::default(), size).expand(1.0);
    let roles = [Role::Button, Role::CheckBox, Role::RadioButton, Role::TextInput, Role::Slider, Role::ComboBox];
    let wanted: Vec<(accesskit::NodeId, String)> = window
        .root()
        .children_recursive()
        .filter(|node| roles.contains(&node.accesskit_node().role()))
        .map(|node| (node.accesskit_node().locate().0, node.accesskit_node().label().unwrap_or_default()))
        // Headings of a table whose columns go on beyond the window are reached with it.
        .filter(|(_, label)| !label.starts_with("Sort by") && !label.starts_with("show curves of"))
        .collect();
    for (node, label) in wanted {
        let find = |window: &Window| targets(window).into_iter().flatten().find(|t| t.node == node);
        if find(window).is_none_or(|t| !t.is_whole()) {
            let Some(found) = window.root().children_recursive().find(|n| n.accesskit_node().locate().0 == node) else {
                continue;
            };
            found.scroll_to_me();
            window.run_steps(30);
        }
        let Some(target) = find(window) else { panic!("{place}: '{label}' can't be reached") };
        assert!(target.is_whole(), "{place}: of '{label}' {:?} only {:?} is seen", target.rect, target.clickable);
        assert!(whole.contains_rect(target.clickable), "{place}: '{label}' {:?} is outside", target.clickable);
    }
}

/// Everything open: scores, a selected patch, trainings with long names, a refusal, a warning.
fn full() -> (Files, Window) {
    full_at(|builder| builder)
}

pub fn full_at(with: impl Fn(HarnessBuilder<App>) -> HarnessBuilder<App>) -> (Files, Window) {
    let files = Files::named(LONG);
    let folder = files.folder.path().join("project/trainings");
    for name in ["first", "a training whose name is a whole sentence, since somebody wanted to know what it was about"]
    {
        let mut note = training::record(name, 40.0, TrainingStatus::Done);
        note.recipe = TrainRecipe { epochs: 5, ..TrainRecipe::default() };
        drop(TrainingFolder::begin(&folder.join(name), note).unwrap());
    }
    let mut window = scored_with(&files, with);
    let best = window.state().model().ranking.ranked(stillroom::core::data::dataset::ClassId(0))[0].image;
    training::ask(&mut window, Intent::Edit(stillroom::core::workspace::Command::Select(Some(best))));
    until(&mut window, "the trainings", |w| w.state().model().trainings.rows().len() == 2);
    (files, window)
}

pub fn resize(window: &mut Window, (size, scale): (Vec2, f32)) {
    // Another scale scales the size that the window has: it is set behind that.
    window.set_pixels_per_point(scale);
    window.run_steps(2);
    window.set_size(size);
    window.run_steps(6);
}

#[test]
fn every_panel_can_be_used_in_every_window() {
    let (_files, mut window) = full();
    for (size, scale) in SIZES {
        resize(&mut window, (size, scale));
        for panel in Panel::ALL {
            let place = format!("{} at {size} × {scale}", panel.title());
            window.state_mut().bring_forward(panel);
            window.run_steps(6);
            nothing_overlaps(&window, &place);
            all_is_reachable(&mut window, size, &place);
            nothing_overlaps(&window, &place);
        }
    }
}

/// In a narrow window the form stands in for curves and table, and they for it.
#[test]
fn both_halves_of_the_trainings_can_be_used_in_a_narrow_window() {
    let (_files, mut window) = full();
    for (size, scale) in [SIZES[1], SIZES[2]] {
        resize(&mut window, (size, scale));
        window.state_mut().bring_forward(Panel::Training);
        window.run_steps(4);
        for half in ["Curves and table", "Form"] {
            if window.query_by_label(half).is_none() {
                continue;
            }
            window.get_by_label(half).click();
            window.run_steps(4);
            nothing_overlaps(&window, half);
            all_is_reachable(&mut window, size, half);
        }
    }
    assert!(window.query_by_role_and_label(Role::TextInput, "Learning rate").is_some());
}

/// Windows over the panels and the help sheet leave the menu and the bar of jobs free.
#[test]
fn dialogs_fit_and_leave_the_menu_free() {
    let (_files, mut window) = full();
    for (size, scale) in SIZES {
        resize(&mut window, (size, scale));
        let menu = window.get_by_role_and_label(Role::Button, "File").rect();
        let below = Rect::from_min_max((0.0, menu.bottom()).into(), (size.x, size.y - 30.0).into());
        window.state_mut().bring_forward(Panel::Observer);
        window.run_steps(4);
        let known = window.get_by_role_and_label(Role::Button, "Known networks");
        known.scroll_to_me();
        window.run_steps(20);
        window.get_by_role_and_label(Role::Button, "Known networks").click_accesskit();
        window.run_steps(6);
        let find = window.get_by_role_and_label(Role::TextInput, "Find").rect();
        assert!(below.contains_rect(find), "{size}: {find}");
        nothing_overlaps(&window, "the networks");
        window.get_by_role_and_label(Role::Button, "Known networks").click_accesskit();
        window.run_steps(4);
        training::ask(&mut window, Intent::Do(Action::Help));
        window.run_steps(6);
        let close = window.get_by_role_and_label(Role::Button, "Close").rect();
        assert!(below.contains_rect(close), "{size}: {close}");
        window.key_press(Key::Escape);
        window.run_steps(4);
    }
}
