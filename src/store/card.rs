//! The observer's card: a JSON file `<weights>.json` that says what the weights themselves don't.
//!
//! Every field is optional: `arch` (network name), `side` (input side in pixels), `mean` and `std` (three numbers
//! each, for values in [0, 1]), `classes` (names of the outputs in order), `top1` (percent on the observer's own test
//! images), `source` (where the weights come from, in words).

use std::path::{Path, PathBuf};

use super::files::{FileError, Written, read_small, shown, write_new};

const LIMIT: u64 = 16 << 20;

/// What a card says.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Card {
    /// Network, as `--arch` takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// Side of the input in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<u32>,
    /// Mean of R, G, B for values in [0, 1]; comes with `std`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<[f32; 3]>,
    /// Standard deviation of R, G, B; comes with `mean`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub std: Option<[f32; 3]>,
    /// Names of the outputs in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// Top-1 accuracy in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top1: Option<f64>,
    /// Where the weights come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Why a card could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A field is of another type, or the file is no JSON object.
    #[error("{}: not an observer's card: {why}", shown(.path))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what is expected.
        why: String,
    },
    /// There is another card.
    #[error("{}: exists with other contents and was left as it is; move it away or give the weights another name", shown(.0))]
    Exists(PathBuf),
}

/// The card's path: the name of the weights with `.json` behind it.
#[must_use]
pub fn path_of(weights: &Path) -> PathBuf {
    let mut name = weights.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

/// Reads the card of `weights`, with notes about fields that are not known; `None` where there is no card.
///
/// # Errors
/// [`CardError`], which names the card and the field.
pub fn read(weights: &Path) -> Result<Option<(Card, Vec<String>)>, CardError> {
    let path = path_of(weights);
    let text = match read_small(&path, LIMIT) {
        Ok(text) => text,
        Err(e) if e.source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let (card, notes) = parse(&text).map_err(|why| CardError::Malformed { path: path.clone(), why })?;
    Ok(Some((card, notes.map(|n| format!("{}: {n}", shown(&path))).into_iter().collect())))
}

/// The card and a note about unknown fields.
///
/// # Errors
/// What is wrong with the text.
pub fn parse(text: &[u8]) -> Result<(Card, Option<String>), String> {
    let fields: Fields = serde_json::from_slice(text).map_err(|e| match e.classify() {
        serde_json::error::Category::Data if e.to_string().starts_with('\'') => e.to_string(),
        _ => format!("{e}; expected a JSON object of arch, side, mean, …"),
    })?;
    check(&fields.card)?;
    let mut unknown = fields.unknown.join(", ");
    if fields.more > 0 {
        unknown.push_str(&format!(" and {} more", fields.more));
    }
    Ok((fields.card, (!unknown.is_empty()).then(|| format!("unknown fields ignored: {unknown}"))))
}

/// Unknown fields that are named.
const NAMED: usize = 12;

/// The fields of a card, one by one, so that what is unknown takes no memory.
#[derive(Default)]
struct Fields {
    card: Card,
    unknown: Vec<String>,
    more: usize,
}

impl<'de> serde::Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Visitor)
    }
}

struct Visitor;

impl<'de> serde::de::Visitor<'de> for Visitor {
    type Value = Fields;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        let card = &mut fields.card;
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "arch" => card.arch = field(&mut map, &name, "a network name")?,
                "side" => card.side = field(&mut map, &name, "a whole number of pixels")?,
                "mean" => card.mean = field(&mut map, &name, "three numbers")?,
                "std" => card.std = field(&mut map, &name, "three numbers")?,
                "classes" => card.classes = field(&mut map, &name, "a list of names")?,
                "top1" => card.top1 = field(&mut map, &name, "a number in percent")?,
                "source" => card.source = field(&mut map, &name, "a text")?,
                _ => {
                    map.next_value::<serde::de::IgnoredAny>()?;
                    if fields.unknown.len() < NAMED {
                        fields.unknown.push(name);
                    } else {
                        fields.more += 1;
                    }
                }
            }
        }
        Ok(fields)
    }
}

fn field<'de, T: serde::Deserialize<'de>, A: serde::de::MapAccess<'de>>(
    map: &mut A,
    name: &str,
    expected: &str,
) -> Result<Option<T>, A::Error> {
    let wrong = |e: A::Error| serde::de::Error::custom(format!("'{name}' must be {expected} ({e})"));
    map.next_value::<Option<T>>().map_err(wrong)
}

fn check(card: &Card) -> Result<(), String> {
    if card.side.is_some_and(|side| side == 0 || side > 4096) {
        return Err("'side' must be from 1 to 4096 pixels".to_owned());
    }
    if card.mean.is_some() != card.std.is_some() {
        return Err("'mean' and 'std' belong together: give both or none".to_owned());
    }
    if card.mean.is_some_and(|m| m.iter().any(|v| !v.is_finite())) {
        return Err("'mean' must be finite numbers".to_owned());
    }
    if card.std.is_some_and(|s| s.iter().any(|v| !v.is_finite() || *v <= 0.0)) {
        return Err("'std' must be finite numbers above 0".to_owned());
    }
    if card.top1.is_some_and(|t| !(0.0..=100.0).contains(&t)) {
        return Err("'top1' must be a percentage from 0 to 100".to_owned());
    }
    Ok(())
}

/// Writes the card of `weights`; an equal card is left as it is.
///
/// # Errors
/// [`CardError`] where a value can't be in a card, the folder is not writable or full, or another card exists.
pub fn write(weights: &Path, card: &Card) -> Result<PathBuf, CardError> {
    let path = path_of(weights);
    let malformed = |why| CardError::Malformed { path: path.clone(), why };
    check(card).map_err(malformed)?;
    let mut text = serde_json::to_vec_pretty(card).map_err(|e| malformed(e.to_string()))?;
    text.push(b'\n');
    match write_new(&path, &text)? {
        Written::New | Written::Same => Ok(path),
        Written::Differs => Err(CardError::Exists(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("net.v1.pth");
        assert_eq!(read(&weights).unwrap(), None);
        let card = Card {
            arch: Some("conv3".into()),
            side: Some(32),
            mean: Some([0.485, 0.456, 0.406]),
            std: Some([0.229, 0.224, 0.225]),
            classes: Some(vec!["a".into(), "b".into()]),
            top1: Some(84.9),
            source: Some("trained here".into()),
        };
        assert_eq!(write(&weights, &card).unwrap(), folder.path().join("net.v1.pth.json"));
        assert_eq!(read(&weights).unwrap(), Some((card.clone(), vec![])));
        write(&weights, &card).unwrap();
        let other = Card { top1: None, ..card };
        assert!(matches!(write(&weights, &other), Err(CardError::Exists(_))));
    }

    #[test]
    fn every_field_is_optional_and_unknown_ones_are_noted() {
        assert_eq!(parse(b"{}").unwrap(), (Card::default(), None));
        let (card, note) = parse(br#"{"side": 64, "epochs": 3, "author": "x"}"#).unwrap();
        assert_eq!(card, Card { side: Some(64), ..Card::default() });
        let note = note.unwrap();
        assert!(note.contains("author") && note.contains("epochs"), "{note}");
        assert_eq!(parse(br#"{"arch": null}"#).unwrap().0, Card::default());
    }

    #[test]
    fn wrong_fields_are_named() {
        for (text, why) in [
            (r#"{"side": "big"}"#, "'side' must be a whole number"),
            (r#"{"side": 0}"#, "'side' must be from 1"),
            (r#"{"mean": [0.5, 0.5, 0.5]}"#, "belong together"),
            (r#"{"mean": [0, 0], "std": [1, 1, 1]}"#, "'mean' must be three numbers"),
            (r#"{"mean": [0, 0, 0], "std": [1, 0, 1]}"#, "'std' must be finite numbers above 0"),
            (r#"{"mean": [1e99, 0, 0], "std": [1, 1, 1]}"#, "'mean' must be finite"),
            (r#"{"top1": 0.5, "classes": "cat"}"#, "'classes' must be a list"),
            (r#"{"top1": 101}"#, "'top1' must be a percentage"),
            ("[1]", "expected a JSON object"),
            ("", "expected a JSON object"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("w.pth");
        std::fs::write(path_of(&weights), b"{").unwrap();
        let error = read(&weights).unwrap_err().to_string();
        assert!(error.contains("w.pth.json: not an observer's card: EOF"), "{error}");
    }
}
