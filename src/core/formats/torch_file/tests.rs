//! Files that are read again, files that PyTorch wrote, and files that no one should write.

use super::*;

fn bytes_of(item: &Item) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    write(&mut out, item).unwrap();
    out.into_inner()
}

/// An archive of this pickle and the storage `0`.
fn around(pickle: &[u8], storage: &[u8]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    archive(&mut out, pickle, [storage]).unwrap();
    out.into_inner()
}

fn text(text: &str) -> Item {
    Item::Text(text.to_owned())
}

fn everything() -> Item {
    let tensor = |dtype: Dtype, shape: &[usize]| {
        let bytes = (0..shape.iter().product::<usize>() * dtype.size()).map(|b| b as u8 & 1).collect();
        Item::Tensor(Tensor { dtype, shape: shape.to_vec(), bytes })
    };
    Item::List(vec![
        Item::None,
        Item::Bool(true),
        Item::Bool(false),
        Item::List([0, 255, 256, -1, i64::from(i32::MIN), 1 << 40, i64::MAX, i64::MIN].map(Item::Int).into()),
        Item::Tuple([0.1, -0.0, f64::INFINITY, 1e-300].map(Item::Float).into()),
        text("λ"),
        Item::Bytes(vec![0, 127, 128, 255]),
        Item::Dict(vec![(text("epoch"), Item::Int(3)), (Item::Int(4), Item::List(vec![]))]),
        Item::Tuple(Dtype::STORAGES.map(|(dtype, _)| tensor(dtype, &[2, 3])).into()),
        tensor(Dtype::F32, &[]),
        tensor(Dtype::F32, &[0, 4]),
        tensor(Dtype::I64, &[2, 1, 5]),
    ])
}

#[test]
fn what_is_written_is_read_again() {
    assert_eq!(read(&bytes_of(&everything())).unwrap(), everything());
    assert_eq!(bytes_of(&everything()), bytes_of(&everything()), "without a clock");
}

#[test]
fn views_are_gathered_and_stay_within_their_storage() {
    // float32 0, 1, …, 5 as the 2×3 tensor, its transpose, and every second value from the second on.
    let storage: Vec<u8> = (0..6).flat_map(|v| (v as f32).to_le_bytes()).collect();
    let view = |offset: i64, shape: &[i64], stride: &[i64], count: i64| {
        let mut pickle = Pickle::new();
        let ints = |pickle: &mut Pickle, values: &[i64]| {
            pickle.op(b'(');
            values.iter().for_each(|&v| pickle.integer(v));
            pickle.op(b't');
        };
        b"ctorch._utils\n_rebuild_tensor_v2\n((".iter().for_each(|&b| pickle.op(b));
        pickle.text("storage");
        b"ctorch\nFloatStorage\n".iter().for_each(|&b| pickle.op(b));
        pickle.text("0");
        pickle.text("cpu");
        pickle.integer(count);
        b"tQ".iter().for_each(|&b| pickle.op(b));
        pickle.integer(offset);
        ints(&mut pickle, shape);
        ints(&mut pickle, stride);
        pickle.op(0x89);
        pickle.ordered_dict();
        b"tR".iter().for_each(|&b| pickle.op(b));
        read(&around(&pickle.finish(), &storage)).map(|item| match item {
            Item::Tensor(t) => t.floats().unwrap(),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(view(0, &[2, 3], &[3, 1], 6).unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(view(0, &[3, 2], &[1, 3], 6).unwrap(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(view(1, &[3], &[2], 6).unwrap(), [1.0, 3.0, 5.0]);
    assert_eq!(view(5, &[2, 2], &[0, 0], 6).unwrap(), [5.0; 4]);
    for (offset, shape, stride, count) in [
        (1, vec![2, 3], vec![3, 1], 6),
        (0, vec![7], vec![1], 7),
        (0, vec![2], vec![i64::MAX], 6),
        (i64::MAX, vec![2], vec![i64::MAX], 6),
        (0, vec![2, 3], vec![1], 6),
        (0, vec![i64::MAX, i64::MAX], vec![0, 0], 6),
        (0, vec![-1], vec![1], 6),
    ] {
        let error = view(offset, &shape, &stride, count).unwrap_err().to_string();
        assert!(error.contains("reaches beyond its data") || error.contains("without a shape"), "{error}");
    }
    // A small storage that is to become 2⁶⁰ values.
    assert!(view(0, &[1 << 30, 1 << 30], &[0, 0], 6).unwrap_err().to_string().contains("too large"));
}

#[test]
fn calls_are_refused_by_name_and_nothing_is_executed() {
    for (pickle, name) in [
        (&b"\x80\x02cposix\nsystem\n(X\x04\x00\x00\x00truetR."[..], "posix.system"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.", "builtins.eval"),
        (b"\x80\x02ctorch\nload\n(X\x01\x00\x00\x00xtR.", "torch.load"),
        (b"\x80\x02]cnumpy.core.multiarray\n_reconstruct\na.", "numpy.core.multiarray._reconstruct"),
    ] {
        let error = read(&around(pickle, &[])).unwrap_err();
        assert_eq!(error, TorchFileError::Call(name.to_owned()));
        assert!(error.to_string().contains("nothing was executed"));
    }
}

#[test]
fn bombs_and_nonsense_are_errors() {
    let refused = |pickle: &[u8]| read(&around(pickle, &[])).unwrap_err().to_string();
    // Tuples of ten of the last tuple, again and again: 10^30 values.
    let mut bomb = b"\x80\x02)".to_vec();
    for _ in 0..30 {
        bomb.extend(b"q\x00(");
        bomb.extend(b"h\x00".repeat(10));
        bomb.push(b't');
    }
    bomb.push(b'.');
    assert!(refused(&bomb).contains("too many values"));
    let deep = [&b"\x80\x02)"[..], &[0x85; 100_000], b"."].concat();
    assert!(refused(&deep).contains("too deep"));
    let deep = [&b"\x80\x02"[..], &b"]".repeat(100_000), &b"a".repeat(99_999), b"."].concat();
    assert!(refused(&deep).contains("too deep"));
    for (pickle, why) in [
        (&b"\x80\x02"[..], "ends too early"),
        (b"\x80\x02.", "isn't there"),
        (b"\x80\x02(.", "isn't there"),
        (b"\x80\x02X\xff\xff\xff\xff.", "ends too early"),
        (b"\x80\x02t.", "has not begun"),
        (b"\x80\x02h\x07.", "has not met"),
        (b"\x80\x02]q\x00h\x00.", "a list twice"),
        (b"\x80\x02Nr\xff\xff\xff\xff.", "too large a memo"),
        (b"\x80\x02K\x01)R.", "no function"),
        (b"\x80\x02K\x01K\x02a.", "no list"),
        (b"\x80\x02a.", "isn't there"),
        (b"\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.", "beyond 64 bits"),
        (b"\x80\x02ctorch\nFloatStorage\n.", "in place of a value"),
        (b"\x80\x02i.", "opcode 0x69"),
        (b"\x80\x02X\x01\x00\x00\x00\xff.", "UTF-8"),
    ] {
        let said = refused(pickle);
        assert!(said.contains(why), "{pickle:?}: {said}");
    }
    // Nine bytes that are a number of eight.
    assert_eq!(read(&around(b"\x80\x02\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff.", &[])).unwrap(), Item::Int(-1));
}

#[test]
fn damaged_archives_are_errors_at_every_byte() {
    let whole = bytes_of(&Item::List(vec![text("a"), Item::Int(5)]));
    for at in 0..whole.len() {
        let _ = read(&whole[..at]).unwrap_err();
        let mut wrong = whole.clone();
        wrong[at] ^= 0x10;
        // Some bytes have no meaning; none makes another value.
        assert!(read(&wrong).is_err() || read(&wrong) == read(&whole), "byte {at}");
    }
    assert!(read(b"").unwrap_err().to_string().contains("damaged or cut off"));
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("readme", SimpleFileOptions::default()).unwrap();
    let other = archive.finish().unwrap().into_inner();
    assert!(read(&other).unwrap_err().to_string().contains("it has no data.pkl"));
}
