//! Milliseconds per step; figures to look at, not checks.

use std::time::Instant;

use super::*;
use crate::engine::learn::Probed;
use crate::engine::nets::graph::Tap;

/// Seconds of processor time so far, which the neighbours on a busy machine don't stretch as much; Linux only.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    ticks.filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// `cargo test --release --lib learn::cpu::tests::speed -- --ignored --nocapture`, of one network with STILLROOM_ARCH.
#[test]
#[ignore = "a measurement"]
fn steps() {
    let only = std::env::var("STILLROOM_ARCH").ok();
    let cases = [("conv3", 32, 50), ("resnet18_modified", 32, 10), ("mobilenet_v2", 64, 10), ("densenet121", 64, 10)];
    for (arch, side, batch) in cases.into_iter().filter(|c| only.as_deref().is_none_or(|only| only == c.0)) {
        let mut learner = learner((arch, side), ADAM, best());
        let images = images("input", batch, side);
        let mut best = [f64::MAX; 3];
        let start = processor();
        for _ in 0..20 {
            let mut at = Instant::now();
            let mut lap = |place: usize| {
                best[place] = best[place].min(at.elapsed().as_secs_f64() * 1e3);
                at = Instant::now();
            };
            let logits = learner.network().forward(&images, batch, Masks::default()).unwrap().logits;
            lap(0);
            learner.network().backward(&Gradients::of_logits(&logits)).unwrap();
            lap(1);
            learner.update(1e-4).unwrap();
            lap(2);
        }
        let (all, processor) = (best.iter().sum::<f64>(), (processor() - start) * 1e3 / 20.0);
        println!(
            "{arch} {side} × {batch}: {all:.1} ms (forward, backward, update {best:.1?}), processor {processor:.0} ms"
        );
    }
}

/// Milliseconds of a backward pass in training, and of one back to the pixels through the same network, frozen:
/// `cargo test --release --lib learn::cpu::tests::speed::frozen -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn frozen() {
    for (arch, side, batch) in [("conv3", 32, 50), ("resnet18_modified", 32, 10), ("mobilenet_v2", 64, 10)] {
        let images = images("input", batch, side);
        let setups = [training(Wanted::Parameters), training(Wanted::Both), training(Wanted::Input)];
        let statistics = graph(arch, side).taps().into_iter().filter(|tap| matches!(tap, Tap::NormInput(_)));
        let probed = Setup::frozen(statistics.map(Probe::Statistics).collect());
        let setups = setups.into_iter().chain([Setup::frozen(Vec::new()), probed]);
        for setup in setups {
            let mut network = network((arch, side), &setup, best());
            let mut best = [f64::MAX; 2];
            for _ in 0..20 {
                let start = Instant::now();
                let given = network.forward(&images, batch, Masks::default()).unwrap();
                let middle = Instant::now();
                let statistics: Vec<Entry<'_>> =
                    given.probed.iter().filter_map(Probed::statistics).map(Entry::Statistics).collect();
                network.backward(&Gradients { logits: Some(&given.logits), probes: &statistics }).unwrap();
                best[0] = best[0].min((middle - start).as_secs_f64() * 1e3);
                best[1] = best[1].min(middle.elapsed().as_secs_f64() * 1e3);
            }
            let (mode, probes) = (setup.mode, setup.probes.len());
            println!("{arch} {side} × {batch}, {mode:?}, {probes} probes: forward, backward {best:.1?} ms");
        }
    }
}
