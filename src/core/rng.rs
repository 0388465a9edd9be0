//! Random numbers that no upgrade changes: BLAKE3 of the inputs seeds a ChaCha8 stream, and the draws are defined
//! here bit by bit (test vectors in the tests), instead of by a distribution crate's current version.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A stream of random numbers that depends on its inputs alone.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream named by `purpose` (a constant of the calling code) and `parts`.
    /// Parts are length-prefixed, so that ("ab", "c") and ("a", "bc") differ.
    #[must_use]
    pub fn new(purpose: &'static str, seed: u64, parts: &[&[u8]]) -> Self {
        let mut hash = blake3::Hasher::new_derive_key(purpose);
        hash.update(&seed.to_le_bytes());
        for part in parts {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(ChaCha8Rng::from_seed(*hash.finalize().as_bytes()))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1): the top 53 bits over 2⁵³.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in {0, …, n−1}: the high half of bits·n (bias below n/2⁶⁴). 0 for n = 0.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// Standard normal by Box and Muller (1958), one value per two draws.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Gamma(`shape`, 1) by Marsaglia and Tsang (2000); 0 for a shape that isn't positive.
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape.is_nan() || shape <= 0.0 {
            return 0.0;
        }
        if shape < 1.0 {
            // Their section 6: one more in the shape, times a power of a uniform number.
            return self.gamma(shape + 1.0) * (1.0 - self.unit()).powf(1.0 / shape);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            let u = 1.0 - self.unit();
            if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// Beta(a, b) from two gammas.
    pub fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        // Shapes near 0 underflow; their limit is a coin.
        if x + y > 0.0 { x / (x + y) } else { self.below(2) as f64 }
    }

    /// Fisher and Yates shuffle, from the last position down.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors kept so that an upgrade of a crate can't change what a seed means.
    #[test]
    fn streams_keep_their_values() {
        let mut stream = Stream::new("stillroom 2026 test", 42, &[b"ab", b"c"]);
        let drawn = [stream.bits(), stream.bits(), stream.bits()];
        assert_eq!(drawn, VECTOR);
        let mut other = Stream::new("stillroom 2026 test", 42, &[b"a", b"bc"]);
        assert_ne!(other.bits(), VECTOR[0]);
    }
    const VECTOR: [u64; 3] = [2_029_943_436_308_901_034, 12_562_489_941_035_718_524, 17_278_666_159_275_972_992];

    /// Beta(α, α) has mean ½ and variance 1 / (8α + 4).
    #[test]
    fn betas_have_their_moments() {
        for alpha in [0.2, 0.8, 1.0, 3.0] {
            let mut stream = Stream::new("stillroom 2026 test", 5, &[]);
            let drawn: Vec<f64> = (0..20_000).map(|_| stream.beta(alpha, alpha)).collect();
            assert!(drawn.iter().all(|v| (0.0..=1.0).contains(v)));
            let mean = drawn.iter().sum::<f64>() / 20_000.0;
            let variance = drawn.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 20_000.0;
            assert!((mean - 0.5).abs() < 0.01, "{alpha}: mean {mean}");
            assert!((variance * (8.0 * alpha + 4.0) - 1.0).abs() < 0.03, "{alpha}: variance {variance}");
        }
        let mut stream = Stream::new("stillroom 2026 test", 5, &[]);
        assert!([1e-300, 0.0, -1.0, f64::NAN].iter().all(|&a| [0.0, 1.0].contains(&stream.beta(a, a))));
    }

    #[test]
    fn below_covers_its_range() {
        let mut stream = Stream::new("stillroom 2026 test", 1, &[]);
        let mut seen = [0; 5];
        for _ in 0..1000 {
            seen[stream.below(5) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (140..=260).contains(&n)), "{seen:?}");
        assert_eq!(stream.below(0), 0);
    }
}
