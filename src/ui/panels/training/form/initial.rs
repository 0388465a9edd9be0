//! The weights that an observer begins with.

use super::{INITIAL_RATE, TrainForm, TrainText, Wrong};
use crate::jobs::train::InitialWeights;
use crate::ui::intent::TrainPath;

impl TrainForm {
    /// What the fields say; `None` where the seed draws all weights.
    pub(super) fn initial(&self) -> Result<Option<InitialWeights>, Wrong> {
        let Some(file) = self.given(TrainPath::Initial) else { return Ok(None) };
        let text = self.said(TrainText::InitialRate);
        let rate = if text.is_empty() { Some(1.0) } else { text.parse().ok() };
        match rate.filter(|rate: &f64| rate.is_finite() && *rate >= 0.0) {
            Some(rate) => Ok(Some(InitialWeights { file, rate })),
            None => Err(Wrong { field: INITIAL_RATE, why: format!("'{text}' is no number from 0 on, such as 0.1") }),
        }
    }
}
