//! How far grids are scrolled: kept with the project, and brought back as soon as there is as much in them again.

use std::collections::BTreeMap;

use eframe::egui::{Context, Id};

/// How far grids are scrolled, by name.
#[derive(Clone, Debug, Default)]
struct Scrolls {
    /// In the last frame.
    now: BTreeMap<String, f32>,
    /// When they were left; each is taken once.
    wanted: BTreeMap<String, f32>,
    /// Nothing more comes into them by itself: what can't be reached now never will.
    complete: bool,
}

fn scrolls<R>(ctx: &Context, change: impl FnOnce(&mut Scrolls) -> R) -> R {
    ctx.data_mut(|data| change(data.get_temp_mut_or_default(Id::unique("how far grids are scrolled"))))
}

/// How far each grid is scrolled, in points.
pub fn scrolled(ctx: &Context) -> BTreeMap<String, f32> {
    scrolls(ctx, |scrolls| {
        let mut all = scrolls.now.clone();
        // A grid that was not seen since is where it was left.
        all.extend(scrolls.wanted.clone());
        all.retain(|_, offset| *offset > 0.0);
        all
    })
}

/// Has each grid scrolled this far as soon as there is as much in it.
pub fn scroll_to(ctx: &Context, wanted: &BTreeMap<String, f32>) {
    let wanted = wanted.iter().filter(|(_, offset)| offset.is_finite() && **offset > 0.0);
    let wanted = wanted.map(|(name, offset)| (name.clone(), *offset)).collect();
    scrolls(ctx, |scrolls| *scrolls = Scrolls { wanted, ..Scrolls::default() });
}

/// Nothing more comes into the grids by itself: they scroll as far as they can.
pub fn scroll_at_last(ctx: &Context) {
    scrolls(ctx, |scrolls| scrolls.complete = true);
}

/// Notes how far a grid is scrolled in this frame.
pub fn note(ctx: &Context, name: &str, offset: f32) {
    scrolls(ctx, |scrolls| scrolls.now.insert(name.to_owned(), offset));
}

/// How far a grid was scrolled when it was left, once it can be: `reachable` is how far it can be scrolled now.
pub fn take(ctx: &Context, name: &str, reachable: impl FnOnce() -> f32) -> Option<f32> {
    let (offset, complete) = scrolls(ctx, |scrolls| Some((*scrolls.wanted.get(name)?, scrolls.complete)))?;
    (complete || reachable() >= offset).then(|| scrolls(ctx, |scrolls| scrolls.wanted.remove(name)))?
}
