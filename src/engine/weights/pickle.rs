//! PyTorch's file of the ordered dictionary that `state_dict()` gives.

use std::io::{Seek, Write};

use super::entry::{Data, Entry};
use crate::core::formats::torch_file::{Dtype, Pickle, archive, opcode};

/// Writes the archive.
pub(super) fn write(out: &mut (impl Write + Seek), entries: &[Entry<'_>]) -> std::io::Result<()> {
    archive(out, &state_dict(entries), entries.iter().map(|e| e.data.bytes()))
}

/// The pickle of the whole dictionary.
fn state_dict(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut pickle = Pickle::new();
    pickle.ordered_dict();
    pickle.op(opcode::MARK);
    for (number, entry) in entries.iter().enumerate() {
        pickle.text(&entry.key);
        let dtype = match entry.data {
            Data::F32(_) => Dtype::F32,
            Data::F16(_) => Dtype::F16,
            Data::I64(_) => Dtype::I64,
        };
        pickle.tensor(number, dtype, &entry.shape);
    }
    pickle.op(opcode::SET_ITEMS);
    metadata(&mut pickle, entries);
    pickle.finish()
}

/// The versions of modules, which `state_dict()` keeps in the dictionary's attribute `_metadata`. Most modules don't
/// look at it. torchvision's MNASNet refuses a file without a version of the root, and takes 1 for its older stem; batch
/// norms from 2 on have counters.
fn metadata(pickle: &mut Pickle, entries: &[Entry<'_>]) {
    let norms = entries.iter().filter_map(|e| e.key.strip_suffix(".num_batches_tracked"));
    pickle.op(opcode::EMPTY_DICT);
    pickle.text("_metadata");
    pickle.ordered_dict();
    pickle.op(opcode::MARK);
    for module in std::iter::once("").chain(norms) {
        pickle.text(module);
        pickle.op(opcode::EMPTY_DICT);
        pickle.text("version");
        pickle.integer(2);
        pickle.op(opcode::SET_ITEM);
    }
    pickle.op(opcode::SET_ITEMS);
    pickle.op(opcode::SET_ITEM);
    pickle.op(opcode::BUILD);
}
