//! The history of edits: states by value, each with the words for the step that led to it.

use super::Edited;
use crate::core::data::dataset::ClassId;

/// States kept; older ones are forgotten.
pub(super) const KEPT: usize = 200;

/// What a step did.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Words {
    /// In words, a class by its number.
    pub text: String,
    /// The class that it is about, and what became of it, for those who know its name.
    pub class: Option<(ClassId, &'static str)>,
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self { text, class: None }
    }
}

impl Words {
    /// Of a class alone.
    pub(super) fn of_class(class: ClassId, what: &'static str) -> Self {
        Self { text: format!("class {} {what}", class.0 + 1), class: Some((class, what)) }
    }
}

/// A step that can be taken back, or repeated.
#[derive(Clone, Debug, PartialEq)]
struct Step {
    /// The state on its other side.
    other: Edited,
    words: Words,
}

/// Steps behind and ahead of the state of now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct History {
    undo: Vec<Step>,
    redo: Vec<Step>,
}

impl History {
    /// Notes a step that led away from `before`; what was taken back is forgotten.
    pub(super) fn push(&mut self, before: Edited, words: Words) {
        if self.undo.len() == KEPT {
            self.undo.remove(0);
        }
        self.undo.push(Step { other: before, words });
        self.redo.clear();
    }

    /// Another change belongs to the last step.
    pub(super) fn continued(&mut self, words: Words) {
        if let Some(step) = self.undo.last_mut() {
            step.words = words;
        }
        self.redo.clear();
    }

    /// Takes the last step back, or repeats the next one.
    pub(super) fn travel(&mut self, edited: &mut Edited, back: bool) -> bool {
        let (from, to) = if back { (&mut self.undo, &mut self.redo) } else { (&mut self.redo, &mut self.undo) };
        let Some(Step { other, words }) = from.pop() else { return false };
        let now = std::mem::replace(edited, other);
        to.push(Step { other: now, words });
        true
    }

    /// Forgets the last step: it led back to where it began.
    pub(super) fn dropped(&mut self) {
        self.undo.pop();
        self.redo.clear();
    }

    /// Steps that can be taken back.
    pub(super) fn done(&self) -> usize {
        self.undo.len()
    }

    /// The words of all steps, oldest first: those that were done, then those that were taken back.
    pub(super) fn words(&self) -> impl Iterator<Item = &Words> {
        self.undo.iter().chain(self.redo.iter().rev()).map(|step| &step.words)
    }

    /// The state before the last step.
    pub(super) fn before_last(&self) -> Option<&Edited> {
        self.undo.last().map(|step| &step.other)
    }
}
