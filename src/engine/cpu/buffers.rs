//! Buffers that values take turns in.

use std::collections::HashMap;

use super::kernels::map::Shape;

/// A value's buffer, and how it lies there.
#[derive(Clone, Copy)]
pub struct Buffer {
    /// Which.
    pub slot: usize,
    /// How.
    pub shape: Shape,
}

/// Reuses buffers. One with a border goes to values of the same layout only: the border stays zero because nobody
/// writes it.
#[derive(Default)]
pub struct Slots {
    /// Values per buffer.
    pub lengths: Vec<usize>,
    bordered: HashMap<Shape, Vec<usize>>,
    borderless: Vec<usize>,
}

impl Slots {
    /// A buffer that is free, or a new one.
    pub fn take(&mut self, shape: Shape) -> Buffer {
        let free = match self.bordered.get_mut(&shape) {
            _ if shape.border == 0 => self.borderless(shape.len()),
            same => same.and_then(Vec::pop),
        };
        let slot = free.unwrap_or_else(|| {
            self.lengths.push(shape.len());
            self.lengths.len() - 1
        });
        Buffer { slot, shape }
    }

    /// A new buffer that is never free.
    pub fn own(&mut self, shape: Shape) -> Buffer {
        self.lengths.push(shape.len());
        Buffer { slot: self.lengths.len() - 1, shape }
    }

    /// The free buffer that leaves least unused, or else the one that needs to grow least.
    fn borderless(&mut self, length: usize) -> Option<usize> {
        let cost = |slot: usize| (self.lengths[slot] < length, self.lengths[slot].abs_diff(length));
        let best = (0..self.borderless.len()).min_by_key(|&at| cost(self.borderless[at]))?;
        let slot = self.borderless.swap_remove(best);
        self.lengths[slot] = self.lengths[slot].max(length);
        Some(slot)
    }

    /// Frees a buffer.
    pub fn give(&mut self, buffer: Buffer) {
        match buffer.shape.border {
            0 => self.borderless.push(buffer.slot),
            _ => self.bordered.entry(buffer.shape).or_default().push(buffer.slot),
        }
    }
}
