//! This Windows machine itself.
//!
//! Promises: it only reads; it starts no process, asks no other machine but the update server while scans fail ([`endpoint`]), and
//! enumerates no accounts; what this Windows lacks or refuses is [`Data::Unreadable`] with the reason, never absent and never empty. A part that hangs costs its limit once
//! ([`UPDATE_AGENT_LIMIT`], [`EVENT_LOG_LIMIT`], 30 s for servicing, 10 s for the firmware, 20 s for the update server) and is not waited for again until it has come back.
//!
//! One file per source. These files alone call Windows; each call's reason stands above it.

mod com;
mod endpoint;
mod error;
mod events;
mod files;
mod firmware;
mod listings;
mod policy;
mod proxy;
mod registry;
mod services;
mod servicing;
mod system;
mod update_agent;
pub mod watch;
mod wide;

use std::path::PathBuf;
use std::time::Duration;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;

use super::endpoint::{Endpoint, Step};
use super::firmware::Firmware;
use super::guarded::Guarded;
use super::told::{
    Answer, EventQuery, Events, History, LastSuccess, Room, StoreState, UpdateServices,
};
use super::{Host, Listing, SystemFact};
use crate::clock;
use crate::session::MachineProxy;

/// Longest wait for the update agent.
const UPDATE_AGENT_LIMIT: Duration = Duration::from_secs(10);
/// Longest wait for the event log.
const EVENT_LOG_LIMIT: Duration = Duration::from_secs(10);

/// This machine.
#[derive(Debug)]
pub struct ThisDevice {
    update_agent: Guarded,
    event_log: Guarded,
    servicing: servicing::Servicing,
    endpoint: endpoint::Walker,
    firmware: firmware::Variables,
    policy: policy::Policy,
    listings: listings::Listings,
    boot: system::Boot,
}

impl ThisDevice {
    /// Reads nothing yet.
    pub fn new() -> Self {
        Self {
            update_agent: Guarded::new("update agent", UPDATE_AGENT_LIMIT),
            event_log: Guarded::new("event log", EVENT_LOG_LIMIT),
            servicing: servicing::Servicing::new(),
            endpoint: endpoint::Walker::new(),
            firmware: firmware::Variables::new(),
            policy: policy::Policy::new(),
            listings: listings::Listings::default(),
            boot: system::Boot::default(),
        }
    }

    /// Asks the update agent; a reason where it does not answer.
    fn agent<T: Send + 'static>(&self, ask: fn() -> T) -> Result<T, String> {
        let asked = self.update_agent.ask(ask);
        asked.map_err(|why| format!("the update agent {why}"))
    }
}

impl Default for ThisDevice {
    fn default() -> Self {
        Self::new()
    }
}

impl Host for ThisDevice {
    fn now(&self) -> Time {
        clock::now()
    }

    fn registry_value(&self, key: &str, name: &str) -> Data {
        registry::value(key, name)
    }

    fn registry_key(&self, key: &str) -> Data {
        registry::key(key)
    }

    fn registry_subkeys(&self, key: &str) -> Listing<String> {
        self.listings.subkeys(key)
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
        self.agent(update_agent::reboot_required)
            .unwrap_or_else(Data::Unreadable)
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

    fn file_version(&self, path: &str) -> Data {
        files::version(path)
    }

    fn system_drive(&self) -> Room {
        files::system_drive()
    }

    fn event_channel(&self, channel: &str) -> Data {
        let channel = channel.to_owned();
        let asked = self.event_log.ask(move || events::enabled(&channel));
        asked.unwrap_or_else(|why| Data::Unreadable(format!("the event log {why}")))
    }

    fn events(&self, query: EventQuery) -> Answer<Events> {
        let asked = self.event_log.ask(move || events::newest(query));
        asked.unwrap_or_else(|why| Answer::Unreadable(format!("the event log {why}")))
    }

    fn update_history(&self) -> Answer<History> {
        self.agent(update_agent::history)
            .unwrap_or_else(Answer::Unreadable)
    }

    fn update_services(&self) -> Answer<UpdateServices> {
        self.agent(update_agent::services)
            .unwrap_or_else(Answer::Unreadable)
    }

    fn last_success(&self) -> LastSuccess {
        self.agent(update_agent::last_success)
            .unwrap_or_else(|why| LastSuccess::unknown(Data::Unreadable(why)))
    }

    fn component_store(&self, now: Time) -> Answer<StoreState> {
        self.servicing.state(now)
    }

    fn update_endpoint(&self, endpoint: &Endpoint) -> Answer<Vec<Step>> {
        self.endpoint.go(endpoint, self.machine_proxy())
    }

    fn firmware(&self) -> Firmware {
        self.firmware.read()
    }

    fn registry_values_named(&self, key: &str, names: &[&str]) -> Vec<Data> {
        registry::values_named(key, names)
    }

    fn while_policy_rests(&self, read: &mut dyn FnMut()) {
        self.policy.while_it_rests(read);
    }

    fn holds_everything(&self) -> bool {
        true
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
