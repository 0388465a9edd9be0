//! How a library or a repository names the tensors of a family.

use std::collections::BTreeSet;

/// The keys of a file.
pub(super) type Keys<'a> = BTreeSet<&'a str>;

/// How a library names the tensors of a family.
pub(super) struct Dialect {
    /// Whose names these are, for the load report.
    pub name: &'static str,
    /// Keys that a file of this dialect has.
    pub marks: &'static [&'static str],
    /// What becomes of a key.
    pub rename: Rename,
    /// The epsilon of its layer norms where nothing says another, if the known network may have another one.
    pub epsilon: Option<f64>,
}

/// The new key of a key.
pub(super) enum Rename {
    /// What stands for what, in whole parts between dots; every row is tried once, in order.
    Table(&'static [(&'static str, &'static str)]),
    /// Given in its parts between dots; `None` for what is left as it is.
    Rules(fn(&[&str], &Keys<'_>) -> Option<String>),
}

impl Dialect {
    /// A dialect that a function translates.
    pub const fn rules(
        name: &'static str,
        marks: &'static [&'static str],
        rename: fn(&[&str], &Keys<'_>) -> Option<String>,
    ) -> Self {
        Self { name, marks, rename: Rename::Rules(rename), epsilon: None }
    }

    /// A dialect that a table translates.
    pub const fn table(
        name: &'static str,
        marks: &'static [&'static str],
        rows: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self { name, marks, rename: Rename::Table(rows), epsilon: None }
    }

    /// The same with layer norms of that epsilon.
    pub const fn epsilon(self, epsilon: f64) -> Self {
        Self { epsilon: Some(epsilon), ..self }
    }

    /// Whether a file with these keys may be of this dialect.
    pub fn is_spoken(&self, keys: &Keys<'_>) -> bool {
        self.marks.iter().all(|mark| keys.contains(mark))
    }

    /// The key by which the known network has it.
    pub fn translate(&self, key: &str, keys: &Keys<'_>) -> String {
        match self.rename {
            Rename::Rules(rename) => {
                let parts: Vec<&str> = key.split('.').collect();
                rename(&parts, keys).unwrap_or_else(|| key.to_owned())
            }
            Rename::Table(rows) => {
                let dotted = rows.iter().fold(format!(".{key}."), |key, (from, to)| {
                    key.replacen(&format!(".{from}."), &format!(".{to}."), 1)
                });
                dotted.trim_matches('.').to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_table_stand_for_whole_parts() {
        let dialect = Dialect::table("", &[], &[("conv1.0", "conv1"), ("linear", "fc"), ("fc.a", "x")]);
        let of = |key: &str| dialect.translate(key, &Keys::new());
        assert_eq!(of("conv1.0.weight"), "conv1.weight");
        assert_eq!(of("linear.weight"), "fc.weight");
        assert_eq!(of("linear.a"), "x", "rows apply to what earlier ones made");
        assert_eq!(of("nonlinear.weight"), "nonlinear.weight");
        assert_eq!(of("conv1.01.weight"), "conv1.01.weight");
    }
}
