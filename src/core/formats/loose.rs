//! Fields of other people's JSON: of whatever type, bounded, and without being kept where they are of no use.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Most outputs that are named.
pub(super) const NAMES: usize = 1 << 17;

/// Largest side in pixels that is believed.
const SIDE: f64 = 4096.0;

/// A field of whatever type.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Loose {
    Text(String),
    Number(f64),
    Flag(bool),
    Numbers(Vec<f64>),
    Texts(Vec<String>),
    /// Texts by key, in the file's order.
    Named(Vec<(String, String)>),
    /// Of no use to anybody here.
    #[default]
    Other,
}

impl Loose {
    pub fn text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    pub fn flag(&self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(*flag) } else { None }
    }

    /// One number for each colour, or one for all.
    pub fn colours(&self) -> Option<[f64; 3]> {
        match self {
            Self::Number(all) => Some([*all; 3]),
            Self::Numbers(numbers) => numbers.as_slice().try_into().ok(),
            _ => None,
        }
    }

    /// Pixels, or channels, rows and columns of a square.
    pub fn side(&self) -> Option<usize> {
        let side = match self {
            Self::Number(side) => *side,
            Self::Numbers(sizes) => match sizes[..] {
                [height, width] | [_, height, width] if height == width => width,
                _ => return None,
            },
            _ => return None,
        };
        (side.fract() == 0.0 && (1.0..=SIDE).contains(&side)).then_some(side as usize)
    }

    pub fn texts(self) -> Option<Vec<String>> {
        if let Self::Texts(texts) = self { Some(texts) } else { None }
    }

    /// Texts by numbers from 0 on; none where they are but the numbers, as transformers fills in.
    pub fn numbered(self) -> Option<Vec<String>> {
        let Self::Named(named) = self else { return None };
        let mut texts = vec![None; named.len()];
        let mut told = false;
        for (key, text) in named {
            let number: usize = key.parse().ok()?;
            told |= text != format!("LABEL_{number}");
            *texts.get_mut(number)? = Some(text);
        }
        texts.into_iter().collect::<Option<Vec<_>>>().filter(|texts| told && !texts.is_empty())
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
        Ok(Loose::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Loose, E> {
        Ok(Loose::Flag(flag))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Loose, E> {
        Ok(Loose::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Loose, E> {
        Ok(Loose::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Loose, E> {
        Ok(Loose::Number(number as f64))
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Loose, A::Error> {
        let (mut numbers, mut texts) = (Vec::new(), Vec::new());
        let mut usable = true;
        while usable {
            match items.next_element()? {
                Some(Loose::Number(number)) => numbers.push(number),
                Some(Loose::Text(text)) => texts.push(text),
                Some(_) => usable = false,
                None => break,
            }
            usable &= (numbers.is_empty() || texts.is_empty()) && numbers.len() <= 3 && texts.len() <= NAMES;
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(match (usable, texts.is_empty()) {
            (false, _) => Loose::Other,
            (true, true) => Loose::Numbers(numbers),
            (true, false) => Loose::Texts(texts),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let mut named = Vec::new();
        let mut usable = true;
        while usable {
            match map.next_entry()? {
                Some((key, Loose::Text(text))) if named.len() < NAMES => named.push((key, text)),
                Some(_) => usable = false,
                None => break,
            }
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(if usable { Loose::Named(named) } else { Loose::Other })
    }
}
