//! What is known of compared sets beside their images: a row for each fact, a value for each set.

use crate::core::distil::recipe::Recipe;
use crate::core::param::Parameters as _;
use crate::core::train::curve::{Curve, mean_and_std, top1s};
use crate::store::project::RunRecord;
use crate::store::training::{TrainingKind, TrainingNote};
use crate::ui::model::Model;
use crate::ui::model::compare::Beside;
use crate::ui::panels::methods::title;
use crate::ui::widgets::text;

/// A row: what it is about, and what is said of each set: in a few words, and all of it.
pub(super) struct Fact {
    pub name: &'static str,
    pub about: &'static str,
    pub values: Vec<Value>,
}

/// What is said of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    pub words: String,
    pub tip: String,
}

impl Value {
    fn plain(words: String) -> Self {
        Self { tip: words.clone(), words }
    }
}

/// What stands over a set: its method and the run that made it.
pub(super) fn heading(model: &Model, set: &Beside) -> (String, String) {
    let folder = crate::ui::model::exporting::name(&set.folder);
    let Some(manifest) = set.manifest() else { return ("Real images".to_owned(), folder) };
    let recipe = &manifest.recipe;
    let strategy = recipe.method.rded().filter(|_| recipe.method.iterations() == 0).map(|own| own.strategy.name());
    let method = title(recipe.method.name());
    let made = match strategy {
        Some("realism") | None => method.to_owned(),
        Some(other) => format!("{method}, {other}"),
    };
    (made, run(model, set).map_or(folder, |run| format!("run {}", run.row.number())))
}

/// The newest finished run that wrote a set.
fn run<'a>(model: &'a Model, set: &Beside) -> Option<&'a RunRecord> {
    let runs = model.runs.list.rows.iter().filter(|run| run.there);
    runs.map(|run| &*run.record).find(|run| run.out.as_ref() == Some(&set.folder))
}

/// All facts; of the parameters that differ only with `all`.
pub(super) fn of(model: &Model, all: bool) -> Vec<Fact> {
    let sets: Vec<&Beside> = model.compare.sets().collect();
    let mut facts = vec![
        Fact {
            name: "Images per class",
            about: "The budget of the set, IPC",
            values: sets.iter().map(|set| Value::plain(text::thousands(set.most().into()))).collect(),
        },
        Fact {
            name: "Distilled in",
            about: "From the beginning of the run to its end; scores and images that the project had already cost nothing",
            values: sets.iter().map(|set| time(run(model, set))).collect(),
        },
        Fact {
            name: "Student's top-1",
            about: "Best of the evaluated epochs, mean over the seeds, of the training that was begun last",
            values: sets.iter().map(|set| students(model, set)).collect(),
        },
    ];
    if all {
        let recipes: Vec<Option<&Recipe>> =
            sets.iter().map(|set| set.manifest().map(|manifest| &manifest.recipe)).collect();
        facts.extend(differing(&recipes));
    }
    facts
}

fn time(run: Option<&RunRecord>) -> Value {
    let seconds = run.and_then(|run| run.ended.map(|ended| (ended - run.began).max(0)));
    seconds.map_or_else(|| Value::plain("–".to_owned()), |seconds| Value::plain(format!("{seconds} s")))
}

/// The parameters whose values are not the same in all sets; a set that doesn't have one says so.
fn differing(recipes: &[Option<&Recipe>]) -> Vec<Fact> {
    let row = |param: &'static crate::core::distil::params::RecipeParam| {
        let value = |recipe: &Option<&Recipe>| recipe.and_then(|recipe| (param.get)(recipe));
        let values: Vec<Option<String>> = recipes.iter().map(value).collect();
        let differs = values.iter().any(|value| *value != values[0]);
        let shown = |value: Option<String>| Value::plain(value.unwrap_or_else(|| "–".to_owned()));
        differs.then(|| Fact { name: param.label, about: param.help, values: values.into_iter().map(shown).collect() })
    };
    if recipes.is_empty() { Vec::new() } else { Recipe::table().iter().filter_map(row).collect() }
}

/// What students learnt from a set: the newest training is shown, the tip has all of them.
fn students(model: &Model, set: &Beside) -> Value {
    let of_set = |note: &&TrainingNote| note.kind == TrainingKind::Train && note.data.path == set.folder;
    let mut notes: Vec<&TrainingNote> =
        model.trainings.rows().iter().filter_map(|row| row.note()).map(|note| &**note).filter(of_set).collect();
    notes.sort_by_key(|note| std::cmp::Reverse(note.began));
    let lines: Vec<(String, String)> = notes.into_iter().filter_map(top1).collect();
    let Some((words, _)) = lines.first() else {
        let tip = "No student was trained on it in this project: train one in Training, from this folder".to_owned();
        return Value { words: "no student yet".to_owned(), tip };
    };
    let more = lines.len() - 1;
    let words = if more > 0 { format!("{words} (and {more} more)") } else { words.clone() };
    let tips: Vec<&str> = lines.iter().map(|(_, tip)| tip.as_str()).collect();
    Value { words, tip: tips.join("\n") }
}

/// "39.3 %", and "conv3 by …: 39.3 ± 1.2 % over 3 seeds".
fn top1(note: &TrainingNote) -> Option<(String, String)> {
    let best = top1s(&note.curves, Curve::best);
    let (mean, std) = mean_and_std(&best)?;
    let spread = if best.len() > 1 { format!(" ± {std:.2}") } else { String::new() };
    let seeds = text::count(best.len(), "seed", "seeds");
    let labels = note.observer.as_ref().map_or("classes alone", |observer| observer.network.as_str());
    let unfinished = if note.finished_seeds() < note.curves.len() { ", not finished" } else { "" };
    let tip = format!(
        "{}: {} taught by {labels}, {} epochs: {mean:.2}{spread} % over {seeds}{unfinished}",
        note.name, note.student, note.recipe.epochs
    );
    Some((format!("{mean:.2}{spread} %"), tip))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::distil::presets::of_method;

    #[test]
    fn parameters_that_differ_are_those_whose_values_do() {
        let (a, mut b) = (of_method("lic", 32).unwrap(), of_method("lic", 32).unwrap());
        assert!(differing(&[Some(&a), Some(&b)]).is_empty());
        b.set("iterations", "50").unwrap();
        let facts = differing(&[Some(&a), Some(&b), None]);
        let iterations = facts.iter().find(|fact| fact.name == "Iterations").unwrap();
        let words: Vec<&str> = iterations.values.iter().map(|value| value.words.as_str()).collect();
        assert_eq!(words, ["200", "50", "–"], "real images have no recipe");
        let two = differing(&[Some(&a), Some(&b)]);
        assert_eq!(two.iter().map(|fact| fact.name).collect::<Vec<_>>(), ["Iterations"]);
        assert!(differing(&[]).is_empty());
    }
}
