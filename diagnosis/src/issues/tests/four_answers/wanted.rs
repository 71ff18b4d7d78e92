//! What is asked for and not applicable, as the event log of a device says it.

use super::{Told, but, clear, not_applicable, open, ordinary_client, unknown, wanting};
use crate::check::Check;
use crate::expectation::Expectations;
use crate::kb::Kb;
use crate::keys;
use crate::observation::Outcome;
use crate::reading::Data;
use crate::testing::Machine;
use crate::verdict::Severity::{Serious, Warning};

/// Of April 2025, 26100.3775: the ordinary client runs a later revision.
const OLD: &str = "KB5055523";
/// Of May 2025, 26100.4061.
const OF_MAY: &str = "KB5058411";
/// For Windows 10 22H2 and 21H2.
const OF_WINDOWS_10: &str = "KB5063709";
/// The enablement package of Windows 11 25H2, which needs 26100.5074.
const ENABLEMENT: &str = "KB5054156";

pub(super) fn cases() -> Vec<Told> {
    [wrong_target(), prerequisite(), superseded(), installed()]
        .into_iter()
        .flatten()
        .collect()
}

fn wanting_updates(machine: Machine, updates: &[&str]) -> Machine {
    let expectations: Expectations = wanting(|e| {
        let known = updates.iter().map(|kb| Kb::parse(kb).expect("a number"));
        e.wanted_updates = known.collect();
    });
    machine.expecting(expectations)
}

/// The machine's log tells that an update was refused as not applicable.
fn refused(machine: Machine, kb: &str) -> Machine {
    let title = format!("2025-05 Cumulative Update ({kb})");
    let values = [
        ("updateTitle", title.as_str()),
        ("updateGuid", "{AAAAAAAA-0000-0000-0000-000000000001}"),
        ("errorCode", "0x80240017"),
    ];
    machine.on(Check::UpdateEvents).event(
        keys::SYSTEM_CHANNEL,
        90,
        20,
        "2026-10-08T00:00:00Z",
        &values,
    )
}

fn at_revision(revision: u32) -> Machine {
    ordinary_client()
        .on(Check::Device)
        .replaced(keys::WINDOWS_NT, "UBR", Data::Dword(revision))
}

/// Its release is not known.
fn nameless() -> Machine {
    but(Check::Device).outcome(Check::Device, Outcome::Failed("timed out".to_owned()))
}

fn wrong_target() -> Vec<Told> {
    const ID: &str = "not-applicable-wrong-target";
    vec![
        open(
            ID,
            Warning,
            &["KB5063709 Windows 11 25H2"],
            "KB5063709: It is for ",
            wanting_updates(ordinary_client(), &[OF_WINDOWS_10]),
        ),
        open(
            ID,
            Warning,
            &["KB5063709 Windows 11 25H2"],
            "KB5063709, refused as not applicable: It is for ",
            refused(ordinary_client(), OF_WINDOWS_10),
        ),
        clear(
            ID,
            "An update that is asked for is for this device.",
            wanting_updates(ordinary_client(), &[OF_WINDOWS_10, OF_MAY]),
        ),
        unknown(
            ID,
            "KB5058411: Not known: the device has not told its release.",
            wanting_updates(nameless(), &[OF_MAY]),
        ),
        not_applicable(ID, "No particular update is wanted", ordinary_client()),
    ]
}

fn prerequisite() -> Vec<Told> {
    const ID: &str = "prerequisite-missing";
    let client_of_24h2 = || {
        ordinary_client().on(Check::Device).replaced(
            keys::WINDOWS_NT,
            "CurrentBuildNumber",
            Data::Text("26100".to_owned()),
        )
    };
    vec![
        open(
            ID,
            Serious,
            &["revision 5074 or later"],
            "KB5054156: revision 5074 or later must be installed first.",
            wanting_updates(client_of_24h2(), &[ENABLEMENT]),
        ),
        clear(
            ID,
            "No prerequisite of an update that is asked for is missing.",
            wanting_updates(ordinary_client(), &[OF_MAY]),
        ),
        unknown(
            ID,
            "KB9999999: Not known: too few devices",
            wanting_updates(ordinary_client(), &["KB9999999"]),
        ),
        not_applicable(ID, "No particular update is wanted", ordinary_client()),
    ]
}

fn superseded() -> Vec<Told> {
    const ID: &str = "not-applicable-superseded";
    vec![
        open(
            ID,
            Warning,
            &["KB5055523 KB5058411"],
            "KB5055523, refused as not applicable: The device runs 26200.4061, by KB5058411.",
            refused(at_revision(4061), OLD),
        ),
        clear(
            ID,
            "No update was refused because a later one has replaced it.",
            wanting_updates(at_revision(4061), &[OLD]),
        ),
        unknown(
            ID,
            "KB9999999, refused as not applicable: Not known",
            refused(ordinary_client(), "KB9999999"),
        ),
        not_applicable(ID, "No particular update is wanted", ordinary_client()),
    ]
}

fn installed() -> Vec<Told> {
    const ID: &str = "not-applicable-installed";
    vec![
        open(
            ID,
            Warning,
            &["KB5058411"],
            "KB5058411, refused as not applicable: Installed, as the build says.",
            refused(at_revision(4061), OF_MAY),
        ),
        clear(
            ID,
            "No update was refused because it is installed already.",
            wanting_updates(at_revision(4061), &[OF_MAY]),
        ),
        unknown(
            ID,
            "KB5058411, refused as not applicable: Not known: the device has not told its release.",
            refused(nameless(), OF_MAY),
        ),
        not_applicable(ID, "No particular update is wanted", ordinary_client()),
    ]
}
