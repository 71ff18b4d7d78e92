//! What a transaction moves in the counters: pure sums, written once at its end.
//!
//! Findings and sources count while their device is active, the finding of a machine of the imported list while it stands there; devices count under their status and health whatever it is.

use std::collections::BTreeMap;

use sickbay_diagnosis::issues::never_enrolled;
use sickbay_diagnosis::verdict::{Kept, Severity};

use crate::DeviceStatus;
use crate::codes::status_code;

/// The part of a finding that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weight {
    /// How it is kept.
    pub(crate) kept: Kept,
    /// Of an open one.
    pub(crate) severity: Option<Severity>,
}

/// Open, serious, unknown and accepted findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Open ones.
    pub(crate) open: i64,
    /// Of these, serious ones.
    pub(crate) serious: i64,
    /// Unknown ones.
    pub(crate) unknown: i64,
    /// Accepted ones, which are not among the open ones.
    pub(crate) accepted: i64,
}

impl Counts {
    /// Adds (or with -1 takes away) a finding.
    pub(crate) fn add(&mut self, weight: Weight, times: i64) {
        match weight.kept {
            Kept::Open => {
                self.open += times;
                if weight.severity == Some(Severity::Serious) {
                    self.serious += times;
                }
            }
            Kept::Unknown => self.unknown += times,
            Kept::Accepted => self.accepted += times,
        }
    }

    /// What a device with these findings is called.
    pub(crate) const fn health(self, reported: bool) -> Health {
        if !reported {
            Health::NeverReported
        } else if self.serious > 0 {
            Health::Serious
        } else if self.open > 0 {
            Health::Warning
        } else if self.unknown > 0 {
            Health::Unknown
        } else {
            Health::Healthy
        }
    }
}

/// How a device stands; each is in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Health {
    /// No report was ever taken in.
    NeverReported = 0,
    /// Nothing open, nothing unknown.
    Healthy = 1,
    /// Nothing open, something unknown.
    Unknown = 2,
    /// Something open, nothing serious.
    Warning = 3,
    /// Something serious open.
    Serious = 4,
}

impl Health {
    /// The code in the database.
    pub(crate) const fn code(self) -> i64 {
        self as i64
    }
}

/// Sums of one transaction.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Per issue.
    pub(crate) issues: BTreeMap<String, Counts>,
    /// Devices per primary cause.
    pub(crate) primary: BTreeMap<String, i64>,
    /// Per kind, class and source.
    pub(crate) sources: BTreeMap<(String, i64, String), i64>,
    /// Per status and health, by their codes.
    pub(crate) fleet: BTreeMap<(i64, i64), i64>,
}

impl Tally {
    /// A finding of an active device comes (1) or goes (-1).
    pub(crate) fn finding(&mut self, issue: &str, weight: Weight, times: i64) {
        if let Some(counts) = self.issues.get_mut(issue) {
            counts.add(weight, times);
            return;
        }
        let mut counts = Counts::default();
        counts.add(weight, times);
        self.issues.insert(issue.to_owned(), counts);
    }

    /// The primary cause of an active device comes or goes; the empty one is none.
    pub(crate) fn primary(&mut self, issue: &str, times: i64) {
        if !issue.is_empty() {
            *self.primary.entry(issue.to_owned()).or_default() += times;
        }
    }

    /// The sources of an active device of that kind come or go.
    pub(crate) fn sources(&mut self, kind: &str, sources: &[Option<String>; 4], times: i64) {
        for (class, source) in sources.iter().enumerate() {
            if let Some(source) = source {
                *self
                    .sources
                    .entry((kind.to_owned(), class as i64, source.clone()))
                    .or_default() += times;
            }
        }
    }

    /// A device comes or goes.
    pub(crate) fn device(&mut self, status: DeviceStatus, health: i64, times: i64) {
        *self.fleet.entry((status_code(status), health)).or_default() += times;
    }

    /// So many machines come (or with a negative number go) from the imported list, each with its finding.
    pub(crate) fn listed(&mut self, machines: i64) {
        let weight = Weight {
            kept: Kept::Open,
            severity: Some(never_enrolled::SEVERITY),
        };
        self.device(DeviceStatus::Listed, Health::NeverReported.code(), machines);
        self.finding(never_enrolled::ID, weight, machines);
    }

    /// What did move, so that an unchanged counter is not written.
    pub(crate) fn moved(&self) -> Moved {
        let issues = self
            .issues
            .iter()
            .filter(|(_, counts)| **counts != Counts::default());
        let sources = self.sources.iter().filter(|(_, devices)| **devices != 0);
        let fleet = self.fleet.iter().filter(|(_, devices)| **devices != 0);
        Moved {
            issues: issues
                .map(|(issue, counts)| (issue.clone(), *counts))
                .collect(),
            primary: self
                .primary
                .iter()
                .filter(|(_, devices)| **devices != 0)
                .map(|(issue, devices)| (issue.clone(), *devices))
                .collect(),
            sources: sources
                .map(|((kind, class, source), devices)| {
                    (kind.clone(), *class, source.clone(), *devices)
                })
                .collect(),
            fleet: fleet
                .map(|((status, health), devices)| (*status, *health, *devices))
                .collect(),
        }
    }
}

/// Counters with what is added to them, in a fixed order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Issue and its counts.
    pub(crate) issues: Vec<(String, Counts)>,
    /// Issue and devices whose primary cause it is.
    pub(crate) primary: Vec<(String, i64)>,
    /// Kind, class, source and devices.
    pub(crate) sources: Vec<(String, i64, String, i64)>,
    /// Status, health and devices.
    pub(crate) fleet: Vec<(i64, i64, i64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_names_a_devices_health() {
        let of = |open, serious, unknown| Counts {
            open,
            serious,
            unknown,
            accepted: 1,
        };
        assert_eq!(of(0, 0, 0).health(true), Health::Healthy);
        assert_eq!(of(0, 0, 3).health(true), Health::Unknown);
        assert_eq!(of(2, 0, 3).health(true), Health::Warning);
        assert_eq!(of(2, 1, 0).health(true), Health::Serious);
        assert_eq!(of(2, 1, 0).health(false), Health::NeverReported);
    }

    #[test]
    fn what_comes_and_goes_in_one_transaction_is_not_written() {
        let mut tally = Tally::default();
        let weight = Weight {
            kept: Kept::Open,
            severity: Some(Severity::Serious),
        };
        tally.finding("pending-reboot", weight, 1);
        tally.finding("pending-reboot", weight, -1);
        tally.device(DeviceStatus::Active, 4, 1);
        tally.device(DeviceStatus::Active, 4, -1);
        assert_eq!(tally.moved(), Moved::default());
    }
}
