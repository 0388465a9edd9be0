//! The seam for inference: a network as a short list of folded steps, plain data without any tensor library.
//!
//! A step is an operation of the graph with its tensors, and what is done to the result at once: a residual join, an
//! activation. Batch norm is folded into the convolution before it, a factor per channel into the linear layer before it.
//! An [`Engine`] executes a plan: [`super::cpu`] on the processor, [`super::burn::engine`] with burn on any device.

mod compile;
pub mod parts;

use super::cpu::kernels::isa::IsaError;
use super::nets::extent::Extent;
use super::nets::graph::{Activation, Op, Port};

/// What is done to a step's result while it is at hand: first the join, then the activation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epilogue {
    /// A value that is added; of the result's extent.
    pub join: Option<usize>,
    /// What follows.
    pub activation: Option<Activation>,
}

/// One step: reads values, writes one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it computes. Convolutions and linear layers always have a bias; a batch norm or a layer scale is one that
    /// nothing could take: factor and summand per channel.
    pub op: Op,
    /// Its tensors, row-major, of the shapes and in the order of [`Op::folded`].
    pub tensors: Vec<Vec<f32>>,
    /// Values that the operation reads; the first ones are the inputs.
    pub inputs: Vec<usize>,
    /// What is done to its result.
    pub epilogue: Epilogue,
    /// The value it writes.
    pub output: usize,
    /// Values that nothing needs after this step.
    pub free: Vec<usize>,
}

impl Step {
    /// A step without tensors, join or activation.
    #[must_use]
    pub fn new(op: Op, inputs: Vec<usize>, output: usize) -> Self {
        Self { op, tensors: Vec::new(), inputs, epilogue: Epilogue::default(), output, free: Vec::new() }
    }

    /// All values it reads: the operation's, then what is joined.
    pub fn reads(&self) -> impl Iterator<Item = usize> + '_ {
        self.inputs.iter().copied().chain(self.epilogue.join)
    }

    /// The extent of its result; `None` where it can't work on values of these extents, its tensors are not of the
    /// operation's shapes, or its epilogue isn't one that the operation takes along.
    #[must_use]
    pub fn extent(&self, value: impl Fn(usize) -> Option<Extent>) -> Option<Extent> {
        let inputs: Vec<Extent> = self.inputs.iter().map(|&i| value(i)).collect::<Option<_>>()?;
        let result = self.op.extent(&inputs)?;
        let wanted = self.op.folded().into_iter().map(|shape| shape.iter().product::<usize>());
        let Epilogue { join, activation } = self.epilogue;
        let fits = wanted.eq(self.tensors.iter().map(Vec::len))
            && join.is_none_or(|j| joins(&self.op) && value(j) == Some(result))
            && (activation.is_none() || activates(&self.op));
        fits.then_some(result)
    }
}

/// Whether a step takes along the residual join that follows: where each result is one sum that the join can begin or
/// end.
#[must_use]
pub fn joins(op: &Op) -> bool {
    matches!(op, Op::Conv(_) | Op::Linear { .. })
}

/// Whether a step takes along the activation that follows.
#[must_use]
pub fn activates(op: &Op) -> bool {
    joins(op) || matches!(op, Op::Add | Op::BatchNorm { .. } | Op::LayerScale { .. } | Op::GroupNorm { .. })
}

/// A compiled network.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Number of values, the inputs included.
    pub values: usize,
    /// What it is given: the first values, in this order.
    pub inputs: Vec<Port>,
    /// Its results by name: the values that hold them.
    pub outputs: Vec<(String, usize)>,
    /// Values that are results beside the outputs, in the order they were asked for.
    pub taps: Vec<usize>,
}

impl Plan {
    /// The extents of all values; `None` where the steps contradict each other.
    #[must_use]
    pub fn extents(&self) -> Option<Vec<Extent>> {
        let mut values: Vec<Option<Extent>> = vec![None; self.values];
        for (value, port) in self.inputs.iter().enumerate() {
            *values.get_mut(value)? = Some(port.extent).filter(|extent| !extent.is_empty());
        }
        for step in &self.steps {
            let made = step.extent(|value| *values.get(value)?)?;
            *values.get_mut(step.output).filter(|place| place.is_none())? = Some(made);
        }
        values.into_iter().collect()
    }

    /// What goes in and what comes out; `None` where the steps contradict each other.
    #[must_use]
    pub fn signature(&self) -> Option<Signature> {
        let extents = self.extents()?;
        let port = |(name, value): &(String, usize)| Some(Port { name: name.clone(), extent: *extents.get(*value)? });
        Some(Signature { inputs: self.inputs.clone(), outputs: self.outputs.iter().map(port).collect::<Option<_>>()? })
    }
}

/// What a network is given and what it gives, for one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// What goes in, in this order.
    pub inputs: Vec<Port>,
    /// What comes out, in this order.
    pub outputs: Vec<Port>,
}

impl Signature {
    /// Puts inputs that are given by name into the network's order.
    ///
    /// # Errors
    /// [`EngineError::Inputs`] for a name that is missing, given twice or not the network's.
    pub fn ordered<'a>(&self, named: &[(&str, &'a [f32])]) -> Result<Vec<&'a [f32]>, EngineError> {
        let of = |port: &Port| {
            let mut given = named.iter().filter(|(name, _)| *name == port.name);
            match (given.next(), given.next()) {
                (Some((_, values)), None) => Ok(*values),
                (None, _) => Err(EngineError::Inputs(format!("'{}' is missing", port.name))),
                _ => Err(EngineError::Inputs(format!("'{}' is given twice", port.name))),
            }
        };
        if let Some((name, _)) = named.iter().find(|(name, _)| self.inputs.iter().all(|port| port.name != *name)) {
            return Err(EngineError::Inputs(format!("there is no '{name}'")));
        }
        self.inputs.iter().map(of).collect()
    }

    /// Refuses inputs that are not those of a batch.
    ///
    /// # Errors
    /// [`EngineError::Inputs`].
    pub fn check(&self, inputs: &[&[f32]], batch: usize) -> Result<(), EngineError> {
        if inputs.len() != self.inputs.len() {
            let (given, wanted) = (inputs.len(), self.inputs.len());
            return Err(EngineError::Inputs(format!("{given} of {wanted} are given")));
        }
        for (port, values) in self.inputs.iter().zip(inputs) {
            if values.len() != batch * port.extent.len() {
                let (count, shape) = (values.len(), port.extent.shape(batch));
                return Err(EngineError::Inputs(format!("{count} values are no '{}' of shape {shape:?}", port.name)));
            }
        }
        Ok(())
    }
}

/// What a forward pass gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// The network's outputs, in its order.
    pub outputs: Vec<Feature>,
    /// The features that the plan was compiled to keep, in that order.
    pub taps: Vec<Feature>,
}

impl Output {
    /// The values of the first output: the logits N×classes of a network that has nothing else.
    #[must_use]
    pub fn logits(&self) -> &[f32] {
        self.outputs.first().map_or(&[], |feature| &feature.values)
    }
}

/// An output or a feature of all images of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feature {
    /// [N, C, H, W], or [N, C] for a row.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// What can go wrong while a plan runs.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The device refused or was lost.
    #[error("the device failed: {0}; try a smaller --batch, or --device cpu")]
    Device(String),
    /// The device has no room for the batch.
    #[error("the device's memory is full: {0}; try a smaller --batch, or --device cpu")]
    Memory(String),
    /// The processor has no such instruction set.
    #[error(transparent)]
    Isa(#[from] IsaError),
    /// The inputs are not the network's.
    #[error("wrong inputs of the network: {0}; this is a defect of stillroom")]
    Inputs(String),
}

/// Words, in lower case, of drivers and of what lies above them (CUDA, Vulkan, Metal, wgpu, burn's compute runtime) for a
/// batch that is too large: for the memory, for a single buffer, for what a shader may see of it or for one dispatch.
const NO_ROOM: [&str; 18] = [
    "out of memory",
    "outofmemory",
    "out_of_memory",
    "out of device memory",
    "out_of_device_memory",
    "out of host memory",
    "not enough memory",
    "insufficient memory",
    "t allocate",
    "cannot allocate",
    "failed to allocate",
    "allocation failed",
    "allocation error",
    "no room for",
    "max buffer size",
    "maximum buffer size",
    "buffer_binding_size",
    "dispatch group size",
];

impl EngineError {
    /// From a driver's own words.
    #[must_use]
    pub fn reported(text: String) -> Self {
        let lower = text.to_lowercase();
        if NO_ROOM.iter().any(|words| lower.contains(words)) {
            // A trace of calls may follow.
            Self::Memory(text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned())
        } else {
            Self::Device(text)
        }
    }

    /// Steps that contradict each other.
    #[must_use]
    pub fn broken_plan() -> Self {
        Self::Device("the network's steps don't fit together; this is a defect of stillroom".to_owned())
    }
}

/// Executes a plan.
pub trait Engine {
    /// What goes in and what comes out.
    fn signature(&self) -> &Signature;

    /// Outputs and taps of a batch; `inputs` are in the order of the signature ([`Signature::ordered`] puts named ones
    /// there), each N×C×H×W or N×C, row-major.
    ///
    /// # Errors
    /// [`EngineError`] where the inputs are not the network's or the device fails.
    fn forward(&mut self, inputs: &[&[f32]], batch: usize) -> Result<Output, EngineError>;

    /// The first output alone, of a network that is given nothing but images, normalised.
    ///
    /// # Errors
    /// As [`Engine::forward`].
    fn logits(&mut self, images: &[f32], batch: usize) -> Result<Vec<f32>, EngineError> {
        let output = self.forward(&[images], batch)?;
        Ok(output.outputs.into_iter().next().unwrap_or_default().values)
    }

    /// Images that the device may take at once, where it has told.
    fn largest_batch(&self) -> Option<usize> {
        None
    }

    /// What the user should know since the last time that this was asked, such as a batch that had no room.
    fn take_notes(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Values of the first output, for one image.
    fn classes(&self) -> usize {
        self.signature().outputs.first().map_or(0, |port| port.extent.len())
    }

    /// Values of the first input, for one image.
    fn input_len(&self) -> usize {
        self.signature().inputs.first().map_or(0, |port| port.extent.len())
    }

    /// Rows of the first input: the side of the images.
    fn side(&self) -> usize {
        self.signature().inputs.first().map_or(0, |port| port.extent.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As burn's compute runtime, wgpu, CUDA and Vulkan put it.
    #[test]
    fn every_wording_of_no_room_is_known() {
        for text in [
            "called `Result::unwrap()` on an `Err` value: can't allocate buffer of size: 3853516800\n   0: burn::x",
            "out of device memory allocating 1024 bytes",
            "Buffer size 4294967296 is greater than the maximum buffer size (268435456)",
            "wgpu error: Validation Error\n  Buffer binding 0 range 536870912 exceeds `max_*_buffer_binding_size` limit 134217728",
            "exceeds max buffer size",
            "CUDA_ERROR_OUT_OF_MEMORY",
            "ERROR_OUT_OF_DEVICE_MEMORY",
            "Each current dispatch group size dimension ([70000, 1, 1]) must be less or equal to 65535",
        ] {
            let error = EngineError::reported(text.to_owned());
            assert!(matches!(&error, EngineError::Memory(why) if !why.contains('\n')), "{error}");
        }
        assert!(matches!(EngineError::reported("the device was lost".to_owned()), EngineError::Device(_)));
    }

    #[test]
    fn inputs_have_names_and_sizes() {
        let port = |name: &str, extent| Port { name: name.to_owned(), extent };
        let inputs = vec![port("latent", Extent::map(2, 3, 1)), port("time", Extent::row(4))];
        let signature = Signature { inputs, outputs: Vec::new() };
        let (latent, time) = (vec![0.0; 12], vec![1.0; 8]);
        let ordered = signature.ordered(&[("time", &time), ("latent", &latent)]).unwrap();
        assert_eq!((ordered[0].len(), ordered[1].len()), (12, 8));
        signature.check(&ordered, 2).unwrap();
        let refused = |result: Result<(), EngineError>, words: &str| {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        let named = |named: &[(&str, &[f32])]| signature.ordered(named).map(|_| ());
        refused(named(&[("latent", &latent)]), "'time' is missing");
        refused(named(&[("latent", &latent), ("time", &time), ("time", &time)]), "'time' is given twice");
        refused(named(&[("latent", &latent), ("time", &time), ("text", &time)]), "there is no 'text'");
        refused(signature.check(&ordered, 3), "12 values are no 'latent' of shape [3, 2, 3, 1]");
        refused(signature.check(&ordered[..1], 2), "1 of 2 are given");
    }
}
