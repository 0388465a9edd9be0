//! Heavy work, synchronous: plain data in and out; reports through [`crate::core::progress::Progress`].

pub mod burn;
pub mod cpu;
pub mod device;
pub mod images;
pub mod insight;
pub mod learn;
pub mod nets;
pub mod observe;
pub mod plan;
pub mod refine;
pub mod train;
pub mod weights;
