//! A typed path, always visible: dialogs and drops are never the only way in.

use std::path::{Path, PathBuf};

use eframe::egui::{self, Key, Response, Ui};

use super::text::{self, button_width};

/// A labelled text field for a path.
#[derive(Clone, Debug, Default)]
pub struct PathField {
    text: String,
    /// The path behind the text, where it came from a dialog or a list and may not be UTF-8.
    exact: Option<PathBuf>,
    /// Said below the field until it is used.
    note: Option<String>,
    /// The keyboard belongs to the field from the next frame on.
    focus: bool,
}

/// What the user did with a [`PathField`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Enter or the button: take the path.
    pub submitted: bool,
    /// Browse.
    pub browse: bool,
    /// The text changed.
    pub changed: bool,
}

impl PathField {
    /// Shows another path.
    pub fn set(&mut self, path: &Path) {
        self.text = path.to_string_lossy().into_owned();
        self.exact = Some(path.to_owned());
        self.note = None;
    }

    /// Gives the keyboard to the field.
    pub fn focus(&mut self) {
        self.focus = true;
    }

    /// Says below the field why its path has to be typed, and lets it be typed.
    pub fn explain(&mut self, why: &str) {
        self.note = Some(why.to_owned());
        self.focus = true;
    }

    /// Takes a file that is dropped on the field or while it has the keyboard; not every desktop says where.
    fn dropped(&mut self, ui: &Ui, field: &Response) -> bool {
        if !field.has_focus() && !ui.rect_contains_pointer(field.rect) {
            return false;
        }
        let mut files = ui.ctx().input_mut(|i| std::mem::take(&mut i.raw.dropped_files));
        if files.is_empty() {
            return false;
        }
        self.set(&PathBuf::from(files.remove(0).path()));
        true
    }

    /// Whether nothing is typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The path; `~/` is the home folder.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        if let Some(exact) = self.exact.as_ref().filter(|p| p.to_string_lossy() == self.text) {
            return exact.clone();
        }
        let text = self.text.trim();
        match text.strip_prefix("~/").zip(directories::BaseDirs::new()) {
            Some((rest, dirs)) => dirs.home_dir().join(rest),
            None => PathBuf::from(text),
        }
    }

    /// Shows label, field, the button `button` (none where it is empty) and "Browse…".
    pub fn show(&mut self, ui: &mut Ui, (label, hint): (&str, &str), button: &str) -> Used {
        let mut used = Used::default();
        let name = ui.label(label);
        ui.horizontal(|ui| {
            let width = ui.available_width() - button_width(ui, button) - button_width(ui, BROWSE) - 10.0;
            let field = egui::TextEdit::singleline(&mut self.text).hint_text(hint).desired_width(width.max(60.0));
            let field = ui.add(field).labelled_by(name.id);
            if std::mem::take(&mut self.focus) {
                field.request_focus();
                field.scroll_to_me(None);
            }
            used.changed = field.changed() || self.dropped(ui, &field);
            used.submitted = field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter)) && !self.is_empty();
            if !button.is_empty() {
                used.submitted |= ui.add_enabled(!self.is_empty(), egui::Button::new(button)).clicked();
            }
            used.browse = ui.button(BROWSE).on_hover_text(format!("{label}: choose in a dialog")).clicked();
            if field.hovered() && !field.has_focus() && !self.text.is_empty() {
                field.on_hover_text(&self.text);
            }
        });
        if used.changed || used.submitted {
            self.note = None;
        }
        if let Some(note) = &self.note {
            text::problem(ui, note, false);
        }
        used
    }
}

const BROWSE: &str = "Browse…";

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_text_survives_until_it_is_edited() {
        use std::os::unix::ffi::OsStrExt as _;
        let odd = Path::new(std::ffi::OsStr::from_bytes(b"/data/\xff"));
        let mut field = PathField::default();
        field.set(odd);
        assert_eq!(field.path(), odd);
        field.text = " /data/plain ".to_owned();
        assert_eq!(field.path(), Path::new("/data/plain"));
    }
}
