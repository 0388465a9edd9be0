//! Which command a key means, and which tag a command gives.

use eframe::egui::{InputState, Key, KeyboardShortcut, Modifiers};

use super::{About, Action, Menu, ROWS};

impl Action {
    /// The tag that a command gives, 0 for none; `None` for other commands.
    #[must_use]
    pub fn tag(self) -> Option<u8> {
        const TAGS: [Action; 10] = [
            Action::Untag,
            Action::Tag1,
            Action::Tag2,
            Action::Tag3,
            Action::Tag4,
            Action::Tag5,
            Action::Tag6,
            Action::Tag7,
            Action::Tag8,
            Action::Tag9,
        ];
        TAGS.iter().zip(0..).find(|(action, _)| **action == self).map(|(_, tag)| tag)
    }

    /// The action whose keys were pressed; the one with more modifiers wins. The keys of culling count where it goes on.
    #[must_use]
    pub fn pressed(input: &mut InputState, culling: bool) -> Option<Self> {
        let heard = |row: &&About| row.shortcut.is_some() && (culling || row.menu != Menu::Curate);
        let mut rows: Vec<&About> = ROWS.iter().filter(heard).collect();
        rows.sort_by_key(|row| row.shortcut.is_none_or(|s| !s.modifiers.shift));
        rows.into_iter().find(|row| row.shortcut.is_some_and(|s| consume(input, s))).map(|row| row.action)
    }
}

fn consume(input: &mut InputState, shortcut: KeyboardShortcut) -> bool {
    // '?' needs Shift on most keyboards, and arrives with it.
    let shifted = KeyboardShortcut::new(shortcut.modifiers | Modifiers::SHIFT, shortcut.logical_key);
    input.consume_shortcut(&shortcut) || shortcut.logical_key == Key::Questionmark && input.consume_shortcut(&shifted)
}
