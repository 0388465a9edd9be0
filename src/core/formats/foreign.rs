//! Files of other programs that are taken for files of tensors: what they are, and what to do about it where a trained
//! network is asked for.

use std::borrow::Cow;
use std::io::{Read, Seek};

use crate::core::data::names::escape;

/// Bytes of a file's beginning that tell most kinds.
pub const HEAD: u64 = 512;

/// Names of files that hold trained networks.
const WEIGHTS: [&str; 9] = [".pth", ".pt", ".th", ".pkl", ".ckpt", ".bin", ".safetensors", ".pth.tar", ".pt.tar"];

/// What a file is, and what to do about it where it was taken for a trained network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// To be read after "it is", wherever the file was met.
    pub what: Cow<'static, str>,
    /// How a trained network is to be had in its place.
    pub remedy: &'static str,
}

impl Foreign {
    /// A kind with its remedy.
    #[must_use]
    pub const fn new(what: &'static str, remedy: &'static str) -> Self {
        Self { what: Cow::Borrowed(what), remedy }
    }
}

const AGAIN: &str = "fetch the file again";
const INSIDE: &str = "unpack it and give the file inside";
const AS_PYTORCH: &str = "give the network as PyTorch has it, saved by torch.save";
const TRAINED: &str = "give the file of a trained network";
const STATE_DICT: &str = "save the network's state_dict() with torch.save";

/// Beginnings that tell what a file is.
static HEADS: [(&[u8], Foreign); 18] = [
    (
        b"version https://git-lfs",
        Foreign::new("a pointer of Git LFS in place of the file", "fetch the file itself with `git lfs pull`"),
    ),
    (b"\x1f\x8b", Foreign::new("compressed by gzip", "unpack it (gunzip, or tar -xzf) and give the file inside")),
    (b"BZh", Foreign::new("compressed by bzip2", "unpack it (bunzip2, or tar -xjf) and give the file inside")),
    (b"\xfd7zXZ\0", Foreign::new("compressed by xz", "unpack it (unxz, or tar -xJf) and give the file inside")),
    (b"\x28\xb5\x2f\xfd", Foreign::new("compressed by zstd", INSIDE)),
    (b"7z\xbc\xaf\x27\x1c", Foreign::new("a 7z archive", INSIDE)),
    (b"Rar!\x1a\x07", Foreign::new("a RAR archive", INSIDE)),
    (b"\x89HDF\r\n\x1a\n", Foreign::new("an HDF5 file, as Keras and TensorFlow write", AS_PYTORCH)),
    (
        b"\x93NUMPY",
        Foreign::new(
            "an array of NumPy",
            "put the arrays into a state_dict() by PyTorch's keys and save it with torch.save",
        ),
    ),
    (b"GGUF", Foreign::new("a GGUF file", "give the network as PyTorch has it, as .pth or .safetensors")),
    (b"MATLAB 5.0", Foreign::new("a file of MATLAB's", AS_PYTORCH)),
    (b"\x89PNG", Foreign::new("an image", TRAINED)),
    (b"\xff\xd8\xff", Foreign::new("an image", TRAINED)),
    (b"%PDF", Foreign::new("a PDF document", TRAINED)),
    (b"SQLite format 3", Foreign::new("a database", TRAINED)),
    (b"\x7fELF", Foreign::new("a program", TRAINED)),
    (b"\x08\x01\x12", Foreign::new("a model of TensorFlow", AS_PYTORCH)),
    (
        b"\0\0\0\0",
        Foreign::new("nothing but zeros where it should begin: its download or copy was not finished", AGAIN),
    ),
];

const ONNX: Foreign =
    Foreign::new("an ONNX model", "give the PyTorch network that it was exported from: save its state_dict()");
const FLAX: Foreign = Foreign::new("a MessagePack file, as Flax writes", AS_PYTORCH);
const TFLITE: Foreign = Foreign::new("a model of TensorFlow Lite", AS_PYTORCH);
const TORCH7: Foreign = Foreign::new("a file of Lua's Torch7", AS_PYTORCH);
const PAGE: Foreign =
    Foreign::new("a web page in place of the file: a download that needs a sign-in or a confirmation", AGAIN);
const TEXT: Foreign = Foreign::new("a text", "give the file of a trained network, or fetch it again");
const EMPTY: Foreign = Foreign::new("empty", AGAIN);

/// What a file is that begins so. `None` for archives, for pickles, and for what is not known.
#[must_use]
pub fn by_head(head: &[u8]) -> Option<Foreign> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    // Field numbers of ONNX's messages, as Google's Protocol Buffers write them behind the version.
    let fields = [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72];
    let plain = |b: &u8| b.is_ascii_graphic() || matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    match head {
        [] => Some(EMPTY),
        [0x08, 3..=32, field, ..] if fields.contains(field) => Some(ONNX),
        [0x81..=0x8f, 0xa1..=0xbf | 0xd9, ..] | [0xde, _, _, 0xa1..=0xbf | 0xd9, ..] => Some(FLAX),
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => Some(TFLITE),
        [4, 0, 0, 0, _, _, _, _, 3, 0, 0, 0, b'V', b' ', ..] => Some(TORCH7),
        _ if text.starts_with(b"<") => Some(PAGE),
        _ => match HEADS.iter().find(|(begins, _)| head.starts_with(begins)) {
            Some((_, found)) => Some(found.clone()),
            // Pickles of protocol 0 are texts, too.
            None if !matches!(head[0], b'(' | b'c' | b'}' | b']' | b')' | b'L') && head.iter().all(plain) => Some(TEXT),
            None => None,
        },
    }
}

/// Whether a file begins like a tar archive.
#[must_use]
pub fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// What a zip archive is by the names of its files.
pub fn by_names(names: &mut dyn Iterator<Item = &str>) -> Option<Foreign> {
    let mut found: Option<(u8, &str)> = None;
    for name in names {
        let base = name.rsplit('/').next().unwrap_or(name);
        let rank = match base {
            "archive_format" | "archive_version" | "serialized_exported_program.json" => 0,
            "extern_modules" => 1,
            "model.weights.h5" => 2,
            "constants.pkl" | "model.json" => 3,
            _ if is_weights(base) && !base.starts_with('.') => 4,
            _ if base.ends_with(".npy") => 5,
            _ => continue,
        };
        if found.is_none_or(|(known, _)| rank < known) {
            found = Some((rank, name));
        }
    }
    let (rank, name) = found?;
    Some(match rank {
        0 => Foreign::new("a program of torch.export", STATE_DICT),
        1 => Foreign::new("a package of torch.package", STATE_DICT),
        2 => Foreign::new("a model of Keras", AS_PYTORCH),
        3 => Foreign::new(
            "a TorchScript archive of an old version",
            "load it with torch.jit.load and save its state_dict()",
        ),
        4 => around("a zip archive", name),
        _ => Foreign::new(
            "an archive of NumPy's arrays (.npz)",
            "put them into a state_dict() by PyTorch's keys and save it with torch.save",
        ),
    })
}

/// What a tar archive is.
pub fn in_tar(from: &mut (impl Read + Seek)) -> Foreign {
    /// More files than a checkpoint has.
    const MOST_NAMES: usize = 1000;
    let mut archive = tar::Archive::new(from);
    let mut names = Vec::new();
    for entry in archive.entries_with_seek().into_iter().flatten().take(MOST_NAMES) {
        // What is damaged further on changes nothing about what was found.
        let Ok(entry) = entry else { break };
        names.push(String::from_utf8_lossy(&entry.path_bytes()).into_owned());
    }
    let has = |wanted: &str| names.iter().any(|n| n.strip_prefix("./").unwrap_or(n) == wanted);
    if ["pickle", "storages", "tensors"].into_iter().all(has) {
        return Foreign::new(
            "a checkpoint of PyTorch before 0.1.10, in parts",
            "load it with torch.load(…, weights_only=False) and save it again with torch.save",
        );
    }
    match names.iter().find(|n| is_weights(n)) {
        Some(name) => around("a tar archive", name),
        None => Foreign::new("a tar archive", "no trained network is inside: give a .pth or .safetensors file"),
    }
}

fn is_weights(name: &str) -> bool {
    WEIGHTS.iter().any(|end| name.ends_with(end))
}

fn around(archive: &str, name: &str) -> Foreign {
    const LONGEST: usize = 100;
    let name: String = name.chars().take(LONGEST).collect();
    let what = format!("{archive} around {}", escape(name.as_bytes()));
    Foreign { what: what.into(), remedy: "unpack it and give that file" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_programs_files_are_told_by_their_beginnings() {
        for (head, what) in [
            (&b""[..], "empty"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "Git LFS"),
            (b"\n<!DOCTYPE html><html>", "web page"),
            (b"\xef\xbb\xbf<html>", "web page"),
            (b"\x08\x08\x12\x07pytorch\x1a\x05", "ONNX"),
            (b"\x81\xa6params\x82", "Flax"),
            (b"\x89HDF\r\n\x1a\n\0\0", "HDF5"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"\x93NUMPY\x01\0", "NumPy"),
            (b"{\"error\": \"not found\"}", "a text"),
            (b"\0\0\0\0\0\0\0\0", "zeros"),
        ] {
            let said = by_head(head).unwrap();
            assert!(said.what.contains(what) && !said.remedy.is_empty(), "{head:?}: {said:?}");
            assert!(!said.what.contains("network"), "files of other tensors are told alike: {said:?}");
        }
        for head in [&b"PK\x03\x04"[..], b"\x80\x02}q\x00.", b"(dp0\nS'a'\n", b"ccollections\nOrderedDict\n", b"}."] {
            assert_eq!(by_head(head), None, "{head:?}");
        }
    }

    #[test]
    fn archives_are_told_by_their_names() {
        let told = |names: &[&str]| by_names(&mut names.iter().copied()).map(|found| found.what);
        assert!(told(&["a/", "a/._net.pth", "a/net.pth"]).unwrap().ends_with("around a/net.pth"));
        assert!(told(&["arr_0.npy", "arr_1.npy"]).unwrap().contains("NumPy"));
        assert!(told(&["config.json", "metadata.json", "model.weights.h5"]).unwrap().contains("Keras"));
        assert!(told(&["p/archive_format", "p/models/model.json", "p/w.pt"]).unwrap().contains("torch.export"));
        assert_eq!(told(&["readme"]), None);

        let tar = |names: &[&str]| {
            let mut tar = tar::Builder::new(Vec::new());
            for name in names {
                let mut header = tar::Header::new_gnu();
                header.set_size(3);
                header.set_cksum();
                tar.append_data(&mut header, name, &b"abc"[..]).unwrap();
            }
            let bytes = tar.into_inner().unwrap();
            assert!(is_tar(&bytes));
            in_tar(&mut std::io::Cursor::new(bytes))
        };
        assert!(tar(&["sys_info", "pickle", "storages", "tensors"]).what.contains("before 0.1.10"));
        let whole =
            Foreign { what: "a tar archive around run/model_best.pth".into(), remedy: "unpack it and give that file" };
        assert_eq!(tar(&["run/model_best.pth"]), whole);
        assert!(tar(&["readme"]).remedy.contains("no trained network is inside"));
    }
}
