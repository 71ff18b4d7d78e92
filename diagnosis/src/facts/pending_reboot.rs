//! Signals that a restart is pending (fact sheet section 5).
//!
//! Signals differ in weight: the update agent and servicing know, file renames are left by any installer, and a domain join or a
//! rename has nothing to do with updates. A strong source that could not be read leaves the answer unknown unless another
//! signal settles it. A source that a recording does not hold counts as not seen and is named. ConfigMgr's own answer is left out.

use serde_json::{Value, json};

use super::device::Windows;
use super::valued::{Reader, children};
use crate::keys;
use crate::observation::{EvidenceRef, Found, Lookup};
use crate::reading::Data;
use crate::time::Time;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRebootFacts {
    /// Every signal that is set.
    pub signals: Vec<Signal>,
    /// Strong sources that could not be read: what, and why.
    pub unreadable: Vec<(&'static str, String)>,
    /// Sources that the recording does not hold.
    pub not_recorded: Vec<&'static str>,
    /// When Windows plans the restart.
    pub planned_at: Option<Time>,
    /// When Windows first noticed it, by its own note.
    pub noted_since: Option<Time>,
    /// When the machine started.
    pub started_at: Option<Time>,
    /// The readings of the strong sources, set or not.
    pub looked_at: Vec<EvidenceRef>,
}

/// How much a signal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Something waits, but no update.
    Weak,
    /// An update or the update client probably waits.
    Medium,
    /// An update waits.
    Strong,
}

impl Weight {
    /// The public word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Medium => "medium",
            Self::Strong => "strong",
        }
    }
}

/// A signal that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Its name.
    pub name: &'static str,
    /// Who sets it, for people.
    pub owner: &'static str,
    /// How much it says.
    pub weight: Weight,
    /// Whether it is about updates.
    pub update: bool,
    /// Since when, where the source tells.
    pub since: Option<Time>,
    /// The readings that show it.
    pub evidence: Vec<EvidenceRef>,
}

/// Whether a restart is pending for updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It could not be told.
    Unknown,
}

/// A key whose mere existence is a signal.
struct KeySignal {
    path: &'static str,
    name: &'static str,
    owner: &'static str,
    weight: Weight,
    update: bool,
}

const UPDATE_AGENT: &str = "the Windows Update agent";
const SERVICING: &str = "component based servicing";
const ROLES: &str = "roles and features";

const KEY_SIGNALS: &[KeySignal] = &[
    strong_key(keys::AUTO_UPDATE_REBOOT, "windows-update", UPDATE_AGENT),
    strong_key(keys::CBS_REBOOT_PENDING, "servicing", SERVICING),
    strong_key(keys::CBS_REBOOT_IN_PROGRESS, "servicing-in-progress", SERVICING),
    strong_key(keys::CBS_PACKAGES_PENDING, "packages-pending", SERVICING),
    weak_key(keys::AUTO_UPDATE_POST_REBOOT, "post-reboot-reporting", UPDATE_AGENT, true),
    weak_key(keys::SERVER_MANAGER_REBOOT[0], "server-manager", ROLES, false),
    weak_key(keys::SERVER_MANAGER_REBOOT[1], "server-manager", ROLES, false),
];

const fn strong_key(path: &'static str, name: &'static str, owner: &'static str) -> KeySignal {
    KeySignal {
        path,
        name,
        owner,
        weight: Weight::Strong,
        update: true,
    }
}

const fn weak_key(
    path: &'static str,
    name: &'static str,
    owner: &'static str,
    update: bool,
) -> KeySignal {
    KeySignal {
        path,
        name,
        owner,
        weight: Weight::Weak,
        update,
    }
}

/// From this build on (20H2) the update page's own flag can be relied on.
const UPDATE_PAGE_SINCE: u32 = 19042;
const DOMAIN_JOIN: [&str; 2] = ["JoinDomain", "AvoidSpnSet"];

impl PendingRebootFacts {
    /// Interprets the readings of the check.
    pub fn derive(lookup: Lookup<'_>, windows: Windows) -> Self {
        let reader = Reader::new(lookup);
        let mut signals = Vec::new();
        signals.extend(update_agent(&reader));
        signals.extend(KEY_SIGNALS.iter().filter_map(|s| key_signal(&reader, s)));
        signals.extend(pending_xml(&reader));
        signals.extend(update_page(&reader, windows));
        signals.extend(half_done_sessions(&reader));
        signals.extend(services_pending(&reader));
        signals.extend(old_installers(&reader));
        signals.extend(file_renames(&reader));
        signals.extend(roles_installer(&reader));
        signals.extend(domain_join(&reader));
        signals.extend(computer_rename(&reader));
        let strong: Vec<(&'static str, Found<'_>)> = strong_sources(&reader);
        Self {
            signals,
            unreadable: strong
                .iter()
                .filter_map(|(name, found)| match found.data() {
                    Data::Unreadable(why) => Some((*name, why.clone())),
                    _ => None,
                })
                .collect(),
            not_recorded: not_recorded(&reader, &strong),
            planned_at: reader
                .number(keys::UX_STATE, "ScheduledRebootTime")
                .and_then(|f| Time::from_filetime(f.value)),
            noted_since: reader
                .text(keys::UX_SETTINGS, "PendingRebootStartTime")
                .and_then(|f| Time::parse_loose(&f.value)),
            started_at: reader
                .text(keys::SYSTEM, "boot_time")
                .and_then(|f| Time::parse_loose(&f.value)),
            looked_at: strong.iter().map(|(_, found)| found.at).collect(),
        }
    }

    /// Whether a restart is pending for updates.
    pub fn pending(&self) -> Pending {
        if self.deciding().next().is_some() {
            Pending::Yes
        } else if self.unreadable.is_empty() {
            Pending::No
        } else {
            Pending::Unknown
        }
    }

    /// The signals that mean a restart for updates.
    pub fn deciding(&self) -> impl Iterator<Item = &Signal> {
        self.signals
            .iter()
            .filter(|s| s.update && s.weight >= Weight::Medium)
    }

    /// The signals that do not.
    pub fn others(&self) -> impl Iterator<Item = &Signal> {
        self.signals
            .iter()
            .filter(|s| !(s.update && s.weight >= Weight::Medium))
    }

    /// Since when it is pending: the earliest moment that a source gives.
    pub fn since(&self) -> Option<Time> {
        self.deciding()
            .filter_map(|s| s.since)
            .chain(self.noted_since)
            .min()
    }

    /// Whether the machine started again after every moment that a source gives, so that the signals are left over from before.
    pub fn survived_a_restart(&self) -> bool {
        let newest = self.deciding().filter_map(|s| s.since).chain(self.noted_since).max();
        newest.zip(self.started_at).is_some_and(|(newest, started)| started > newest)
    }

    /// The facts as JSON.
    pub fn json(&self) -> Value {
        let signals: Vec<Value> = self.signals.iter().map(|s| s.json(self.noted_since)).collect();
        let (state, reason) = match self.pending() {
            Pending::Yes => ("pending", None),
            Pending::No => ("not-pending", None),
            Pending::Unknown => ("unknown", Some(self.why_unknown())),
        };
        json!({
            "state": state,
            "reason": reason,
            "signals": signals,
            "not_recorded": self.not_recorded,
            "planned_at": self.planned_at.map(|t| t.to_string()),
        })
    }

    /// Why it is not known, in one clause.
    pub fn why_unknown(&self) -> String {
        let parts: Vec<String> = self
            .unreadable
            .iter()
            .map(|(name, why)| format!("{name} could not be read ({why})"))
            .collect();
        parts.join(", ")
    }
}

impl Signal {
    fn json(&self, noted_since: Option<Time>) -> Value {
        let since = self.since.or(noted_since.filter(|_| self.update));
        json!({
            "signal": self.name,
            "owner": self.owner,
            "weight": self.weight.name(),
            "update": self.update,
            "since": since.map(|t| t.to_string()),
        })
    }
}

fn update_signal(name: &'static str, owner: &'static str, weight: Weight, at: EvidenceRef) -> Signal {
    Signal {
        name,
        owner,
        weight,
        update: true,
        since: None,
        evidence: vec![at],
    }
}

fn other_signal(name: &'static str, owner: &'static str, evidence: Vec<EvidenceRef>) -> Signal {
    Signal {
        name,
        owner,
        weight: Weight::Weak,
        update: false,
        since: None,
        evidence,
    }
}

fn key_signal(reader: &Reader<'_>, signal: &KeySignal) -> Option<Signal> {
    let found = reader.key(signal.path)?;
    let Data::Key(written) = found.data() else {
        return None;
    };
    let mut evidence = vec![found.at];
    let values = reader.all().filter(|f| {
        f.reading.name.is_some() && f.reading.path.eq_ignore_ascii_case(signal.path)
    });
    evidence.extend(values.map(|f| f.at));
    Some(Signal {
        name: signal.name,
        owner: signal.owner,
        weight: signal.weight,
        update: signal.update,
        since: *written,
        evidence,
    })
}

fn update_agent(reader: &Reader<'_>) -> Option<Signal> {
    let found = reader.value(keys::UPDATE_AGENT, keys::UPDATE_AGENT_REBOOT)?;
    (*found.data() == Data::Flag(true))
        .then(|| update_signal("update-agent", UPDATE_AGENT, Weight::Strong, found.at))
}

fn pending_xml(reader: &Reader<'_>) -> Option<Signal> {
    let found = reader.key(keys::PENDING_XML)?;
    let Data::Key(created) = found.data() else {
        return None;
    };
    Some(Signal {
        since: *created,
        ..update_signal("pending-xml", SERVICING, Weight::Strong, found.at)
    })
}

fn update_page(reader: &Reader<'_>, windows: Windows) -> Option<Signal> {
    let flag = reader.number(keys::UX_STATE, "RebootRequired").filter(|f| f.value == 1)?;
    let reliable = windows.build.is_none_or(|build| build >= UPDATE_PAGE_SINCE);
    let weight = if reliable { Weight::Strong } else { Weight::Weak };
    Some(update_signal("update-page", "the update page of Settings", weight, flag.at))
}

fn half_done_sessions(reader: &Reader<'_>) -> Option<Signal> {
    let mut refs = ["Exclusive", "TotalSessionPhases"]
        .into_iter()
        .filter_map(|name| reader.number(keys::CBS_SESSIONS_PENDING, name))
        .filter(|f| f.value != 0)
        .map(|f| f.at);
    let first = refs.next()?;
    let mut signal = update_signal("sessions-pending", SERVICING, Weight::Medium, first);
    signal.evidence.extend(refs);
    Some(signal)
}

fn services_pending(reader: &Reader<'_>) -> Option<Signal> {
    let names = children(reader, keys::SERVICES_PENDING);
    let refs: Vec<EvidenceRef> = names
        .iter()
        .filter_map(|name| reader.key(&format!(r"{}\{name}", keys::SERVICES_PENDING)))
        .filter(|found| found.data().is_present())
        .map(|found| found.at)
        .collect();
    let first = *refs.first()?;
    Some(Signal {
        evidence: refs,
        ..update_signal("services-pending", UPDATE_AGENT, Weight::Medium, first)
    })
}

fn old_installers(reader: &Reader<'_>) -> Option<Signal> {
    [keys::UPDATE_EXE, keys::UPDATE_EXE_32]
        .into_iter()
        .filter_map(|path| reader.number(path, "UpdateExeVolatile"))
        .find(|f| f.value != 0)
        .map(|f| update_signal("update-exe", "an update installer", Weight::Medium, f.at))
}

fn file_renames(reader: &Reader<'_>) -> Option<Signal> {
    let refs: Vec<EvidenceRef> = ["PendingFileRenameOperations", "PendingFileRenameOperations2"]
        .into_iter()
        .filter_map(|name| reader.value(keys::SESSION_MANAGER, name))
        .filter(|found| !found.data().lines().is_empty())
        .map(|found| found.at)
        .collect();
    (!refs.is_empty()).then(|| other_signal("file-renames", "any installer", refs))
}

fn roles_installer(reader: &Reader<'_>) -> Option<Signal> {
    let found = reader.value(keys::RUN_ONCE, "DVDRebootSignal")?;
    found
        .data()
        .is_present()
        .then(|| other_signal("roles-installer", ROLES, vec![found.at]))
}

fn domain_join(reader: &Reader<'_>) -> Option<Signal> {
    let as_value = DOMAIN_JOIN.iter().filter_map(|name| reader.value(keys::NETLOGON, name));
    let as_key = DOMAIN_JOIN
        .iter()
        .filter_map(|name| reader.key(&format!(r"{}\{name}", keys::NETLOGON)));
    let refs: Vec<EvidenceRef> = as_value
        .chain(as_key)
        .filter(|found| found.data().is_present())
        .map(|found| found.at)
        .collect();
    (!refs.is_empty()).then(|| other_signal("domain-join", "a domain join", refs))
}

fn computer_rename(reader: &Reader<'_>) -> Option<Signal> {
    let active = reader.text(keys::ACTIVE_COMPUTER_NAME, "ComputerName")?;
    let next = reader.text(keys::COMPUTER_NAME, "ComputerName")?;
    (!active.value.eq_ignore_ascii_case(&next.value))
        .then(|| other_signal("computer-rename", "a rename of the machine", vec![active.at, next.at]))
}

/// The strong sources that were looked at, in whatever state, with their names for people.
fn strong_sources<'a>(reader: &Reader<'a>) -> Vec<(&'static str, Found<'a>)> {
    let agent = reader.value(keys::UPDATE_AGENT, keys::UPDATE_AGENT_REBOOT);
    let page = reader.value(keys::UX_STATE, "RebootRequired");
    KEY_SIGNALS
        .iter()
        .filter(|s| s.weight == Weight::Strong)
        .filter_map(|s| Some((s.path, reader.key(s.path)?)))
        .chain(agent.map(|found| ("the update agent", found)))
        .chain(page.map(|found| ("the update page's state", found)))
        .chain(reader.key(keys::PENDING_XML).map(|found| (keys::PENDING_XML, found)))
        .collect()
}

/// The strong sources that a recording lacks, in words; many keys of one hive are one source.
fn not_recorded(reader: &Reader<'_>, strong: &[(&'static str, Found<'_>)]) -> Vec<&'static str> {
    let mut missing = Vec::new();
    for (name, found) in strong {
        if *found.data() == Data::NotRecorded {
            let source = if name.starts_with(keys::CBS) {
                SERVICING
            } else if name.starts_with(r"HKLM\") {
                "the update agent's keys"
            } else {
                name
            };
            if !missing.contains(&source) {
                missing.push(source);
            }
        }
    }
    let renames = reader.value(keys::SESSION_MANAGER, "PendingFileRenameOperations");
    if renames.is_some_and(|f| *f.data() == Data::NotRecorded) {
        missing.push("file renames");
    }
    missing
}
