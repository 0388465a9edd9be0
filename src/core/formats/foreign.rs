//! Files of other programs that are taken for trained networks: what they are, and what to do about it.

use std::io::{Read, Seek};

use crate::core::data::names::escape;

/// Bytes of a file's beginning that tell most kinds.
pub const HEAD: u64 = 512;

/// Names of files that hold trained networks.
const WEIGHTS: [&str; 9] = [".pth", ".pt", ".th", ".pkl", ".ckpt", ".bin", ".safetensors", ".pth.tar", ".pt.tar"];

/// Beginnings that tell what a file is.
const HEADS: [(&[u8], &str); 18] = [
    (
        b"version https://git-lfs",
        "a pointer of Git LFS in place of the file; fetch the file itself with `git lfs pull`",
    ),
    (b"\x1f\x8b", "compressed by gzip; unpack it (gunzip, or tar -xzf) and give the file inside"),
    (b"BZh", "compressed by bzip2; unpack it (bunzip2, or tar -xjf) and give the file inside"),
    (b"\xfd7zXZ\0", "compressed by xz; unpack it (unxz, or tar -xJf) and give the file inside"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd; unpack it (unzstd) and give the file inside"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it and give the file inside"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it and give the file inside"),
    (
        b"\x89HDF\r\n\x1a\n",
        "an HDF5 file, as Keras and TensorFlow write; give the network as PyTorch has it, saved by torch.save",
    ),
    (
        b"\x93NUMPY",
        "an array of NumPy; put the arrays into a state_dict() by PyTorch's keys and save it with torch.save",
    ),
    (b"GGUF", "a GGUF file; give the network as PyTorch has it, as .pth or .safetensors"),
    (b"MATLAB 5.0", "a file of MATLAB's; give the network as PyTorch has it, saved by torch.save"),
    (b"\x89PNG", "an image; give the file of a trained network"),
    (b"\xff\xd8\xff", "an image; give the file of a trained network"),
    (b"%PDF", "a PDF document; give the file of a trained network"),
    (b"SQLite format 3", "a database; give the file of a trained network"),
    (b"\x7fELF", "a program; give the file of a trained network"),
    (b"\x08\x01\x12", "a model of TensorFlow; give the network as PyTorch has it, saved by torch.save"),
    (b"\0\0\0\0", "nothing but zeros where it should begin: its download was not finished; fetch the file again"),
];

const ONNX: &str = "an ONNX model; give the PyTorch network that it was exported from: save its state_dict()";
const FLAX: &str = "a MessagePack file, as Flax writes; give the network as PyTorch has it, saved by torch.save";
const TFLITE: &str = "a model of TensorFlow Lite; give the network as PyTorch has it, saved by torch.save";
const TORCH7: &str = "a file of Lua's Torch7; give the network as PyTorch has it, saved by torch.save";
const PAGE: &str =
    "a web page in place of the file: a download that needs a sign-in or a confirmation; fetch the file again";
const TEXT: &str = "a text, not a trained network; fetch the file again";
const EMPTY: &str = "empty; fetch the file again";

/// What a file is that begins so, and the remedy, to be read after "it is". `None` for archives, for pickles, and for
/// what is not known.
#[must_use]
pub fn by_head(head: &[u8]) -> Option<&'static str> {
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
            Some((_, what)) => Some(what),
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

/// What a zip archive is by the names of its files, and the remedy, to be read after "it is".
pub fn by_names(names: &mut dyn Iterator<Item = &str>) -> Option<String> {
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
        0 => "a program of torch.export; save the network's state_dict() with torch.save".to_owned(),
        1 => "a package of torch.package; save the network's state_dict() with torch.save".to_owned(),
        2 => "a model of Keras; give the network as PyTorch has it, saved by torch.save".to_owned(),
        3 => {
            "a TorchScript archive of an old version; load it with torch.jit.load and save its state_dict()".to_owned()
        }
        4 => around("a zip archive", name),
        _ => "an archive of NumPy's arrays (.npz); put them into a state_dict() by PyTorch's keys and save it with \
              torch.save"
            .to_owned(),
    })
}

/// What a tar archive is, and the remedy, to be read after "it is".
pub fn in_tar(from: &mut (impl Read + Seek)) -> String {
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
        return "a checkpoint of PyTorch before 0.1.10, in parts; load it with torch.load(…, weights_only=False) and save \
                it again with torch.save"
            .to_owned();
    }
    match names.iter().find(|n| is_weights(n)) {
        Some(name) => around("a tar archive", name),
        None => "a tar archive without a trained network inside; give a .pth or .safetensors file".to_owned(),
    }
}

fn is_weights(name: &str) -> bool {
    WEIGHTS.iter().any(|end| name.ends_with(end))
}

fn around(archive: &str, name: &str) -> String {
    const LONGEST: usize = 100;
    let name: String = name.chars().take(LONGEST).collect();
    format!("{archive} around {}; unpack it and give that file", escape(name.as_bytes()))
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
            let said = by_head(head).unwrap_or_default();
            assert!(said.contains(what) && said.contains("; "), "{head:?}: {said}");
        }
        for head in [&b"PK\x03\x04"[..], b"\x80\x02}q\x00.", b"(dp0\nS'a'\n", b"ccollections\nOrderedDict\n", b"}."] {
            assert_eq!(by_head(head), None, "{head:?}");
        }
    }

    #[test]
    fn archives_are_told_by_their_names() {
        let told = |names: &[&str]| by_names(&mut names.iter().copied());
        assert!(told(&["a/", "a/._net.pth", "a/net.pth"]).unwrap().contains("around a/net.pth; unpack it"));
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
        assert!(tar(&["sys_info", "pickle", "storages", "tensors"]).contains("before 0.1.10"));
        assert!(tar(&["run/model_best.pth"]).contains("around run/model_best.pth; unpack it"));
        assert!(tar(&["readme"]).contains("without a trained network"));
    }
}
