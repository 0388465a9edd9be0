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

    /// One line: counts, and the first problem with its nearest name.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = format!(
            "{} used, {} missing, {} unused, {} of the wrong shape",
            self.used.len(),
            self.missing.len(),
            self.unused.len(),
            self.wrong_shape.len()
        );
        if let Some(first) = self.missing.first() {
            text.push_str(&format!("; missing first: {}", first.key));
            if let Some(nearest) = &first.nearest {
                text.push_str(&format!(" (did you mean {nearest}?)"));
            }
        }
        if let Some(first) = self.wrong_shape.first() {
            text.push_str(&format!("; {} is {:?}, not {:?}", first.key, first.found, first.expected));
        }
        text
    }
}
