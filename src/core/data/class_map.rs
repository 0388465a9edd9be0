//! Which output of the observer belongs to which class of the data: an injection, never a guess.
//!
//! A wrong class order gives an observer at chance level, the cause of most failed replications of RDED; so the
//! order of the rules is fixed, and where none applies the error says which class is the obstacle.

use std::collections::HashMap;

use super::class_order::{self, ClassOrder};
use super::dataset::Class;
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
    /// The order that they follow where no name tells.
    pub order: ClassOrder,
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
    /// As many outputs as classes, which are integers: output i is the class at place i in order of number.
    Number,
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
    /// What the outputs are in the other order of the classes, that of text, where it is by number and nobody said so.
    pub as_text: Option<Vec<u32>>,
}

impl ClassMap {
    /// A map that no order of the classes decided, or that of the data alone.
    #[must_use]
    pub fn new(outputs: Vec<u32>, rule: Rule) -> Self {
        Self { outputs, rule, as_text: None }
    }
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
    /// An order of number was asked for, but a class is no integer.
    #[error("--class-order number needs classes that are different integers, which '{class}' is not; leave it out")]
    NoNumber {
        /// The class.
        class: String,
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
/// outputs as classes and no class that is known by name contradicts it: that of number where the classes are integers
/// that were sorted as text, else that of the data.
///
/// # Errors
/// [`ClassMapError`], which names the class in the way and the remedy.
pub fn resolve(classes: &[Class], observer: Outputs<'_>, given: Option<&GivenMap>) -> Result<ClassMap, ClassMapError> {
    let map = match given {
        Some(map) => ClassMap::new(from_given(classes, map)?, Rule::Given),
        None => by_rule(classes, observer)?,
    };
    check(classes, &map.outputs, observer.count)?;
    Ok(map)
}

fn from_given(classes: &[Class], map: &GivenMap) -> Result<Vec<u32>, ClassMapError> {
    match map {
        GivenMap::Ordered(outputs) if outputs.len() == classes.len() => Ok(outputs.clone()),
        GivenMap::Ordered(outputs) => Err(ClassMapError::WrongLength { given: outputs.len(), classes: classes.len() }),
        GivenMap::Named(entries) => {
            let entries: HashMap<&str, u32> = entries.iter().map(|(name, output)| (name.as_str(), *output)).collect();
            let find = |c: &Class| {
                let output = entries.get(c.name.as_str()).or_else(|| entries.get(c.title.as_deref()?));
                output.copied().ok_or_else(|| ClassMapError::NotInMap { class: c.name.clone() })
            };
            classes.iter().map(find).collect()
        }
    }
}

fn by_rule(classes: &[Class], observer: Outputs<'_>) -> Result<ClassMap, ClassMapError> {
    let named = match observer.names {
        Some(names) => by_name(classes, names, observer.count)?,
        None => vec![None; classes.len()],
    };
    if let Some(outputs) = named.iter().copied().collect::<Option<Vec<_>>>() {
        return Ok(ClassMap::new(outputs, Rule::Names));
    }
    let ids: Vec<_> = classes.iter().map(Class::wordnet_output).collect();
    if observer.count == wordnet::COUNT
        && let Some(outputs) = ids.iter().copied().collect::<Option<Vec<_>>>()
    {
        return Ok(ClassMap::new(outputs, Rule::WordNet));
    }
    let missing = |found: &[Option<u32>]| found.iter().position(Option::is_none).unwrap_or(0);
    let class = |at: usize| classes.get(at).map(|c| c.name.clone()).unwrap_or_default();
    // A class that is known by name and is not where an order would put it disproves that order.
    let moved = |order: &[u32]| named.iter().zip(order).position(|(named, place)| named.is_some_and(|o| o != *place));
    let mut orders = orders(classes, observer.order)?;
    let disproved = orders.last().and_then(|(order, _)| moved(order));
    orders.retain(|(order, _)| moved(order).is_none());
    let mut fitting = orders.into_iter();
    let Some((outputs, rule)) = fitting.next() else {
        let at = disproved.unwrap_or(0);
        let output = named.get(at).copied().flatten().unwrap_or_default();
        return Err(ClassMapError::NotNamed { class: class(missing(&named)), other: class(at), output });
    };
    if classes.len() == observer.count {
        return Ok(ClassMap { outputs, rule, as_text: fitting.next().map(|(order, _)| order) });
    }
    let wordnet_like = observer.count == wordnet::COUNT && ids.iter().any(Option::is_some);
    let at = missing(if wordnet_like { &ids } else { &named });
    Err(ClassMapError::NoRule { class: class(at), classes: classes.len(), outputs: observer.count })
}

/// The orders that the outputs may have, the one that is taken first.
fn orders(classes: &[Class], order: ClassOrder) -> Result<Vec<(Vec<u32>, Rule)>, ClassMapError> {
    let in_data = ((0..classes.len() as u32).collect(), Rule::Order);
    Ok(match order {
        ClassOrder::Text => vec![in_data],
        ClassOrder::Auto => {
            let by_number = class_order::unsorted(classes).map(|places| (places, Rule::Number));
            by_number.into_iter().chain([in_data]).collect()
        }
        ClassOrder::Number => match class_order::places(classes) {
            Some(places) if places.is_sorted() => vec![in_data],
            Some(places) => vec![(places, Rule::Number)],
            None => {
                let odd = classes.iter().find(|c| c.label().parse::<i128>().is_err()).or(classes.first());
                return Err(ClassMapError::NoNumber { class: odd.map(|c| c.label().to_owned()).unwrap_or_default() });
            }
        },
    })
}

/// The output called as each class is named or titled, or by the words of the WordNet id that its name is.
fn by_name(classes: &[Class], names: &[String], count: usize) -> Result<Vec<Option<u32>>, ClassMapError> {
    if names.len() != count {
        return Err(ClassMapError::NamesCount { names: names.len(), outputs: count });
    }
    let mut outputs: HashMap<&str, Result<u32, ()>> = HashMap::with_capacity(count);
    for (output, name) in names.iter().enumerate() {
        let entry = outputs.entry(name);
        entry.and_modify(|o| *o = Err(())).or_insert(Ok(output as u32));
    }
    let find = |c: &Class| {
        let output = outputs.get(c.name.as_str()).or_else(|| outputs.get(c.title.as_deref()?));
        // Where the words name two outputs, the id may still tell.
        let output = output.or_else(|| outputs.get(wordnet::words(c.wordnet_id()?)?).filter(|output| output.is_ok()));
        output.copied().transpose().map_err(|()| ClassMapError::Ambiguous { class: c.label().to_owned() })
    };
    classes.iter().map(find).collect()
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

    fn outputs(count: usize, names: Option<&[String]>) -> Outputs<'_> {
        Outputs { count, names, order: ClassOrder::Auto }
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn a_given_map_wins_over_all_else() {
        let data = classes(&["a", "b"]);
        let names = texts(&["a", "b", "c"]);
        let outputs = outputs(3, Some(&names));
        let map = resolve(&data, outputs, Some(&GivenMap::Ordered(vec![2, 0]))).unwrap();
        assert_eq!(map, ClassMap::new(vec![2, 0], Rule::Given));
        let named = GivenMap::Named(vec![("b".into(), 1), ("a".into(), 2), ("unused".into(), 2)]);
        assert_eq!(resolve(&data, outputs, Some(&named)).unwrap().outputs, [2, 1]);
    }

    #[test]
    fn bad_given_maps_name_the_class() {
        let data = classes(&["a", "b"]);
        let outputs = outputs(3, None);
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
        let map = resolve(&data, outputs(3, Some(&names)), None).unwrap();
        assert_eq!(map, ClassMap::new(vec![2, 1], Rule::Names));
        let names = texts(&["cat", "owl", "cat"]);
        let error = resolve(&data, outputs(3, Some(&names)), None).unwrap_err();
        assert_eq!(error, ClassMapError::Ambiguous { class: "cat".into() });
        let error = resolve(&data, outputs(4, Some(&names)), None).unwrap_err();
        assert_eq!(error, ClassMapError::NamesCount { names: 3, outputs: 4 });
    }

    #[test]
    fn wordnet_ids_map_to_a_thousand_outputs() {
        let data = classes(&["n02099601", "n15075141"]);
        let map = resolve(&data, outputs(1000, None), None).unwrap();
        assert_eq!(map, ClassMap::new(vec![207, 999], Rule::WordNet));
        // The folders of a distilled set are numbered, and the ids are their titles.
        let mut distilled = classes(&["00000", "00001"]);
        distilled[0].title = Some("n15075141".into());
        distilled[1].title = Some("n02099601".into());
        let map = resolve(&distilled, outputs(1000, None), None).unwrap();
        assert_eq!(map, ClassMap::new(vec![999, 207], Rule::WordNet));
        assert_eq!(distilled[1].shown(), "golden retriever");
        // An id that ImageNet-1k lacks is the obstacle, and the error says so.
        let data = classes(&["n02099601", "n00000001"]);
        let error = resolve(&data, outputs(1000, None), None).unwrap_err();
        assert_eq!(error, ClassMapError::NoRule { class: "n00000001".into(), classes: 2, outputs: 1000 });
    }

    #[test]
    fn the_order_is_the_last_resort_and_must_not_contradict_names() {
        let data = classes(&["bird", "cat", "plane"]);
        let order = ClassMap::new(vec![0, 1, 2], Rule::Order);
        assert_eq!(resolve(&data, outputs(3, None), None).unwrap(), order);
        // "airplane" is spelt differently, but the names that are known are where the order puts them.
        let names = texts(&["bird", "cat", "airplane"]);
        assert_eq!(resolve(&data, outputs(3, Some(&names)), None).unwrap(), order);
        let names = texts(&["airplane", "bird", "cat"]);
        let error = resolve(&data, outputs(3, Some(&names)), None).unwrap_err();
        assert_eq!(error, ClassMapError::NotNamed { class: "plane".into(), other: "bird".into(), output: 1 });
        let error = resolve(&data, outputs(10, None), None).unwrap_err();
        assert!(error.to_string().contains("3 classes and the observer 10 outputs"), "{error}");
    }

    /// Ten folders called by numbers are sorted as text; ordered by number are the outputs, unless a name or the user says
    /// otherwise.
    #[test]
    fn integers_are_in_order_of_number() {
        let data = classes(&["1", "10", "2"]);
        let map = resolve(&data, outputs(3, None), None).unwrap();
        assert_eq!(map, ClassMap { outputs: vec![0, 2, 1], rule: Rule::Number, as_text: Some(vec![0, 1, 2]) });
        let asked = |order| Outputs { count: 3, names: None, order };
        assert_eq!(resolve(&data, asked(ClassOrder::Text), None).unwrap(), ClassMap::new(vec![0, 1, 2], Rule::Order));
        let number = resolve(&data, asked(ClassOrder::Number), None).unwrap();
        assert_eq!(number, ClassMap::new(vec![0, 2, 1], Rule::Number), "nothing is left to try");
        let others = classes(&["class1", "class10", "class2"]);
        assert_eq!(resolve(&others, outputs(3, None), None).unwrap().rule, Rule::Order);
        let error = resolve(&others, asked(ClassOrder::Number), None).unwrap_err();
        assert_eq!(error, ClassMapError::NoNumber { class: "class1".into() });
        // One name is known, and only the order of text puts it where it is.
        let names = texts(&["one", "10", "two"]);
        assert_eq!(resolve(&data, outputs(3, Some(&names)), None).unwrap(), ClassMap::new(vec![0, 1, 2], Rule::Order));
        // Or only that of number.
        let names = texts(&["one", "two", "10"]);
        assert_eq!(resolve(&data, outputs(3, Some(&names)), None).unwrap(), ClassMap::new(vec![0, 2, 1], Rule::Number));
        // Or neither.
        let names = texts(&["10", "one", "two"]);
        let error = resolve(&data, outputs(3, Some(&names)), None).unwrap_err();
        assert_eq!(error, ClassMapError::NotNamed { class: "1".into(), other: "10".into(), output: 0 });
    }
}
