//! Channel normalisation: the mean and standard deviation a network was trained with.

/// Mean and standard deviation per channel, of values in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct MeanStd {
    /// Mean of R, G, B.
    pub mean: [f32; 3],
    /// Standard deviation of R, G, B; never 0.
    pub std: [f32; 3],
}

impl MeanStd {
    /// ImageNet's (torchvision).
    pub const IMAGENET: Self = Self { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    /// Values from −1 to 1: TensorFlow's, and timm's for most vision transformers.
    pub const HALF: Self = Self { mean: [0.5; 3], std: [0.5; 3] };
    /// CIFAR-10's as the distillation papers state it.
    pub const CIFAR10: Self = Self { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.2010] };
    /// Tiny-ImageNet's.
    pub const TINY: Self = Self { mean: [0.4802, 0.4481, 0.3975], std: [0.2302, 0.2265, 0.2262] };
    /// Values stay in [0, 1].
    pub const NONE: Self = Self { mean: [0.0; 3], std: [1.0; 3] };

    /// The named sets, which `check` tries in this order.
    pub const KNOWN: [(&'static str, Self); 5] = [
        ("imagenet", Self::IMAGENET),
        ("half", Self::HALF),
        ("cifar10", Self::CIFAR10),
        ("tiny", Self::TINY),
        ("none", Self::NONE),
    ];

    /// The set's name, or its six numbers.
    #[must_use]
    pub fn describe(&self) -> String {
        let known = Self::KNOWN.iter().find(|(_, set)| set == self);
        known.map_or_else(
            || self.mean.iter().chain(&self.std).map(ToString::to_string).collect::<Vec<_>>().join(","),
            |(name, _)| (*name).to_owned(),
        )
    }

    /// (x − mean) / std of a value of channel `c`, in f32 as PyTorch computes it.
    #[must_use]
    pub fn apply(&self, x: f32, c: usize) -> f32 {
        (x - self.mean[c]) / self.std[c]
    }

    /// x · std + mean: the inverse, with f32's rounding as RDED has it.
    #[must_use]
    pub fn invert(&self, x: f32, c: usize) -> f32 {
        x * self.std[c] + self.mean[c]
    }
}

/// A text that is neither a known set nor six numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no normalisation: give imagenet, half, cifar10, tiny, none, or six numbers m,m,m,s,s,s with s > 0")]
pub struct UnknownMeanStd(pub String);

impl std::str::FromStr for MeanStd {
    type Err = UnknownMeanStd;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((_, set)) = Self::KNOWN.iter().find(|(name, _)| *name == text) {
            return Ok(*set);
        }
        let error = || UnknownMeanStd(text.to_owned());
        let values: Vec<f32> =
            text.split(',').map(|v| v.trim().parse()).collect::<Result<_, _>>().map_err(|_| error())?;
        let &[m0, m1, m2, s0, s1, s2] = values.as_slice() else { return Err(error()) };
        let set = Self { mean: [m0, m1, m2], std: [s0, s1, s2] };
        let valid = values.iter().all(|v| v.is_finite()) && set.std.iter().all(|&s| s > 0.0);
        valid.then_some(set).ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_parse_and_nonsense_does_not() {
        assert_eq!("tiny".parse(), Ok(MeanStd::TINY));
        assert_eq!(".5,.5,.5,.25,.25,.25".parse(), Ok(MeanStd { mean: [0.5; 3], std: [0.25; 3] }));
        for bad in ["", "rgb", "1,2,3", "0,0,0,1,1,0", "0,0,0,1,1,nan"] {
            assert!(bad.parse::<MeanStd>().is_err(), "{bad}");
        }
    }
}
