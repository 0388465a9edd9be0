//! PyTorch files with more in them than weights, packed by other tools, or that are no PyTorch files.
//!
//! | kind | what happens now |
//! |---|---|
//! | a defaultdict, a subclass of a dictionary or list, an optimiser, arguments, NumPy's values, a bound method, a `partial`, a class, a device … beside the weights | the weights are read; what isn't plain data is named in a note |
//! | a state dict that is a subclass of a dictionary; a whole module; a scripted module | its tensors by the keys of `state_dict()` |
//! | a function that runs code is only named | passed over by name |
//! | such a function is called: directly, by old opcodes, as an attribute, by `map` or `partial` | refused, the call is named, nothing is executed |
//! | sparse, complex and quantised tensors | passed over by name |
//! | an archive packed again by another tool: deflated, zip64, another top folder | read; sizes and checksums must hold |
//! | ONNX, Keras, Flax, NumPy, gzip, tar, a zip around a .pth, a pointer of Git LFS, a web page | refused by what it is, with the remedy |

use std::io::Write as _;

use stillroom::core::formats::torch_file::{Dtype, Pickle, opcode};
use stillroom::engine::nets::NetworkSpec;
use stillroom::engine::weights::{WeightTensor, Weights, open};

use crate::archives::{Packing, zip};
use crate::scene::{Scene, png};

const CLASSES: usize = 2;

/// The tensors of a network by their keys.
fn tensors() -> Vec<(String, WeightTensor)> {
    let graph = NetworkSpec { arch: "conv3x8".parse().unwrap(), side: 32, classes: CLASSES }.graph();
    Weights::by_formula(&graph).tensors().clone().into_iter().collect()
}

fn raw(pickle: &mut Pickle, opcodes: &[u8]) {
    opcodes.iter().for_each(|&code| pickle.op(code));
}

/// Puts the tensors into the dictionary or object on the stack.
fn set_tensors(pickle: &mut Pickle, tensors: &[(String, WeightTensor)]) {
    pickle.op(opcode::MARK);
    for (number, (key, tensor)) in tensors.iter().enumerate() {
        pickle.text(key);
        pickle.tensor(number, Dtype::F32, &tensor.shape);
    }
    pickle.op(opcode::SET_ITEMS);
}

/// `{"state_dict": …, more}`.
fn checkpoint(state_dict: &[u8], more: &[u8]) -> Vec<u8> {
    let mut pickle = Pickle::new();
    pickle.op(opcode::EMPTY_DICT);
    pickle.text("state_dict");
    raw(&mut pickle, state_dict);
    set_tensors(&mut pickle, &tensors());
    pickle.op(opcode::SET_ITEM);
    raw(&mut pickle, &[&[opcode::MARK], more, &[opcode::SET_ITEMS]].concat());
    pickle.finish()
}

/// An archive of a pickle and the tensors' bytes.
fn archive(packing: Packing, folder: &str, pickle: &[u8]) -> Vec<u8> {
    let bytes = |t: &WeightTensor| t.values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let storages: Vec<Vec<u8>> = tensors().iter().map(|(_, t)| bytes(t)).collect();
    let names: Vec<String> = (0..storages.len()).map(|n| format!("{folder}data/{n}")).collect();
    let data = format!("{folder}data.pkl");
    let mut files: Vec<(&str, &[u8])> = vec![(&data, pickle)];
    files.extend(names.iter().map(String::as_str).zip(storages.iter().map(Vec::as_slice)));
    zip(packing, &files)
}

fn plain(more: &[u8]) -> Vec<u8> {
    archive(Packing::Stored, "archive/", &checkpoint(b"}", more))
}

/// A scene with `plain.pth`, and what evaluating it says.
fn scene() -> (Scene, serde_json::Value) {
    let scene = Scene::with_data(&[4, 4]);
    scene.write("plain.pth", &plain(b""));
    let line = scene.line("evaluate --device cpu --data data --network plain.pth").last();
    (scene, line)
}

/// The file gives the same network as `plain.pth`: its tensors and its answers. Returns what was said.
fn assert_same(scene: &Scene, line: &serde_json::Value, name: &str) -> String {
    let load = |name: &str| open(&scene.at(name)).unwrap().read_all().unwrap();
    assert!(load("plain.pth") == load(name), "{name}");
    let run = scene.line(&format!("evaluate --device cpu --data data --network {name}"));
    for field in ["top1", "per_class"] {
        assert!(!line[field].is_null() && run.last()[field] == line[field], "{name}: {} and {line}", run.last());
    }
    run.stderr
}

/// Keys and values in pickle's opcodes, and how each is named. Nobody but their own program could build most of them.
const BESIDE: [(&[u8], &str); 14] = [
    (b"U\x07historyccollections\ndefaultdict\nc__builtin__\nlist\n\x85RU\x04loss]G?\xf0\0\0\0\0\0\0as", ""),
    (b"U\x03cfgc__main__\nCfg\n)\x81U\x02lrK\x01s", "'cfg' (__main__.Cfg)"),
    (b"U\x04argscargparse\nNamespace\n)\x81}U\x02lrK\x01sb", "'args' (argparse.Namespace)"),
    (b"U\x09optimizerctorch.optim.sgd\nSGD\n)\x81}U\x05state}sb", "'optimizer' (torch.optim.sgd.SGD)"),
    (b"U\x04bestcnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nU\x02f8\x89\x88\x87RU\x08\0\0\0\0\0\0\xf0?\x86R", ""),
    (
        b"U\x05arraycnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01K\0\x85NNNtb",
        "'array' (numpy._core.multiarray._reconstruct)",
    ),
    (b"U\x05rangec__builtin__\nxrange\nK\0K\x03K\x01\x87R", "'range' (__builtin__.xrange)"),
    (b"U\x04stepc__builtin__\ngetattr\nc__main__\nPlain\n)\x81U\x04step\x86R", "'step' (__builtin__.getattr)"),
    (b"U\x04normcfunctools\npartial\nctorch.nn\nLayerNorm\n\x85R(ctorch.nn\nLayerNorm\n)}Ntb", "'norm' (functools.partial)"),
    (b"U\x06simplectypes\nSimpleNamespace\n)R}U\x01aK\x01sb", "'simple' (types.SimpleNamespace)"),
    (b"U\x04typecposix\nsystem\n", "'type' (posix.system)"),
    (b"U\x06devicectorch\ndevice\nU\x04cuda\x85R", "'device' (torch.device)"),
    (b"U\x04loadctorch.storage\n_load_from_bytes\nU\x01x\x85R", "'load' (torch.storage._load_from_bytes)"),
    (
        b"U\x07complexctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nComplexFloatStorage\nU\x0299U\x03cpuK\x01tQ\
          K\0))\x89NtR",
        "'complex' (torch.ComplexFloatStorage)",
    ),
];

#[test]
fn what_lies_beside_the_weights_is_named_and_left() {
    let (scene, line) = scene();
    let all: Vec<u8> = BESIDE.iter().flat_map(|(value, _)| value.to_vec()).collect();
    scene.write("people.pth", &plain(&all));
    let said = assert_same(&scene, &line, "people.pth");
    for (_, name) in BESIDE {
        assert!(said.contains(name), "'{name}' is missing in: {said}");
    }
    // Each alone, so that none hides behind another.
    for (number, (value, name)) in BESIDE.iter().enumerate() {
        let file = format!("{number}.pth");
        scene.write(&file, &plain(value));
        let notes = open(&scene.at(&file)).unwrap().notes.join("; ");
        assert!(notes.contains(name), "'{name}' is missing in: {notes}");
    }
}

#[test]
fn state_dicts_of_any_class_are_read() {
    let (scene, line) = scene();
    for (name, state_dict) in [
        ("new.pth", &b"cmmengine\nConfigDict\n)\x81"[..]),
        ("called.pth", b"cnet\nOrdered\n)R"),
        ("copyreg.pth", b"ccopyreg\n__newobj__\ncnet\nCfg\n\x85R"),
        ("keywords.pth", b"cnet\nCfg\n)}\x92"),
        ("default.pth", b"ccollections\ndefaultdict\nc__builtin__\nlist\n\x85R"),
    ] {
        scene.write(name, &archive(Packing::Stored, "archive/", &checkpoint(state_dict, b"")));
        assert_same(&scene, &line, name);
    }
    scene.write("script.pt", &archive(Packing::Stored, "net/", &script()));
    let said = assert_same(&scene, &line, "script.pt");
    assert!(said.contains("TorchScript"), "{said}");
}

/// The network as `torch.jit.save` pickles it: objects below objects, whose attributes are the tensors.
fn script() -> Vec<u8> {
    let all = tensors();
    let mut pickle = Pickle::new();
    let object = b"c__torch__.net\nNet\n)\x81}";
    raw(&mut pickle, object);
    let mut open: Vec<&str> = Vec::new();
    for (number, (key, tensor)) in all.iter().enumerate() {
        let mut path: Vec<&str> = key.split('.').collect();
        let name = path.pop().unwrap();
        let common = open.iter().zip(&path).take_while(|(a, b)| a == b).count();
        for _ in common..open.len() {
            raw(&mut pickle, &[opcode::BUILD, opcode::SET_ITEM]);
        }
        for module in &path[common..] {
            pickle.text(module);
            raw(&mut pickle, object);
        }
        open = path;
        pickle.text(name);
        pickle.tensor(number, Dtype::F32, &tensor.shape);
        pickle.op(opcode::SET_ITEM);
    }
    for _ in open {
        raw(&mut pickle, &[opcode::BUILD, opcode::SET_ITEM]);
    }
    pickle.op(opcode::BUILD);
    pickle.finish()
}

#[test]
fn archives_of_other_tools_are_read() {
    let (scene, line) = scene();
    let pickle = checkpoint(b"}", b"");
    for (name, packing, folder) in [
        ("deflated.pth", Packing::Deflated, "archive/"),
        ("large.pth", Packing::Deflated64, "archive/"),
        ("renamed.pth", Packing::Stored, "my best net (1)/"),
        ("deeper.pth", Packing::Deflated, "runs/7/net/"),
        ("bare.pth", Packing::Deflated, ""),
    ] {
        scene.write(name, &archive(packing, folder, &pickle));
        assert_same(&scene, &line, name);
    }
    // A byte of a deflated tensor, the largest: another value, or none; never without a word.
    let mut damaged = archive(Packing::Deflated, "archive/", &pickle);
    let (largest, _) = tensors().into_iter().enumerate().max_by_key(|(_, (_, t))| t.values.len()).unwrap();
    let name = format!("archive/data/{largest}");
    let at = damaged.windows(name.len()).position(|w| w == name.as_bytes()).unwrap();
    damaged[at + name.len() + 200] ^= 1;
    scene.write("damaged.pth", &damaged);
    let run = scene.line("evaluate --device cpu --data data --network damaged.pth");
    run.fails(1, &["damaged.pth", "zip archive is damaged", "fetch the file again"]);
}

#[test]
fn a_call_that_runs_something_is_refused_however_it_is_written() {
    let scene = Scene::with_data(&[3, 3]);
    let command = format!("touch {}", scene.at("marker").display());
    let text = [b"X", &(command.len() as u32).to_le_bytes()[..], command.as_bytes()].concat();
    let with = |before: &[u8], behind: &[u8]| [b"U\x01x", before, &text, behind].concat();
    for (value, name) in [
        (with(b"cposix\nsystem\n", b"\x85R"), "posix.system"),
        (with(b"csubprocess\nPopen\n", b"\x85\x81"), "subprocess.Popen"),
        (with(b"(", b"i__builtin__\neval\n"), "__builtin__.eval"),
        (with(b"(c__builtin__\nexec\n", b"o"), "__builtin__.exec"),
        (with(b"c__builtin__\ngetattr\ncshelve\nos\nU\x06system\x86R", b"\x85R"), "shelve.os.system"),
        (with(b"cfunctools\npartial\ncposix\nsystem\n", b"\x86R)R"), "functools.partial of posix.system"),
        (with(b"c__builtin__\nmap\ncposix\nsystem\n]", b"a\x86R"), "__builtin__.map with posix.system"),
        (with(b"c__builtin__\n__import__\n", b"\x85R"), "__builtin__.__import__"),
        (with(b"c__builtin__\nopen\n", b"\x85R"), "__builtin__.open"),
        (with(b"crunpy\n_run_code\n", b"\x85R"), "runpy._run_code"),
        (with(b"c_pickle\nloads\n", b"\x85R"), "_pickle.loads"),
        (with(b"c_operator\nmethodcaller\n", b"\x85R"), "_operator.methodcaller"),
        (with(b"cimportlib\nimport_module\n", b"\x85R"), "importlib.import_module"),
    ] {
        scene.write("hostile.pth", &plain(&value));
        let run = scene.line("evaluate --device cpu --data data --network hostile.pth");
        run.fails(1, &["hostile.pth", &format!("asks to call {name}"), "nothing was executed"]);
    }
    assert!(!scene.at("marker").exists());
}

#[test]
fn files_of_other_programs_are_named_with_the_remedy() {
    let scene = Scene::with_data(&[3, 3]);
    let inner = plain(b"");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&inner).unwrap();
    let tar = |names: &[&str]| {
        let mut tar = tar::Builder::new(Vec::new());
        for name in names {
            let mut header = tar::Header::new_gnu();
            header.set_size(inner.len() as u64);
            header.set_cksum();
            tar.append_data(&mut header, name, &inner[..]).unwrap();
        }
        tar.into_inner().unwrap()
    };
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 44772235\n".to_vec();
    let cases: [(&str, Vec<u8>, &[&str]); 15] = [
        ("net.pth.gz", gzip.finish().unwrap(), &["compressed by gzip", "gunzip"]),
        ("net.pth.tar", tar(&["sys_info", "pickle", "storages", "tensors"]), &["before 0.1.10", "save it again"]),
        ("wrapped.tar", tar(&["readme", "run/net.pth"]), &["tar archive around run/net.pth", "unpack it"]),
        ("wrapped.zip", zip(Packing::Deflated, &[("run/net.pth", &inner)]), &["around run/net.pth", "unpack it"]),
        ("net.npz", zip(Packing::Stored, &[("arr_0.npy", b"x")]), &["NumPy", "torch.save"]),
        ("net.npy", b"\x93NUMPY\x01\0v\0{'descr'".to_vec(), &["array of NumPy", "torch.save"]),
        ("net.keras", zip(Packing::Stored, &[("model.weights.h5", b"x")]), &["Keras", "as PyTorch has it"]),
        ("net.onnx", b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:".to_vec(), &["ONNX", "state_dict()"]),
        ("net.h5", b"\x89HDF\r\n\x1a\n\0\0\0\0".to_vec(), &["HDF5", "as PyTorch has it"]),
        ("net.msgpack", b"\x81\xa6params\x81\xa5dense".to_vec(), &["Flax", "as PyTorch has it"]),
        ("net.pb", b"\x08\x01\x12\xff\x01".to_vec(), &["TensorFlow", "as PyTorch has it"]),
        ("pointer.pth", pointer.clone(), &["pointer of Git LFS", "git lfs pull"]),
        ("pointer.safetensors", pointer, &["pointer of Git LFS", "git lfs pull"]),
        ("page.pth", b"\n<!DOCTYPE html>\n<html><head>".to_vec(), &["web page", "fetch the file again"]),
        ("image.pth", png("x", 8), &["an image", "trained network"]),
    ];
    for (name, bytes, said) in cases {
        scene.write(name, &bytes);
        let run = scene.line(&format!("evaluate --device cpu --data data --network {name}"));
        run.fails(1, &[&[name][..], said].concat());
        assert!(!run.stderr.contains("opcode"), "{}", run.stderr);
    }
}
