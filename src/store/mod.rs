//! The project folder, what goes into it and what comes out.

pub mod ablation;
pub mod card;
pub mod class_map;
pub mod curation;
pub mod export;
pub mod files;
pub mod fkd;
pub mod float_images;
pub mod import;
pub mod labels;
pub mod lock;
pub mod model_config;
pub mod presets;
pub mod project;
pub mod record;
pub mod refinement;
pub mod sealed;
pub mod settings;
pub mod stamps;
mod tensor_header;
pub mod training;
pub mod window;

#[cfg(test)]
#[cfg(all(feature = "shared-data", target_os = "linux"))]
mod shared_tests;
