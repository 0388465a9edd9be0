//! Files, folders and machines as people have them: what public reports of such work tell of, a file per subject. Each
//! one's docs have the table of its kinds and of what happens with them.

mod checkpoints;
mod datasets;
mod initial;
mod machines;
mod nets;
mod orders;
mod weights;
