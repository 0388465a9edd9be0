//! Everything that happened, in order; bounded, and it says what it dropped.

/// How grave an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What was done.
    Info,
    /// Something to know.
    Warning,
    /// Something failed.
    Error,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Seconds since the window opened.
    pub at_secs: f64,
    /// How grave.
    pub level: Level,
    /// The text.
    pub text: String,
}

/// Entries kept.
const KEPT: usize = 20_000;

/// The log.
#[derive(Clone, Debug, Default)]
pub struct Log {
    entries: std::collections::VecDeque<Entry>,
    warnings: usize,
    errors: usize,
    dropped: usize,
}

impl Log {
    /// Adds an entry.
    pub fn push(&mut self, at_secs: f64, level: Level, text: impl Into<String>) {
        match level {
            Level::Info => {}
            Level::Warning => self.warnings += 1,
            Level::Error => self.errors += 1,
        }
        if self.entries.len() == KEPT {
            self.entries.pop_front();
            self.dropped += 1;
        }
        self.entries.push_back(Entry { at_secs, level, text: text.into() });
    }

    /// The entries that are kept, oldest first.
    #[must_use]
    pub fn entries(&self) -> &std::collections::VecDeque<Entry> {
        &self.entries
    }

    /// Warnings and errors since the start, dropped ones too.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.warnings, self.errors)
    }

    /// Entries that were dropped because there were too many.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The log as text, a line an entry.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.dropped > 0 {
            text.push_str(&format!("({} older entries were dropped)\n", self.dropped));
        }
        for entry in &self.entries {
            let level = match entry.level {
                Level::Info => "",
                Level::Warning => "warning: ",
                Level::Error => "error: ",
            };
            text.push_str(&format!("{} {level}{}\n", clock(entry.at_secs), entry.text));
        }
        text
    }
}

/// Minutes and seconds.
#[must_use]
pub fn clock(secs: f64) -> String {
    let secs = secs.max(0.0) as u64;
    format!("{:02}:{:02}", secs / 60, secs % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_entries_go_and_the_log_says_so() {
        let mut log = Log::default();
        for i in 0..KEPT + 3 {
            log.push(61.0, if i == 0 { Level::Warning } else { Level::Info }, "x");
        }
        log.push(0.0, Level::Error, "bad");
        assert_eq!((log.entries().len(), log.dropped(), log.counts()), (KEPT, 4, (1, 1)));
        assert!(log.text().starts_with("(4 older entries were dropped)\n01:01 x\n"));
        assert!(log.text().ends_with("00:00 error: bad\n"));
    }
}
