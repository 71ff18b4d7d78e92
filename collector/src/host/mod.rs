//! The machine as checks see it: one trait, implemented by recordings (and by Windows itself).
//!
//! Every answer is a [`Data`]: absent, unreadable and not recorded are different answers, and none of them is an error of the call.
//! Registry paths start with the hive's short name, `HKLM\SOFTWARE\...`, and are matched without regard to ASCII case; on 64-bit
//! Windows they mean the 64-bit view.

#[cfg(any(windows, test))]
mod efi_signatures;
pub mod endpoint;
#[cfg(any(windows, test))]
mod event_xml;
pub mod firmware;
#[cfg(any(windows, test))]
mod guarded;
#[cfg(any(windows, test))]
mod ole_date;
pub mod recording;
pub mod replay;
#[cfg(any(windows, test))]
mod section;
#[cfg(any(windows, test))]
mod smbios;
pub mod told;
#[cfg(any(windows, test))]
mod watched;
#[cfg(windows)]
pub mod windows;

use sickbay_diagnosis::reading::Data;
use sickbay_diagnosis::{Check, Time};

use self::endpoint::{Endpoint, Step};
use self::firmware::Firmware;
use self::told::{
    Answer, EventQuery, Events, History, LastSuccess, Room, StoreState, UpdateServices,
};

use crate::session::MachineProxy;

/// Names found by an enumeration, or why there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing<T> {
    /// What is there, in no particular order; may be empty.
    Found(Vec<T>),
    /// The key itself is absent.
    Absent,
    /// It could not be enumerated: why.
    Unreadable(String),
    /// The recording does not hold this source.
    NotRecorded,
}

/// A fact that the operating system itself tells, outside the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SystemFact {
    /// Host name, text.
    HostName,
    /// DNS name of the AD domain, text; absent in a workgroup.
    Domain,
    /// Distinguished name of the machine's OU, text.
    OrganizationalUnit,
    /// AD site, text.
    Site,
    /// `x64`, `arm64` or `x86`, text.
    Architecture,
    /// When the machine started, RFC 3339 text.
    BootTime,
    /// Stable fingerprint of the machine (SMBIOS UUID), text.
    MachineFingerprint,
}

impl SystemFact {
    /// Every fact.
    pub const ALL: [Self; 7] = [
        Self::HostName,
        Self::Domain,
        Self::OrganizationalUnit,
        Self::Site,
        Self::Architecture,
        Self::BootTime,
        Self::MachineFingerprint,
    ];

    /// Its name in evidence and in `host.toml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HostName => "host_name",
            Self::Domain => "domain",
            Self::OrganizationalUnit => "organizational_unit",
            Self::Site => "site",
            Self::Architecture => "architecture",
            Self::BootTime => "boot_time",
            Self::MachineFingerprint => "machine_fingerprint",
        }
    }
}

/// What has changed on a machine that is watched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// The checks that read it.
    pub checks: Vec<Check>,
    /// Whether the collector's own settings are among it.
    pub settings: bool,
}

impl Changed {
    /// Whether nothing has.
    pub fn is_nothing(&self) -> bool {
        self.checks.is_empty() && !self.settings
    }
}

/// A machine that can be looked at. What a machine cannot be asked for at all is as if it had not been recorded.
pub trait Host: Send + Sync {
    /// The machine's clock.
    fn now(&self) -> Time;
    /// Value `name` under key `key`; the empty name is the default value.
    fn registry_value(&self, key: &str, name: &str) -> Data;
    /// Key `key` itself: [`Data::Key`] where it exists.
    fn registry_key(&self, key: &str) -> Data;
    /// Names of the direct subkeys of `key`.
    fn registry_subkeys(&self, key: &str) -> Listing<String>;
    /// Names and data of the values of `key`.
    fn registry_values(&self, key: &str) -> Listing<(String, Data)>;
    /// Whether service `name` runs: [`Data::Flag`], or absent where there is no such service.
    fn service_running(&self, name: &str) -> Data;
    /// File or folder `path` (`%windir%` and the like not expanded): [`Data::Key`] with its creation time where it exists.
    fn file(&self, path: &str) -> Data;
    /// Whether the update agent says that a restart is required: [`Data::Flag`].
    fn update_agent_reboot_required(&self) -> Data;
    /// A fact of the operating system.
    fn system(&self, fact: SystemFact) -> Data;
    /// The proxy that this machine's own settings name; `None` where there is none, and where they cannot be read.
    fn machine_proxy(&self) -> Option<MachineProxy> {
        None
    }

    /// The version of file `path`, text.
    fn file_version(&self, _path: &str) -> Data {
        Data::NotRecorded
    }

    /// Room on the drive of Windows.
    fn system_drive(&self) -> Room {
        Room::unknown(Data::NotRecorded)
    }

    /// Whether event channel `channel` is enabled: [`Data::Flag`], or absent where there is none.
    fn event_channel(&self, _channel: &str) -> Data {
        Data::NotRecorded
    }

    /// Events of one channel.
    fn events(&self, _query: EventQuery) -> Answer<Events> {
        Answer::NotRecorded
    }

    /// What the update agent remembers of installations.
    fn update_history(&self) -> Answer<History> {
        Answer::NotRecorded
    }

    /// The services that the update agent knows.
    fn update_services(&self) -> Answer<UpdateServices> {
        Answer::NotRecorded
    }

    /// When automatic updates last had success.
    fn last_success(&self) -> LastSuccess {
        LastSuccess::unknown(Data::NotRecorded)
    }

    /// The state of the component store; an answer may be a day old at `now`, because it takes seconds.
    fn component_store(&self, _now: Time) -> Answer<StoreState> {
        Answer::NotRecorded
    }

    /// Goes the way to an update server, for 20 s at most: the steps as far as it led.
    fn update_endpoint(&self, _endpoint: &Endpoint) -> Answer<Vec<Step>> {
        Answer::NotRecorded
    }

    /// Which known certificates the firmware's variables hold.
    fn firmware(&self) -> Firmware {
        Firmware::unknown(&Data::NotRecorded)
    }

    /// Values of one key, in the order of `names`.
    fn registry_values_named(&self, key: &str, names: &[&str]) -> Vec<Data> {
        names
            .iter()
            .map(|name| self.registry_value(key, name))
            .collect()
    }

    /// Does `read` while group policy is not being applied, where it can be kept from that. `read` is done once in any case.
    fn while_policy_rests(&self, read: &mut dyn FnMut()) {
        read();
    }

    /// Whether what is not found here is not there. A recording may just not hold it.
    fn holds_everything(&self) -> bool {
        false
    }
}
