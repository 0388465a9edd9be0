//! A stage for the command line: a temporary folder with images and observers, and runs of the built program in it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use stillroom::core::distil::recipe::OutputFormat;
use stillroom::engine::images::encode::encode;
use stillroom::engine::nets::NetworkSpec;
use stillroom::engine::weights::{Kind, Precision, Weights, file_bytes};

pub use crate::answered::pixels;

/// A private folder; everything in it is gone with the value.
pub struct Scene(tempfile::TempDir);

/// A finished run.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Scene {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A scene with `data/` of these many images per class, of side 32, and `observer.safetensors` for them.
    pub fn with_data(images: &[usize]) -> Self {
        let scene = Self::new();
        for (class, &count) in images.iter().enumerate() {
            for image in 0..count {
                scene.write(format!("data/class{class}/{image:04}.png"), &png(&format!("{class}/{image}"), 32));
            }
        }
        scene.observer("observer.safetensors", ("conv3x32", 32), images.len());
        scene
    }

    pub fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        let path = self.at(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Writes an observer (network and side) with weights by formula.
    pub fn observer(&self, name: &str, (arch, side): (&str, usize), classes: usize) {
        let graph = NetworkSpec { arch: arch.parse().unwrap(), side, classes }.graph();
        let network = (&graph, &Weights::by_formula(&graph));
        let bytes = file_bytes(name, network, (Kind::Safetensors, Precision::Half)).unwrap();
        std::fs::write(self.at(name), bytes).unwrap();
    }

    /// The program, not yet started: in this folder, with data folders of its own.
    pub fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stillroom"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("XDG_DATA_HOME", self.at("home")).env("HOME", self.at("home"));
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Run {
        self.command(args).output().unwrap().into()
    }

    /// Runs a command line whose words are parted by spaces.
    pub fn line(&self, line: &str) -> Run {
        self.run(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// `distill` on the scene's data with its observer, which knows nothing and so needs `--force`.
    pub fn distill(&self, more: &str) -> Run {
        self.line(&format!("distill --data data --observer observer.safetensors --force --device cpu {more}"))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let run = Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        run
    }
}

impl Run {
    /// The JSON lines of a run that must have succeeded; standard output holds nothing else.
    pub fn json(&self) -> Vec<Value> {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The last JSON line.
    pub fn last(&self) -> Value {
        self.json().pop().expect("a last line")
    }

    /// A run that must have failed with this code, said these things, and printed nothing on standard output.
    pub fn fails(&self, code: i32, said: &[&str]) {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{}", self.stderr);
        self.says(said);
    }

    /// Standard error contains each of these.
    pub fn says(&self, said: &[&str]) {
        for said in said {
            assert!(self.stderr.contains(said), "'{said}' is missing in: {}", self.stderr);
        }
    }
}

/// Whether these tests ignore a signal, so that the programs they start do, too: under `nohup`, or in the background of a
/// script.
pub fn is_ignored(signal: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Pixels by formula as the bytes of a PNG file.
pub fn png(name: &str, side: u32) -> Vec<u8> {
    encode(&pixels(name, side), OutputFormat::Png).unwrap()
}

/// All files below a folder: relative name and bytes.
pub fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut folders, mut files) = (vec![folder.to_owned()], BTreeMap::new());
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Compares two output folders byte by byte; the names of what differs stand in the message.
pub fn assert_same_trees(a: &Path, b: &Path) {
    let (a, b) = (tree(a), tree(b));
    assert!(!a.is_empty() && a.keys().eq(b.keys()), "{:?}\n{:?}", a.keys(), b.keys());
    for (name, bytes) in &a {
        let (a, b) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&b[name]));
        let line = a.lines().zip(b.lines()).find(|(a, b)| a != b);
        assert!(a == b, "{name} differs: {line:?}");
    }
}

/// The folder of shared weights and reference numbers.
#[cfg(feature = "shared-data")]
pub fn shared(name: &str) -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").into();
    let folder = PathBuf::from(std::env::var_os("STILLROOM_SHARED").unwrap_or_else(beside));
    let path = folder.join(name);
    assert!(path.exists(), "{} is needed; STILLROOM_SHARED names its folder", path.display());
    path
}

/// A folder of unpacked real images.
#[cfg(feature = "shared-data")]
pub fn data(name: &str) -> PathBuf {
    let folder = std::env::var_os("STILLROOM_DATA").expect("STILLROOM_DATA must name the unpacked datasets");
    let path = Path::new(&folder).join(name);
    assert!(path.is_dir(), "{} is needed; ../shared/data/unpack.sh makes it", path.display());
    path
}
