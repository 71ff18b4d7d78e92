//! Signals that a restart is pending (fact sheet section 5).
//!
//! Signals differ in weight: the update agent and servicing know, file renames are left by any installer, and a domain join or a
//! rename has nothing to do with updates. A strong source that could not be read leaves the answer unknown unless another
//! signal settles it. A source that a recording does not hold counts as not seen and is named. ConfigMgr's own answer is left out.

mod signals;

use serde_json::{Value, json};

use super::device::Windows;
use super::valued::Reader;
use crate::keys;
use crate::observation::{EvidenceRef, Lookup};
use crate::reading::Data;
use crate::time::Time;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRebootFacts {
    /// Every signal that is set.
    pub signals: Vec<Signal>,
    /// Strong sources that could not be read: what, and why.
    pub unreadable: Vec<(&'static str, String)>,
    /// Whether any source could be looked at. Where none could, that nothing was seen says nothing.
    pub looked: bool,
    /// Sources that the recording does not hold.
    pub not_recorded: Vec<&'static str>,
    /// When Windows plans the restart.
    pub planned_at: Option<Time>,
    /// When Windows first noticed it, by its own note.
    pub noted_since: Option<Time>,
    /// When the machine started.
    pub started_at: Option<Time>,
    /// The readings of the strong sources, set or not.
    pub looked_at: Vec<EvidenceRef>,
}

/// How much a signal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Something waits, but no update.
    Weak,
    /// An update or the update client probably waits.
    Medium,
    /// An update waits.
    Strong,
}

impl Weight {
    /// The public word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Medium => "medium",
            Self::Strong => "strong",
        }
    }
}

/// A signal that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Its name.
    pub name: &'static str,
    /// Who sets it, for people.
    pub owner: &'static str,
    /// How much it says.
    pub weight: Weight,
    /// Whether it is about updates.
    pub update: bool,
    /// Since when, where the source tells.
    pub since: Option<Time>,
    /// The readings that show it.
    pub evidence: Vec<EvidenceRef>,
}

/// Whether a restart is pending for updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It could not be told.
    Unknown,
}

impl PendingRebootFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>, windows: Windows) -> Self {
        let reader = Reader::new(lookup);
        let strong = signals::strong_sources(&reader);
        Self {
            signals: signals::all(&reader, windows),
            unreadable: strong
                .iter()
                .filter_map(|(name, found)| match found.data() {
                    Data::Unreadable(why) => Some((*name, why.clone())),
                    _ => None,
                })
                .collect(),
            looked: signals::looked(&reader, &strong),
            not_recorded: signals::not_recorded(&reader, &strong),
            planned_at: reader
                .number(keys::UX_STATE, "ScheduledRebootTime")
                .and_then(|f| Time::from_filetime(f.value)),
            noted_since: reader
                .text(keys::UX_SETTINGS, "PendingRebootStartTime")
                .and_then(|f| Time::parse_loose(&f.value)),
            started_at: reader
                .text(keys::SYSTEM, "boot_time")
                .and_then(|f| Time::parse_loose(&f.value)),
            looked_at: strong.iter().map(|(_, found)| found.at).collect(),
        }
    }

    /// Whether a restart is pending for updates.
    pub fn pending(&self) -> Pending {
        if self.deciding().next().is_some() {
            Pending::Yes
        } else if self.unreadable.is_empty() && self.looked {
            Pending::No
        } else {
            Pending::Unknown
        }
    }

    /// The signals that mean a restart for updates.
    pub fn deciding(&self) -> impl Iterator<Item = &Signal> {
        self.signals
            .iter()
            .filter(|s| s.update && s.weight >= Weight::Medium)
    }

    /// The signals that do not.
    pub fn others(&self) -> impl Iterator<Item = &Signal> {
        self.signals
            .iter()
            .filter(|s| !(s.update && s.weight >= Weight::Medium))
    }

    /// Since when it is pending: the earliest moment that a source gives.
    pub fn since(&self) -> Option<Time> {
        self.deciding()
            .filter_map(|s| s.since)
            .chain(self.noted_since)
            .min()
    }

    /// Whether the machine started again after every moment that a source gives, so that the signals are left over from before.
    pub fn survived_a_restart(&self) -> bool {
        let newest = self
            .deciding()
            .filter_map(|s| s.since)
            .chain(self.noted_since)
            .max();
        newest
            .zip(self.started_at)
            .is_some_and(|(newest, started)| started > newest)
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        let signals: Vec<Value> = self
            .signals
            .iter()
            .map(|s| s.json(self.noted_since))
            .collect();
        let (state, reason) = match self.pending() {
            Pending::Yes => ("pending", None),
            Pending::No => ("not-pending", None),
            Pending::Unknown => ("unknown", Some(self.why_unknown())),
        };
        json!({
            "state": state,
            "reason": reason,
            "signals": signals,
            "not_recorded": self.not_recorded,
            "planned_at": self.planned_at.map(|t| t.to_string()),
        })
    }

    /// Why it is not known, in one clause.
    pub fn why_unknown(&self) -> String {
        if self.unreadable.is_empty() {
            return "none of the places where a pending restart shows was recorded".to_owned();
        }
        let parts: Vec<String> = self
            .unreadable
            .iter()
            .map(|(name, why)| format!("{name} could not be read ({why})"))
            .collect();
        parts.join(", ")
    }
}

impl Signal {
    fn json(&self, noted_since: Option<Time>) -> Value {
        let since = self.since.or(noted_since.filter(|_| self.update));
        json!({
            "signal": self.name,
            "owner": self.owner,
            "weight": self.weight.name(),
            "update": self.update,
            "since": since.map(|t| t.to_string()),
        })
    }
}
