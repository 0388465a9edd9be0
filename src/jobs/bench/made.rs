//! A dataset, an observer and scores that are made up, of any size: what the window is measured with.

use std::path::{Path, PathBuf};

use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::core::data::pixels::Rgb8;
use crate::core::distil::patch::{CropBox, subset_order};
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::{ClassScores, CropScore, Rival};
use crate::core::rng::Stream;
use crate::engine::images::encode;
use crate::engine::nets::families::convnet::{Norm, Shape};
use crate::engine::nets::{Arch, NetworkSpec};
use crate::engine::weights::{Kind, Precision, Weights, file_bytes};

/// Side of an image, in pixels.
const SIDE: u32 = 32;

/// Why nothing was made, in words.
pub type Failure = Box<dyn std::error::Error>;

/// Where what was made lies.
#[derive(Clone, Debug)]
pub struct Made {
    /// The dataset's folder.
    pub data: PathBuf,
    /// The observer's weights.
    pub observer: PathBuf,
}

/// Writes a dataset of `classes` classes with `images` images each, and an observer for it, into `folder`.
///
/// # Errors
/// What the system says.
pub fn write(folder: &Path, (classes, images): (usize, usize)) -> Result<Made, Failure> {
    let made = Made { data: folder.join("data"), observer: folder.join("conv3.safetensors") };
    write_images(&made.data, classes, images)?;
    let arch = Arch::ConvNet(Shape { depth: 3, width: 8, norm: Norm::Batch });
    let graph = NetworkSpec { arch, side: SIDE as usize, classes }.graph();
    let network = (&graph, &Weights::by_formula(&graph));
    std::fs::write(&made.observer, file_bytes("observer", network, (Kind::Safetensors, Precision::Half))?)?;
    Ok(made)
}

/// One folder of small images, which is every class: links cost nothing.
fn write_images(data: &Path, classes: usize, count: usize) -> Result<(), Failure> {
    let images = data.with_file_name("images");
    std::fs::create_dir_all(&images)?;
    std::fs::create_dir_all(data)?;
    for n in 0..count {
        let mut stream = Stream::new("stillroom benchmark image", n as u64, &[]);
        let mut image = Rgb8::black(SIDE, SIDE);
        image.data.fill_with(|| stream.below(256) as u8);
        std::fs::write(images.join(format!("{n:05}.png")), encode::png(&image)?)?;
    }
    for class in 0..classes {
        link(&images, &data.join(format!("class{class:04}")))?;
    }
    Ok(())
}

#[cfg(unix)]
fn link(images: &Path, class: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(images, class)
}

#[cfg(not(unix))]
fn link(images: &Path, class: &Path) -> std::io::Result<()> {
    std::fs::create_dir(class)?;
    std::fs::read_dir(images)?.try_for_each(|image| {
        let image = image?;
        std::fs::copy(image.path(), class.join(image.file_name())).map(|_| ())
    })
}

/// A block as scoring gives it, with losses from 10⁻⁷ to 10 that the recipe's seed draws.
#[must_use]
pub fn scores(dataset: &Dataset, recipe: &Recipe<Rded>, class: ClassId) -> ClassScores {
    let name = &dataset.class(class).name;
    let mut stream = Stream::new("stillroom benchmark losses", recipe.seed, &[name.as_bytes()]);
    let first = dataset.images_of(class).start;
    let mut block = ClassScores::new(recipe.method.crops);
    for (position, at) in (0..).zip(subset_order(recipe.seed, name, dataset.class_size(class))) {
        let mut boxes = Vec::with_capacity(recipe.method.crops as usize);
        let mut scores = Vec::with_capacity(recipe.method.crops as usize);
        for _ in 0..recipe.method.crops {
            let side = 9 + stream.below(u64::from(SIDE) - 9) as u32;
            let mut from = || stream.below(u64::from(SIDE - side) + 1) as u32;
            boxes.push(CropBox { top: from(), left: from(), height: side, width: side });
            let loss = 10f64.powf(stream.range(-7.0, 1.0)) as f32;
            let rest = 1.0 - (-loss).exp();
            scores.push(CropScore { loss, rival: Some(Rival { output: 0, probability: rest * 0.7 }) });
        }
        block.push(position, ImageId(first + at), &boxes, &scores);
    }
    block
}
