//! Room for things: panels that are smaller than their parts, and windows over the panels.

use eframe::egui::{self, Align2, Id, Rect, ScrollArea, Sense, Ui, UiBuilder, Vec2, Window};

/// Shows something in what is left of a panel; where that is less than it needs, scrolled. There is a scrolled area either
/// way: without it fields would have other ids in the two cases, and lose the keyboard when a message makes them change.
pub fn at_least(ui: &mut Ui, least: Vec2, show: impl FnOnce(&mut Ui)) {
    ScrollArea::both().id_salt("room").auto_shrink(false).show(ui, |ui| {
        let (rect, _) = ui.allocate_exact_size(ui.available_size().max(least), Sense::hover());
        show(&mut ui.new_child(UiBuilder::new().max_rect(rect)));
    });
}

/// A window over the panels: as large as asked for where there is room, and never over the menu or the bar of jobs.
pub fn window<'a>(title: &str, wanted: Vec2, room: Rect) -> Window<'a> {
    // Around the contents: the frame's margins on the sides, and the title above.
    const AROUND: Vec2 = Vec2::new(28.0, 60.0);
    let most = (room.size() - AROUND).max(Vec2::splat(120.0));
    egui::Window::new(title)
        .id(Id::unique(("over the panels", title)))
        .default_size(wanted.min(most))
        .min_size(Vec2::new(200.0, 120.0).min(most))
        .max_size(most)
        .pivot(Align2::CENTER_CENTER)
        .default_pos(room.center())
        .constrain_to(room)
}
