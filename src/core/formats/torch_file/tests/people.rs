//! What people keep beside the weights, and files that want to run something. The files of `fuzz/seeds` are made by
//! `tests/fixtures/pickles.py`.

use super::*;

macro_rules! seed {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/", $name))
    };
}

const NET: [&str; 7] = [
    "fc.weight",
    "fc.bias",
    "norm.weight",
    "norm.bias",
    "norm.running_mean",
    "norm.running_var",
    "norm.num_batches_tracked",
];

#[test]
fn whatever_lies_beside_the_weights_is_passed_over_by_name() {
    for (pickle, builtins) in [(&seed!("pickle/kinds2")[..], "__builtin__"), (seed!("pickle/kinds5"), "builtins")] {
        let (keys, notes) = tensors(pickle, &[]).unwrap();
        let of = |place: &str| NET.map(|key| format!("{place}.{key}"));
        // A module's table of buffers lists what `state_dict()` leaves out.
        let expected = [vec!["parameter".to_owned()], of("state_dict").into(), of("module").into()].concat();
        assert_eq!(keys, expected);
        let [note] = &notes[..] else { panic!("{notes:?}") };
        for named in ["'cfg' (__main__.Cfg)", "'steps' (__main__.Steps)", "'optimizer' (torch.optim.sgd.SGD)"] {
            assert!(note.contains(named), "{named}: {note}");
        }
        for named in ["'array' (numpy._core.", "'dtype' (numpy.dtype)", "'kind' (numpy.float32)"] {
            assert!(note.contains(named), "{named}: {note}");
        }
        let range = if builtins == "builtins" { "range" } else { "xrange" };
        assert!(note.contains(&format!("'range' ({builtins}.{range})")), "{note}");
        assert!(note.ends_with(" more"), "{note}");
    }
    for pickle in [&seed!("pickle/plain_kinds0")[..], seed!("pickle/plain_kinds1"), seed!("pickle/plain_kinds3")] {
        let (entries, notes) = TorchFile::open(Cursor::new(pickle)).unwrap().tensors().unwrap();
        assert!(entries.is_empty() && notes[0].contains("'cfg' (__main__.Cfg)"), "{notes:?}");
    }
}

/// One by one, what is passed over is called by its class.
#[test]
fn each_kind_has_its_name() {
    let told = |pickle: &[u8]| tensors(pickle, &[]).unwrap().1.join("; ");
    for (pickle, name) in [
        (&b"\x80\x02}U\x01acsubprocess\nPopen\ns."[..], "'a' (subprocess.Popen)"),
        (b"\x80\x02}U\x01cc__builtin__\ncomplex\nK\x00K\x01\x86Rs.", "'c' (__builtin__.complex)"),
        (b"\x80\x02}U\x01dctorch\ndevice\nU\x03cpu\x85Rs.", "'d' (torch.device)"),
        (b"\x80\x02}U\x01pcfunctools\npartial\ncnet\nf\n\x85R(cnet\nf\n)}Ntbs.", "'p' (functools.partial)"),
        (b"\x80\x02}U\x01mc__builtin__\ngetattr\ncnet\nOuter\nU\x05Inner\x86R)\x81s.", "'m' (net.Outer.Inner)"),
        (b"\x80\x02}U\x01scnet\nSlots\n)\x81N}U\x01aK\x01s\x86bs.", "'s' (net.Slots)"),
        (b"\x80\x04}U\x01xcnet\nWith\n)}U\x01kK\x01s\x92s.", "'x' (net.With)"),
        (b"\x80\x02}U\x01ncoperator\nitemgetter\nK\x01\x85Rs.", "'n' (operator.itemgetter)"),
        (b"\x80\x02}U\x01fcdill._dill\n_create_function\ncdill._dill\n_create_code\n)R\x85Rs.", "'f' (dill._dill._create_function)"),
        (
            b"\x80\x02}U\x01kcfunctools\npartial\nc__builtin__\ngetattr\ncnet\nWith\nU\x07__new__\x86R\x85R)Rs.",
            "'k' (net.With.__new__)",
        ),
        (b"(inet\nOld\n(dS'a'\nI1\nsb.", "net.Old"),
        (b"\x80\x02(cnet\nOld\nK\x01o.", "net.Old"),
        (b"\x80\x02}U\x01sctorch._utils\n_rebuild_sparse_tensor\n)Rs.", "'s' (torch._utils._rebuild_sparse_tensor)"),
        (
            b"\x80\x02}U\x01qctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nComplexFloatStorage\nU\x010U\x03cpuK\x01tQ\
              K\x00))\x89NtRs.",
            "'q' (torch.ComplexFloatStorage)",
        ),
    ] {
        assert!(told(pickle).contains(name), "{}", told(pickle));
    }
}

/// `pickle.dump` of a state dict: each storage is a file of its own.
#[test]
fn tensors_within_files_within_a_pickle_are_refused_with_the_remedy() {
    let tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(ctorch.storage\n_load_from_bytes\nU\x01x\x85RK\x00))\x89NtR";
    let pickle = [b"\x80\x02}U\x01w", &tensor[..], b"s."].concat();
    assert!(tensors(&pickle, &[]).unwrap_err().to_string().contains("pickle.dump wrote its tensors"));
}

#[test]
fn calls_are_refused_by_name_and_nothing_is_executed() {
    for (pickle, name) in [
        (&b"\x80\x02cposix\nsystem\n(X\x04\x00\x00\x00truetR."[..], "posix.system"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.", "builtins.eval"),
        (b"\x80\x02ctorch\nload\n(X\x01\x00\x00\x00xtR.", "torch.load"),
        (b"\x80\x02}U\x01acsubprocess\nPopen\n)Rs.", "subprocess.Popen"),
        (b"\x80\x04\x8c\x06shelve\x8c\x09os.system\x93)R.", "shelve.os.system"),
        (b"(S'true'\niposix\nsystem\n.", "posix.system"),
        (b"\x80\x02(cposix\nsystem\nU\x01xo.", "posix.system"),
        (b"\x80\x04csubprocess\nPopen\n)}\x92.", "subprocess.Popen"),
        (b"\x80\x02ccopy_reg\n__newobj__\ncsubprocess\nPopen\n\x85R.", "subprocess.Popen"),
        (b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(cposix\nsystem\nNU\x01x\x85NtR.", "posix.system"),
        // A function that is reached, or called, by way of another one.
        (b"\x80\x02c__builtin__\ngetattr\ncshelve\nos\nU\x06system\x86RU\x01x\x85R.", "shelve.os.system"),
        (
            b"\x80\x02c__builtin__\ngetattr\ncnet\nPlain\n)\x81U\x04step\x86R)R.",
            "__builtin__.getattr of net.Plain, 'step'",
        ),
        (b"\x80\x02c__builtin__\nmap\ncposix\nsystem\n]U\x01xa\x86R.", "__builtin__.map with posix.system"),
        (b"\x80\x02cfunctools\npartial\ncposix\nsystem\nU\x01x\x86R)R.", "functools.partial of posix.system"),
        (
            b"\x80\x02c__builtin__\nmap\ncfunctools\npartial\ncposix\nsystem\nU\x01x\x86R]\x86R.",
            "__builtin__.map with functools.partial of posix.system",
        ),
        (
            b"\x80\x02cfunctools\nreduce\nc__builtin__\ngetattr\ncnet\nPlain\n)\x81U\x04step\x86R]\x86R.",
            "functools.reduce with __builtin__.getattr of net.Plain, 'step'",
        ),
        (
            b"\x80\x02cdill._dill\n_create_function\ncdill._dill\n_create_code\n)R\x85R)R.",
            "dill._dill._create_function of dill._dill._create_code",
        ),
        (b"\x80\x02cnet\nPlain.__init__.__globals__\nU\x01x\x85R.", "net.Plain.__init__.__globals__"),
    ] {
        let error = read(around(pickle, &[])).unwrap_err();
        assert_eq!(error, TorchFileError::Call(name.to_owned()));
        assert!(error.to_string().contains("nothing was executed"));
    }
}

#[test]
fn every_spelling_of_a_value_is_read() {
    let value = |pickle: &[u8]| read(around(pickle, &[])).unwrap();
    let both = Item::Tuple(vec![text("it's\nA\\"), text("q")]);
    assert_eq!(value(b"(S'it\\'s\\n\\x41\\\\'\nS\"q\"\nt."), both);
    assert_eq!(value(b"\x80\x02(K\x01K\x021K\x05."), Item::Int(5));
    assert_eq!(value(b"\x80\x02K\x05K\x010."), Item::Int(5));
    assert_eq!(value(b"\x80\x02\x8b\x02\x00\x00\x00\x00\x01."), Item::Int(256));
    assert_eq!(value(b"(I01\nI-7\nL80L\nF-1.5e3\nt."), {
        Item::Tuple(vec![Item::Bool(true), Item::Int(-7), Item::Int(80), Item::Float(-1500.0)])
    });
    assert_eq!(value(b"\x80\x05\x95\x03\0\0\0\0\0\0\0\x96\x01\0\0\0\0\0\0\0\xff."), Item::Bytes(vec![255]));
    // The file name b"\xff" as Python keeps it, and half of a character that old Pythons wrote in two parts.
    assert_eq!(value(b"\x80\x02X\x04\0\0\0a\xed\xb3\xbf."), Item::Bytes(b"a\xed\xb3\xbf".to_vec()));
    assert_eq!(value(b"Va\\ud83d\n."), text("a\u{fffd}"));
    // Subclasses of dictionaries in every protocol are what they hold.
    let entry = Item::Dict(vec![(text("a"), Item::Int(1))]);
    assert_eq!(value(b"ccopy_reg\n_reconstructor\n(cnet\nCfg\nc__builtin__\ndict\n(dS'a'\nI1\nstR."), entry);
    assert_eq!(value(b"\x80\x02cnet\nCfg\n}U\x01aK\x01s\x85R."), entry);
    assert_eq!(value(b"\x80\x02ccopyreg\n__newobj__\ncnet\nCfg\n\x85RU\x01aK\x01s."), entry);
}

/// A whole network in the older format keeps its class as a "storage"; TorchScript has no tables.
#[test]
fn whole_networks_are_their_state_dicts() {
    let mut file = TorchFile::open(Cursor::new(seed!("pickle/module_stream"))).unwrap();
    let (entries, notes) = file.tensors().unwrap();
    assert_eq!(entries.iter().map(|e| &e.key[4..]).collect::<Vec<_>>(), NET, "{notes:?}");
    let mut values = Vec::new();
    for entry in &entries[..6] {
        file.read_tensor(entry, &mut |piece| entry.dtype.append_floats(piece, &mut values)).unwrap();
    }
    // Batch norm's weight, bias, mean and variance before any training.
    assert_eq!(values[8..], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);

    let (mut keys, notes) = tensors(seed!("pickle/script"), &[]).unwrap();
    assert!(notes[0].contains("TorchScript"), "{notes:?}");
    keys.sort();
    let mut expected = [&["mask"][..], &NET].concat();
    expected.sort_unstable();
    assert_eq!(keys, expected);
    let frozen = b"\x80\x02c__torch__.net\nNet\n)\x81}b.";
    assert!(tensors(frozen, &[]).unwrap_err().to_string().contains("a TorchScript module without tensors"));
}

const DEFLATED: &[u8] = seed!("zip/deflated");

#[test]
fn deflated_archives_are_read() {
    let mut file = TorchFile::open(Cursor::new(DEFLATED)).unwrap();
    let (entries, _) = file.tensors().unwrap();
    let mut read = |key: &str| {
        let entry = entries.iter().find(|e| e.key == key).unwrap();
        let mut values = Vec::new();
        file.read_tensor(entry, &mut |piece| entry.dtype.append_floats(piece, &mut values)).unwrap();
        values
    };
    assert_eq!(read("state_dict.w"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(read("state_dict.b"), [7.0, 8.0]);
    assert_eq!(read("state_dict.t"), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    let whole = super::read(DEFLATED).unwrap();
    for at in 0..DEFLATED.len() {
        let mut wrong = DEFLATED.to_vec();
        wrong[at] ^= 0x10;
        assert!(super::read(&wrong).is_err() || super::read(&wrong).unwrap() == whole, "byte {at}");
    }
}

#[test]
fn what_unpacks_to_more_than_it_says_is_refused() {
    // The sizes that the directory says, which lie 24 bytes behind each entry's beginning.
    for claimed in [0_u32, 1, 23, 25, 1 << 20, u32::MAX - 1] {
        let mut wrong = DEFLATED.to_vec();
        let entries: Vec<usize> = (0..wrong.len() - 4).filter(|&at| wrong[at..].starts_with(b"PK\x01\x02")).collect();
        for entry in entries {
            wrong[entry + 24..entry + 28].copy_from_slice(&claimed.to_le_bytes());
        }
        let error = super::read(&wrong).unwrap_err().to_string();
        assert!(["checksum", "unpack", "larger than"].iter().any(|why| error.contains(why)), "{claimed}: {error}");
    }
    // A method that is not read, and a locked file.
    for (at, value) in [(10, 14), (8, 1)] {
        let mut wrong = DEFLATED.to_vec();
        for entry in 0..wrong.len() - 4 {
            if wrong[entry..].starts_with(b"PK\x01\x02") {
                wrong[entry + at] |= value;
            }
        }
        let error = super::read(&wrong).unwrap_err().to_string();
        assert!(error.contains("encrypted, or compressed by another method than deflate; unpack"), "{error}");
    }
}
