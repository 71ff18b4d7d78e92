//! What a machine of the demo remembers and says beside its registry: events, the update agent's history, the component store, room.

use std::collections::BTreeMap;

use sickbay_collector::host::endpoint::{Step, StepName};
use sickbay_collector::host::recording::host_toml::FileState;
use sickbay_collector::host::recording::upkeep::{
    ChannelState, EndpointRecord, Memory, RecordedEvent, Storage, StoreRecord,
};
use sickbay_collector::host::told::{HistoryEntry, UpdateService};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::keys;
use sickbay_diagnosis::time::HOUR_MS;

use super::{Body, Machine};

const DRIVE_BYTES: u64 = 237 << 30;
const WSUS_SERVICE: &str = "3da21691-e39d-4da6-8a4b-b43877bcb1b7";
const WINDOWS_UPDATE_SERVICE: &str = "9482f4b4-e343-43b6-b170-9a65bc822c77";
/// The service and the category under which the agent notes its searches.
const ONLINE_SERVICE: &str = "8B24B027-1DEE-BABB-9A95-3517DFB9C552";
const SECURITY_UPDATES: &str = "{0FA1201D-4330-4FA8-8AE9-B877473B6441}";
const INSTALLED: u32 = 19;
const INSTALL_FAILED: u32 = 20;
/// Code with which Windows says that an update is not applicable.
const NOT_APPLICABLE: &str = "0x80240017";
const SCANNED: u32 = 26;
/// What separates numbers of records of one channel from those of another.
const RECORDS: u64 = 40_000;

/// Writes it for a machine that looks for updates several times a day and last installed one when it was patched.
pub(super) fn write(machine: &mut Machine, body: &Body<'_>) {
    let (title, update, installed_at) = body.installed();
    machine.event(
        body,
        keys::SYSTEM_CHANNEL,
        INSTALLED,
        installed_at,
        &[("updateTitle", &title), ("updateGuid", &braced(&update))],
    );
    machine.event(
        body,
        keys::UPDATE_CHANNEL,
        SCANNED,
        body.looked_at,
        &[("updateCount", "0")],
    );
    let setup = ChannelState::default();
    let channels = &mut machine.description.event_channels;
    channels.insert(keys::SETUP_CHANNEL.to_owned(), setup);
    machine.description.update_history = Some(Memory {
        last_search: Some(body.looked_at),
        last_installation: Some(installed_at),
        total: Some(40 + body.profile.serial % 170),
        entries: Some(installations(body)),
        services: Some(vec![
            service("Windows Server Update Service", WSUS_SERVICE, true),
            service("Windows Update", WINDOWS_UPDATE_SERVICE, false),
        ]),
        ..Memory::default()
    });
    machine.description.update_endpoint = Some(EndpointRecord::Steps(vec![
        direct(),
        Step::ok(StepName::Dns),
        Step::ok(StepName::Tcp),
        Step::ok(StepName::Tls),
        Step {
            status: Some(200),
            ..Step::ok(StepName::Http)
        },
    ]));
    machine.description.component_store = Some(StoreRecord::Health(0));
    machine.description.storage = Some(Storage {
        free_bytes: body.free_bytes,
        total_bytes: DRIVE_BYTES,
    });
    machine.description.files.push(FileState {
        path: keys::UPDATE_ENGINE.to_owned(),
        exists: true,
        created: None,
        version: Some(format!("10.0.{}.{}", body.release.build, body.ubr())),
    });
    // As the agent writes it: UTC, to the second.
    let noted = body.looked_at.to_string().replace('T', " ");
    let noted: String = noted.chars().take("2026-11-24 05:12:44".len()).collect();
    let key = format!(r"{}\{ONLINE_SERVICE}", keys::ONLINE_SCANS);
    machine.text(&key, SECURITY_UPDATES, noted);
}

/// What the agent remembers installing, the latest first.
fn installations(body: &Body<'_>) -> Vec<HistoryEntry> {
    let (title, update, at) = body.installed();
    let earlier = body.earlier().map(|(month, at)| {
        let (title, update) = body.update_of(month);
        (title, update, at)
    });
    std::iter::once((title, update, at))
        .chain(earlier)
        .map(|(title, update, at)| HistoryEntry {
            at: Some(at),
            operation: Some(1),
            result: Some(2),
            code: Some(0),
            unmapped_code: Some(0),
            title: Some(title),
            update: Some(update),
            service: Some(WSUS_SERVICE.to_owned()),
        })
        .collect()
}

impl Machine {
    /// Adds an event of the update client to a channel.
    pub(super) fn event(
        &mut self,
        body: &Body<'_>,
        channel: &str,
        id: u32,
        at: Time,
        values: &[(&str, &str)],
    ) {
        let state = self
            .description
            .event_channels
            .entry(channel.to_owned())
            .or_default();
        let record = u64::from(body.profile.serial % 90_000) + RECORDS;
        state.events.push(RecordedEvent {
            record: record + state.events.len() as u64,
            id,
            at: Some(at),
            values: owned(values),
            ..RecordedEvent::default()
        });
    }

    /// Something that the update client tried `times` without success, the last time a few minutes before it last looked for updates.
    pub(super) fn failures(&mut self, body: &Body<'_>, failing: &Failing<'_>) {
        let (title, update) = body.failing();
        let now = body.calendar.now;
        let last = now.plus_millis(-body.profile.scan_age_ms / 2);
        // A day apart where it has lasted so long, else as tries follow each other.
        let span = last.since(failing.since.plus_millis(-6 * HOUR_MS));
        let apart = (span / i64::from(failing.times)).clamp(1, 26 * HOUR_MS);
        for nth in (0..failing.times).rev() {
            let at = last.plus_millis(-apart * i64::from(nth));
            self.event(
                body,
                failing.channel,
                failing.event,
                at,
                &[
                    ("errorCode", failing.code),
                    ("updateTitle", &title),
                    ("updateGuid", &braced(&update)),
                    ("serviceGuid", &braced(WSUS_SERVICE)),
                ],
            );
        }
    }

    /// An update that was sent to the machine and refused as not applicable, twice, the last time a few minutes before it last looked
    /// for updates.
    pub(super) fn refused(&mut self, body: &Body<'_>, title: &str, update: &str) {
        let last = body.calendar.now.plus_millis(-body.profile.scan_age_ms / 2);
        for at in [last.plus_millis(-2 * HOUR_MS), last] {
            self.event(
                body,
                keys::SYSTEM_CHANNEL,
                INSTALL_FAILED,
                at,
                &[
                    ("errorCode", NOT_APPLICABLE),
                    ("updateTitle", title),
                    ("updateGuid", &braced(update)),
                    ("serviceGuid", &braced(WSUS_SERVICE)),
                ],
            );
        }
    }

    /// The update server does not let the machine connect.
    pub(super) fn unreachable(&mut self, (code, said): (u32, &str)) {
        self.description.update_endpoint = Some(EndpointRecord::Steps(vec![
            direct(),
            Step::ok(StepName::Dns),
            Step::failed(StepName::Tcp, Some(code), said.to_owned()),
        ]));
    }

    /// A search that failed lately.
    pub(super) fn search_failed(&mut self, body: &Body<'_>, code: &str) {
        const SEARCH_FAILED: u32 = 25;
        let at = body.calendar.now;
        let at = at.plus_millis(-body.profile.scan_age_ms / 3);
        let values = [("errorCode", code), ("serviceGuid", &*braced(WSUS_SERVICE))];
        self.event(body, keys::UPDATE_CHANNEL, SEARCH_FAILED, at, &values);
    }
}

/// What fails again and again.
pub(super) struct Failing<'a> {
    /// The channel in which it is told.
    pub(super) channel: &'static str,
    /// Id of the event.
    pub(super) event: u32,
    pub(super) code: &'a str,
    pub(super) times: u32,
    pub(super) since: Time,
}

fn direct() -> Step {
    Step {
        found: Some(keys::DIRECT.to_owned()),
        ..Step::ok(StepName::Proxy)
    }
}

fn braced(guid: &str) -> String {
    format!("{{{}}}", guid.to_uppercase())
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

fn owned(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = values
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    owned.collect()
}
