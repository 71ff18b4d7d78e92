//! What is kept about updates.

use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_diagnosis::{Kb, Time};

use super::{Cursor, DeviceIdentity};

/// What is kept of a device for questions about updates, in the server's own form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profiled {
    /// Inside key.
    pub key: i64,
    /// Empty where nothing is kept yet.
    pub profile: Vec<u8>,
}

/// The same, with what a list shows of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfiledDevice {
    /// Who it is.
    pub identity: DeviceIdentity,
    /// Host name.
    pub name: String,
    /// DNS domain.
    pub domain: String,
    /// Distinguished name of the OU.
    pub ou: String,
    /// `Windows 11 24H2`.
    pub release: String,
    /// Build number.
    pub build: Option<u32>,
    /// Update build revision.
    pub ubr: Option<u32>,
    /// Where the list goes on after it.
    pub cursor: Cursor,
    /// Empty where nothing is kept yet.
    pub profile: Vec<u8>,
}

/// An update is said to bring a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnedRow {
    /// The update.
    pub kb: Kb,
    /// Clients or servers.
    pub kind: DeviceKind,
    /// The build in the names of the family's packages.
    pub package_build: u32,
    /// The revision.
    pub revision: u32,
    /// Most devices of this fleet that said so at one time; none where it was only imported.
    pub devices: u64,
    /// How many of them by the update's title.
    pub by_title: u64,
    /// Since when five devices had it, the latest of fewer.
    pub since: Time,
    /// When the server first heard of it.
    pub learned_at: Time,
    /// Whether a person imported it.
    pub imported: bool,
}

/// How many devices run a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionCount {
    /// Client or server.
    pub kind: DeviceKind,
    /// The build.
    pub build: u32,
    /// The revision; nothing where it is not known.
    pub ubr: Option<u32>,
    /// How many.
    pub devices: u64,
}
