//! Numbers from PyTorch for tests: `tests/fixtures/training.py` says what they are.

use std::collections::BTreeMap;

use super::train::loss::Loss;
use super::train::recipe::Optimiser;
use super::train::schedule::Schedule;

#[derive(serde::Deserialize)]
pub struct Training {
    pub losses: Losses,
    pub schedules: Vec<Course>,
    pub cutmix: Vec<MixBox>,
    pub shuffle: Vec<Shuffled>,
    pub dsa: Dsa,
    pub optimisers: Optimisers,
}

#[derive(serde::Deserialize)]
pub struct Losses {
    pub classes: usize,
    pub student: Vec<f32>,
    pub observer: Vec<f32>,
    pub labels: Vec<u32>,
    pub cases: Vec<LossCase>,
}

#[derive(serde::Deserialize)]
pub struct LossCase {
    pub loss: Loss,
    pub value: f64,
    pub gradient: Vec<f32>,
}

#[derive(serde::Deserialize)]
pub struct Course {
    pub schedule: Schedule,
    pub epochs: u32,
    pub steps_per_epoch: u32,
    pub factors: Vec<f64>,
}

/// A CutMix box: `[top, left, bottom, right)`.
#[derive(serde::Deserialize)]
pub struct MixBox {
    pub side: u32,
    pub lambda: f64,
    pub centre: (u32, u32),
    #[serde(rename = "box")]
    pub edges: [u32; 4],
}

/// An image of `side`×`side` numbered pixels after ShufflePatches.
#[derive(serde::Deserialize)]
pub struct Shuffled {
    pub side: u32,
    pub rows: Vec<u8>,
    pub columns: Vec<u8>,
    pub pixels: Vec<u32>,
}

#[derive(serde::Deserialize)]
pub struct Dsa {
    pub side: usize,
    pub images: Vec<f32>,
    pub cases: Vec<DsaCase>,
}

#[derive(serde::Deserialize)]
pub struct DsaCase {
    pub step: super::train::dsa::Step,
    pub images: Vec<f32>,
}

/// A value of each parameter.
pub type Values = BTreeMap<String, Vec<f32>>;

#[derive(serde::Deserialize)]
pub struct Optimisers {
    pub shapes: BTreeMap<String, Vec<usize>>,
    pub start: Values,
    pub rates: Vec<f64>,
    pub gradients: Vec<Values>,
    pub cases: Vec<OptimiserCase>,
}

#[derive(serde::Deserialize)]
pub struct OptimiserCase {
    pub optimiser: Optimiser,
    pub decay_all: bool,
    pub after: Vec<Values>,
}

pub fn training() -> Training {
    serde_json::from_str(include_str!("../../tests/fixtures/training.json")).unwrap()
}
