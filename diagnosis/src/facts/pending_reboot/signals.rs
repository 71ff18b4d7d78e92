//! How each signal of a pending restart is read.

use super::{Signal, Weight};
use crate::facts::device::Windows;
use crate::facts::valued::{Reader, children};
use crate::keys;
use crate::observation::{EvidenceRef, Found};
use crate::reading::Data;

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
    strong_key(
        keys::CBS_REBOOT_IN_PROGRESS,
        "servicing-in-progress",
        SERVICING,
    ),
    strong_key(keys::CBS_PACKAGES_PENDING, "packages-pending", SERVICING),
    weak_key(
        keys::AUTO_UPDATE_POST_REBOOT,
        "post-reboot-reporting",
        UPDATE_AGENT,
        true,
    ),
    weak_key(
        keys::SERVER_MANAGER_REBOOT[0],
        "server-manager",
        ROLES,
        false,
    ),
    weak_key(
        keys::SERVER_MANAGER_REBOOT[1],
        "server-manager",
        ROLES,
        false,
    ),
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

/// Every signal that is set.
pub(super) fn all(reader: &Reader<'_>, windows: Windows) -> Vec<Signal> {
    let mut signals = Vec::new();
    signals.extend(update_agent(reader));
    signals.extend(KEY_SIGNALS.iter().filter_map(|s| key_signal(reader, s)));
    signals.extend(pending_xml(reader));
    signals.extend(update_page(reader, windows));
    signals.extend(half_done_sessions(reader));
    signals.extend(services_pending(reader));
    signals.extend(old_installers(reader));
    signals.extend(file_renames(reader));
    signals.extend(roles_installer(reader));
    signals.extend(domain_join(reader));
    signals.extend(computer_rename(reader));
    signals
}

fn update_signal(
    name: &'static str,
    owner: &'static str,
    weight: Weight,
    at: EvidenceRef,
) -> Signal {
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
    let values = reader
        .all()
        .filter(|f| f.reading.name.is_some() && f.reading.path.eq_ignore_ascii_case(signal.path));
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
    let flag = reader
        .number(keys::UX_STATE, "RebootRequired")
        .filter(|f| f.value == 1)?;
    let reliable = windows.build.is_none_or(|build| build >= UPDATE_PAGE_SINCE);
    let weight = if reliable {
        Weight::Strong
    } else {
        Weight::Weak
    };
    Some(update_signal(
        "update-page",
        "the update page of Settings",
        weight,
        flag.at,
    ))
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
    let refs: Vec<EvidenceRef> = [
        "PendingFileRenameOperations",
        "PendingFileRenameOperations2",
    ]
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
    let as_value = DOMAIN_JOIN
        .iter()
        .filter_map(|name| reader.value(keys::NETLOGON, name));
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
    (!active.value.eq_ignore_ascii_case(&next.value)).then(|| {
        other_signal(
            "computer-rename",
            "a rename of the machine",
            vec![active.at, next.at],
        )
    })
}

/// The strong sources that were looked at, in whatever state, with their names for people.
pub(super) fn strong_sources<'a>(reader: &Reader<'a>) -> Vec<(&'static str, Found<'a>)> {
    let agent = reader.value(keys::UPDATE_AGENT, keys::UPDATE_AGENT_REBOOT);
    let page = reader.value(keys::UX_STATE, "RebootRequired");
    KEY_SIGNALS
        .iter()
        .filter(|s| s.weight == Weight::Strong)
        .filter_map(|s| Some((s.path, reader.key(s.path)?)))
        .chain(agent.map(|found| ("the update agent", found)))
        .chain(page.map(|found| ("the update page's state", found)))
        .chain(
            reader
                .key(keys::PENDING_XML)
                .map(|found| (keys::PENDING_XML, found)),
        )
        .collect()
}

/// Whether a source was there to be looked at: something was found, or a place that every Windows has holds nothing. The update
/// page's state is an optional key, so that it is absent alone does not count.
pub(super) fn looked(reader: &Reader<'_>, strong: &[(&'static str, Found<'_>)]) -> bool {
    let renames = reader.value(keys::SESSION_MANAGER, "PendingFileRenameOperations");
    strong
        .iter()
        .map(|(_, found)| *found)
        .chain(renames)
        .any(|found| {
            !found.reading.path.eq_ignore_ascii_case(keys::UX_STATE)
                && *found.data() != Data::NotRecorded
        })
        || reader.all().any(|found| found.data().is_present())
}

/// The strong sources that a recording lacks, in words; many keys of one hive are one source.
pub(super) fn not_recorded(
    reader: &Reader<'_>,
    strong: &[(&'static str, Found<'_>)],
) -> Vec<&'static str> {
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
