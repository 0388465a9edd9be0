//! What the set was made of and how: recipe, dataset, observer, class order.

use super::Report;
use super::page::{Page, number, words};
use crate::core::data::dataset::{Layout, Split};
use crate::core::distil::manifest::{ClassNote, DatasetNote, ImageNote, Manifest, ObserverNote};
use crate::core::distil::select::Chosen;
use crate::core::param::Parameters as _;

/// Settings of a set with a manifest; of another set, why there are none.
pub(super) fn show(page: &mut Page, report: &Report<'_>) {
    let Some(manifest) = report.manifest else {
        page.paragraph("", "This folder has no manifest.json, so it isn't known how its images were made.");
        return;
    };
    page.heading(3, "Recipe");
    recipe(page, manifest);
    page.heading(3, "Dataset");
    page.facts(&dataset(&manifest.dataset));
    page.heading(3, "Observer");
    match &manifest.observer {
        Some(observer) => page.facts(&of_observer(manifest, observer)),
        None => page.paragraph("", "No network had a part in it."),
    }
    let others = [("Further observer", &manifest.beside[..]), ("Patches scored by", manifest.scored_by.as_slice())];
    for (title, notes) in others {
        for note in notes {
            page.heading(3, title);
            page.facts(&of_observer(manifest, note));
        }
    }
    if let Some(command) = report.command {
        page.heading(3, "Command line");
        page.command(command);
        page.paragraph(
            "weak",
            "Words in capitals stand for folders and files: DATASET and OBSERVER for those with the fingerprints above, \
             CURATION for the file of what was decided by hand, BESIDE for a further observer, PARENT for the set whose pixels \
             were moved further. A class map, if one was given, has to be given again.",
        );
    }
    page.folded(&format!("Classes in order ({})", manifest.classes.len()), |page| classes(page, manifest));
}

fn recipe(page: &mut Page, manifest: &Manifest) {
    let recipe = &manifest.recipe;
    let columns = [words("Parameter"), number("Value"), words("Unit"), words("Flag"), words("Meaning")];
    let given = crate::core::distil::recipe::Recipe::table().iter().filter_map(|p| Some((p, (p.get)(recipe)?)));
    page.table(
        &columns,
        given.map(|(p, value)| {
            vec![p.label.to_owned(), value, p.unit.to_owned(), format!("--{}", p.name), p.help.to_owned()]
        }),
    );
    let mut facts = vec![("Method", recipe.method.name().to_uppercase())];
    if let Some(larger) = manifest.nested_in {
        facts.push(("Nested in", format!("a set of IPC {larger}, whose first images these are")));
    }
    facts.extend(curation(manifest).map(|told| ("Curation", told)));
    let parents = manifest.classes.iter().flat_map(|class| &class.images).any(ImageNote::has_parent);
    facts.extend(parents.then(|| ("Begun with", "the images of another set".to_owned())));
    facts.push(("Device", manifest.device.clone()));
    facts.extend(manifest.patch_side.map(|side| ("Side of patches", format!("{side} pixels"))));
    facts.push(("Made by", format!("{} {}", manifest.program.name, manifest.program.version)));
    page.facts(&facts);
}

/// What a person decided; `None` where ranks alone did.
fn curation(manifest: &Manifest) -> Option<String> {
    let cells = || manifest.classes.iter().flat_map(|class| &class.images).flat_map(ImageNote::cells);
    let count = |chosen: Chosen| cells().filter(|cell| cell.chosen == chosen).count();
    let (pinned, swapped) = (count(Chosen::Pin), count(Chosen::Swap));
    (!manifest.by_rank())
        .then(|| format!("by hand, of {} patches: {pinned} pinned, {swapped} swapped", cells().count()))
}

fn dataset(note: &DatasetNote) -> Vec<(&'static str, String)> {
    let layout = match note.layout {
        Layout::ImageFolder => "class folders",
        Layout::TinyImageNet => "Tiny-ImageNet",
        Layout::Cifar10Binary => "CIFAR-10, binary",
        Layout::Cifar100Binary => "CIFAR-100, binary",
    };
    let split = match note.split {
        Split::Train => "training split",
        Split::Test => "test split",
        Split::Whole => "all images (it has no splits)",
    };
    let held_out = note.holdout.map_or_else(|| "nothing".to_owned(), |holdout| holdout.to_string());
    vec![
        ("Fingerprint", note.fingerprint.clone()),
        ("Kept as", layout.to_owned()),
        ("Distilled from", split.to_owned()),
        ("Held out", held_out),
    ]
}

fn of_observer(manifest: &Manifest, note: &ObserverNote) -> Vec<(&'static str, String)> {
    let joined = |values: &[f32; 3]| values.map(|v| v.to_string()).join(", ");
    let normalise = &note.normalise;
    let mut facts = vec![("Network", note.network.clone())];
    facts.extend(note.part.clone().map(|part| ("Part of the file", part)));
    facts.push(("Fingerprint", note.fingerprint.clone()));
    facts.push(("Side", format!("{} pixels", note.side)));
    facts.push(("Mean, std", format!("{} / {}", joined(&normalise.mean), joined(&normalise.std))));
    let softmax = match note.kept.len() {
        0 => "over all outputs of the network".to_owned(),
        kept => format!("over the {kept} outputs that it was pruned to"),
    };
    facts.push(("Softmax", softmax));
    let in_order = note.outputs.iter().enumerate().all(|(class, output)| class == *output as usize);
    let order = match (in_order, note.class_order) {
        (_, Some(order)) => format!("integers in order of {order}"),
        (true, None) => "the outputs are in the order of the classes".to_owned(),
        (false, None) => "mapped, see below".to_owned(),
    };
    facts.push(("Class order", order));
    facts.push(("Classes", manifest.classes.len().to_string()));
    facts
}

fn classes(page: &mut Page, manifest: &Manifest) {
    let outputs = manifest.observer.as_ref().map(|observer| &observer.outputs);
    let columns = [number("Label"), words("Folder"), words("Name"), words("Title"), number("Output")];
    let row = |class: &ClassNote| {
        let output = outputs.and_then(|outputs| outputs.get(class.index as usize));
        vec![
            class.index.to_string(),
            class.folder.clone(),
            class.name.clone(),
            class.title.clone().unwrap_or_default(),
            output.map_or_else(String::new, u32::to_string),
        ]
    };
    page.table(&columns, manifest.classes.iter().map(row));
}
