//! The CPU engine: a plan on channels-last maps, one image per thread at a time.
//!
//! burn's CPU backend spends most of a narrow network's time on moving data between layouts; here a map stays
//! channels-last from the first layer to the last, an image's maps stay in the cache, and the maps carry the zero
//! border that the next convolution needs. An image's bytes don't depend on threads or batches.

mod kernel;
mod layers;
mod layout;

use rayon::prelude::*;

use super::plan::{Engine, EngineError, Output, Plan};
use layout::{Layer, Program};

/// A plan packed for the CPU.
pub struct CpuEngine {
    program: Program,
    side: usize,
    classes: usize,
}

impl CpuEngine {
    /// Packs a plan's weights.
    ///
    /// # Errors
    /// [`EngineError`] where the steps don't fit together.
    pub fn new(plan: &Plan) -> Result<Self, EngineError> {
        let program = Program::new(plan).ok_or_else(|| {
            EngineError::Device("the network's steps don't fit together; this is a defect of stillroom".to_owned())
        })?;
        Ok(Self { program, side: plan.side, classes: plan.classes })
    }
}

impl Engine for CpuEngine {
    fn forward(&mut self, images: &[f32], batch: usize) -> Result<Output, EngineError> {
        let per_image = 3 * self.side * self.side;
        if images.len() != batch * per_image {
            return Err(EngineError::Device(format!("{} values are no batch of {batch} images", images.len())));
        }
        let mut logits = vec![0.0; batch * self.classes];
        let rows = logits.par_chunks_mut(self.classes.max(1)).zip(images.par_chunks(per_image.max(1)));
        rows.for_each_init(|| self.program.workspace(), |space, (row, image)| run(&self.program, image, space, row));
        Ok(Output { logits, taps: Vec::new() })
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn side(&self) -> usize {
        self.side
    }
}

/// Whether multiply-add is one instruction here: it rounds once instead of twice, so scores differ in the last bit.
#[must_use]
pub fn fused() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    return cfg!(target_arch = "aarch64");
}

/// Runs the program in the best instruction set of this machine.
fn run(program: &Program, image: &[f32], space: &mut [Vec<f32>], logits: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if fused() {
        // SAFETY: the features were detected on this very processor.
        #[expect(unsafe_code, reason = "calling a function compiled for detected instructions is the only way to them")]
        unsafe {
            return run_avx2(program, image, space, logits);
        }
    }
    // Other processors' compilers know by themselves whether multiply-add is one instruction.
    run_steps::<{ cfg!(target_arch = "aarch64") }>(program, image, space, logits);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2(program: &Program, image: &[f32], space: &mut [Vec<f32>], logits: &mut [f32]) {
    run_steps::<true>(program, image, space, logits);
}

#[inline(always)]
fn run_steps<const FMA: bool>(program: &Program, image: &[f32], space: &mut [Vec<f32>], logits: &mut [f32]) {
    layers::load_image(image, &mut space[program.input.slot], program.input.shape);
    for layer in &program.layers {
        // The output leaves its place for the time of the step, so that the inputs can be borrowed beside it.
        let mut output = std::mem::take(&mut space[layer.output.slot]);
        apply::<FMA>(layer, space, &mut output);
        space[layer.output.slot] = output;
    }
    let last = &space[program.result.slot];
    logits.copy_from_slice(&last[..logits.len()]);
}

#[inline(always)]
fn apply<const FMA: bool>(layer: &Layer, space: &[Vec<f32>], output: &mut [f32]) {
    use layout::Kind;
    let input = (space[layer.input.slot].as_slice(), layer.input.shape);
    let join = layer.join.map(|j| (space[j.slot].as_slice(), j.shape));
    let to = (&mut *output, layer.output.shape);
    match &layer.kind {
        Kind::Conv(packed) => kernel::convolve::<FMA>(packed, input, to, kernel::Finish { join, relu: layer.relu }),
        Kind::Add => layers::add(input, join, to, layer.relu),
        Kind::Scale(scale, shift) => layers::scale(input, to, scale, shift),
        Kind::Relu => layers::relu(input, to),
        Kind::MaxPool(pool) => layers::max_pool(input, to, *pool),
        Kind::AvgPool(pool) => layers::avg_pool(input, to, *pool),
        Kind::Shortcut { stride, pad } => layers::shortcut(input, to, *stride, *pad),
        Kind::GlobalMean => layers::global_mean(input, to),
        Kind::Flatten => layers::flatten(input, to),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::super::burn_engine::BurnEngine;
    use super::super::nets::NetworkSpec;
    use super::super::weights::{Weights, formula};
    use super::*;

    /// Every kind of step, odd sides, narrow and odd widths: the same logits as burn's, whatever the batch.
    #[test]
    fn agrees_with_burn_and_not_with_the_batch() {
        let cases = [
            ("conv3", 32),
            ("conv4x20", 64),
            ("conv3x5", 37),
            ("resnet20_cifar", 32),
            ("resnet20_cifar", 29),
            ("resnet18", 65),
            ("resnet50", 64),
            ("resnet18_modified", 16),
        ];
        for (name, side) in cases {
            let spec = NetworkSpec { arch: name.parse().unwrap(), side, classes: 7 };
            let graph = spec.graph();
            let plan = Plan::compile(&graph, &Weights::by_formula(&graph), side, &[]);
            let images: Vec<f32> = formula("input", 3 * 3 * side * side).collect();
            let mut cpu = CpuEngine::new(&plan).unwrap();
            let got = cpu.logits(&images, 3).unwrap();
            let expected = BurnEngine::new(plan, &Device::flex()).unwrap().logits(&images, 3).unwrap();
            let largest = expected.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
            let worst = got.iter().zip(&expected).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(worst <= 1e-4 * largest, "{name} at {side}: {worst} of {largest}");
            let one = cpu.logits(&images[..3 * side * side], 1).unwrap();
            assert_eq!(one, got[..7], "{name}: the same bytes alone and in a batch");
        }
    }
}
