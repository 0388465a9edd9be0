//! One epoch of labels as a safetensors file: M images in the order of their batches, B batches.
//!
//! | tensor | type, shape | |
//! |---|---|---|
//! | `batches` | u32 B | images of each batch |
//! | `images` | u32 M | ids: indexes into the header's names |
//! | `crops` | u16 M×4 | top, left, height, width in pixels of the distilled image |
//! | `flips` | bool M | |
//! | `columns`, `rows` | u8 M×f | orders of the strips, where patches are shuffled |
//! | `partners` | u32 M | places within the batch, where something is mixed |
//! | `lambdas` | f64 B | |
//! | `boxes` | u16 B×4 | of CutMix, as crops, in pixels of the input |
//! | `logits` | f32 or f16 M×classes, or the k greatest f16 M×k | |
//! | `outputs`, `rest` | u32 M×k, f32 M | of the k greatest: their outputs, and log Σ exp of the others |

use std::borrow::Cow;
use std::collections::HashMap;

use half::f16;
use safetensors::tensor::{Dtype, View};

use super::LabelsHeader;
use crate::core::distil::patch::CropBox;
use crate::core::formats::torch_file;
use crate::core::train::augment::{ImageDraw, Mix};
use crate::core::train::label_set::{Bounds, Precision};
use crate::core::train::labels::{BatchLabels, Logits};
use crate::core::train::recipe::Mixing;
use crate::store::sealed::{self, SealError};

/// The entries of the metadata.
const SET: &str = "labels";
const EPOCH: &str = "epoch";

/// A tensor of a shard.
struct Column {
    name: &'static str,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for &Column {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        (&self.bytes).into()
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Names, types and shapes of the tensors of an epoch of `images` in `batches`.
fn layout(bounds: &Bounds, images: usize, batches: usize) -> Vec<(&'static str, Dtype, Vec<usize>)> {
    let kept = bounds.precision.kept(bounds.classes);
    let mut found = vec![
        ("batches", Dtype::U32, vec![batches]),
        ("images", Dtype::U32, vec![images]),
        ("crops", Dtype::U16, vec![images, 4]),
        ("flips", Dtype::BOOL, vec![images]),
    ];
    if bounds.augmentation.shuffle > 1 {
        let strips = bounds.augmentation.shuffle as usize;
        found.extend([("columns", Dtype::U8, vec![images, strips]), ("rows", Dtype::U8, vec![images, strips])]);
    }
    if bounds.augmentation.mixing != Mixing::None {
        found.extend([("partners", Dtype::U32, vec![images]), ("lambdas", Dtype::F64, vec![batches])]);
    }
    if bounds.augmentation.mixing == Mixing::CutMix {
        found.push(("boxes", Dtype::U16, vec![batches, 4]));
    }
    let dtype = if bounds.precision == Precision::Full { Dtype::F32 } else { Dtype::F16 };
    found.push(("logits", dtype, vec![images, kept]));
    if let Precision::Top(_) = bounds.precision {
        found.extend([("outputs", Dtype::U32, vec![images, kept]), ("rest", Dtype::F32, vec![images])]);
    }
    found
}

fn metadata(header: &LabelsHeader, epoch: u32) -> HashMap<String, String> {
    [(SET.to_owned(), header.fingerprint()), (EPOCH.to_owned(), format!("{epoch:05}"))].into()
}

/// Bytes of the file of an epoch in which every image comes once.
pub(super) fn size(header: &LabelsHeader) -> u64 {
    let (bounds, images) = (header.bounds(), header.images.len());
    let layout = layout(&bounds, images, images.div_ceil(header.batch.max(1) as usize));
    sealed::length(&layout, metadata(header, 0))
}

/// The file of an epoch.
///
/// # Errors
/// What does not fit: a batch that contradicts the header, or a logit that can't be kept.
pub(super) fn write(header: &LabelsHeader, epoch: u32, batches: &[BatchLabels]) -> Result<Vec<u8>, String> {
    let bounds = header.bounds();
    for (number, batch) in batches.iter().enumerate() {
        bounds.check(batch).map_err(|why| format!("batch {number}: {why}"))?;
    }
    let images = batches.iter().map(|b| b.images.len()).sum();
    let columns: Vec<Column> = layout(&bounds, images, batches.len())
        .into_iter()
        .map(|(name, dtype, shape)| {
            let bytes = batches.iter().flat_map(|b| column(name, dtype, b)).collect();
            Column { name, dtype, shape, bytes }
        })
        .collect();
    if let Some(logit) = columns.iter().find(|c| c.name == "logits").filter(|c| c.dtype == Dtype::F16)
        && logit.bytes.as_chunks::<2>().0.iter().any(|&b| !f16::from_le_bytes(b).is_finite())
    {
        return Err("a logit is beyond half precision (±65504); store the labels in full precision".to_owned());
    }
    let tensors = columns.iter().map(|c| (c.name, c));
    let plain = safetensors::serialize(tensors, Some(metadata(header, epoch))).map_err(|e| e.to_string())?;
    sealed::seal(&plain).map_err(|e| e.to_string())
}

/// A batch's part of a tensor, little-endian.
fn column(name: &str, dtype: Dtype, batch: &BatchLabels) -> Vec<u8> {
    let u32s = |values: &[u32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let f32s = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
    // The numbers fit: the bounds were checked.
    let boxed = |b: &CropBox| [b.top, b.left, b.height, b.width].map(|v| (v as u16).to_le_bytes()).concat();
    let draws = &batch.draws;
    let (partners, lambda, bbox) = match &batch.mix {
        Mix::None => (&[][..], None, None),
        Mix::CutMix { partners, lambda, bbox } => (&partners[..], Some(lambda), Some(bbox)),
        Mix::MixUp { partners, lambda } => (&partners[..], Some(lambda), None),
    };
    let (outputs, logits, rest) = match &batch.logits {
        Logits::Dense(logits) => (&[][..], logits, &[][..]),
        Logits::Top { outputs, logits, rest } => (&outputs[..], logits, &rest[..]),
    };
    match name {
        "batches" => u32s(&[batch.images.len() as u32]),
        "images" => u32s(&batch.images),
        "crops" => draws.iter().flat_map(|d| boxed(&d.crop)).collect(),
        "flips" => draws.iter().map(|d| d.mirrored.into()).collect(),
        "columns" => draws.iter().flat_map(|d| d.columns.clone()).collect(),
        "rows" => draws.iter().flat_map(|d| d.rows.clone()).collect(),
        "partners" => u32s(partners),
        "lambdas" => lambda.map_or_else(Vec::new, |l| l.to_le_bytes().to_vec()),
        "boxes" => bbox.map_or_else(Vec::new, boxed),
        "outputs" => u32s(outputs),
        "rest" => f32s(rest),
        _ if dtype == Dtype::F16 => logits.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
        _ => f32s(logits),
    }
}

/// A type of the layout as files are read.
fn dtype_of(written: Dtype) -> Option<torch_file::Dtype> {
    Some(match written {
        Dtype::U32 => torch_file::Dtype::U32,
        Dtype::U16 => torch_file::Dtype::U16,
        Dtype::U8 => torch_file::Dtype::U8,
        Dtype::BOOL => torch_file::Dtype::Bool,
        Dtype::F64 => torch_file::Dtype::F64,
        Dtype::F32 => torch_file::Dtype::F32,
        Dtype::F16 => torch_file::Dtype::F16,
        _ => return None,
    })
}

/// The batches of an epoch.
///
/// # Errors
/// What is wrong with the file: damaged, of another set or epoch, or contradicting the header.
pub fn read(header: &LabelsHeader, epoch: u32, bytes: &[u8]) -> Result<Vec<BatchLabels>, String> {
    let file = sealed::check(bytes).map_err(|e: SealError| e.to_string())?;
    for (name, value) in metadata(header, epoch) {
        if file.about(&name) != Some(&value) {
            return Err(format!("its {name} entry is not {value}: it belongs elsewhere"));
        }
    }
    let tensor = |name: &str| {
        let entry = file.find(name).ok_or_else(|| format!("it lacks the tensor {name}"))?;
        // The directory was checked against the file.
        let data = bytes.get(entry.bytes.start as usize..entry.bytes.end as usize).unwrap_or_default();
        Ok::<_, String>((entry, data))
    };
    let bounds = header.bounds();
    let (_, sizes) = tensor("batches")?;
    let sizes: Vec<usize> = sizes.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b) as usize).collect();
    if sizes.contains(&0) {
        return Err("it has a batch without images".to_owned());
    }
    let images = sizes.iter().sum();
    let mut columns = HashMap::new();
    for (name, dtype, shape) in layout(&bounds, images, sizes.len()) {
        let (entry, data) = tensor(name)?;
        if entry.dtype != dtype_of(dtype) || entry.shape != shape {
            return Err(format!("its tensor {name} is {:?} {:?}, not {dtype:?} {shape:?}", entry.dtype, entry.shape));
        }
        columns.insert(name, data);
    }
    let mut reader = Reader { columns };
    let batch = |(number, &size)| {
        let batch = reader.batch(&bounds, size);
        bounds.check(&batch).map_err(|why| format!("batch {number}: {why}"))?;
        Ok(batch)
    };
    sizes.iter().enumerate().map(batch).collect()
}

/// What is left to read of each tensor; their lengths fit the layout.
struct Reader<'a> {
    columns: HashMap<&'static str, &'a [u8]>,
}

impl Reader<'_> {
    /// The next bytes of a tensor.
    fn take(&mut self, name: &str, count: usize) -> &[u8] {
        let Some(left) = self.columns.get_mut(name) else { return &[] };
        let (taken, rest) = left.split_at(count.min(left.len()));
        *left = rest;
        taken
    }

    fn u32s(&mut self, name: &str, count: usize) -> Vec<u32> {
        self.take(name, 4 * count).as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect()
    }

    fn f32s(&mut self, name: &str, count: usize) -> Vec<f32> {
        self.take(name, 4 * count).as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    fn boxes(&mut self, name: &str, count: usize) -> Vec<CropBox> {
        let boxed = |b: &[u8; 8]| {
            let at = |i: usize| u32::from(u16::from_le_bytes([b[2 * i], b[2 * i + 1]]));
            CropBox { top: at(0), left: at(1), height: at(2), width: at(3) }
        };
        self.take(name, 8 * count).as_chunks::<8>().0.iter().map(boxed).collect()
    }

    fn batch(&mut self, bounds: &Bounds, size: usize) -> BatchLabels {
        let images = self.u32s("images", size);
        let draws = self.draws(bounds, size);
        let mix = self.mix(bounds, size);
        BatchLabels { images, draws, mix, logits: self.logits(bounds, size) }
    }

    fn draws(&mut self, bounds: &Bounds, size: usize) -> Vec<ImageDraw> {
        let strips = bounds.augmentation.shuffle as usize;
        let crops = self.boxes("crops", size);
        let flips = self.take("flips", size).to_vec();
        let columns = self.take("columns", size * strips).to_vec();
        let rows = self.take("rows", size * strips).to_vec();
        let of = |orders: &[u8], i: usize| orders.chunks_exact(strips.max(1)).nth(i).unwrap_or_default().to_vec();
        let draw = |(i, (crop, &flip)): (usize, (CropBox, &u8))| ImageDraw {
            columns: of(&columns, i),
            rows: of(&rows, i),
            crop,
            mirrored: flip != 0,
        };
        crops.into_iter().zip(&flips).enumerate().map(draw).collect()
    }

    fn mix(&mut self, bounds: &Bounds, size: usize) -> Mix {
        let partners = self.u32s("partners", size);
        let lambda = self.take("lambdas", 8).first_chunk().map_or(f64::NAN, |b| f64::from_le_bytes(*b));
        let bbox = self.boxes("boxes", 1).first().copied();
        match (bounds.augmentation.mixing, bbox) {
            (Mixing::CutMix, Some(bbox)) => Mix::CutMix { partners, lambda, bbox },
            (Mixing::MixUp { .. }, _) => Mix::MixUp { partners, lambda },
            _ => Mix::None,
        }
    }

    fn logits(&mut self, bounds: &Bounds, size: usize) -> Logits {
        let count = size * bounds.precision.kept(bounds.classes);
        let logits = match bounds.precision {
            Precision::Full => self.f32s("logits", count),
            _ => self
                .take("logits", 2 * count)
                .as_chunks::<2>()
                .0
                .iter()
                .map(|b| f16::from_le_bytes(*b).to_f32())
                .collect(),
        };
        match bounds.precision {
            Precision::Top(_) => {
                Logits::Top { outputs: self.u32s("outputs", count), logits, rest: self.f32s("rest", size) }
            }
            _ => Logits::Dense(logits),
        }
    }
}
