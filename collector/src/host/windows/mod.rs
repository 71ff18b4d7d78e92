//! This Windows machine itself.
//!
//! Promises: it only reads; it starts no process, asks no other machine and enumerates no accounts; what this Windows lacks or
//! refuses is [`Data::Unreadable`] with the reason, never absent and never empty. A part that hangs costs [`UPDATE_AGENT_LIMIT`]
//! once and is not waited for again until it has come back.
//!
//! One file per source. These files alone call Windows; each call's reason stands above it.

mod error;
mod files;
mod proxy;
mod registry;
mod services;
mod system;
mod update_agent;
pub mod watch;
mod wide;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;

use super::guarded::Guarded;
use super::{Host, Listing, SystemFact};
use crate::session::MachineProxy;

/// Longest wait for the update agent.
const UPDATE_AGENT_LIMIT: Duration = Duration::from_secs(10);

/// This machine.
#[derive(Debug)]
pub struct ThisDevice {
    update_agent: Guarded<Data>,
    boot: system::Boot,
}

impl ThisDevice {
    /// Reads nothing yet.
    pub fn new() -> Self {
        Self {
            update_agent: Guarded::new("update agent", UPDATE_AGENT_LIMIT),
            boot: system::Boot::default(),
        }
    }
}

impl Default for ThisDevice {
    fn default() -> Self {
        Self::new()
    }
}

impl Host for ThisDevice {
    fn now(&self) -> Time {
        time_of(SystemTime::now())
    }

    fn registry_value(&self, key: &str, name: &str) -> Data {
        registry::value(key, name)
    }

    fn registry_key(&self, key: &str) -> Data {
        registry::key(key)
    }

    fn registry_subkeys(&self, key: &str) -> Listing<String> {
        registry::subkeys(key)
    }

    fn registry_values(&self, key: &str) -> Listing<(String, Data)> {
        registry::values(key)
    }

    fn service_running(&self, name: &str) -> Data {
        services::running(name)
    }

    fn file(&self, path: &str) -> Data {
        files::file(path)
    }

    fn update_agent_reboot_required(&self) -> Data {
        self.update_agent
            .ask(update_agent::reboot_required)
            .unwrap_or_else(|why| Data::Unreadable(format!("the update agent {why}")))
    }

    fn machine_proxy(&self) -> Option<MachineProxy> {
        proxy::machine()
    }

    fn system(&self, fact: SystemFact) -> Data {
        match fact {
            SystemFact::HostName => system::host_name(),
            SystemFact::Domain => system::domain(),
            SystemFact::OrganizationalUnit => system::organizational_unit(),
            SystemFact::Site => system::site(),
            SystemFact::Architecture => system::architecture(),
            SystemFact::BootTime => Data::Text(self.boot.time(self.now()).to_string()),
            SystemFact::MachineFingerprint => system::fingerprint(),
        }
    }
}

/// `%ProgramData%`, from where Windows takes it: the environment of a program may be anybody's.
pub fn program_data() -> PathBuf {
    const PROFILES: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";
    let drive = std::env::var("SystemDrive").unwrap_or_else(|_| "C:".to_owned());
    match registry::value(PROFILES, "ProgramData") {
        Data::Text(path) | Data::ExpandText(path) => {
            PathBuf::from(path.replace("%SystemDrive%", &drive))
        }
        _ => PathBuf::from(drive + r"\ProgramData"),
    }
}

/// A time of the standard library. One before 1970 becomes 1970.
fn time_of(time: SystemTime) -> Time {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
