//! How pickles spell long integers, and texts of protocol 0.

use super::TorchFileError;
use super::value::wrong;

/// Two's complement of any length, if it fits 64 bits: what is beyond them must be sign alone.
pub(super) fn integer(bytes: &[u8]) -> Option<i64> {
    let sign = if bytes.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
    if bytes.iter().skip(8).any(|&b| b != sign) || bytes.get(7).is_some_and(|b| (b ^ sign) & 0x80 != 0) {
        return None;
    }
    Some(i64::from_le_bytes(std::array::from_fn(|i| bytes.get(i).copied().unwrap_or(sign))))
}

/// Python's "raw-unicode-escape": Latin-1 with `\uXXXX` and `\UXXXXXXXX`.
pub(super) fn unescaped(raw: &[u8]) -> Result<String, TorchFileError> {
    let mut text = String::with_capacity(raw.len());
    let mut left = raw;
    while let Some((&first, rest)) = left.split_first() {
        let digits = match (first, rest.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                text.push(char::from(first));
                left = rest;
                continue;
            }
        };
        let code = rest.get(1..=digits).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = code.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let decoded = code.and_then(|code| match code {
            0xd800..=0xdfff => Some(char::REPLACEMENT_CHARACTER),
            code => char::from_u32(code),
        });
        text.push(decoded.ok_or_else(|| wrong("its pickle has a text that is not UTF-8"))?);
        left = &rest[1 + digits..];
    }
    Ok(text)
}

/// Whether bytes are UTF-8 but for halves of surrogate pairs, in which Python keeps the bytes of file names that are no
/// UTF-8.
pub(super) fn has_surrogates(raw: &[u8]) -> bool {
    let mut left = raw;
    while let Err(error) = std::str::from_utf8(left) {
        match &left[error.valid_up_to()..] {
            [0xed, 0xa0..=0xbf, 0x80..=0xbf, rest @ ..] => left = rest,
            _ => return false,
        }
    }
    true
}

/// The bytes of a text as Python's `repr` spells it.
pub(super) fn unquoted(raw: &[u8]) -> Result<Vec<u8>, TorchFileError> {
    let wrong = || wrong("its pickle has a text without quotes");
    let raw = raw.trim_ascii();
    let quote = *raw.first().filter(|q| matches!(q, b'\'' | b'"')).ok_or_else(wrong)?;
    let mut left = raw[1..].strip_suffix(&[quote]).ok_or_else(wrong)?;
    let mut bytes = Vec::with_capacity(left.len());
    while let Some((&first, rest)) = left.split_first() {
        left = rest;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        let (&escape, rest) = left.split_first().ok_or_else(wrong)?;
        left = rest;
        bytes.push(match escape {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'x' => {
                let digits = left.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
                let byte = digits.and_then(|hex| u8::from_str_radix(hex, 16).ok()).ok_or_else(wrong)?;
                left = &left[2..];
                byte
            }
            other => other,
        });
    }
    Ok(bytes)
}
