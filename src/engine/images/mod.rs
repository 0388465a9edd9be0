//! Pictures: decode, crop, resize, stitch, encode; on worker threads.

pub mod augment;
pub mod cache;
pub mod crops;
pub mod decode;
pub mod encode;
pub mod error;
#[cfg(test)]
pub(super) mod fixtures;
mod jpeg;
pub mod pipeline;
pub mod resize;
pub mod stitch;
