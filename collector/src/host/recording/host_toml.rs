//! `host.toml`: what a recording says of a device beside its registry. docs/recordings.md describes it for people.
//!
//! Every field may be left out, and what is left out was not recorded. Unknown keys are refused, so that a misspelt one is not
//! mistaken for a fact that is not known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;

use super::upkeep::{ChannelState, EndpointRecord, Memory, Storage, StoreRecord};
use crate::host::SystemFact;
use crate::host::firmware::FirmwareRecord;

/// Facts of a device that a registry does not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Description {
    /// The moment of the recording, by the device's clock.
    #[serde(with = "rfc3339", skip_serializing_if = "Option::is_none")]
    pub now: Option<Time>,
    /// Host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// DNS name of the AD domain; empty in a workgroup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Distinguished name of the organizational unit; empty where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<String>,
    /// AD site; empty where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// `x64`, `arm64` or `x86`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// When the machine started.
    #[serde(with = "rfc3339", skip_serializing_if = "Option::is_none")]
    pub boot_time: Option<Time>,
    /// Stable fingerprint of the machine (SMBIOS UUID).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_fingerprint: Option<String>,
    /// Services by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, ServiceState>,
    /// What the update agent said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_agent: Option<UpdateAgent>,
    /// Files and folders that were looked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileState>,
    /// When registry keys were last written, which a .reg file does not hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyState>,
    /// Event channels by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub event_channels: BTreeMap<String, ChannelState>,
    /// What the update agent remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_history: Option<Memory>,
    /// What servicing said of the component store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component_store: Option<StoreRecord>,
    /// Room on the drive of Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// The way to the update server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_endpoint: Option<EndpointRecord>,
    /// What the firmware's variables held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<FirmwareRecord>,
}

/// A service at the moment of the recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceState {
    /// Whether it ran.
    pub running: bool,
}

/// What the Windows Update agent said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum UpdateAgent {
    /// Whether a restart is required.
    RebootRequired(bool),
    /// It failed with this code.
    Error(String),
}

/// A file or folder that was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileState {
    /// Its path as the check names it, variables such as `%windir%` not expanded.
    pub path: String,
    /// Whether it was there.
    #[serde(default = "yes")]
    pub exists: bool,
    /// When it was created, where known.
    #[serde(default, with = "rfc3339", skip_serializing_if = "Option::is_none")]
    pub created: Option<Time>,
    /// Its version, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A registry key's time of last write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyState {
    /// Full path; ignored where the registry of the recording has no such key.
    pub path: String,
    /// When it was last written.
    #[serde(with = "rfc3339")]
    pub last_write: Option<Time>,
}

const fn yes() -> bool {
    true
}

impl Description {
    /// Reads the text of a `host.toml`.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Takes over what `newer` says; what it leaves out stays.
    pub fn overlay(&mut self, newer: Self) {
        fn take<T>(mine: &mut Option<T>, newer: Option<T>) {
            if newer.is_some() {
                *mine = newer;
            }
        }
        take(&mut self.now, newer.now);
        take(&mut self.host_name, newer.host_name);
        take(&mut self.domain, newer.domain);
        take(&mut self.organizational_unit, newer.organizational_unit);
        take(&mut self.site, newer.site);
        take(&mut self.architecture, newer.architecture);
        take(&mut self.boot_time, newer.boot_time);
        take(&mut self.machine_fingerprint, newer.machine_fingerprint);
        take(&mut self.update_agent, newer.update_agent);
        take(&mut self.update_history, newer.update_history);
        take(&mut self.component_store, newer.component_store);
        take(&mut self.storage, newer.storage);
        take(&mut self.update_endpoint, newer.update_endpoint);
        take(&mut self.firmware, newer.firmware);
        self.event_channels.extend(newer.event_channels);
        self.services.extend(newer.services);
        // The last entry on a path counts, both here and within one file.
        self.files.extend(newer.files);
        self.keys.extend(newer.keys);
    }

    /// What is said of a system fact: an empty text means that there is none.
    pub fn system(&self, fact: SystemFact) -> Data {
        let text = match fact {
            SystemFact::HostName => self.host_name.clone(),
            SystemFact::Domain => self.domain.clone(),
            SystemFact::OrganizationalUnit => self.organizational_unit.clone(),
            SystemFact::Site => self.site.clone(),
            SystemFact::Architecture => self.architecture.clone(),
            SystemFact::BootTime => self.boot_time.map(|time| time.to_string()),
            SystemFact::MachineFingerprint => self.machine_fingerprint.clone(),
        };
        match text {
            None => Data::NotRecorded,
            Some(text) if text.is_empty() => Data::Absent,
            Some(text) => Data::Text(text),
        }
    }

    /// What is said of a service.
    pub fn service_running(&self, name: &str) -> Data {
        self.services
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map_or(Data::NotRecorded, |(_, state)| Data::Flag(state.running))
    }

    /// What is said of a file or folder.
    pub fn file(&self, path: &str) -> Data {
        self.files
            .iter()
            .rfind(|file| file.path.eq_ignore_ascii_case(path))
            .map_or(Data::NotRecorded, |file| {
                if file.exists {
                    Data::Key(file.created)
                } else {
                    Data::Absent
                }
            })
    }

    /// What is said of the version of a file.
    pub fn file_version(&self, path: &str) -> Data {
        let file = self
            .files
            .iter()
            .rfind(|file| file.path.eq_ignore_ascii_case(path));
        match file {
            Some(file) if !file.exists => Data::Absent,
            Some(FileState {
                version: Some(version),
                ..
            }) => Data::Text(version.clone()),
            _ => Data::NotRecorded,
        }
    }

    /// What the update agent said of a restart.
    pub fn reboot_required(&self) -> Data {
        match &self.update_agent {
            None => Data::NotRecorded,
            Some(UpdateAgent::RebootRequired(required)) => Data::Flag(*required),
            Some(UpdateAgent::Error(code)) => {
                Data::Unreadable(format!("the update agent failed with {code}"))
            }
        }
    }
}

pub(in crate::host) mod rfc3339;

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"
now = 2026-11-23T08:00:00Z
host_name = "PC-0001"
domain = ""
architecture = "x64"
boot_time = "2026-11-20T06:30:00Z"

[services.wuauserv]
running = false

[update_agent]
error = "0x8024001E"

[[files]]
path = '%windir%\WinSxS\pending.xml'
created = "2026-11-19T02:00:00Z"

[[files]]
path = 'C:\Program Files\Microsoft Update Health Tools'
exists = false

[[keys]]
path = 'HKLM\SOFTWARE\A'
last_write = 2026-11-19T02:00:00Z
"#;

    #[test]
    fn what_is_given_is_answered_and_what_is_left_out_was_not_recorded() {
        let host = Description::parse(FULL).expect("it is well-formed");
        let pending = Time::parse("2026-11-19T02:00:00Z").expect("a time");
        assert_eq!(
            host.now.map(|t| t.to_string()).as_deref(),
            Some("2026-11-23T08:00:00Z")
        );
        assert_eq!(
            host.system(SystemFact::HostName),
            Data::Text("PC-0001".into())
        );
        assert_eq!(host.system(SystemFact::Domain), Data::Absent);
        assert_eq!(host.system(SystemFact::Site), Data::NotRecorded);
        assert_eq!(host.service_running("WUAUSERV"), Data::Flag(false));
        assert_eq!(host.service_running("BITS"), Data::NotRecorded);
        assert_eq!(
            host.file(r"%WINDIR%\winsxs\pending.xml"),
            Data::Key(Some(pending))
        );
        assert_eq!(
            host.file(r"C:\Program Files\Microsoft Update Health Tools"),
            Data::Absent
        );
        assert_eq!(host.file(r"C:\else"), Data::NotRecorded);
        assert!(
            matches!(host.reboot_required(), Data::Unreadable(why) if why.contains("0x8024001E"))
        );
        assert_eq!(Description::default().reboot_required(), Data::NotRecorded);
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        for text in [
            "hostname = 'x'",
            "[services.a]\nrunning = true\nstart = 4",
            "[update_agent]\nreboot = true",
            "[update_agent]\nreboot_required = true\nerror = '0x1'",
            "now = 'yesterday'",
            "[storage]\nfree_bytes = 1",
            "[component_store]\nstate = 0",
            "[event_channels.System]\nevent = []",
            "[[update_history.entries]]\nresults = 2",
        ] {
            assert!(Description::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_later_file_adds_to_an_earlier_one() {
        let mut host = Description::parse(FULL).expect("it is well-formed");
        let newer = Description::parse("host_name = 'PC-0002'\n[services.BITS]\nrunning = true")
            .expect("it is well-formed");
        host.overlay(newer);
        assert_eq!(
            host.system(SystemFact::HostName),
            Data::Text("PC-0002".into())
        );
        assert_eq!(
            host.system(SystemFact::Architecture),
            Data::Text("x64".into())
        );
        assert_eq!(host.service_running("wuauserv"), Data::Flag(false));
        assert_eq!(host.service_running("bits"), Data::Flag(true));
    }

    #[test]
    fn the_example_of_the_documentation_is_accepted() {
        let page = include_str!("../../../../docs/recordings.md");
        let (_, example) = page
            .split_once("```toml\n")
            .expect("the page has an example");
        let (example, _) = example.split_once("```").expect("the example ends");
        let host = Description::parse(example).expect("the example is right");
        for fact in SystemFact::ALL {
            assert!(
                matches!(host.system(fact), Data::Text(_)),
                "{}",
                fact.name()
            );
        }
        assert_eq!(host.reboot_required(), Data::Flag(false));
        assert_eq!((host.files.len(), host.keys.len()), (1, 1));
        let memory = host.update_history.as_ref().expect("as in the example");
        assert_eq!(memory.entries.as_ref().map(Vec::len), Some(1));
        assert_eq!(memory.services.as_ref().map(Vec::len), Some(1));
        assert_eq!(host.event_channels["System"].events.len(), 1);
        assert!(host.component_store.is_some() && host.storage.is_some());
    }

    #[test]
    fn a_description_written_as_toml_is_read_back_the_same() {
        let host = Description::parse(FULL).expect("it is well-formed");
        let text = toml::to_string(&host).expect("every field has a TOML form");
        assert_eq!(Description::parse(&text).expect("as written"), host);
    }
}
