use super::*;
use crate::core::distil::presets::Preset;

fn names(series: &Series, base: &Recipe) -> Vec<String> {
    series.entries(base).unwrap().into_iter().map(|e| e.name).collect()
}

fn axes(texts: &[&str]) -> Series {
    Series::Grid(texts.iter().map(|text| text.parse().unwrap()).collect())
}

#[test]
fn steps_add_one_thing_each() {
    let photographs = Recipe::default();
    assert_eq!(names(&Series::Steps, &photographs), ["original", "best-crop", "top-k", "stitch", "relabel"]);
    let small = photographs.with(Rded { patches: 1, ..Rded::default() }).into();
    let entries = Series::Steps.entries(&small).unwrap();
    assert_eq!(
        entries.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(),
        ["original", "best-crop", "top-k", "relabel"]
    );
    let own = |entry: &Entry| *entry.recipe.method.rded().unwrap();
    let what = |at: usize| (own(&entries[at]).crops, own(&entries[at]).strategy, entries[at].soft);
    assert_eq!([what(0), what(1)], [(0, Strategy::Random, false), (5, Strategy::Random, false)]);
    assert_eq!([what(2), what(3)], [(5, Strategy::Realism, false), (5, Strategy::Realism, true)]);
    assert_eq!(entries[2].set(), entries[3].set(), "only the labels differ");
    assert_ne!(entries[0].set(), entries[1].set());
}

#[test]
fn names_are_unique_and_grids_cover_all() {
    let base = Recipe::default();
    let grid = axes(&["ipc=1,10", "subset=100,200,300"]);
    for series in [Series::Strategies, Series::Coresets, grid.clone()] {
        let mut names = names(&series, &base);
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{series:?}");
    }
    let all = names(&grid, &base);
    assert_eq!((all.len(), all[0].as_str(), all[5].as_str()), (6, "ipc1-subset100", "ipc10-subset300"));
    assert_eq!(names(&axes(&[]), &base), ["ipc10"]);
    let whole = |own: &Rded| own.crops == 0 && own.patches == 1;
    let coresets = Series::Coresets.entries(&base).unwrap();
    assert!(coresets.iter().all(|e| e.recipe.method.rded().is_some_and(whole)));
}

/// As folders of before are called.
#[test]
fn sets_of_rded_keep_their_names() {
    let set = |series: &Series| series.entries(&Recipe::default()).unwrap()[0].set();
    assert_eq!(set(&Series::Steps), "random-whole-1of300-ipc10-seed0");
    assert_eq!(set(&axes(&["ipc=1", "patches=9"])), "realism-5crops-9of300-ipc1-seed0");
    assert_eq!(set(&axes(&["short-classes=fewer"])), "realism-5crops-4of300-ipc10-fewer-seed0");
    assert_eq!(set(&axes(&["format=jpeg:75"])), "realism-5crops-4of300-ipc10-seed0-jpeg75");
}

/// Every parameter of the table makes another set, whatever it is.
#[test]
fn a_grid_goes_over_any_parameter() {
    for param in Recipe::table() {
        let mut recipe = Recipe::default();
        if recipe.get(param.name).is_empty() {
            continue;
        }
        let values = ["1", "4", "fewer", "random", "jpeg:90", "whole", "view", "on"];
        let Some(value) = values.into_iter().find(|v| recipe.set(param.name, v).is_ok()) else { continue };
        let series = axes(&[&format!("{}={value},{}", param.name, Recipe::default().get(param.name))]);
        let entries = series.entries(&Recipe::default()).unwrap();
        assert_eq!(entries.len(), 2, "{}", param.name);
        assert_ne!(entries[0].set(), entries[1].set(), "{}", param.name);
    }
    let grid = axes(&["strategy=random,realism", "seed=0,1,1"]);
    assert_eq!(
        names(&grid, &Recipe::default()),
        ["strategy=random-seed0", "strategy=random-seed1", "strategy=realism-seed0", "strategy=realism-seed1"]
    );
}

#[test]
fn grids_that_cannot_be_are_told() {
    let wrong = |texts: &[&str]| axes(texts).entries(&Recipe::default()).unwrap_err().to_string();
    assert!(wrong(&["patches=1,3"]).starts_with("--patches 3: give one of"));
    assert!(wrong(&["magic=1"]).contains("there is no such parameter"));
    assert!(wrong(&["ipc=1", "ipc=10"]).contains("already"));
    for text in ["patches", "=1", "patches=1,,4", ""] {
        assert!(text.parse::<Axis>().unwrap_err().contains("patches=1,4"), "{text}");
    }
}

/// Each series that ships goes with its method's recipe, and names itself.
#[test]
fn ready_grids_fit_their_methods() {
    for ready in READY {
        let series = Series::named(ready.name, Vec::new()).unwrap();
        assert_eq!((series.name(), series.has_hard_labels()), (ready.name, false));
        let base = Preset::named(ready.method).unwrap().recipe();
        let entries = series.entries(&base).unwrap();
        assert!(entries.len() > 2, "{}", ready.name);
        assert_eq!(Series::method_of(ready.name), Some(ready.method));
        let sets: std::collections::BTreeSet<_> = entries.iter().map(Entry::set).collect();
        assert_eq!(sets.len(), entries.len(), "{}", ready.name);
        let error = series.entries(&Recipe::default()).unwrap_err().to_string();
        assert!(error.contains(&format!("give --method {}", ready.method)), "{error}");
    }
    let lic = Preset::named("lic").unwrap().recipe();
    let error = Series::Steps.entries(&lic).unwrap_err().to_string();
    assert_eq!(error, "--method lic: the series steps varies recipes of rded: give --method rded");
    assert_eq!(Series::names().count(), 4 + READY.len());
    assert!(Series::names().all(|(name, _)| Series::named(name, Vec::new()).is_some_and(|s| s.name() == name)));
    assert_eq!(Series::named("magic", Vec::new()), None);
}

/// CDA's reversal: of the four, one crops ever smaller, one ever larger, and two don't change.
#[test]
fn cda_is_reversed() {
    let cda = Preset::named("cda").unwrap().recipe();
    let entries = Series::named("cda-reverse", Vec::new()).unwrap().entries(&cda).unwrap();
    let areas = |entry: &Entry| {
        let own = *entry.recipe.method.recovery().unwrap();
        [0, own.iterations - 1].map(|i| (own.least_area(i) * 100.0).round())
    };
    assert_eq!(entries.iter().map(areas).collect::<Vec<_>>(), [[8.0, 8.0], [8.0, 100.0], [100.0, 8.0], [100.0, 100.0]]);
    assert!(entries[0].set().starts_with("cda-ipc10-seed0-"), "{}", entries[0].set());
    assert!(entries.iter().all(|entry| entry.training().len() < 100));
}
