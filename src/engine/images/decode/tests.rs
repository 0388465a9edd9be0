use std::sync::Arc;

use super::*;
use crate::core::data::dataset::{Class, DatasetBuilder, Layout, Split};
use crate::core::data::source::Held;
use crate::engine::images::fixtures::{Tensors, folder, levels};

fn file(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

/// A dataset of one class with what `source` holds.
fn dataset(source: Arc<Held>) -> Dataset {
    let mut builder = DatasetBuilder::default();
    let class = Class { name: "all".into(), title: None, folder: Vec::new() };
    builder.class(class, source.0.keys().cloned().collect());
    builder.build("/data".into(), Layout::ImageFolder, Split::Whole, source).unwrap()
}

fn reason(bytes: &[u8]) -> String {
    decode(bytes).expect_err("these bytes are refused").to_string()
}

#[test]
fn every_mode_becomes_pillows_rgb() {
    let reference = Tensors::read(&folder().join("decoded.safetensors"));
    let names = reference.names();
    assert_eq!(names.len(), 34);
    for name in names {
        let image = decode(&file(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (greatest, mean) = levels(&image, &reference.image(&name));
        println!("{name}: greatest difference {greatest}, mean {mean:.3}");
        // Lossy decoders round their transforms differently; everything else has one right answer.
        let allowed = if name.ends_with(".jpg") || name.starts_with("lossy") { (4, 0.5) } else { (0, 0.0) };
        assert!(greatest <= allowed.0 && mean <= allowed.1, "{name}: greatest {greatest}, mean {mean}");
    }
}

/// Formats that are read beside JPEG, PNG, BMP and WebP, and JPEGs with bytes between their segments.
#[test]
fn other_formats_and_padded_files_become_pillows_rgb() {
    let folder = folder().with_file_name("formats");
    let reference = Tensors::read(&folder.join("decoded.safetensors"));
    let names = reference.names();
    assert_eq!(names.len(), 40);
    let mut wrong = Vec::new();
    for name in names {
        let image = match decode(&std::fs::read(folder.join(&name)).unwrap()) {
            Ok(image) => image,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let expected = reference.image(&name);
        if (image.width, image.height) != (expected.width, expected.height) {
            wrong.push(format!("{name}: {}×{}", image.width, image.height));
            continue;
        }
        let (greatest, mean) = levels(&image, &expected);
        let allowed = if name.ends_with(".jpg") { (4, 0.5) } else { (0, 0.0) };
        if greatest > allowed.0 || mean > allowed.1 {
            wrong.push(format!("{name}: greatest difference {greatest}, mean {mean}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Padding changes nothing.
    let of = |name: &str| decode(&std::fs::read(folder.join(name)).unwrap()).unwrap();
    for name in ["420_zeros.jpg", "420_fill.jpg", "420_mixed.jpg"] {
        assert_eq!(of(name), of("420_plain.jpg"), "{name}");
    }
    for (name, words) in [("palette.tif", "this TIFF"), ("cmyk.tif", "a TIFF of the colours CMYK is not supported")] {
        assert!(reason(&std::fs::read(folder.join(name)).unwrap()).contains(words), "{name}");
    }
}

#[test]
fn the_first_bytes_count_not_the_name() {
    let data = dataset(Held::encoded([("really_a_png.jpg".to_owned(), file("rgb.png"))]));
    assert_eq!(read(&data, ImageId(0)).unwrap(), decode(&file("rgb.png")).unwrap());
}

#[test]
fn a_jpeg_cut_anywhere_is_broken() {
    for name in ["rgb420.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "restart.jpg", "one.jpg"] {
        let bytes = file(name);
        for length in 3..bytes.len() {
            assert!(reason(&bytes[..length]).starts_with("damaged JPEG"), "{name} cut to {length} bytes");
        }
    }
}

#[test]
fn a_cut_file_of_another_format_is_broken() {
    for name in ["rgb.png", "palette.png", "rgb16.png", "rgb.bmp", "grey.bmp", "rgb.webp", "lossy.webp"] {
        let bytes = file(name);
        // The checksum of a PNG's end chunk is not missed, by Pillow neither.
        let least = if name.ends_with(".png") { 5 } else { 1 };
        for missing in least..bytes.len() - 12 {
            let error = reason(&bytes[..bytes.len() - missing]);
            assert!(error.starts_with("damaged"), "{name} without {missing} bytes: {error}");
        }
    }
    let formats = folder().with_file_name("formats");
    // A GIF's last blocks hold no pixels.
    for (name, least) in [("palette.gif", 12), ("raw.tif", 400), ("p6.ppm", 1), ("p3.ppm", 8), ("p4.pbm", 1)] {
        let bytes = std::fs::read(formats.join(name)).unwrap();
        for missing in least..bytes.len() - 12 {
            let error = reason(&bytes[..bytes.len() - missing]);
            assert!(error.starts_with("damaged") || error.starts_with("this"), "{name} without {missing}: {error}");
        }
    }
}

#[test]
fn flipped_bits_never_panic() {
    for name in Tensors::read(&folder().join("decoded.safetensors")).names() {
        let bytes = file(&name);
        for at in 0..bytes.len().min(600) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            damaged[(at * 7 + 3) % bytes.len()] ^= 0xFF;
            // Either outcome is right; no panic and no endless loop is what counts.
            let _ = decode(&damaged);
        }
    }
    let formats = folder().with_file_name("formats");
    for name in Tensors::read(&formats.join("decoded.safetensors")).names() {
        let bytes = std::fs::read(formats.join(name)).unwrap();
        for at in 0..bytes.len().min(400) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            let _ = decode(&damaged);
        }
    }
}

#[test]
fn no_images_are_named_as_such() {
    assert!(reason(b"").contains("empty"));
    assert!(reason(b"this is not a photograph\n").contains("not an image"));
    assert!(reason(b"\0\0\0\x18ftypheic\0\0\0\0").contains("the format HEIC is not supported; convert it to PNG"));
    assert!(reason(b"\x89PNG\r\n\x1a\n").contains("damaged PNG"));
    assert!(reason(&[0xFF, 0xD8, 0xFF]).contains("damaged JPEG"));
    assert!(reason(&[0; 4096]).contains("not an image"));
}

#[test]
fn messages_name_the_file() {
    let data = dataset(Held::encoded([("odd\nname.jpg".to_owned(), b"some text".to_vec())]));
    let error = read(&data, ImageId(0)).unwrap_err();
    assert!(error.to_string().contains("/data/odd\\x0aname.jpg: not an image"), "{error}");
    assert!(matches!(error.reason(), ImageError::Unknown) && !error.may_pass());
    let missing = read_named(&data, b"gone.png").unwrap_err();
    assert!(missing.to_string().contains("/data/gone.png: cannot be read") && missing.may_pass(), "{missing}");
}

#[test]
fn raw_records_are_planes() {
    let record = |width, samples: Vec<u8>| ImageBytes::Raw(Planes { width, height: 32, samples: samples.into() });
    let samples: Vec<u8> = (0..3072_u32).map(|i| (i % 251) as u8).collect();
    let records = [(b"a#0".to_vec(), record(32, samples.clone())), (b"a#1".to_vec(), record(31, samples))];
    let data = dataset(Arc::new(Held(records.into())));
    let image = read(&data, ImageId(0)).unwrap();
    assert_eq!((image.width, image.height, image.data.len()), (32, 32, 3072));
    // Row 1, column 2 is sample 34 of each plane: 34, 1024 + 34 = 1058 and 2082, mod 251.
    assert_eq!(image.pixel(2, 1), [34, 54, 74]);
    let error = read(&data, ImageId(1)).unwrap_err().to_string();
    assert!(error.contains("a#1: damaged record (31×32 pixels have not 3072 samples)"), "{error}");
}

/// A JPEG's header that claims another size.
fn claim(name: &str, marker: u8, (width, height): (u16, u16)) -> Vec<u8> {
    let mut bytes = file(name);
    let at = bytes.windows(2).position(|w| w == [0xFF, marker]).unwrap();
    bytes[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
    bytes[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

#[test]
fn too_large_is_decided_by_the_header() {
    let too_large = |bytes: &[u8]| match decode(bytes) {
        Err(ImageError::TooLarge { bytes, .. }) => Some(bytes),
        _ => None,
    };
    // 65,535² · 3 bytes = 12 GiB; progressive, 20,000² takes 3 + 6 bytes a pixel; CMYK 4 + 3.
    assert_eq!(too_large(&claim("rgb420.jpg", 0xC0, (65_535, 65_535))), Some(65_535 * 65_535 * 3));
    assert_eq!(too_large(&claim("progressive.jpg", 0xC2, (20_000, 20_000))), Some(3_600_000_000));
    assert_eq!(too_large(&claim("cmyk.jpg", 0xC0, (20_000, 20_000))), Some(2_800_000_000));
    let mut png = file("rgb16.png");
    png[16..20].copy_from_slice(&20_000_u32.to_be_bytes());
    png[20..24].copy_from_slice(&20_000_u32.to_be_bytes());
    let sum = crc(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(too_large(&png), Some(3_600_000_000));
    assert!(decode(&png).unwrap_err().to_string().contains("20000×20000 pixels take 3.4 GiB"));
}

/// PNG's checksum.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &b| {
        (0..8).fold(crc ^ u32::from(b), |c, _| if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 })
    })
}

#[cfg(feature = "shared-data")]
#[test]
fn cifar_jpegs_equal_pillow_within_four_levels() {
    use crate::core::data::pixels::Rgb8;
    use crate::engine::images::fixtures::{data, shared};
    let pixels = Tensors::read(&shared("parity/rded_images.safetensors")).u8("images");
    let notes: serde_json::Value = serde_json::from_slice(&std::fs::read(shared("parity/rded.json")).unwrap()).unwrap();
    let classes = notes["runs"][0]["classes"].as_array().unwrap();
    let (mut greatest, mut sum, mut count) = (0, 0.0, 0);
    for class in classes {
        for name in class["files"].as_array().unwrap() {
            let folder = data("cifar10/train").join(class["name"].as_str().unwrap());
            let image = decode(&std::fs::read(folder.join(name.as_str().unwrap())).unwrap()).unwrap();
            let expected = Rgb8 { width: 32, height: 32, data: pixels[count * 3072..(count + 1) * 3072].to_vec() };
            let (most, mean) = levels(&image, &expected);
            assert!(most <= 4 && mean <= 0.5, "{}/{name}: greatest {most}, mean {mean}", class["name"]);
            greatest = greatest.max(most);
            sum += mean;
            count += 1;
        }
    }
    println!("{count} images: greatest difference {greatest}, mean {:.4}", sum / count as f64);
    // What the exact chroma of `jpeg::quarter` is for: without it the mean is 0.30.
    assert!(sum / (count as f64) < 0.05);
    assert_eq!(count, 600);
}
