//! Networks: one file per family, each a table of variants and a builder of a [`super::graph::Graph`].

pub mod alexnet;
pub mod blocks;
pub mod convnet;
pub mod convnext;
pub mod densenet;
pub mod efficientnet;
pub mod mnasnet;
pub mod mobilenet;
pub mod regnet;
pub mod resnet;
pub mod shufflenet;
pub mod squeezenet;
pub mod swin;
pub mod vgg;
pub mod vit;

use super::family::Listed;

/// The rows of all tables.
pub fn listed() -> impl Iterator<Item = &'static Listed> {
    static TABLES: [&[Listed]; 13] = [
        &resnet::NETWORKS,
        &alexnet::NETWORKS,
        &vgg::NETWORKS,
        &squeezenet::NETWORKS,
        &densenet::NETWORKS,
        &mobilenet::NETWORKS,
        &shufflenet::NETWORKS,
        &mnasnet::NETWORKS,
        &efficientnet::NETWORKS,
        &regnet::NETWORKS,
        &convnext::NETWORKS,
        &vit::NETWORKS,
        &swin::NETWORKS,
    ];
    TABLES.into_iter().flatten()
}
