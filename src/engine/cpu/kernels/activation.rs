//! The nonlinearities, without branches, so that the compiler makes vector instructions of them.

use crate::engine::nets::graph::Activation;

/// a·b + c; `FMA` says whether that is one instruction.
#[inline(always)]
pub fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Replaces values by the activation's.
#[inline(always)]
pub fn activate<const FMA: bool>(activation: Option<Activation>, values: &mut [f32]) {
    match activation {
        None => {}
        Some(Activation::Relu) => each(values, |x| x.max(0.0)),
        Some(Activation::Relu6) => each(values, |x| x.clamp(0.0, 6.0)),
        Some(Activation::Silu) => each(values, |x| x / (1.0 + exp::<FMA>(-x))),
        Some(Activation::Gelu) => each(values, gelu::<FMA>),
        Some(Activation::Sigmoid) => each(values, |x| 1.0 / (1.0 + exp::<FMA>(-x))),
    }
}

#[inline(always)]
fn each(values: &mut [f32], f: impl Fn(f32) -> f32) {
    for value in values {
        *value = f(*value);
    }
}

/// Beyond these, eˣ is no normal number, or not finite.
const EXP_RANGE: (f32, f32) = (-87.0, 88.0);

/// 1.5·2²³: adding it rounds a small value to a whole number, which then lies in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// eˣ to 2e-7 of itself, for x cut to -87..88: 2ⁿ·eʳ with |r| ≤ ln 2 / 2 and a polynomial for eʳ.
#[inline(always)]
pub fn exp<const FMA: bool>(x: f32) -> f32 {
    // ln 2 in two parts, the first of few bits, so that n·HIGH is exact.
    const HIGH: f32 = 0.693_359_4;
    const LOW: f32 = -2.121_944_4e-4;
    // Cephes' minimax polynomial (Moshier 1989, expf) for (eʳ − 1 − r) / r².
    const TERMS: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    let x = x.clamp(EXP_RANGE.0, EXP_RANGE.1);
    let shifted = multiply_add::<FMA>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = multiply_add::<FMA>(n, -LOW, multiply_add::<FMA>(n, -HIGH, x));
    let mut sum = TERMS[0];
    for term in &TERMS[1..] {
        sum = multiply_add::<FMA>(sum, r, *term);
    }
    let e = multiply_add::<FMA>(sum, r * r, r) + 1.0;
    // The lowest bits hold n in two's complement; what lies above them is shifted out.
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    e * power
}

/// x·Φ(x).
#[inline(always)]
fn gelu<const FMA: bool>(x: f32) -> f32 {
    x * normal::<FMA>(x)
}

/// Φ(x): Φ(−|x|) = erfc(|x| / √2) / 2 by Abramowitz and Stegun 7.1.26 (absolute error below 1e-7), which doesn't
/// cancel for negative values.
#[inline(always)]
pub fn normal<const FMA: bool>(x: f32) -> f32 {
    const TERMS: [f32; 5] = [1.061_405_4, -1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6];
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / multiply_add::<FMA>(z, 0.327_591_1, 1.0);
    let mut sum = TERMS[0];
    for term in &TERMS[1..] {
        sum = multiply_add::<FMA>(sum, t, *term);
    }
    let tail = 0.5 * t * sum * exp::<FMA>(-z * z);
    if x < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<const FMA: bool>(activation: Activation, x: f32) -> f64 {
        let mut values = [x];
        activate::<FMA>(Some(activation), &mut values);
        f64::from(values[0])
    }

    /// ∫ of the normal density by Simpson's rule: nothing that the tested code uses.
    fn normal_tail(x: f64) -> f64 {
        let (steps, far) = (20_000, x + 14.0);
        let width = (far - x) / f64::from(steps);
        let density = |t: f64| (-0.5 * t * t).exp() / std::f64::consts::TAU.sqrt();
        let inner = (1..steps).map(|i| (if i % 2 == 1 { 4.0 } else { 2.0 }) * density(x + f64::from(i) * width));
        (density(x) + density(far) + inner.sum::<f64>()) * width / 3.0
    }

    fn check<const FMA: bool>() {
        for i in -4000..=4000 {
            let x = i as f32 * 0.025;
            let exact = f64::from(x.clamp(-87.0, 88.0)).exp();
            assert!((f64::from(exp::<FMA>(x)) - exact).abs() <= 2e-7 * exact, "exp({x})");
            let sigmoid = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((of::<FMA>(Activation::Sigmoid, x) - sigmoid).abs() <= 2e-7 * sigmoid + 1e-37, "sigmoid({x})");
            let silu = f64::from(x) * sigmoid;
            assert!((of::<FMA>(Activation::Silu, x) - silu).abs() <= 3e-7 * silu.abs() + 1e-35, "silu({x})");
            assert_eq!(of::<FMA>(Activation::Relu6, x), f64::from(x).clamp(0.0, 6.0));
        }
        for i in -400..=400 {
            let x = i as f32 * 0.25;
            let tail = if x.abs() > 30.0 { 0.0 } else { normal_tail(f64::from(x.abs())) };
            let gelu = f64::from(x) * if x < 0.0 { tail } else { 1.0 - tail };
            let got = of::<FMA>(Activation::Gelu, x);
            assert!((got - gelu).abs() <= 2e-7 * f64::from(x.abs()).max(1.0), "gelu({x}): {got}, not {gelu}");
        }
    }

    #[test]
    fn agrees_with_f64_far_out_too() {
        check::<true>();
        check::<false>();
    }

    #[test]
    fn extremes_stay_finite_and_nan_stays_nan() {
        for activation in [Activation::Silu, Activation::Gelu, Activation::Sigmoid, Activation::Relu6] {
            for x in [1e4, -1e4, f32::MAX, f32::MIN, 1e-40, -0.0] {
                assert!(of::<true>(activation, x).is_finite(), "{activation:?}({x})");
            }
            assert!(of::<false>(activation, f32::NAN).is_nan(), "{activation:?}");
        }
        assert_eq!(of::<true>(Activation::Sigmoid, 0.0), 0.5);
        assert_eq!(exp::<true>(0.0), 1.0);
    }
}
