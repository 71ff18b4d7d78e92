//! What only the fleet knows, and what somebody accepted.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::knowledge::DeviceKind;
use uuid::Uuid;

/// What revisions are compared of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Baseline {
    /// Windows itself.
    Windows,
    /// Its servicing stack.
    ServicingStack,
}

/// A device had a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// Of what.
    pub what: Baseline,
    /// Client or server.
    pub kind: DeviceKind,
    /// The build.
    pub build: u32,
    /// The revision.
    pub revision: u32,
    /// Since when, as far as is known.
    pub at: Time,
}

/// A revision that enough devices had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenRevision {
    /// Of what.
    pub what: Baseline,
    /// Client or server.
    pub kind: DeviceKind,
    /// The build.
    pub build: u32,
    /// The revision.
    pub revision: u32,
    /// Since when that many had it.
    pub since: Time,
}

/// Devices that something concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concerned {
    /// Every active one.
    All,
    /// Active ones that match.
    Matching(Filter),
    /// Active ones with any of these update client ids, in lower case.
    ClientIds(Vec<String>),
}

/// Open findings of an issue are accepted for the devices of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptanceRow {
    /// Its public id.
    pub id: Uuid,
    /// Id of the issue.
    pub issue: String,
    /// The filter of the devices, as text.
    pub scope: String,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub made_by: String,
    /// When.
    pub made_at: Time,
    /// Until when it holds.
    pub until: Time,
    /// When somebody ended it before that.
    pub ended_at: Option<Time>,
}
