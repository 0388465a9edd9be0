//! Runs the inner loops in the best instruction set of this machine.

/// Work that is compiled once per instruction set. `FMA` says whether multiply-add is one instruction, `WIDE` how many
/// blocks of channels a tile spans at most. Each value's sum has the same order whatever `WIDE` is, so the bytes only
/// depend on `FMA`.
pub trait Work {
    /// Does it. To be `#[inline(always)]`, as all that it calls.
    fn run<const FMA: bool, const WIDE: usize>(self);
}

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// 32 registers of 16 values.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 16 registers of 8 values.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What the compiler was told.
    Portable,
}

/// Blocks per tile where the registers hold them: 6 pixels × 4 blocks + 4 weights + 1 value = 29 of 32.
const MANY: usize = 4;

impl Isa {
    /// All that this machine has, the best one first.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
            let wide = wide && is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512bw");
            let fused = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            all.extend((wide && fused).then_some(Self::Avx512));
            all.extend(fused.then_some(Self::Avx2));
        }
        all.push(Self::Portable);
        all
    }

    /// Blocks of channels that a tile spans at most.
    pub fn widest(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => MANY,
            _ => 1,
        }
    }

    /// Does the work. The instruction set is one of [`Isa::all`].
    pub fn run(self, work: impl Work) {
        match self {
            // SAFETY: `Isa::all`, the only maker of these values, found the features on this very processor.
            #[cfg(target_arch = "x86_64")]
            #[expect(
                unsafe_code,
                reason = "calling a function compiled for detected instructions is the only way to them"
            )]
            Self::Avx512 => unsafe { run_avx512(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "as above")]
            Self::Avx2 => unsafe { run_avx2(work) },
            // Other processors' compilers know by themselves whether multiply-add is one instruction.
            Self::Portable => work.run::<{ cfg!(target_arch = "aarch64") }, 1>(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
fn run_avx512(work: impl Work) {
    work.run::<true, MANY>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2(work: impl Work) {
    work.run::<true, 1>();
}
