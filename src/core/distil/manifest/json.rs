//! How a manifest is spelt as JSON: losses exactly, and one line per cell.

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

/// An f32 as a JSON number that restores it bit by bit, or as `"inf"`, `"-inf"`, `"nan"`.
pub(super) mod loss {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(in crate::core) fn serialize<S: Serializer>(loss: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        if loss.is_nan() {
            return serializer.serialize_str("nan");
        }
        if loss.is_infinite() {
            return serializer.serialize_str(if *loss > 0.0 { "inf" } else { "-inf" });
        }
        // JSON readers go through f64. The shortest decimal of an f32 may, in rare cases, lie so near the middle of
        // two f32 that this second rounding moves it; then the longer decimal of the same value is written.
        let restored = loss.to_string().parse::<f64>().map(|v| v as f32);
        if restored.is_ok_and(|r| r.to_bits() == loss.to_bits()) {
            serializer.serialize_f32(*loss)
        } else {
            serializer.serialize_f64(f64::from(*loss))
        }
    }

    pub(in crate::core) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Spelling {
            Number(f64),
            Word(String),
        }
        match Spelling::deserialize(deserializer)? {
            Spelling::Number(value) => Ok(value as f32),
            Spelling::Word(word) => match word.as_str() {
                "inf" => Ok(f32::INFINITY),
                "-inf" => Ok(f32::NEG_INFINITY),
                "nan" => Ok(f32::NAN),
                other => Err(D::Error::custom(format!("'{other}' is no loss: a number, \"inf\", \"-inf\" or \"nan\""))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::core::rng::Stream;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct One {
        #[serde(with = "super::loss")]
        loss: f32,
    }

    #[test]
    fn every_kind_of_float_survives() {
        let mut stream = Stream::new("stillroom 2026 test", 3, &[]);
        let random = (0..200_000).map(|_| f32::from_bits(stream.bits() as u32));
        let special =
            [0.0, -0.0, f32::MIN_POSITIVE, f32::MAX, f32::MIN, f32::EPSILON, f32::INFINITY, f32::NEG_INFINITY];
        for loss in random.chain(special) {
            let text = serde_json::to_string(&One { loss }).unwrap();
            let back: One = serde_json::from_str(&text).unwrap();
            assert!(back.loss.to_bits() == loss.to_bits() || (back.loss.is_nan() && loss.is_nan()), "{text}");
        }
        assert!(serde_json::from_str::<One>(r#"{"loss":"big"}"#).is_err());
        assert!(serde_json::from_str::<One>(r#"{"loss":null}"#).is_err());
    }

    #[test]
    fn equals_the_plain_pretty_writer_where_nothing_is_deep() {
        let shallow = serde_json::json!({"a": [1, {"b": []}], "c": {}});
        let text = super::write(&shallow, 6).unwrap();
        assert_eq!(text, format!("{}\n", serde_json::to_string_pretty(&shallow).unwrap()).into_bytes());
    }
}
