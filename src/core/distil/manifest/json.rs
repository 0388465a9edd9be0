//! How a manifest is laid out as JSON: one line per cell.

use std::io;

use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

/// Objects and arrays of a manifest deeper than this are written on one line: manifest 1, classes 2, class 3, images 4,
/// image 5, cells 6, and so a cell is the first that is not broken up.
pub(super) const OPEN_LEVELS: usize = 6;

/// Writes `value` indented by two spaces down to objects and arrays of level `open` (the whole is level 1), with a
/// newline at the end.
///
/// # Errors
/// Those of the values' own writers.
pub fn write<T: serde::Serialize>(value: &T, open: usize) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = Vec::new();
    let formatter = Levelled { open, depth: 0, pretty: PrettyFormatter::new() };
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    value.serialize(&mut serializer)?;
    text.push(b'\n');
    Ok(text)
}

/// Pretty above, compact below: a manifest of 200,000 cells stays readable and is a third of the size.
struct Levelled {
    open: usize,
    depth: usize,
    pretty: PrettyFormatter<'static>,
}

/// Forwards a call to the formatter of the current depth.
macro_rules! by_depth {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        if $self.depth <= $self.open { $self.pretty.$method($($argument),*) } else { CompactFormatter.$method($($argument),*) }
    };
}

impl Formatter for Levelled {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        by_depth!(self.begin_array(writer))
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let written = by_depth!(self.end_array(writer));
        self.depth -= 1;
        written
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        by_depth!(self.begin_array_value(writer, first))
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        by_depth!(self.end_array_value(writer))
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        by_depth!(self.begin_object(writer))
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let written = by_depth!(self.end_object(writer));
        self.depth -= 1;
        written
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        by_depth!(self.begin_object_key(writer, first))
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        by_depth!(self.begin_object_value(writer))
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        by_depth!(self.end_object_value(writer))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn equals_the_plain_pretty_writer_where_nothing_is_deep() {
        let shallow = serde_json::json!({"a": [1, {"b": []}], "c": {}});
        let text = super::write(&shallow, 6).unwrap();
        assert_eq!(text, format!("{}\n", serde_json::to_string_pretty(&shallow).unwrap()).into_bytes());
    }
}
