//! Imports point one way only: main → {ui, cli} → jobs → {engine, store, sample} → core, and no file is in a circle.
//! Reads the sources; links nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test program")]

use std::path::{Path, PathBuf};

/// A layer, and the layers that it may name besides itself.
const LAYERS: [(&str, &[&str]); 7] = [
    ("core", &[]),
    ("sample", &["core"]),
    ("engine", &["core"]),
    ("store", &["core"]),
    ("jobs", &["engine", "store", "sample", "core"]),
    ("cli", &["jobs", "store", "sample", "core"]),
    ("ui", &["jobs", "store", "core"]),
];

/// What core must not touch: it is pure.
const IMPURE: [&str; 6] = ["std::fs", "std::thread", "std::time", "egui", "eframe", "burn"];

const LONGEST: usize = 400;

/// What takes as long as the disk or another thread likes.
const WAITS: [&str; 11] = [
    "std::fs",
    "File::open",
    ".exists()",
    ".is_file()",
    ".is_dir()",
    "canonicalize",
    ".metadata()",
    ".recv()",
    "recv_timeout",
    "thread::sleep",
    ".join()",
];

#[test]
fn imports_point_one_way() {
    let sources = sources();
    assert!(sources.len() > 30, "only {} sources were found", sources.len());
    let found: Vec<String> = sources.iter().flat_map(|(path, text)| wrong_arrows(path, text)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn files_are_short() {
    let long = |(path, text): &(String, String)| {
        let lines = text.lines().count();
        (lines > LONGEST).then(|| format!("{path}: {lines} lines; divide it where its own words do"))
    };
    let found: Vec<String> = sources().iter().filter_map(long).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_wrong_arrow_is_seen_however_it_is_spelled() {
    let wrong = [
        ("core/scores.rs", "use crate::engine::plan::Plan;"),
        ("core/scores.rs", "use std::{collections::BTreeMap, fs::File};"),
        ("core/scores.rs", "fn f() { let now = std::time::Instant::now(); }"),
        ("core/a/b.rs", "use super::super::super::store::files;"),
        ("core/scores.rs", "fn f(x: burn::tensor::Device) {}"),
        ("core.rs", "use egui::Ui;"),
        ("engine/plan.rs", "fn f() { crate::store::files::shown(p); }"),
        ("engine/plan.rs", "use super::super::store::files;"),
        ("store/mod.rs", "use crate::{core::names, engine::plan};"),
        ("store/mod.rs", "use crate::\n    jobs::{open};"),
        ("jobs/open.rs", "use crate::cli::Console;"),
        ("cli/check.rs", "use crate::engine::device::pick;"),
        ("ui/app.rs", "pub use crate::{\n    core::{names},\n    engine,\n};"),
    ];
    for (path, text) in wrong {
        assert_eq!(wrong_arrows(path, text).len(), 1, "{path}: {text}: {:?}", wrong_arrows(path, text));
    }
    let right = [
        ("core/scores.rs", "/// See [`crate::engine::plan`].\nuse super::dataset::ClassId; // not std::fs"),
        ("jobs/open.rs", "use crate::{core::{names}, engine::plan, store::files};"),
        ("ui/app.rs", "use crate::jobs::worker;\nuse std::time::Instant;"),
        ("core/scores.rs", "fn f() { let burned = my_burn::x(); }"),
        ("main.rs", "fn main() { stillroom::cli::run(); stillroom::ui::run(); }"),
    ];
    for (path, text) in right {
        assert_eq!(wrong_arrows(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

/// Whoever paints must neither touch the disk nor wait: what a frame needs comes from the worker, the pictures' threads or
/// `ui::later`, and is polled. Dialogs are asked for on a thread of their own.
#[test]
fn nothing_that_paints_reads_files_or_waits() {
    let paints = |path: &str| {
        let within = ["ui/panels/", "ui/widgets/"].iter().any(|folder| path.starts_with(folder));
        within && path != "ui/widgets/dialog.rs" || path == "ui/app/frame.rs" || path == "ui/app/docked.rs"
    };
    let waits = |(path, text): &(String, String)| -> Vec<String> {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let found = WAITS.iter().filter(|word| code.contains(**word) && !path.contains("tests"));
        found.map(|word| format!("{path}: {word}")).collect()
    };
    let sources = sources();
    let painting: Vec<_> = sources.iter().filter(|(path, _)| paints(path)).collect();
    assert!(painting.len() > 40, "only {} files that paint were found", painting.len());
    let found: Vec<String> = painting.into_iter().flat_map(waits).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    let planted = ("ui/panels/x.rs".to_owned(), "fn f() { let a = path.exists(); }".to_owned());
    assert_eq!(waits(&planted).len(), 1);
}

/// Files that name each other's items, directly or through others. A file may look up to the modules that it lies in:
/// that is what `super` is for.
#[test]
fn no_file_is_in_a_circle() {
    let sources = sources();
    let circles = circles(&sources);
    assert!(circles.is_empty(), "files in a circle:\n{}", circles.join("\n"));
}

#[test]
fn a_circle_is_seen() {
    let source = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let mut sources = vec![
        source("engine/mod.rs", "pub mod a;\npub mod b;\nuse a::X;"),
        source("engine/a.rs", "use super::b::Y;"),
        source("engine/b.rs", "use super::c::{self, Z};"),
        source("engine/c/mod.rs", "pub mod d;\nuse d::W;"),
        source(
            "engine/c/d.rs",
            "use super::V; // nor crate::engine::a::X\n#[cfg(test)]\nmod tests { use crate::engine::a::X; }",
        ),
    ];
    assert_eq!(circles(&sources), Vec::<String>::new());
    sources[4].1.insert_str(0, "fn f() { crate::engine::a::X::new(); }\n");
    let found = circles(&sources);
    assert_eq!(found, ["engine/a.rs, engine/b.rs, engine/c/mod.rs, engine/c/d.rs"]);
}

/// The name of the module in a file.
fn module(file: &str) -> String {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" { "crate".to_owned() } else { format!("crate::{}", path.replace('/', "::")) }
}

/// Which files each file names, by place in the list. Tests are left aside: they may look at anything.
fn arrows(sources: &[(String, String)]) -> Vec<Vec<usize>> {
    let modules: Vec<String> = sources.iter().map(|(file, _)| module(file)).collect();
    let below = |a: &str, b: &str| a == b || a.starts_with(&format!("{b}::"));
    let of = |(from, (file, text)): (usize, &(String, String))| {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let named = paths(code).into_iter().filter(|path| path.contains("::")).filter_map(|path| {
            let path = within(&modules[from], &path);
            let known = modules.iter().enumerate().filter(|(_, m)| *m != "crate" && below(&path, m));
            let target = known.max_by_key(|(_, m)| m.len())?.0;
            let declared = path == modules[target] && below(&path, &modules[from]);
            Some(target).filter(|&t| !below(&modules[from], &modules[t]) && !declared)
        });
        if file.contains("tests") || file.contains("fixtures") { Vec::new() } else { named.collect() }
    };
    sources.iter().enumerate().map(of).collect()
}

/// A path as it reads from the crate's root.
fn within(module: &str, path: &str) -> String {
    let parts: Vec<&str> = path.split("::").collect();
    let ups = parts.iter().take_while(|p| **p == "super").count();
    let own: Vec<&str> = module.split("::").collect();
    match parts[0] {
        "super" => [&own[..own.len().saturating_sub(ups)], &parts[ups..]].concat().join("::"),
        "self" => [&own[..], &parts[1..]].concat().join("::"),
        "crate" => path.to_owned(),
        // A child by its bare name, or another crate's.
        _ => format!("{module}::{path}"),
    }
}

/// The groups of files that reach each other.
fn circles(sources: &[(String, String)]) -> Vec<String> {
    let arrows = arrows(sources);
    let reached = |from: usize| {
        let (mut seen, mut next) = (vec![false; arrows.len()], arrows[from].clone());
        while let Some(file) = next.pop() {
            if !std::mem::replace(&mut seen[file], true) {
                next.extend(&arrows[file]);
            }
        }
        seen
    };
    let reach: Vec<Vec<bool>> = (0..arrows.len()).map(reached).collect();
    let mut found: Vec<String> = Vec::new();
    for file in (0..arrows.len()).filter(|&f| reach[f][f]) {
        let members = (0..arrows.len()).filter(|&o| reach[file][o] && reach[o][file]);
        let named: Vec<&str> = members.map(|m| sources[m].0.as_str()).collect();
        found.push(named.join(", "));
    }
    found.sort();
    found.dedup();
    found
}

/// Every source below `src/`: path relative to it, and text.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut found) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
        let (below, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|p| p.is_dir());
        folders.extend(below);
        for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "rs")) {
            let name = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            found.push((name, std::fs::read_to_string(file).unwrap()));
        }
    }
    found.sort();
    found
}

/// The arrows of one source that point the wrong way.
fn wrong_arrows(path: &str, text: &str) -> Vec<String> {
    let layer = path.split(['/', '.']).next().unwrap();
    let allowed = LAYERS.iter().find(|(name, _)| *name == layer).map(|(_, below)| *below);
    let mut wrong = Vec::new();
    for named in paths(text) {
        let named = absolute(path, &named);
        if let (Some(target), Some(allowed)) = (target_layer(&named), allowed)
            && target != layer
            && !allowed.contains(&target)
        {
            wrong.push(format!("{path}: {named}: {layer} must not name {target}"));
        }
        let impure = |prefix: &&&str| named == ***prefix || named.starts_with(&format!("{prefix}::"));
        if layer == "core"
            && let Some(prefix) = IMPURE.iter().find(impure)
        {
            wrong.push(format!("{path}: {named}: core is pure and must not name {prefix}"));
        }
    }
    wrong.sort();
    wrong.dedup();
    wrong
}

fn target_layer(path: &str) -> Option<&str> {
    let mut parts = path.split("::");
    if !matches!(parts.next(), Some("crate" | "stillroom")) {
        return None;
    }
    let name = parts.next()?;
    LAYERS.iter().any(|(layer, _)| *layer == name).then_some(name)
}

/// `super::super::store` of a file two levels down is `crate::store`; shorter chains stay within the layer.
fn absolute(file: &str, path: &str) -> String {
    let ups = path.split("::").take_while(|p| *p == "super").count();
    let module = file.trim_end_matches(".rs").trim_end_matches("/mod");
    let rest = path.split("::").skip(ups).collect::<Vec<_>>().join("::");
    if ups > 0 && ups >= module.split('/').count() { format!("crate::{rest}") } else { path.to_owned() }
}

/// All paths of a source, with the groups of `use a::{b, c}` written out; comments left aside.
fn paths(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let mut rest = code.join("\n");
    rest = rest.replace(char::is_whitespace, " ");
    let (mut found, mut chars) = (Vec::new(), rest.as_str());
    while let Some(at) = chars.find(|c: char| c.is_alphabetic() || c == '_') {
        chars = &chars[at..];
        chars = &chars[tree(chars, "", &mut found)..];
    }
    found
}

/// Reads one path, or tree of paths, and returns its length.
fn tree(text: &str, prefix: &str, found: &mut Vec<String>) -> usize {
    let word = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let path = if prefix.is_empty() { text[..word].to_owned() } else { format!("{prefix}::{}", &text[..word]) };
    let Some(behind) = text[word..].trim_start().strip_prefix("::") else {
        found.push(path);
        return word.max(1);
    };
    let behind = behind.trim_start();
    let start = text.len() - behind.len();
    let Some(group) = behind.strip_prefix('{') else {
        let named = behind.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if named {
            return start + tree(behind, &path, found);
        }
        found.push(path); // a glob or a turbofish
        return start;
    };
    let mut at = start + 1;
    while let Some(next) = text[at..].find(|c: char| !(c.is_whitespace() || c == ',')) {
        at += next;
        if text[at..].starts_with('}') {
            return at + 1;
        }
        at += tree(&text[at..], &path, found);
    }
    debug_assert!(!group.is_empty(), "a group is closed");
    at
}
