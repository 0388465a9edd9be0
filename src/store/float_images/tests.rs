use super::super::export::floats::{FloatHeader, FloatWriter};
use super::super::export::folder::NewFolder;
use super::*;

/// Two classes of two and one image, 2×1 pixels; the row's number is red, the column green.
fn written(folder: &Path) -> PathBuf {
    let out = NewFolder::begin(&folder.join("set")).unwrap();
    let names = ["00000/a.png", "00000/b.png", "00001/c.png"].map(str::to_owned).into();
    let header = FloatHeader { width: 2, height: 1, names, labels: vec![0, 0, 1] };
    let bytes = header.bytes();
    let mut writer = FloatWriter::begin(&out, FILE.to_owned(), header).unwrap();
    (0..3).for_each(|row| writer.put(&image(row as f32)).unwrap());
    writer.finish().unwrap();
    let path = out.publish().unwrap().join(FILE);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), bytes);
    path
}

fn image(row: f32) -> RgbF32 {
    RgbF32 { width: 2, height: 1, data: vec![row, 0.0, -1.5, row, 1.0, -1.5] }
}

#[test]
fn what_was_written_is_read_row_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let set = FloatImages::open(&path).unwrap().unwrap();
    assert_eq!(
        (set.names(), set.labels()),
        (&["00000/a.png", "00000/b.png", "00001/c.png"].map(String::from)[..], &[0, 0, 1][..])
    );
    for (row, name) in set.names().iter().enumerate().rev() {
        assert_eq!(set.read(name.as_bytes()).unwrap(), image(row as f32));
    }
    assert!(set.has(b"00001/c.png") && !set.has(b"00001/d.png"));
    assert!(set.read(b"00001/d.png").unwrap_err().to_string().starts_with("has no row in "));
    let bytes = std::fs::read(&path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let images = tensors.tensor(IMAGES).unwrap();
    assert_eq!((images.dtype(), images.shape()), (safetensors::Dtype::F32, &[3, 3, 1, 2][..]));
    let planes: Vec<f32> = images.data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    assert_eq!(planes[6..12], [1.0, 1.0, 0.0, 1.0, -1.5, -1.5], "planes of the second image");
    assert_eq!(tensors.tensor(LABELS).unwrap().data()[16..], 1_i64.to_le_bytes());
}

#[test]
fn a_writer_takes_what_its_header_says_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let out = NewFolder::begin(&folder.path().join("set")).unwrap();
    let header = FloatHeader { width: 2, height: 1, names: vec!["a".into(), "b".into()], labels: vec![0, 0] };
    let mut writer = FloatWriter::begin(&out, FILE.to_owned(), header).unwrap();
    let refused = |result: Result<(), crate::store::export::folder::FolderError>, why: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    refused(writer.put(&RgbF32::black(1, 2)), "a has 1×2 pixels, and the others 2×1");
    refused(writer.put(&image(f32::NAN)), "not finite");
    writer.put(&image(0.0)).unwrap();
    writer.put(&image(1.0)).unwrap();
    refused(writer.put(&image(2.0)), "all its images");
    writer.finish().unwrap();
    let header = FloatHeader { width: 2, height: 1, names: vec!["a".into()], labels: vec![0] };
    refused(FloatWriter::begin(&out, "other".to_owned(), header).unwrap().finish(), "0 of its 1 images");
}

/// The same length in other words.
fn swapped(bytes: &[u8], old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let at = bytes.windows(old.len()).position(|w| w == old.as_bytes()).unwrap();
    [&bytes[..at], new.as_bytes(), &bytes[at + old.len()..]].concat()
}

#[test]
fn files_that_contradict_themselves_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let cases = [
        (whole[..whole.len() - 1].to_vec(), "beyond the file"),
        ([&whole[..], b"x"].concat(), "its tensors end at byte"),
        (swapped(&whole, "F32", "I32"), "not of 32-bit floats"),
        (swapped(&whole, "I64", "F64"), "not of 64-bit integers"),
        (swapped(&whole, "[3,3,1,2]", "[3,1,3,2]"), "where [N, 3, H, W] is due"),
        (swapped(&whole, "00000/b.png", "00000/a.png"), "two of its rows have one name"),
        (swapped(&whole, r"a.png\n00", r"a.png,,00"), "3 rows and 2 names"),
        (swapped(&whole, r#""version":"1""#, r#""version":"2""#), "use a newer stillroom"),
    ];
    for (bytes, why) in cases {
        std::fs::write(&path, bytes).unwrap();
        let error = FloatImages::open(&path).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("images.safetensors: "), "{error}");
    }
    std::fs::write(&path, swapped(&whole, "stillroom images", "stillroom rooms ")).unwrap();
    assert!(FloatImages::open(&path).unwrap().is_none(), "somebody else's");
    assert!(FloatImages::open(&folder.path().join("gone")).is_err());
}

/// The file is spoken of as what it should be, images, and never as a network that somebody wants to load.
#[test]
fn other_files_of_that_name_are_told_by_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    for (bytes, what) in [
        (&b"no tensors at all"[..], "it is a text"),
        (b"short", "it is a text"),
        (b"", "it is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "it is an image"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "it is a pointer of Git LFS"),
        (b"\x02\0\0\0\0\0\0\0{]", "its header describes no tensors"),
        (b"\xff\0\0\0\0\0\0\0{}", "its header of 255 bytes is longer than the file"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = FloatImages::open(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("images.safetensors: it holds no images as floats: {what}")), "{error}");
        assert!(error.ends_with(REMEDY) && !error.contains("network"), "{error}");
    }
}

#[test]
fn a_value_that_is_no_number_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 4;
    bytes[at..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let set = FloatImages::open(&path).unwrap().unwrap();
    assert_eq!(set.read(b"00000/b.png").unwrap(), image(1.0));
    let error = set.read(b"00001/c.png").unwrap_err().to_string();
    assert!(error.starts_with("value 5 of its row 2 in ") && error.contains("is NaN"), "{error}");
}
