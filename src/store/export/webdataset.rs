//! Shards of samples as the `webdataset` library reads them: `set-000000.tar`, in which the files of a sample have one key:
//! `00000_00000.png`, `.cls` (the label) and `.json` (class, source, how it was made).

use std::io::Read as _;
use std::ops::Range;

use serde_json::Value;

use super::content::{Content, Difference, Export, ExportError, Picture, Size, Writer};
use super::imagefolder::fields;

/// Most bytes of a shard; a sample that is larger has one of its own.
const SHARD: u64 = 1 << 30;
/// Tar's unit.
const BLOCK: u64 = 512;

/// The images of each shard.
pub(super) struct Shards(Vec<Range<usize>>);

/// The set's layout.
pub(super) fn layout(content: &Content) -> Shards {
    Shards(divided(content, SHARD))
}

/// Shards of at most `most` bytes.
fn divided(content: &Content, most: u64) -> Vec<Range<usize>> {
    let (mut shards, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (at, picture) in content.pictures.iter().enumerate() {
        let more = sample_bytes(content, picture);
        if at > from && bytes + more > most - 2 * BLOCK {
            shards.push(from..at);
            (from, bytes) = (at, 0);
        }
        bytes += more;
    }
    shards.push(from..content.pictures.len());
    shards
}

fn shard_name(shard: usize) -> String {
    format!("set-{shard:06}.tar")
}

/// The texts of a sample, by their endings; the image comes before them.
fn texts(content: &Content, picture: &Picture) -> [(&'static str, Vec<u8>); 2] {
    let json = Value::Object(fields(content, picture)).to_string();
    [("cls", picture.label.to_string().into_bytes()), ("json", json.into_bytes())]
}

fn file_name(picture: &Picture, extension: &str) -> String {
    format!("{:05}_{:05}.{extension}", picture.label, picture.number)
}

fn sample_bytes(content: &Content, picture: &Picture) -> u64 {
    let stored = |bytes: u64| BLOCK + bytes.next_multiple_of(BLOCK);
    let texts: u64 = texts(content, picture).iter().map(|(_, text)| stored(text.len() as u64)).sum();
    stored(picture.bytes) + texts
}

/// The header of a file: nothing in it tells when, where or by whom it was written.
fn header(bytes: usize) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

impl Shards {
    fn write_shard(&self, shard: usize, export: &mut Export<'_>) -> Result<(), ExportError> {
        let name = shard_name(shard);
        let failed = export.folder.at(&name);
        let mut archive = tar::Builder::new(std::io::BufWriter::new(export.folder.create(&name)?));
        for at in self.0[shard].clone() {
            export.written(at)?;
            let picture = &export.content.pictures[at];
            let image = [(picture.extension, export.bytes(at)?)];
            for (extension, bytes) in image.into_iter().chain(texts(export.content, picture)) {
                let path = file_name(picture, extension);
                archive.append_data(&mut header(bytes.len()), path, bytes.as_slice()).map_err(&failed)?;
            }
        }
        let file = archive.into_inner().map_err(&failed)?;
        file.into_inner().map_err(|e| failed(e.into_error()))?;
        Ok(())
    }

    fn compare_shard(&self, shard: usize, export: &mut Export<'_>) -> Result<(), ExportError> {
        let name = shard_name(shard);
        let mut archive = tar::Archive::new(std::io::BufReader::new(export.open(&name)?));
        let damaged = |e: std::io::Error| export.differs(&name, e.to_string());
        let mut entries = archive.entries().map_err(damaged)?;
        let mut next = || -> std::io::Result<(String, Vec<u8>)> {
            let mut entry = entries.next().ok_or(std::io::ErrorKind::UnexpectedEof)??;
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            Ok((String::from_utf8_lossy(&entry.path_bytes()).into_owned(), bytes))
        };
        for at in self.0[shard].clone() {
            export.progress.step("compare", at as u64, export.content.pictures.len() as u64)?;
            let picture = &export.content.pictures[at];
            let damaged = |e: std::io::Error| export.differs(&name, e.to_string());
            let (path, bytes) = next().map_err(damaged)?;
            let mut same = path == file_name(picture, picture.extension) && blake3::hash(&bytes) == picture.hash;
            for (extension, text) in texts(export.content, picture) {
                same &= next().map_err(damaged)? == (file_name(picture, extension), text);
            }
            if !same {
                return Err(export.differs(&name, format!("holds another sample than {path} should be")));
            }
        }
        Ok(())
    }
}

impl Writer for Shards {
    fn size(&self, content: &Content) -> Size {
        let samples: u64 = content.pictures.iter().map(|p| sample_bytes(content, p)).sum();
        let files = self.0.len() as u64;
        Size { files, bytes: samples + 2 * BLOCK * files, exact: true }
    }

    fn write(&self, export: &mut Export<'_>) -> Result<(), ExportError> {
        (0..self.0.len()).try_for_each(|shard| self.write_shard(shard, export))?;
        Ok(export.written(export.content.pictures.len())?)
    }

    fn compare(&self, export: &mut Export<'_>) -> Result<Difference, ExportError> {
        (0..self.0.len()).try_for_each(|shard| self.compare_shard(shard, export))?;
        export.compared(export.content.pictures.len())?;
        Ok(Difference::default())
    }

    fn about(&self) -> serde_json::Map<String, Value> {
        [("shards".to_owned(), self.0.len().into())].into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::dataset::{Class, Layout};

    #[test]
    fn shards_end_before_they_are_too_large() {
        let picture = |number, bytes| Picture {
            label: 0,
            number,
            file: "a.png".to_owned(),
            extension: "png",
            size: (1, 1),
            bytes,
            hash: blake3::hash(b""),
            about: serde_json::Map::new(),
        };
        let class = Class { name: "a".to_owned(), title: None, folder: vec![] };
        let pictures = vec![picture(0, 1), picture(1, 512), picture(2, 513), picture(3, 9000), picture(4, 1)];
        let content =
            Content { classes: vec![class], pictures, manifest: None, layout: Layout::ImageFolder, rounding: None };
        let sizes: Vec<u64> = content.pictures.iter().map(|p| sample_bytes(&content, p)).collect();
        assert_eq!(sizes, [3072, 3072, 3584, 512 + 9216 + 2048, 3072]);
        assert_eq!(divided(&content, 2 * 3072 + 1024), [0..2, 2..3, 3..4, 4..5]);
        let one = divided(&content, SHARD);
        assert_eq!((one.len(), one[0].clone()), (1, 0..5));
    }
}
