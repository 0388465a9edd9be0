//! The panels: each shows a part of the model and emits intents.

pub mod classes;
pub mod controls;
pub mod dataset;
pub mod distilled;
pub mod export;
pub mod filter_bar;
pub mod help;
pub mod history;
pub mod job_bar;
pub mod log;
pub mod menu;
pub mod networks;
pub mod observer;
pub mod patches;
pub mod projects;
pub mod provenance;
pub mod recipe;
pub mod relocate;
pub mod runs;
pub mod samples;
pub mod save;
pub mod scene;
pub mod scores;
pub mod source;
pub mod source_image;
pub mod training;
