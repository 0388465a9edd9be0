//! What the fuzzer does with its bytes: each target reads them as the program reads such a file. The tests run the same
//! targets on what was found (`tests/fixtures/hostile`).

#![allow(clippy::unwrap_used, reason = "a test program")]

use std::io::Cursor;
use std::path::Path;
use std::sync::LazyLock;

use stillroom::core::data::class_map::{self, Outputs};
use stillroom::core::data::class_order::ClassOrder;
use stillroom::core::data::dataset::{Class, Split};
use stillroom::core::data::normalise::MeanStd;
use stillroom::core::distil::curation::file::Named;
use stillroom::core::distil::manifest::{Manifest, Program};
use stillroom::core::formats::safetensors_file::Directory;
use stillroom::core::formats::torch_file::{self, TorchFile};
use stillroom::core::formats::zip;
use stillroom::core::train::label_set::{Augmentation, Precision};
use stillroom::core::train::recipe::{Mixing, TrainRecipe};
use stillroom::engine::images::decode::decode;
use stillroom::store::float_images::FloatImages;
use stillroom::store::labels::{LabelsHeader, shard};
use stillroom::store::training::{ObserverSource, Source};
use stillroom::store::{card, fkd, import, sealed};

/// Reads bytes; anything but a value or an error is a finding.
pub type Target = fn(&[u8]);

/// All of them by name.
pub const TARGETS: [(&str, Target); 12] = [
    ("pickle", pickle),
    ("zip", zip),
    ("safetensors", safetensors),
    ("manifest", manifest),
    ("curation", curation),
    ("card", card),
    ("class_map", class_map),
    ("labels", labels),
    ("float_images", float_images),
    ("fkd", fkd),
    ("cifar", cifar),
    ("jpeg", jpeg),
];

/// As a weight file and as a value.
fn torch(bytes: &[u8]) {
    if let Ok(mut file) = TorchFile::open(Cursor::new(bytes)) {
        let _ = file.texts("classes");
        if let Ok((entries, _)) = file.tensors() {
            for entry in &entries {
                let mut values = Vec::new();
                if file.read_tensor(entry, &mut |piece| entry.dtype.append_floats(piece, &mut values)).is_ok()
                    && entry.dtype.is_floating()
                {
                    assert_eq!(values.len(), entry.shape.iter().product::<usize>());
                }
            }
        }
    }
    let _ = torch_file::read(Cursor::new(bytes));
}

/// A pickle by itself or in the older stream, and the same in an archive with bytes for its first storage.
fn pickle(bytes: &[u8]) {
    torch(bytes);
    let mut archive = Cursor::new(Vec::new());
    torch_file::archive(&mut archive, bytes, [[7_u8; 64]]).unwrap();
    torch(archive.get_ref());
}

fn zip(bytes: &[u8]) {
    if let Ok(directory) = zip::Directory::read(&mut Cursor::new(bytes), bytes.len() as u64) {
        let folder = directory.folder_of("data.pkl").unwrap_or_default();
        if let Ok(Some(entry)) = directory.find(&format!("{folder}data.pkl"))
            && let Ok(range) = directory.bytes_of(&mut Cursor::new(bytes), entry)
        {
            assert!(range.end <= bytes.len() as u64 && range.end - range.start == entry.packed);
            let mut unpacked = 0;
            let done = directory.unpack(&mut Cursor::new(bytes), entry, &mut |piece| unpacked += piece.len() as u64);
            assert!(unpacked == entry.size || done.is_err() && unpacked < entry.size);
        }
    }
    torch(bytes);
}

fn safetensors(bytes: &[u8]) {
    if let Ok(directory) = Directory::read(&mut Cursor::new(bytes)) {
        assert!(directory.entries.iter().all(|e| e.bytes.start <= e.bytes.end && e.bytes.end <= bytes.len() as u64));
        // The crate that writes these files agrees about the ones that it reads.
        if let Ok(theirs) = ::safetensors::SafeTensors::deserialize(bytes) {
            for entry in &directory.entries {
                let view = theirs.tensor(&entry.key).unwrap();
                assert_eq!(
                    (view.shape(), view.data().len() as u64),
                    (&entry.shape[..], entry.bytes.end - entry.bytes.start)
                );
            }
        }
    }
}

fn float_images(bytes: &[u8]) {
    if let Ok(Some(set)) = FloatImages::parse(Path::new("images.safetensors"), Cursor::new(bytes)) {
        assert!(set.names().len() == set.labels().len() && set.names().iter().all(|name| set.has(name.as_bytes())));
    }
}

fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::parse(bytes) {
        let text = manifest.to_json().unwrap();
        let again = Manifest::parse(&text).unwrap().to_json().unwrap();
        assert!(text == again, "a manifest survives its own text");
    }
}

fn curation(bytes: &[u8]) {
    if let Ok(named) = Named::parse(bytes) {
        let counts = named.counts();
        assert!(counts.pinned + counts.rejected <= bytes.len());
    }
}

fn card(bytes: &[u8]) {
    let _ = card::parse(bytes);
}

fn class_map(bytes: &[u8]) {
    let classes = ["cat", "dog", "n01440764"].map(|n| Class { name: n.into(), title: None, folder: Vec::new() });
    let outputs = Outputs { count: 5, names: None, order: ClassOrder::Auto };
    if let Ok(given) = stillroom::store::class_map::parse(bytes)
        && let Ok(map) = class_map::resolve(&classes, outputs, Some(&given))
    {
        assert!(map.outputs.len() == 3 && map.outputs.iter().all(|&o| o < 5));
    }
}

static HEADER: LazyLock<LabelsHeader> = LazyLock::new(|| {
    let source = |name: &str| Source { name: name.into(), path: name.into(), fingerprint: name.into() };
    LabelsHeader {
        format: 1,
        program: Program::this(),
        observer: ObserverSource { source: source("observer"), network: "conv3".into() },
        normalise: MeanStd::CIFAR10,
        side: 32,
        data: source("data"),
        classes: ["cat", "dog", "bee"].map(str::to_owned).into(),
        augmentation: Augmentation { mixing: Mixing::CutMix, ..Augmentation::of(&TrainRecipe::default()) },
        batch: 2,
        seed: 7,
        precision: Precision::Half,
        settings: [].into(),
        epochs: 1,
        images: (0..4).map(|i| format!("{i}.png")).collect(),
    }
});

/// The file of an epoch, with the entries and the checksum that no fuzzer would guess.
fn labels(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else { return };
    let length = u64::from_le_bytes(*length).min(rest.len() as u64) as usize;
    let (text, data) = rest.split_at(length);
    let Ok(mut fields) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(text) else { return };
    let about = serde_json::json!({ "labels": HEADER.fingerprint(), "epoch": "00000" });
    fields.insert("__metadata__".to_owned(), about);
    let text = serde_json::to_vec(&fields).unwrap();
    let plain = [&(text.len() as u64).to_le_bytes()[..], &text, data].concat();
    let Ok(sealed) = sealed::seal(&plain) else { return };
    if let Ok(batches) = shard::read(&HEADER, 0, &sealed) {
        assert!(batches.iter().all(|b| !b.images.is_empty() && b.draws.len() == b.images.len()));
    }
}

fn fkd(bytes: &[u8]) {
    let _ = fkd::batch_size(Cursor::new(bytes));
}

/// A batch and the list of its names, parted by two zeros; all images are read.
fn cifar(bytes: &[u8]) {
    let at = bytes.windows(2).position(|w| w == [0, 0]).unwrap_or(bytes.len());
    let (names, mut batch) = (&bytes[..at], bytes[at..].to_vec());
    batch.resize(batch.len().div_ceil(3073) * 3073, 1);
    let folder = tempfile::tempdir_in(if cfg!(target_os = "linux") { "/dev/shm" } else { "." }).unwrap();
    std::fs::write(folder.path().join("data_batch_1.bin"), &batch).unwrap();
    if !names.is_empty() {
        std::fs::write(folder.path().join("batches.meta.txt"), names).unwrap();
    }
    if let Ok(imported) = import::open(folder.path(), Split::Train) {
        assert_eq!(imported.dataset.image_count(), batch.len() / 3073);
    }
}

fn jpeg(bytes: &[u8]) {
    if let Ok(image) = decode(bytes) {
        assert_eq!(image.data.len() as u64, 3 * u64::from(image.width) * u64::from(image.height));
    }
}
