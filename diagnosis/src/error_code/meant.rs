//! Which code a text means that is one code as a whole.

use super::number::{Kind, Number};
use super::written::{Notation, read, spelled};

/// A code that was meant, with what had to be decided to say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// The code.
    pub code: u32,
    /// What the text was taken for, where it could be something else.
    pub taken_as: Option<String>,
}

impl Meant {
    /// The code that a text is as a whole; nothing where it is none. Codes inside of longer texts are
    /// [`mentioned`](super::mentioned()).
    pub fn by(text: &str) -> Option<Self> {
        let text = bare(text);
        let (number, notation) = read(text)?;
        Some(match notation {
            Notation::Decimal => Number::bare(number)
                .map_or_else(|| Self::of(number), |bare| Self::by_number(text, bare)),
            Notation::Hexadecimal | Notation::BareHexadecimal => {
                let system = Number::of_system(number);
                let mut meant =
                    system.map_or_else(|| Self::of(number), |bare| Self::by_number(text, bare));
                let decimal = text.bytes().all(|b| b.is_ascii_digit());
                if decimal && notation == Notation::BareHexadecimal && system.is_none() {
                    meant.taken_as = Some(format!(
                        "{text} is taken for {}: codes are written with eight hexadecimal digits, and no code is this number in decimal",
                        spelled(number)
                    ));
                }
                meant
            }
        })
    }

    /// A code about which nothing had to be decided.
    pub(super) const fn of(code: u32) -> Self {
        Self {
            code,
            taken_as: None,
        }
    }

    /// A number that stands alone, as `text` writes it.
    pub(super) fn by_number(text: &str, number: Number) -> Self {
        let code = number.code();
        let (value, kind) = (number.value, number.kind);
        let taken_for = match kind {
            Kind::HttpStatus => format!(
                "{text} is taken for HTTP status {value}, as in {}; as an error of Win32 it would be {}",
                spelled(code),
                spelled(0x8007_0000 | u32::from(value))
            ),
            Kind::Winsock | Kind::WinHttp | Kind::Win32 => format!(
                "{text} is taken for error {value} of {}, which is wrapped as {}",
                kind.name(),
                spelled(code)
            ),
        };
        Self {
            code,
            taken_as: Some(taken_for),
        }
    }
}

/// Without the quotes, parentheses and stops that a code is copied with.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || "\"'`()[]{}<>.,;:!?".contains(c))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    fn code(text: &str) -> Option<u32> {
        Meant::by(text).map(|meant| meant.code)
    }

    fn said(text: &str) -> String {
        Meant::by(text).unwrap().taken_as.unwrap_or_default()
    }

    #[test]
    fn a_code_may_be_copied_with_what_stands_around_it() {
        for text in [
            "(0x80070005)",
            "\"80070005\".",
            " 0x80070005, ",
            "[-2147024891]",
        ] {
            assert_eq!(code(text), Some(0x8007_0005), "{text}");
        }
        for text in ["", "()", "soon", "0x80070005 0x80070006"] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_bare_number_is_taken_for_is_said() {
        assert_eq!(code("10060"), Some(0x8007_274C));
        assert_eq!(
            said("10060"),
            "10060 is taken for error 10060 of Winsock, which is wrapped as 0x8007274C"
        );
        assert_eq!(code("12002"), Some(0x8007_2EE2));
        assert_eq!(code("1603"), Some(0x8007_0643));
        assert_eq!(code("404"), Some(0x8019_0194));
        assert_eq!(
            said("404"),
            "404 is taken for HTTP status 404, as in 0x80190194; as an error of Win32 it would be 0x80070194"
        );
        assert_eq!(code("0x194"), Some(0x8007_0194), "no status is written so");
        assert_eq!(code("2359302"), Some(0x0024_0006), "wusa's");
    }

    #[test]
    fn eight_digits_are_hexadecimal_and_that_is_said() {
        assert_eq!(code("80244007"), Some(0x8024_4007));
        assert!(said("80244007").contains("hexadecimal"));
        assert_eq!(said("8024402C"), "");
        assert_eq!(code("00240006"), Some(0x0024_0006));
        assert_eq!(said("2149859372"), "");
    }
}
