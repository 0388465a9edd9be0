//! `stillroom export`: a distilled set as other programs read it.
//!
//! | what is exported | what must hold |
//! |---|---|
//! | class folders (`rded`, `sre2l`, `imagefolder`) | the set's very bytes; order of names is order of labels |
//! | `parquet`, `webdataset` | the set's very bytes, its labels, the classes' names |
//! | `dd-ranking`, `lic` | f32 as torchvision computes it, i64 labels, by class |
//! | `contact-sheet` | pixels are where `index.csv` says |
//! | `sources` | the very bytes of the dataset's images; missing ones are named |
//! | any, again | the same bytes |
//! | any, with `--dry-run` | the size, and nothing is written |
//! | names that no file system takes | folders that all take, the names in the metadata |
//! | a class without images | refused by class folders, kept by what holds labels |
//!
//! `tests/ecosystem/read_exports.py` reads the same exports with torchvision, datasets, webdataset and PyTorch.

use std::collections::BTreeMap;
use std::io::Read as _;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};
use stillroom::core::data::normalise::MeanStd;
use stillroom::core::data::pixels::Rgb8;
use stillroom::core::formats::torch_file::{self, Item};
use stillroom::engine::images::decode::decode;

use crate::scene::{Scene, assert_same_trees, png, tree};

const CLASSES: usize = 3;
const IPC: usize = 2;
/// All that need no dataset.
const FORMATS: [&str; 8] =
    ["rded", "sre2l", "imagefolder", "parquet", "webdataset", "dd-ranking", "lic", "contact-sheet"];

/// `set/`: three classes of two images, in an order that is not that of their names.
fn distilled() -> Scene {
    let scene = Scene::with_data(&[9, 9, 9]);
    let run = scene.distill("--classes class2,class0,class1 --ipc 2 --patches 4 --subset 9 --out set");
    assert_eq!(run.code, 0, "{}", run.stderr);
    scene
}

/// Exports `set/` into a folder that is called like the format; the last line.
fn export(scene: &Scene, format: &str) -> Value {
    scene.line(&format!("export --set set --format {format} --out {format}")).last()
}

/// The set's image files by class and number, with the names of the classes.
fn images(scene: &Scene) -> Vec<(usize, Vec<u8>)> {
    let files = tree(&scene.at("set")).into_iter().filter(|(name, _)| name.ends_with(".png"));
    let images: Vec<_> = files.map(|(name, bytes)| (name[..5].parse().unwrap(), bytes)).collect();
    assert_eq!(images.len(), CLASSES * IPC);
    images
}

/// The image files of a folder in order of their names, with the place of their folder among all.
fn in_folders(scene: &Scene, folder: &str) -> Vec<(usize, Vec<u8>)> {
    let files: BTreeMap<_, _> = tree(&scene.at(folder)).into_iter().filter(|(name, _)| name.contains('/')).collect();
    let mut folders: Vec<&str> = files.keys().map(|name| name.split('/').next().unwrap()).collect();
    folders.dedup();
    let label = |name: &str| folders.iter().position(|folder| name.split('/').next() == Some(folder)).unwrap();
    files.iter().map(|(name, bytes)| (label(name), bytes.clone())).collect()
}

fn lines(scene: &Scene, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(scene.at(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn class_folders_have_the_sets_bytes_in_the_order_of_labels() {
    let scene = distilled();
    let line = export(&scene, "rded");
    let expected = json!({"job": "export", "format": "rded", "images": 6, "lossless": true, "files": 8});
    assert!(expected.as_object().unwrap().iter().all(|(name, value)| &line[name] == value), "{line}");
    assert_same_trees(&scene.at("set"), &scene.at("rded"));
    let bytes: usize = tree(&scene.at("rded")).values().map(Vec::len).sum();
    assert_eq!(line["bytes"], bytes);
    for (format, last) in [("sre2l", "new002/class002_id001.png"), ("imagefolder", "002_class1/00001.png")] {
        assert_eq!(export(&scene, format)["lossless"], true);
        assert!(tree(&scene.at(format)).contains_key(last), "{format}: {:?}", tree(&scene.at(format)).keys());
        assert_eq!(in_folders(&scene, format), images(&scene), "{format}");
    }
    let about = lines(&scene, "imagefolder/metadata.jsonl");
    assert_eq!((about.len(), &about[2]["label"], &about[2]["class"]), (6, &json!(1), &json!("class0")));
    assert_eq!(about[2]["file_name"], "001_class0/00000.png");
    assert_eq!(
        (&about[2]["source"], &about[2]["origin"]),
        (&json!("00001/class00001_id00000.png"), &json!("stitched"))
    );
    let sources = about[2]["cells"].as_array().unwrap().iter().map(|cell| cell["source"].as_str().unwrap());
    assert_eq!(sources.filter(|source| source.starts_with("class0/")).count(), 4, "{}", about[2]);
}

#[test]
fn a_parquet_file_has_images_labels_and_the_names_of_classes() {
    let scene = distilled();
    export(&scene, "parquet");
    let file = SerializedFileReader::new(std::fs::File::open(scene.at("parquet/data.parquet")).unwrap()).unwrap();
    let about = file.metadata().file_metadata().key_value_metadata().unwrap();
    let about: Value = serde_json::from_str(about[0].value.as_ref().unwrap()).unwrap();
    let names = json!(["class2", "class0", "class1"]);
    let features = json!({"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}});
    assert_eq!(about, json!({"info": {"features": features}}));
    let row = |row: parquet::record::Row| {
        let columns: Vec<_> = row.get_column_iter().map(|(name, field)| (name.clone(), field.clone())).collect();
        let [(image, Field::Group(group)), (label, Field::Long(number))] = &columns[..] else { panic!("{columns:?}") };
        assert_eq!((image.as_str(), label.as_str()), ("image", "label"));
        let parts: Vec<_> = group.get_column_iter().map(|(_, field)| field.clone()).collect();
        let [Field::Bytes(bytes), Field::Str(path)] = &parts[..] else { panic!("{parts:?}") };
        assert!(path.starts_with(&format!("{number:05}/class")), "{path}");
        (*number as usize, bytes.data().to_vec())
    };
    let rows: Vec<_> = file.get_row_iter(None).unwrap().map(|r| row(r.unwrap())).collect();
    assert_eq!(rows, images(&scene));
}

#[test]
fn a_shard_has_a_sample_of_three_files_for_each_image() {
    let scene = distilled();
    let line = export(&scene, "webdataset");
    let bytes = std::fs::read(scene.at("webdataset/set-000000.tar")).unwrap();
    assert_eq!((&line["bytes"], &line["shards"]), (&json!(bytes.len()), &json!(1)));
    let mut found = Vec::new();
    for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.mtime().unwrap(), header.mode().unwrap(), header.uid().unwrap()), (0, 0o644, 0));
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        found.push((name, bytes));
    }
    for (at, ((label, image), sample)) in images(&scene).into_iter().zip(found.chunks(3)).enumerate() {
        let key = format!("{label:05}_{:05}", at % IPC);
        let names: Vec<&str> = sample.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [format!("{key}.png"), format!("{key}.cls"), format!("{key}.json")]);
        assert_eq!((&sample[0].1, sample[1].1.as_slice()), (&image, label.to_string().as_bytes()));
        let about: Value = serde_json::from_slice(&sample[2].1).unwrap();
        assert_eq!(about["class"], ["class2", "class0", "class1"][label]);
    }
    assert_eq!(found.len(), 3 * CLASSES * IPC);
}

/// Values of all images as tensors have them.
fn planes(scene: &Scene, mean_std: MeanStd) -> Vec<f32> {
    let image = |(_, bytes): (usize, Vec<u8>)| {
        let Rgb8 { data, .. } = decode(&bytes).unwrap();
        let value = move |c: usize| {
            let plane: Vec<u8> = data.iter().skip(c).step_by(3).copied().collect();
            plane.into_iter().map(move |x| (f32::from(x) / 255.0 - mean_std.mean[c]) / mean_std.std[c])
        };
        (0..3).flat_map(value).collect::<Vec<f32>>()
    };
    images(scene).into_iter().flat_map(image).collect()
}

fn tensor(scene: &Scene, file: &str) -> Item {
    torch_file::read(std::fs::File::open(scene.at(file)).unwrap()).unwrap()
}

fn assert_tensors((images, labels): (&Item, &Item), due: &[f32]) {
    let (Item::Tensor(images), Item::Tensor(labels)) = (images, labels) else { panic!("{images:?}") };
    assert_eq!((images.shape.as_slice(), labels.shape.as_slice()), (&[6, 3, 32, 32][..], &[6][..]));
    assert!(images.floats().unwrap() == due, "other values");
    assert_eq!(labels.integers().unwrap(), [0, 0, 1, 1, 2, 2]);
}

#[test]
fn tensors_have_torchvisions_values_by_class() {
    let scene = distilled();
    let run = scene.line("export --set set --format dd-ranking --out dd");
    let last = run.last();
    assert_eq!((&last["mean_std"], &last["lossless"]), (&json!("imagenet"), &json!(true)));
    run.says(&["if this is CIFAR, give --mean-std cifar10"]);
    let parts = (&tensor(&scene, "dd/images.pt"), &tensor(&scene, "dd/labels.pt"));
    assert_tensors(parts, &planes(&scene, MeanStd::IMAGENET));
    let run = scene.line("export --set set --format dd-ranking --mean-std cifar10 --out cifar");
    assert_eq!(run.last()["mean_std"], "cifar10");
    let parts = (&tensor(&scene, "cifar/images.pt"), &tensor(&scene, "cifar/labels.pt"));
    assert_tensors(parts, &planes(&scene, MeanStd::CIFAR10));
    assert_eq!(export(&scene, "lic")["lossless"], true);
    let Item::Dict(entries) = tensor(&scene, "lic/data.pt") else { panic!("no dictionary") };
    let keys: Vec<&Item> = entries.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["dataset", "data", "label"].map(|key| Item::Text(key.to_owned())).iter().collect::<Vec<_>>());
    assert_eq!(entries[0].1, Item::Text("imagefolder".to_owned()));
    assert_tensors((&entries[1].1, &entries[2].1), &planes(&scene, MeanStd::NONE));
}

#[test]
fn a_contact_sheet_shows_each_image_where_its_index_says() {
    let scene = distilled();
    let line = export(&scene, "contact-sheet");
    assert_eq!((&line["pages"], &line["scale"], &line["lossless"]), (&json!(1), &json!(1.0), &json!(true)));
    let page = decode(&std::fs::read(scene.at("contact-sheet/page-000.png")).unwrap()).unwrap();
    assert_eq!((page.width, page.height), (2 + 34 * IPC as u32, 2 + 34 * CLASSES as u32));
    let index = std::fs::read_to_string(scene.at("contact-sheet/index.csv")).unwrap();
    for (row, (label, bytes)) in index.lines().skip(1).zip(images(&scene)) {
        let fields: Vec<&str> = row.split(',').collect();
        let [x, y, width, height, of] = [1, 2, 3, 4, 5].map(|i| fields[i].parse::<u32>().unwrap());
        let image = decode(&bytes).unwrap();
        assert_eq!((width, height, of as usize), (image.width, image.height, label), "{row}");
        let pixels = (0..height).flat_map(|b| (0..width).map(move |a| (a, b)));
        assert!(pixels.into_iter().all(|(a, b)| page.pixel(x + a, y + b) == image.pixel(a, b)), "{row}");
    }
}

#[test]
fn sources_are_the_datasets_own_files() {
    let scene = distilled();
    scene.line("export --set set --format sources --out sources").fails(2, &["give --data DIR"]);
    scene.line("export --set set --format rded --data data --out x").fails(2, &["--data is for --format sources"]);
    let line = scene.line("export --set set --format sources --data data --out sources").last();
    let about = lines(&scene, "sources/metadata.jsonl");
    assert_eq!((line["images"].as_u64().unwrap() as usize, &line["lossless"]), (about.len(), &json!(true)));
    assert_eq!(about.len(), CLASSES * IPC * 4, "a patch of each image at most");
    for line in about {
        let (file, source) = (line["file_name"].as_str().unwrap(), line["source"].as_str().unwrap());
        assert!(file.starts_with(&format!("{:03}_class", line["label"].as_u64().unwrap())), "{line}");
        let read = |name: String| std::fs::read(scene.at(name)).unwrap();
        assert_eq!(read(format!("sources/{file}")), read(format!("data/{source}")));
        assert!(line["cells"][0]["image"].as_str().unwrap().ends_with(".png"), "{line}");
    }
    std::fs::remove_file(scene.at("data").join(lines(&scene, "sources/metadata.jsonl")[0]["source"].as_str().unwrap()))
        .unwrap();
    let run = scene.line("export --set set --format sources --data data --out again");
    run.fails(1, &["data: 1 of 24 source images can't be read: class2/", "has other names than the dataset"]);
}

#[test]
fn a_dry_run_tells_the_size_and_writes_nothing() {
    let scene = distilled();
    let before = tree(&scene.at("."));
    let dry = |format: &str| {
        let run = scene.line(&format!("export --set set --format {format} --out new/{format} --dry-run"));
        run.says(&["6 images: "]);
        run.last()
    };
    let sizes = FORMATS.map(dry);
    assert!(tree(&scene.at(".")) == before && !scene.at("new").exists());
    for (format, size) in FORMATS.into_iter().zip(sizes) {
        let line = export(&scene, format);
        assert_eq!(
            (&size["dry_run"], &size["files"], &size["lossless"]),
            (&json!(true), &line["files"], &line["lossless"])
        );
        let (said, found) = (size["bytes"].as_u64().unwrap(), line["bytes"].as_u64().unwrap());
        let exact = size["exact"].as_bool().unwrap();
        assert!(if exact { said == found } else { said >= found }, "{format}: {said} and {found}");
        assert_eq!(found, tree(&scene.at(format)).values().map(|bytes| bytes.len() as u64).sum::<u64>(), "{format}");
    }
}

#[test]
fn an_export_is_the_same_again_and_replaces_nothing() {
    let scene = distilled();
    for format in FORMATS {
        export(&scene, format);
        let before = tree(&scene.at(format));
        let run = scene.line(&format!("export --set set --format {format} --out {format}"));
        run.fails(1, &["exists and is not empty", &format!("{format}-2 is free")]);
        assert_eq!(scene.line(&format!("export --set set --format {format} --out {format}-2")).code, 0);
        assert!(tree(&scene.at(format)) == before);
        assert_same_trees(&scene.at(format), &scene.at(format!("{format}-2")));
    }
    let run = scene.line("export --set set --format parquet --out set/parquet");
    run.fails(1, &["set, which is read: give a folder elsewhere"]);
    assert!(!scene.at("set/parquet").exists());
    let run = scene.line("export --set set --format png --out x");
    run.fails(2, &["'png' is no format: give rded, sre2l, imagefolder"]);
}

#[test]
fn names_that_no_file_system_takes_are_in_the_metadata() {
    let scene = distilled();
    let names = ["../a/b", ".\u{732b}", "nul"];
    let entry = |(index, name): (usize, &str)| json!({"index": index, "folder": format!("{index:05}"), "name": name});
    let entries: Vec<Value> = names.into_iter().enumerate().map(entry).collect();
    scene.write("set/classes.json", serde_json::to_string(&entries).unwrap().as_bytes());
    for format in FORMATS {
        export(&scene, format);
    }
    let mut folders: Vec<String> =
        tree(&scene.at("imagefolder")).keys().filter_map(|name| Some(name.split_once('/')?.0.to_owned())).collect();
    folders.dedup();
    assert_eq!(folders, ["000__a_b", "001_\u{732b}", "002__nul"]);
    assert_eq!(in_folders(&scene, "imagefolder"), images(&scene));
    let about = lines(&scene, "imagefolder/metadata.jsonl");
    assert_eq!([0, 2, 4].map(|at: usize| about[at]["class"].as_str().unwrap().to_owned()), names);
}

#[test]
fn a_class_without_images_never_shifts_labels() {
    let scene = Scene::new();
    for class in ["a", "c"] {
        scene.write(format!("set/{class}/0.png"), &png(class, 16));
    }
    scene.write("set/b/readme.txt", b"no image");
    for format in ["rded", "sre2l", "imagefolder"] {
        let run = scene.line(&format!("export --set set --format {format} --out x"));
        run.fails(1, &["1 of 3 classes have no images (b)", "export as parquet or webdataset"]);
    }
    for format in ["parquet", "webdataset", "lic", "contact-sheet"] {
        assert_eq!(export(&scene, format)["images"], 2, "{format}");
    }
    let Item::Dict(entries) = tensor(&scene, "lic/data.pt") else { panic!("no dictionary") };
    let Item::Tensor(labels) = &entries[2].1 else { panic!("no labels") };
    assert_eq!(labels.integers().unwrap(), [0, 2]);
    assert!(!scene.at("x").exists());
}

#[test]
fn what_a_format_cannot_hold_is_refused() {
    let scene = Scene::new();
    scene.write("set/a/0.png", &png("0", 16));
    scene.write("set/a/1.png", &png("1", 16));
    scene.write("set/b/0.png", &png("2", 24));
    for format in ["dd-ranking", "lic"] {
        let run = scene.line(&format!("export --set set --format {format} --out x"));
        run.fails(1, &["2 of 16×16 pixels, 1 of 24×24 pixels"]);
    }
    scene.write("set/b/1.png", b"no image");
    scene.line("export --set set --format parquet --out x").fails(1, &["b/1.png"]);
    let scene = distilled();
    std::fs::remove_file(scene.at("set/00001/class00001_id00001.png")).unwrap();
    let run = scene.line("export --set set --format parquet --out x");
    run.fails(1, &["are missing: 00001/class00001_id00001.png"]);
    assert!(!scene.at("x").exists());
}
