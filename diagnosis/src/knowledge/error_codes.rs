//! Error codes of Windows Update, servicing, the network and trust: what a code is called, means and asks for.

use std::cmp::Ordering;

use super::table::{Table, TableError};
use crate::error_code::{Family, Number};

/// The codes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ErrorCodes {
    /// By number.
    codes: Vec<ErrorCode>,
    /// Places of those that have a symbolic name, by that name: texts are looked through for names word by word.
    by_name: Vec<usize>,
}

/// An error code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorCode {
    /// Its number.
    pub code: u32,
    /// Its symbolic name, `WU_E_PT_HTTP_STATUS_DENIED`.
    pub name: Box<str>,
    /// What it belongs to, `WU protocol`.
    pub area: Box<str>,
    /// What it means.
    pub meaning: Box<str>,
    /// What usually mends it.
    pub fix: Box<str>,
}

impl ErrorCode {
    /// The symbolic name without remarks; nothing where it has no public one.
    pub fn symbol(&self) -> Option<&str> {
        let first = self.name.split_whitespace().next()?;
        let is_symbol = first
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_');
        is_symbol.then_some(first)
    }
}

impl ErrorCodes {
    pub(super) fn parse(table: &Table<'_>) -> Result<Self, TableError> {
        let mut codes = Vec::with_capacity(table.rows.len());
        for row in &table.rows {
            codes.push(ErrorCode {
                code: row.understood(0, "a code such as 0x8024402C", hexadecimal)?,
                name: row.filled(1, "the symbolic name")?.into(),
                area: row.filled(2, "the area")?.into(),
                meaning: row.filled(3, "the meaning")?.into(),
                fix: row.filled(4, "the fix")?.into(),
            });
        }
        table.each_once("this code", codes.iter().map(|code| code.code))?;
        codes.sort_by_key(|c| c.code);
        let mut by_name: Vec<usize> = (0..codes.len())
            .filter(|place| codes[*place].symbol().is_some())
            .collect();
        by_name.sort_by(|a, b| by_symbol(codes[*a].symbol(), codes[*b].symbol()));
        Ok(Self { codes, by_name })
    }

    pub(super) fn all(&self) -> &[ErrorCode] {
        &self.codes
    }

    pub(super) fn get(&self, code: u32) -> Option<&ErrorCode> {
        let place = self.codes.binary_search_by_key(&code, |c| c.code).ok()?;
        self.codes.get(place)
    }

    /// The code, else the number of Win32, Winsock or WinHTTP that it wraps.
    pub(super) fn wrapped_or_bare(&self, code: u32) -> Option<&ErrorCode> {
        let number = || Number::in_code(code).map(|number| u32::from(number.value));
        self.get(code).or_else(|| self.get(number()?))
    }

    /// The code of that symbolic name, in capitals or not.
    pub(super) fn named(&self, name: &str) -> Option<&ErrorCode> {
        let found = self
            .by_name
            .binary_search_by(|place| by_symbol(self.codes[*place].symbol(), Some(name)));
        self.codes.get(self.by_name[found.ok()?])
    }

    /// The code that is closest to one that the table lacks, among those that begin alike.
    pub(super) fn nearest(&self, code: u32) -> Option<&ErrorCode> {
        /// Parts of Windows number their codes in blocks of this many: 0x80244000 to 0x80244FFF.
        const BLOCK: u32 = 0x1000;

        let place = self.codes.partition_point(|c| c.code < code);
        let around = &self.codes[place.saturating_sub(1)..self.codes.len().min(place + 1)];
        around
            .iter()
            .filter(|c| c.code / BLOCK == code / BLOCK)
            .min_by_key(|c| c.code.abs_diff(code))
    }

    /// A code in its one spelling with what is known of it, or what number it wraps.
    pub(super) fn in_words(&self, spelled: &str) -> String {
        let Some(code) = hexadecimal(spelled) else {
            return spelled.to_owned();
        };
        if let Some(known) = self.get(code) {
            return format!(
                "{spelled} ({}: {})",
                known.name,
                lower_first(&known.meaning)
            );
        }
        match Number::in_code(code) {
            Some(_) => format!("{spelled} ({})", Family::of(code).meaning),
            None => spelled.to_owned(),
        }
    }
}

/// The order of symbolic names, capitals or not.
fn by_symbol(a: Option<&str>, b: Option<&str>) -> Ordering {
    capitals(a).cmp(capitals(b))
}

fn capitals(name: Option<&str>) -> impl Iterator<Item = u8> {
    let bytes = name.unwrap_or_default().bytes();
    bytes.map(|b| b.to_ascii_uppercase())
}

fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()
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

#[cfg(test)]
mod tests {
    use crate::knowledge::Knowledge;

    #[test]
    fn a_code_is_told_in_words_where_it_is_known() {
        let known = Knowledge::built_in();
        let told = known.in_words("0x8024402C");
        assert!(
            told.starts_with("0x8024402C (WU_E_PT_WINHTTP_NAME_NOT_RESOLVED: "),
            "{told}"
        );
        assert_eq!(
            known.in_words("0x8007065D"),
            "0x8007065D (Win32 error 1629)"
        );
        assert_eq!(known.in_words("0x8FFFFFFF"), "0x8FFFFFFF");
        assert_eq!(known.in_words("soon"), "soon");
    }
}
