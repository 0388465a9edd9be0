//! Zip archives: their directory, where each file's bytes lie, and the bytes of deflated files. PyTorch stores its files as
//! they are; archives that were packed again by other tools are deflated.

use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;

use flate2::read::DeflateDecoder;

use super::pieces::PIECE;

/// Why bytes are no archive that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZipError {
    /// The archive is damaged, cut off, or none.
    #[error("{0}")]
    Damaged(String),
    /// A file of it is encrypted, or compressed in a way that nothing here reads.
    #[error("its file {0} is encrypted, or compressed by another method than deflate")]
    Packed(String),
    /// Its bytes could not be read.
    #[error("{0}")]
    Io(String),
}

/// A file in the archive.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name in the directory's bytes.
    name: Range<usize>,
    /// Where its header lies.
    header: u64,
    /// Its size in bytes when it is unpacked.
    pub size: u64,
    /// Bytes that it takes in the archive.
    pub packed: u64,
    /// Checksum of its bytes when they are unpacked; 0 where the writer made none.
    pub crc32: u32,
    /// How it is packed.
    pub method: Method,
}

impl Entry {
    /// Where its header lies; no two files share one.
    #[must_use]
    pub fn header(&self) -> u64 {
        self.header
    }
}

/// How a file's bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// They stand there as they are.
    Stored,
    /// [`Directory::unpack`] gives them.
    Deflated,
    /// Encrypted, or compressed in a way that nothing here reads.
    Other,
}

/// The directory of an archive.
#[derive(Clone, Debug)]
pub struct Directory {
    bytes: Vec<u8>,
    /// Sorted by name.
    entries: Vec<Entry>,
    /// Bytes of the archive.
    length: u64,
}

/// The directory's end, and the comment that may stand behind it.
const END: usize = 22;
const LONGEST_COMMENT: u64 = 0xffff;
const LOCATOR: u64 = 20;
const END64: usize = 56;
const CENTRAL: usize = 46;
const LOCAL: usize = 30;

fn damaged(why: &str) -> ZipError {
    ZipError::Damaged(why.to_owned())
}

fn at(from: &mut (impl Read + Seek), place: u64, count: usize) -> Result<Vec<u8>, ZipError> {
    let io = |e: std::io::Error| ZipError::Io(e.to_string());
    let mut bytes = vec![0; count];
    from.seek(SeekFrom::Start(place)).map_err(io)?;
    from.read_exact(&mut bytes).map_err(io)?;
    Ok(bytes)
}

fn u16_of(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes).into()
}

fn u32_of(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_of(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

impl Directory {
    /// Reads the directory of an archive of `length` bytes.
    ///
    /// # Errors
    /// [`ZipError`]: there is none, or it reaches beyond the archive.
    pub fn read(from: &mut (impl Read + Seek), length: u64) -> Result<Self, ZipError> {
        let (start, size) = place(from, length)?;
        let within = start.checked_add(size).is_some_and(|end| end <= length);
        // Within the archive: no more is allocated than it has.
        let size = usize::try_from(size).ok().filter(|_| within);
        let bytes = at(from, start, size.ok_or_else(|| damaged("its directory reaches beyond its end"))?)?;
        let mut entries = Vec::new();
        let mut next = 0;
        while let Some(fixed) = bytes.get(next..next + CENTRAL) {
            if !fixed.starts_with(b"PK\x01\x02") {
                return Err(damaged("its directory is damaged"));
            }
            let (name, extra, comment) = (u16_of(fixed, 28), u16_of(fixed, 30), u16_of(fixed, 32));
            let name = next + CENTRAL..next + CENTRAL + name;
            next = name.end + extra + comment;
            if next > bytes.len() {
                return Err(damaged("its directory is cut off"));
            }
            entries.push(entry(fixed, name.clone(), &bytes[name.end..name.end + extra])?);
        }
        if next != bytes.len() {
            return Err(damaged("its directory is cut off"));
        }
        entries.sort_by(|a, b| bytes[a.name.clone()].cmp(&bytes[b.name.clone()]));
        Ok(Self { bytes, entries, length })
    }

    /// The file of a name.
    ///
    /// # Errors
    /// Two files have that name, or it is packed by [`Method::Other`].
    pub fn find(&self, name: &str) -> Result<Option<&Entry>, ZipError> {
        let named = |e: &Entry| self.bytes[e.name.clone()].cmp(name.as_bytes());
        let first = self.entries.partition_point(|e| named(e).is_lt());
        let mut found = self.entries[first..].iter().take_while(|e| named(e).is_eq());
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(damaged(&format!("it holds two files named {name}"))),
            (Some(entry), _) if entry.method == Method::Other => Err(ZipError::Packed(name.to_owned())),
            (found, _) => Ok(found),
        }
    }

    /// What stands before `end` in the shortest name that ends so at a folder's border.
    #[must_use]
    pub fn folder_of(&self, end: &str) -> Option<String> {
        let folders = self.names().filter_map(|n| n.strip_suffix(end)).filter(|f| f.is_empty() || f.ends_with('/'));
        folders.min_by_key(|f| f.len()).map(str::to_owned)
    }

    /// The names of its files, those that are UTF-8.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|e| std::str::from_utf8(&self.bytes[e.name.clone()]).ok())
    }

    /// Gives the bytes of a deflated file in pieces, which end between two values of at most eight bytes.
    ///
    /// # Errors
    /// [`ZipError`]: they don't unpack to the size and the checksum that the directory says. What was given before is
    /// no more than that size.
    pub fn unpack(
        &self,
        from: &mut (impl Read + Seek),
        entry: &Entry,
        into: &mut dyn FnMut(&[u8]),
    ) -> Result<(), ZipError> {
        let range = self.bytes_of(from, entry)?;
        let wrong = |e: std::io::Error| match e.kind() {
            ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => {
                damaged("a file of it can't be unpacked")
            }
            _ => ZipError::Io(e.to_string()),
        };
        from.seek(SeekFrom::Start(range.start)).map_err(wrong)?;
        let mut unpacked = DeflateDecoder::new(from.take(range.end - range.start));
        let mut piece = vec![0; PIECE.min(usize::try_from(entry.size).unwrap_or(PIECE))];
        let (mut left, mut crc) = (entry.size, crc32fast::Hasher::new());
        while left > 0 {
            let count = piece.len().min(usize::try_from(left).unwrap_or(PIECE));
            unpacked.read_exact(&mut piece[..count]).map_err(wrong)?;
            crc.update(&piece[..count]);
            into(&piece[..count]);
            left -= count as u64;
        }
        if unpacked.read(&mut [0]).map_err(wrong)? > 0 || crc.finalize() != entry.crc32 {
            return Err(damaged("a file of it has another size or checksum than its directory says"));
        }
        Ok(())
    }

    /// Where a file's bytes lie, packed as they are.
    ///
    /// # Errors
    /// [`ZipError`]: its header is damaged, or it reaches beyond the archive.
    pub fn bytes_of(&self, from: &mut (impl Read + Seek), entry: &Entry) -> Result<Range<u64>, ZipError> {
        let beyond = || damaged("a file of it reaches beyond its end");
        if entry.header.checked_add(LOCAL as u64).is_none_or(|end| end > self.length) {
            return Err(beyond());
        }
        let header = at(from, entry.header, LOCAL)?;
        if !header.starts_with(b"PK\x03\x04") {
            return Err(damaged("a file of it has no header"));
        }
        let start = entry.header + (LOCAL + u16_of(&header, 26) + u16_of(&header, 28)) as u64;
        let end = start.checked_add(entry.packed).filter(|&end| end <= self.length);
        Ok(start..end.ok_or_else(beyond)?)
    }
}

/// Where the directory begins, and its bytes. PyTorch ends its archives in both kinds of zip; the newer end counts where
/// there is one, as for PyTorch itself.
fn place(from: &mut (impl Read + Seek), length: u64) -> Result<(u64, u64), ZipError> {
    let cut = || damaged("it has no end: it is cut off, or of another kind");
    let tail_start = length.saturating_sub(LONGEST_COMMENT + END as u64);
    let tail = at(from, tail_start, (length - tail_start) as usize)?;
    let ends = |&i: &usize| tail[i..].starts_with(b"PK\x05\x06") && i + END + u16_of(&tail, i + 20) == tail.len();
    let end = (0..(tail.len() + 1).saturating_sub(END)).rev().find(ends).ok_or_else(cut)?;
    let plain = (u32_of(&tail, end + 16).into(), u32_of(&tail, end + 12).into());
    let Some(locator) = (tail_start + end as u64).checked_sub(LOCATOR) else { return Ok(plain) };
    let locator = at(from, locator, LOCATOR as usize)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return Ok(plain);
    }
    let place = u64_of(&locator, 8);
    if place.checked_add(END64 as u64).is_none_or(|end| end > length) {
        return Err(cut());
    }
    let end = at(from, place, END64)?;
    if end.starts_with(b"PK\x06\x06") { Ok((u64_of(&end, 48), u64_of(&end, 40))) } else { Err(cut()) }
}

/// A file from its part of the directory.
fn entry(fixed: &[u8], name: Range<usize>, extra: &[u8]) -> Result<Entry, ZipError> {
    const LARGE: u64 = u32::MAX as u64;
    let (packed, size, header) = (u32_of(fixed, 20).into(), u32_of(fixed, 24).into(), u32_of(fixed, 42).into());
    let mut sizes: [u64; 3] = [size, packed, header];
    if sizes.contains(&LARGE) {
        let field = extra_field(extra, 1).unwrap_or_default();
        let mut at = 0;
        for size in sizes.iter_mut().filter(|s| **s == LARGE) {
            if field.len() < at + 8 {
                return Err(damaged("its directory lacks a size"));
            }
            *size = u64_of(field, at);
            at += 8;
        }
    }
    let [size, packed, header] = sizes;
    let method = match (u16_of(fixed, 8) & 1, u16_of(fixed, 10)) {
        (0, 0) if size == packed => Method::Stored,
        (0, 8) => Method::Deflated,
        _ => Method::Other,
    };
    Ok(Entry { name, header, size, packed, crc32: u32_of(fixed, 16), method })
}

fn extra_field(mut extra: &[u8], id: usize) -> Option<&[u8]> {
    while extra.len() >= 4 {
        let field = extra.get(4..4 + u16_of(extra, 2))?;
        if u16_of(extra, 0) == id {
            return Some(field);
        }
        extra = &extra[4 + field.len()..];
    }
    None
}
