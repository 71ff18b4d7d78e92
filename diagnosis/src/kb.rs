//! The number of an update, `KB5036893`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Fewest digits of a number: the oldest that Windows still names have six.
const FEWEST_DIGITS: usize = 6;
/// Most digits.
const MOST_DIGITS: usize = 8;

/// The number of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kb(u32);

impl Kb {
    /// Understands `KB5036893`, `kb 5036893` and `5036893`; nothing around it but blanks.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = match text.get(..2) {
            Some(head) if head.eq_ignore_ascii_case("kb") => text.get(2..)?.trim_start(),
            _ => text,
        };
        Self::of_digits(digits)
    }

    /// The first number that stands in a text, such as the title of an update in whatever language.
    pub fn find(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut from = 0;
        while let Some(at) = bytes
            .get(from..)?
            .windows(2)
            .position(|two| two.eq_ignore_ascii_case(b"kb"))
        {
            let start = from + at + 2;
            let digits = bytes
                .get(start..)?
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .count();
            if let Some(found) = text.get(start..start + digits).and_then(Self::of_digits) {
                return Some(found);
            }
            from = start;
        }
        None
    }

    /// Its digits as a number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The update of that number; `None` where no update can have it.
    pub fn of_number(number: u32) -> Option<Self> {
        (10_u32.pow(FEWEST_DIGITS as u32 - 1)..10_u32.pow(MOST_DIGITS as u32))
            .contains(&number)
            .then_some(Self(number))
    }

    fn of_digits(digits: &str) -> Option<Self> {
        let all_digits = digits.bytes().all(|b| b.is_ascii_digit());
        if !all_digits || !(FEWEST_DIGITS..=MOST_DIGITS).contains(&digits.len()) {
            return None;
        }
        Self::of_number(digits.parse().ok()?)
    }
}

impl fmt::Display for Kb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KB{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_understood_however_a_person_writes_it() {
        for text in ["KB5036893", "kb5036893", " 5036893 ", "KB 5036893"] {
            assert_eq!(Kb::parse(text).map(Kb::number), Some(5_036_893), "{text}");
        }
        for none in [
            "",
            "KB",
            "KB12",
            "5036893x",
            "KB-5036893",
            "050368",
            "KB123456789",
            "ＫＢ5031358",
        ] {
            assert_eq!(Kb::parse(none), None, "{none}");
        }
    }

    #[test]
    fn a_number_is_found_in_titles_of_any_language() {
        let found = |text| Kb::find(text).map(|kb| kb.to_string());
        assert_eq!(
            found("Kumulatives Update für Windows 11 (KB5031358)").as_deref(),
            Some("KB5031358")
        );
        assert_eq!(found("KB 12 kb4023057").as_deref(), Some("KB4023057"));
        for none in ["", "KB", "Intel - Net - 12.19", "KB123", "ＫＢ5031358"] {
            assert_eq!(found(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn every_number_comes_back_from_its_spelling(number in 100_000_u32..100_000_000) {
            let kb = Kb::of_number(number).expect("in range");
            prop_assert_eq!(Kb::parse(&kb.to_string()), Some(kb));
            prop_assert_eq!(Kb::find(&format!("x ({kb}) y")), Some(kb));
        }

        #[test]
        fn no_text_breaks_it(text in any::<String>()) {
            let _ = (Kb::parse(&text), Kb::find(&text));
        }
    }
}
