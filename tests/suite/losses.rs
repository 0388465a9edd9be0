//! Losses against the shared folder's `losses.json`: logits by the formula, KL at three temperatures.

use stillroom::core::train::loss::{Loss, Targets};
use stillroom::engine::weights::formula;

/// "kl" of `losses.json`: five images, ten classes, logits 3·u("kl/student") and 3·u("kl/teacher"); PyTorch in f32.
const KL: [(f64, f64); 3] =
    [(1.0, 1.276_342_391_967_773_4), (4.0, 0.149_625_197_052_955_63), (20.0, 0.006_800_374_481_827_021)];

#[test]
fn kl_of_formula_logits_is_pytorchs() {
    let logits = |key| formula(key, 50).map(|u| 3.0 * u).collect::<Vec<f32>>();
    let (student, observer) = (logits("kl/student"), logits("kl/teacher"));
    let targets = Targets { classes: &[0; 5], logits: Some(&observer) };
    for (temperature, expected) in KL {
        let (value, gradient) = Loss::Kl { temperature, scaled: false }.value_and_gradient(&student, targets, 10);
        // PyTorch's f32 rounds: its f64 gives 0.006 800 318 6 at T = 20, as this does.
        assert!((value - expected).abs() < 1e-7, "T = {temperature}: {value}, {expected}");
        // A softmax doesn't see what is added to all logits of an image.
        for row in gradient.chunks_exact(10) {
            assert!(row.iter().sum::<f32>().abs() < 1e-7, "{row:?}");
        }
    }
}

/// The same numbers, read from the shared folder.
#[cfg(feature = "shared-data")]
#[test]
fn the_shared_folders_numbers_are_these() {
    let folder = std::env::var_os("STILLROOM_SHARED").map_or_else(|| "../shared".into(), std::path::PathBuf::from);
    let text = std::fs::read(folder.join("parity/losses.json")).expect("losses.json of the shared folder");
    let all: serde_json::Value = serde_json::from_slice(&text).unwrap();
    for (temperature, expected) in KL {
        assert_eq!(all["kl"][temperature.to_string()].as_f64(), Some(expected));
    }
}
