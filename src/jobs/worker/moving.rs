//! Jobs that move pixels, on the worker's side: images as they change go into a slot, and written sets are moved further.

use std::sync::Arc;

use super::compute::Compute;
use super::messages::{Event, Preview, RefineRequest};
use crate::core::data::dataset::ClassId;
use crate::core::distil::recipe::Recipe;
use crate::jobs::control::Control;
use crate::jobs::distill::{DistillRequest, FinishedSet, Found, FurtherRequest, refine_set};

impl Compute {
    /// What people call classes of the open dataset.
    pub(super) fn shown(&self, classes: &[ClassId]) -> Vec<String> {
        let shown = |class: &ClassId| {
            let dataset = self.data.as_ref().map(|data| &data.dataset);
            dataset.map_or_else(String::new, |dataset| dataset.class(*class).shown().to_owned())
        };
        classes.iter().map(shown).collect()
    }

    /// [`Self::teller`] of a job that moves pixels: images as they change don't queue up, the newest ones alone are kept.
    /// The classes are those of the set, in the order of its running index.
    pub(super) fn shower(
        &self,
        (recipe, classes): (&Recipe, Vec<String>),
        out: &std::path::Path,
    ) -> impl FnMut(ClassId, Found) + use<> {
        let mut tell = self.teller(recipe);
        let (previews, wake) = (self.previews.clone(), self.wake.clone());
        let (recipe, classes, out) = (recipe.clone(), Arc::new(classes), out.to_owned());
        move |class, found| match found {
            Found::Refining(refining) => {
                previews.put(Preview { recipe: recipe.clone(), classes: classes.clone(), out: out.clone(), refining });
                wake();
            }
            found => tell(class, found),
        }
    }

    /// Shows images of a distillation as they change.
    pub(super) fn shower_of(&self, request: &DistillRequest) -> impl FnMut(ClassId, Found) + use<> {
        self.shower((&request.recipe, self.shown(&request.classes)), &request.out)
    }

    /// Moves the pixels of a written set further.
    pub(super) fn refine(&mut self, request: &RefineRequest, control: &Control) -> Result<(), String> {
        let set = FinishedSet::open(&request.set).map_err(|e| e.to_string())?;
        let recipe = set.recipe(request.recipe.clone()).map_err(|e| e.to_string())?;
        let mut reporter = self.reporter(control);
        self.session()?;
        self.project()?;
        let tell = &mut self.shower((&recipe, set.class_names()), &request.out);
        let (Some(session), Some(project)) = (self.session.as_mut(), self.project.as_ref()) else {
            return Err("load an observer first".to_owned());
        };
        let request = FurtherRequest { set, recipe, beside: request.beside.clone(), out: request.out.clone() };
        let report = refine_set(session, project, &request, &mut reporter, tell).map_err(|e| e.to_string())?;
        self.send(Event::Distilled(Arc::new(report)));
        Ok(())
    }
}
