//! What the app does for images whose pixels are moved: takes the newest look at them, opens the set that was written, and
//! has the image that is looked at closely compared with what it began with, all of it away from the frame.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use eframe::egui::{ColorImage, Context, TextureHandle};

use super::pending::{Further, PendingMoved};
use super::state::App;
use crate::core::chart::signed_map::SignedMap;
use crate::core::data::pixels::{Rgb8, RgbF32};
use crate::core::distil::set::SetError;
use crate::jobs::moved::{Moved, WrittenSet};
use crate::jobs::worker::{Event, RefineRequest, Request};
use crate::ui::later;
use crate::ui::model::refine::{Change, Compared, Of, Pictures};
use crate::ui::widgets::atlas::SAMPLING;

impl App {
    /// Takes what has come, and begins what is due; once a frame, behind the worker's events.
    pub(super) fn drain_moved(&mut self, ctx: &Context) {
        if let Some(preview) = self.worker.preview() {
            self.model.refine.take(preview);
        }
        if let Some(opened) = arrived(&mut self.moved.set) {
            self.model.refine.take_set(opened);
        }
        if let Some(compared) = arrived(&mut self.moved.compared) {
            self.model.refine.compared = Some(compared);
        }
        self.refine_where_free();
        if std::mem::take(&mut self.panels.refine.seen) {
            self.compare(ctx);
        }
    }

    /// What an event means for images whose pixels are moved.
    pub(super) fn settle_moved(&mut self, event: &Event) {
        match event {
            Event::Dataset(_) => self.moved = PendingMoved::default(),
            Event::Distilled(report) if report.refined.is_some() => self.open_moved(report.out.clone()),
            _ => {}
        }
    }

    /// Opens a written set.
    pub(super) fn open_moved(&mut self, folder: PathBuf) {
        let Some(data) = self.model.dataset().cloned() else { return };
        let repaint = self.keeping.ctx.clone();
        self.moved.set = Some(later::soon(move || {
            let opened = WrittenSet::open(&folder, data);
            repaint.request_repaint();
            opened
        }));
    }

    /// Has the images of the selected run moved further by the recipe, into a new folder beside theirs.
    pub(super) fn refine_run(&mut self) {
        let Some(set) = self.model.runs.selected().and_then(|run| run.out.clone()) else { return };
        let (recipe, name) = (self.model.workspace.recipe().clone(), set.file_name().unwrap_or_default());
        let name = format!("{}-{}", name.to_string_lossy(), recipe.method.name());
        let parent = set.parent().map(Path::to_owned).unwrap_or_default();
        self.moved.further = Some(Further { set, recipe, out: later::free_name(parent, name) });
    }

    /// Begins that once a folder is found that nothing has yet.
    fn refine_where_free(&mut self) {
        let Some(out) = self.moved.further.as_ref().and_then(|further| further.out.try_recv().ok()) else { return };
        let Some(Further { set, recipe, .. }) = self.moved.further.take() else { return };
        let force = self.panels.recipe.forced();
        self.distil_checked(Request::Refine(RefineRequest { set, recipe, beside: Vec::new(), out }), force);
    }

    /// Whether nothing of it is awaited.
    pub(super) fn moved_is_idle(&self) -> bool {
        self.moved.set.is_none() && self.moved.compared.is_none() && self.moved.further.is_none()
    }

    fn compare(&mut self, ctx: &Context) {
        if self.moved.compared.is_some() {
            return;
        }
        let Some((of, images)) = self.model.refine.wanted() else { return };
        if self.model.refine.compared.as_ref().is_some_and(|compared| compared.of == of) {
            return;
        }
        let ctx = ctx.clone();
        self.moved.compared = Some(later::soon(move || {
            let pictures = pictures(&ctx, of, &images).map_err(|e| e.to_string());
            ctx.request_repaint();
            Compared { of, pictures }
        }));
    }
}

/// An answer that has come; one that never will is no longer waited for.
fn arrived<T>(awaited: &mut Option<Receiver<T>>) -> Option<T> {
    let answer = awaited.as_ref()?.try_recv();
    if !matches!(answer, Err(TryRecvError::Empty)) {
        *awaited = None;
    }
    answer.ok()
}

fn pictures(ctx: &Context, Of { at, .. }: Of, images: &Arc<dyn Moved>) -> Result<Pictures, SetError> {
    let now = images.floats(at)?;
    let outside = now.data.iter().filter(|v| !(0.0..=1.0).contains(*v)).count();
    let outside = outside as f64 / now.data.len().max(1) as f64;
    let change = images.start(at).map_err(|e| e.to_string()).and_then(|start| change(ctx, &now, &start));
    Ok(Pictures { now: texture(ctx, "as it is", &now.rounded()), change, outside })
}

fn change(ctx: &Context, now: &RgbF32, start: &RgbF32) -> Result<Change, String> {
    let map = SignedMap::of(now, start).ok_or("it began with another size")?;
    let start = texture(ctx, "as it began", &start.rounded());
    Ok(Change { start, map: texture(ctx, "what was added", &map.pixels), most: map.most })
}

fn texture(ctx: &Context, name: &str, pixels: &Rgb8) -> TextureHandle {
    let size = [pixels.width as usize, pixels.height as usize];
    ctx.load_texture(name, ColorImage::from_rgb(size, &pixels.data), SAMPLING)
}
