//! Derivatives of the activations.

use crate::engine::cpu::kernels::activation::{exp, multiply_add, normal};

/// Evaluates an expression with the derivative of an activation, if there is one, as a closure of its input: once for
/// each activation, so that each inner loop is compiled for its own.
macro_rules! with_slope {
    ($FMA:ident, $activation:expr, $slope:ident => $work:expr) => {{
        use crate::engine::cpu::learn::slope;
        use crate::engine::nets::graph::Activation;
        match $activation {
            None => {
                let $slope = |_: f32| 1.0_f32;
                $work
            }
            // As PyTorch: no gradient at the kinks.
            Some(Activation::Relu) => {
                let $slope = |z: f32| if z > 0.0 { 1.0_f32 } else { 0.0 };
                $work
            }
            Some(Activation::Relu6) => {
                let $slope = |z: f32| if z > 0.0 && z < 6.0 { 1.0_f32 } else { 0.0 };
                $work
            }
            Some(Activation::Silu) => {
                let $slope = slope::silu::<$FMA>;
                $work
            }
            Some(Activation::Gelu) => {
                let $slope = slope::gelu::<$FMA>;
                $work
            }
            Some(Activation::Sigmoid) => {
                let $slope = slope::sigmoid::<$FMA>;
                $work
            }
        }
    }};
}
pub(super) use with_slope;

/// σ(z)·(1 − σ(z)).
#[inline(always)]
pub fn sigmoid<const FMA: bool>(z: f32) -> f32 {
    let sigmoid = 1.0 / (1.0 + exp::<FMA>(-z));
    sigmoid * (1.0 - sigmoid)
}

/// σ(z)·(1 + z·(1 − σ(z))).
#[inline(always)]
pub fn silu<const FMA: bool>(z: f32) -> f32 {
    let sigmoid = 1.0 / (1.0 + exp::<FMA>(-z));
    sigmoid * multiply_add::<FMA>(z, 1.0 - sigmoid, 1.0)
}

/// Φ(z) + z·φ(z).
#[inline(always)]
pub fn gelu<const FMA: bool>(z: f32) -> f32 {
    // 1 / √(2π).
    const DENSITY: f32 = 0.398_942_3;
    multiply_add::<FMA>(z * DENSITY, exp::<FMA>(-0.5 * z * z), normal::<FMA>(z))
}

#[cfg(test)]
mod tests {
    use crate::engine::cpu::kernels::activation::activate;
    use crate::engine::nets::graph::Activation;

    /// Central differences of the activations themselves, in f32: good to about 1e-3.
    #[test]
    fn slopes_are_the_activations() {
        for activation in [Activation::Relu, Activation::Relu6, Activation::Silu, Activation::Gelu, Activation::Sigmoid]
        {
            for i in -400..400 {
                let (z, step) = (i as f32 * 0.02 + 0.011, 4e-3);
                let mut ends = [z - step, z + step];
                activate::<true>(Some(activation), &mut ends);
                let expected = (ends[1] - ends[0]) / (2.0 * step);
                let got = with_slope!(T, Some(activation), slope => slope(z));
                assert!((got - expected).abs() < 1e-3, "{activation:?} at {z}: {got}, not {expected}");
            }
        }
    }
    const T: bool = true;
}
