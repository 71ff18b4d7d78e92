//! Text that came from a device, made fit for a page: characters that would hide, reorder or command are shown as what they are.
//!
//! Escaping of markup is askama's; this is about what remains dangerous or misleading in plain text. Nothing is cut: a raw value is
//! proof only when it is whole, so the style sheet deals with length.

use std::borrow::{Borrow, Cow};
use std::fmt::Write as _;

/// One line: every control character is shown, line breaks too.
pub fn line(text: &str) -> Cow<'_, str> {
    shown(text, |_| false)
}

/// Several lines: line feeds stay, all else is as in [`line()`].
pub fn block(text: &str) -> Cow<'_, str> {
    shown(text, |c| c == '\n')
}

fn shown(text: &str, keeps: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| hides(c) && !keeps(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if !hides(c) || keeps(c) {
            out.push(c);
        } else if let Some(picture) = picture(c) {
            out.push(picture);
        } else {
            let _ = write!(out, "[U+{:04X}]", u32::from(c));
        }
    }
    Cow::Owned(out)
}

/// Unicode's picture of an ASCII control character.
fn picture(c: char) -> Option<char> {
    match u32::from(c) {
        code @ 0..0x20 => char::from_u32(0x2400 + code),
        0x7f => Some('\u{2421}'),
        _ => None,
    }
}

/// Controls, and the invisible characters that reorder text or make two names look alike. Marks that scripts need to be read
/// (combining ones) are none of these.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A number with its thousands set apart: `12,345`.
pub fn number(n: impl Borrow<u64>) -> String {
    let n = n.borrow();
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with its noun: `1 device`, `2,000 devices`.
pub fn counted(n: impl Borrow<u64>, one: &str, many: &str) -> String {
    let n = *n.borrow();
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// The size of a file: `1.8 MB`.
pub fn size(bytes: impl Borrow<u64>) -> String {
    let mut size = *bytes.borrow() as f64 / 1000.0;
    let mut unit = "kB";
    for larger in ["MB", "GB"] {
        if size < 1000.0 {
            break;
        }
        size /= 1000.0;
        unit = larger;
    }
    format!("{size:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_cannot_command_a_terminal_or_turn_text_around() {
        assert_eq!(line("a\u{1b}[31mb\r\n"), "a␛[31mb␍␊");
        assert_eq!(line("exe\u{202e}txt.\u{200b}"), "exe[U+202E]txt.[U+200B]");
        assert_eq!(line("\u{9b}1m\u{7f}"), "[U+009B]1m␡");
    }

    #[test]
    fn lists_keep_their_lines_and_foreign_names_stay_readable() {
        assert_eq!(block("one\ntwo\0"), "one\ntwo␀");
        assert_eq!(line("Größe-東京-חיפה"), "Größe-東京-חיפה");
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        assert_eq!(size(900), "0.9 kB");
        assert_eq!(size(1_840_000), "1.8 MB");
        assert_eq!(size(5_000_000_000_000), "5000.0 GB");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_000), "1,000");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(counted(1, "device", "devices"), "1 device");
        assert_eq!(counted(2_000, "device", "devices"), "2,000 devices");
    }
}
