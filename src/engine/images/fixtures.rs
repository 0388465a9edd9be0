//! What the tests read: reference tensors of `tests/fixtures/images` and, behind the feature `shared-data`, of the
//! shared folder.

use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};

use crate::core::data::pixels::Rgb8;

/// The folder of small fixtures.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images")
}

/// A safetensors file in memory.
pub struct Tensors(Vec<u8>);

impl Tensors {
    pub fn read(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    }

    fn parsed(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).unwrap()
    }

    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.parsed().names().iter().map(ToString::to_string).collect();
        names.sort();
        names
    }

    /// Names below `prefix/`, with the rest split into numbers.
    pub fn numbered(&self, prefix: &str) -> Vec<(String, Vec<u32>)> {
        let numbers = |name: &str| -> Option<Vec<u32>> {
            name.strip_prefix(prefix)?.split('/').map(|n| n.parse().ok()).collect()
        };
        self.names().into_iter().filter_map(|name| numbers(&name).map(|n| (name, n))).collect()
    }

    pub fn shape(&self, name: &str) -> Vec<usize> {
        self.parsed().tensor(name).unwrap().shape().to_vec()
    }

    pub fn f32(&self, name: &str) -> Vec<f32> {
        let file = self.parsed();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
        tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    }

    pub fn u8(&self, name: &str) -> Vec<u8> {
        let file = self.parsed();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::U8, "{name}");
        tensor.data().to_vec()
    }

    /// A tensor of shape [H, W, 3].
    pub fn image(&self, name: &str) -> Rgb8 {
        let [height, width, 3] = self.shape(name)[..] else { panic!("{name} is no image") };
        Rgb8 { width: width as u32, height: height as u32, data: self.u8(name) }
    }
}

/// The upper left `width`×`height` pixels.
pub fn corner(image: &Rgb8, width: u32, height: u32) -> Rgb8 {
    let rows = image.data.chunks_exact(image.width as usize * 3).take(height as usize);
    Rgb8 { width, height, data: rows.flat_map(|row| &row[..width as usize * 3]).copied().collect() }
}

/// Greatest difference of two equally long lists.
pub fn greatest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Greatest and mean difference of two images in levels.
pub fn levels(a: &Rgb8, b: &Rgb8) -> (u8, f64) {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let differences = a.data.iter().zip(&b.data).map(|(a, b)| a.abs_diff(*b));
    let sum: f64 = differences.clone().map(f64::from).sum();
    (differences.max().unwrap(), sum / a.data.len() as f64)
}

/// A file of the shared folder: `STILLROOM_SHARED`, or `shared` beside the checkout.
#[cfg(feature = "shared-data")]
pub fn shared(file: &str) -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    std::env::var_os("STILLROOM_SHARED").map_or_else(beside, PathBuf::from).join(file)
}

/// A file of the unpacked data, `STILLROOM_DATA`.
#[cfg(feature = "shared-data")]
pub fn data(file: &str) -> PathBuf {
    let folder = std::env::var_os("STILLROOM_DATA").expect("STILLROOM_DATA names the folder of the unpacked data");
    PathBuf::from(folder).join(file)
}
