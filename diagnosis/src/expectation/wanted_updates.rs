//! Updates that devices should have, as a person writes them down: `KB5036893, KB5036892`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::kb::Kb;

/// Most updates that can be wanted of a device: one for each of its scope's releases, a few times over.
pub const WANTED_UPDATES: usize = 20;

/// Numbers of updates, each once, in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KbList(Vec<Kb>);

/// A text that is no list of updates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKbList {
    /// A part is no number.
    #[error(
        "{0:?} is no update's number such as KB5036893; write several with commas between them"
    )]
    NoNumber(String),
    /// None, or far too many.
    #[error("1 to {WANTED_UPDATES} updates can be wanted")]
    Many,
}

impl KbList {
    /// Understands numbers between commas, semicolons or blanks.
    ///
    /// # Errors
    /// Names the part that is no number.
    pub fn parse(text: &str) -> Result<Self, BadKbList> {
        let mut list = Vec::new();
        for part in text.split([',', ';', ' ', '\n']).map(str::trim) {
            if part.is_empty() {
                continue;
            }
            let kb = Kb::parse(part)
                .ok_or_else(|| BadKbList::NoNumber(part.chars().take(40).collect()))?;
            if !list.contains(&kb) {
                list.push(kb);
            }
        }
        if list.is_empty() || list.len() > WANTED_UPDATES {
            return Err(BadKbList::Many);
        }
        Ok(Self(list))
    }

    /// These; nothing where there is none.
    pub fn of(all: &[Kb]) -> Option<Self> {
        (!all.is_empty()).then(|| Self(all.to_vec()))
    }

    /// The numbers.
    pub fn all(&self) -> &[Kb] {
        &self.0
    }
}

impl fmt::Display for KbList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, kb) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            kb.fmt(f)?;
        }
        Ok(())
    }
}

impl Serialize for KbList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KbList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_understood_and_told_again() {
        let list = KbList::parse("kb5036893;  5036892 KB5036893").expect("a list");
        assert_eq!(list.to_string(), "KB5036893, KB5036892");
        assert_eq!(KbList::parse(&list.to_string()), Ok(list));
        for bad in ["", " , ", "KB5036893, soon"] {
            let error = KbList::parse(bad).expect_err("no list").to_string();
            assert!(!error.is_empty());
        }
        let many: Vec<String> = (0..21).map(|n| format!("KB{}", 5_000_000 + n)).collect();
        assert_eq!(KbList::parse(&many.join(",")), Err(BadKbList::Many));
    }
}
