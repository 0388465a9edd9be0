//! An observer on a device, ready to compute.

use std::sync::Arc;

use crate::core::data::dataset::Dataset;
use crate::engine::burn::engine::BurnEngine;
use crate::engine::cpu::infer::CpuEngine;
use crate::engine::cpu::kernels::isa::Isa;
use crate::engine::device::{DeviceInfo, Hardware, Picked};
use crate::engine::learn::choice::network;
use crate::engine::learn::{Differentiable, Setup};
use crate::engine::nets::graph::Tap;
use crate::engine::observe::features;
use crate::engine::observe::score::Throughput;
use crate::engine::plan::{Engine, EngineError, Plan};

use super::open::OpenedObserver;

/// A dataset, an observer and the engine that runs it.
pub struct Session {
    /// The data.
    pub dataset: Arc<Dataset>,
    /// The network and its class map.
    pub observer: Arc<OpenedObserver>,
    /// The device.
    pub device: DeviceInfo,
    /// Batch and threads.
    pub throughput: Throughput,
    engine: Box<dyn Engine>,
    picked: Picked,
    /// The same network with a plan that keeps a feature; made on first use.
    tapped: Option<Box<dyn Engine>>,
    notes: Vec<String>,
}

impl Session {
    /// Puts the observer on the device. `batch` and `threads` of `None` take the defaults.
    ///
    /// # Errors
    /// [`EngineError`] where the device refuses.
    pub fn new(
        dataset: Arc<Dataset>,
        observer: Arc<OpenedObserver>,
        picked: &Picked,
        (batch, threads): (Option<usize>, Option<usize>),
    ) -> Result<Self, EngineError> {
        let engine = engine(observer.observer.plan(), picked)?;
        let side = observer.observer.spec.side;
        let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        // Every thread of the CPU needs an image; beyond photographs' usual sides memory matters more.
        let least = if side <= 256 { 4 * threads } else { 1 };
        let wanted = batch.unwrap_or_else(|| default_batch(side, picked.info.hardware).max(least));
        let most = engine.largest_batch().unwrap_or(wanted);
        let mut notes = Vec::new();
        if batch.is_some_and(|batch| batch > most) {
            notes.push(format!("the device's largest buffer holds {most} images at this side: batches are no larger"));
        }
        let device = picked.info.clone();
        let (throughput, picked) = (Throughput { batch: wanted.min(most), threads }, picked.clone());
        Ok(Self { dataset, observer, device, throughput, engine, picked, tapped: None, notes })
    }

    /// What the user should know of the device since the last time that this was asked, such as a batch that had no room.
    pub fn take_notes(&mut self) -> Vec<String> {
        let tapped = self.tapped.as_mut().map(|engine| engine.take_notes());
        [std::mem::take(&mut self.notes), self.engine.take_notes(), tapped.unwrap_or_default()].concat()
    }

    /// Another observer on the same device, for the same data.
    ///
    /// # Errors
    /// [`EngineError`] where the device refuses.
    pub fn with(&self, observer: Arc<OpenedObserver>) -> Result<Self, EngineError> {
        let Throughput { batch, threads } = self.throughput;
        Self::new(self.dataset.clone(), observer, &self.picked, (Some(batch), Some(threads)))
    }

    /// The engine.
    pub fn engine(&mut self) -> &mut dyn Engine {
        self.engine.as_mut()
    }

    /// The engine that also gives the feature by which patches are selected ([`features::tap`]).
    ///
    /// # Errors
    /// [`EngineError`] where the device refuses a second network.
    pub fn tapped(&mut self) -> Result<&mut dyn Engine, EngineError> {
        let made = match self.tapped.take() {
            Some(engine) => engine,
            None => {
                let observer = &self.observer.observer;
                engine(observer.plan_with(features::tap(observer.spec.arch)), &self.picked)?
            }
        };
        Ok(self.tapped.insert(made).as_mut())
    }

    /// An observer on this device that gives one feature beside its logits.
    ///
    /// # Errors
    /// [`EngineError`] where the device refuses another network.
    pub fn showing(&self, observer: &OpenedObserver, tap: Tap) -> Result<Box<dyn Engine>, EngineError> {
        engine(observer.observer.plan_with(tap), &self.picked)
    }

    /// An observer on this device as a frozen network that is differentiated by its images.
    ///
    /// # Errors
    /// [`EngineError`] where the device refuses another network.
    pub fn frozen(&self, observer: &OpenedObserver, setup: &Setup) -> Result<Box<dyn Differentiable>, EngineError> {
        let own = &observer.observer;
        network(&own.spec, own.weights(), setup, &self.picked)
    }

    /// Class of device and engine for score keys: results of different ones round differently.
    #[must_use]
    pub fn device_class(&self) -> String {
        device_class(&self.device)
    }
}

/// Class of device and engine: results of different ones round differently.
#[must_use]
pub fn device_class(device: &DeviceInfo) -> String {
    match device.hardware {
        Hardware::Cpu if Isa::chosen().is_ok_and(Isa::fused) => "cpu".to_owned(),
        Hardware::Cpu => "cpu without fused multiply-add".to_owned(),
        _ => format!("{} {}", device.id.split(':').next().unwrap_or_default(), device.name),
    }
}

/// The engine for a device: the project's own on the CPU, burn elsewhere.
///
/// # Errors
/// [`EngineError`] where the device refuses.
pub fn engine(plan: Plan, picked: &Picked) -> Result<Box<dyn Engine>, EngineError> {
    Ok(match picked.info.hardware {
        Hardware::Cpu => Box::new(CpuEngine::new(&plan)?),
        _ => Box::new(BurnEngine::new(plan, &picked.device, picked.info.largest_buffer)?),
    })
}

/// A batch that keeps the device busy without large activations: the same number of pixels whatever the side.
#[must_use]
pub fn default_batch(side: usize, hardware: Hardware) -> usize {
    let pixels = match hardware {
        Hardware::Gpu => 300 * 224 * 224,
        Hardware::Cpu | Hardware::SoftwareGpu => 100 * 32 * 32,
    };
    (pixels / (side * side).max(1)).clamp(8, 300)
}
