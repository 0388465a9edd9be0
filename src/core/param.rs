//! Parameters as rows of a table: the command line's flags, the form's widgets and the checks of what is read from files
//! all come from a row alone.

/// What values a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Whole numbers from `min` to `max`.
    Integer {
        /// Least value.
        min: u64,
        /// Greatest value.
        max: u64,
    },
    /// One of these.
    Choice(&'static [u32]),
    /// `png`, `float` or `jpeg:Q`.
    Format,
    /// Numbers from `min` to `max`.
    Number {
        /// Least value.
        min: f64,
        /// Greatest value.
        max: f64,
    },
    /// One of these words.
    Name(&'static [&'static str]),
    /// A word with numbers behind colons, like one of these; the numbers may differ.
    Form(&'static [&'static str]),
}

impl Kind {
    /// Yes or no.
    pub const SWITCH: Self = Self::Name(&["off", "on"]);

    /// What to give, as the end of a sentence.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Integer { min, max: u64::MAX } => format!("give a whole number from {min}"),
            Self::Integer { min, max } => format!("give a whole number from {min} to {max}"),
            Self::Choice(choices) => format!("give one of {choices:?}"),
            Self::Format => "give png, float or jpeg:Q with Q from 1 to 100".to_owned(),
            Self::Number { min, max } => format!("give a number from {min} to {max}"),
            Self::Name(names) => format!("give {}", names.join(" or ")),
            Self::Form(forms) => format!("give one like {}", forms.join(", ")),
        }
    }

    /// Whether a value is one of these; forms and formats are for their own readers to judge.
    #[must_use]
    pub fn admits(&self, value: &str) -> bool {
        let whole = || value.parse::<u64>().ok();
        match self {
            Self::Integer { min, max } => whole().is_some_and(|v| (min..=max).contains(&&v)),
            Self::Choice(choices) => whole().is_some_and(|v| choices.iter().any(|&c| u64::from(c) == v)),
            Self::Number { min, max } => value.parse::<f64>().is_ok_and(|v| (min..=max).contains(&&v)),
            Self::Name(names) => names.contains(&value),
            Self::Format | Self::Form(_) => true,
        }
    }
}

/// One parameter of a recipe `R`: what is said of it, and how it is read and written.
#[derive(Debug)]
pub struct Param<R: 'static> {
    /// Name: the flag without dashes.
    pub name: &'static str,
    /// Label in the form.
    pub label: &'static str,
    /// Unit behind the value, may be empty.
    pub unit: &'static str,
    /// Its values.
    pub kind: Kind,
    /// One sentence for `--help` and the tooltip.
    pub help: &'static str,
    /// The value as text; `None` where the recipe has no such parameter (another method's, another optimiser's).
    pub get: fn(&R) -> Option<String>,
    /// Takes a value that [`Kind::admits`], or says why not and leaves the recipe as it is.
    pub set: fn(&mut R, &str) -> Result<(), String>,
}

impl<R> Param<R> {
    /// The value as text; empty where the recipe has no such parameter.
    #[must_use]
    pub fn value(&self, recipe: &R) -> String {
        (self.get)(recipe).unwrap_or_default()
    }

    /// Sets the parameter from text.
    ///
    /// # Errors
    /// [`BadValue`] for a value that it can't take; the recipe is unchanged.
    pub fn put(&self, recipe: &mut R, value: &str) -> Result<(), BadValue> {
        let put = if self.kind.admits(value) { (self.set)(recipe, value) } else { Err(self.kind.remedy()) };
        put.map_err(|why| BadValue::new(self.name, value, why))
    }
}

/// Reads a number that [`Kind::admits`] has let through.
pub(in crate::core) fn parsed<T: std::str::FromStr>(value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("'{value}' is no number that fits"))
}

/// `on` or `off`.
#[must_use]
pub(in crate::core) fn switch(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

/// A value that a parameter can't take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--{name} {value}: {why}")]
pub struct BadValue {
    /// The parameter.
    pub name: String,
    /// What was given.
    pub value: String,
    /// What it takes.
    pub why: String,
}

impl BadValue {
    pub(in crate::core) fn new(name: &str, value: &str, why: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), why: why.into() }
    }

    /// The same of a value that stands in a file and was not given as a flag.
    #[must_use]
    pub fn in_a_record(&self) -> String {
        format!("{} is {}: {}", self.name, self.value, self.why)
    }
}

/// A recipe whose parameters are rows of a table.
pub trait Parameters: 'static + Sized {
    /// All parameters, in the order of forms and help, and in which flags must be set: what belongs to an optimiser or
    /// a method comes after it.
    fn table() -> &'static [Param<Self>];

    /// The parameter called `name`.
    #[must_use]
    fn param(name: &str) -> Option<&'static Param<Self>> {
        Self::table().iter().find(|p| p.name == name)
    }

    /// A parameter's value as text; empty for an unknown name, and for what the recipe doesn't have.
    #[must_use]
    fn get(&self, name: &str) -> String {
        Self::param(name).map_or_else(String::new, |p| p.value(self))
    }

    /// Sets a parameter from text.
    ///
    /// # Errors
    /// [`BadValue`] for an unknown name or a value that the parameter can't take; the recipe is unchanged.
    fn set(&mut self, name: &str, value: &str) -> Result<(), BadValue> {
        let none = || BadValue::new(name, value, "there is no such parameter");
        Self::param(name).ok_or_else(none)?.put(self, value)
    }

    /// Whether every parameter is within its range, whoever made the recipe.
    ///
    /// # Errors
    /// [`BadValue`] with the first that is not.
    fn in_range(&self) -> Result<(), BadValue> {
        let values = Self::table().iter().filter_map(|p| Some((p, (p.get)(self)?)));
        values.into_iter().try_for_each(|(p, value)| match p.kind.admits(&value) {
            true => Ok(()),
            false => Err(BadValue::new(p.name, &value, p.kind.remedy())),
        })
    }

    /// The flags that repeat this recipe on the command line.
    #[must_use]
    fn flags(&self) -> String {
        let given = Self::table().iter().filter_map(|p| Some((p.name, (p.get)(self)?)));
        given.map(|(name, value)| format!("--{name} {value}")).collect::<Vec<_>>().join(" ")
    }
}
