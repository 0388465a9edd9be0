//! Which output of the observer belongs to which class of the data: an injection, never a guess.
//!
//! A wrong class order gives an observer at chance level, the cause of most failed replications of RDED; so the
//! order of the rules is fixed, and where none applies the error says which class is the obstacle.

use std::borrow::Cow;
use std::collections::HashMap;

use super::class_order::{self, ClassOrder};
use super::names::composed;
use super::wordnet;
use crate::core::data::dataset::Class;

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

/// The outputs after `class` took `output`: the class that had it takes the one that is free now, so that none is shared.
#[must_use]
pub fn exchanged(outputs: &[u32], class: usize, output: u32) -> Vec<u32> {
    let mut next = outputs.to_vec();
    let Some(free) = outputs.get(class).copied() else { return next };
    next.iter_mut().filter(|o| **o == output).for_each(|o| *o = free);
    next[class] = output;
    next
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
mod tests;
