//! Which output of the observer belongs to which class of the data: an injection, never a guess.
//!
//! A wrong class order gives an observer at chance level, the cause of most failed replications of RDED; so the
//! order of the rules is fixed, and where none applies the error says which class is the obstacle.

use std::borrow::Cow;
use std::collections::HashMap;

use super::dataset::Class;
use super::names::composed;
use super::wordnet;

/// A class map as a person or `stillroom check` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenMap {
    /// One output per class, in the data's class order.
    Ordered(Vec<u32>),
    /// Class name (or title) and its output; classes that the data lacks may be present.
    Named(Vec<(String, u32)>),
}

/// What is known about the observer's outputs.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'a> {
    /// Number of outputs of the network's classifier.
    pub count: usize,
    /// Their class names, from the observer's card or its file.
    pub names: Option<&'a [String]>,
}

/// The rule that gave a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A map was given.
    Given,
    /// The data was distilled by this observer, and its manifest says which outputs its classes are.
    Manifest,
    /// Every class of the data is among the observer's class names.
    Names,
    /// The classes are WordNet ids and the observer has ImageNet's 1000 outputs.
    WordNet,
    /// As many outputs as classes: output i is class i.
    Order,
}

/// A map from classes to outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassMap {
    /// Output of each class, in class order; no output occurs twice.
    pub outputs: Vec<u32>,
    /// Where it comes from.
    pub rule: Rule,
}

/// Why no map could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassMapError {
    /// An ordered map of another length.
    #[error(
        "the class map lists {given} outputs, but the data has {classes} classes; \
         give one output per class in class order, or an object of class names"
    )]
    WrongLength {
        /// Entries of the map.
        given: usize,
        /// Classes of the data.
        classes: usize,
    },
    /// A named map lacks a class.
    #[error("the class map has no entry for class '{class}'; add \"{class}\": <output>")]
    NotInMap {
        /// The class.
        class: String,
    },
    /// A named map has several entries for a class, whose names differ only in how Unicode composes them.
    #[error("the class map has several entries for class '{class}'; leave one of them")]
    Repeated {
        /// The class.
        class: String,
    },
    /// An output the network does not have.
    #[error("the class map sends class '{class}' to output {output}, but the observer has outputs 0 to {last}")]
    OutOfRange {
        /// The class.
        class: String,
        /// Its output.
        output: u32,
        /// The highest output.
        last: usize,
    },
    /// Two classes share an output.
    #[error(
        "classes '{first}' and '{second}' both go to the observer's output {output}; each class needs its own: \
         correct the names or give --class-map"
    )]
    Twice {
        /// The earlier class.
        first: String,
        /// The later class.
        second: String,
        /// The shared output.
        output: u32,
    },
    /// The names of the outputs are more or fewer than the outputs.
    #[error(
        "the observer's card names {names} classes, but its network has {outputs} outputs; correct the card's 'classes'"
    )]
    NamesCount {
        /// Names given.
        names: usize,
        /// Outputs of the network.
        outputs: usize,
    },
    /// A class matches several outputs.
    #[error("the observer has several outputs named '{class}'; say which one is meant with --class-map")]
    Ambiguous {
        /// The class.
        class: String,
    },
    /// Some classes are known by name, in another order than the data's, and this one is not.
    #[error(
        "class '{class}' is none of the observer's classes, while '{other}' is its output {output}; \
         rename the class as the observer's card does, or give --class-map"
    )]
    NotNamed {
        /// The class without an output.
        class: String,
        /// A class that has one.
        other: String,
        /// Its output.
        output: u32,
    },
    /// No rule applies.
    #[error(
        "the data has {classes} classes and the observer {outputs} outputs, and nothing says which belong together \
         (first class without an output: '{class}'); give --class-map, or 'classes' in the observer's card"
    )]
    NoRule {
        /// A class without an output.
        class: String,
        /// Classes of the data.
        classes: usize,
        /// Outputs of the network.
        outputs: usize,
    },
}

/// Finds the output of every class. A given map wins; else the observer's class names, if all classes are among
/// them by name or title; else WordNet ids as names or titles, for 1000 outputs; else the order, if there are as many
/// outputs as classes and no class that is known by name contradicts it.
///
/// # Errors
/// [`ClassMapError`], which names the class in the way and the remedy.
pub fn resolve(classes: &[Class], observer: Outputs<'_>, given: Option<&GivenMap>) -> Result<ClassMap, ClassMapError> {
    let (outputs, rule) = match given {
        Some(map) => (from_given(classes, map)?, Rule::Given),
        None => by_rule(classes, observer)?,
    };
    check(classes, &outputs, observer.count)?;
    Ok(ClassMap { outputs, rule })
}

fn from_given(classes: &[Class], map: &GivenMap) -> Result<Vec<u32>, ClassMapError> {
    match map {
        GivenMap::Ordered(outputs) if outputs.len() == classes.len() => Ok(outputs.clone()),
        GivenMap::Ordered(outputs) => Err(ClassMapError::WrongLength { given: outputs.len(), classes: classes.len() }),
        GivenMap::Named(entries) => {
            let entries = ByName::new(entries.iter().map(|(name, output)| (name.as_str(), *output)));
            let find = |c: &Class| match entries.of_class(c) {
                Some(output) => output.map_err(|()| ClassMapError::Repeated { class: c.label().to_owned() }),
                None => Err(ClassMapError::NotInMap { class: c.name.clone() }),
            };
            classes.iter().map(find).collect()
        }
    }
}

fn by_rule(classes: &[Class], observer: Outputs<'_>) -> Result<(Vec<u32>, Rule), ClassMapError> {
    let named = match observer.names {
        Some(names) => by_name(classes, names, observer.count)?,
        None => vec![None; classes.len()],
    };
    if let Some(outputs) = named.iter().copied().collect::<Option<Vec<_>>>() {
        return Ok((outputs, Rule::Names));
    }
    let ids: Vec<_> = classes.iter().map(Class::wordnet_output).collect();
    if observer.count == wordnet::COUNT
        && let Some(outputs) = ids.iter().copied().collect::<Option<Vec<_>>>()
    {
        return Ok((outputs, Rule::WordNet));
    }
    let missing = |found: &[Option<u32>]| found.iter().position(Option::is_none).unwrap_or(0);
    let class = |at: usize| classes.get(at).map(|c| c.name.clone()).unwrap_or_default();
    // A class that is known by name and is not where the order would put it disproves the order.
    let moved = named.iter().enumerate().find_map(|(i, o)| o.filter(|&o| o as usize != i).map(|o| (i, o)));
    if let Some((at, output)) = moved {
        return Err(ClassMapError::NotNamed { class: class(missing(&named)), other: class(at), output });
    }
    if classes.len() == observer.count {
        return Ok(((0..classes.len() as u32).collect(), Rule::Order));
    }
    let wordnet_like = observer.count == wordnet::COUNT && ids.iter().any(Option::is_some);
    let at = missing(if wordnet_like { &ids } else { &named });
    Err(ClassMapError::NoRule { class: class(at), classes: classes.len(), outputs: observer.count })
}

/// The output called as each class is named or titled, or by the words of the WordNet id that its name is.
fn by_name(classes: &[Class], names: &[String], count: usize) -> Result<Vec<Option<u32>>, ClassMapError> {
    if names.len() != count {
        return Err(ClassMapError::NamesCount { names: names.len(), outputs: count });
    }
    let outputs = ByName::new(names.iter().map(String::as_str).zip(0..));
    let find = |c: &Class| {
        let by_words = || outputs.get(wordnet::words(c.wordnet_id()?)?);
        // Where the words name two outputs, the id may still tell.
        let output = outputs.of_class(c).or_else(|| by_words().filter(Result::is_ok));
        output.transpose().map_err(|()| ClassMapError::Ambiguous { class: c.label().to_owned() })
    };
    classes.iter().map(find).collect()
}

/// Outputs by name: letter by letter, and where no name is spelled so, in Unicode's composed form; `Err` where several
/// have the name.
struct ByName<'a> {
    spelled: HashMap<&'a str, Result<u32, ()>>,
    composed: HashMap<Cow<'a, str>, Result<u32, ()>>,
}

impl<'a> ByName<'a> {
    fn new(names: impl Iterator<Item = (&'a str, u32)>) -> Self {
        let (mut spelled, mut others) = (HashMap::new(), HashMap::new());
        for (name, output) in names {
            spelled.entry(name).and_modify(|o| *o = Err(())).or_insert(Ok(output));
            others.entry(composed(name)).and_modify(|o| *o = Err(())).or_insert(Ok(output));
        }
        Self { spelled, composed: others }
    }

    fn get(&self, name: &str) -> Option<Result<u32, ()>> {
        self.spelled.get(name).or_else(|| self.composed.get(&composed(name))).copied()
    }

    /// By the class's name, or by its title.
    fn of_class(&self, class: &Class) -> Option<Result<u32, ()>> {
        self.get(&class.name).or_else(|| self.get(class.title.as_deref()?))
    }
}

/// Every output exists and no two classes share one.
fn check(classes: &[Class], outputs: &[u32], count: usize) -> Result<(), ClassMapError> {
    let mut owner: HashMap<u32, &Class> = HashMap::with_capacity(outputs.len());
    for (class, &output) in classes.iter().zip(outputs) {
        if output as usize >= count {
            let last = count.saturating_sub(1);
            return Err(ClassMapError::OutOfRange { class: class.name.clone(), output, last });
        }
        if let Some(first) = owner.insert(output, class) {
            return Err(ClassMapError::Twice { first: first.name.clone(), second: class.name.clone(), output });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(names: &[&str]) -> Vec<Class> {
        names.iter().map(|n| Class { name: (*n).into(), title: None, folder: n.as_bytes().to_vec() }).collect()
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn a_given_map_wins_over_all_else() {
        let data = classes(&["a", "b"]);
        let names = texts(&["a", "b", "c"]);
        let outputs = Outputs { count: 3, names: Some(&names) };
        let map = resolve(&data, outputs, Some(&GivenMap::Ordered(vec![2, 0]))).unwrap();
        assert_eq!(map, ClassMap { outputs: vec![2, 0], rule: Rule::Given });
        let named = GivenMap::Named(vec![("b".into(), 1), ("a".into(), 2), ("unused".into(), 2)]);
        assert_eq!(resolve(&data, outputs, Some(&named)).unwrap().outputs, [2, 1]);
    }

    #[test]
    fn bad_given_maps_name_the_class() {
        let data = classes(&["a", "b"]);
        let outputs = Outputs { count: 3, names: None };
        let of = |map| resolve(&data, outputs, Some(&map)).unwrap_err();
        assert_eq!(of(GivenMap::Ordered(vec![1])), ClassMapError::WrongLength { given: 1, classes: 2 });
        assert_eq!(of(GivenMap::Named(vec![("a".into(), 1)])), ClassMapError::NotInMap { class: "b".into() });
        assert_eq!(
            of(GivenMap::Ordered(vec![0, 3])),
            ClassMapError::OutOfRange { class: "b".into(), output: 3, last: 2 }
        );
        let twice = ClassMapError::Twice { first: "a".into(), second: "b".into(), output: 1 };
        assert_eq!(of(GivenMap::Ordered(vec![1, 1])), twice);
    }

    #[test]
    fn names_or_titles_of_a_part_of_the_outputs_are_enough() {
        let mut data = classes(&["n01", "owl"]);
        data[0].title = Some("cat".into());
        let names = texts(&["dog", "owl", "cat"]);
        let map = resolve(&data, Outputs { count: 3, names: Some(&names) }, None).unwrap();
        assert_eq!(map, ClassMap { outputs: vec![2, 1], rule: Rule::Names });
        let names = texts(&["cat", "owl", "cat"]);
        let error = resolve(&data, Outputs { count: 3, names: Some(&names) }, None).unwrap_err();
        assert_eq!(error, ClassMapError::Ambiguous { class: "cat".into() });
        let error = resolve(&data, Outputs { count: 4, names: Some(&names) }, None).unwrap_err();
        assert_eq!(error, ClassMapError::NamesCount { names: 3, outputs: 4 });
    }

    /// Names of a Mac's folders are decomposed; those of cards and maps are as people type them.
    #[test]
    fn names_fit_in_any_unicode_form() {
        let data = classes(&["cafe\u{301}", "\u{1100}\u{1169}\u{110b}\u{1163}\u{11bc}"]);
        let names = texts(&["\u{ace0}\u{c591}", "caf\u{e9}", "cafe"]);
        let outputs = Outputs { count: 3, names: Some(&names) };
        let map = resolve(&data, outputs, None).unwrap();
        assert_eq!((map.outputs, map.rule), (vec![1, 0], Rule::Names));
        let named = |text: &str, output| GivenMap::Named(vec![("\u{ace0}\u{c591}".into(), 0), (text.into(), output)]);
        assert_eq!(resolve(&data, outputs, Some(&named("caf\u{e9}", 2))).unwrap().outputs, [2, 0]);
        // Two names that differ in their form alone stay apart where both are spelled as the classes are.
        let both = texts(&["caf\u{e9}", "cafe\u{301}", "\u{ace0}\u{c591}"]);
        assert_eq!(resolve(&data, Outputs { count: 3, names: Some(&both) }, None).unwrap().outputs, [1, 2]);
    }

    #[test]
    fn wordnet_ids_map_to_a_thousand_outputs() {
        let data = classes(&["n02099601", "n15075141"]);
        let map = resolve(&data, Outputs { count: 1000, names: None }, None).unwrap();
        assert_eq!(map, ClassMap { outputs: vec![207, 999], rule: Rule::WordNet });
        // The folders of a distilled set are numbered, and the ids are their titles.
        let mut distilled = classes(&["00000", "00001"]);
        distilled[0].title = Some("n15075141".into());
        distilled[1].title = Some("n02099601".into());
        let map = resolve(&distilled, Outputs { count: 1000, names: None }, None).unwrap();
        assert_eq!(map, ClassMap { outputs: vec![999, 207], rule: Rule::WordNet });
        assert_eq!(distilled[1].shown(), "golden retriever");
        // An id that ImageNet-1k lacks is the obstacle, and the error says so.
        let data = classes(&["n02099601", "n00000001"]);
        let error = resolve(&data, Outputs { count: 1000, names: None }, None).unwrap_err();
        assert_eq!(error, ClassMapError::NoRule { class: "n00000001".into(), classes: 2, outputs: 1000 });
    }

    #[test]
    fn the_order_is_the_last_resort_and_must_not_contradict_names() {
        let data = classes(&["bird", "cat", "plane"]);
        let order = ClassMap { outputs: vec![0, 1, 2], rule: Rule::Order };
        assert_eq!(resolve(&data, Outputs { count: 3, names: None }, None).unwrap(), order);
        // "airplane" is spelt differently, but the names that are known are where the order puts them.
        let names = texts(&["bird", "cat", "airplane"]);
        assert_eq!(resolve(&data, Outputs { count: 3, names: Some(&names) }, None).unwrap(), order);
        let names = texts(&["airplane", "bird", "cat"]);
        let error = resolve(&data, Outputs { count: 3, names: Some(&names) }, None).unwrap_err();
        assert_eq!(error, ClassMapError::NotNamed { class: "plane".into(), other: "bird".into(), output: 1 });
        let error = resolve(&data, Outputs { count: 10, names: None }, None).unwrap_err();
        assert!(error.to_string().contains("3 classes and the observer 10 outputs"), "{error}");
    }
}
