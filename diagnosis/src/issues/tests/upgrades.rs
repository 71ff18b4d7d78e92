//! Safeguard holds and other blocks of the next release.

use crate::check::Check;
use crate::keys::{APPRAISER_TARGETS, POLICY, POLICY_AU};
use crate::testing::{Machine, at, cause_keys};
use crate::verdict::State::{Clear, NotApplicable, Open, Unknown};

const HOLD: &str = "safeguard-hold";
const BLOCK: &str = "upgrade-blocked";

fn target(machine: Machine, code: &str, hold: &str) -> Machine {
    let path = format!(r"{APPRAISER_TARGETS}\{code}");
    machine
        .on(Check::SafeguardHold)
        .key(APPRAISER_TARGETS)
        .key(&path)
        .multi(&path, "GatedBlockId", &[hold])
        .multi(&path, "RedReason", &["None"])
        .sz(&path, "UpgEx", "Green")
}

fn windows_11_22h2() -> Machine {
    Machine::windows("22621", "Client", "Professional")
}

#[test]
fn a_hold_is_named_with_its_target_and_its_reason() {
    let held = target(
        Machine::windows("22000", "Client", "Professional"),
        "NI22H2",
        "40667045",
    );
    let verdict = held.verdict(HOLD);
    assert_eq!(cause_keys(&verdict), ["40667045/NI22H2"]);
    assert!(verdict.causes()[0].label.contains("Windows 11 22H2"));
    assert!(
        verdict.causes()[0].label.contains("Secure Launch"),
        "the public list names it"
    );
    assert_eq!(held.verdict(BLOCK).state(), Clear);
}

#[test]
fn reg_sz_where_reg_multi_sz_is_usual_is_read_all_the_same() {
    let path = format!(r"{APPRAISER_TARGETS}\NI22H2");
    let held = Machine::new()
        .on(Check::SafeguardHold)
        .key(APPRAISER_TARGETS)
        .sz(&path, "GatedBlockId", "40667045");
    assert_eq!(cause_keys(&held.verdict(HOLD)), ["40667045/NI22H2"]);
    let none = Machine::new()
        .on(Check::SafeguardHold)
        .sz(&path, "GatedBlockId", "None");
    assert_eq!(none.verdict(HOLD).state(), Clear);
}

#[test]
fn a_hold_under_one_target_and_not_the_other_is_told_for_that_one() {
    let machine = target(
        target(windows_11_22h2(), "NI23H2", "None"),
        "GE24H2",
        "52754008",
    );
    assert_eq!(cause_keys(&machine.verdict(HOLD)), ["52754008/GE24H2"]);
}

#[test]
fn holds_on_releases_that_are_installed_or_older_do_not_count() {
    let machine = target(
        target(windows_11_22h2(), "NI22H2", "40667045"),
        "CO21H2",
        "35004082",
    );
    assert_eq!(machine.verdict(HOLD).state(), Clear);
    let unknown_release = target(Machine::new(), "NI22H2", "40667045");
    assert_eq!(unknown_release.verdict(HOLD).state(), Open);
    let future = target(windows_11_22h2(), "XX29H1", "99999999");
    assert_eq!(cause_keys(&future.verdict(HOLD)), ["99999999/XX29H1"]);
}

#[test]
fn the_key_that_stands_for_no_release_is_skipped() {
    let machine = target(
        target(windows_11_22h2(), "UNV", "40667045"),
        "GE24H2",
        "None",
    );
    assert_eq!(machine.verdict(HOLD).state(), Clear);
}

#[test]
fn an_appraiser_that_never_ran_is_unknown_not_free_of_holds() {
    let never = windows_11_22h2()
        .on(Check::SafeguardHold)
        .absent_key(APPRAISER_TARGETS);
    assert_eq!(never.verdict(HOLD).state(), Unknown);
    assert_eq!(never.verdict(BLOCK).state(), Unknown);
    let unreadable = windows_11_22h2()
        .on(Check::SafeguardHold)
        .unreadable_key(APPRAISER_TARGETS);
    assert!(unreadable.verdict(HOLD).summary.contains("access denied"));
}

#[test]
fn with_a_pinned_target_that_target_alone_counts() {
    let pinned = |version: &str| {
        target(
            target(windows_11_22h2(), "NI23H2", "41584256"),
            "GE24H2",
            "None",
        )
        .dword(POLICY, "TargetReleaseVersion", 1)
        .sz(POLICY, "ProductVersion", "Windows 11")
        .sz(POLICY, "TargetReleaseVersionInfo", version)
    };
    assert_eq!(pinned("24H2").verdict(HOLD).state(), Clear);
    assert_eq!(
        cause_keys(&pinned("23H2").verdict(HOLD)),
        ["41584256/NI23H2"]
    );
    assert_eq!(pinned("22H2").verdict(HOLD).state(), NotApplicable);
    let missing = pinned("25H2").verdict(HOLD);
    assert_eq!(missing.state(), Unknown);
    assert!(
        missing.summary.contains("NI23H2, GE24H2"),
        "{}",
        missing.summary
    );
}

#[test]
fn with_holds_turned_off_the_verdict_is_clear_and_names_the_hold() {
    let machine =
        target(windows_11_22h2(), "GE24H2", "52754008").dword(POLICY, "DisableWUfBSafeguards", 1);
    let verdict = machine.verdict(HOLD);
    assert_eq!(verdict.state(), Clear);
    assert!(verdict.summary.contains("52754008"), "{}", verdict.summary);
    let too_old = target(
        Machine::windows("17134", "Client", "Professional"),
        "20H1",
        "24803238",
    )
    .dword(POLICY, "DisableWUfBSafeguards", 1);
    assert_eq!(too_old.verdict(HOLD).state(), Open);
}

#[test]
fn holds_do_not_arise_on_servers_and_with_wsus() {
    let server = target(Machine::server(), "GE24H2", "52754008");
    assert_eq!(server.verdict(HOLD).state(), NotApplicable);
    assert_eq!(server.verdict(BLOCK).state(), NotApplicable);
    let wsus = target(windows_11_22h2(), "GE24H2", "52754008")
        .on(Check::ScanSource)
        .sz(POLICY, "WUServer", "https://wsus:8531")
        .dword(POLICY_AU, "UseWUServer", 1);
    assert_eq!(wsus.verdict(HOLD).state(), NotApplicable);
}

#[test]
fn a_red_reason_is_a_block_and_no_hold() {
    let path = format!(r"{APPRAISER_TARGETS}\GE24H2");
    let machine = Machine::windows("19045", "Client", "Professional")
        .on(Check::SafeguardHold)
        .key(APPRAISER_TARGETS)
        .multi(&path, "GatedBlockId", &["None"])
        .multi(&path, "RedReason", &["Tpm", "CpuFms"])
        .sz(&path, "UpgEx", "Red");
    assert_eq!(machine.verdict(HOLD).state(), Clear);
    assert_eq!(
        cause_keys(&machine.verdict(BLOCK)),
        ["Tpm/GE24H2", "CpuFms/GE24H2"]
    );
    let unexplained = Machine::windows("19045", "Client", "Professional")
        .on(Check::SafeguardHold)
        .sz(&path, "UpgEx", "Red");
    assert_eq!(cause_keys(&unexplained.verdict(BLOCK)), ["UpgEx/GE24H2"]);
    let gated = unexplained.multi(&path, "GatedBlockId", &["52754008"]);
    assert_eq!(gated.verdict(BLOCK).state(), Clear);
}

#[test]
fn an_old_appraisal_is_told_and_becomes_old_by_itself() {
    let path = format!(r"{APPRAISER_TARGETS}\GE24H2");
    let machine =
        target(windows_11_22h2(), "GE24H2", "None").sz(&path, "TimestampEpochString", "1791331200");
    let now = at("2026-10-10T00:00:00Z");
    let fresh = machine.verdict_at(HOLD, now);
    assert!(
        !fresh.summary.contains("appraisal is old"),
        "{}",
        fresh.summary
    );
    let later = fresh.valid_until.expect("it becomes old");
    assert!(
        machine
            .verdict_at(HOLD, later)
            .summary
            .contains("appraisal is old")
    );
}
