//! What several servers of one database are to each other.

use std::collections::{BTreeMap, BTreeSet};

use super::DeviceIdentity;

/// What a server or a command posted for servers to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bulletin {
    /// Its place among all; the order is the same for everybody.
    pub seq: i64,
    /// Who posted it.
    pub sender: String,
    /// What it says.
    pub body: String,
}

/// Bulletins that are newer than what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bulletins {
    /// The oldest first.
    pub posted: Vec<Bulletin>,
    /// Up to which place everything is read with them.
    pub read: i64,
    /// Whether some that were not read are gone already.
    pub missed: bool,
}

/// Devices that ceased to be active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedDevices {
    /// Those that are revoked, retired or replaced now.
    pub devices: Vec<DeviceIdentity>,
    /// Keys of those that were deleted.
    pub deleted: Vec<i64>,
    /// Up to which change everything is seen with them.
    pub seen: i64,
    /// Whether changes that were not seen are forgotten already: the status of every device that matters has to be asked for.
    pub missed: bool,
}

/// What became different in the fleet, whichever process wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// Keys of devices that were written, each with the ids of issues of which its finding is another than before.
    pub devices: BTreeMap<i64, BTreeSet<String>>,
    /// Whether devices came, went or changed their status.
    pub statuses: bool,
    /// More than is told one by one: anything may be different.
    pub anything: bool,
}
