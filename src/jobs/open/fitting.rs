//! Folders without images: classes of an observer, or none.

use std::sync::Arc;

use super::{ObserverRequest, OpenError, observer};
use crate::core::data::dataset::Dataset;

/// The dataset as an observer knows it, and what to say of it. A folder doesn't tell whether it is a class when it is
/// empty. So it keeps its place among the classes, unless an observer has outputs for all classes but those.
#[must_use]
pub fn fitting(request: &ObserverRequest, dataset: Arc<Dataset>) -> (Arc<Dataset>, Option<String>) {
    let Some(filled) = dataset.without_empty() else { return (dataset, None) };
    let refused = matches!(observer(request, &dataset), Err(OpenError::ClassMap { .. }));
    if !refused || observer(request, &filled).is_err() {
        return (dataset, None);
    }
    let names: Vec<&str> = dataset.empty_classes().map(|class| dataset.class(class).name.as_str()).collect();
    let note = format!(
        "taken for no classes, since they have no images and the observer has outputs for all others alone: {}",
        names.join(", ")
    );
    (Arc::new(filled), Some(note))
}
