//! The panel's tables as comma-separated values.

use super::known::Known;
use crate::core::data::wordnet;
use crate::core::formats::csv::{Csv, Field};
use crate::ui::model::Model;

/// Wrong answers, the most frequent first: a line for each pair.
pub fn pairs(known: &Known) -> String {
    let mut table = Csv::new(["class", "taken for", "images", "of", "share_percent"]);
    for pair in &known.confused {
        let (class, column) = (known.class(pair.at.0), known.column(pair.at.1));
        let (total, share) = (known.outcomes.total(pair.at.0), known.outcomes.share(pair.at));
        let fields: [Field<'_>; 5] = [class.into(), column.into(), pair.images.into(), total.into(), share.into()];
        table.row(fields);
    }
    table.into_text()
}

/// The output of the file for each class, its name, and the share of the class's images that are taken for it.
pub fn order(model: &Model, known: Option<&Known>) -> String {
    let mut table = Csv::new(["class", "output", "output_name", "right_percent"]);
    let (Some(opened), Some(dataset)) = (&model.observer, model.dataset()) else { return table.into_text() };
    for (at, (class, &output)) in dataset.classes().iter().zip(&opened.map.outputs).enumerate() {
        let right = known.filter(|known| !known.proposed).and_then(|known| known.outcomes.share((at, at)));
        let name = opened.output_name(output).map(wordnet::shown);
        let fields: [Field<'_>; 4] =
            [class.shown().into(), opened.output_in_file(output).into(), name.into(), right.into()];
        table.row(fields);
    }
    table.into_text()
}
