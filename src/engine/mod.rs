//! Heavy work, synchronous: plain data in and out; reports through [`crate::core::progress::Progress`].

mod batcher;
pub mod burn_engine;
pub mod burn_ops;
pub mod cpu;
pub mod device;
pub mod evaluate;
pub mod features;
pub mod images;
pub mod learn;
pub mod nets;
pub mod observer;
pub mod plan;
pub mod relabel;
pub mod score;
pub mod train;
pub mod weights;
