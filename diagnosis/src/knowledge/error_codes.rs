//! Error codes of Windows Update, servicing, the network and trust: what a code is called, means and asks for.

use super::table::{Table, TableError};

/// The codes, by number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ErrorCodes(Vec<ErrorCode>);

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
        codes.sort_by_key(|c| c.code);
        if let Some(twice) = codes.windows(2).find(|two| two[0].code == two[1].code) {
            let code = twice[0].code;
            let row = table
                .rows
                .iter()
                .rfind(|row| hexadecimal(row.text(0)) == Some(code));
            let row = row.unwrap_or(&table.rows[0]);
            return Err(row.error(format!("0x{code:08X} stands in the table twice")));
        }
        Ok(Self(codes))
    }

    pub(super) fn all(&self) -> &[ErrorCode] {
        &self.0
    }

    pub(super) fn get(&self, code: u32) -> Option<&ErrorCode> {
        let place = self.0.binary_search_by_key(&code, |c| c.code).ok()?;
        self.0.get(place)
    }

    pub(super) fn in_words(&self, spelled: &str) -> String {
        match hexadecimal(spelled).and_then(|code| self.get(code)) {
            Some(known) => format!(
                "{spelled} ({}: {})",
                known.name,
                lower_first(&known.meaning)
            ),
            None => spelled.to_owned(),
        }
    }
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
        assert_eq!(known.in_words("0x8FFFFFFF"), "0x8FFFFFFF");
        assert_eq!(known.in_words("soon"), "soon");
    }
}
