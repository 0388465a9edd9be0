//! Calls of the command line that repeat what was done.

use std::path::Path;

use crate::core::data::class_order::ClassOrder;
use crate::core::data::folders::Folders;
use crate::core::distil::manifest::{ImageNote, Manifest};
use crate::core::distil::params::further_flags;
use crate::core::distil::recipe::Recipe;
use crate::core::param::Parameters as _;
use crate::jobs::train::TrainRequest;
use crate::store::project::{RunAsked, RunRecord};
use crate::store::training::TrainingKind;

/// The flag for what the user said of a dataset's folders.
#[must_use]
pub fn folders_flag(folders: Folders) -> String {
    if folders.is_auto() { String::new() } else { format!(" --folders {folders}") }
}

/// The call that trains what a request asks for.
#[must_use]
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
#[must_use]
pub fn class_order(order: ClassOrder) -> Option<String> {
    (order != ClassOrder::Auto).then(|| format!(" --class-order {order}"))
}

/// The text as one word of a POSIX shell.
#[must_use]
pub fn shell_quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-,:".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// The call that repeats a run of a project; `curation` is the file of what a person decided.
#[must_use]
pub fn run(record: &RunRecord, curation: Option<&Path>) -> String {
    let quoted = |path: &Path| shell_quoted(&path.to_string_lossy());
    let set = record.asked.as_ref().and_then(|asked| asked.set.as_ref());
    let command = set.map_or_else(|| "distill".to_owned(), |set| format!("refine --set {}", quoted(&set.0)));
    let (dataset, observer) = (quoted(&record.dataset), quoted(&record.observer));
    let mut line = format!("stillroom {command} --data {dataset} --observer {observer}");
    if let Some(RunAsked { dataset, observer, beside, .. }) = &record.asked {
        line.extend(beside.iter().map(|beside| format!(" --beside {}", quoted(&beside.file))));
        let holdout = dataset.holdout.map(|holdout| format!(" --holdout {holdout}"));
        let part = observer.part.as_deref().map(|part| format!(" --part {}", shell_quoted(part)));
        let arch = observer.arch.as_deref().map(|arch| format!(" --arch {}", shell_quoted(arch)));
        let side = observer.side.map(|side| format!(" --side {side}"));
        let mean_std = observer.mean_std.map(|set| format!(" --mean-std {}", set.describe()));
        let map = observer.class_map.as_ref().map(|map| format!(" --class-map {}", quoted(&map.0)));
        let order = class_order(observer.class_order);
        let prune = observer.prune.then(|| " --prune".to_owned());
        line.extend([holdout, part, arch, side, mean_std, map, order, prune].into_iter().flatten());
    }
    line.extend(record.out.as_deref().map(|out| format!(" --out {}", quoted(out))));
    if set.is_some() {
        // Classes, seed and what was stitched of what are the set's own.
        line.push_str(&format!(" {}", further_flags(&record.recipe)));
        return line;
    }
    line.push_str(&format!(" {}", record.recipe.flags()));
    if let Some(asked) = record.asked.as_ref().filter(|asked| !asked.all) {
        line.push_str(&class_flags(&asked.classes.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    line.extend(curation.map(|file| format!(" --curation {}", quoted(file))));
    line
}

/// The call that makes a set again. Manifests hold no paths: DATASET, OBSERVER, BESIDE, CURATION, PARENT (the set whose pixels
/// were moved further) and SET stand for them.
#[must_use]
pub fn distill(manifest: &Manifest) -> String {
    let has_parent = manifest.classes.iter().flat_map(|class| &class.images).any(ImageNote::has_parent);
    let further = has_parent || manifest.scored_by.is_some();
    let command = if further { "refine --set PARENT" } else { "distill" };
    let mut line = format!("stillroom {command} --data DATASET");
    line.extend(manifest.dataset.holdout.map(|holdout| format!(" --holdout {holdout}")));
    if let Some(observer) = &manifest.observer {
        line.push_str(" --observer OBSERVER");
        let part = observer.part.as_deref().map(|part| format!(" --part {}", shell_quoted(part)));
        let own = format!(
            " --arch {} --side {} --mean-std {}",
            shell_quoted(&observer.network),
            observer.side,
            observer.normalise.describe()
        );
        let order = observer.class_order.and_then(class_order);
        let prune = (!observer.kept.is_empty()).then(|| " --prune".to_owned());
        line.extend([part, Some(own), order, prune].into_iter().flatten());
    }
    line.push_str(&" --beside BESIDE".repeat(manifest.beside.len()));
    if further {
        line.push_str(&format!(" --out SET {}", further_flags(&manifest.recipe)));
        return line;
    }
    if !manifest.by_rank() {
        line.push_str(" --curation CURATION");
    }
    line.push_str(" --out SET ");
    line.push_str(&recipe_flags(manifest));
    let names: Vec<&str> = manifest.classes.iter().map(|class| class.name.as_str()).collect();
    line.push_str(&class_flags(&names));
    line
}

/// A part of a larger set is made with that one.
fn recipe_flags(manifest: &Manifest) -> String {
    let Some(larger) = manifest.nested_in else { return manifest.recipe.flags() };
    let flags = Recipe { ipc: larger, ..manifest.recipe.clone() }.flags();
    let (one, both) = (format!("--ipc {larger}"), format!("--nested --ipc {larger},{}", manifest.recipe.ipc));
    flags.replacen(&one, &both, 1)
}

/// The flags for these classes in this order.
#[must_use]
pub fn class_flags(names: &[&str]) -> String {
    if names.iter().any(|name| name.contains(',')) {
        names.iter().map(|name| format!(" --class {}", shell_quoted(name))).collect()
    } else {
        format!(" --classes {}", shell_quoted(&names.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::distil::compensation::Compensation;
    use crate::core::distil::manifest::tests::sample;
    use crate::core::distil::manifest::{Optimised, Origin, Start};
    use crate::core::distil::recipe::Method;
    use crate::core::distil::recovery::Recovery;
    use crate::core::distil::select::Chosen;
    use crate::store::files::KeptPath;
    use crate::store::window::KeptObserver;

    #[test]
    fn odd_paths_are_quoted_for_the_shell() {
        assert_eq!(shell_quoted("/data/a-b_1"), "/data/a-b_1");
        assert_eq!(shell_quoted("/my data/it's"), r"'/my data/it'\''s'");
        assert_eq!(shell_quoted(""), "''");
    }

    #[test]
    fn a_manifest_tells_how_its_set_is_made_again() {
        let mut manifest = sample();
        let due = "stillroom distill --data DATASET --observer OBSERVER --arch resnet18 --side 224 --mean-std imagenet \
                   --out SET --ipc 2 --patches 4 --subset 9 --crops 5 --strategy realism --short-classes refuse \
                   --seed 18446744073709551615 --format jpeg:75 --classes c0,c1";
        assert_eq!(distill(&manifest), due);
        let Origin::Stitched(cells) = &mut manifest.classes[0].images[0].origin else { panic!("stitched") };
        cells[0].chosen = Chosen::Pin;
        assert!(distill(&manifest).contains(" --mean-std imagenet --curation CURATION --out SET --ipc 2"));
        manifest.nested_in = Some(20);
        manifest.classes[1].name = "a, b".to_owned();
        let line = distill(&manifest);
        assert!(line.contains(" --nested --ipc 20,2 --patches 4") && line.ends_with(" --class c0 --class 'a, b'"));
    }

    fn lic() -> Recipe {
        Recipe { ipc: 2, method: Method::Lic(Compensation::LIC), ..Recipe::default() }
    }

    /// Methods that move pixels name the networks that took part, and a set that was moved further its parent.
    #[test]
    fn moved_pixels_are_repeated_by_their_own_command() {
        let mut manifest = sample();
        manifest.recipe = lic();
        manifest.beside = manifest.observer.iter().cloned().collect();
        let line = distill(&manifest);
        let due = "stillroom distill --data DATASET --observer OBSERVER --arch resnet18 --side 224 --mean-std imagenet \
                   --beside BESIDE --out SET --method lic --ipc 2 --patches 4 --subset 300 --crops 0";
        assert!(line.starts_with(due), "{line}");
        manifest.scored_by = manifest.observer.clone();
        let own = "--method lic --iterations 200 --lr 0.01 --decay 0.01 --layer auto --distance l1 --siamese on \
                   --turns alternate --format png";
        let due = format!(
            "stillroom refine --set PARENT --data DATASET --observer OBSERVER --arch resnet18 --side 224 --mean-std \
             imagenet --beside BESIDE --out SET {own}"
        );
        assert_eq!(distill(&manifest), due);
        manifest.scored_by = None;
        let start = Start::Parent { file: "a.png".to_owned(), hash: "0".repeat(64) };
        manifest.recipe.method = Method::Sre2l(Recovery::SRE2L_CIFAR);
        manifest.classes[0].images[0].origin =
            Origin::Optimised(Optimised { start, iterations: 1000, losses: Vec::new() });
        let line = distill(&manifest);
        assert!(line.starts_with("stillroom refine --set PARENT --data DATASET --observer OBSERVER"), "{line}");
        assert!(line.contains(" --method sre2l --iterations 1000 ") && line.contains(" --seed 0"), "{line}");
        assert!(!line.contains("--ipc") && !line.contains("--init") && !line.contains("--classes"), "{line}");
    }

    #[test]
    fn runs_are_repeated_with_all_their_observers() {
        let beside = KeptObserver { file: "/other net.pth".into(), ..KeptObserver::default() };
        let asked = RunAsked { beside: vec![beside], all: true, ..RunAsked::default() };
        let mut record = RunRecord::made(lic(), Some(asked));
        let line = run(&record, None);
        assert!(line.contains(" --beside '/other net.pth'"), "{line}");
        assert!(line.ends_with(&format!(" {}", lic().flags())), "{line}");
        record.asked.as_mut().unwrap().set = Some(KeptPath("/sets/a".into()));
        let line = run(&record, None);
        assert!(line.starts_with("stillroom refine --set /sets/a --data /data/a,b --observer /w.pth"), "{line}");
        assert!(line.ends_with(&further_flags(&lic())) && !line.contains("--patches"), "{line}");
    }
}
