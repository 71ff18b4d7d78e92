//! Safeguard holds that are publicly known: what an id stands for.
//!
//! The list ends in spring 2025; an id that is not in it is shown as a bare number.

use std::sync::LazyLock;

use super::{column, filled, rows};

/// The newest day for which the list has entries.
pub(super) const DATED: &str = "2025-03-07";

const TABLE: &str = include_str!("../../data/safeguard-holds.tsv");

static HOLDS: LazyLock<Vec<Hold>> = LazyLock::new(|| {
    let mut holds: Vec<Hold> = rows(TABLE).filter_map(|row| Hold::parse(&row)).collect();
    holds.sort_by_key(|h| h.id);
    holds
});

/// A safeguard hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its number, eight digits.
    pub id: u32,
    /// The program or driver that it is about.
    pub affected: &'static str,
    /// Its files, where known.
    pub files: Option<&'static str>,
    /// Who makes it, where known.
    pub vendor: Option<&'static str>,
    /// Whether it was lifted, where known.
    pub status: Option<&'static str>,
    /// More, where known.
    pub note: Option<&'static str>,
}

impl Hold {
    fn parse(row: &[&'static str]) -> Option<Self> {
        Some(Self {
            id: column(row, 0).parse().ok()?,
            affected: column(row, 1),
            files: filled(column(row, 2)),
            vendor: filled(column(row, 3)),
            status: filled(column(row, 9)),
            note: filled(column(row, 10)),
        })
    }
}

/// Number of holds in the list.
pub(super) fn count() -> usize {
    HOLDS.len()
}

/// The hold of that id; `None` where it is not publicly known.
pub fn hold(id: u32) -> Option<&'static Hold> {
    HOLDS
        .binary_search_by_key(&id, |h| h.id)
        .ok()
        .and_then(|place| HOLDS.get(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_hold_table_parses() {
        assert_eq!(rows(TABLE).count(), HOLDS.len());
        for hold in HOLDS.iter() {
            assert_eq!(hold.id.to_string().len(), 8, "{}", hold.id);
        }
    }

    #[test]
    fn a_hold_is_found_by_its_id_and_an_unknown_one_is_not_guessed() {
        assert!(hold(40_667_045).is_some());
        assert_eq!(hold(99_999_999), None);
    }
}
