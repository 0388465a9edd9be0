//! Pictures: decode, crop, resize, stitch, encode; on worker threads.

pub mod crops;
pub mod decode;
pub mod encode;
#[cfg(test)]
mod fixtures;
mod jpeg;
pub mod pipeline;
pub mod resize;
pub mod stitch;
