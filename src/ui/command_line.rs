//! The call of the command line that repeats what the window shows.

use std::path::{Path, PathBuf};

use crate::core::data::class_order::ClassOrder;
use crate::core::data::dataset::ClassId;
use crate::core::data::folders::Folders;
use crate::core::param::Parameters as _;
use crate::jobs::train::TrainRequest;
use crate::store::training::TrainingKind;

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
        if names.iter().any(|name| name.contains(',')) {
            names.iter().for_each(|name| line.push_str(&format!(" --class {}", shell_quoted(name))));
        } else {
            line.push_str(&format!(" --classes {}", shell_quoted(&names.join(","))));
        }
    }
    line
}

/// The flag for what the user said of a dataset's folders.
fn folders_flag(folders: Folders) -> String {
    if folders.is_auto() { String::new() } else { format!(" --folders {folders}") }
}

/// The call that trains what a request asks for.
pub fn train(request: &TrainRequest) -> String {
    let quoted = |path: &Path| shell_quoted(&path.to_string_lossy());
    let student = request.kind == TrainingKind::Train;
    let mut line = format!("stillroom {} --data {}", if student { "train" } else { "pretrain" }, quoted(&request.data));
    if student {
        line.push_str(&format!(" --val {}", quoted(&request.evaluation)));
    }
    line.push_str(&folders_flag(request.folders));
    line.extend(request.holdout.map(|holdout| format!(" --holdout {holdout}")));
    let observer = request.observer.as_ref();
    let file = observer.map(|o| format!(" --observer {}", quoted(&o.file)));
    let part = observer.and_then(|o| o.part.as_deref()).map(|part| format!(" --part {}", shell_quoted(part)));
    let arch = observer.and_then(|o| o.arch).map(|arch| format!(" --arch {arch}"));
    let map = observer.and_then(|o| o.class_map.as_deref()).map(|map| format!(" --class-map {}", quoted(map)));
    let labels = request.labels.as_deref().map(|labels| format!(" --stored-labels {}", quoted(labels)));
    let images = request.images_per_class.filter(|_| student).map(|n| format!(" --ipc {n}"));
    let order = class_order(request.class_order).filter(|_| student);
    let initial = request.initial.as_ref().filter(|_| !student);
    let begin = initial.map(|i| format!(" --init {}", quoted(&i.file)));
    let slower = initial.filter(|i| i.rate != 1.0).map(|i| format!(" --init-rate {}", i.rate));
    line.extend([file, part, arch, map, order, labels, images, begin, slower].into_iter().flatten());
    line.push_str(&format!(" --student {}", request.student));
    let side = request.side.map(|side| format!(" --side {side}"));
    let mean_std = request.mean_std.map(|set| format!(" --mean-std {}", set.describe()));
    let evaluated = request.evaluated_per_class.map(|n| format!(" --val-limit {n}"));
    line.extend([side, mean_std, evaluated].into_iter().flatten());
    line.push_str(&format!(" {} --out {}", request.recipe.flags(), quoted(&request.out)));
    line
}

/// The flag for an order that is not the default.
fn class_order(order: ClassOrder) -> Option<String> {
    (order != ClassOrder::Auto).then(|| format!(" --class-order {order}"))
}

fn shell_quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-,:".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::shell_quoted;

    #[test]
    fn odd_paths_are_quoted_for_the_shell() {
        assert_eq!(shell_quoted("/data/a-b_1"), "/data/a-b_1");
        assert_eq!(shell_quoted("/my data/it's"), r"'/my data/it'\''s'");
        assert_eq!(shell_quoted(""), "''");
    }
}
