//! Images as files of their own, with texts beside them: what all layouts of class folders share.

use super::super::float_images::{FILE, FloatImages};
use super::content::{Content, Difference, Export, ExportError, Size, Writer};
use super::floats::{FloatHeader, FloatWriter};

/// Names of the images' files, and the texts beside them.
#[derive(Clone, Debug, Default)]
pub(super) struct Copies {
    /// The file of each image, in the order of the images.
    pub names: Vec<String>,
    /// Further files.
    pub texts: Vec<(String, Vec<u8>)>,
    /// The file of floats, for a set that keeps them and a layout that has a place for them.
    pub floats: Option<FloatHeader>,
}

impl Copies {
    fn write_floats(&self, export: &Export<'_>) -> Result<(), ExportError> {
        let Some(header) = &self.floats else { return Ok(()) };
        let mut writer = FloatWriter::begin(export.folder, FILE.to_owned(), header.clone())?;
        for at in 0..self.names.len() {
            writer.put(&export.pictures.values(at)?.into_floats())?;
        }
        Ok(writer.finish()?)
    }

    fn compare_floats(&self, export: &Export<'_>) -> Result<(), ExportError> {
        let Some(header) = &self.floats else { return Ok(()) };
        let written = FloatImages::open(&export.folder.partial().join(FILE));
        let written = written.map_err(|e| export.differs(FILE, e.why))?;
        let other = || export.differs(FILE, "holds other images than were written");
        let written = written.filter(|w| w.names() == header.names && w.labels() == header.labels).ok_or_else(other)?;
        for (at, name) in header.names.iter().enumerate() {
            let read = written.read(name.as_bytes()).map_err(|e| export.differs(FILE, e.to_string()))?;
            if read != export.pictures.values(at)?.into_floats() {
                return Err(other());
            }
        }
        Ok(())
    }
}

impl Writer for Copies {
    fn size(&self, content: &Content) -> Size {
        let images: u64 = content.pictures.iter().map(|p| p.bytes).sum();
        let texts: u64 = self.texts.iter().map(|(_, text)| text.len() as u64).sum();
        let floats = self.floats.as_ref().map_or(0, FloatHeader::bytes);
        let files = self.names.len() + self.texts.len() + usize::from(self.floats.is_some());
        Size { files: files as u64, bytes: images + texts + floats, exact: true }
    }

    fn write(&self, export: &mut Export<'_>) -> Result<(), ExportError> {
        for (at, name) in self.names.iter().enumerate() {
            export.written(at)?;
            export.folder.put(name, &export.bytes(at)?)?;
        }
        for (name, text) in &self.texts {
            export.folder.put(name, text)?;
        }
        self.write_floats(export)?;
        Ok(export.written(self.names.len())?)
    }

    fn compare(&self, export: &mut Export<'_>) -> Result<Difference, ExportError> {
        for (at, name) in self.names.iter().enumerate() {
            export.compared(at)?;
            if blake3::hash(&export.read(name)?) != export.content.pictures[at].hash {
                return Err(export.differs(name, "holds other bytes than were written"));
            }
        }
        for (name, text) in &self.texts {
            if export.read(name)? != *text {
                return Err(export.differs(name, "holds other bytes than were written"));
            }
        }
        self.compare_floats(export)?;
        export.compared(self.names.len())?;
        Ok(Difference::default())
    }
}
