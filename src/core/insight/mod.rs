//! Why a set is good or bad, as far as numbers tell it: pure measures of probabilities, embeddings and pixels.

pub mod confident;
