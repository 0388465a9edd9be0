//! The panels: each shows a part of the model and emits intents.

pub mod controls;
pub mod dataset;
pub mod distilled;
pub mod help;
pub mod job_bar;
pub mod log;
pub mod menu;
pub mod networks;
pub mod observer;
pub mod patches;
pub mod provenance;
pub mod recipe;
pub mod scene;
pub mod source;
pub mod training;
