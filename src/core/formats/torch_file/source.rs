//! The bytes of tensors: from an archive's files, stored or deflated, or from behind the pickles of a stream.

use std::collections::BTreeSet;
use std::io::{Read, Seek};
use std::ops::Range;

use super::places::Places;
use super::value::{Holds, Storage, View, wrong};
use super::{Dtype, TorchFileError};
use crate::core::formats::pieces::{self, PIECE, most_bytes};
use crate::core::formats::zip::{Entry, Method};

/// What is remembered from one tensor to the next.
#[derive(Debug)]
pub(super) struct Kept {
    /// Storages whose checksum was seen to be right.
    checked: BTreeSet<u64>,
    /// Bytes of values that may still be asked for: a file may name the same bytes any number of times.
    left: u64,
    /// The deflated storage that was unpacked last: where its header lies, and its bytes.
    unpacked: Option<(u64, Vec<u8>)>,
    /// Bytes that may still be unpacked.
    unpacking: u64,
}

impl Kept {
    /// For a file of this many bytes.
    pub(super) fn new(length: u64) -> Self {
        // Tensors that share storages may have them unpacked more than once.
        const TIMES: u64 = 8;
        let left = most_bytes(length);
        Self { checked: BTreeSet::new(), left, unpacked: None, unpacking: left.saturating_mul(TIMES) }
    }
}

/// Where the values of tensors come from.
pub(super) struct Source<'a, R> {
    pub from: &'a mut R,
    pub length: u64,
    pub places: &'a Places,
    pub kept: &'a mut Kept,
}

/// Where a storage's bytes are.
enum Stored<'a> {
    /// In the file as they are, with their checksum (0 for none).
    Plain(Range<u64>, u32),
    Deflated(&'a Entry),
}

impl<'a, R: Read + Seek> Source<'a, R> {
    /// Gives the values of a view in their order; `key` is its storage's.
    pub(super) fn values(
        &mut self,
        view: &View,
        key: &[u8],
        into: &mut dyn FnMut(&[u8]),
    ) -> Result<(), TorchFileError> {
        let extent = view.extent(most_bytes(self.length) / 4)?;
        let asked = extent.count as u64 * view.dtype.size().max(4) as u64;
        let large = || wrong("its tensors are too large for a file of its size");
        self.kept.left = self.kept.left.checked_sub(asked).ok_or_else(large)?;
        let stored = self.place(&view.storage, view.dtype, key)?;
        if extent.count == 0 {
            return Ok(());
        }
        let (stored, crc) = match stored {
            Stored::Plain(stored, crc) => (stored, crc),
            Stored::Deflated(entry) => {
                let unpacked = self.unpack(entry)?;
                let held = unpacked.get(extent.bytes.start as usize..extent.bytes.end as usize).unwrap_or_default();
                if extent.contiguous {
                    held.chunks(PIECE).for_each(into);
                } else {
                    view.gather(held, into);
                }
                return Ok(());
            }
        };
        let range = stored.start + extent.bytes.start..stored.start + extent.bytes.end;
        if extent.contiguous && range == stored {
            let found = self.pieces(&range, into)?;
            return self.check(&stored, crc, Some(found));
        }
        self.check(&stored, crc, None)?;
        if extent.contiguous {
            self.pieces(&range, into)?;
        } else {
            // No longer than the file.
            let mut held = Vec::with_capacity((range.end - range.start) as usize);
            self.pieces(&range, &mut |piece| held.extend_from_slice(piece))?;
            view.gather(&held, into);
        }
        Ok(())
    }

    /// The bytes of a deflated storage. They take memory as they arrive.
    fn unpack(&mut self, entry: &Entry) -> Result<&[u8], TorchFileError> {
        let Self { from, places: Places::Archive(_, directory), kept, length } = self else { return Ok(&[]) };
        let known = kept.unpacked.take().filter(|(header, _)| *header == entry.header());
        let unpacked = match known {
            Some(unpacked) => unpacked,
            None => {
                let large = || wrong("its tensors unpack to more than a file of its size may hold");
                kept.unpacking = kept.unpacking.checked_sub(entry.size).ok_or_else(large)?;
                if entry.size > most_bytes(*length) {
                    return Err(large());
                }
                let mut bytes = Vec::new();
                directory.unpack(*from, entry, &mut |piece| bytes.extend_from_slice(piece))?;
                (entry.header(), bytes)
            }
        };
        Ok(&kept.unpacked.insert(unpacked).1)
    }

    fn pieces(&mut self, range: &Range<u64>, into: &mut dyn FnMut(&[u8])) -> Result<u32, TorchFileError> {
        pieces::read(self.from, range, into).map_err(|e| TorchFileError::Io(e.to_string()))
    }

    /// Compares a storage's checksum: the one that was found while it was read, or by reading it once.
    fn check(&mut self, stored: &Range<u64>, crc: u32, found: Option<u32>) -> Result<(), TorchFileError> {
        if crc == 0 || found.is_none() && self.kept.checked.contains(&stored.start) {
            return Ok(());
        }
        let found = match found {
            Some(found) => found,
            None => self.pieces(stored, &mut |_| ())?,
        };
        if found != crc {
            return Err(TorchFileError::Archive("the checksum of a tensor is wrong".to_owned()));
        }
        self.kept.checked.insert(stored.start);
        Ok(())
    }

    /// Where a storage lies; it must be as large as the pickle says.
    fn place(&mut self, storage: &Storage, dtype: Dtype, key: &[u8]) -> Result<Stored<'a>, TorchFileError> {
        let name = || String::from_utf8_lossy(key).chars().take(40).collect::<String>();
        let (stored, held) = match self.places {
            Places::Archive(folder, directory) => {
                let name = format!("{folder}data/{}", name());
                let missing = || TorchFileError::Archive(format!("it lacks the file {name}"));
                let entry = directory.find(&name)?.ok_or_else(missing)?;
                let stored = match entry.method {
                    Method::Deflated => Stored::Deflated(entry),
                    _ => Stored::Plain(directory.bytes_of(self.from, entry)?, entry.crc32),
                };
                (stored, entry.size)
            }
            Places::Stream(places) => match places.get(key) {
                Some(place) => (Stored::Plain(place.clone(), 0), place.end - place.start),
                None => return Err(wrong(format!("it lacks the bytes of the storage {}", name()))),
            },
        };
        let claimed = (storage.count as u64).checked_mul(dtype.size() as u64);
        // Bytes without a type may end with a part of a value.
        let exact = storage.holds != Holds::Untyped;
        if claimed.is_none_or(|c| c > held || exact && c != held) {
            return Err(wrong(format!("its tensor {} reaches beyond its data", name())));
        }
        Ok(stored)
    }
}
