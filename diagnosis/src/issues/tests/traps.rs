//! Traps: what looks like one thing and is another. Those of a single fact or rule stand beside it, under the trap's own words.

use super::properties::ordinary_client;
use crate::Kb;
use crate::check::Check;
use crate::context::{BASELINE_QUORUM, FleetContext, Standing};
use crate::keys::{self, CBS_PACKAGES, SYSTEM_CHANNEL};
use crate::knowledge::{DeviceKind, Knowledge};
use crate::observation::Outcome;
use crate::testing::{Machine, at, cause_keys};
use crate::verdict::Severity::Warning;
use crate::verdict::State::{Clear, Open, Unknown};

const INSTALL: &str = "install-failing";
const BEHIND: &str = "behind-on-quality-updates";
const END: &str = "end-of-service";

#[test]
fn an_emptied_history_is_not_unpatched() {
    let emptied = || {
        ordinary_client()
            .without(Check::UpdateHistory)
            .on(Check::UpdateHistory)
            .history(&[])
    };
    for (issue, verdict) in emptied().diagnose_at(crate::testing::now()).iter() {
        assert_ne!(verdict.state(), Open, "{}: {}", issue.id, verdict.summary);
    }
    // Nor is it proof that nothing failed, once nothing else remembers.
    let blind = emptied().outcome(
        Check::UpdateEvents,
        Outcome::Unavailable("this recording holds no event log".to_owned()),
    );
    assert_eq!(blind.verdict(INSTALL).state(), Unknown);
}

#[test]
fn an_unknown_build_is_not_compliant() {
    let insider = Machine::windows("27954", "Client", "Professional");
    for issue in [END, BEHIND, "servicing-stack-outdated"] {
        let verdict = insider.verdict(issue);
        assert_eq!(verdict.state(), Unknown, "{issue}: {}", verdict.summary);
    }
    let nameless = Machine::new()
        .on(Check::Device)
        .sz(keys::WINDOWS_NT, "InstallationType", "Client")
        .sz(keys::WINDOWS_NT, "ProductName", "Windows 11 Pro");
    assert_eq!(nameless.verdict(END).state(), Unknown);
    assert_eq!(nameless.verdict(BEHIND).state(), Unknown);
}

#[test]
fn the_1903_that_calls_itself_1709_ended_as_a_1903() {
    let device = Machine::windows("18362", "Client", "Professional").sz(
        keys::WINDOWS_NT,
        "ReleaseId",
        "1709",
    );
    let verdict = device.verdict(END);
    assert_eq!(cause_keys(&verdict), ["Windows 10 1903"]);
    assert!(
        verdict.summary.contains("2020-12-08"),
        "{}",
        verdict.summary
    );
    let between = device.verdict_at(END, at("2019-06-01T00:00:00Z"));
    assert_eq!(between.state(), Clear, "a 1709 had ended by then");
}

/// The packages of servicing, each with its state.
fn packages(machine: Machine, of: &[(&str, u32)]) -> Machine {
    of.iter().fold(
        machine.on(Check::Updates).key(CBS_PACKAGES),
        |m, (name, state)| {
            m.dword(
                &format!(r"{CBS_PACKAGES}\{name}~31bf3856ad364e35~amd64~~6.1.1.2"),
                "CurrentState",
                *state,
            )
        },
    )
}

#[test]
fn an_uninstalled_update_is_missing_again() {
    const KB: &str = "Package_for_KB5054156";
    let is_installed = |of: &[(&str, u32)]| {
        let facts = packages(Machine::client(), of).facts();
        let updates = facts.updates.expect("the check looked");
        updates.is_installed(Kb::parse("KB5054156").expect("a number"))
    };
    for (state, installed) in [
        (0x70, true),
        (0x80, true),
        (0x00, false),
        (0x05, false),
        (0x40, false),
        (0x50, false),
        (0x60, false),
        (0xFFFF_FF80, false),
    ] {
        assert_eq!(is_installed(&[(KB, state)]), installed, "{state:#x}");
    }
    assert!(!is_installed(&[("Package_for_KB50541567", 0x70)]));
    assert!(
        is_installed(&[
            ("Package_1_for_KB5054156", 0),
            ("Package_2_for_KB5054156", 0x70)
        ]),
        "one part of it that is in force is enough"
    );
}

#[test]
fn an_uninstalled_stack_does_not_count_as_the_newest() {
    let stack = |state| {
        packages(Machine::client(), &[]).on(Check::ServicingStack).dword(
            &format!(
                r"{CBS_PACKAGES}\Package_for_ServicingStack_4000~31bf3856ad364e35~amd64~~26100.4000.1.0"
            ),
            "CurrentState",
            state,
        )
    };
    let version = |state| stack(state).facts().servicing_stack.expect("seen").version;
    assert_eq!(version(0x70).as_deref(), Some("26100.4000"));
    assert_eq!(version(0x00), None);
    assert_eq!(version(0x05), None);
}

#[test]
fn an_uninstallation_that_worked_mends_no_installation_that_fails() {
    let failed = |day| (day, 1, 4, "0x80070020", "a", "(KB5065789)");
    let removed = |day| (day, 2, 2, "0x00000000", "a", "(KB5065789)");
    let of = |entries: &[_]| {
        Machine::client()
            .on(Check::UpdateHistory)
            .history(entries)
            .verdict(INSTALL)
    };
    let still = of(&[
        removed("2026-10-09T00:00:00Z"),
        failed("2026-10-08T00:00:00Z"),
        failed("2026-10-07T00:00:00Z"),
        failed("2026-10-06T00:00:00Z"),
    ]);
    assert_eq!(cause_keys(&still), ["0x80070020 KB5065789"]);
    // And one that failed is no installation that did.
    let kept = (
        "2026-10-09T00:00:00Z",
        2,
        4,
        "0x80070020",
        "a",
        "(KB5065789)",
    );
    assert_eq!(of(&[kept, kept, kept]).state(), Clear);
}

/// A Windows 11 25H2 of this revision.
fn at_revision(revision: u32) -> Machine {
    Machine::new()
        .on(Check::Device)
        .sz(keys::WINDOWS_NT, "CurrentBuildNumber", "26200")
        .dword(keys::WINDOWS_NT, "UBR", revision)
        .sz(keys::WINDOWS_NT, "InstallationType", "Client")
        .sz(keys::WINDOWS_NT, "EditionID", "Enterprise")
}

#[test]
fn a_preview_build_makes_nobody_late_until_five_devices_have_it() {
    assert_eq!(BASELINE_QUORUM, 5);
    // One device or four with a preview are no baseline, so nothing of them is in the context.
    let ordinary = ordinary_client();
    assert_eq!(ordinary.verdict(BEHIND).state(), Clear);
    let preview = at_revision(4770).fleet_has(4000, "2026-10-01T00:00:00Z");
    let ahead = preview.verdict(BEHIND);
    assert_eq!(ahead.state(), Clear, "{}", ahead.summary);
    // The fifth makes it one, and from then on the others have the expected time.
    let fifth = ordinary.fleet_has(4770, "2026-10-09T00:00:00Z");
    let verdict = fifth.verdict(BEHIND);
    assert_eq!(verdict.state(), Clear);
    let late = verdict.valid_until.expect("then it is late");
    assert_eq!(late, at("2026-10-23T00:00:00Z"));
    assert_eq!(fifth.verdict_at(BEHIND, late).severity(), Some(Warning));
}

#[test]
fn a_hotpatched_device_is_not_behind_the_update_of_its_month() {
    // 7781 is the hotpatch of February 2026, 7840 the cumulative update of that month, 8037 that of March.
    let machine = |revision, newest| {
        at_revision(revision)
            .in_fleet(FleetContext::default())
            .fleet_has(newest, "2026-09-01T00:00:00Z")
            .verdict("behind-on-quality-updates")
            .state()
    };
    assert_ne!(machine(7781, 7840), Open);
    assert_eq!(machine(7780, 7840), Open);
    assert_eq!(machine(7781, 8037), Open);
}

#[test]
fn a_preview_of_the_servicing_stack_makes_nobody_late_either() {
    let mut fleet = FleetContext::default();
    let seen = crate::context::Seen {
        revision: 4000,
        since: at("2026-10-01T00:00:00Z"),
    };
    fleet.stacks.add(DeviceKind::Client, 26200, seen);
    assert_eq!(
        fleet.stacks.standing(DeviceKind::Client, 26200, 4770),
        Standing::Newest(seen)
    );
    let verdict = ordinary_client()
        .in_fleet(fleet)
        .verdict("servicing-stack-outdated");
    assert_eq!(verdict.state(), Clear);
}

#[test]
fn a_fleet_that_is_stuck_as_a_whole_is_unknown_on_its_newest_and_late_behind_it() {
    let now = at("2026-10-10T00:00:00Z");
    let of = |revision: u32| {
        at_revision(revision)
            .fleet_has(3800, "2026-07-20T00:00:00Z")
            .fleet_has(4000, "2026-08-31T00:00:00Z")
            .verdict_at(BEHIND, now)
    };
    let newest = of(4000);
    assert_eq!(newest.state(), Unknown);
    assert!(
        newest.summary.contains("the fleet as a whole may be stuck"),
        "{}",
        newest.summary
    );
    assert_eq!(cause_keys(&of(3800)), ["26200.3800"]);
    assert_eq!(cause_keys(&of(3000)), ["26200.3000"]);
}

#[test]
fn where_the_fleet_cannot_tell_the_table_is_quoted_and_makes_nobody_late() {
    let newest = Knowledge::built_in()
        .newest_cumulative(26100, DeviceKind::Client)
        .expect("in the table");
    let named = format!("26200.{} ({} of ", newest.revision, newest.kb);
    let alone = |revision| {
        at_revision(revision)
            .in_fleet(FleetContext::default())
            .verdict(BEHIND)
    };
    let stuck = |revision| {
        at_revision(revision)
            .in_fleet(FleetContext::default())
            .fleet_has(revision, "2026-01-20T00:00:00Z")
            .verdict(BEHIND)
    };
    for (verdict, says) in [
        (alone(4000), "knows a newer one, "),
        (stuck(4000), "knows a newer one, "),
        (alone(newest.revision), "knows nothing newer; it goes to "),
        (stuck(newest.revision), "knows nothing newer; it goes to "),
    ] {
        assert_eq!(verdict.state(), Unknown);
        let wanted = format!("{says}{named}");
        assert!(verdict.summary.contains(&wanted), "{}", verdict.summary);
    }
}

#[test]
fn an_old_note_of_a_failed_search_says_nothing_after_one_that_worked() {
    let noted = |day: &str| {
        ordinary_client()
            .without(Check::LastScan)
            .on(Check::LastScan)
            .sz(keys::DETECT_RESULTS, "LastSuccessTime", day)
            .dword(keys::DETECT_RESULTS, "LastError", 0x8024_4007)
            .absent_key(keys::ONLINE_SCANS)
            .without(Check::ScanSource)
            .on(Check::ScanSource)
            .sz(keys::POLICY, "WUServer", "https://wsus:8531")
            .dword(keys::POLICY_AU, "UseWUServer", 1)
    };
    let recovery = |machine: &Machine| machine.verdict("wsus-sync-recovery-failing").state();
    let upgraded = noted("2019-03-01 05:00:00");
    assert_eq!(
        recovery(&upgraded),
        Clear,
        "the agent's search worked since"
    );
    let current = noted("2026-10-09 05:00:00");
    assert_eq!(recovery(&current), Open, "none has worked since");
    let newer_client = current.on(Check::LastScan).sz(
        &format!(r"{}\8B24B027", keys::ONLINE_SCANS),
        "{1}",
        "2026-10-09 22:00:00",
    );
    assert_eq!(recovery(&newer_client), Clear);
}

#[test]
fn a_program_of_the_store_that_fails_is_no_update_that_fails() {
    let values = [
        ("updateTitle", "9NBLGGH4NNS1-Microsoft.DesktopAppInstaller"),
        ("updateGuid", "{BBBBBBBB-0000-0000-0000-000000000001}"),
        ("errorCode", "0x80073D02"),
    ];
    let failing = (20..).zip(["2026-10-06", "2026-10-07", "2026-10-08"]).fold(
        ordinary_client().on(Check::UpdateEvents),
        |m, (record, day)| {
            let at = format!("{day}T03:00:00Z");
            m.event(SYSTEM_CHANNEL, record, 20, &at, &values)
        },
    );
    assert_eq!(failing.verdict(INSTALL).state(), Clear);
}
