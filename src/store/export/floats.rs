//! Writes the images of a set as floats ([`super::super::float_images`]), row by row: none but the one at hand is in
//! memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write as _};

use safetensors::tensor::Dtype;

use super::super::float_images::{IMAGES, KIND, LABELS, NAMES, VERSION};
use super::super::tensor_header::header;
use super::folder::{FolderError, NewFolder};
use crate::core::data::pixels::RgbF32;

/// What the file says before its first image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloatHeader {
    /// Columns of each image.
    pub width: u32,
    /// Rows of each image.
    pub height: u32,
    /// The preview's file of each image within the set, in the order of the manifest.
    pub names: Vec<String>,
    /// The running index of each image's class.
    pub labels: Vec<u32>,
}

impl FloatHeader {
    /// The file up to its first image, and the bytes of the images.
    fn head(&self) -> (Vec<u8>, u64) {
        let count = self.names.len();
        let (labels, images) = ([count], [count, 3, self.height as usize, self.width as usize]);
        let metadata = [(KIND.0, KIND.1), (VERSION.0, VERSION.1), (NAMES, &self.names.join("\n"))];
        let metadata: BTreeMap<String, String> = metadata.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        // Labels first: they are of eight bytes, and the format asks for aligned values.
        let (mut head, data) =
            header([(LABELS, Dtype::I64, &labels[..]), (IMAGES, Dtype::F32, &images[..])], &metadata);
        head.extend(self.labels.iter().flat_map(|&label| i64::from(label).to_le_bytes()));
        (head, data - 8 * count as u64)
    }

    /// Bytes of the whole file.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let (head, images) = self.head();
        head.len() as u64 + images
    }
}

/// A file that is being written.
#[derive(Debug)]
pub struct FloatWriter<'a> {
    folder: &'a NewFolder,
    name: String,
    out: BufWriter<File>,
    header: FloatHeader,
    written: usize,
}

impl<'a> FloatWriter<'a> {
    /// Begins the file `name` of a new folder.
    ///
    /// # Errors
    /// [`FolderError::Write`].
    pub fn begin(folder: &'a NewFolder, name: String, header: FloatHeader) -> Result<Self, FolderError> {
        let mut out = BufWriter::new(folder.create(&name)?);
        out.write_all(&header.head().0).map_err(folder.at(&name))?;
        Ok(Self { folder, name, out, header, written: 0 })
    }

    /// Writes the next image.
    ///
    /// # Errors
    /// [`FolderError::Write`], also for an image of another size, one with a value that is not finite, and one too many.
    pub fn put(&mut self, image: &RgbF32) -> Result<(), FolderError> {
        let refused = |why: String| (self.folder.at(&self.name))(io::Error::new(ErrorKind::InvalidData, why));
        let FloatHeader { width, height, names, .. } = &self.header;
        let Some(name) = names.get(self.written) else { return Err(refused("it has all its images".to_owned())) };
        if (image.width, image.height) != (*width, *height) {
            let (w, h) = (image.width, image.height);
            return Err(refused(format!("{name} has {w}×{h} pixels, and the others {width}×{height}")));
        }
        if image.data.iter().any(|v| !v.is_finite()) {
            return Err(refused(format!("{name} has a value that is not finite; use a smaller step size")));
        }
        let plane = |c: usize| image.data.iter().skip(c).step_by(3).flat_map(|v| v.to_le_bytes());
        let row: Vec<u8> = (0..3).flat_map(plane).collect();
        self.out.write_all(&row).map_err(self.folder.at(&self.name))?;
        self.written += 1;
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`FolderError::Write`], also where images are missing.
    pub fn finish(mut self) -> Result<(), FolderError> {
        let (written, due) = (self.written, self.header.names.len());
        if written != due {
            let why = format!("it has {written} of its {due} images");
            return Err((self.folder.at(&self.name))(io::Error::new(ErrorKind::InvalidData, why)));
        }
        self.out.flush().map_err(self.folder.at(&self.name))
    }
}
