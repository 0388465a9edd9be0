//! Images as files of their own, with texts beside them: what all layouts of class folders share.

use super::content::{Content, Difference, Export, ExportError, Size, Writer};

/// Names of the images' files, and the texts beside them.
#[derive(Clone, Debug, Default)]
pub(super) struct Copies {
    /// The file of each image, in the order of the images.
    pub names: Vec<String>,
    /// Further files.
    pub texts: Vec<(String, Vec<u8>)>,
}

impl Writer for Copies {
    fn size(&self, content: &Content) -> Size {
        let images: u64 = content.pictures.iter().map(|p| p.bytes).sum();
        let texts: u64 = self.texts.iter().map(|(_, text)| text.len() as u64).sum();
        Size { files: (self.names.len() + self.texts.len()) as u64, bytes: images + texts, exact: true }
    }

    fn write(&self, export: &mut Export<'_>) -> Result<(), ExportError> {
        for (at, name) in self.names.iter().enumerate() {
            export.written(at)?;
            export.folder.put(name, &export.bytes(at)?)?;
        }
        for (name, text) in &self.texts {
            export.folder.put(name, text)?;
        }
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
        export.compared(self.names.len())?;
        Ok(Difference::default())
    }
}
