//! What the fleet's owner wants, with the catalogue's defaults.

use serde::{Deserialize, Serialize};

use crate::time::DAY_MS;

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
pub struct ExpectedSource {
    /// Windows Update or WSUS.
    pub source: UpdateSource,
    /// The WSUS address, where a particular one is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

/// What the owner of the fleet wants of the devices of one scope. Fields left out stand for the catalogue's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectations {
    /// Expected source of quality updates; `None`: the provisional majority.
    pub quality_source: Option<ExpectedSource>,
    /// Expected source of feature updates; `None`: the provisional majority.
    pub feature_source: Option<ExpectedSource>,
    /// Expected source of drivers; `None`: the provisional majority.
    pub driver_source: Option<ExpectedSource>,
    /// Expected source of other products; `None`: the provisional majority.
    pub other_source: Option<ExpectedSource>,
    /// Whether clients should have Microsoft Update Health Tools.
    pub update_health_tools_wanted: bool,
    /// Lowest version of Update Health Tools that is good enough; none by default, because no source names one.
    pub update_health_tools_minimum: Option<String>,
    /// A pending restart is serious from this age on, in milliseconds.
    pub pending_reboot_serious_after_ms: i64,
}

impl Default for Expectations {
    fn default() -> Self {
        Self {
            quality_source: None,
            feature_source: None,
            driver_source: None,
            other_source: None,
            update_health_tools_wanted: true,
            update_health_tools_minimum: None,
            pending_reboot_serious_after_ms: 7 * DAY_MS,
        }
    }
}

impl Expectations {
    /// The expected source of a class, where the owner set one.
    pub const fn source(&self, class: UpdateClass) -> Option<&ExpectedSource> {
        match class {
            UpdateClass::Quality => self.quality_source.as_ref(),
            UpdateClass::Feature => self.feature_source.as_ref(),
            UpdateClass::Driver => self.driver_source.as_ref(),
            UpdateClass::Other => self.other_source.as_ref(),
        }
    }
}
