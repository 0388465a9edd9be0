//! Runs the inner loops in an instruction set of this machine: the best one, or the one that `STILLROOM_ISA` names.

use std::sync::OnceLock;

use pulp::{Simd, WithSimd};

use super::map::LANES;

/// Work that is compiled once per instruction set. `FMA` says whether multiply-add is one instruction there; all else
/// only changes how many values are worked on at once, not the order in which anything is added up.
pub trait Work {
    /// Does it. To be `#[inline(always)]`, as all that it calls.
    fn run<S: Simd, const FMA: bool>(self, simd: S);
}

/// The environment variable that names the instruction set for a whole run of the program or its tests.
pub const VARIABLE: &str = "STILLROOM_ISA";

/// `STILLROOM_ISA` names nothing that this machine has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("STILLROOM_ISA is '{name}', but this machine has: {known}; name one of them, or leave the variable out")]
pub struct IsaError {
    name: String,
    known: String,
}

/// An instruction set that this machine has.
#[derive(Clone, Copy, Debug)]
pub enum Isa {
    /// 32 registers of 16 values.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    /// 16 registers of 8 values.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// 32 registers of 4 values. No machine of ours has run it yet.
    #[cfg(target_arch = "aarch64")]
    Neon(pulp::aarch64::Neon),
    /// What every machine has.
    Portable,
}

impl Isa {
    /// All that this machine has, the best one first.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(pulp::x86::V4::try_new().map(Self::Avx512));
            all.extend(pulp::x86::V3::try_new().map(Self::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        all.extend(pulp::aarch64::Neon::try_new().map(Self::Neon));
        all.push(Self::Portable);
        all
    }

    /// The one that `STILLROOM_ISA` names, else the best one. The variable is read once, so that all results of a run
    /// are of one kind.
    ///
    /// # Errors
    /// [`IsaError`] where it names nothing that this machine has.
    pub fn chosen() -> Result<Self, IsaError> {
        static CHOSEN: OnceLock<Result<Isa, IsaError>> = OnceLock::new();
        CHOSEN.get_or_init(|| Self::named(std::env::var_os(VARIABLE).as_ref().map(|n| n.to_string_lossy()))).clone()
    }

    fn named(name: Option<impl AsRef<str>>) -> Result<Self, IsaError> {
        let all = Self::all();
        let found = match &name {
            Some(name) => all.iter().find(|isa| isa.name() == name.as_ref()),
            None => all.first(),
        };
        let known = || all.iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", ");
        let error = || IsaError { name: name.map_or_else(String::new, |n| n.as_ref().to_owned()), known: known() };
        found.copied().ok_or_else(error)
    }

    /// What `STILLROOM_ISA` calls it.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
            Self::Portable => "portable",
        }
    }

    /// Whether multiply-add is one instruction: it rounds once instead of twice, so results differ in the last bit.
    pub fn fused(self) -> bool {
        !matches!(self, Self::Portable)
    }

    /// Blocks of [`LANES`] values that a tile spans at most: with AVX-512, 6 pixels × 4 blocks + 4 weights + 1 value
    /// take 29 of the 32 registers.
    pub fn widest(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => 4,
            _ => 1,
        }
    }

    /// Does the work.
    pub fn run(self, work: impl Work) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => Simd::vectorize(simd, On::<_, true>(work)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => Simd::vectorize(simd, On::<_, true>(work)),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(simd) => Simd::vectorize(simd, On::<_, true>(work)),
            Self::Portable => Simd::vectorize(pulp::Scalar, On::<_, false>(work)),
        }
    }
}

/// Work for an instruction set.
struct On<W, const FMA: bool>(W);

impl<W: Work, const FMA: bool> WithSimd for On<W, FMA> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.run::<S, FMA>(simd);
    }
}

/// Does a part of a work as a function of its own: compiled once, however many callers it has.
#[inline(always)]
pub fn apart<S: Simd, const FMA: bool>(simd: S, work: impl Work) {
    simd.vectorize(On::<_, FMA>(work));
}

/// Values as groups of `N` registers.
#[inline(always)]
pub fn registers<S: Simd, const N: usize>(values: &[f32]) -> &[[S::f32s; N]] {
    S::as_simd_f32s(values).0.as_chunks::<N>().0
}

/// Up to `N` registers; zeros where the values end.
#[inline(always)]
pub fn load<S: Simd, const N: usize>(simd: S, values: &[f32]) -> [S::f32s; N] {
    if let Some(whole) = registers::<S, N>(values).first() {
        return *whole;
    }
    let mut part = [simd.splat_f32s(0.0); N];
    for n in 0..N {
        part[n] = simd.partial_load_f32s(&values[(n * S::F32_LANES).min(values.len())..]);
    }
    part
}

/// Stores as many as there is room for.
#[inline(always)]
pub fn store<S: Simd, const N: usize>(simd: S, part: [S::f32s; N], values: &mut [f32]) {
    if let Some(whole) = S::as_mut_simd_f32s(values).0.as_chunks_mut::<N>().0.first_mut() {
        *whole = part;
        return;
    }
    for (n, register) in part.into_iter().enumerate() {
        let start = (n * S::F32_LANES).min(values.len());
        simd.partial_store_f32s(&mut values[start..], register);
    }
}

/// Registers that hold so many blocks.
#[inline(always)]
pub fn count_of<S: Simd>(blocks: usize) -> usize {
    blocks * LANES / S::F32_LANES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_and_others_are_refused() {
        for isa in Isa::all() {
            assert_eq!(Isa::named(Some(isa.name())).unwrap().name(), isa.name());
        }
        assert_eq!(Isa::named(None::<&str>).unwrap().name(), Isa::all()[0].name());
        for name in ["", "AVX2", "sse", "avx2 "] {
            let error = Isa::named(Some(name)).unwrap_err().to_string();
            assert!(error.contains(&format!("'{name}'")) && error.contains("portable"), "{error}");
        }
    }
}
