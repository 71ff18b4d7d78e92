//! What the fleet's owner wants: [`Expectations`] are what rules see of one device, [`Wanted`] is what a person writes down, for the
//! whole fleet or for a [`ScopedWish`]; [`Wishes::resolve`] makes the former of the latter, with the catalogue's defaults.

mod spelled;
mod wanted;
mod wanted_updates;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::wanted::{BadWish, DeviceScope, ScopedWish, Wanted, Wishes, bytes_of_gigabytes};
pub use self::wanted_updates::{BadKbList, KbList, WANTED_UPDATES};
use crate::kb::Kb;
use crate::knowledge::DeviceKind;
use crate::time::{DAY_MS, MINUTE_MS};

/// Longest address of a WSUS server, in bytes.
pub const SERVER_BYTES: usize = 300;

/// Where updates of one class may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateSource {
    /// Microsoft's service.
    WindowsUpdate,
    /// A WSUS server.
    Wsus,
    /// The policy leaves the class no source.
    Blocked,
    /// It could not be told.
    Unknown,
}

impl UpdateSource {
    /// The public word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WindowsUpdate => "windows-update",
            Self::Wsus => "wsus",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
        }
    }

    /// The source of that name.
    pub fn named(name: &str) -> Option<Self> {
        [
            Self::WindowsUpdate,
            Self::Wsus,
            Self::Blocked,
            Self::Unknown,
        ]
        .into_iter()
        .find(|source| source.name() == name)
    }
}

/// The classes of updates that policy can send to different sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateClass {
    /// Monthly cumulative updates.
    Quality,
    /// New Windows releases.
    Feature,
    /// Drivers and firmware.
    Driver,
    /// Other Microsoft products.
    Other,
}

impl UpdateClass {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Quality, Self::Feature, Self::Driver, Self::Other];

    /// The public word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::Feature => "feature",
            Self::Driver => "driver",
            Self::Other => "other",
        }
    }
}

/// The expected source of one class.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedSource {
    /// Windows Update or WSUS.
    pub source: UpdateSource,
    /// The WSUS address, where a particular one is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// As filters and exports say it: the source, and the server's address where there is one.
impl fmt::Display for ExpectedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source.name())?;
        match &self.server {
            Some(server) => write!(f, " {server}"),
            None => Ok(()),
        }
    }
}

impl ExpectedSource {
    /// Whether one can want it.
    ///
    /// # Errors
    /// Names the wish where one cannot.
    pub fn check(&self, name: &'static str) -> Result<(), BadWish> {
        match (self.source, &self.server) {
            (UpdateSource::Wsus, Some(server)) if !is_address(server) => {
                Err(BadWish::BadServer(name))
            }
            (UpdateSource::Wsus, _) | (UpdateSource::WindowsUpdate, None) => Ok(()),
            (UpdateSource::WindowsUpdate, Some(_)) => Err(BadWish::ServerWithoutWsus(name)),
            (UpdateSource::Blocked | UpdateSource::Unknown, _) => Err(BadWish::BadSource(name)),
        }
    }
}

/// Whether it looks like what policy calls a WSUS server: anything else could never be what a device uses.
fn is_address(server: &str) -> bool {
    let lower = server.to_ascii_lowercase();
    let host = lower
        .strip_prefix("https://")
        .or_else(|| lower.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty())
        && server.len() <= SERVER_BYTES
        && !server.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// What is expected of one device. The default is the catalogue's for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectations {
    /// Expected source per class, in the order of [`UpdateClass::ALL`]; `None`: the provisional majority.
    pub sources: [Option<ExpectedSource>; 4],
    /// Place of the first scope that the device is in, whose majority counts where no source is set.
    pub scope: Option<usize>,
    /// Longest deferral of quality updates that is accepted, in days; none by default.
    pub longest_quality_deferral_days: Option<u32>,
    /// Longest deferral of feature updates that is accepted, in days; none by default.
    pub longest_feature_deferral_days: Option<u32>,
    /// The last successful scan may be this old, in milliseconds.
    pub oldest_scan_ms: i64,
    /// The device may be this long behind the newest revision of its release, in milliseconds.
    pub behind_ms: i64,
    /// A pending restart is serious from this age on, in milliseconds.
    pub pending_reboot_serious_after_ms: i64,
    /// Whether the device should have Microsoft Update Health Tools, where its release and edition can.
    pub update_health_tools_wanted: bool,
    /// Lowest version of Update Health Tools that is good enough; none by default, because no source names one.
    pub update_health_tools_minimum: Option<String>,
    /// Whether the device should be registered with Entra ID; no by default.
    pub directory_registration_wanted: bool,
    /// Less free room on the system drive is a warning, in bytes.
    pub free_space_warning_bytes: u64,
    /// Less free room on the system drive is serious, in bytes.
    pub free_space_serious_bytes: u64,
    /// A clock that is off by more is a warning, in milliseconds.
    pub clock_warning_ms: i64,
    /// A clock that is off by more is serious, in milliseconds.
    pub clock_serious_ms: i64,
    /// A collector that was not heard of for this long is silent, in milliseconds.
    pub silent_after_ms: i64,
    /// An end of service this far ahead is near, in milliseconds.
    pub end_of_service_near_ms: i64,
    /// Failures of one installation in a row that make it an issue.
    pub install_failures: u32,
    /// Updates that the device should have; of those that are for its release one is enough.
    pub wanted_updates: Vec<Kb>,
    /// What else manages updates of the device, in the owner's words. Issues that only say so are not applicable then.
    pub managed_by: Option<String>,
}

impl Default for Expectations {
    fn default() -> Self {
        Self::of(Some(DeviceKind::Client))
    }
}

impl Expectations {
    /// The catalogue's defaults for clients or servers; for clients where it is not known which the device is.
    pub fn of(kind: Option<DeviceKind>) -> Self {
        let server = kind == Some(DeviceKind::Server);
        let by_kind = |client: i64, of_server: i64| if server { of_server } else { client };
        Self {
            sources: [const { None }; 4],
            scope: None,
            longest_quality_deferral_days: None,
            longest_feature_deferral_days: None,
            oldest_scan_ms: by_kind(7, 3) * DAY_MS,
            behind_ms: 14 * DAY_MS,
            pending_reboot_serious_after_ms: 7 * DAY_MS,
            update_health_tools_wanted: !server,
            update_health_tools_minimum: None,
            directory_registration_wanted: false,
            free_space_warning_bytes: bytes_of_gigabytes(20),
            free_space_serious_bytes: bytes_of_gigabytes(10),
            clock_warning_ms: 5 * MINUTE_MS,
            clock_serious_ms: by_kind(DAY_MS, 5 * MINUTE_MS),
            silent_after_ms: by_kind(14, 1) * DAY_MS,
            end_of_service_near_ms: by_kind(90, 180) * DAY_MS,
            install_failures: 3,
            wanted_updates: Vec::new(),
            managed_by: None,
        }
    }

    /// The expected source of a class, where the owner set one.
    pub const fn source(&self, class: UpdateClass) -> Option<&ExpectedSource> {
        self.sources[class as usize].as_ref()
    }
}
