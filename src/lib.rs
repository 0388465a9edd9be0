//! Stillroom: a workbench for dataset distillation. See ARCHITECTURE.md for the layers and the data flow.

pub mod cli;
pub mod core;
pub mod engine;
pub mod jobs;
pub mod sample;
pub mod store;
pub mod ui;
