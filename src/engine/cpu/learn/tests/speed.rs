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

/// What an iteration of SRe2L or LIC asks of a frozen network.
struct Refining {
    arch: &'static str,
    side: usize,
    /// Images with gradients.
    batch: usize,
    /// The feature that LIC aligns; none for SRe2L's statistics of every batch norm.
    aligned: Option<Tap>,
}

impl Refining {
    fn setup(&self) -> Setup {
        if let Some(tap) = &self.aligned {
            return Setup::frozen_features(vec![Probe::Values(tap.clone())]);
        }
        let norms = graph(self.arch, self.side).taps().into_iter().filter(|tap| matches!(tap, Tap::NormInput(_)));
        Setup::frozen(norms.map(Probe::Statistics).collect())
    }

    /// The passes of an iteration; returns when the last forward pass was done.
    fn iterate(&self, network: &mut CpuNetwork, images: &[f32]) -> Instant {
        if self.aligned.is_some() {
            network.forward(images, self.batch, Masks::default()).unwrap();
        }
        let given = network.forward(images, self.batch, Masks::default()).unwrap();
        let middle = Instant::now();
        let entries: Vec<Entry<'_>> = given.probed.iter().map(frozen::entry).collect();
        let logits = self.aligned.is_none().then_some(given.logits.as_slice());
        network.backward(&Gradients { logits, probes: &entries }).unwrap();
        middle
    }
}

/// The largest memory of the process so far, in MiB; Linux only.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

/// Iterations per second of the passes that SRe2L and LIC consist of, and the memory they take; `STILLROOM_CASE` names
/// one of the cases by its number, for a peak of its own. The counterpart is `benches/refine_torch.py`:
/// `cargo test --release --lib learn::tests::speed::refining -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn refining() {
    let statistics = |arch, side, batch| Refining { arch, side, batch, aligned: None };
    let feature = |arch, side, batch, tap| Refining { arch, side, batch, aligned: Some(tap) };
    let cases = [
        statistics("conv3", 32, 10),
        statistics("conv3", 32, 100),
        statistics("tf_efficientnet_lite0", 224, 10),
        feature("conv3", 32, 4, Tap::Features),
        feature("conv3", 32, 40, Tap::Features),
        feature("tf_efficientnet_lite0", 224, 4, Tap::Stage(2)),
        feature("tf_efficientnet_lite0", 224, 40, Tap::Stage(2)),
    ];
    let only: Option<usize> = std::env::var("STILLROOM_CASE").ok().and_then(|case| case.parse().ok());
    let seconds = std::env::var("STILLROOM_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(5.0);
    let cases = cases.into_iter().enumerate().filter(|(number, _)| only.is_none_or(|only| only == *number));
    for (number, case) in cases {
        let Refining { arch, side, batch, .. } = case;
        let images = images("input", batch, side);
        let before = peak();
        let mut network = network((arch, side), &case.setup(), best());
        let (mut laps, mut forward) = (Vec::new(), f64::MAX);
        let (begun, before_all) = (Instant::now(), processor());
        while laps.len() < 5 || begun.elapsed().as_secs_f64() < seconds {
            let start = Instant::now();
            let middle = case.iterate(&mut network, &images);
            forward = forward.min((middle - start).as_secs_f64() * 1e3);
            laps.push(start.elapsed().as_secs_f64());
        }
        let processor = (processor() - before_all) * 1e3 / laps.len() as f64;
        laps.sort_by(f64::total_cmp);
        let rate = |lap: f64| 1.0 / lap;
        let mib = |count: usize| (4 * count) as f64 / f64::from(1 << 20);
        let kept: usize = network.trunks[0].values.iter().chain(&network.trunks[0].gradients).map(Vec::len).sum();
        let lent = network.lent[0][0].len();
        println!(
            "{number}: {arch} {side} × {batch}, {:?}: {:.2} iterations per second, best {:.2} ({:.1} ms, forward \
             {forward:.1}), processor {processor:.0} ms, peak {:.0} MiB, {:.0} more than before; {:.2} kept of an image, {:.2} lent by a thread",
            case.aligned,
            rate(laps[laps.len() / 2]),
            rate(laps[0]),
            laps[0] * 1e3,
            peak(),
            peak() - before,
            mib(kept),
            mib(lent)
        );
    }
}
