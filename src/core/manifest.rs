//! The manifest: provenance of every cell of a distilled dataset.
