//! Measured numbers in JSON: what is read is written again to the same text, and no number makes a file unreadable.
//!
//! JSON has no word for infinite values, and readers of JSON, this program's own included, may miss the last of 16 or 17
//! digits. So a value that would not survive keeps 15 digits, and `"inf"`, `"-inf"` and `"nan"` stand for the others.
//!
//! serde_json's feature `float_roundtrip` would read all digits, but not help here: what trainings and stored labels are
//! known by is a hash of texts with these digits, and folders with such hashes exist.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use serde_json::Value;

/// For `#[serde(with = …)]`.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match word(*value) {
        Some(word) => serializer.serialize_str(word),
        None => serializer.serialize_f64(kept(*value)),
    }
}

/// What stands for a value that JSON has no number for.
fn word(value: f64) -> Option<&'static str> {
    match value {
        v if v.is_nan() => Some("nan"),
        f64::INFINITY => Some("inf"),
        f64::NEG_INFINITY => Some("-inf"),
        _ => None,
    }
}

/// For `#[serde(with = …)]`.
///
/// # Errors
/// The deserializer's, and other words than the three.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Spelling {
        Number(f64),
        Word(String),
    }
    match Spelling::deserialize(deserializer)? {
        Spelling::Number(value) => Ok(value),
        Spelling::Word(word) => match word.as_str() {
            "inf" => Ok(f64::INFINITY),
            "-inf" => Ok(f64::NEG_INFINITY),
            "nan" => Ok(f64::NAN),
            other => Err(D::Error::custom(format!("'{other}' is no number, \"inf\", \"-inf\" or \"nan\""))),
        },
    }
}

/// The value, or the nearest one of 15 or fewer digits that survives.
#[must_use]
pub fn kept(value: f64) -> f64 {
    let survives = |v: &f64| serde_json::to_string(v).is_ok_and(|t| serde_json::from_str(&t).ok() == Some(*v));
    let rounded = |digits: usize| format!("{value:.digits$e}").parse().unwrap_or(value);
    // A digit alone always survives, but for the most extreme exponents.
    std::iter::once(value).chain((0..15).rev().map(rounded)).find(survives).unwrap_or(0.0)
}

/// The JSON value with all its numbers [`kept`].
#[must_use]
pub fn kept_in(value: Value) -> Value {
    match value {
        Value::Number(n) if n.is_f64() => n.as_f64().map(kept).into(),
        Value::Array(items) => items.into_iter().map(kept_in).collect(),
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, v)| (name, kept_in(v))).collect()),
        other => other,
    }
}

/// For `#[serde(serialize_with = …)]`: a whole structure with all its numbers [`kept`].
///
/// # Errors
/// The serializer's.
pub fn all<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    kept_in(serde_json::to_value(value).map_err(S::Error::custom)?).serialize(serializer)
}

/// The same for two values that may be absent.
pub mod pair {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct One(#[serde(with = "super")] f64);

    /// For `#[serde(with = …)]`.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(pair: &Option<(f64, f64)>, serializer: S) -> Result<S::Ok, S::Error> {
        pair.map(|(a, b)| (One(a), One(b))).serialize(serializer)
    }

    /// For `#[serde(with = …)]`.
    ///
    /// # Errors
    /// The deserializer's.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(f64, f64)>, D::Error> {
        Ok(Option::<(One, One)>::deserialize(deserializer)?.map(|(a, b)| (a.0, b.0)))
    }
}

/// A single-precision number that is restored bit by bit.
pub mod single {
    use super::{Deserializer, Serializer, word};

    /// For `#[serde(with = …)]`.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(word) = word((*value).into()) {
            return serializer.serialize_str(word);
        }
        // JSON readers go through f64. The shortest decimal of an f32 may, in rare cases, lie so near the middle of
        // two f32 that this second rounding moves it; then the longer decimal of the same value is written.
        let restored = value.to_string().parse::<f64>().map(|v| v as f32);
        if restored.is_ok_and(|r| r.to_bits() == value.to_bits()) {
            serializer.serialize_f32(*value)
        } else {
            serializer.serialize_f64(f64::from(*value))
        }
    }

    /// For `#[serde(with = …)]`.
    ///
    /// # Errors
    /// The deserializer's, and other words than the three.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        Ok(super::deserialize(deserializer)? as f32)
    }
}

#[cfg(test)]
mod tests {
    use crate::core::rng::Stream;

    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    struct Two {
        #[serde(with = "super")]
        one: f64,
        #[serde(with = "super::pair")]
        both: Option<(f64, f64)>,
    }

    #[derive(serde::Serialize, serde::Deserialize)]
    struct One {
        #[serde(with = "super::single")]
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
    fn what_is_read_is_written_again_to_the_same_text() {
        let mut stream = Stream::new("stillroom 2026 test", 5, &[]);
        let measured = (0..20_000).map(|_| stream.range(-9.0, 9.0).exp());
        let mut other = Stream::new("stillroom 2026 test", 6, &[]);
        let any = (0..20_000).map(|_| f64::from_bits(other.bits()));
        let special = [0.0, 4.0 / 3.0, 1e-8, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        let mut moved = 0;
        for value in measured.chain(any).chain(special) {
            let text = serde_json::to_string(&Two { one: value, both: Some((value, -value)) }).unwrap();
            let back: Two = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&back).unwrap(), text);
            // Fewer digits survive with exponents beyond all that is measured.
            let measured = (1e-9..1e18).contains(&value.abs());
            assert!(!measured || (back.one - value).abs() <= value.abs() * 1e-13, "{value}: {text}");
            moved += u32::from(back.one.to_bits() != value.to_bits());
        }
        assert!(moved > 100, "without need for this module, remove it");
        assert!(serde_json::to_string(&Two { one: 0.5, both: None }).unwrap().contains("null"));
        assert!(serde_json::from_str::<Two>(r#"{"one":"big","both":null}"#).is_err());
    }
}
