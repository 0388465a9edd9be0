//! FKD's files as stored labels.

use std::fs;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use super::{FkdError, batch_name, epoch_name};
use crate::core::distil::patch::CropBox;
use crate::core::formats::torch_file::{self, Dtype, Item, Tensor, TorchFileError};
use crate::core::formats::torch_order::MOST_IMAGES;
use crate::core::train::augment::{ImageDraw, Mix};
use crate::core::train::label_set::Precision;
use crate::core::train::labels::{BatchLabels, Logits};
use crate::core::train::recipe::Mixing;
use crate::store::files::FileError;

/// How far from a whole number of pixels a fraction may lead: 32-bit fractions of the largest images stay far below.
const NEARLY: f64 = 0.02;

/// A folder of FKD's label files, and what they tell about themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct FkdFolder {
    folder: PathBuf,
    /// Epochs.
    pub epochs: u32,
    /// Batches of an epoch.
    pub batches: usize,
    /// Images of a batch; the last may be smaller.
    pub batch: u32,
    /// Images of an epoch.
    pub images: usize,
    /// Logits of each.
    pub classes: usize,
    /// How they are kept.
    pub precision: Precision,
    /// What was mixed. The files don't tell MixUp's α: it is SRe2L's.
    pub mixing: Mixing,
}

impl FkdFolder {
    /// Looks at a folder: counts epochs and batches, reads the first and the last batch of the first epoch.
    ///
    /// # Errors
    /// [`FkdError::NotFkd`], [`FkdError::Malformed`] with the call that a hostile file asks for, [`FkdError::File`].
    pub fn open(folder: &Path) -> Result<Self, FkdError> {
        let not = |why: String| FkdError::NotFkd { folder: folder.to_owned(), why };
        let epochs = numbered(folder, "epoch_", "")?;
        if epochs.is_empty() {
            return Err(not("there is no epoch_0".to_owned()));
        }
        if let Some(missing) = (0..epochs.len()).zip(&epochs).find_map(|(n, &found)| (n != found).then_some(n)) {
            return Err(not(format!("epoch_{missing} is missing before epoch_{}", epochs.len())));
        }
        let first = folder.join(epoch_name(0));
        let batches = numbered(&first, "batch_", ".tar")?.len();
        let last = batches.checked_sub(1).ok_or_else(|| not("epoch_0 has no batch_0.tar".to_owned()))?;
        let (first, last) = (Batch::read(&first.join(batch_name(0)))?, Batch::read(&first.join(batch_name(last)))?);
        let batch = first.flips.len();
        let images = batch * (batches - 1) + last.flips.len();
        if batch == 0 || images > MOST_IMAGES {
            return Err(not(format!("epoch_0 has {images} images")));
        }
        let mixing = match (&first.partners, first.bbox) {
            (None, _) => Mixing::None,
            (Some(_), Some(_)) => Mixing::CutMix,
            (Some(_), None) => Mixing::MixUp { alpha: 0.8 },
        };
        Ok(Self {
            folder: folder.to_owned(),
            epochs: epochs.len() as u32,
            batches,
            batch: batch as u32,
            images,
            classes: first.logits.shape[1],
            precision: if first.logits.dtype == Dtype::F16 { Precision::Half } else { Precision::Full },
            mixing,
        })
    }

    /// The batches of an epoch. `order` is that of the images as the sampler drew it for this epoch
    /// ([`crate::core::formats::torch_order::EpochOrders`]), `sizes` the (width, height) of each image.
    ///
    /// # Errors
    /// [`FkdError::Images`] where the images' number or sizes are not those of the labels, [`FkdError::Malformed`],
    /// [`FkdError::File`].
    pub fn epoch(&self, epoch: u32, order: &[u32], sizes: &[(u32, u32)]) -> Result<Vec<BatchLabels>, FkdError> {
        if order.len() != self.images || sizes.len() != self.images {
            let why =
                format!("labels {} images, not {}; give the images that they were made for", self.images, sizes.len());
            return Err(FkdError::Images { folder: self.folder.clone(), why });
        }
        let folder = self.folder.join(epoch_name(epoch));
        let batches = order.chunks(self.batch as usize).enumerate();
        batches.map(|(number, images)| self.labels(&folder.join(batch_name(number)), images, sizes)).collect()
    }

    fn labels(&self, file: &Path, images: &[u32], sizes: &[(u32, u32)]) -> Result<BatchLabels, FkdError> {
        let batch = Batch::read(file)?;
        let malformed = |why: String| FkdError::Malformed { file: file.to_owned(), why };
        if batch.flips.len() != images.len() || batch.logits.shape[1] != self.classes {
            let (found, classes) = (batch.flips.len(), batch.logits.shape[1]);
            let expected = (images.len(), self.classes);
            return Err(malformed(format!("{found}×{classes} logits, where the first batch lets expect {expected:?}")));
        }
        let mut draws = Vec::with_capacity(images.len());
        for ((&image, crop), &mirrored) in images.iter().zip(batch.crops.as_chunks::<4>().0).zip(&batch.flips) {
            let size = sizes.get(image as usize).copied().unwrap_or_default();
            let crop = pixels(*crop, size).ok_or_else(|| {
                let (width, height) = size;
                malformed(format!(
                    "the crop {crop:?} is no rectangle of image {image} ({width}×{height} pixels): the labels are of \
                     other images, or were drawn in another order (seed)"
                ))
            })?;
            draws.push(ImageDraw { columns: Vec::new(), rows: Vec::new(), crop, mirrored });
        }
        let logits = batch.logits.floats().ok_or_else(|| malformed("its logits are no floats".to_owned()))?;
        let mix = batch.mix().map_err(malformed)?;
        Ok(BatchLabels { images: images.to_vec(), draws, mix, logits: Logits::Dense(logits) })
    }
}

/// Images and classes of a batch's file.
///
/// # Errors
/// What is wrong with it.
pub fn batch_size(from: impl Read + Seek) -> Result<(usize, usize), String> {
    let batch = Batch::of(torch_file::read(from).map_err(|e| e.to_string())?)?;
    batch.mix()?;
    Ok((batch.flips.len(), batch.logits.shape[1]))
}

/// The numbers of the files or folders of a folder whose names are a number between `before` and `after`, in order.
fn numbered(folder: &Path, before: &str, after: &str) -> Result<Vec<usize>, FkdError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(FileError::at(folder, "list"))? {
        let name = entry.map_err(FileError::at(folder, "list"))?.file_name();
        let number: Option<usize> =
            name.to_str().and_then(|n| n.strip_prefix(before)?.strip_suffix(after)?.parse().ok());
        found.extend(number);
    }
    found.sort_unstable();
    Ok(found)
}

/// The rectangle that fractions (top, left, height, width) of an image are.
fn pixels(fractions: [f32; 4], (width, height): (u32, u32)) -> Option<CropBox> {
    let whole = |fraction: f32, of: u32| {
        let pixels = f64::from(fraction) * f64::from(of);
        let rounded = pixels.round();
        ((pixels - rounded).abs() <= NEARLY && (0.0..=f64::from(of)).contains(&rounded)).then_some(rounded as u32)
    };
    let [top, left, rows, columns] = fractions;
    let (top, left) = (whole(top, height)?, whole(left, width)?);
    let (rows, columns) = (whole(rows, height)?, whole(columns, width)?);
    let inside = rows > 0 && columns > 0 && top + rows <= height && left + columns <= width;
    inside.then_some(CropBox { top, left, height: rows, width: columns })
}

/// A file as it is.
struct Batch {
    /// B×4.
    crops: Vec<f32>,
    flips: Vec<bool>,
    partners: Option<Vec<i64>>,
    lambda: Option<f64>,
    bbox: Option<[i64; 4]>,
    /// B×classes.
    logits: Tensor,
}

impl Batch {
    fn read(file: &Path) -> Result<Self, FkdError> {
        let malformed = |why: String| FkdError::Malformed { file: file.to_owned(), why };
        let opened = fs::File::open(file).map_err(FileError::at(file, "open"))?;
        let item = torch_file::read(opened).map_err(|e| match e {
            // Its own remedy is that of networks.
            TorchFileError::Foreign(found) => malformed(format!("it is {}; fetch the labels again", found.what)),
            other => malformed(other.to_string()),
        })?;
        Self::of(item).map_err(|what| malformed(format!("{what} of its list [crops, flips, partners, λ, box, logits]")))
    }

    /// Its parts, checked against each other; or which of them is wrong.
    fn of(item: Item) -> Result<Self, &'static str> {
        let (Item::List(parts) | Item::Tuple(parts)) = item else { return Err("it holds no list in place") };
        let Ok([crops, flips, partners, lambda, bbox, logits]) = <[Item; 6]>::try_from(parts) else {
            return Err("it has not the six parts");
        };
        let Item::Tensor(logits) = logits else { return Err("it lacks the logits") };
        let &[count, _] = logits.shape.as_slice() else { return Err("it lacks the two dimensions of the logits") };
        let crops = match &crops {
            Item::Tensor(t) if t.shape == [count, 4] => t.floats().ok_or("it lacks the numbers in the crops")?,
            _ => return Err("it lacks the four numbers per image in the crops"),
        };
        let flips = match &flips {
            Item::Tensor(t) if t.shape == [count] => t.integers().ok_or("it lacks the truth values in the flips")?,
            _ => return Err("it lacks one truth value per image in the flips"),
        };
        let partners = match &partners {
            Item::None => None,
            Item::Tensor(t) if t.shape == [count] => Some(t.integers().ok_or("it lacks the places in the partners")?),
            _ => return Err("it lacks one place per image in the partners"),
        };
        let lambda = match lambda {
            Item::None => None,
            Item::Float(value) => Some(value),
            Item::Int(value) => Some(value as f64),
            _ => return Err("it lacks the number λ"),
        };
        let bbox = match bbox {
            Item::None => None,
            Item::List(ends) | Item::Tuple(ends) => Some(ends_of(&ends).ok_or("it lacks four numbers in the box")?),
            _ => return Err("it lacks the box"),
        };
        Ok(Self { crops, flips: flips.into_iter().map(|f| f != 0).collect(), partners, lambda, bbox, logits })
    }

    fn mix(&self) -> Result<Mix, String> {
        let (Some(partners), Some(lambda)) = (&self.partners, self.lambda) else { return Ok(Mix::None) };
        let partner = |&p: &i64| u32::try_from(p).map_err(|_| format!("its partners name image {p} of the batch"));
        let partners = partners.iter().map(partner).collect::<Result<_, _>>()?;
        let Some(bbox) = self.bbox else { return Ok(Mix::MixUp { partners, lambda }) };
        let [top, left, bottom, right] = bbox.map(|e| u32::try_from(e).ok());
        let rectangle = || {
            let (top, left) = (top?, left?);
            Some(CropBox { top, left, height: bottom?.checked_sub(top)?, width: right?.checked_sub(left)? })
        };
        let bbox = rectangle().ok_or_else(|| format!("its box {bbox:?} is no rectangle"))?;
        Ok(Mix::CutMix { partners, lambda, bbox })
    }
}

fn ends_of(ends: &[Item]) -> Option<[i64; 4]> {
    let whole = |item: &Item| match item {
        Item::Int(value) => Some(*value),
        Item::Tensor(t) if t.shape.is_empty() => t.integers()?.first().copied(),
        _ => None,
    };
    ends.iter().map(whole).collect::<Option<Vec<_>>>()?.try_into().ok()
}
