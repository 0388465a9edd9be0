//! Observers that move pixels beside the open one, on the worker's side. A file that can't be one is told with its reason
//! and stops nothing: the others are opened all the same.

use std::sync::Arc;

use super::compute::Compute;
use super::messages::{Beside, BesideRequest, Event};
use crate::core::data::dataset::Dataset;
use crate::jobs::check::{CheckReport, Depth, check};
use crate::jobs::control::Control;
use crate::jobs::open::{ObserverRequest, OpenedObserver, observer};

impl Compute {
    /// Opens the files, and checks each as a distillation does where that is asked for.
    pub(super) fn open_beside(&mut self, request: &BesideRequest, control: &Control) -> Result<(), String> {
        let data = self.data.clone().ok_or("open a dataset first")?;
        let first = self.observer.clone().ok_or("load an observer first")?;
        let held_out = data.held_out.as_ref().filter(|_| request.check);
        let images = held_out.or(request.check.then_some(&data.dataset));
        for file in &request.files {
            let found = match observer(&ObserverRequest::beside(file, &first), &data.dataset) {
                Ok(opened) => self.checked(Arc::new(opened), images, control),
                Err(error) => Err(error.to_string()),
            };
            if control.is_cancelled() {
                return Err("cancelled".to_owned());
            }
            if let Ok((opened, _)) = &found {
                self.remember(opened);
            }
            let (opened, check) = match found {
                Ok((opened, check)) => (Ok(opened), check),
                Err(why) => (Err(why), None),
            };
            self.send(Event::Beside(Arc::new(Beside { file: file.clone(), first: first.clone(), opened, check })));
        }
        Ok(())
    }

    /// The observer with its check on these images; a check may find another order of classes that are integers.
    fn checked(
        &mut self,
        opened: Arc<OpenedObserver>,
        images: Option<&Arc<Dataset>>,
        control: &Control,
    ) -> Result<(Arc<OpenedObserver>, Option<CheckReport>), String> {
        let Some(images) = images else { return Ok((opened, None)) };
        let mut reporter = self.reporter(control);
        let mut own = self.session()?.with(opened).map_err(|e| e.to_string())?;
        let report = check(&mut own, images, Depth::Quick, &mut reporter).map_err(|e| e.to_string())?;
        Ok((own.observer, Some(report)))
    }
}
