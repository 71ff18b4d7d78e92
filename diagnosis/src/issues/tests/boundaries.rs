//! Time goes on without a report: each rule that time drives is asked again at the moment up to which it said that it holds, and a
//! moment before.

use super::four_answers::table;
use super::properties::ordinary_client;
use crate::check::Check;
use crate::keys::{self, POLICY, SYSTEM_CHANNEL, UPDATE_CHANNEL};
use crate::reading::Data;
use crate::testing::{Machine, at, healthy_sighting, now};
use crate::time::Time;
use crate::verdict::Severity::{Serious, Warning};
use crate::verdict::{Severity, State};

/// What a rule says, and from when on.
type Step = (&'static str, State, Option<Severity>);

const CLEAR: (State, Option<Severity>) = (State::Clear, None);
const WARNING: (State, Option<Severity>) = (State::Open, Some(Warning));
const SERIOUS: (State, Option<Severity>) = (State::Open, Some(Serious));
const UNKNOWN: (State, Option<Severity>) = (State::Unknown, None);
const NOT_APPLICABLE: (State, Option<Severity>) = (State::NotApplicable, None);

fn step(since: &'static str, (state, severity): (State, Option<Severity>)) -> Step {
    (since, state, severity)
}

fn told(machine: &Machine, issue: &str, moment: Time) -> (State, Option<Severity>, Option<Time>) {
    let verdict = machine.verdict_at(issue, moment);
    (verdict.state(), verdict.severity(), verdict.valid_until)
}

/// Follows a machine of which nothing is heard any more: each answer names the moment of the next one, and the last one none.
fn assert_course(machine: &Machine, issue: &str, course: &[Step]) {
    let machine = machine.clone().seen_by_server(machine.sighting_at(now()));
    for (place, (since, state, severity)) in course.iter().enumerate() {
        let since = at(since);
        let next = course.get(place + 1).map(|(next, ..)| at(next));
        let until = told(&machine, issue, since).2;
        assert_eq!(
            told(&machine, issue, since),
            (*state, *severity, next),
            "{issue} on {since}"
        );
        if let Some(next) = next {
            assert_eq!(
                told(&machine, issue, next.plus_millis(-1)),
                (*state, *severity, until),
                "{issue} a moment before {next}"
            );
        }
    }
}

fn last_search(moment: &str) -> Machine {
    ordinary_client()
        .without(Check::UpdateEvents)
        .without(Check::UpdateHistory)
        .on(Check::UpdateHistory)
        .agent(
            keys::UPDATE_RESULTS,
            Some(keys::LAST_SEARCH),
            Data::Text(moment.to_owned()),
        )
}

#[test]
fn a_scan_becomes_stale_after_a_week_and_serious_after_a_month() {
    assert_course(
        &last_search("2026-10-01T00:00:00Z"),
        "scan-stale",
        &[
            step("2026-10-01T00:00:00Z", CLEAR),
            step("2026-10-08T00:00:00Z", WARNING),
            step("2026-10-31T00:00:00Z", SERIOUS),
        ],
    );
}

#[test]
fn a_new_device_has_as_long_for_its_first_scan() {
    const INSTALLED: u32 = 1_790_812_800; // 2026-10-01
    let new = ordinary_client()
        .without(Check::UpdateEvents)
        .without(Check::UpdateHistory)
        .on(Check::Device)
        .dword(keys::WINDOWS_NT, "InstallDate", INSTALLED)
        .on(Check::UpdateEvents)
        .channel(UPDATE_CHANNEL)
        .on(Check::UpdateHistory)
        .agent(keys::UPDATE_RESULTS, Some(keys::LAST_SEARCH), Data::Absent);
    assert_course(
        &new,
        "scan-stale",
        &[
            step("2026-10-01T00:00:00Z", CLEAR),
            step("2026-10-08T00:00:00Z", WARNING),
            step("2026-10-31T00:00:00Z", SERIOUS),
        ],
    );
}

#[test]
fn a_scan_of_a_day_to_come_counts_once_that_day_is_near() {
    assert_course(
        &last_search("2026-12-01T00:00:00Z"),
        "scan-stale",
        &[
            step("2026-10-10T00:00:00Z", UNKNOWN),
            step("2026-11-30T00:00:00Z", CLEAR),
            step("2026-12-08T00:00:00Z", WARNING),
            step("2026-12-31T00:00:00Z", SERIOUS),
        ],
    );
}

#[test]
fn a_collector_becomes_silent_and_the_silence_longer() {
    let heard = |machine: Machine| {
        let mut sighting = healthy_sighting(now());
        sighting.last_seen_at = Some(at("2026-10-01T00:00:00Z"));
        machine.seen_by_server(sighting)
    };
    let client = heard(ordinary_client());
    assert_course(
        &client,
        "silent",
        &[
            step("2026-10-01T00:00:00Z", CLEAR),
            step("2026-10-15T00:00:00Z", WARNING),
            step("2026-10-31T00:00:00Z", SERIOUS),
            step("2026-12-30T00:00:00Z", SERIOUS),
            step("2027-10-01T00:00:00Z", SERIOUS),
        ],
    );
    let band = |day: &str| client.verdict_at("silent", at(day)).causes()[0].key.clone();
    assert_eq!(band("2026-10-30T23:59:59Z"), "up to 30 days");
    assert_eq!(band("2026-10-31T00:00:00Z"), "30 to 90 days");
    assert_eq!(band("2026-12-30T00:00:00Z"), "90 days to a year");
    assert_eq!(band("2027-10-01T00:00:00Z"), "more than a year");
    let server = heard(Machine::server()).verdict_at("silent", at("2026-10-01T00:00:00Z"));
    assert_eq!(server.valid_until, Some(at("2026-10-02T00:00:00Z")));
}

#[test]
fn an_end_of_service_comes_near_and_passes() {
    assert_course(
        &Machine::client(),
        "end-of-service",
        &[
            step("2026-07-01T00:00:00Z", CLEAR),
            step("2026-07-16T00:00:00Z", WARNING),
            step("2026-10-14T00:00:00Z", SERIOUS),
        ],
    );
    let server = Machine::server().verdict_at("end-of-service", at("2026-07-01T00:00:00Z"));
    assert_eq!(
        server.valid_until,
        Some(at("2031-10-15T00:00:00Z").plus_days(-180)),
        "servers are warned twice as long before"
    );
}

#[test]
fn without_an_edition_id_the_products_name_tells_the_end_of_service() {
    let named = |product: &str| {
        Machine::new()
            .on(Check::Device)
            .sz(keys::WINDOWS_NT, "CurrentBuildNumber", "19044")
            .sz(keys::WINDOWS_NT, "InstallationType", "Client")
            .sz(keys::WINDOWS_NT, "ProductName", product)
            .verdict_at("end-of-service", at("2023-12-01T00:00:00Z"))
            .summary
    };
    for (product, says) in [
        ("Windows 10 Home", "2023-06-13"),
        ("Windows 10 Pro", "2023-06-13"),
        ("Windows 10 Enterprise", "2024-06-11"),
        ("Windows 10 Enterprise LTSC 2021", "2027-01-12"),
        ("Windows 10 IoT Enterprise LTSC 2021", "2032-01-13"),
        ("Windows 10", "depends on the edition, which is not known"),
    ] {
        let told = named(product);
        assert!(told.contains(says), "{product}: {told}");
    }
}

#[test]
fn a_pin_becomes_one_to_a_release_without_updates() {
    let pinned = Machine::windows("22631", "Client", "Enterprise")
        .on(Check::SafeguardHold)
        .dword(POLICY, "TargetReleaseVersion", 1)
        .sz(POLICY, "ProductVersion", "Windows 11")
        .sz(POLICY, "TargetReleaseVersionInfo", "23H2");
    assert_course(
        &pinned,
        "pinned-to-old-release",
        &[
            step("2026-07-01T00:00:00Z", CLEAR),
            step("2026-08-13T00:00:00Z", WARNING),
            step("2026-11-11T00:00:00Z", SERIOUS),
        ],
    );
}

#[test]
fn a_device_falls_behind_then_far_behind_and_then_gets_nothing_any_more() {
    let behind = Machine::client().fleet_has(4652, "2026-08-20T00:00:00Z");
    assert_course(
        &behind,
        "behind-on-quality-updates",
        &[
            step("2026-08-20T00:00:00Z", CLEAR),
            step("2026-09-03T00:00:00Z", WARNING),
            step("2026-10-03T00:00:00Z", SERIOUS),
            step("2026-10-14T00:00:00Z", NOT_APPLICABLE),
        ],
    );
}

#[test]
fn being_on_the_newest_says_less_the_longer_nothing_newer_comes() {
    let newest = ordinary_client();
    assert_course(
        &newest,
        "behind-on-quality-updates",
        &[
            step("2026-10-01T00:00:00Z", CLEAR),
            step("2026-11-10T00:00:00Z", UNKNOWN),
            step("2028-10-11T00:00:00Z", NOT_APPLICABLE),
        ],
    );
    assert_course(
        &newest,
        "servicing-stack-outdated",
        &[
            step("2026-10-01T00:00:00Z", CLEAR),
            step("2027-02-08T00:00:00Z", UNKNOWN),
        ],
    );
}

#[test]
fn a_servicing_stack_is_outdated_after_ninety_days() {
    assert_course(
        &ordinary_client().fleet_has(5000, "2026-10-01T00:00:00Z"),
        "servicing-stack-outdated",
        &[
            step("2026-10-01T00:00:00Z", CLEAR),
            step("2026-12-30T00:00:00Z", WARNING),
        ],
    );
}

#[test]
fn a_restart_that_waits_becomes_serious_after_a_week() {
    let waiting = ordinary_client()
        .without(Check::PendingReboot)
        .on(Check::PendingReboot)
        .key_written(keys::AUTO_UPDATE_REBOOT, "2026-10-01T00:00:00Z");
    assert_course(
        &waiting,
        "pending-reboot",
        &[
            step("2026-10-01T00:00:00Z", WARNING),
            step("2026-10-08T00:00:00Z", SERIOUS),
        ],
    );
}

const UPDATE: &[(&str, &str)] = &[
    ("updateTitle", "2026-09 Cumulative Update (KB5065789)"),
    ("updateGuid", "{AAAAAAAA-0000-0000-0000-000000000001}"),
    ("errorCode", "0x80073712"),
];

#[test]
fn a_failed_download_counts_for_thirty_days() {
    let failed = ordinary_client().on(Check::UpdateEvents).event(
        UPDATE_CHANNEL,
        9,
        31,
        "2026-10-01T00:00:00Z",
        UPDATE,
    );
    assert_course(
        &failed,
        "download-failing",
        &[
            step("2026-10-01T00:00:00Z", SERIOUS),
            step("2026-10-31T00:00:00Z", CLEAR),
        ],
    );
}

#[test]
fn failed_installations_count_for_thirty_days_after_the_last() {
    let failed = (20..).zip(["2026-09-29", "2026-09-30", "2026-10-01"]).fold(
        ordinary_client().on(Check::UpdateEvents),
        |m, (record, day)| {
            m.event(
                SYSTEM_CHANNEL,
                record,
                20,
                &format!("{day}T00:00:00Z"),
                UPDATE,
            )
        },
    );
    for (issue, open) in [
        ("install-failing", SERIOUS),
        // The code is one with which updates fail on a damaged store.
        ("component-store-corrupt", WARNING),
    ] {
        assert_course(
            &failed,
            issue,
            &[
                step("2026-10-01T00:00:00Z", open),
                step("2026-10-31T00:00:00Z", CLEAR),
            ],
        );
    }
}

#[test]
fn damage_that_a_look_found_counts_for_thirty_days() {
    let found = ordinary_client().on(Check::UpdateEvents).event(
        keys::SETUP_CHANNEL,
        30,
        1015,
        "2026-10-01T00:00:00Z",
        &[("totalCorruption", "3"), ("repaired", "1")],
    );
    assert_course(
        &found,
        "component-store-corrupt",
        &[
            step("2026-10-01T00:00:00Z", SERIOUS),
            step("2026-10-31T00:00:00Z", CLEAR),
        ],
    );
}

#[test]
fn a_pause_ends_by_itself() {
    let paused = Machine::client()
        .on(Check::Pause)
        .key(keys::UPDATE_POLICY_SETTINGS)
        .sz(POLICY, "PauseQualityUpdatesStartTime", "2026-10-01");
    assert_course(
        &paused,
        "quality-updates-paused",
        &[
            step("2026-10-02T00:00:00Z", SERIOUS),
            step("2026-11-05T00:00:00Z", CLEAR),
        ],
    );
}

#[test]
fn what_changes_by_itself_has_changed_at_the_moment_that_it_names() {
    for case in table() {
        let machine = case
            .machine
            .clone()
            .seen_by_server(case.machine.sighting_at(now()));
        let verdict = machine.verdict(case.issue);
        let Some(until) = verdict.valid_until else {
            continue;
        };
        let later = machine.verdict_at(case.issue, until);
        assert!(
            later.decision != verdict.decision
                || later.summary != verdict.summary
                || later.valid_until != verdict.valid_until,
            "{} names {until} and is the same then: {}",
            case.issue,
            verdict.summary
        );
    }
}
