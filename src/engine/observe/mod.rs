//! What an observer does: scores, features, predictions and their evaluation.

pub mod batcher;
pub mod evaluate;
pub mod features;
pub mod observer;
pub mod score;
