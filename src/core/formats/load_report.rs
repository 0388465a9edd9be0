//! What became of each tensor of a weight file: nothing is dropped in silence.

/// The outcome of matching a weight file with a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LoadReport {
    /// Keys that the network took.
    pub used: Vec<String>,
    /// Keys that the network needs and the file lacks.
    pub missing: Vec<Missing>,
    /// Keys of the file that the network has no place for.
    pub unused: Vec<String>,
    /// Keys whose shape differs.
    pub wrong_shape: Vec<WrongShape>,
    /// What was done to the file's keys, in words ("under 'state_dict'", "prefix 'module.' removed").
    pub notes: Vec<String>,
}

/// A key that the file lacks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Missing {
    /// The key.
    pub key: String,
    /// The unused key of the file that is spelled most alike.
    pub nearest: Option<String>,
}

/// A key whose tensor has another shape than the network's.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct WrongShape {
    /// The key.
    pub key: String,
    /// The network's shape.
    pub expected: Vec<usize>,
    /// The file's shape.
    pub found: Vec<usize>,
}

impl LoadReport {
    /// Whether every tensor of the network came from the file.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.wrong_shape.is_empty()
    }

    /// One line: counts, and the first few differences of each kind with what was expected.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = format!(
            "{} used, {} missing, {} unused, {} of the wrong shape",
            self.used.len(),
            self.missing.len(),
            self.unused.len(),
            self.wrong_shape.len()
        );
        let missing = self.missing.iter().map(|m| match &m.nearest {
            Some(nearest) => format!("{} (did you mean {nearest}?)", m.key),
            None => m.key.clone(),
        });
        let wrong = self.wrong_shape.iter().map(|w| format!("{} is {:?}, not {:?}", w.key, w.found, w.expected));
        text.push_str(&first("missing", missing));
        text.push_str(&first("wrong shape", wrong));
        text.push_str(&first("not expected", self.unused.iter().cloned()));
        text
    }
}

/// How many of each kind a summary names.
const SHOWN: usize = 3;

fn first(title: &str, mut all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(SHOWN);
    let shown: Vec<String> = all.by_ref().take(SHOWN).collect();
    match (shown.is_empty(), more) {
        (true, _) => String::new(),
        (_, 0) => format!("; {title}: {}", shown.join(", ")),
        _ => format!("; {title}: {} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_the_first_of_each_kind() {
        let missing = |key: &str, nearest: Option<&str>| Missing { key: key.into(), nearest: nearest.map(Into::into) };
        let report = LoadReport {
            used: vec!["a".into()],
            missing: vec![missing("b", Some("B")), missing("c", None), missing("d", None), missing("e", None)],
            unused: vec!["B".into()],
            wrong_shape: vec![WrongShape { key: "f".into(), expected: vec![2, 3], found: vec![] }],
            notes: vec![],
        };
        let expected = "1 used, 4 missing, 1 unused, 1 of the wrong shape; missing: b (did you mean B?), c, d and 1 more; \
                        wrong shape: f is [], not [2, 3]; not expected: B";
        assert_eq!(report.summary(), expected);
        let clean = LoadReport { used: vec!["a".into()], ..LoadReport::default() };
        assert_eq!(clean.summary(), "1 used, 0 missing, 0 unused, 0 of the wrong shape");
    }
}
