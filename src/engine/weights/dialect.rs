//! How a library names the tensors of a family.

use std::collections::BTreeSet;

/// The keys of a file.
pub(super) type Keys<'a> = BTreeSet<&'a str>;

/// How a library names the tensors of a family.
pub(super) struct Dialect {
    /// Whose names these are, for the load report.
    pub name: &'static str,
    /// Keys that a file of this dialect has.
    pub marks: &'static [&'static str],
    /// The new key of a key, given in its parts between dots; `None` for what is left as it is.
    pub rename: fn(&[&str], &Keys<'_>) -> Option<String>,
}
