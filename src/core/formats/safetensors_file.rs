//! safetensors files: a JSON header that names each tensor's type, shape and place, and the tensors' bytes.
//!
//! Here is the reading half, of the header alone; the crate `safetensors` writes. Its own reader keeps a header's entries
//! in forms that take a dozen times the header's bytes, which a hostile file of nothing but a header makes use of.

use std::borrow::Cow;
use std::fmt;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::foreign::{self, Foreign};
use super::pieces::most_bytes;
use super::torch_file::Dtype;

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub key: String,
    /// Type of its values; `None` for types that nothing here computes with, such as 8-bit floats.
    pub dtype: Option<Dtype>,
    /// Shape.
    pub shape: Vec<usize>,
    /// Where its bytes lie in the file.
    pub bytes: Range<u64>,
}

/// A tensor of floats that is to be written.
#[derive(Clone, Debug)]
pub struct Floats<'a> {
    /// Shape.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: &'a [f32],
}

impl safetensors::tensor::View for Floats<'_> {
    fn dtype(&self) -> safetensors::tensor::Dtype {
        safetensors::tensor::Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>().into()
    }

    fn data_len(&self) -> usize {
        4 * self.values.len()
    }
}

/// What a file's header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Tensors in the order of their bytes.
    pub entries: Vec<Entry>,
    /// Entries of `__metadata__`, the first [`MOST_ABOUT`].
    pub about: Vec<(String, String)>,
}

/// Why bytes are no safetensors file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SafetensorsError {
    /// They are a file of another kind.
    #[error("it is {}", .0.what)]
    Foreign(Foreign),
    /// What is wrong with it.
    #[error("{0}")]
    Wrong(String),
}

/// The format's own limit.
const LONGEST_HEADER: u64 = 100_000_000;
/// Most tensors of a file, dimensions of a tensor, bytes of a name.
const MOST_TENSORS: usize = 30_000;
const MOST_DIMENSIONS: usize = 64;
const LONGEST_KEY: usize = 1000;
/// Entries of the metadata that are kept.
pub const MOST_ABOUT: usize = 1000;

impl Directory {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// [`SafetensorsError`]: it is of another kind, damaged, cut off or longer than its tensors.
    pub fn read(from: &mut (impl Read + Seek)) -> Result<Self, SafetensorsError> {
        let io = |e: std::io::Error| SafetensorsError::Wrong(e.to_string());
        let length = from.seek(SeekFrom::End(0)).map_err(io)?;
        from.rewind().map_err(io)?;
        let mut first = Vec::new();
        from.by_ref().take(foreign::HEAD).read_to_end(&mut first).map_err(io)?;
        let other =
            |why: String| foreign::by_head(&first).map_or(SafetensorsError::Wrong(why), SafetensorsError::Foreign);
        let head = first.first_chunk::<8>().copied();
        let header = u64::from_le_bytes(head.ok_or_else(|| other("it ends within its first bytes".to_owned()))?);
        if header > LONGEST_HEADER || header > length - 8 {
            return Err(other(format!("its header of {header} bytes is longer than the file")));
        }
        from.seek(SeekFrom::Start(8)).map_err(io)?;
        // Not longer than the file.
        let mut text = vec![0; header as usize];
        from.read_exact(&mut text).map_err(io)?;
        let start = 8 + header;
        let mut json = serde_json::Deserializer::from_slice(&text);
        let unlike = |e: serde_json::Error| SafetensorsError::Wrong(format!("its header describes no tensors: {e}"));
        let mut found = Header { start, length }.deserialize(&mut json).map_err(unlike)?;
        json.end().map_err(unlike)?;
        found.entries.sort_by_key(|e| (e.bytes.start, e.bytes.end));
        let mut at = start;
        for entry in &found.entries {
            if entry.bytes.start != at {
                return Err(SafetensorsError::Wrong(format!(
                    "the bytes of {} are not where those before it end",
                    entry.key
                )));
            }
            at = entry.bytes.end;
        }
        if at != length {
            return Err(SafetensorsError::Wrong(format!("its tensors end at byte {at}, the file at {length}")));
        }
        let mut keys: Vec<&str> = found.entries.iter().map(|e| e.key.as_str()).collect();
        keys.sort_unstable();
        match keys.array_windows().find(|[a, b]| a == b) {
            Some([key, _]) => Err(SafetensorsError::Wrong(format!("it holds two tensors named {key}"))),
            None => Ok(found),
        }
    }

    /// Bytes of all tensors, which end the file.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        self.entries.iter().map(|e| e.bytes.end - e.bytes.start).sum()
    }

    /// The tensor of a name.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.key == key)
    }

    /// An entry of the metadata.
    #[must_use]
    pub fn about(&self, key: &str) -> Option<&str> {
        self.about.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }
}

/// The header of a file of `length` bytes whose tensors begin at `start`.
#[derive(Clone, Copy)]
struct Header {
    start: u64,
    length: u64,
}

impl<'de> DeserializeSeed<'de> for Header {
    type Value = Directory;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Directory, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Header {
    type Value = Directory;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Directory, A::Error> {
        let mut found = Directory::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "__metadata__" {
                found.about = map.next_value::<About>()?.0;
                continue;
            }
            if key.len() > LONGEST_KEY || found.entries.len() >= MOST_TENSORS {
                return Err(de::Error::custom("too many tensors, or a name of more than 1000 bytes"));
            }
            let tensor: Described = map.next_value()?;
            found.entries.push(self.entry(key, tensor).map_err(de::Error::custom)?);
        }
        Ok(found)
    }
}

impl Header {
    fn entry(self, key: String, tensor: Described) -> Result<Entry, String> {
        let Described { dtype: name, shape: Shape(shape), data_offsets: [start, end] } = tensor;
        let place = |at: u64| self.start.checked_add(at).filter(|&at| at <= self.length);
        let bytes = place(start).zip(place(end)).filter(|(start, end)| start <= end);
        let Some((start, end)) = bytes else { return Err(format!("{key} lies beyond the file")) };
        // Extents of 0 are counted as 1: nothing may have a side that no file could hold.
        let claimed = shape.iter().try_fold(1_u64, |n, s| n.checked_mul((*s).max(1) as u64));
        if claimed.is_none_or(|n| n > most_bytes(self.length)) {
            return Err(format!("{key} is too large for a file of its size"));
        }
        let dtype = dtype_of(&name);
        let size = dtype.map(|d| (shape.iter().product::<usize>() * d.size()) as u64);
        if size.is_some_and(|size| size != end - start) {
            return Err(format!("{key} has {} bytes, not those of {name} {shape:?}", end - start));
        }
        Ok(Entry { key, dtype, shape, bytes: start..end })
    }
}

fn dtype_of(name: &str) -> Option<Dtype> {
    Some(match name {
        "F64" => Dtype::F64,
        "F32" => Dtype::F32,
        "F16" => Dtype::F16,
        "BF16" => Dtype::Bf16,
        "I64" => Dtype::I64,
        "I32" => Dtype::I32,
        "I16" => Dtype::I16,
        "I8" => Dtype::I8,
        "U8" => Dtype::U8,
        "U16" => Dtype::U16,
        "U32" => Dtype::U32,
        "U64" => Dtype::U64,
        "BOOL" => Dtype::Bool,
        _ => return None,
    })
}

/// A tensor's entry.
#[derive(serde::Deserialize)]
struct Described {
    dtype: String,
    shape: Shape,
    data_offsets: [u64; 2],
}

struct Shape(Vec<usize>);

impl<'de> serde::Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Extents;
        impl<'de> Visitor<'de> for Extents {
            type Value = Vec<usize>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a shape of at most 64 extents")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<usize>, A::Error> {
                let mut shape = Vec::new();
                while let Some(extent) = seq.next_element()? {
                    if shape.len() == MOST_DIMENSIONS {
                        return Err(de::Error::invalid_length(MOST_DIMENSIONS + 1, &self));
                    }
                    shape.push(extent);
                }
                Ok(shape)
            }
        }
        deserializer.deserialize_seq(Extents).map(Self)
    }
}

struct About(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for About {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Vec<(String, String)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = Vec::new();
                while found.len() < MOST_ABOUT
                    && let Some(entry) = map.next_entry()?
                {
                    found.push(entry);
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(found)
            }
        }
        deserializer.deserialize_map(Texts).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn read(header: &str, bytes: usize) -> Result<Directory, SafetensorsError> {
        let length = (header.len() as u64).to_le_bytes();
        let file = [&length[..], header.as_bytes(), &vec![0; bytes]].concat();
        Directory::read(&mut Cursor::new(file))
    }

    #[test]
    fn a_header_is_read_in_the_order_of_the_bytes() {
        let header = r#"{"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},"__metadata__":{"epoch":"3"},
            "a":{"dtype":"U16","shape":[2,1],"data_offsets":[0,4]},"c":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[12,15]}}"#;
        let found = read(header, 15).unwrap();
        let keys: Vec<_> = found.entries.iter().map(|e| (e.key.as_str(), e.dtype, e.shape.clone())).collect();
        let expected = [("a", Some(Dtype::U16), vec![2, 1]), ("b", Some(Dtype::F32), vec![2]), ("c", None, vec![3])];
        assert_eq!(keys, expected);
        assert_eq!((found.about("epoch"), found.about("step")), (Some("3"), None));
        let start = 8 + header.len() as u64;
        assert_eq!(found.find("b").unwrap().bytes, start + 4..start + 12);
    }

    #[test]
    fn what_a_file_can_t_hold_is_refused() {
        let one = |shape: &str, offsets: &str| {
            format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
        };
        for (header, bytes, why) in [
            (one("[4]", "[0,9999]"), 16, "beyond the file"),
            (one("[4]", "[0,16]"), 17, "its tensors end at byte"),
            (one("[3]", "[0,16]"), 16, "not those of F32"),
            (one("[4]", "[16,0]"), 16, "beyond the file"),
            (one("[4294967296,4294967296,4]", "[0,16]"), 16, "too large"),
            (one("[1152921504606846976,0]", "[0,0]"), 0, "too large"),
            (one(&format!("{:?}", [1; 65]), "[0,4]"), 4, "at most 64"),
            (r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#.to_owned(), 3, "not where"),
            (r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#.to_owned(), 2, "two tensors"),
            ("[]".to_owned(), 0, "an object of tensors"),
            ("{} x".to_owned(), 0, "trailing"),
        ] {
            let error = read(&header, bytes).unwrap_err().to_string();
            assert!(error.contains(why), "{header}: {error}");
        }
        for bytes in [&b""[..], b"1234567", &[0xff; 8], b"\x10\0\0\0\0\0\0\0{}"] {
            Directory::read(&mut Cursor::new(bytes)).unwrap_err();
        }
    }
}
