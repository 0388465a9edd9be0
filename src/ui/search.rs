//! How well texts answer what somebody types: whole words first, then parts of words, then letters in order, then words
//! that are spelt alike.

/// How far a text is from what was typed; less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Distance(u8, u32);

impl Distance {
    /// That of a text which is no answer itself, but what is said of it mentions what was typed.
    pub const MENTIONED: Self = Self(7, 0);
}

/// The least likeness of two words that are taken for the same one, misspelt.
const ALIKE: f64 = 0.75;
/// Shorter words are like too many others.
const LEAST_LETTERS: usize = 4;

/// How far `text` is from `typed`, both in lower case; `None` where it is no answer. Everything answers nothing.
#[must_use]
pub fn distance(typed: &str, text: &str) -> Option<Distance> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Some(Distance(0, 0));
    }
    let rest = text.chars().count().saturating_sub(typed.chars().count()) as u32;
    if text == typed {
        return Some(Distance(0, 0));
    }
    if text.starts_with(typed) {
        return Some(Distance(1, rest));
    }
    if let Some(at) = text.find(typed) {
        let begins = text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        return Some(Distance(if begins { 2 } else { 3 }, at as u32));
    }
    if typed.split_whitespace().all(|word| text.contains(word)) {
        return Some(Distance(4, rest));
    }
    in_order(typed, text).or_else(|| misspelt(typed, text))
}

/// The letters in their order, the first at a word's beginning: "chob" for "check observer".
fn in_order(typed: &str, text: &str) -> Option<Distance> {
    let letters: Vec<char> = typed.chars().filter(|c| !c.is_whitespace()).collect();
    let text: Vec<char> = text.chars().collect();
    let begins = |at: usize| at == 0 || !text[at - 1].is_alphanumeric();
    let span = |from: usize| {
        let mut at = from;
        for letter in &letters {
            at += text.get(at..)?.iter().position(|c| c == letter)? + 1;
        }
        Some(at - from)
    };
    let starts = (0..text.len()).filter(|&at| begins(at) && letters.first() == Some(&text[at]));
    let least = starts.filter_map(span).min()?;
    // Letters that are strewn over a whole path are no answer.
    (least <= 6 * letters.len()).then_some(Distance(5, least as u32))
}

/// Each word that was typed is spelt like one of the text's.
fn misspelt(typed: &str, text: &str) -> Option<Distance> {
    let words = || text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut furthest = 1.0f64;
    for word in typed.split_whitespace() {
        let long = word.chars().count() >= LEAST_LETTERS;
        let likeness = |other: &str| {
            if other.starts_with(word) {
                1.0
            } else if long {
                strsim::normalized_damerau_levenshtein(word, other)
            } else {
                0.0
            }
        };
        furthest = furthest.min(words().map(likeness).fold(0.0, f64::max));
    }
    (furthest >= ALIKE).then_some(Distance(6, (1e3 * (1.0 - furthest)) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_come_before_parts_of_words_letters_in_order_and_misspelt_ones() {
        let texts = ["check", "check observer", "run the check", "recheck", "change the hue of cats, k", "chekc this"];
        let distances: Vec<Distance> = texts.iter().map(|text| distance("check", text).unwrap()).collect();
        assert!(distances.is_sorted(), "{distances:?}");
        assert_eq!(distances.iter().map(|d| d.0).collect::<Vec<_>>(), [0, 1, 2, 3, 5, 6]);
        assert_eq!(distance("check", "score patches"), None);
    }

    #[test]
    fn words_may_stand_in_any_order_and_nothing_asks_for_all() {
        assert_eq!(distance("patches score", "score patches").unwrap().0, 4);
        assert_eq!(distance("scp", "score patches").unwrap().0, 5);
        assert_eq!(distance(" ", "anything"), Some(Distance(0, 0)));
        assert!(distance("xyz", "score patches").is_none());
        assert!(distance("über", "tür über der straße").is_some());
    }

    #[test]
    fn a_slip_of_the_finger_is_forgiven_in_long_words_alone() {
        assert!(distance("obsrever", "load observer").is_some());
        assert!(distance("dgo", "dog").is_none());
    }
}
