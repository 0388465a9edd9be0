//! Features of patches: what herding and k-means see of them.

use crate::core::data::dataset::Dataset;
use crate::core::distil::coreset::Rows;
use crate::core::distil::scores::PatchScore;
use crate::core::progress::Cancelled;

use super::batcher::{Batcher, Spent};
use super::score::Throughput;
use crate::engine::images::crops::CropPlan;
use crate::engine::images::{decode, pipeline};
use crate::engine::nets::Arch;
use crate::engine::nets::graph::Tap;
use crate::engine::plan::{Engine, EngineError};

/// Why there are no features.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// The user asked for it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The device.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A patch that has been scored can't be cut any more.
    #[error("{file}: {reason}; it could be read when it was scored: put it back, or run again")]
    Gone {
        /// The source.
        file: String,
        /// Why.
        reason: String,
    },
}

/// What the network is shown: one input after another.
pub trait Inputs: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// Values of one: 3·S².
    fn input_len(&self) -> usize;

    /// Makes the input `i`: planar (C, H, W), normalised.
    ///
    /// # Errors
    /// [`FeatureError::Gone`] where its image can't be read any more.
    fn make(&self, i: usize) -> Result<Vec<f32>, FeatureError>;
}

/// Patches of one dataset.
#[derive(Clone, Copy, Debug)]
pub struct FeatureJob<'a> {
    /// The dataset.
    pub dataset: &'a Dataset,
    /// The patches; a row for each, in this order.
    pub patches: &'a [PatchScore],
    /// How a patch becomes a network's input: as when it was scored.
    pub crops: &'a CropPlan,
}

impl Inputs for FeatureJob<'_> {
    fn count(&self) -> usize {
        self.patches.len()
    }

    fn input_len(&self) -> usize {
        self.crops.input_len()
    }

    fn make(&self, i: usize) -> Result<Vec<f32>, FeatureError> {
        let patch = &self.patches[i];
        let gone = |reason: String| FeatureError::Gone { file: self.dataset.source(patch.image), reason };
        let pixels = decode::read(self.dataset, patch.image).map_err(|e| gone(e.reason().to_string()))?;
        let mut input = vec![0.0; self.input_len()];
        self.crops.write(&pixels, &[patch.bbox], &mut input).map_err(|e| gone(e.to_string()))?;
        Ok(input)
    }
}

/// How a map becomes a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// All its values, as herding and k-means take them.
    Flattened,
    /// The mean of each channel, so that maps of early stages don't make rows of hundreds of thousands of values.
    Pooled,
}

impl Row {
    /// The row of one input's feature of `shape` [N, C, …].
    fn extend(self, values: &mut Vec<f32>, feature: &[f32], shape: &[usize]) {
        let area = shape.iter().skip(2).product::<usize>().max(1);
        match self {
            Self::Pooled if area > 1 => values.extend(feature.chunks_exact(area).map(mean)),
            Self::Flattened | Self::Pooled => values.extend(feature),
        }
    }
}

fn mean(plane: &[f32]) -> f32 {
    (plane.iter().map(|&v| f64::from(v)).sum::<f64>() / plane.len() as f64) as f32
}

/// One row per input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    /// inputs×dims values.
    pub values: Vec<f32>,
    /// Values per row.
    pub dims: usize,
    /// What they cost.
    pub spent: Spent,
}

impl Features {
    /// The rows.
    #[must_use]
    pub fn rows(&self) -> Rows<'_> {
        Rows { values: &self.values, dims: self.dims }
    }
}

/// The feature that selection looks at: a ConvNet's third map (block index 2, as in IDC's code), flattened, which the
/// classifier of a ConvNet-3 reads; of other networks what the classifier reads. Not normalised.
#[must_use]
pub fn tap(arch: Arch) -> Tap {
    match arch {
        Arch::ConvNet(_) => Tap::Stage(3),
        _ => Tap::Features,
    }
}

/// The features of inputs; `engine` runs a plan that keeps one feature. `advance` receives the number of inputs that are
/// done, after each batch.
///
/// # Errors
/// [`FeatureError`].
pub fn features(
    engine: &mut dyn Engine,
    (inputs, row): (&dyn Inputs, Row),
    throughput: Throughput,
    advance: &mut dyn FnMut(usize) -> Result<(), Cancelled>,
) -> Result<Features, FeatureError> {
    let mut values: Vec<f32> = Vec::new();
    let mut batcher = Batcher::new(inputs.input_len(), throughput.batch, |shown: &[f32], batch, filled| {
        let output = engine.forward(&[shown], batch)?;
        let feature = output.taps.first().ok_or_else(EngineError::broken_plan)?;
        let each = feature.values.len() / batch.max(1);
        feature
            .values
            .chunks_exact(each.max(1))
            .take(filled)
            .for_each(|one| row.extend(&mut values, one, &feature.shape));
        Ok(())
    });
    let ahead = (2 * throughput.batch).max(2);
    let mut waiting = std::time::Instant::now();
    pipeline::ordered(
        inputs.count(),
        throughput.threads,
        ahead,
        |i| inputs.make(i),
        |i, input| {
            batcher.spent.waiting_secs += waiting.elapsed().as_secs_f64();
            if batcher.push(&input?)? {
                advance(i + 1)?;
            }
            waiting = std::time::Instant::now();
            Ok::<(), FeatureError>(())
        },
    )?;
    batcher.flush()?;
    let spent = batcher.spent;
    advance(inputs.count())?;
    let dims = values.len() / inputs.count().max(1);
    Ok(Features { values, dims, spent })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::dataset::{Class, DatasetBuilder, ImageId, Layout, Split};
    use crate::core::data::normalise::MeanStd;
    use crate::core::data::pixels::Rgb8;
    use crate::core::data::source::Held;
    use crate::core::distil::patch::CropBox;
    use crate::core::distil::recipe::OutputFormat;
    use crate::engine::cpu::infer::CpuEngine;
    use crate::engine::images::crops::Cut;
    use crate::engine::images::encode::encode;
    use crate::engine::nets::NetworkSpec;
    use crate::engine::plan::Plan;
    use crate::engine::weights::Weights;

    /// Five images of one class, of which the first `there` have bytes; the patch is a box of each.
    fn scene(there: usize) -> (Dataset, Vec<PatchScore>) {
        let names: Vec<_> = (0..5).map(|i| format!("{i}.png")).collect();
        let image = |i: usize| {
            let mut image = Rgb8::black(20, 24);
            image.data.iter_mut().enumerate().for_each(|(at, v)| *v = (at * (i + 3) % 251) as u8);
            (format!("a/{i}.png"), encode(&image, OutputFormat::Png).unwrap())
        };
        let source = Held::encoded((0..there).map(image));
        let mut builder = DatasetBuilder::default();
        let class = Class { name: "a".into(), title: None, folder: b"a".to_vec() };
        builder.class(class, names.into_iter().map(String::into_bytes).collect());
        let dataset = builder.build("/data".into(), Layout::ImageFolder, Split::Whole, source).unwrap();
        let patch = |i: u32| {
            let bbox = CropBox { top: i, left: 2, height: 12, width: 12 };
            PatchScore { image: ImageId(i), crop: 0, bbox, loss: 0.0, rival: None }
        };
        (dataset, [4, 0, 2, 1, 3].map(patch).to_vec())
    }

    fn crops() -> CropPlan {
        CropPlan { seed: 0, crops: 1, cut: Cut::Whole, patch_side: 16, input_side: 32, mean_std: MeanStd::CIFAR10 }
    }

    fn engine() -> CpuEngine {
        let arch: Arch = "conv4".parse().unwrap();
        let graph = NetworkSpec { arch, side: 32, classes: 3 }.graph();
        CpuEngine::new(&Plan::compile(&graph, &Weights::by_formula(&graph), &[tap(arch)])).unwrap()
    }

    #[test]
    fn rows_follow_the_patches_whatever_the_batch_and_the_threads() {
        let (dataset, patches) = scene(5);
        let crops = crops();
        let of = |patches: &[PatchScore], batch, threads| {
            let job = FeatureJob { dataset: &dataset, patches, crops: &crops };
            features(&mut engine(), (&job, Row::Flattened), Throughput { batch, threads }, &mut |_| Ok(())).unwrap()
        };
        let all = of(&patches, 2, 1);
        // Block index 2 of a ConvNet-4 at 32 pixels: 128 maps of 4×4.
        assert_eq!((all.dims, all.rows().count(), all.spent.patches), (128 * 16, 5, 5));
        for (batch, threads) in [(1, 2), (3, 1), (64, 4)] {
            assert_eq!(of(&patches, batch, threads).values, all.values, "{batch}, {threads}");
        }
        assert_eq!(of(&patches[3..4], 2, 1).values, all.values[3 * all.dims..4 * all.dims]);
        let job = FeatureJob { dataset: &dataset, patches: &patches, crops: &crops };
        let throughput = Throughput { batch: 2, threads: 2 };
        let pooled = features(&mut engine(), (&job, Row::Pooled), throughput, &mut |_| Ok(())).unwrap();
        let means: Vec<f32> = all.values.chunks_exact(16).map(mean).collect();
        assert_eq!((pooled.dims, pooled.values), (128, means));
    }

    #[test]
    fn a_missing_file_and_a_cancel_end_it() {
        let (dataset, patches) = scene(4);
        let crops = crops();
        let job = FeatureJob { dataset: &dataset, patches: &patches, crops: &crops };
        let throughput = Throughput { batch: 2, threads: 2 };
        let there = FeatureJob { patches: &patches[1..], ..job };
        let cancelled =
            features(&mut engine(), (&there, Row::Flattened), throughput, &mut |_| Err(Cancelled)).unwrap_err();
        assert!(matches!(cancelled, FeatureError::Cancelled(_)));
        let gone = features(&mut engine(), (&job, Row::Pooled), throughput, &mut |_| Ok(())).unwrap_err().to_string();
        assert!(gone.contains("a/4.png") && gone.contains("put it back"), "{gone}");
    }
}
