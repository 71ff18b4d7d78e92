//! Paused updates.

use crate::check::Check;
use crate::keys::{MDM_UPDATE, POLICY, UPDATE_POLICY_SETTINGS, UX_SETTINGS, WINDOWS_NT};
use crate::testing::{Machine, at, cause_keys};
use crate::verdict::State::{Clear, NotApplicable, Open, Unknown};

const QUALITY: &str = "quality-updates-paused";
const FEATURE: &str = "feature-updates-paused";

fn machine() -> Machine {
    Machine::client()
        .on(Check::Pause)
        .key(UPDATE_POLICY_SETTINGS)
}

fn status(machine: Machine, status: u32) -> Machine {
    machine
        .dword(UPDATE_POLICY_SETTINGS, "PausedQualityStatus", status)
        .dword(UPDATE_POLICY_SETTINGS, "PausedFeatureStatus", status)
}

fn user_until(machine: Machine, end: &str) -> Machine {
    machine
        .sz(UX_SETTINGS, "PauseUpdatesStartTime", "2026-10-01T00:00:00Z")
        .sz(UX_SETTINGS, "PauseUpdatesExpiryTime", end)
}

fn state_at(machine: &Machine, now: &str) -> String {
    let facts = machine.facts().to_json(at(now));
    facts["pause"]["quality"]["state"]
        .as_str()
        .expect("a text")
        .to_owned()
}

#[test]
fn a_pause_by_the_user_names_who_and_until_when() {
    let paused = user_until(status(machine(), 1), "2026-10-20T08:00:00Z");
    for issue in [QUALITY, FEATURE] {
        let verdict = paused.verdict(issue);
        assert_eq!(cause_keys(&verdict), ["user/2026-10-20"]);
        assert_eq!(verdict.valid_until, Some(at("2026-10-20T08:00:00Z")));
        assert!(!verdict.evidence.is_empty());
    }
}

#[test]
fn an_expired_pause_is_clear_though_nobody_reported_since() {
    let paused = user_until(status(machine(), 1), "2026-10-20T08:00:00Z");
    let end = at("2026-10-20T08:00:00Z");
    assert_eq!(
        paused.verdict_at(QUALITY, end.plus_millis(-1)).state(),
        Open
    );
    let after = paused.verdict_at(QUALITY, end);
    assert_eq!(after.state(), Clear);
    assert_eq!(after.valid_until, None);
    assert_eq!(state_at(&paused, "2026-10-21T00:00:00Z"), "expired");
}

#[test]
fn a_policy_pause_ends_35_days_after_its_start() {
    let paused = machine().sz(POLICY, "PauseQualityUpdatesStartTime", "2026-10-01");
    let verdict = paused.verdict(QUALITY);
    assert_eq!(cause_keys(&verdict), ["gpo/2026-11-05"]);
    assert_eq!(verdict.valid_until, Some(at("2026-11-05T00:00:00Z")));
    assert_eq!(
        paused
            .verdict_at(QUALITY, at("2026-11-05T00:00:00Z"))
            .state(),
        Clear
    );
    assert_eq!(paused.verdict(FEATURE).state(), Clear);
}

#[test]
fn a_pause_by_device_management_is_told_from_one_by_group_policy() {
    let paused = status(machine(), 1)
        .dword(MDM_UPDATE, "PauseQualityUpdates", 1)
        .sz(MDM_UPDATE, "PauseQualityUpdatesStartTime", "2026-10-05")
        .sz(POLICY, "PauseQualityUpdatesStartTime", "2026-08-01");
    assert_eq!(cause_keys(&paused.verdict(QUALITY)), ["mdm/2026-11-09"]);
    let taken_back = machine().dword(MDM_UPDATE, "PauseQualityUpdates", 0).sz(
        MDM_UPDATE,
        "PauseQualityUpdatesStartTime",
        "2026-10-05",
    );
    assert_eq!(taken_back.verdict(QUALITY).state(), Clear);
}

#[test]
fn a_pause_far_in_the_future_with_status_resumed_is_never_open() {
    let odd = user_until(status(machine(), 2), "2077-01-01T00:00:00Z");
    let verdict = odd.verdict(QUALITY);
    assert_eq!(verdict.state(), Clear);
    assert_eq!(state_at(&odd, "2026-10-10T00:00:00Z"), "contradictory");
    assert_eq!(verdict.valid_until, Some(at("2077-01-01T00:00:00Z")));
}

#[test]
fn dates_left_behind_are_no_pause() {
    let left_over = status(machine(), 0)
        .sz(
            UPDATE_POLICY_SETTINGS,
            "PausedQualityDate",
            "2026-10-08 07:42:03",
        )
        .dword(UX_SETTINGS, "FlightSettingsMaxPauseDays", 367);
    assert_eq!(left_over.verdict(QUALITY).state(), Clear);
    assert_eq!(state_at(&left_over, "2026-10-10T00:00:00Z"), "not-paused");
}

#[test]
fn an_end_ahead_without_a_status_is_a_pause_that_is_not_confirmed() {
    let paused = user_until(Machine::client().on(Check::Pause), "2026-10-20T08:00:00Z");
    let verdict = paused.verdict(QUALITY);
    assert_eq!(verdict.state(), Open);
    assert!(
        verdict.summary.contains("not confirmed"),
        "{}",
        verdict.summary
    );
}

#[test]
fn a_policy_pause_dated_ahead_begins_by_itself() {
    let ahead = machine().sz(POLICY, "PauseQualityUpdatesStartTime", "2026-10-20");
    let verdict = ahead.verdict(QUALITY);
    assert_eq!(verdict.state(), Clear);
    let begins = verdict.valid_until.expect("it changes by itself");
    assert_eq!(ahead.verdict_at(QUALITY, begins).state(), Open);
}

#[test]
fn a_client_that_never_looked_for_updates_is_unknown_not_unpaused() {
    let nothing = Machine::client()
        .on(Check::Pause)
        .absent_key(UPDATE_POLICY_SETTINGS);
    assert_eq!(nothing.verdict(QUALITY).state(), Unknown);
    let unreadable = Machine::client()
        .on(Check::Pause)
        .unreadable_key(UPDATE_POLICY_SETTINGS);
    let verdict = unreadable.verdict(QUALITY);
    assert_eq!(verdict.state(), Unknown);
    assert!(verdict.summary.contains("access denied"));
    let odd = status(machine(), 7);
    assert_eq!(odd.verdict(QUALITY).state(), Unknown);
}

#[test]
fn servers_pause_quality_updates_alone() {
    let server = user_until(
        status(Machine::server().on(Check::Pause), 1),
        "2026-10-20T08:00:00Z",
    );
    assert_eq!(server.verdict(QUALITY).state(), Open);
    assert_eq!(server.verdict(FEATURE).state(), NotApplicable);
    let old = Machine::windows("9600", "Client", "Professional").on(Check::Pause);
    assert_eq!(old.verdict(QUALITY).state(), NotApplicable);
    assert_eq!(old.verdict(FEATURE).state(), NotApplicable);
}

#[test]
fn the_switch_of_1607_pauses_1607_and_nothing_later() {
    let on = |build: &str| {
        Machine::windows(build, "Client", "Professional")
            .on(Check::Pause)
            .key(UPDATE_POLICY_SETTINGS)
            .dword(POLICY, "PauseQualityUpdates", 1)
    };
    assert_eq!(cause_keys(&on("14393").verdict(QUALITY)), ["gpo/no end"]);
    assert_eq!(on("19045").verdict(QUALITY).state(), Clear);
    let unknown_release = Machine::new()
        .on(Check::Pause)
        .key(UPDATE_POLICY_SETTINGS)
        .dword(POLICY, "PauseQualityUpdates", 1);
    assert_eq!(unknown_release.verdict(QUALITY).state(), Unknown);
}

#[test]
fn a_date_that_is_none_is_not_taken_for_no_pause() {
    let garbled = machine().sz(POLICY, "PauseQualityUpdatesStartTime", "tomorrow");
    assert_eq!(garbled.verdict(QUALITY).state(), Unknown);
    let settled = status(garbled, 0);
    assert_eq!(settled.verdict(QUALITY).state(), Clear);
    assert_eq!(
        Machine::client()
            .sz(WINDOWS_NT, "UBR", "x")
            .verdict(QUALITY)
            .state(),
        Unknown
    );
}
