//! Error codes of Windows Update, servicing, the network and trust: what a code is called, means and asks for.

use std::sync::LazyLock;

use super::{column, rows};

/// The day up to which the table was collected.
pub(super) const DATED: &str = "2026-11-20";

const TABLE: &str = include_str!("../../data/wu-error-codes.tsv");

/// By code.
static CODES: LazyLock<Vec<ErrorCode>> = LazyLock::new(|| {
    let mut codes: Vec<ErrorCode> = rows(TABLE)
        .filter_map(|row| ErrorCode::parse(&row))
        .collect();
    codes.sort_by_key(|c| c.code);
    codes
});

/// An error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    /// Its number.
    pub code: u32,
    /// Its symbolic name, `WU_E_PT_HTTP_STATUS_DENIED`.
    pub name: &'static str,
    /// What it belongs to, `WU protocol`.
    pub area: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What usually mends it.
    pub fix: &'static str,
}

impl ErrorCode {
    fn parse(row: &[&'static str]) -> Option<Self> {
        let digits = column(row, 0).strip_prefix("0x")?;
        Some(Self {
            code: u32::from_str_radix(digits, 16).ok()?,
            name: column(row, 1),
            area: column(row, 2),
            meaning: column(row, 3),
            fix: column(row, 4),
        })
    }
}

/// The code of that number.
pub fn error_code(code: u32) -> Option<&'static ErrorCode> {
    let place = CODES.binary_search_by_key(&code, |c| c.code).ok()?;
    CODES.get(place)
}

/// A code in its one spelling with what it means, `0x8024402C (WU_E_PT_WINHTTP_NAME_NOT_RESOLVED: ...)`; alone where nothing is known.
pub fn in_words(spelled: &str) -> String {
    let number = spelled
        .strip_prefix("0x")
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match number.and_then(error_code) {
        Some(known) => format!("{spelled} ({}: {})", known.name, lower_first(known.meaning)),
        None => spelled.to_owned(),
    }
}

/// The text with a small first letter, unless its first word is written in capitals.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// Number of codes.
pub(super) fn count() -> usize {
    CODES.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_of_error_codes_is_whole() {
        assert_eq!(rows(TABLE).count(), count());
        assert!(CODES.windows(2).all(|two| two[0].code < two[1].code));
        for code in CODES.iter() {
            for text in [code.name, code.area, code.meaning, code.fix] {
                assert!(!text.is_empty(), "{:#X} lacks a column", code.code);
            }
        }
    }

    #[test]
    fn a_code_is_told_in_words_where_it_is_known() {
        let told = in_words("0x8024402C");
        assert!(
            told.starts_with("0x8024402C (WU_E_PT_WINHTTP_NAME_NOT_RESOLVED: "),
            "{told}"
        );
        assert_eq!(in_words("0x8FFFFFFF"), "0x8FFFFFFF");
        assert_eq!(in_words("soon"), "soon");
    }
}
