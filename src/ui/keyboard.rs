//! Whose the keyboard is.

use eframe::egui::{Context, LayerId, Popup};

/// Whether keys may mean commands of the window: nobody types, no menu or list is open, and no dialog lies over the
/// panels.
#[must_use]
pub fn is_free(ctx: &Context) -> bool {
    !ctx.text_edit_focused() && is_uncovered(ctx)
}

/// Whether nothing lies over the panels that keys are for: a dialog, a menu, an open list.
#[must_use]
pub fn is_uncovered(ctx: &Context) -> bool {
    !Popup::is_any_open(ctx) && ctx.memory(|memory| memory.is_above_modal_layer(LayerId::background()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui::{Id, Modal, RawInput, TextEdit};

    fn frame(ctx: &Context, show: impl FnMut(&mut eframe::egui::Ui)) {
        let _ = ctx.run_ui(RawInput::default(), show);
    }

    #[test]
    fn dialogs_popups_and_fields_take_the_keyboard_and_give_it_back() {
        let ctx = Context::default();
        frame(&ctx, |_| {});
        assert!(is_free(&ctx));
        frame(&ctx, |ui| {
            Modal::new(Id::unique("dialog")).show(ui.ctx(), |ui| ui.label("Sure?"));
        });
        assert!(!is_free(&ctx));
        frame(&ctx, |_| {});
        assert!(is_free(&ctx));

        let mut text = String::new();
        let mut field = |ui: &mut eframe::egui::Ui| ui.add(TextEdit::singleline(&mut text)).request_focus();
        frame(&ctx, &mut field);
        frame(&ctx, &mut field);
        assert!(!is_free(&ctx) && is_uncovered(&ctx));
        ctx.memory_mut(|memory| memory.stop_text_input());
        assert!(is_free(&ctx));

        Popup::open_id(&ctx, Id::unique("list"));
        assert!(!is_uncovered(&ctx));
    }
}
