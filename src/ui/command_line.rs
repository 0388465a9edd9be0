//! The call of the command line that repeats what the window shows.

use std::path::{Path, PathBuf};

use crate::core::data::dataset::ClassId;
use crate::core::param::Parameters as _;
use crate::jobs::command_line::{class_flags, class_order, folders_flag, shell_quoted};

use super::model::Model;

/// The call, with what is known so far.
pub fn of(model: &Model, out: Option<PathBuf>) -> String {
    let quoted = |path: &Path| shell_quoted(&path.to_string_lossy());
    let mut line = "stillroom distill".to_owned();
    if let Some(dataset) = model.dataset() {
        line.push_str(&format!(" --data {}", quoted(dataset.root())));
        line.extend(dataset.holdout().map(|holdout| format!(" --holdout {holdout}")));
    }
    line.push_str(&model.data.as_ref().map_or_else(String::new, |data| folders_flag(data.folders)));
    if let Some(observer) = &model.observer {
        line.push_str(&format!(" --observer {}", quoted(&observer.file)));
    }
    if model.takes_several() {
        line.extend(model.workspace.beside().iter().map(|file| format!(" --beside {}", quoted(file))));
    }
    if let Some(request) = &model.observer_request {
        let part = request.part.as_deref().map(|part| format!(" --part {}", shell_quoted(part)));
        let arch = request.arch.map(|arch| format!(" --arch {arch}"));
        let side = request.side.map(|side| format!(" --side {side}"));
        let mean_std = request.mean_std.map(|set| format!(" --mean-std {}", set.describe()));
        let given = request.class_map.as_deref().filter(|_| model.class_map_file.is_none());
        let map = given.map(|map| format!(" --class-map {}", quoted(map)));
        let order = class_order(request.class_order);
        let prune = request.prune.then(|| " --prune".to_owned());
        line.extend([part, arch, side, mean_std, map, order, prune].into_iter().flatten());
    }
    line.extend(model.class_map_file.as_deref().map(|map| format!(" --class-map {}", quoted(map))));
    if let Some(out) = out {
        line.push_str(&format!(" --out {}", quoted(&out)));
    }
    line.push(' ');
    line.push_str(&model.workspace.recipe().flags());
    let chosen: Vec<ClassId> = model.workspace.chosen().collect();
    if let Some(dataset) = model.dataset().filter(|_| chosen.len() < model.workspace.class_count()) {
        let names: Vec<&str> = chosen.iter().map(|c| dataset.class(*c).name.as_str()).collect();
        line.push_str(&class_flags(&names));
    }
    line
}
