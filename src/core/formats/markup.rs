//! Text within XML and HTML.

/// Text for XML and HTML, between tags or in double quotes: without the characters that mean something there, and
/// without those that XML can't hold.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(
            escaped(r#"</td><script>"a&b"</script>"#),
            "&lt;/td&gt;&lt;script&gt;&quot;a&amp;b&quot;&lt;/script&gt;"
        );
        assert_eq!(escaped("a\nb\u{0}\u{1b}[31m\u{ffff}é"), "a b\u{fffd}\u{fffd}[31m\u{fffd}é");
    }
}
