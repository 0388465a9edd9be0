//! Stored soft labels: the observer's logits for each augmented batch, with all that made the batch, image ids included
//! (FKD, Shen and Xing 2022, stores no ids: another order silently mis-assigns its labels).

use super::augment::{ImageDraw, Mix};

/// Logits of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Logits {
    /// N×classes, row-major.
    Dense(Vec<f32>),
    /// The k greatest per image; the rest count as their share of what probability is left.
    Top {
        /// N×k outputs, greatest logit first.
        outputs: Vec<u32>,
        /// N×k logits.
        logits: Vec<f32>,
        /// log Σ exp of the logits that are left out, one per image.
        rest: Vec<f32>,
    },
}

/// One batch of one epoch, and what the observer says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchLabels {
    /// Images as indexes into the header's list of names.
    pub images: Vec<u32>,
    /// What was done to each.
    pub draws: Vec<ImageDraw>,
    /// What was mixed.
    pub mix: Mix,
    /// What the observer says of the result.
    pub logits: Logits,
}

impl Logits {
    /// The `k` greatest of each row of N×classes logits; ties go to the lower output. All of them where `k` ≥ classes.
    #[must_use]
    pub fn top(dense: &[f32], classes: usize, k: usize) -> Self {
        let mut top = (Vec::new(), Vec::new(), Vec::new());
        let mut order: Vec<u32> = Vec::with_capacity(classes);
        for row in dense.chunks_exact(classes.max(1)) {
            order.clear();
            order.extend(0..classes as u32);
            order.sort_by(|&a, &b| row[b as usize].total_cmp(&row[a as usize]));
            let (kept, left) = order.split_at(k.min(classes));
            top.0.extend_from_slice(kept);
            top.1.extend(kept.iter().map(|&o| row[o as usize]));
            top.2.push(log_sum(left.iter().map(|&o| f64::from(row[o as usize]))) as f32);
        }
        let (outputs, logits, rest) = top;
        Self::Top { outputs, logits, rest }
    }

    /// N×classes logits. What the kept ones leave out is spread evenly over the other outputs, so that the softmax at
    /// T = 1 gives the kept ones their own probabilities.
    #[must_use]
    pub fn dense(&self, classes: usize) -> Vec<f32> {
        let (outputs, logits, rest) = match self {
            Self::Dense(logits) => return logits.clone(),
            Self::Top { outputs, logits, rest } => (outputs, logits, rest),
        };
        let k = outputs.len() / rest.len().max(1);
        let others = (classes.saturating_sub(k).max(1) as f64).ln();
        let mut dense = Vec::with_capacity(rest.len() * classes);
        for (i, &rest) in rest.iter().enumerate() {
            let start = dense.len();
            dense.resize(start + classes, (f64::from(rest) - others) as f32);
            for (&output, &logit) in outputs.iter().zip(logits).skip(i * k).take(k) {
                if let Some(place) = dense[start..].get_mut(output as usize) {
                    *place = logit;
                }
            }
        }
        dense
    }
}

/// log Σ exp; −∞ for nothing.
fn log_sum(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest.is_infinite() { largest } else { largest + values.map(|v| (v - largest).exp()).sum::<f64>().ln() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_spread_evenly() {
        // exp: 8, 1, 4, 3 and 2, 2, 2, 2.
        let dense: Vec<f32> = [8.0_f32, 1.0, 4.0, 3.0, 2.0, 2.0, 2.0, 2.0].iter().map(|v| v.ln()).collect();
        let top = Logits::top(&dense, 4, 2);
        let Logits::Top { outputs, rest, .. } = &top else { panic!("{top:?}") };
        assert_eq!(outputs, &[0, 2, 0, 1]);
        assert!(rest.iter().all(|r| (r - 4.0_f32.ln()).abs() < 1e-6), "{rest:?}");
        let back: Vec<f32> = top.dense(4).iter().map(|v| v.exp()).collect();
        for (b, expected) in back.iter().zip([8.0, 2.0, 4.0, 2.0, 2.0, 2.0, 2.0, 2.0]) {
            assert!((b - expected).abs() < 1e-5, "{back:?}");
        }
    }

    #[test]
    fn all_of_them_are_the_logits_themselves() {
        let dense = vec![0.5, -3.0, 7.25, 1e4, -1e4, 0.0];
        assert_eq!(Logits::top(&dense, 3, 3).dense(3), dense);
        assert_eq!(Logits::top(&dense, 3, 9).dense(3), dense);
        assert_eq!(Logits::Dense(dense.clone()).dense(3), dense);
    }

    #[test]
    fn damaged_labels_give_numbers_and_no_panic() {
        let damaged = Logits::Top { outputs: vec![9, 0], logits: vec![1.0], rest: vec![0.0] };
        assert_eq!(damaged.dense(2), [0.0, 0.0]);
        assert_eq!(Logits::top(&[], 3, 2).dense(3), Vec::<f32>::new());
    }
}
