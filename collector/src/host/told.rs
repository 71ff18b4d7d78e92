//! What sources beside the registry tell: events, the update agent's memory, the state of the component store, room on a drive.
//!
//! The same types are the fields of `host.toml`, so that a recording says what a machine would.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;

use super::recording::host_toml::rfc3339;

/// Most entries of the update agent's memory that are read; the newest.
pub const HISTORY_ENTRIES: usize = 50;
/// Most of its services.
pub const SERVICES: usize = 32;

/// What was asked for, or why it is not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// This.
    Found(T),
    /// There is no such thing on this machine: what is missing.
    Absent(String),
    /// It could not be told: why.
    Unreadable(String),
    /// The recording does not hold this source.
    NotRecorded,
}

/// Which events of one channel are wanted: those of one writer with these ids, the newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventQuery {
    /// The channel.
    pub channel: &'static str,
    /// Who wrote them.
    pub provider: &'static str,
    /// Their ids.
    pub ids: &'static [u32],
    /// At most so many.
    pub most: usize,
    /// None that is older, in days.
    pub days: u32,
}

/// The events that a query found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    /// The newest first.
    pub newest: Vec<Event>,
    /// How many could not be understood, or were longer than is read.
    pub left_out: u32,
}

/// An event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Event {
    /// Number of its record in the channel.
    pub record: u64,
    /// Its id.
    pub id: u32,
    /// When it was written.
    #[serde(with = "rfc3339", skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// Its values by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

/// The update agent's memory of installations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// How many it remembers.
    pub total: u32,
    /// The newest, the latest first.
    pub newest: Vec<HistoryEntry>,
    /// Why some of the newest are missing.
    pub incomplete: Option<String>,
}

/// An installation as the update agent remembers it. What it does not tell of one is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryEntry {
    /// When.
    #[serde(with = "rfc3339", skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// 1 installation, 2 removal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<i32>,
    /// 2 succeeded, 4 failed, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<i32>,
    /// The agent's own code, as a signed number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The code of what did the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmapped_code: Option<i32>,
    /// What was installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The update's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<String>,
    /// The service it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// The services that the update agent knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateServices {
    /// Each of them.
    pub known: Vec<UpdateService>,
    /// Why some are missing.
    pub incomplete: Option<String>,
}

/// A service that offers updates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpdateService {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether it is the organisation's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<bool>,
    /// Whether automatic updates take what it offers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered: Option<bool>,
    /// Whether it is the one that automatic updates use unless told otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<bool>,
}

/// When automatic updates last had success, each a text in RFC 3339; absent where they never had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastSuccess {
    /// Of searching.
    pub search: Data,
    /// Of installing.
    pub installation: Data,
}

/// The component store, as servicing says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreState {
    /// 0 not flagged, 1 repairable, 2 not repairable.
    pub health: u32,
    /// When servicing was asked.
    pub checked_at: Time,
}

/// Room on a drive, both in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Free for the system.
    pub free: Data,
    /// Its size.
    pub total: Data,
}

impl Room {
    /// Neither is known, for the same reason.
    pub fn unknown(why: Data) -> Self {
        Self {
            free: why.clone(),
            total: why,
        }
    }
}

impl LastSuccess {
    /// Neither is known, for the same reason.
    pub fn unknown(why: Data) -> Self {
        Self {
            search: why.clone(),
            installation: why,
        }
    }
}
