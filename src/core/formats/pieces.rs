//! Parts of a file in pieces, so that no large one is ever held as a whole; and how much a file may stand for.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// Bytes that are held at once. Values of at most eight bytes end where a piece ends.
pub const PIECE: usize = 256 << 10;

/// Bytes of values that a file of this length may stand for as 32-bit floats: eight times its own (8-bit numbers become
/// four times as large, and tensors may share their bytes), and some room for small files.
#[must_use]
pub fn most_bytes(length: u64) -> u64 {
    length.saturating_mul(8).saturating_add(1 << 20)
}

/// Gives a range of a file in pieces; the CRC-32 of all of them comes back.
///
/// # Errors
/// Those of the file, also where it ends too early.
pub fn read(from: &mut (impl Read + Seek), range: &Range<u64>, into: &mut dyn FnMut(&[u8])) -> io::Result<u32> {
    from.seek(SeekFrom::Start(range.start))?;
    let mut left = range.end.saturating_sub(range.start);
    let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
    let mut crc = crc32fast::Hasher::new();
    while left > 0 {
        let count = piece.len().min(usize::try_from(left).unwrap_or(PIECE));
        from.read_exact(&mut piece[..count])?;
        crc.update(&piece[..count]);
        into(&piece[..count]);
        left -= count as u64;
    }
    Ok(crc.finalize())
}
