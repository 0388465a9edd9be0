//! Milliseconds per step; a figure to look at, not a check.

use std::time::Instant;

use super::*;

/// `cargo test --release --lib learn::cpu::tests::speed -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn steps() {
    for (arch, side, batch) in [("conv3", 32, 50), ("resnet18_modified", 32, 10), ("mobilenet_v2", 64, 10)] {
        let mut learner = learner((arch, side), ADAM, best());
        let images = images("input", batch, side);
        let mut best = [f64::MAX; 4];
        for _ in 0..20 {
            let mut at = Instant::now();
            let mut lap = |place: usize| {
                best[place] = best[place].min(at.elapsed().as_secs_f64() * 1e3);
                at = Instant::now();
            };
            let logits = learner.forward(&images, batch, Masks::default()).unwrap();
            lap(0);
            learner.backward(&logits).unwrap();
            lap(1);
            learner.update(1e-4).unwrap();
            lap(2);
        }
        best[3] = best[..3].iter().sum();
        println!("{arch} {side} × {batch}: forward, backward, update, all: {best:.1?} ms");
    }
}
