//! What keeps updates from being downloaded and installed, and what comes of installing them.

use super::{Told, but, clear, not_applicable, open, ordinary_client, unknown};
use crate::check::Check;
use crate::context::FleetContext;
use crate::keys::{self, UPDATE_CHANNEL};
use crate::observation::Outcome;
use crate::reading::{Data, Source};
use crate::testing::Machine;
use crate::verdict::Severity::{Serious, Warning};

const DENIED: &str = "access denied";
const FAILED: &[(&str, &str)] = &[
    ("updateTitle", "2026-09 Cumulative Update (KB5065789)"),
    ("updateGuid", "{AAAAAAAA-0000-0000-0000-000000000001}"),
    ("errorCode", "0x80073712"),
];
const SLOW: &[(&str, &str)] = &[
    ("updateTitle", "2026-09 Cumulative Update (KB5065789)"),
    ("updateGuid", "{AAAAAAAA-0000-0000-0000-000000000001}"),
    ("errorCode", "0x80072EE2"),
];
const NOT_LOADED: &[(&str, &str)] = &[
    ("updateTitle", "2026-09 Cumulative Update (KB5065789)"),
    ("updateGuid", "{AAAAAAAA-0000-0000-0000-000000000001}"),
    ("errorCode", "0x80072EE7"),
];

pub(super) fn cases() -> Vec<Told> {
    [
        disk(),
        download(),
        stack_broken(),
        store(),
        install(),
        reboot(),
        stack_outdated(),
        tools(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn disk() -> Vec<Told> {
    const ID: &str = "low-disk-space";
    let free = |data| {
        but(Check::Storage).from(
            Source::File,
            keys::SYSTEM_DRIVE,
            Some(keys::FREE_BYTES),
            data,
        )
    };
    vec![
        open(
            ID,
            Warning,
            &["below 20 GB"],
            "15 GB are free on the system drive; at least 20 GB",
            free(Data::Qword(15 << 30)),
        ),
        open(
            ID,
            Serious,
            &["below 5 GB"],
            "3 GB are free on the system drive",
            free(Data::Qword(3 << 30)),
        ),
        clear(ID, "100 GB are free", ordinary_client()),
        unknown(ID, DENIED, free(Data::Unreadable(DENIED.to_owned()))),
    ]
}

fn download() -> Vec<Told> {
    const ID: &str = "download-failing";
    let disabled = but(Check::UpdateEvents).from(
        Source::EventLog,
        UPDATE_CHANNEL,
        Some(keys::CHANNEL_ENABLED),
        Data::Flag(false),
    );
    vec![
        open(
            ID,
            Serious,
            &["0x80072EE7"],
            "(KB5065789) failed to download once, last on 2026-10-08",
            ordinary_client().on(Check::UpdateEvents).event(
                UPDATE_CHANNEL,
                9,
                31,
                "2026-10-08T20:00:00Z",
                NOT_LOADED,
            ),
        ),
        clear(ID, "No download failed", ordinary_client()),
        clear(
            ID,
            "(KB5065789) failed to download once with",
            ordinary_client().on(Check::UpdateEvents).event(
                UPDATE_CHANNEL,
                9,
                31,
                "2026-10-08T20:00:00Z",
                SLOW,
            ),
        ),
        unknown(ID, "is disabled", disabled),
    ]
}

fn registered(folder: Data) -> Machine {
    const STACK: &str =
        r"%SystemRoot%\WinSxS\amd64_microsoft-windows-servicingstack_10.0.26100.4000";
    but(Check::ServicingStack)
        .key(keys::CBS_VERSION)
        .data(
            keys::CBS_VERSION,
            Some("10.0.26100.4000"),
            Data::ExpandText(STACK.to_owned()),
        )
        .from(Source::File, STACK, None, folder)
}

fn stack_broken() -> Vec<Told> {
    const ID: &str = "servicing-stack-broken";
    vec![
        open(
            ID,
            Serious,
            &["no folder left"],
            "folder of servicing stack 10.0.26100.4000 is missing",
            registered(Data::Absent),
        ),
        clear(ID, "10.0.26100.4000 has its folder", ordinary_client()),
        unknown(
            ID,
            DENIED,
            but(Check::ServicingStack).unreadable_key(keys::CBS_VERSION),
        ),
    ]
}

fn store() -> Vec<Told> {
    const ID: &str = "component-store-corrupt";
    let flagged = |data| {
        but(Check::ComponentStore).from(Source::System, keys::DISM, Some(keys::IMAGE_HEALTH), data)
    };
    vec![
        open(
            ID,
            Serious,
            &["repairable"],
            "damaged and repairable",
            flagged(Data::Dword(1)),
        ),
        open(
            ID,
            Serious,
            &["not repairable"],
            "damaged and not repairable",
            flagged(Data::Dword(2)),
        ),
        clear(ID, "Nothing marks", ordinary_client()),
        unknown(ID, DENIED, flagged(Data::Unreadable(DENIED.to_owned()))),
    ]
}

/// The same update failed on three days.
fn failing() -> Machine {
    let days = ["2026-10-06", "2026-10-07", "2026-10-08"];
    (20..).zip(days).fold(
        ordinary_client().on(Check::UpdateEvents),
        |m, (record, day)| {
            m.event(
                keys::SYSTEM_CHANNEL,
                record,
                20,
                &format!("{day}T03:00:00Z"),
                FAILED,
            )
        },
    )
}

fn install() -> Vec<Told> {
    const ID: &str = "install-failing";
    let forgotten = but(Check::UpdateHistory).history(&[]).outcome(
        Check::UpdateEvents,
        Outcome::Failed("the event log service is not available".to_owned()),
    );
    vec![
        open(
            ID,
            Serious,
            &["0x80073712 KB5065789"],
            "failed 3 times in a row, last on 2026-10-08",
            failing(),
        ),
        clear(
            ID,
            "No update failed in the last 30 days",
            ordinary_client(),
        ),
        unknown(ID, "Neither the event log nor", forgotten),
    ]
}

fn reboot() -> Vec<Told> {
    const ID: &str = "pending-reboot";
    let asked = |at| but(Check::PendingReboot).key_written(keys::AUTO_UPDATE_REBOOT, at);
    vec![
        open(
            ID,
            Warning,
            &["windows-update"],
            "since 2026-10-08 (2 days)",
            asked("2026-10-08T00:00:00Z"),
        ),
        open(
            ID,
            Serious,
            &["windows-update"],
            "since 2026-10-01 (9 days)",
            asked("2026-10-01T00:00:00Z"),
        ),
        clear(ID, "No restart is pending for updates", ordinary_client()),
        unknown(
            ID,
            "0x80240FFF",
            but(Check::PendingReboot).agent(
                keys::UPDATE_AGENT,
                Some(keys::UPDATE_AGENT_REBOOT),
                Data::Unreadable("0x80240FFF".to_owned()),
            ),
        ),
    ]
}

fn stack_outdated() -> Vec<Told> {
    const ID: &str = "servicing-stack-outdated";
    vec![
        open(
            ID,
            Warning,
            &["26100.4000"],
            "131 days behind; revision 5000 has been in the fleet since 2026-06-01",
            ordinary_client().fleet_has(5000, "2026-06-01T00:00:00Z"),
        ),
        clear(ID, "26100.4000 is the newest", ordinary_client()),
        clear(
            ID,
            "less than 90 days behind",
            ordinary_client().fleet_has(5000, "2026-10-05T00:00:00Z"),
        ),
        unknown(
            ID,
            "Fewer than five devices",
            ordinary_client().in_fleet(FleetContext::default()),
        ),
    ]
}

fn tools() -> Vec<Told> {
    const ID: &str = "update-health-tools-missing";
    vec![
        open(
            ID,
            Warning,
            &["missing"],
            "are not installed",
            but(Check::UpdateHealthTools).key(keys::UNINSTALL),
        ),
        clear(ID, "are installed", ordinary_client()),
        unknown(
            ID,
            DENIED,
            but(Check::UpdateHealthTools).unreadable_key(keys::UNINSTALL),
        ),
        not_applicable(
            ID,
            "Home editions",
            Machine::windows("26200", "Client", "Core")
                .on(Check::UpdateHealthTools)
                .key(keys::UNINSTALL),
        ),
    ]
}
