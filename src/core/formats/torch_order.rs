//! The orders of images that PyTorch's `RandomSampler` draws, bit by bit: FKD's label files don't say which images they
//! are of, and are read by drawing the same orders again.
//!
//! PyTorch's CPU generator is MT19937 (Matsumoto and Nishimura 1998), and `torch.randperm` a shuffle of Fisher and Yates
//! from the front, with the remainder of 32 bits.

const WORDS: usize = 624;
const MIDDLE: usize = 397;

/// PyTorch's generator on the CPU, as `torch.Generator().manual_seed(seed)`.
#[derive(Clone, Debug)]
pub struct Generator {
    words: [u32; WORDS],
    next: usize,
}

impl Generator {
    /// The generator of a seed; like PyTorch's, it takes the lower 32 bits.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut words = [seed as u32; WORDS];
        for i in 1..WORDS {
            let before = words[i - 1];
            words[i] = 1_812_433_253_u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(i as u32);
        }
        Self { words, next: WORDS }
    }

    /// The next 32 bits.
    pub fn bits(&mut self) -> u32 {
        if self.next == WORDS {
            self.twist();
        }
        let mut word = self.words[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        for i in 0..WORDS {
            let mixed = (self.words[i] & 0x8000_0000) | (self.words[(i + 1) % WORDS] & 0x7fff_ffff);
            let odd = if mixed & 1 == 1 { 0x9908_b0df } else { 0 };
            self.words[i] = self.words[(i + MIDDLE) % WORDS] ^ (mixed >> 1) ^ odd;
        }
        self.next = 0;
    }

    /// `torch.randperm(count)`; for less than 2³² / 20 values, beyond which PyTorch draws otherwise.
    #[must_use]
    pub fn permutation(&mut self, count: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..count as u32).collect();
        for i in 0..count.saturating_sub(1) {
            order.swap(i, i + self.bits() as usize % (count - i));
        }
        order
    }
}

/// Most images of which orders can be drawn: PyTorch draws those of more in another way.
pub const MOST_IMAGES: usize = (u32::MAX / 20) as usize - 1;

/// How PyTorch's sampler goes on from epoch to epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Draws {
    /// One permutation per epoch, as PyTorch before 2022.
    One,
    /// A second one that is thrown away, as PyTorch since then.
    #[default]
    Two,
}

/// The orders of a `RandomSampler` with its own generator, epoch after epoch.
#[derive(Clone, Debug)]
pub struct EpochOrders {
    generator: Generator,
    images: usize,
    draws: Draws,
}

impl EpochOrders {
    /// FKD's seed, which its loader always takes.
    pub const FKD_SEED: u64 = 42;

    /// Those of `images` images.
    #[must_use]
    pub fn new(seed: u64, images: usize, draws: Draws) -> Self {
        Self { generator: Generator::new(seed), images, draws }
    }
}

impl Iterator for EpochOrders {
    type Item = Vec<u32>;

    /// The next epoch's order; there is always one.
    fn next(&mut self) -> Option<Vec<u32>> {
        let order = self.generator.permutation(self.images);
        if self.draws == Draws::Two {
            let _ = self.generator.permutation(self.images);
        }
        Some(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Expected {
        permutations: Vec<Drawn>,
        epochs: Vec<Vec<u32>>,
    }

    #[derive(serde::Deserialize)]
    struct Drawn {
        seed: u64,
        images: usize,
        drawn: [Vec<u32>; 2],
    }

    /// Numbers from PyTorch: `tests/fixtures/fkd.py`.
    fn expected() -> Expected {
        serde_json::from_str(include_str!("../../../tests/fixtures/fkd/expected.json")).unwrap()
    }

    #[test]
    fn permutations_are_those_of_pytorch() {
        let expected = expected().permutations;
        assert!(expected.len() > 4 && expected.iter().any(|e| e.images > WORDS && e.seed > u64::from(u32::MAX)));
        for Drawn { seed, images, drawn } in expected {
            let mut generator = Generator::new(seed);
            assert_eq!([generator.permutation(images), generator.permutation(images)], drawn, "{seed}, {images}");
        }
        assert_eq!(Generator::new(1).permutation(0), Vec::<u32>::new());
    }

    #[test]
    fn epochs_go_on_as_the_sampler_does() {
        let expected = expected().epochs;
        let orders: Vec<_> = EpochOrders::new(EpochOrders::FKD_SEED, 10, Draws::Two).take(4).collect();
        assert_eq!(orders, expected);
        let older: Vec<_> = EpochOrders::new(EpochOrders::FKD_SEED, 10, Draws::One).take(3).collect();
        assert!(older[0] == expected[0] && older[2] == expected[1] && older[1] != expected[1]);
    }

    /// The generator's own test values: the first draws of seed 5489 (Matsumoto and Nishimura).
    #[test]
    fn the_generator_is_mt19937() {
        let mut generator = Generator::new(5489);
        assert_eq!([generator.bits(), generator.bits(), generator.bits()], [3_499_211_612, 581_869_302, 3_890_346_734]);
        assert_eq!((3..10_000).map(|_| generator.bits()).last(), Some(4_123_659_995));
    }
}
