//! What the observer says of one patch: its likeliest classes. On a thread and an engine of its own, so that a person who
//! looks at patches has the answer while the device computes something else; the newest question alone is answered.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::core::data::dataset::Dataset;
use crate::core::distil::rded::Rded;
use crate::core::distil::recipe::Recipe;
use crate::core::distil::scores::PatchScore;
use crate::engine::cpu::infer::CpuEngine;
use crate::engine::images::decode;
use crate::engine::observe::score::probability;
use crate::engine::plan::Engine as _;

use super::open::OpenedObserver;
use super::scoring::crops_for;

/// Classes that are told.
pub const TOP: usize = 5;

/// A question.
#[derive(Clone)]
pub struct Asked {
    /// The network.
    pub observer: Arc<OpenedObserver>,
    /// Whose patch it is.
    pub dataset: Arc<Dataset>,
    /// How the patch was cut.
    pub recipe: Recipe<Rded>,
    /// The patch.
    pub patch: PatchScore,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// The patch that was asked about.
    pub patch: PatchScore,
    /// The likeliest outputs with their probabilities, [`TOP`] at most; or why there are none, in words.
    pub top: Result<Vec<(u32, f32)>, String>,
}

#[derive(Default)]
struct Desk {
    asked: Option<Asked>,
    closed: bool,
}

/// The thread. Dropping it ends it after the question that it is at.
pub struct Opinions {
    desk: Arc<(Mutex<Desk>, Condvar)>,
    answers: Receiver<Opinion>,
}

impl Opinions {
    /// Starts the thread; `wake` is called after each answer.
    ///
    /// # Errors
    /// The system's reason where no thread can be started.
    pub fn start(wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let desk = Arc::new((Mutex::new(Desk::default()), Condvar::new()));
        // Room for a few: answers that nobody fetches are dropped.
        let (sender, answers) = sync_channel(4);
        let at = desk.clone();
        std::thread::Builder::new().name("opinions".to_owned()).spawn(move || work(&at, &sender, wake))?;
        Ok(Self { desk, answers })
    }

    /// Asks; a question that waits is forgotten.
    pub fn ask(&self, asked: Asked) {
        self.desk.0.lock().unwrap_or_else(PoisonError::into_inner).asked = Some(asked);
        self.desk.1.notify_one();
    }

    /// The next answer, if one is there.
    pub fn poll(&self) -> Option<Opinion> {
        self.answers.try_recv().ok()
    }
}

impl Drop for Opinions {
    fn drop(&mut self) {
        self.desk.0.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.desk.1.notify_one();
    }
}

fn work(desk: &(Mutex<Desk>, Condvar), answers: &SyncSender<Opinion>, wake: impl Fn()) {
    let mut engine: Option<(Arc<OpenedObserver>, CpuEngine)> = None;
    while let Some(asked) = next(desk) {
        let patch = asked.patch;
        // A panic in a decoder costs this answer, not the thread; the engine may be half-changed.
        let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| answer(&mut engine, &asked)));
        let top = answer.unwrap_or_else(|_| {
            engine = None;
            Err("it broke down".to_owned())
        });
        if matches!(answers.try_send(Opinion { patch, top }), Err(TrySendError::Disconnected(_))) {
            return;
        }
        wake();
    }
}

fn next(desk: &(Mutex<Desk>, Condvar)) -> Option<Asked> {
    let mut at = desk.0.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if at.closed {
            return None;
        }
        match at.asked.take() {
            Some(asked) => return Some(asked),
            None => at = desk.1.wait(at).unwrap_or_else(PoisonError::into_inner),
        }
    }
}

fn answer(kept: &mut Option<(Arc<OpenedObserver>, CpuEngine)>, asked: &Asked) -> Result<Vec<(u32, f32)>, String> {
    let (_, engine) = match kept.take().filter(|(of, _)| Arc::ptr_eq(of, &asked.observer)) {
        Some(same) => kept.insert(same),
        None => {
            let engine = CpuEngine::new(&asked.observer.observer.plan()).map_err(|e| e.to_string())?;
            kept.insert((asked.observer.clone(), engine))
        }
    };
    let crops = crops_for(&asked.observer, &asked.recipe);
    let pixels = decode::read(&asked.dataset, asked.patch.image).map_err(|e| e.to_string())?;
    let mut input = vec![0.0; crops.input_len()];
    crops.write(&pixels, &[asked.patch.bbox], &mut input).map_err(|e| e.to_string())?;
    Ok(likeliest(&engine.logits(&input, 1).map_err(|e| e.to_string())?))
}

/// The outputs with the greatest logits and their probabilities; the lower output of equal ones first.
fn likeliest(logits: &[f32]) -> Vec<(u32, f32)> {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    order.into_iter().take(TOP).map(|output| (output as u32, probability(logits, output))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_come_first_with_their_probabilities() {
        // softmax(ln 1, ln 4, ln 2, ln 2, ln 1, ln 0) = 0.1, 0.4, 0.2, 0.2, 0.1, 0.
        let logits = [0.0, 4f32.ln(), 2f32.ln(), 2f32.ln(), 0.0, f32::NEG_INFINITY];
        let found = likeliest(&logits);
        assert_eq!(found.iter().map(|(output, _)| *output).collect::<Vec<_>>(), [1, 2, 3, 0, 4]);
        for ((_, probability), due) in found.iter().zip([0.4, 0.2, 0.2, 0.1, 0.1]) {
            assert!((probability - due).abs() < 1e-6, "{probability} where {due} is due");
        }
    }
}
