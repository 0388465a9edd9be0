//! Comma-separated values (RFC 4180), for spreadsheets and for programs.
//!
//! Names come from folders and files of any origin, and a spreadsheet computes what begins like a formula: such text
//! gets an apostrophe before it, as spreadsheets themselves mark text. Numbers are written as they are.

use std::borrow::Cow;

/// One field of a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    /// Text of any origin.
    Text(Cow<'a, str>),
    /// A number in its spelling.
    Number(String),
    /// What is not known.
    Empty,
}

impl Field<'_> {
    /// A number with so many decimals.
    #[must_use]
    pub fn fixed(value: f64, decimals: usize) -> Self {
        Self::Number(format!("{value:.decimals$}"))
    }

    fn spelled(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) if is_formula(text) => quoted(&format!("'{text}")).into_owned().into(),
            Self::Text(text) => quoted(text),
            Self::Number(number) => number.into(),
            Self::Empty => "".into(),
        }
    }
}

impl<'a> From<&'a str> for Field<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Field<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<'a, T: Into<Field<'a>>> From<Option<T>> for Field<'a> {
    fn from(field: Option<T>) -> Self {
        field.map_or(Self::Empty, Into::into)
    }
}

/// The shortest spelling that restores the number.
macro_rules! number {
    ($($kind:ty)*) => {$(
        impl From<$kind> for Field<'_> {
            fn from(number: $kind) -> Self {
                Self::Number(number.to_string())
            }
        }
    )*};
}

number!(u32 u64 usize f32 f64);

/// A table: a line of names, then a line per row, each ended by a line feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Csv {
    columns: usize,
    text: String,
}

impl Csv {
    /// A table without rows.
    #[must_use]
    pub fn new<'a>(columns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut table = Self { columns: 0, text: String::new() };
        table.columns = table.write(columns);
        table
    }

    /// Adds a row: a field for each column.
    pub fn row<'a, F: Into<Field<'a>>>(&mut self, fields: impl IntoIterator<Item = F>) {
        let written = self.write(fields);
        debug_assert_eq!(written, self.columns, "a field for each column");
    }

    fn write<'a, F: Into<Field<'a>>>(&mut self, fields: impl IntoIterator<Item = F>) -> usize {
        let mut count = 0;
        for field in fields {
            if count > 0 {
                self.text.push(',');
            }
            self.text.push_str(&field.into().spelled());
            count += 1;
        }
        self.text.push('\n');
        count
    }

    /// The file's text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}

/// Whether a spreadsheet would compute the text instead of showing it. A plain signed number it shows.
fn is_formula(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['=', '+', '-', '@', '\t', '\r']) else { return false };
    !(rest.starts_with(|c: char| c.is_ascii_digit()) && text.parse::<f64>().is_ok())
}

/// The field, in quotes where a comma, a quote or a line's end would end it.
fn quoted(field: &str) -> Cow<'_, str> {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\"")).into()
    } else {
        field.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(field: impl Into<Field<'static>>) -> String {
        let mut table = Csv::new(["a"]);
        table.row([field.into()]);
        table.into_text().strip_prefix("a\n").unwrap().strip_suffix('\n').unwrap().to_owned()
    }

    #[test]
    fn fields_are_separated_and_quoted() {
        let mut table = Csv::new(["name", "say \"b, c\"", "loss"]);
        table.row([Field::from("a\nb"), 3_u32.into(), 0.1_f32.into()]);
        table.row([Field::from(None::<u32>), Some(1e-3).into(), Field::fixed(2.0 / 3.0, 2)]);
        assert_eq!(table.into_text(), "name,\"say \"\"b, c\"\"\",loss\n\"a\nb\",3,0.1\n,0.001,0.67\n");
        assert_eq!([line(f64::NAN), line(f32::INFINITY), line(-2.5_f64)], ["NaN", "inf", "-2.5"]);
    }

    #[test]
    fn no_name_is_a_formula() {
        let texts = ["=1+1", "@SUM(A1)", "+cmd", "-x", "\tx", "-inf", "=a,\"b\""];
        let expected = ["'=1+1", "'@SUM(A1)", "'+cmd", "'-x", "'\tx", "'-inf", "\"'=a,\"\"b\"\"\""];
        assert_eq!(texts.map(line), expected);
        for shown in ["-1", "+2.5e3", "n01443537", "a=b", "", "é", "00000/class00000_id00000.png"] {
            assert_eq!(line(shown), shown);
        }
        assert_eq!(Csv::new(["=1"]).into_text(), "'=1\n", "columns are named by classes, too");
    }
}
