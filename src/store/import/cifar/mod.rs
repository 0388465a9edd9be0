//! CIFAR-10 and CIFAR-100 in their binary version: records of one label byte (CIFAR-100: coarse, then fine) and
//! 3 × 1024 bytes of pixels. An image is named `<file>#<record>`; classes are in order of their labels.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::files::{FileError, bytes_of, read_small, shown};
use super::walk::{Passed, Survey};
use super::{ImportError, Imported, choose, common_notes};
use crate::core::data::dataset::{Class, DatasetBuilder, Layout, Split};
use crate::core::data::names::escape;

mod official;
mod records;

use records::{PIXELS, Records};

/// Most records of one batch file, two hundred times as many as the official ones have: each costs a name in memory,
/// and a file of zeros is a batch of class 0.
pub(super) const MOST_RECORDS: u64 = 10_000_000;

/// What tells the two datasets apart.
pub(super) struct Format {
    root: PathBuf,
    layout: Layout,
    /// Bytes before the pixels; the last of them is the label.
    label_bytes: usize,
    names_file: &'static str,
    names: &'static [&'static str],
    train: Vec<String>,
    test: Vec<String>,
}

impl Format {
    fn record(&self) -> usize {
        self.label_bytes + PIXELS
    }
}

/// The format of the files in `root`, or in the folder that the official archive unpacks to.
pub(super) fn recognise(root: &Path, survey: &Survey) -> Result<Option<Format>, ImportError> {
    if let Some(format) = recognise_here(root, survey)? {
        return Ok(Some(format));
    }
    for folder in ["cifar-10-batches-bin", "cifar-100-binary"] {
        if survey.folders.len() == 1 && survey.has_folder(folder) {
            let inner = root.join(folder);
            return recognise_here(&inner, &super::walk::survey(&inner)?);
        }
    }
    Ok(None)
}

fn recognise_here(root: &Path, survey: &Survey) -> Result<Option<Format>, ImportError> {
    let is_batch = |name: &str| {
        let number = name.strip_prefix("data_batch_").and_then(|n| n.strip_suffix(".bin"));
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let names = || survey.others.iter().filter_map(|n| n.to_str());
    let present = |name: &str| names().filter(|n| *n == name).map(str::to_owned).collect::<Vec<_>>();
    let (train, test) =
        (names().filter(|n| is_batch(n)).map(str::to_owned).collect::<Vec<_>>(), present("test_batch.bin"));
    if !train.is_empty() || !test.is_empty() {
        let (names_file, names) = ("batches.meta.txt", &official::CIFAR10[..]);
        let layout = Layout::Cifar10Binary;
        return Ok(Some(Format { root: root.to_owned(), layout, label_bytes: 1, names_file, names, train, test }));
    }
    let (train, test) = (present("train.bin"), present("test.bin"));
    if !train.is_empty() || !test.is_empty() {
        let (names_file, names) = ("fine_label_names.txt", &official::CIFAR100[..]);
        let layout = Layout::Cifar100Binary;
        return Ok(Some(Format { root: root.to_owned(), layout, label_bytes: 2, names_file, names, train, test }));
    }
    // The Python version has the same names without an ending.
    if survey.has_file("data_batch_1") || (survey.has_file("meta") && survey.has_file("train")) {
        let why = "this is CIFAR's Python version; unpack its binary version (data_batch_1.bin or train.bin) instead";
        return Err(ImportError::Malformed { path: root.to_owned(), why: why.to_owned() });
    }
    Ok(None)
}

/// Opens the batches of the wanted split; `survey` lists the folder that was given.
pub(super) fn open(given: &Path, format: &Format, survey: &Survey, want: Split) -> Result<Imported, ImportError> {
    let root = &format.root;
    let (train, test) = (!format.train.is_empty(), !format.test.is_empty());
    let parts =
        if format.label_bytes == 1 { ["data_batch_*.bin", "test_batch.bin"] } else { ["train.bin", "test.bin"] };
    let choice = choose(root, (train, test), &parts.map(str::to_owned), want)?;
    let mut notes: Vec<String> = choice.note.into_iter().collect();
    if root != given {
        notes.push(format!("opened {}", shown(root)));
    }
    let names = class_names(format, &mut notes)?;
    let mut images: Vec<Vec<Vec<u8>>> = vec![Vec::new(); names.len()];
    for file in if choice.split == Split::Train { &format.train } else { &format.test } {
        read_labels(format, file, &mut images)?;
    }
    let mut builder = DatasetBuilder::default();
    for (name, images) in names.into_iter().zip(images) {
        builder.class(Class { name, title: None, folder: Vec::new() }, images);
    }
    let source = Arc::new(Records { root: root.clone(), label_bytes: format.label_bytes });
    let dataset = builder
        .build(root.clone(), format.layout, choice.split, source)
        .map_err(|source| ImportError::Index { path: root.clone(), source })?;
    let passed_over = |name: &str| !name.ends_with(".bin") && !name.ends_with(".txt") && !name.ends_with(".html");
    let others = survey.others.iter().filter(|n| passed_over(&String::from_utf8_lossy(&bytes_of(n)))).count();
    notes.extend(common_notes(&dataset, &Passed { others, ..Passed::default() }));
    Ok(Imported { dataset, notes, other_splits: choice.others })
}

/// The class names of the file beside the batches, or the official ones.
fn class_names(format: &Format, notes: &mut Vec<String>) -> Result<Vec<String>, ImportError> {
    const LIMIT: u64 = 1 << 20;
    let path = format.root.join(format.names_file);
    if !path.is_file() {
        notes.push(format!("there is no {}; the official class names are used", format.names_file));
        return Ok(format.names.iter().map(|n| (*n).to_owned()).collect());
    }
    let text = read_small(&path, LIMIT)?;
    let lines = text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).filter(|l| !l.is_empty());
    let names: Vec<String> = lines.map(escape).collect();
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    if let Some(twice) = sorted.windows(2).find(|w| w[0] == w[1]) {
        let why = format!("class '{}' is named twice; give every class its own name, one a line", twice[0]);
        return Err(ImportError::Malformed { path, why });
    }
    if names.is_empty() {
        let why = "it names no classes; give one name a line, or remove it to use the official names".to_owned();
        return Err(ImportError::Malformed { path, why });
    }
    Ok(names)
}

/// Reads the labels of a batch and names its records.
fn read_labels(format: &Format, file: &str, images: &mut [Vec<Vec<u8>>]) -> Result<(), ImportError> {
    const BUFFER: usize = 1 << 20;
    let path = format.root.join(file);
    let malformed = |why: String| ImportError::Malformed { path: path.clone(), why };
    let about = std::fs::metadata(&path).map_err(FileError::at(&path, "open"))?;
    if !about.is_file() {
        return Err(malformed("it is no regular file; put the batch itself in its place".to_owned()));
    }
    let batch = File::open(&path).map_err(FileError::at(&path, "open"))?;
    let (size, record) = (about.len(), format.record());
    if size == 0 || !size.is_multiple_of(record as u64) {
        let why = format!(
            "its {size} bytes are not whole records of {record} bytes; the file is cut short or of another format: unpack it again"
        );
        return Err(malformed(why));
    }
    let count = size / record as u64;
    if count > MOST_RECORDS {
        let why = format!("its {count} records are more than the {MOST_RECORDS} that a batch may have; split it");
        return Err(malformed(why));
    }
    let mut reader = BufReader::with_capacity(BUFFER, batch);
    let mut bytes = vec![0; record];
    for number in 0..count {
        reader.read_exact(&mut bytes).map_err(FileError::at(&path, "read"))?;
        let label = usize::from(bytes[format.label_bytes - 1]);
        let classes = images.len();
        let class = images.get_mut(label).ok_or_else(|| {
            malformed(format!("record {number} has label {label}, but there are {classes} classes; the file is damaged or {} is of another dataset", format.names_file))
        })?;
        class.push(format!("{file}#{number:05}").into_bytes());
    }
    Ok(())
}

/// The CIFAR whose classes are called so, in any order: what class folders of it are called.
pub(in crate::store) fn of_classes<'a>(names: impl Iterator<Item = &'a str>) -> Option<Layout> {
    let names: BTreeSet<&str> = names.collect();
    let are = |official: &[&str]| official.iter().copied().collect::<BTreeSet<_>>() == names;
    let known = [(&official::CIFAR10[..], Layout::Cifar10Binary), (&official::CIFAR100[..], Layout::Cifar100Binary)];
    known.into_iter().find(|(official, _)| are(official)).map(|(_, layout)| layout)
}

/// Both official lists, for the tests.
#[cfg(test)]
pub(super) fn official_names() -> [&'static [&'static str]; 2] {
    [&official::CIFAR10, &official::CIFAR100]
}
