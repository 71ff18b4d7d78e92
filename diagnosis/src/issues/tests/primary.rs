//! The one cause that explains the others, on devices on which several things are wrong at once.

use std::collections::BTreeSet;

use super::endpoint::step;
use super::properties::ordinary_client;
use crate::check::Check;
use crate::context::Sighting;
use crate::diagnose::Diagnosis;
use crate::expectation::{Expectations, ExpectedSource, UpdateSource};
use crate::keys::{self, APPRAISER_TARGETS, POLICY, POLICY_AU, SYSTEM_CHANNEL};
use crate::reading::{Data, Source};
use crate::testing::{Machine, healthy_sighting, now};
use crate::time::HOUR_MS;
use crate::verdict::State;

fn open(diagnosis: &Diagnosis) -> BTreeSet<&'static str> {
    diagnosis
        .iter()
        .filter(|(_, v)| v.state() == State::Open)
        .map(|(issue, _)| issue.id)
        .collect()
}

/// That exactly these are open, and the first of them is the cause of the others.
fn assert_primary(machine: &Machine, ids: &[&'static str]) {
    let diagnosis = machine.diagnose_at(now());
    assert_eq!(open(&diagnosis), ids.iter().copied().collect());
    assert_eq!(diagnosis.primary().map(|i| i.id), ids.first().copied());
}

/// The fleet has had a newer revision for long.
fn behind(machine: Machine) -> Machine {
    machine.fleet_has(4652, "2026-08-01T00:00:00Z")
}

fn stale(machine: Machine) -> Machine {
    machine
        .without(Check::UpdateEvents)
        .without(Check::UpdateHistory)
        .on(Check::UpdateHistory)
        .agent(
            keys::UPDATE_RESULTS,
            Some(keys::LAST_SEARCH),
            Data::Text("2026-08-01T00:00:00Z".to_owned()),
        )
}

/// The same update failed on three days, with a code that says nothing of the store.
fn failing(machine: Machine) -> Machine {
    let values = [
        ("updateTitle", "2026-09 Cumulative Update (KB5065789)"),
        ("updateGuid", "{AAAAAAAA-0000-0000-0000-000000000001}"),
        ("errorCode", "0x80070020"),
    ];
    (20..).zip(["2026-10-06", "2026-10-07", "2026-10-08"]).fold(
        machine.on(Check::UpdateEvents),
        |m, (record, day)| {
            let at = format!("{day}T03:00:00Z");
            m.event(SYSTEM_CHANNEL, record, 20, &at, &values)
        },
    )
}

#[test]
fn services_that_are_disabled_explain_that_nothing_is_looked_for_and_nothing_arrives() {
    let disabled = keys::WATCHED_SERVICES.iter().fold(
        stale(behind(ordinary_client()))
            .without(Check::Services)
            .on(Check::Services)
            .key(&keys::service(keys::WITNESS_SERVICE)),
        |m, name| m.service(name, if *name == "wuauserv" { 4 } else { 3 }),
    );
    assert_primary(
        &disabled,
        &[
            "update-services-disabled",
            "scan-stale",
            "behind-on-quality-updates",
        ],
    );
}

#[test]
fn a_pause_explains_that_a_device_is_behind() {
    let paused = behind(ordinary_client())
        .without(Check::Pause)
        .on(Check::Pause)
        .key(keys::UPDATE_POLICY_SETTINGS)
        .sz(POLICY, "PauseQualityUpdatesStartTime", "2026-10-01");
    assert_primary(
        &paused,
        &["quality-updates-paused", "behind-on-quality-updates"],
    );
}

#[test]
fn a_hold_explains_that_an_end_of_service_comes_near() {
    let path = format!(r"{APPRAISER_TARGETS}\GE25H2");
    let held = Machine::client()
        .on(Check::SafeguardHold)
        .key(APPRAISER_TARGETS)
        .multi(&path, "GatedBlockId", &["52754008"])
        .data(POLICY, Some("TargetReleaseVersionInfo"), Data::Absent);
    assert_primary(&held, &["safeguard-hold", "end-of-service"]);
}

#[test]
fn a_damaged_store_explains_failing_installations_and_missing_updates() {
    let damaged = failing(behind(ordinary_client()))
        .without(Check::ComponentStore)
        .on(Check::ComponentStore)
        .from(
            Source::System,
            keys::DISM,
            Some(keys::IMAGE_HEALTH),
            Data::Dword(1),
        );
    assert_primary(
        &damaged,
        &[
            "component-store-corrupt",
            "install-failing",
            "behind-on-quality-updates",
        ],
    );
}

#[test]
fn a_clock_that_is_off_explains_scans_that_fail() {
    let sighting = Sighting {
        clock_ahead_ms: Some(-30 * HOUR_MS),
        ..healthy_sighting(now())
    };
    let skewed = stale(ordinary_client()).seen_by_server(sighting);
    assert_primary(&skewed, &["clock-skewed", "scan-stale"]);
}

#[test]
fn a_clock_that_is_a_little_off_explains_all_the_same() {
    let sighting = Sighting {
        clock_ahead_ms: Some(HOUR_MS),
        ..healthy_sighting(now())
    };
    let skewed = stale(ordinary_client()).seen_by_server(sighting);
    assert_primary(&skewed, &["clock-skewed", "scan-stale"]);
}

#[test]
fn a_restart_that_waits_explains_failing_installations_and_missing_updates() {
    let waiting = failing(behind(ordinary_client()))
        .without(Check::PendingReboot)
        .on(Check::PendingReboot)
        .key_written(keys::CBS_REBOOT_PENDING, "2026-09-20T00:00:00Z");
    assert_primary(
        &waiting,
        &[
            "pending-reboot",
            "install-failing",
            "behind-on-quality-updates",
        ],
    );
}

/// As many things wrong as a device that another tool manages usually has.
fn of_another_tool() -> Machine {
    stale(behind(ordinary_client()))
        .without(Check::AutomaticUpdates)
        .on(Check::AutomaticUpdates)
        .dword(POLICY_AU, "NoAutoUpdate", 1)
        .without(Check::UpdateHealthTools)
        .on(Check::UpdateHealthTools)
        .key(keys::UNINSTALL)
        .without(Check::ScanSource)
        .on(Check::ScanSource)
        .dword(POLICY, "DeferQualityUpdates", 1)
        .dword(POLICY, "DeferQualityUpdatesPeriodInDays", 30)
        .without(Check::UpdateEndpoint)
        .on(Check::UpdateEndpoint)
        .system(keys::UPDATE_ENDPOINT, keys::PROBED, Data::Flag(true))
        .system(
            keys::UPDATE_ENDPOINT,
            keys::ENDPOINT_ADDRESS,
            Data::Text(keys::WINDOWS_UPDATE_SERVICE.to_owned()),
        )
        .system(
            keys::UPDATE_ENDPOINT,
            keys::ENDPOINT_HOST,
            Data::Text("fe2.update.microsoft.com:443".to_owned()),
        )
        .system(
            keys::UPDATE_ENDPOINT,
            "dns",
            step(&[("outcome", "failed"), ("code", "11001")]),
        )
}

#[test]
fn what_only_says_that_another_tool_manages_updates_does_not_arise_there_and_the_rest_does() {
    const SAY_NO_MORE: [&str; 6] = [
        "update-endpoint-unreachable",
        "automatic-updates-disabled",
        "wrong-scan-source",
        "scan-stale",
        "updates-deferred-too-long",
        "update-health-tools-missing",
    ];
    let wanted = |managed_by: Option<&str>| Expectations {
        longest_quality_deferral_days: Some(7),
        sources: [
            Some(ExpectedSource {
                source: UpdateSource::Wsus,
                server: None,
            }),
            None,
            None,
            None,
        ],
        managed_by: managed_by.map(str::to_owned),
        ..Expectations::default()
    };
    let alone = of_another_tool().expecting(wanted(None)).diagnose_at(now());
    let mut all: BTreeSet<&str> = SAY_NO_MORE.into();
    all.insert("behind-on-quality-updates");
    assert_eq!(open(&alone), all);
    let managed = of_another_tool()
        .expecting(wanted(Some("ConfigMgr")))
        .diagnose_at(now());
    assert_eq!(open(&managed), ["behind-on-quality-updates"].into());
    for ((issue, before), (_, after)) in alone.iter().zip(managed.iter()) {
        if SAY_NO_MORE.contains(&issue.id) {
            assert_eq!(after.state(), State::NotApplicable, "{}", issue.id);
            assert!(after.summary.contains("ConfigMgr"), "{}", after.summary);
            assert_eq!(after.evidence, before.evidence, "{}", issue.id);
        } else {
            assert_eq!(after, before, "{}", issue.id);
        }
        assert_eq!(
            issue.says_managed_elsewhere,
            SAY_NO_MORE.contains(&issue.id),
            "{}",
            issue.id
        );
    }
}
