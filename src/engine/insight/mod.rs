//! Maps of features: which images are alike ([`neighbours`]), and pictures of that in two dimensions ([`pca`], [`tsne`])
//! with a measure of how far they can be believed ([`trustworthiness`]).
//!
//! Everything takes [`rows::Rows`] and gives the same bytes for the same input and seed, whatever the thread count and
//! the vector instructions of the machine: values are summed in one fixed order, and products that are rounded
//! differently only decide what is worth computing exactly.

pub mod affinity;
pub mod distance;
pub mod eigen;
pub mod neighbours;
pub mod pca;
pub mod quadtree;
pub mod rows;
pub mod trustworthiness;
pub mod tsne;
