//! The losses of the papers, with their gradients for the student's logits: made on the host, so that every device only
//! needs a forward pass and a backward pass from there.

/// A loss over a batch.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// KL divergence of the student's distribution from the observer's, both at temperature T, without T², as in RDED's code.
    Kl {
        /// T.
        temperature: f64,
        /// Times T² (SRe2L on Tiny-ImageNet).
        scaled: bool,
    },
    /// Cross-entropy with the observer's distribution.
    SoftCrossEntropy,
    /// Cross-entropy with the image's class.
    HardCrossEntropy,
    /// Mean squared difference of the logits, plus `hard` times the cross-entropy with the class (LIC, DD-Ranking).
    LogitMse {
        /// Weight of the cross-entropy.
        hard: f64,
    },
}

/// What a batch's outputs should be.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// The class of each image.
    pub classes: &'a [u32],
    /// The observer's logits, N×classes; needed where [`Loss::needs_logits`] says so.
    pub logits: Option<&'a [f32]>,
}

impl Loss {
    /// Whether the observer must label the images.
    #[must_use]
    pub fn needs_logits(&self) -> bool {
        !matches!(self, Self::HardCrossEntropy)
    }

    /// The loss, a mean over the batch, and its gradient for the student's logits N×classes (as long as `student`).
    /// Rows are computed in f64, so that no temperature and no large logit costs digits. Who accumulates batches
    /// divides both. Without the logits that a loss needs, both are NaN.
    #[must_use]
    pub fn value_and_gradient(&self, student: &[f32], targets: Targets<'_>, classes: usize) -> (f64, Vec<f32>) {
        let rows = targets.classes.len();
        if self.needs_logits() && targets.logits.is_none_or(|l| l.len() != student.len()) {
            return (f64::NAN, vec![f32::NAN; student.len()]);
        }
        let observer = targets.logits.unwrap_or_default();
        let mut gradient = Vec::with_capacity(student.len());
        let (mut total, mut row_gradient) = (0.0, vec![0.0; classes]);
        for (i, (row, &class)) in student.chunks_exact(classes.max(1)).zip(targets.classes).enumerate() {
            row_gradient.fill(0.0);
            let observed = observer.get(i * classes..(i + 1) * classes).unwrap_or_default();
            total += self.row(row, (class, observed), &mut row_gradient);
            gradient.extend(row_gradient.iter().map(|g| (g / rows as f64) as f32));
        }
        (total / rows.max(1) as f64, gradient)
    }

    /// One image's loss; adds its gradient to `gradient`.
    fn row(&self, student: &[f32], (class, observed): (u32, &[f32]), gradient: &mut [f64]) -> f64 {
        match *self {
            Self::Kl { temperature, scaled } => {
                let factor = if scaled { temperature * temperature } else { 1.0 };
                let (p, q) = (log_softmax(observed, temperature), log_softmax(student, temperature));
                for ((g, p), q) in gradient.iter_mut().zip(&p).zip(&q) {
                    *g += factor / temperature * (q.exp() - p.exp());
                }
                factor * p.iter().zip(&q).map(|(p, q)| share(*p, p - q)).sum::<f64>()
            }
            Self::SoftCrossEntropy => {
                let (p, q) = (log_softmax(observed, 1.0), log_softmax(student, 1.0));
                for ((g, p), q) in gradient.iter_mut().zip(&p).zip(&q) {
                    *g += q.exp() - p.exp();
                }
                p.iter().zip(&q).map(|(p, q)| share(*p, -q)).sum()
            }
            Self::HardCrossEntropy => cross_entropy(student, class, (1.0, gradient)),
            Self::LogitMse { hard } => {
                let count = student.len() as f64;
                let mut squares = 0.0;
                for ((g, &s), &t) in gradient.iter_mut().zip(student).zip(observed) {
                    let error = f64::from(s) - f64::from(t);
                    *g += 2.0 * error / count;
                    squares += error * error;
                }
                let class_part = if hard == 0.0 { 0.0 } else { cross_entropy(student, class, (hard, gradient)) };
                squares / count + class_part
            }
        }
    }
}

/// Cross-entropy with a class, times `weight`; adds its gradient. A class without an output is impossible: +∞.
fn cross_entropy(student: &[f32], class: u32, (weight, gradient): (f64, &mut [f64])) -> f64 {
    let q = log_softmax(student, 1.0);
    for (i, (g, q)) in gradient.iter_mut().zip(&q).enumerate() {
        *g += weight * (q.exp() - f64::from(u8::from(i == class as usize)));
    }
    -weight * q.get(class as usize).copied().unwrap_or(f64::NEG_INFINITY)
}

/// p·x for p = exp(log_p), where nothing of anything is nothing.
fn share(log_p: f64, x: f64) -> f64 {
    if log_p == f64::NEG_INFINITY { 0.0 } else { log_p.exp() * x }
}

/// The logarithms of the softmax of a row at a temperature.
fn log_softmax(row: &[f32], temperature: f64) -> Vec<f64> {
    let largest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let mut logs: Vec<f64> = row.iter().map(|&z| (f64::from(z) - largest) / temperature).collect();
    let sum = logs.iter().map(|z| z.exp()).sum::<f64>().ln();
    logs.iter_mut().for_each(|z| *z -= sum);
    logs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fixtures::training;

    /// Student (2, 0, −1), observer (5, 1, 0).
    #[test]
    fn kl_has_the_specs_numbers() {
        let targets = Targets { classes: &[0], logits: Some(&[5.0, 1.0, 0.0]) };
        for (temperature, expected) in [(20.0, 0.001_174_37), (4.0, 0.030_635_94), (1.0, 0.096_218_64)] {
            let (value, _) = Loss::Kl { temperature, scaled: false }.value_and_gradient(&[2.0, 0.0, -1.0], targets, 3);
            assert!((value - expected).abs() < 5e-9, "T = {temperature}: {value}");
            let (scaled, _) = Loss::Kl { temperature, scaled: true }.value_and_gradient(&[2.0, 0.0, -1.0], targets, 3);
            assert!((scaled - value * temperature * temperature).abs() < 1e-12);
        }
    }

    #[test]
    fn values_and_gradients_are_pytorchs() {
        let fixture = &training().losses;
        assert!(fixture.cases.len() >= 9);
        for case in &fixture.cases {
            let targets = Targets { classes: &fixture.labels, logits: Some(&fixture.observer) };
            let (value, gradient) = case.loss.value_and_gradient(&fixture.student, targets, fixture.classes);
            assert!((value - case.value).abs() <= 1e-6 * case.value.abs(), "{:?}: {value}, {}", case.loss, case.value);
            let largest = case.gradient.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
            assert_eq!(gradient.len(), case.gradient.len());
            for (i, (g, expected)) in gradient.iter().zip(&case.gradient).enumerate() {
                assert!((g - expected).abs() <= 1e-6 * largest, "{:?} [{i}]: {g}, {expected}", case.loss);
            }
        }
    }

    #[test]
    fn extreme_logits_stay_finite() {
        let student = [1e4, -1e4, 0.0, -1e4, 1e4, 3.0];
        let targets = Targets { classes: &[1, 1], logits: Some(&[-1e4, 1e4, 0.0, f32::NEG_INFINITY, 5.0, 5.0]) };
        for loss in [Loss::Kl { temperature: 1.0, scaled: false }, Loss::SoftCrossEntropy, Loss::HardCrossEntropy] {
            let (value, gradient) = loss.value_and_gradient(&student, targets, 3);
            assert!(value.is_finite() && gradient.iter().all(|g| g.is_finite()), "{loss:?}: {value} {gradient:?}");
        }
    }

    #[test]
    fn missing_logits_are_not_mistaken_for_a_loss() {
        let targets = Targets { classes: &[0], logits: None };
        assert!(Loss::SoftCrossEntropy.value_and_gradient(&[1.0, 2.0], targets, 2).0.is_nan());
        assert!(Loss::HardCrossEntropy.value_and_gradient(&[1.0, 2.0], targets, 2).0 > 1.0);
    }
}
