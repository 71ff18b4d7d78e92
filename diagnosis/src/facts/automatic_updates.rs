//! Whether policy leaves automatic updates on (fact sheet section 3).
//!
//! A policy that is not there leaves them on. A value that is no REG_DWORD is not read by Windows. The user's own choice of
//! Windows 8.1 and older is left out.

use serde_json::{Value, json};

use super::valued::{Fact, Reader};
use crate::keys;
use crate::observation::{EvidenceRef, Lookup};

/// Whether automatic updates are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomaticUpdatesFacts {
    /// The answer.
    pub state: AutomaticUpdates,
    /// The readings of the deciding values, there or not.
    pub evidence: Vec<EvidenceRef>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutomaticUpdates {
    /// On, or not restricted.
    Enabled,
    /// Turned off, by this value.
    Disabled {
        /// Its name and number, `NoAutoUpdate=1`.
        by: String,
        /// Whether the number is one that Windows documents for off, rather than a broken one.
        intended: bool,
        /// Where it was read.
        at: EvidenceRef,
    },
    /// It could not be told: why.
    Unknown(String),
}

/// Values of `AUOptions` with which updates are looked for by themselves.
const ENABLED_OPTIONS: [u64; 5] = [2, 3, 4, 5, 7];
/// The value of `AUOptions` that older texts give for off.
const OFF_OPTION: u64 = 1;
/// The value of device management's `AllowAutoUpdate` for off.
const MDM_OFF: u64 = 5;

const NAMES: [&str; 2] = ["NoAutoUpdate", "AUOptions"];

impl AutomaticUpdatesFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>) -> Self {
        let reader = Reader::new(lookup);
        let [no_auto_update, options] = NAMES.map(|name| reader.number(keys::POLICY_AU, name));
        let managed = reader.number(keys::MDM_UPDATE, "AllowAutoUpdate");
        let off = |fact: Option<Fact<u64>>, name: &str, is_off: fn(u64) -> bool, means_off: u64| {
            fact.filter(|f| is_off(f.value))
                .map(|f| AutomaticUpdates::Disabled {
                    by: format!("{name}={}", f.value),
                    intended: f.value == means_off,
                    at: f.at,
                })
        };
        let disabled = off(no_auto_update, NAMES[0], |n| n != 0, 1)
            .or_else(|| {
                off(
                    options,
                    NAMES[1],
                    |n| !ENABLED_OPTIONS.contains(&n),
                    OFF_OPTION,
                )
            })
            .or_else(|| off(managed, "AllowAutoUpdate", |n| n == MDM_OFF, MDM_OFF));
        let unreadable = reader.unreadable(&[keys::POLICY_AU]);
        let mut evidence = reader.refs(keys::POLICY_AU, &NAMES);
        evidence.extend(reader.told(keys::MDM_UPDATE, &["AllowAutoUpdate"]));
        Self {
            state: match (disabled, unreadable) {
                (Some(disabled), _) => disabled,
                (None, Some(why)) => AutomaticUpdates::Unknown(why.value),
                (None, None) => AutomaticUpdates::Enabled,
            },
            evidence,
        }
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        match &self.state {
            AutomaticUpdates::Enabled => json!({ "state": "enabled" }),
            AutomaticUpdates::Disabled { by, .. } => {
                json!({ "state": "disabled-by-policy", "decided_by": by })
            }
            AutomaticUpdates::Unknown(why) => json!({ "state": "unknown", "reason": why }),
        }
    }
}
