//! Safeguard holds that are publicly known: what an id stands for. An id that is not in the table is shown as a bare number.

use std::collections::BTreeMap;

use super::table::{Table, TableError};

/// The holds, by id.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Holds(BTreeMap<u32, Hold>);

/// A safeguard hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its number, eight digits.
    pub id: u32,
    /// The program or driver that it is about.
    pub affected: Box<str>,
    /// Its files, where known.
    pub files: Option<Box<str>>,
    /// Who makes it, where known.
    pub vendor: Option<Box<str>>,
    /// Whether it was lifted, where known.
    pub status: Option<Box<str>>,
    /// More, where known.
    pub note: Option<Box<str>>,
}

impl Holds {
    pub(super) fn parse(table: &Table<'_>) -> Result<Self, TableError> {
        let mut holds = BTreeMap::new();
        let mut ids = Vec::with_capacity(table.rows.len());
        for row in &table.rows {
            let id = row.understood(0, "a hold's id of eight digits", |text| {
                (text.len() == 8).then(|| text.parse().ok())?
            })?;
            let hold = Hold {
                id,
                affected: row.text(1).into(),
                files: row.optional(2).map(Into::into),
                vendor: row.optional(3).map(Into::into),
                status: row.optional(9).map(Into::into),
                note: row.optional(10).map(Into::into),
            };
            ids.push(id);
            holds.insert(id, hold);
        }
        table.each_once("this hold", ids)?;
        Ok(Self(holds))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Hold> {
        self.0.values()
    }

    pub(super) fn get(&self, id: u32) -> Option<&Hold> {
        self.0.get(&id)
    }
}

#[cfg(test)]
mod tests {
    use crate::knowledge::Knowledge;

    #[test]
    fn a_hold_is_found_by_its_id_and_an_unknown_one_is_not_guessed() {
        let known = Knowledge::built_in();
        assert!(known.hold(40_667_045).is_some());
        assert_eq!(known.hold(99_999_999), None);
    }
}
