//! Which given labels are probably wrong: confident learning (Northcutt, Jiang, Chuang: Confident Learning: Estimating
//! Uncertainty in Dataset Labels, JAIR 2021, section 3). A class's threshold is the mean probability of that class over its
//! own images; an image counts for the class that it exceeds the threshold of. These counts, the confident joint, say how
//! many images of class i are really of class j, and the images whose margins speak most for that are pruned by noise rate
//! (section 3.2.2), as `find_label_issues` of cleanlab does by default: its calibration, roundings and ties are kept, so
//! that both flag the same images.

/// Below this, probabilities count as equal (cleanlab's constant).
const CLOSE: f64 = 1e-6;

/// Images of a class that are never flagged (cleanlab's default).
const LEFT_PER_CLASS: i64 = 1;

/// What was given, and what a network says instead.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The class that each image was given.
    pub labels: &'a [u32],
    /// images×classes probabilities; a row sums to 1.
    pub probabilities: &'a [f32],
    /// Number of classes.
    pub classes: usize,
}

/// Why labels can't be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// Not a row of probabilities for each image.
    #[error("{values} probabilities are not {images} images × {classes} classes")]
    Shape {
        /// Number of probabilities.
        values: usize,
        /// Number of labels.
        images: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A class that isn't there.
    #[error("image {image} has class {label}, but there are {classes} classes")]
    Label {
        /// Index of the image.
        image: usize,
        /// Its class.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// A value that is no probability.
    #[error("a probability of image {image} is {value}; the network's weights or the image's values are broken")]
    Value {
        /// Index of the image.
        image: usize,
        /// The value, in digits.
        value: String,
    },
}

/// What is said of one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Whether its label is probably wrong.
    pub flagged: bool,
    /// The class with the greatest probability, the first of equals.
    pub predicted: u32,
    /// Probability of the given class: the smaller, the more suspicious.
    pub self_confidence: f32,
    /// Probability of the given class minus the greatest other one, moved to \[0, 1\]: (margin + 1) ÷ 2.
    pub normalized_margin: f32,
}

/// The verdicts, and the counts they rest on.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelSuspects {
    /// A verdict for each image.
    pub verdicts: Vec<Verdict>,
    /// classes×classes: estimated number of images that were given the row's class and are of the column's.
    pub joint: Vec<i64>,
    /// Mean probability of each class over its own images; infinite for one without images.
    pub thresholds: Vec<f64>,
}

impl LabelSuspects {
    /// The flagged images, the least self-confident first (cleanlab's `self_confidence`), equal ones in order.
    #[must_use]
    pub fn ranked(&self) -> Vec<usize> {
        let mut flagged: Vec<usize> = (0..self.verdicts.len()).filter(|&i| self.verdicts[i].flagged).collect();
        flagged.sort_by(|&a, &b| {
            self.verdicts[a].self_confidence.total_cmp(&self.verdicts[b].self_confidence).then(a.cmp(&b))
        });
        flagged
    }
}

/// Judges labels.
///
/// # Errors
/// [`JudgeError`] where lengths, classes or values can't be.
pub fn label_suspects(judged: Judged<'_>) -> Result<LabelSuspects, JudgeError> {
    judged.check()?;
    let thresholds = judged.thresholds();
    let joint = judged.joint(&thresholds);
    let due = kept_per_class(&joint, judged.classes);
    let mut verdicts: Vec<Verdict> = (0..judged.labels.len()).map(|i| judged.unjudged(i)).collect();
    for given in 0..judged.classes {
        let own: Vec<usize> = (0..judged.labels.len()).filter(|&i| judged.labels[i] as usize == given).collect();
        if own.len() as i64 <= LEFT_PER_CLASS {
            continue;
        }
        for other in (0..judged.classes).filter(|&other| other != given) {
            let count = due[given * judged.classes + other].max(0) as usize;
            judged.prune(&own, (given, other), count, &mut verdicts);
        }
    }
    // What the network itself would call the same, or all but the same, is no suspect.
    for (image, verdict) in verdicts.iter_mut().enumerate() {
        verdict.flagged &= !judged.agrees(image);
    }
    Ok(LabelSuspects { verdicts, joint, thresholds })
}

impl Judged<'_> {
    fn check(&self) -> Result<(), JudgeError> {
        let (images, classes) = (self.labels.len(), self.classes);
        if self.probabilities.len() != images * classes {
            return Err(JudgeError::Shape { values: self.probabilities.len(), images, classes });
        }
        if let Some(image) = self.labels.iter().position(|&label| label as usize >= classes) {
            return Err(JudgeError::Label { image, label: self.labels[image], classes });
        }
        match self.probabilities.iter().position(|p| !(-1e-4..=1.0 + 1e-4).contains(p)) {
            Some(at) => Err(JudgeError::Value { image: at / classes, value: self.probabilities[at].to_string() }),
            None => Ok(()),
        }
    }

    fn row(&self, image: usize) -> &[f32] {
        &self.probabilities[image * self.classes..(image + 1) * self.classes]
    }

    /// Equation 2 of the paper.
    fn thresholds(&self) -> Vec<f64> {
        let (mut sums, mut counts) = (vec![0.0; self.classes], vec![0_u32; self.classes]);
        for (image, &label) in self.labels.iter().enumerate() {
            sums[label as usize] += f64::from(self.row(image)[label as usize]);
            counts[label as usize] += 1;
        }
        let mean = |(sum, count): (f64, u32)| if count == 0 { f64::INFINITY } else { sum / f64::from(count) };
        sums.into_iter().zip(counts).map(|of| mean(of).max(2.0 * CLOSE)).collect()
    }

    /// Equation 1, calibrated to the numbers of images per given class as in equation 3, and rounded.
    fn joint(&self, thresholds: &[f64]) -> Vec<i64> {
        let classes = self.classes;
        let (mut counts, mut given) = (vec![0_i64; classes * classes], vec![0_i64; classes]);
        for (image, &label) in self.labels.iter().enumerate() {
            given[label as usize] += 1;
            let row = self.row(image);
            let above = |class: &usize| f64::from(row[*class]) >= thresholds[*class] - CLOSE;
            let mut confident = (0..classes).filter(above);
            // Of several classes the one with the greatest probability counts.
            let real = match (confident.next(), confident.next()) {
                (Some(only), None) => only,
                (Some(_), Some(_)) => greatest(row),
                (None, _) => continue,
            };
            counts[label as usize * classes + real] += 1;
        }
        for class in 0..classes {
            let own = &mut counts[class * classes + class];
            *own = (*own).max(1);
        }
        let mut calibrated = Vec::with_capacity(classes * classes);
        for (row, images) in counts.chunks_exact(classes.max(1)).zip(&given) {
            let sum = row.iter().sum::<i64>() as f64;
            calibrated.extend(row.iter().map(|&count| count as f64 / sum * *images as f64));
        }
        // Each row sums to its images already: what this changes are last digits, by which halves are rounded.
        let (sum, images) = (calibrated.iter().sum::<f64>().max(f64::MIN_POSITIVE), self.labels.len() as f64);
        calibrated.iter_mut().for_each(|count| *count = *count / sum * images);
        calibrated.chunks_exact(classes.max(1)).flat_map(rounded).collect()
    }

    /// Whether the given class has the greatest probability, or is as close to it as makes no difference.
    fn agrees(&self, image: usize) -> bool {
        let (row, label) = (self.row(image), self.labels[image] as usize);
        let own = f64::from(row[label]) + CLOSE;
        row.iter().enumerate().all(|(class, &p)| if class < label { f64::from(p) < own } else { f64::from(p) <= own })
    }

    fn unjudged(&self, image: usize) -> Verdict {
        let (row, label) = (self.row(image), self.labels[image] as usize);
        let other = row.iter().enumerate().filter(|(class, _)| *class != label).map(|(_, p)| *p);
        let margin = row[label] - other.fold(0.0, f32::max);
        Verdict {
            flagged: false,
            predicted: greatest(row) as u32,
            self_confidence: row[label],
            normalized_margin: f32::midpoint(margin, 1.0),
        }
    }

    /// Flags the `count` images of a class whose margins speak most for another one; of equal ones the first.
    fn prune(&self, own: &[usize], (given, other): (usize, usize), count: usize, verdicts: &mut [Verdict]) {
        if count == 0 {
            return;
        }
        let margin = |image: usize| f64::from(self.row(image)[other]) - f64::from(self.row(image)[given]);
        let mut order = own.to_vec();
        order.sort_by(|&a, &b| margin(b).total_cmp(&margin(a)));
        order.iter().take(count).for_each(|&image| verdicts[image].flagged = true);
    }
}

/// The first class with the greatest probability.
fn greatest(row: &[f32]) -> usize {
    let better = |best: usize, class: usize| if row[class] > row[best] { class } else { best };
    (0..row.len()).fold(0, better)
}

/// How many images of each given class (row) are to be taken for another one (column), so that each class keeps some.
fn kept_per_class(joint: &[i64], classes: usize) -> Vec<i64> {
    let mut due = Vec::with_capacity(joint.len());
    for (given, row) in joint.chunks_exact(classes.max(1)).enumerate() {
        let lacking = (LEFT_PER_CLASS - row[given]).max(0) as f64;
        let others = (row.iter().filter(|&&count| count != 0).count() as f64 - 1.0).max(1.0);
        // Whole images: a part of one is none.
        let less = |count: i64| (count as f64 - lacking / others).max(0.0) as i64;
        let of = |(other, &count): (usize, &i64)| if other == given { count.max(LEFT_PER_CLASS) } else { less(count) };
        due.extend(row.iter().enumerate().map(of));
    }
    due
}

/// Rounds values so that their sum is rounded, too: what is lacking goes where rounding took most.
fn rounded(values: &[f64]) -> Vec<i64> {
    let mut whole: Vec<i64> = values.iter().map(|v| v.round_ties_even() as i64).collect();
    let due = values.iter().sum::<f64>().round_ties_even() as i64;
    loop {
        let lacking = due - whole.iter().sum::<i64>();
        if lacking == 0 || values.is_empty() {
            return whole;
        }
        let mut order: Vec<usize> = (0..values.len()).collect();
        let taken = |i: usize| values[i] - whole[i] as f64;
        order.sort_by(|&a, &b| taken(a).total_cmp(&taken(b)).then(a.cmp(&b)));
        if lacking > 0 {
            order.reverse();
        }
        let changes = (lacking.unsigned_abs() as usize).min(values.len());
        order.iter().take(changes).for_each(|&i| whole[i] += lacking.signum());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Images with made-up labels and probabilities; a fifth of the labels is wrong.
    struct Made {
        labels: Vec<u32>,
        probabilities: Vec<f32>,
    }

    impl Made {
        fn new(images: usize, classes: usize) -> Self {
            let mut state = 7_u64;
            let mut draw = move || {
                state = (state * 1_103_515_245 + 12345) % (1 << 31);
                (state >> 16) as f64 / 32768.0
            };
            let mut made = Self { labels: Vec::new(), probabilities: Vec::new() };
            for _ in 0..images {
                let (real, flip) = ((draw() * classes as f64) as usize, draw());
                let other = (real + 1 + (flip * 1000.0) as usize % (classes - 1)) % classes;
                made.labels.push(if flip < 0.8 { real } else { other } as u32);
                let mut row: Vec<f64> = (0..classes).map(|_| draw().powi(2)).collect();
                row[real] += 0.7;
                let sum: f64 = row.iter().sum();
                made.probabilities.extend(row.iter().map(|p| (p / sum) as f32));
            }
            made
        }

        fn judged(&self, classes: usize) -> Judged<'_> {
            Judged { labels: &self.labels, probabilities: &self.probabilities, classes }
        }
    }

    #[test]
    fn thresholds_and_joint_by_hand() {
        // Class 0: mean of 0.9, 0.8 and 0.1 is 0.6; class 1: mean of 0.7 and 0.5 is 0.6.
        let probabilities = [0.9, 0.1, 0.8, 0.2, 0.1, 0.9, 0.3, 0.7, 0.5, 0.5];
        let judged = Judged { labels: &[0, 0, 0, 1, 1], probabilities: &probabilities, classes: 2 };
        let found = label_suspects(judged).unwrap();
        assert!(found.thresholds.iter().all(|t| (t - 0.6).abs() < 1e-6), "{:?}", found.thresholds);
        // Images 0 and 1 are surely of class 0, image 2 of class 1; image 3 of class 1, and image 4 of none. Class 1's one
        // sure image stands for both of its images.
        assert_eq!(found.joint, [2, 1, 0, 2]);
        assert_eq!(found.ranked(), [2]);
        let verdict = found.verdicts[2];
        assert_eq!((verdict.predicted, verdict.self_confidence), (1, 0.1));
        assert!((verdict.normalized_margin - 0.1).abs() < 1e-6, "(0.1 − 0.9 + 1) ÷ 2");
    }

    /// The right values are those of cleanlab 2.9 (`benches/insight_cleanlab.py made`).
    #[test]
    fn the_same_images_are_flagged_as_by_cleanlab() {
        let ranked = [
            176, 82, 65, 109, 124, 118, 57, 111, 16, 24, 105, 139, 97, 11, 43, 41, 108, 195, 161, 58, 50, 21, 163, 191,
            180, 131, 6, 101, 55, 114, 60, 175, 51, 172, 103, 61, 178, 32, 128, 110, 117,
        ];
        let joint = [23, 1, 4, 3, 3, 6, 27, 1, 0, 3, 7, 3, 29, 0, 2, 5, 3, 3, 32, 3, 5, 5, 6, 0, 26];
        let found = label_suspects(Made::new(200, 5).judged(5)).unwrap();
        assert_eq!(found.ranked(), ranked);
        assert_eq!(found.joint, joint);
    }

    #[test]
    fn a_class_without_images_and_one_with_a_single_image_are_left_alone() {
        let probabilities = [0.2, 0.7, 0.1, 0.1, 0.8, 0.1, 0.9, 0.05, 0.05];
        let found = label_suspects(Judged { labels: &[0, 1, 1], probabilities: &probabilities, classes: 3 }).unwrap();
        assert_eq!(found.thresholds[2], f64::INFINITY);
        assert!(!found.verdicts[0].flagged, "class 0 would have no image left");
        assert_eq!(label_suspects(Judged { labels: &[], probabilities: &[], classes: 3 }).unwrap().verdicts, []);
    }

    #[test]
    fn what_cannot_be_judged_is_told() {
        let of = |labels: &[u32], probabilities: &[f32]| {
            label_suspects(Judged { labels, probabilities, classes: 2 }).unwrap_err().to_string()
        };
        assert_eq!(of(&[0], &[0.5]), "1 probabilities are not 1 images × 2 classes");
        assert_eq!(of(&[0, 2], &[0.5; 4]), "image 1 has class 2, but there are 2 classes");
        assert!(of(&[0, 1], &[0.5, 0.5, f32::NAN, 0.5]).starts_with("a probability of image 1 is NaN"));
    }

    #[test]
    fn rounding_keeps_the_sum() {
        assert_eq!(rounded(&[0.4, 0.4, 0.4, 0.8]), [0, 0, 1, 1]);
        assert_eq!(rounded(&[0.6, 0.7, 0.7]), [0, 1, 1]);
        assert_eq!(rounded(&[2.0, 3.0]), [2, 3]);
    }
}
