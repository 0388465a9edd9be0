//! File names as bytes, and their reversible spelling as text.
//!
//! File systems allow names that are not UTF-8. Internally names are bytes; manifests, databases and screens show
//! [`escape`]d text, from which [`unescape`] restores the very bytes.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// Spells `bytes` as text: valid UTF-8 stays, a backslash and every byte that is not UTF-8 or a control
/// character becomes `\xHH`. [`unescape`] is its inverse.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' || c.is_control() {
                let mut buffer = [0; 4];
                for byte in c.encode_utf8(&mut buffer).bytes() {
                    // Writing to a String cannot fail.
                    let _ = write!(text, "\\x{byte:02x}");
                }
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// The bytes that [`escape`] spelled as `text`; `None` if a backslash does not begin a `\xHH`.
#[must_use]
pub fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'\\' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let digits = tail.strip_prefix(b"x")?.get(..2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = tail.get(3..)?;
    }
    Some(bytes)
}

/// A name in Unicode's composed form (NFC), the one to compare by: macOS's archives and file systems spell é as e and an
/// accent. The name itself stays as it is, since draws and fingerprints depend on its bytes.
#[must_use]
pub fn composed(name: &str) -> Cow<'_, str> {
    match is_nfc_quick(name.chars()) {
        IsNormalized::Yes => Cow::Borrowed(name),
        _ => Cow::Owned(name.nfc().collect()),
    }
}

/// Whether two names read the same, however Unicode composes their characters.
#[must_use]
pub fn alike(a: &str, b: &str) -> bool {
    a == b || composed(a) == composed(b)
}

/// Names that Windows keeps for devices, whatever ending they have.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// A name made of `name` that every file system takes: letters and digits of any script, `-`, `_` and `.`, composed; no
/// dot at either end, no device of Windows, at most 80 bytes. Different names may become one.
#[must_use]
pub fn portable(name: &str) -> String {
    const LONGEST: usize = 80;
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let mut text: String = composed(name).chars().map(plain).collect();
    text.truncate(text.floor_char_boundary(LONGEST));
    let text = text.trim_matches('.');
    let stem = text.split('.').next().unwrap_or_default().to_lowercase();
    let numbered = |device: &str| stem.strip_prefix(device).is_some_and(|n| matches!(n.as_bytes(), [b'1'..=b'9']));
    if DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt") || text.is_empty() {
        format!("_{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portable_name_is_one_everywhere() {
        for (name, due) in [
            ("n01440764", "n01440764"),
            ("great white shark", "great_white_shark"),
            ("a/b\\c:d*e?f\"g<h>i|j", "a_b_c_d_e_f_g_h_i_j"),
            ("../../etc", "_.._etc"),
            (".hidden", "hidden"),
            ("ends.", "ends"),
            ("..", "_"),
            ("", "_"),
            ("NUL", "_NUL"),
            ("com1.txt", "_com1.txt"),
            ("comb", "comb"),
            ("e\u{301}te\u{301}", "\u{e9}t\u{e9}"),
            ("\u{732b}", "\u{732b}"),
        ] {
            assert_eq!(portable(name), due, "{name}");
        }
        assert_eq!(portable(&"\u{732b}".repeat(99)).len(), 78);
    }

    #[test]
    fn odd_names_survive_the_round_trip() {
        for name in [&b"cat/0001.jpg"[..], b"a\\b", b"\xff\xfe.png", "тест\n.jpg".as_bytes(), b""] {
            let text = escape(name);
            assert!(!text.chars().any(char::is_control));
            assert_eq!(unescape(&text).as_deref(), Some(name), "{text}");
        }
        assert_eq!(escape(b"a\xffb"), "a\\xffb");
        assert_eq!(unescape("a\\q"), None);
        assert_eq!(unescape("a\\x1"), None);
    }

    #[test]
    fn names_are_alike_in_any_form() {
        assert!(
            alike("caf\u{e9}", "cafe\u{301}") && alike("\u{ace0}\u{c591}", "\u{1100}\u{1169}\u{110b}\u{1163}\u{11bc}")
        );
        assert!(!alike("cafe", "caf\u{e9}") && !alike("Cat", "cat"));
        assert!(matches!(composed("plain"), Cow::Borrowed("plain")));
    }
}
