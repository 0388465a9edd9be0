//! What the app does for the user's own presets, away from the frame.

use std::path::PathBuf;

use eframe::egui::Context;

use super::pending::PresetDone;
use super::state::App;
use crate::core::data::names::portable;
use crate::store::files::shown;
use crate::store::presets::{self, PresetError, PresetFolder};
use crate::ui::intent::PresetChange;
use crate::ui::later;
use crate::ui::model::log::Level;

impl App {
    /// Lists the user's presets.
    pub(super) fn list_presets(&mut self, ctx: &Context) {
        let Some(folder) = self.settings.as_deref().map(PresetFolder::below) else { return };
        let repaint = ctx.clone();
        self.presets.listing = Some(later::later(move || {
            let listed = folder.list();
            repaint.request_repaint();
            listed
        }));
    }

    /// Saves, imports, exports or puts aside.
    pub(super) fn change_presets(&mut self, ctx: &Context, change: PresetChange) {
        let (settings, repaint) = (self.settings.clone(), ctx.clone());
        self.presets.change = Some(later::later(move || {
            let done = settings.ok_or(PresetError::NoHome).and_then(|s| carry_out(&PresetFolder::below(&s), change));
            repaint.request_repaint();
            done
        }));
    }

    /// Takes what has arrived.
    pub(super) fn drain_presets(&mut self, ctx: &Context) {
        if let Some(done) = self.presets.change.as_ref().and_then(|r| r.try_recv().ok()) {
            self.presets.change = None;
            match done {
                Ok(words) => {
                    self.model.say(Level::Info, words);
                    self.presets_dialog.done();
                }
                Err(why) => {
                    let taken = if let PresetError::Taken(name) = &why { Some(name.clone()) } else { None };
                    self.presets_dialog.refused(why.to_string(), taken);
                }
            }
            self.list_presets(ctx);
        }
        if let Some(listed) = self.presets.listing.as_ref().and_then(|r| r.try_recv().ok()) {
            self.presets.listing = None;
            match listed {
                Ok(listed) => self.model.presets = listed,
                Err(why) => self.model.say(Level::Warning, format!("your presets can't be listed: {why}")),
            }
        }
    }
}

fn carry_out(folder: &PresetFolder, change: PresetChange) -> PresetDone {
    let said = |words: &str, path: PathBuf| format!("{words} {}", shown(&path));
    Ok(match change {
        PresetChange::Save { preset, replace } => {
            let words = format!("saved preset '{}' in", preset.name);
            said(&words, folder.save(&preset, replace)?)
        }
        PresetChange::Import(path) => {
            let mut preset = presets::read(&path)?;
            preset.name = portable(&preset.name);
            said("imported a preset to", folder.save(&preset, false)?)
        }
        PresetChange::Export { name, path } => {
            presets::write(&path, &folder.named(&name)?)?;
            said(&format!("wrote preset '{name}' to"), path)
        }
        PresetChange::PutAside(name) => {
            said(&format!("preset '{name}' is no longer listed; it lies in"), folder.put_aside(&name)?)
        }
    })
}
