//! The inner loops of the CPU engine: direct convolution on channels-last maps with a zero border.
//!
//! Written over arrays of [`LANES`] values, which the compiler turns into the vector registers of the instruction set
//! it is compiled for; [`super::CpuEngine`] picks that at run time. Every output value is one sum in one fixed order
//! (row of the kernel, then column and channel), so results don't depend on threads, batches or tile sizes.

/// Values per block of channels: one AVX-512 register or two of AVX2.
pub const LANES: usize = 16;

/// One block of channels of one pixel.
pub type Lane = [f32; LANES];

/// A channels-last map with a zero border; the channel stride is rounded up to [`LANES`], except for the input image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows without the border.
    pub height: usize,
    /// Columns without the border.
    pub width: usize,
    /// Channels that mean something.
    pub channels: usize,
    /// Distance between pixels.
    pub stride: usize,
    /// Zero rows and columns on every side.
    pub border: usize,
}

impl Shape {
    /// A map of that many channels.
    pub fn new(height: usize, width: usize, channels: usize, border: usize) -> Self {
        Self { height, width, channels, stride: channels.next_multiple_of(LANES), border }
    }

    /// Distance between rows.
    pub fn row(&self) -> usize {
        (self.width + 2 * self.border) * self.stride
    }

    /// Values in all.
    pub fn len(&self) -> usize {
        (self.height + 2 * self.border) * self.row()
    }

    /// Where the pixel in row `y` and column `x` begins.
    pub fn at(&self, y: usize, x: usize) -> usize {
        (y + self.border) * self.row() + (x + self.border) * self.stride
    }
}

/// A convolution prepared for [`convolve`].
#[derive(Clone, Debug)]
pub struct Packed {
    /// Kernel side.
    pub kernel: usize,
    /// Step.
    pub step: usize,
    /// Padding.
    pub padding: usize,
    /// Values of one kernel row: kernel · channel stride of the input.
    taps: usize,
    /// Per block of output channels: kernel rows × taps.
    weights: Vec<Lane>,
    /// Per block.
    bias: Vec<Lane>,
}

impl Packed {
    /// Packs weights [out, in, k, k] for inputs whose pixels lie `stride` values apart.
    pub fn new(conv: &crate::engine::nets::graph::Conv, stride: usize, weight: &[f32], bias: &[f32]) -> Self {
        let (k, blocks, taps) = (conv.kernel, conv.outputs.div_ceil(LANES), conv.kernel * stride);
        let mut weights = vec![[0.0; LANES]; blocks * k * taps];
        let mut packed_bias = vec![[0.0; LANES]; blocks];
        for o in 0..conv.outputs {
            let (block, lane) = (o / LANES, o % LANES);
            packed_bias[block][lane] = bias[o];
            for c in 0..conv.inputs {
                for (y, row) in weight[(o * conv.inputs + c) * k * k..][..k * k].chunks_exact(k).enumerate() {
                    for (x, &w) in row.iter().enumerate() {
                        weights[(block * k + y) * taps + x * stride + c][lane] = w;
                    }
                }
            }
        }
        let (step, padding) = (conv.stride, conv.padding);
        Self { kernel: k, step, padding, taps, weights, bias: packed_bias }
    }
}

/// What is done to the sums before they are stored.
#[derive(Clone, Copy)]
pub struct Finish<'a> {
    /// Added first: a map of the output's size.
    pub join: Option<(&'a [f32], Shape)>,
    /// Negative values become 0.
    pub relu: bool,
}

/// Pixels of a tile: their sums stay in registers; more were slower (measured on AVX2 and AVX-512).
const PIXELS: usize = 4;

/// Convolves `input` into `output`. `FMA` says whether multiply-add is one instruction.
#[inline(always)]
pub fn convolve<const FMA: bool>(
    packed: &Packed,
    (input, from): (&[f32], Shape),
    (output, to): (&mut [f32], Shape),
    finish: Finish<'_>,
) {
    let tiles = to.width.div_ceil(PIXELS);
    for block in 0..packed.bias.len() {
        for y in 0..to.height {
            for tile in 0..tiles {
                // Tiles of nearly equal width leave no thin rest.
                let (x, end) = (to.width * tile / tiles, to.width * (tile + 1) / tiles);
                let place = Place { block, y, x };
                let (from, to) = ((input, from), (&mut *output, to));
                match end - x {
                    1 => tile_of::<FMA, 1>(packed, from, to, place, finish),
                    2 => tile_of::<FMA, 2>(packed, from, to, place, finish),
                    3 => tile_of::<FMA, 3>(packed, from, to, place, finish),
                    _ => tile_of::<FMA, PIXELS>(packed, from, to, place, finish),
                }
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Place {
    block: usize,
    y: usize,
    x: usize,
}

/// `P` pixels of one row × one block of channels.
#[inline(always)]
fn tile_of<const FMA: bool, const P: usize>(
    packed: &Packed,
    (input, from): (&[f32], Shape),
    (output, to): (&mut [f32], Shape),
    Place { block, y, x }: Place,
    finish: Finish<'_>,
) {
    let mut sums = [packed.bias[block]; P];
    let per_block = packed.kernel * packed.taps;
    let shift = from.border - packed.padding;
    for ky in 0..packed.kernel {
        let row = (y * packed.step + ky + shift) * from.row() + (x * packed.step + shift) * from.stride;
        let pixels: [&[f32]; P] = std::array::from_fn(|p| &input[row + p * packed.step * from.stride..][..packed.taps]);
        let weights = &packed.weights[block * per_block + ky * packed.taps..][..packed.taps];
        for (tap, weight) in weights.iter().enumerate() {
            for p in 0..P {
                let value = pixels[p][tap];
                for lane in 0..LANES {
                    let sum = sums[p][lane];
                    sums[p][lane] = if FMA { value.mul_add(weight[lane], sum) } else { value * weight[lane] + sum };
                }
            }
        }
    }
    for (p, mut sum) in sums.into_iter().enumerate() {
        if let Some((other, shape)) = finish.join {
            let other = &other[shape.at(y, x + p) + block * LANES..][..LANES];
            for lane in 0..LANES {
                sum[lane] += other[lane];
            }
        }
        if finish.relu {
            sum = sum.map(|s| s.max(0.0));
        }
        output[to.at(y, x + p) + block * LANES..][..LANES].copy_from_slice(&sum);
    }
}
