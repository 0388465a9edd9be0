//! A batch that a device has no room for goes through the network in parts.

use super::{EngineError, Output};

/// A forward pass: the inputs of some images, and how many they are.
pub type Run<'a> = dyn FnMut(&[&[f32]], usize) -> Result<Output, EngineError> + 'a;

/// How many images go through at once, and what the user should know of it.
#[derive(Debug, Default)]
pub struct Parts {
    most: Option<usize>,
    notes: Vec<String>,
}

impl Parts {
    /// So many images at most, where the device's largest buffer is known.
    #[must_use]
    pub fn new(most: Option<usize>) -> Self {
        Self { most: most.map(|most| most.max(1)), notes: Vec::new() }
    }

    /// Images that may go through at once.
    #[must_use]
    pub fn most(&self) -> Option<usize> {
        self.most
    }

    /// What happened since the last time that this was asked.
    pub fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The outputs of a batch. `run` gets the inputs of some of its images, and their number; where it reports that there
    /// is no room, half as many are given to it, now and from now on.
    ///
    /// # Errors
    /// Those of `run`; [`EngineError::Memory`] where there is no room for a single image.
    pub fn forward(&mut self, inputs: &[&[f32]], batch: usize, run: &mut Run<'_>) -> Result<Output, EngineError> {
        loop {
            let size = self.most.unwrap_or(batch).clamp(1, batch.max(1));
            match in_parts(inputs, (batch, size), run) {
                Err(EngineError::Memory(why)) if size > 1 => {
                    let smaller = size.div_ceil(2);
                    self.most = Some(smaller);
                    self.notes.push(format!(
                        "the device has no room for {size} images at once ({why}): the network sees {smaller} at a time"
                    ));
                }
                other => return other,
            }
        }
    }
}

fn in_parts(inputs: &[&[f32]], (batch, size): (usize, usize), run: &mut Run<'_>) -> Result<Output, EngineError> {
    if size >= batch {
        return run(inputs, batch);
    }
    let mut whole = Output::default();
    for first in (0..batch).step_by(size) {
        let count = size.min(batch - first);
        let part = |values: &&[f32]| {
            let length = values.len() / batch;
            first * length..(first + count) * length
        };
        let inputs: Vec<&[f32]> = inputs.iter().map(|values| &values[part(values)]).collect();
        let Output { outputs, taps } = run(&inputs, count)?;
        if first == 0 {
            whole = Output { outputs, taps };
            continue;
        }
        let all = whole.outputs.iter_mut().zip(outputs).chain(whole.taps.iter_mut().zip(taps));
        for (feature, more) in all {
            feature.values.extend(more.values);
            if let (Some(images), Some(&more)) = (feature.shape.first_mut(), more.shape.first()) {
                *images += more;
            }
        }
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::super::Feature;
    use super::*;

    /// A network that doubles two values an image, on a device with room for three images.
    fn doubled(inputs: &[&[f32]], count: usize, calls: &mut Vec<usize>) -> Result<Output, EngineError> {
        calls.push(count);
        if count > 3 {
            return Err(EngineError::reported(
                "Buffer size 40 is greater than the maximum buffer size (24)".to_owned(),
            ));
        }
        assert_eq!(inputs[0].len(), 2 * count);
        let feature = Feature { shape: vec![count, 2], values: inputs[0].iter().map(|v| 2.0 * v).collect() };
        Ok(Output { outputs: vec![feature.clone()], taps: vec![feature] })
    }

    #[test]
    fn a_refused_batch_is_halved_until_it_fits_and_remembered() {
        let images: Vec<f32> = (0..20).map(|v| v as f32).collect();
        let mut calls = Vec::new();
        let mut parts = Parts::default();
        let output = parts.forward(&[&images], 10, &mut |inputs, n| doubled(inputs, n, &mut calls)).unwrap();
        let expected: Vec<f32> = images.iter().map(|v| 2.0 * v).collect();
        for feature in [&output.outputs[0], &output.taps[0]] {
            assert_eq!((&feature.shape, &feature.values), (&vec![10, 2], &expected));
        }
        let notes = parts.take_notes();
        assert_eq!((notes.len(), parts.take_notes().len(), parts.most()), (2, 0, Some(3)));
        assert!(notes[0].contains("no room for 10 images") && notes[0].contains("5 at a time"), "{notes:?}");
        parts.forward(&[&images[..8]], 4, &mut |inputs, n| doubled(inputs, n, &mut calls)).unwrap();
        assert_eq!(calls, [10, 5, 3, 3, 3, 1, 3, 1]);
        assert!(parts.take_notes().is_empty());
    }

    #[test]
    fn a_known_limit_is_kept_from_the_first_batch_on() {
        let mut calls = Vec::new();
        let mut parts = Parts::new(Some(2));
        let output = parts.forward(&[&[1.0; 10]], 5, &mut |inputs, n| doubled(inputs, n, &mut calls)).unwrap();
        assert_eq!((output.logits(), &calls[..]), (&[2.0_f32; 10][..], &[2, 2, 1][..]));
        assert!(parts.take_notes().is_empty());
    }

    #[test]
    fn a_single_image_without_room_and_other_failures_are_errors() {
        let mut calls = 0;
        let mut refuse = |_: &[&[f32]], _| {
            calls += 1;
            Err(EngineError::reported("can't allocate buffer of size: 9".to_owned()))
        };
        let error = Parts::default().forward(&[&[0.0; 4]], 4, &mut refuse).unwrap_err();
        assert!(matches!(error, EngineError::Memory(_)), "{error}");
        assert_eq!(calls, 3, "four images, two, one");
        let mut lost = |_: &[&[f32]], _| Err(EngineError::reported("device lost".to_owned()));
        assert!(matches!(Parts::default().forward(&[&[0.0; 4]], 4, &mut lost), Err(EngineError::Device(_))));
    }
}
