//! A set as tensors in PyTorch's files: all images in one, f32 `[n, 3, H, W]`, all labels in another, i64 `[n]`; both by
//! class, then by number. Written and read back image by image, so that none is in memory as a whole.

use std::io::{BufReader, BufWriter, Write as _};

use serde_json::{Map, Value};

use super::content::{Content, Difference, Export, ExportError, Size, Writer};
use crate::core::data::normalise::MeanStd;
use crate::core::data::pixels::{Raster, Rgb, Sample};
use crate::core::formats::torch_file::{Archive, Dtype, Pickle, TensorEntry, TorchFile};

/// A tensor of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    /// The images, normalised.
    Images(MeanStd),
    /// The labels.
    Labels,
}

/// A file, and its tensors in the order in which its pickle names them.
pub(super) struct TensorFile {
    pub name: &'static str,
    pub pickle: Vec<u8>,
    pub parts: Vec<Part>,
}

/// The files of a set.
pub(super) struct Tensors {
    pub shape: Shape,
    pub files: Vec<TensorFile>,
    /// For the last line.
    pub about: Map<String, Value>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Number and size of the images.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    count: usize,
    width: usize,
    height: usize,
}

impl Shape {
    /// That of a set whose images are of one size.
    ///
    /// # Errors
    /// [`ExportError::Refused`], which names the sizes.
    pub fn of(content: &Content) -> Result<Self, ExportError> {
        let mut sizes: Vec<((u32, u32), usize)> = Vec::new();
        for picture in &content.pictures {
            match sizes.iter_mut().find(|(size, _)| *size == picture.size) {
                Some((_, count)) => *count += 1,
                None => sizes.push((picture.size, 1)),
            }
        }
        if let [((width, height), count)] = sizes[..] {
            return Ok(Self { count, width: width as usize, height: height as usize });
        }
        sizes.sort_by_key(|(size, count)| (std::cmp::Reverse(*count), *size));
        let named = |((w, h), count): &((u32, u32), usize)| format!("{count} of {w}×{h} pixels");
        let named: Vec<String> = sizes.iter().map(named).collect();
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        Err(ExportError::Refused(format!(
            "a tensor holds images of one size, and these have {}: {}; distil at one side, or export as imagefolder, \
             parquet or webdataset",
            sizes.len(),
            super::content::some(&named)
        )))
    }

    /// Whether CIFAR's images are of this size.
    pub fn is_of_cifar(self) -> bool {
        (self.width, self.height) == (32, 32)
    }

    /// Puts the tensor of a part, number `number` of the archive, into a pickle.
    pub fn pickle(self, pickle: &mut Pickle, number: usize, part: Part) {
        match part {
            Part::Images(_) => pickle.tensor(number, Dtype::F32, &[self.count, 3, self.height, self.width]),
            Part::Labels => pickle.tensor(number, Dtype::I64, &[self.count]),
        }
    }

    fn image_bytes(self) -> usize {
        3 * self.width * self.height * size_of::<f32>()
    }

    fn bytes(self, part: Part) -> u64 {
        let each = match part {
            Part::Images(_) => self.image_bytes(),
            Part::Labels => size_of::<i64>(),
        };
        self.count as u64 * each as u64
    }
}

/// The planes of an image, normalised, as little-endian bytes.
fn planes(image: &Rgb, mean_std: &MeanStd) -> Vec<u8> {
    match image {
        Rgb::Bytes(image) => planes_of(image, mean_std),
        Rgb::Floats(image) => planes_of(image, mean_std),
    }
}

fn planes_of<T: Sample>(image: &Raster<T>, mean_std: &MeanStd) -> Vec<u8> {
    let value = |x: T, c| mean_std.apply(x.intensity(), c).to_le_bytes();
    let plane = |c: usize| image.data.iter().skip(c).step_by(3).flat_map(move |&x| value(x, c));
    (0..3).flat_map(plane).collect()
}

/// What of the pixels is lost when values are turned back into levels; floats are what was written, and have none.
fn add_difference(difference: &mut Difference, bytes: &[u8], (image, mean_std): (&Rgb, &MeanStd)) {
    let Rgb::Bytes(image) = image else { return };
    let plane = image.data.len() / 3;
    for (at, value) in bytes.as_chunks::<4>().0.iter().enumerate() {
        let (c, pixel) = (at / plane, at % plane);
        let level = (mean_std.invert(f32::from_le_bytes(*value), c) * 255.0).round().clamp(0.0, 255.0);
        difference.add(image.data[3 * pixel + c], level as u8);
    }
}

fn label_bytes(content: &Content) -> Vec<u8> {
    content.pictures.iter().flat_map(|p| i64::from(p.label).to_le_bytes()).collect()
}

impl Tensors {
    fn write_file(&self, file: &TensorFile, export: &mut Export<'_>) -> Result<(), ExportError> {
        let failed = export.folder.at(file.name);
        let mut out = BufWriter::new(export.folder.create(file.name)?);
        let mut archive = Archive::begin(&mut out, &file.pickle).map_err(&failed)?;
        for part in &file.parts {
            let to = archive.tensor(self.shape.bytes(*part)).map_err(&failed)?;
            match part {
                Part::Labels => to.write_all(&label_bytes(export.content)).map_err(&failed)?,
                Part::Images(mean_std) => {
                    for at in 0..self.shape.count {
                        export.written(at)?;
                        to.write_all(&planes(&export.values(at)?, mean_std)).map_err(&failed)?;
                    }
                }
            }
        }
        archive.finish().map_err(&failed)?;
        Ok(out.flush().map_err(&failed)?)
    }

    fn compare_file(
        &self,
        file: &TensorFile,
        export: &mut Export<'_>,
        difference: &mut Difference,
    ) -> Result<(), ExportError> {
        let damaged = |export: &Export<'_>, why: String| export.differs(file.name, why);
        let opened = TorchFile::open(BufReader::new(export.open(file.name)?));
        let mut opened = opened.map_err(|e| damaged(export, e.to_string()))?;
        let (entries, _) = opened.tensors().map_err(|e| damaged(export, e.to_string()))?;
        if entries.len() != file.parts.len() {
            return Err(damaged(export, format!("holds {} tensors", entries.len())));
        }
        for (entry, part) in entries.iter().zip(&file.parts) {
            let mut check = Check { file: file.name, part: *part, shape: self.shape, at: 0, pending: Vec::new() };
            let mut found = Ok(());
            let mut take = |piece: &[u8]| {
                if found.is_ok() {
                    found = check.take(piece, export, difference);
                }
            };
            let read = opened.read_tensor(entry, &mut take);
            found?;
            read.map_err(|e| damaged(export, e.to_string()))?;
            check.finish(entry, export)?;
        }
        Ok(())
    }
}

/// A tensor that is compared while it is read.
struct Check {
    file: &'static str,
    part: Part,
    shape: Shape,
    at: usize,
    pending: Vec<u8>,
}

impl Check {
    fn take(&mut self, piece: &[u8], export: &mut Export<'_>, lost: &mut Difference) -> Result<(), ExportError> {
        self.pending.extend_from_slice(piece);
        let Part::Images(mean_std) = &self.part else { return Ok(()) };
        let each = self.shape.image_bytes();
        while self.pending.len() >= each && self.at < self.shape.count {
            export.compared(self.at)?;
            let image = export.values(self.at)?;
            let bytes = &self.pending[..each];
            if bytes != planes(&image, mean_std) {
                let file = &export.content.pictures[self.at].file;
                return Err(export.differs(self.file, format!("holds other values for {file} than were written")));
            }
            add_difference(lost, bytes, (&image, mean_std));
            self.pending.drain(..each);
            self.at += 1;
        }
        Ok(())
    }

    fn finish(self, entry: &TensorEntry, export: &mut Export<'_>) -> Result<(), ExportError> {
        let Shape { count, width, height } = self.shape;
        let same = match self.part {
            Part::Images(_) => {
                let whole = self.pending.is_empty() && self.at == count;
                whole && entry.dtype == Dtype::F32 && entry.shape == [count, 3, height, width]
            }
            Part::Labels => {
                let labels = self.pending == label_bytes(export.content);
                labels && entry.dtype == Dtype::I64 && entry.shape == [count]
            }
        };
        if same { Ok(()) } else { Err(export.differs(self.file, "holds other tensors than were written")) }
    }
}

impl Writer for Tensors {
    fn size(&self, _: &Content) -> Size {
        // The archive's headers and padding beside the tensors.
        let file = |f: &TensorFile| f.parts.iter().map(|p| self.shape.bytes(*p)).sum::<u64>() + 4096;
        Size { files: self.files.len() as u64, bytes: self.files.iter().map(file).sum(), exact: false }
    }

    fn write(&self, export: &mut Export<'_>) -> Result<(), ExportError> {
        self.files.iter().try_for_each(|file| self.write_file(file, export))?;
        Ok(export.written(self.shape.count)?)
    }

    fn compare(&self, export: &mut Export<'_>) -> Result<Difference, ExportError> {
        let mut difference = Difference::default();
        self.files.iter().try_for_each(|file| self.compare_file(file, export, &mut difference))?;
        export.compared(self.shape.count)?;
        Ok(difference)
    }

    fn about(&self) -> Map<String, Value> {
        self.about.clone()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}
