//! The values of a tensor in their order, from the bytes of its storage.

use std::ops::Range;

use super::TorchFileError;
use super::value::{View, wrong};
use crate::core::formats::pieces::PIECE;

/// A view that was found to lie within its storage.
pub(super) struct Extent {
    /// Values.
    pub count: usize,
    /// Its bytes within the storage.
    pub bytes: Range<u64>,
    /// They are the values, in order.
    pub contiguous: bool,
}

impl View {
    /// The view's place within its storage. `most` are the values that a file of its size may hold.
    pub(super) fn extent(&self, most: u64) -> Result<Extent, TorchFileError> {
        let Self { storage, offset, shape, stride, dtype } = self;
        let beyond = || wrong("its tensor reaches beyond its data");
        // Extents of 0 are counted as 1: nothing may have a side that no file could hold.
        let product = |at_least: usize| shape.iter().try_fold(1_usize, |n, s| n.checked_mul((*s).max(at_least)));
        let (count, claimed) = (product(0), product(1).ok_or_else(beyond)?);
        let count = count.filter(|_| shape.len() == stride.len()).ok_or_else(beyond)?;
        // The last value's place: all others are before it.
        let last = shape.iter().zip(stride).try_fold(*offset, |at, (n, step)| {
            n.saturating_sub(1).checked_mul(*step).and_then(|far| at.checked_add(far))
        });
        let end = match (count, last) {
            (0, _) => Some(0),
            (_, Some(last)) if last < storage.count => Some(last + 1),
            _ => None,
        };
        let end = end.ok_or_else(beyond)?;
        if claimed as u64 > most {
            return Err(wrong("its tensors are too large for a file of its size"));
        }
        let size = dtype.size() as u64;
        let start = if count == 0 { 0 } else { *offset };
        let bytes = |values: usize| (values as u64).checked_mul(size).ok_or_else(beyond);
        let mut expected = 1;
        let contiguous = shape.iter().zip(stride).rev().all(|(&n, &step)| {
            let fits = n == 1 || step == expected;
            expected *= n.max(1);
            fits
        });
        Ok(Extent { count, bytes: bytes(start)?..bytes(end)?, contiguous })
    }

    /// Gives the values of a view that is not contiguous, in order, from the bytes of its extent.
    pub(super) fn gather(&self, held: &[u8], into: &mut dyn FnMut(&[u8])) {
        let size = self.dtype.size();
        let mut at = vec![0; self.shape.len()];
        let mut place = 0;
        let mut piece = Vec::with_capacity(PIECE);
        'values: loop {
            piece.extend_from_slice(held.get(place * size..(place + 1) * size).unwrap_or_default());
            if piece.len() + size > PIECE {
                into(&piece);
                piece.clear();
            }
            let mut axis = self.shape.len();
            loop {
                let Some(inner) = axis.checked_sub(1) else { break 'values };
                axis = inner;
                at[axis] += 1;
                place += self.stride[axis];
                if at[axis] < self.shape[axis] {
                    break;
                }
                place -= self.stride[axis] * self.shape[axis];
                at[axis] = 0;
            }
        }
        into(&piece);
    }
}
