//! FKD's label files (Shen and Xing 2022, as SRe2L writes them): `epoch_{e}/batch_{b}.tar`, each a list saved by
//! PyTorch: crops B×4 as fractions of the image's size, flips, mix partners, λ, box, logits B×classes.
//!
//! The files don't say which images they are of. Their loader draws the order of a sampler again, always with seed 42, so
//! labels can be exchanged only in that order ([`crate::core::formats::torch_order`]): others are not exported, and imports are
//! checked against the images' sizes as far as these tell images apart.

use std::path::{Path, PathBuf};

use super::export::folder::{FolderError, NewFolder};
use super::files::{FileError, shown};
use super::labels::{LabelError, LabelReader};
use crate::core::formats::torch_file::{self, Dtype, Item, Tensor};
use crate::core::formats::torch_order::{Draws, EpochOrders};
use crate::core::progress::{Cancelled, Progress};
use crate::core::train::augment::Mix;
use crate::core::train::label_set::Precision;
use crate::core::train::labels::BatchLabels;
use crate::core::train::recipe::Cropping;

mod read;

pub use read::{FkdFolder, batch_size};

/// Why labels could not be exchanged with FKD.
#[derive(Debug, thiserror::Error)]
pub enum FkdError {
    /// The folder or a file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The stored labels.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// The output.
    #[error(transparent)]
    Export(#[from] FolderError),
    /// Stopped by the user.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The labels have what these files have no place for.
    #[error("{}: FKD's files can't hold {what}; relabel without it", shown(.folder))]
    Inexpressible {
        /// The stored labels.
        folder: PathBuf,
        /// What.
        what: &'static str,
    },
    /// FKD's loader would give the labels to other images.
    #[error(
        "{}: the images of epoch {epoch} are not in the order that FKD's loader draws (a sampler with seed 42), so it \
         would give their labels to other images; relabel in FKD's order", shown(.folder)
    )]
    Order {
        /// The stored labels.
        folder: PathBuf,
        /// The first such epoch.
        epoch: u32,
    },
    /// The images are not those of the labels.
    #[error("{}: {why}", shown(.folder))]
    Images {
        /// The labels' folder.
        folder: PathBuf,
        /// What does not fit, and the remedy.
        why: String,
    },
    /// No label files.
    #[error("{}: holds no FKD labels ({why}); give the folder of epoch_0, epoch_1, …", shown(.folder))]
    NotFkd {
        /// The folder.
        folder: PathBuf,
        /// What is missing.
        why: String,
    },
    /// A file is damaged or of another kind.
    #[error("{}: is no batch of FKD labels: {why}", shown(.file))]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
}

fn epoch_name(epoch: u32) -> String {
    format!("epoch_{epoch}")
}

fn batch_name(batch: usize) -> String {
    format!("batch_{batch}.tar")
}

/// Writes stored labels as FKD's files to `out`, a folder that does not exist yet or is empty, and that appears
/// complete. `sizes` are the (width, height) of the labels' images in order. Logits are written in half precision unless
/// they are stored in full; of the k greatest, the rest is spread evenly over the other classes.
///
/// # Errors
/// [`FkdError`]: the labels hold what FKD has no place for, their order is another, a file is damaged, `out` can't be
/// written.
pub fn export(
    labels: &LabelReader,
    sizes: &[(u32, u32)],
    out: &Path,
    progress: &mut dyn Progress,
) -> Result<PathBuf, FkdError> {
    let header = labels.header();
    let labelled = || labels.folder().to_owned();
    let inexpressible = |what| FkdError::Inexpressible { folder: labelled(), what };
    if header.augmentation.shuffle > 1 {
        return Err(inexpressible("shuffled patches"));
    }
    if matches!(header.augmentation.cropping, Cropping::Padded(_)) {
        return Err(inexpressible("crops of padded images"));
    }
    let count = header.images.len();
    if sizes.len() != count {
        let why =
            format!("labels {count} images, of which {} sizes are known; give their distilled folder", sizes.len());
        return Err(FkdError::Images { folder: labelled(), why });
    }
    let folder = NewFolder::begin(out)?;
    let half = header.precision != Precision::Full;
    let orders = EpochOrders::new(EpochOrders::FKD_SEED, count, Draws::Two);
    for (epoch, order) in (0..header.epochs).zip(orders) {
        progress.step("export", epoch.into(), header.epochs.into())?;
        let batches = labels.epoch(epoch)?;
        let sized = batches.iter().rev().skip(1).all(|b| b.images.len() == header.batch as usize);
        if !sized || !batches.iter().flat_map(|b| &b.images).eq(&order) {
            return Err(FkdError::Order { folder: labelled(), epoch });
        }
        for (number, batch) in batches.iter().enumerate() {
            let item = item(batch, sizes, (header.classes.len(), half));
            let mut bytes = std::io::Cursor::new(Vec::new());
            let name = format!("{}/{}", epoch_name(epoch), batch_name(number));
            torch_file::write(&mut bytes, &item).map_err(FileError::at(Path::new(&name), "write"))?;
            folder.put(&name, &bytes.into_inner())?;
        }
    }
    progress.step("export", header.epochs.into(), header.epochs.into())?;
    Ok(folder.publish()?)
}

/// A batch as FKD's list.
fn item(batch: &BatchLabels, sizes: &[(u32, u32)], (classes, half): (usize, bool)) -> Item {
    let count = batch.images.len();
    let tensor = |dtype, shape, bytes| Item::Tensor(Tensor { dtype, shape, bytes });
    let crops = batch.images.iter().zip(&batch.draws).flat_map(|(&image, draw)| {
        // The caller has a size for each image, and the labels were checked when they were read.
        let (width, height) = sizes.get(image as usize).copied().unwrap_or((1, 1));
        let c = draw.crop;
        [(c.top, height), (c.left, width), (c.height, height), (c.width, width)]
            .map(|(pixels, of)| (f64::from(pixels) / f64::from(of)) as f32)
    });
    let crops = tensor(Dtype::F32, vec![count, 4], crops.flat_map(f32::to_le_bytes).collect());
    let flips = tensor(Dtype::Bool, vec![count], batch.draws.iter().map(|d| d.mirrored.into()).collect());
    let partners =
        |of: &[u32]| tensor(Dtype::I64, vec![count], of.iter().flat_map(|&p| i64::from(p).to_le_bytes()).collect());
    let (perm, lambda, bbox) = match &batch.mix {
        Mix::None => (Item::None, Item::None, Item::None),
        Mix::CutMix { partners: of, lambda, bbox: b } => {
            let ends = [b.top, b.left, b.top + b.height, b.left + b.width];
            (partners(of), Item::Float(*lambda), Item::List(ends.map(|e| Item::Int(e.into())).into()))
        }
        Mix::MixUp { partners: of, lambda } => (partners(of), Item::Float(*lambda), Item::None),
    };
    let logits = batch.logits.dense(classes);
    let logits = if half {
        tensor(
            Dtype::F16,
            vec![count, classes],
            logits.iter().flat_map(|&v| half::f16::from_f32(v).to_le_bytes()).collect(),
        )
    } else {
        tensor(Dtype::F32, vec![count, classes], logits.into_iter().flat_map(f32::to_le_bytes).collect())
    };
    Item::List(vec![crops, flips, perm, lambda, bbox, logits])
}

#[cfg(test)]
mod tests;
