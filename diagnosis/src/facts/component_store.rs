//! Whether the component store is marked as damaged (fact sheet section 6).
//!
//! What servicing answers is a mark that an earlier scan or a failed installation left. That there is none does not mean that the
//! store is whole, so it is called *not flagged* and never healthy.

use serde_json::{Value, json};

use super::valued::{Fact, Reader};
use crate::keys;
use crate::observation::{EvidenceRef, Found, Lookup};
use crate::reading::Data;
use crate::time::Time;

/// What was found of the component store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentStoreFacts {
    /// Its state.
    pub health: StoreHealth,
    /// When servicing was asked; the answer is kept for a day.
    pub checked_at: Option<Fact<Time>>,
    /// The readings that tell.
    pub evidence: Vec<EvidenceRef>,
}

/// The state of the component store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreHealth {
    /// Nothing marks it as damaged.
    NotFlagged,
    /// Damaged, and it can be repaired.
    Repairable,
    /// Damaged beyond repair.
    NotRepairable,
    /// It could not be told: why.
    Unknown(String),
}

impl StoreHealth {
    /// The public word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotFlagged => "not-flagged",
            Self::Repairable => "repairable",
            Self::NotRepairable => "not-repairable",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl ComponentStoreFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        let found = reader.value(keys::DISM, keys::IMAGE_HEALTH);
        let checked_at = reader
            .text(keys::DISM, keys::CHECKED_AT)
            .and_then(|f| f.and_then(|text| Time::parse_loose(&text)));
        Self {
            health: health(found.as_ref().map(Found::data)),
            checked_at,
            evidence: found.map(|f| f.at).into_iter().collect(),
        }
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        let reason = match &self.health {
            StoreHealth::Unknown(why) => Some(why),
            _ => None,
        };
        json!({
            "state": self.health.name(),
            "reason": reason,
            "checked_at": self.checked_at.map(|at| at.value.to_string()),
        })
    }
}

fn health(data: Option<&Data>) -> StoreHealth {
    match data {
        Some(Data::Dword(0)) => StoreHealth::NotFlagged,
        Some(Data::Dword(1)) => StoreHealth::Repairable,
        Some(Data::Dword(2)) => StoreHealth::NotRepairable,
        Some(Data::Dword(other)) => StoreHealth::Unknown(format!(
            "servicing answers with state {other}, which has no meaning"
        )),
        Some(Data::Unreadable(why)) => StoreHealth::Unknown(why.clone()),
        Some(Data::NotRecorded) | None => {
            StoreHealth::Unknown("what servicing says of it was not recorded".to_owned())
        }
        Some(_) => StoreHealth::Unknown("servicing gave no state".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Check;
    use crate::reading::{Reading, Source};

    fn facts(data: Data) -> ComponentStoreFacts {
        let readings = [Reading {
            source: Source::System,
            path: keys::DISM.to_owned(),
            name: Some(keys::IMAGE_HEALTH.to_owned()),
            data,
        }];
        ComponentStoreFacts::derive(Lookup::new(Check::ComponentStore, &readings))
    }

    #[test]
    fn a_store_without_a_mark_is_never_called_healthy() {
        assert_eq!(facts(Data::Dword(0)).json()["state"], "not-flagged");
        assert_eq!(facts(Data::Dword(1)).health, StoreHealth::Repairable);
        assert_eq!(facts(Data::Dword(2)).health, StoreHealth::NotRepairable);
    }

    #[test]
    fn a_state_without_a_meaning_is_unknown_and_says_which() {
        let json = facts(Data::Dword(77)).json();
        assert_eq!(json["state"], "unknown");
        assert!(
            json["reason"]
                .as_str()
                .is_some_and(|why| why.contains("77"))
        );
        for data in [
            Data::Absent,
            Data::NotRecorded,
            Data::Unreadable("no".to_owned()),
        ] {
            assert_eq!(facts(data).json()["state"], "unknown");
        }
    }
}
