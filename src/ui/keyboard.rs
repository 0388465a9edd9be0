//! Whose the keyboard is.

use eframe::egui::{Context, Id, LayerId, Popup};

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

/// A key has done something in this frame.
pub fn heard(ctx: &Context) {
    let now = ctx.input(|i| i.time);
    ctx.data_mut(|data| data.insert_temp(Id::unique("when a key was heard"), now));
}

/// Whether the pointer has moved since a key did something: what it merely rests on is not asked about.
#[must_use]
pub fn pointer_leads(ctx: &Context) -> bool {
    let heard = ctx.data(|data| data.get_temp::<f64>(Id::unique("when a key was heard")));
    let moved = ctx.input(|i| i.time - f64::from(i.pointer.time_since_last_movement()));
    heard.is_none_or(|heard| moved > heard)
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

    #[test]
    fn a_pointer_that_rests_while_keys_are_used_asks_nothing() {
        use eframe::egui::{Event, Pos2};
        let ctx = Context::default();
        let at = |time: f64, moved: Option<f32>| {
            let events = moved.map(|x| Event::PointerMoved(Pos2::new(x, 5.0))).into_iter().collect();
            let _ = ctx.run_ui(RawInput { time: Some(time), events, ..RawInput::default() }, |_| {});
        };
        at(1.0, Some(5.0));
        assert!(pointer_leads(&ctx));
        at(2.0, None);
        heard(&ctx);
        at(3.0, None);
        assert!(!pointer_leads(&ctx));
        at(4.0, Some(9.0));
        assert!(pointer_leads(&ctx));
    }
}
