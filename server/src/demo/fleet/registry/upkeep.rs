//! What a machine of the demo remembers and says beside its registry: events, the update agent's history, the component store, room.

use std::collections::BTreeMap;

use sickbay_collector::host::endpoint::{Step, StepName};
use sickbay_collector::host::recording::Description;
use sickbay_collector::host::recording::host_toml::FileState;
use sickbay_collector::host::recording::upkeep::{
    ChannelState, EndpointRecord, Memory, RecordedEvent, Storage, StoreRecord,
};
use sickbay_collector::host::told::{HistoryEntry, UpdateService};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::keys;
use sickbay_diagnosis::time::HOUR_MS;

use super::Profile;

const GIB: u64 = 1 << 30;
const WSUS_SERVICE: &str = "3da21691-e39d-4da6-8a4b-b43877bcb1b7";
const WINDOWS_UPDATE_SERVICE: &str = "9482f4b4-e343-43b6-b170-9a65bc822c77";
const INSTALLED: u32 = 19;
const SCAN_FAILED: u32 = 25;
const SCANNED: u32 = 26;
const MINUTE_MS: i64 = 60_000;

/// Writes it for a machine that looks for updates several times a day and last installed one when it was patched.
pub(super) fn write(description: &mut Description, profile: &Profile, now: Time) {
    let looked_at = now.plus_millis(-HOUR_MS * i64::from(1 + profile.serial % 9));
    let installed = RecordedEvent {
        record: 2_000 + u64::from(profile.serial),
        id: INSTALLED,
        at: Some(profile.patched_at),
        values: values(&[
            ("updateTitle", &title(profile)),
            ("updateGuid", &update(profile)),
        ]),
        ..RecordedEvent::default()
    };
    let scanned = RecordedEvent {
        record: 9_000 + u64::from(profile.serial),
        id: SCANNED,
        at: Some(looked_at),
        values: values(&[("updateCount", "0")]),
        ..RecordedEvent::default()
    };
    for (channel, events) in [
        (keys::SYSTEM_CHANNEL, vec![installed]),
        (keys::UPDATE_CHANNEL, vec![scanned]),
        (keys::SETUP_CHANNEL, Vec::new()),
    ] {
        let state = ChannelState {
            events,
            ..ChannelState::default()
        };
        description.event_channels.insert(channel.to_owned(), state);
    }
    description.update_history = Some(Memory {
        last_search: Some(looked_at),
        last_installation: Some(profile.patched_at),
        entries: Some(vec![HistoryEntry {
            at: Some(profile.patched_at),
            operation: Some(1),
            result: Some(2),
            code: Some(0),
            unmapped_code: Some(0),
            title: Some(title(profile)),
            update: Some(update(profile)),
            service: Some(WSUS_SERVICE.to_owned()),
        }]),
        services: Some(vec![
            service("Windows Server Update Service", WSUS_SERVICE, true),
            service("Windows Update", WINDOWS_UPDATE_SERVICE, false),
        ]),
        ..Memory::default()
    });
    description.update_endpoint = Some(EndpointRecord::Steps(vec![
        direct(),
        Step::ok(StepName::Dns),
        Step::ok(StepName::Tcp),
        Step::ok(StepName::Tls),
        Step {
            status: Some(200),
            ..Step::ok(StepName::Http)
        },
    ]));
    description.component_store = Some(StoreRecord::Health(0));
    description.storage = Some(Storage {
        free_bytes: (30 + u64::from(profile.serial % 150)) * GIB,
        total_bytes: 237 * GIB,
    });
    let build = profile.release.build;
    description.files.push(FileState {
        path: keys::UPDATE_ENGINE.to_owned(),
        exists: true,
        created: None,
        version: Some(format!("10.0.{build}.{}", profile.ubr())),
    });
}

/// Since then no scan has worked, because the update server cannot be connected to.
pub(super) fn unreachable(description: &mut Description, since: Time, code: u32, said: &str) {
    if let Some(memory) = &mut description.update_history {
        memory.last_search = Some(since);
    }
    let now = description.now.unwrap_or(since);
    let channel = description.event_channels.get_mut(keys::UPDATE_CHANNEL);
    if let Some(channel) = channel {
        for scanned in channel.events.iter_mut().filter(|e| e.id == SCANNED) {
            scanned.at = Some(since);
        }
        let newest = channel.events.iter().map(|event| event.record).max();
        channel.events.push(RecordedEvent {
            record: newest.unwrap_or(0) + 1,
            id: SCAN_FAILED,
            at: Some(now.plus_millis(-20 * MINUTE_MS).max(since.plus_millis(1))),
            values: values(&[("errorCode", "0x80072EFD"), ("serviceGuid", WSUS_SERVICE)]),
            ..RecordedEvent::default()
        });
    }
    description.update_endpoint = Some(EndpointRecord::Steps(vec![
        direct(),
        Step::ok(StepName::Dns),
        Step::failed(StepName::Tcp, Some(code), said.to_owned()),
    ]));
}

fn direct() -> Step {
    Step {
        found: Some(keys::DIRECT.to_owned()),
        ..Step::ok(StepName::Proxy)
    }
}

fn service(name: &str, id: &str, managed: bool) -> UpdateService {
    UpdateService {
        name: Some(name.to_owned()),
        id: Some(id.to_owned()),
        managed: Some(managed),
        registered: Some(true),
        default: Some(managed),
    }
}

fn title(profile: &Profile) -> String {
    let month: String = profile.patched_at.date().chars().take(7).collect();
    let build = profile.release.build;
    format!(
        "{month} Cumulative Update for {} ({build}.{})",
        profile.release.product,
        profile.ubr()
    )
}

/// An id of its own for each update of each release.
fn update(profile: &Profile) -> String {
    format!(
        "{:08x}-0000-4000-8000-{:012x}",
        profile.release.build,
        profile.ubr()
    )
}

fn values(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = values
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    owned.collect()
}
