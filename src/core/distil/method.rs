//! The distillation methods, each with its own parameters.

use super::compensation::Compensation;
use super::rded::Rded;
use super::recovery::{Recovery, Turns};

/// The distillation method with its own parameters: one variant for each. What all methods share is in
/// [`super::recipe::Recipe`], so a
/// method is a value that the program looks at and no fork of the program.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Sun et al., "On the Diversity and Realism of Distilled Dataset" (CVPR 2024).
    Rded(Rded),
    /// Yin, Xing and Shen, "Squeeze, Recover and Relabel" (NeurIPS 2023).
    Sre2l(Recovery),
    /// Yin and Shen, "Dataset Distillation via Curriculum Data Synthesis in Large Data Era" (TMLR 2024).
    Cda(Recovery),
    /// "Information compensation": stitched images and what brings the features of their originals back.
    Lic(Compensation),
}

impl Default for Method {
    fn default() -> Self {
        Self::Rded(Rded::default())
    }
}

impl Method {
    /// Their names.
    pub const NAMES: [&'static str; 4] = ["rded", "sre2l", "cda", "lic"];

    /// The name, as records have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rded(_) => "rded",
            Self::Sre2l(_) => "sre2l",
            Self::Cda(_) => "cda",
            Self::Lic(_) => "lic",
        }
    }

    /// How patches are scored and chosen, of a method that begins with that; `None` of one that makes its images of
    /// noise.
    #[must_use]
    pub fn rded(&self) -> Option<&Rded> {
        match self {
            Self::Rded(own) => Some(own),
            Self::Sre2l(own) | Self::Cda(own) => own.stitch.as_ref(),
            Self::Lic(own) => Some(&own.stitch),
        }
    }

    /// [`Self::rded`], to be changed.
    pub fn rded_mut(&mut self) -> Option<&mut Rded> {
        match self {
            Self::Rded(own) => Some(own),
            Self::Sre2l(own) | Self::Cda(own) => own.stitch.as_mut(),
            Self::Lic(own) => Some(&mut own.stitch),
        }
    }

    /// How pixels are moved, of SRe2L and CDA.
    #[must_use]
    pub fn recovery(&self) -> Option<&Recovery> {
        if let Self::Sre2l(own) | Self::Cda(own) = self { Some(own) } else { None }
    }

    /// [`Self::recovery`], to be changed.
    pub fn recovery_mut(&mut self) -> Option<&mut Recovery> {
        if let Self::Sre2l(own) | Self::Cda(own) = self { Some(own) } else { None }
    }

    /// How images are compensated, of LIC.
    #[must_use]
    pub fn compensation(&self) -> Option<&Compensation> {
        if let Self::Lic(own) = self { Some(own) } else { None }
    }

    /// [`Self::compensation`], to be changed.
    pub fn compensation_mut(&mut self) -> Option<&mut Compensation> {
        if let Self::Lic(own) = self { Some(own) } else { None }
    }

    /// How pixels are moved by gradient descent; `None` of a method that only stitches.
    #[must_use]
    pub fn descent(&self) -> Option<Descent> {
        match self {
            Self::Rded(_) => None,
            Self::Sre2l(Recovery { iterations, lr, turns, .. })
            | Self::Cda(Recovery { iterations, lr, turns, .. })
            | Self::Lic(Compensation { iterations, lr, turns, .. }) => {
                Some(Descent { iterations: *iterations, lr: *lr, turns: *turns })
            }
        }
    }

    /// [`Self::descent`], to be changed.
    pub fn descent_mut(&mut self) -> Option<DescentMut<'_>> {
        match self {
            Self::Rded(_) => None,
            Self::Sre2l(Recovery { iterations, lr, turns, .. })
            | Self::Cda(Recovery { iterations, lr, turns, .. })
            | Self::Lic(Compensation { iterations, lr, turns, .. }) => Some(DescentMut { iterations, lr, turns }),
        }
    }

    /// Steps of an optimisation; 0 of a method that only stitches.
    #[must_use]
    pub fn iterations(&self) -> u32 {
        self.descent().map_or(0, |descent| descent.iterations)
    }
}

/// What all methods that move pixels have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Descent {
    /// Steps.
    pub iterations: u32,
    /// Learning rate of the pixels.
    pub lr: f64,
    /// How several observers take part.
    pub turns: Turns,
}

/// [`Descent`] within its method.
#[derive(Debug)]
pub struct DescentMut<'a> {
    /// Steps.
    pub iterations: &'a mut u32,
    /// Learning rate of the pixels.
    pub lr: &'a mut f64,
    /// How several observers take part.
    pub turns: &'a mut Turns,
}
