//! Files that are read again, files that PyTorch wrote, and files that no one should write.

use std::io::Cursor;

use super::*;

fn read(bytes: impl AsRef<[u8]>) -> Result<Item, TorchFileError> {
    super::read(Cursor::new(bytes.as_ref()))
}

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
    assert_eq!(read(bytes_of(&everything())).unwrap(), everything());
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
        read(around(&pickle.finish(), &storage)).map(|item| match item {
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

/// What a pickle is, and what was passed over in looking for tensors.
fn tensors(pickle: &[u8], storage: &[u8]) -> Result<(Vec<String>, Vec<String>), TorchFileError> {
    let mut file = TorchFile::open(Cursor::new(around(pickle, storage)))?;
    let (entries, notes) = file.tensors()?;
    Ok((entries.into_iter().map(|e| e.key).collect(), notes))
}

/// A memo that is fetched, a list that holds itself: values lie in one arena.
#[test]
fn what_is_recalled_is_shared() {
    let item = read(around(b"\x80\x02]q\x00(K\x01h\x01h\x01e.", &[]));
    assert!(item.unwrap_err().to_string().contains("has not met"));
    let pair = read(around(b"\x80\x02]q\x00K\x01ah\x00\x86.", &[])).unwrap();
    let one = Item::List(vec![Item::Int(1)]);
    assert_eq!(pair, Item::Tuple(vec![one.clone(), one]));
    // What was put into the list after it was remembered is in both.
    let grown = read(around(b"\x80\x02]q\x00h\x00K\x02a\x86.", &[])).unwrap();
    let two = Item::List(vec![Item::Int(2)]);
    assert_eq!(grown, Item::Tuple(vec![two.clone(), two]));
    let itself = b"\x80\x02]q\x00h\x00a.";
    assert!(read(around(itself, &[])).unwrap_err().to_string().contains("too deep"));
    assert!(tensors(itself, &[]).unwrap_err().to_string().contains("too deep"));
}

/// Everything that isn't a tensor stays a name.
#[test]
fn unknown_classes_are_passed_over_by_name() {
    let passed = |pickle: &[u8]| tensors(pickle, &[]).unwrap().1.join("; ");
    for (pickle, name) in [
        (&b"\x80\x02}U\x01ocoptim\nSGD\n)\x81}U\x02lrK\x01sbs."[..], "'o' (optim.SGD)"),
        (b"\x80\x02}U\x01fcbuiltins\ngetattr\ncnet\nPlain\n)\x81U\x04step\x86Rs.", "'f' (builtins.getattr)"),
        (b"\x80\x02}U\x01tcbuiltins\ntype\ns.", "'t' (builtins.type)"),
        (b"\x80\x02}U\x01rc__builtin__\nrange\nK\x00K\x03K\x01\x87Rs.", "'r' (__builtin__.range)"),
        (b"\x80\x02}U\x01acnumpy.core.multiarray\n_reconstruct\n)Rs.", "'a' (numpy.core.multiarray._reconstruct)"),
        (b"ccopy_reg\n_reconstructor\n(cnet\nPlain\nc__builtin__\nobject\nNtR.", "net.Plain"),
    ] {
        assert!(passed(pickle).contains(name), "{}", passed(pickle));
    }
    // A dict subclass, a defaultdict, a deque and an OrderedDict of pairs are what they hold.
    let held = |pickle: &[u8]| read(around(pickle, &[])).unwrap();
    let entry = Item::Dict(vec![(text("a"), Item::Int(1))]);
    assert_eq!(held(b"\x80\x02cnet\nCfg\n)\x81U\x01aK\x01s."), entry);
    assert_eq!(held(b"\x80\x02ccollections\ndefaultdict\nc__builtin__\nlist\n\x85RU\x01aK\x01s."), entry);
    assert_eq!(held(b"\x80\x02ccollections\nOrderedDict\n]](U\x01aK\x01ea\x85R."), entry);
    assert_eq!(held(b"\x80\x02ccollections\ndeque\n]K\x01a\x85R."), Item::List(vec![Item::Int(1)]));
    assert_eq!(held(b"Vd\\u00e9j\\u00e0\n."), text("déjà"));
}

#[test]
fn bombs_and_nonsense_are_errors() {
    let refused = |pickle: &[u8]| read(around(pickle, &[])).unwrap_err().to_string();
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
        (b"\x80\x02Nr\xff\xff\xff\xff.", "too large a memo"),
        (b"\x80\x02K\x01)R.", "no function"),
        (b"\x80\x02K\x01K\x02a.", "no list"),
        (b"\x80\x02a.", "isn't there"),
        (b"\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.", "beyond 64 bits"),
        (b"\x80\x02ctorch\nFloatStorage\n.", "torch.FloatStorage in place of a value"),
        (b"\x80\x02\x01.", "0x01 where an opcode"),
        (b"\x80\x02\x82\x01.", "classes by numbers"),
        (b"\x80\x05\x97.", "buffers of protocol 5"),
        (b"\x80\x02Px\n.", "save it with protocol 2"),
        (b"\x80\x02(o.", "object of no class"),
        (b"\x80\x02X\x01\x00\x00\x00\xff.", "UTF-8"),
    ] {
        let said = refused(pickle);
        assert!(said.contains(why), "{pickle:?}: {said}");
    }
    // Nine bytes that are a number of eight.
    assert_eq!(read(around(b"\x80\x02\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff.", &[])).unwrap(), Item::Int(-1));
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
    assert_eq!(read(b"").unwrap_err().to_string(), "it is empty");
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("readme", SimpleFileOptions::default()).unwrap();
    let other = archive.finish().unwrap().into_inner();
    assert!(read(&other).unwrap_err().to_string().contains("it has no data.pkl"));
}

mod people;
