//! File formats as bytes and values: PyTorch files, exact numbers, tables, the report of a weight file.

pub mod base64;
pub mod clock;
pub mod csv;
pub mod exact;
pub mod foreign;
pub mod image_kind;
pub mod load_report;
mod loose;
pub mod markup;
pub mod model_config;
pub mod pieces;
pub mod safetensors_file;
pub mod torch_file;
pub mod torch_order;
pub mod zip;
