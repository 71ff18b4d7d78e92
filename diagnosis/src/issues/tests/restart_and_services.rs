//! Pending restarts, services and Update Health Tools.

use crate::check::Check;
use crate::expectation::Expectations;
use crate::keys::{self, SESSION_MANAGER, UNINSTALL};
use crate::reading::{Data, Reading, Source};
use crate::testing::{Machine, at, cause_keys};
use crate::verdict::Severity::{Serious, Warning};
use crate::verdict::State::{Clear, NotApplicable, Open, Unknown};

const REBOOT: &str = "pending-reboot";
const SERVICES: &str = "update-services-disabled";
const TOOLS: &str = "update-health-tools-missing";

fn machine() -> Machine {
    Machine::client().on(Check::PendingReboot)
}

fn agent(data: Data) -> Reading {
    Reading {
        source: Source::UpdateAgent,
        path: keys::UPDATE_AGENT.to_owned(),
        name: Some(keys::UPDATE_AGENT_REBOOT.to_owned()),
        data,
    }
}

#[test]
fn a_pending_restart_is_a_warning_that_becomes_serious_by_itself() {
    let pending = machine().key_written(keys::AUTO_UPDATE_REBOOT, "2026-10-08T00:00:00Z");
    let verdict = pending.verdict(REBOOT);
    assert_eq!(verdict.severity(), Some(Warning));
    assert_eq!(cause_keys(&verdict), ["windows-update"]);
    let serious_at = verdict.valid_until.expect("it becomes serious");
    assert_eq!(serious_at, at("2026-10-15T00:00:00Z"));
    assert_eq!(
        pending.verdict_at(REBOOT, serious_at).severity(),
        Some(Serious)
    );
}

#[test]
fn every_strong_signal_is_a_pending_restart() {
    for key in [
        keys::AUTO_UPDATE_REBOOT,
        keys::CBS_REBOOT_PENDING,
        keys::CBS_REBOOT_IN_PROGRESS,
        keys::CBS_PACKAGES_PENDING,
        keys::PENDING_XML,
    ] {
        assert_eq!(machine().key(key).verdict(REBOOT).state(), Open, "{key}");
    }
    let asked = machine().reading(agent(Data::Flag(true)));
    assert_eq!(asked.verdict(REBOOT).state(), Open);
    let page = machine().dword(keys::UX_STATE, "RebootRequired", 1);
    assert_eq!(cause_keys(&page.verdict(REBOOT)), ["update-page"]);
}

#[test]
fn the_update_pages_flag_says_little_before_20h2() {
    let old = Machine::windows("18363", "Client", "Professional")
        .on(Check::PendingReboot)
        .dword(keys::UX_STATE, "RebootRequired", 1);
    assert_eq!(old.verdict(REBOOT).state(), Clear);
}

#[test]
fn a_failing_update_agent_is_not_nothing_pending() {
    let failing = machine().reading(agent(Data::Unreadable("0x80240FFF".to_owned())));
    let verdict = failing.verdict(REBOOT);
    assert_eq!(verdict.state(), Unknown);
    assert!(
        verdict.summary.contains("0x80240FFF"),
        "{}",
        verdict.summary
    );
    let settled = failing.key(keys::CBS_REBOOT_PENDING);
    assert_eq!(settled.verdict(REBOOT).state(), Open);
}

#[test]
fn file_renames_are_no_update_reboot() {
    let renames = machine().multi(
        SESSION_MANAGER,
        "PendingFileRenameOperations",
        &[r"\??\C:\a", ""],
    );
    let verdict = renames.verdict(REBOOT);
    assert_eq!(verdict.state(), Clear);
    assert!(
        verdict.summary.contains("file-renames"),
        "{}",
        verdict.summary
    );
    let empty = machine().multi(SESSION_MANAGER, "PendingFileRenameOperations", &["", ""]);
    assert!(
        empty
            .facts()
            .pending_reboot
            .expect("seen")
            .signals
            .is_empty()
    );
}

#[test]
fn a_reboot_required_value_under_the_wrong_key_is_no_reboot() {
    let wrong = machine()
        .dword(keys::AUTO_UPDATE, "RebootRequired", 1)
        .data(keys::AUTO_UPDATE_REBOOT, None, Data::Absent);
    assert_eq!(wrong.verdict(REBOOT).state(), Clear);
}

#[test]
fn a_domain_join_and_a_rename_are_noted_and_no_update_reboot() {
    let renamed = machine()
        .sz(keys::ACTIVE_COMPUTER_NAME, "ComputerName", "OLD")
        .sz(keys::COMPUTER_NAME, "ComputerName", "NEW")
        .key(&format!(r"{}\JoinDomain", keys::NETLOGON));
    let verdict = renamed.verdict(REBOOT);
    assert_eq!(verdict.state(), Clear);
    assert!(
        verdict.summary.contains("domain-join, computer-rename"),
        "{}",
        verdict.summary
    );
}

#[test]
fn what_was_not_recorded_is_named_and_does_not_hide_the_rest() {
    let partial = Machine::new()
        .on(Check::PendingReboot)
        .data(keys::AUTO_UPDATE_REBOOT, None, Data::NotRecorded)
        .multi(SESSION_MANAGER, "PendingFileRenameOperations", &[""]);
    let verdict = partial.verdict(REBOOT);
    assert_eq!(verdict.state(), Clear);
    assert!(
        verdict.summary.contains("Not recorded"),
        "{}",
        verdict.summary
    );
}

#[test]
fn a_recording_without_any_of_the_places_is_unknown_and_not_healthy() {
    let nothing = Machine::new()
        .on(Check::PendingReboot)
        .data(keys::AUTO_UPDATE_REBOOT, None, Data::NotRecorded)
        .data(keys::CBS_REBOOT_PENDING, None, Data::NotRecorded)
        .data(keys::UX_STATE, Some("RebootRequired"), Data::Absent);
    assert_eq!(nothing.verdict(REBOOT).state(), Unknown);
    let weak = nothing.dword(keys::UPDATE_EXE, "UpdateExeVolatile", 0);
    assert_eq!(weak.verdict(REBOOT).state(), Clear);
}

#[test]
fn signals_that_survived_a_restart_are_marked() {
    let left_over = machine()
        .key_written(keys::CBS_REBOOT_PENDING, "2026-10-01T00:00:00Z")
        .reading(Reading {
            source: Source::System,
            path: keys::SYSTEM.to_owned(),
            name: Some("boot_time".to_owned()),
            data: Data::Text("2026-10-05T06:00:00Z".to_owned()),
        });
    let verdict = left_over.verdict(REBOOT);
    assert_eq!(verdict.severity(), Some(Serious));
    assert!(
        verdict.summary.contains("restarted since"),
        "{}",
        verdict.summary
    );
}

#[test]
fn a_signal_from_the_future_has_no_age() {
    let ahead = machine().key_written(keys::CBS_REBOOT_PENDING, "2027-01-01T00:00:00Z");
    let verdict = ahead.verdict(REBOOT);
    assert_eq!(verdict.severity(), Some(Warning));
    assert!(!verdict.summary.contains("days"), "{}", verdict.summary);
}

/// All services as they should be, and the one that every Windows has.
fn healthy() -> Machine {
    let base = Machine::client()
        .on(Check::Services)
        .key(&keys::service(keys::WITNESS_SERVICE));
    [
        "wuauserv",
        "UsoSvc",
        "BITS",
        "CryptSvc",
        "TrustedInstaller",
        "DoSvc",
    ]
    .iter()
    .fold(base, |m, name| m.service(name, 3))
}

/// As [`healthy`], but one of them with another start type, or gone.
fn but(name: &str, start: Option<u32>, whole: bool) -> Machine {
    let mut machine = Machine::client().on(Check::Services);
    if whole {
        machine = machine.key(&keys::service(keys::WITNESS_SERVICE));
    }
    for other in [
        "wuauserv",
        "UsoSvc",
        "BITS",
        "CryptSvc",
        "TrustedInstaller",
        "DoSvc",
    ] {
        machine = match start {
            _ if other != name => machine.service(other, 3),
            Some(start) => machine.service(other, start),
            None => machine.absent_key(&keys::service(other)),
        };
    }
    machine
}

#[test]
fn manual_and_trigger_start_are_no_issue_and_disabled_is() {
    assert_eq!(healthy().verdict(SERVICES).state(), Clear);
    assert_eq!(
        cause_keys(&but("wuauserv", Some(4), true).verdict(SERVICES)),
        ["wuauserv disabled"]
    );
    assert_eq!(but("BITS", Some(2), true).verdict(SERVICES).state(), Clear);
}

#[test]
fn a_removed_service_is_told_from_a_list_that_is_not_whole() {
    assert_eq!(
        cause_keys(&but("UsoSvc", None, true).verdict(SERVICES)),
        ["UsoSvc missing"]
    );
    assert_eq!(
        but("UsoSvc", None, false).verdict(SERVICES).state(),
        Unknown
    );
}

#[test]
fn services_that_a_release_does_not_have_are_not_missed() {
    let old = Machine::windows("9600", "Server", "ServerStandard")
        .on(Check::Services)
        .key(&keys::service(keys::WITNESS_SERVICE));
    let old = ["wuauserv", "BITS", "CryptSvc", "TrustedInstaller"]
        .iter()
        .fold(old, |m, name| m.service(name, 3))
        .absent_key(&keys::service("UsoSvc"))
        .absent_key(&keys::service("DoSvc"));
    assert_eq!(old.verdict(SERVICES).state(), Clear);
}

#[test]
fn the_sign_in_assistant_matters_on_1709_and_1803_alone() {
    let with = |build: &str| {
        let base = Machine::windows(build, "Client", "Professional")
            .on(Check::Services)
            .key(&keys::service(keys::WITNESS_SERVICE));
        [
            "wuauserv",
            "UsoSvc",
            "BITS",
            "CryptSvc",
            "TrustedInstaller",
            "DoSvc",
        ]
        .iter()
        .fold(base, |m, name| m.service(name, 3))
        .service("wlidsvc", 4)
    };
    assert_eq!(
        cause_keys(&with("17134").verdict(SERVICES)),
        ["wlidsvc disabled"]
    );
    assert_eq!(with("26100").verdict(SERVICES).state(), Clear);
}

fn tools(base: Machine) -> Machine {
    let entry = format!(r"{UNINSTALL}\{{C6FD611E-7EFE-488C-A0E0-974C09EF6473}}");
    base.on(Check::UpdateHealthTools)
        .key(UNINSTALL)
        .sz(&entry, "DisplayName", "Microsoft Update Health Tools")
        .sz(&entry, "DisplayVersion", "3.72.0.0")
}

fn no_tools(base: Machine) -> Machine {
    base.on(Check::UpdateHealthTools)
        .key(UNINSTALL)
        .absent_key(&keys::service(keys::UHSSVC))
}

#[test]
fn tools_that_are_missing_disabled_or_outdated_are_told_apart() {
    assert_eq!(tools(Machine::client()).verdict(TOOLS).state(), Clear);
    assert_eq!(
        cause_keys(&no_tools(Machine::client()).verdict(TOOLS)),
        ["missing"]
    );
    let disabled = tools(Machine::client()).service(keys::UHSSVC, 4);
    assert_eq!(cause_keys(&disabled.verdict(TOOLS)), ["service disabled"]);
    let minimum = |version: &str| {
        tools(Machine::client()).expecting(Expectations {
            update_health_tools_minimum: Some(version.to_owned()),
            ..Expectations::default()
        })
    };
    assert_eq!(
        cause_keys(&minimum("3.100").verdict(TOOLS)),
        ["outdated 3.72.0.0"]
    );
    assert_eq!(minimum("3.9").verdict(TOOLS).state(), Clear);
}

#[test]
fn tools_are_not_missed_where_they_do_not_belong() {
    let unwanted = Expectations {
        update_health_tools_wanted: false,
        ..Expectations::default()
    };
    for machine in [
        no_tools(Machine::server()),
        no_tools(Machine::windows("26100", "Client", "Core")),
        no_tools(Machine::windows("26100", "Client", "EnterpriseS")),
        no_tools(Machine::windows("17134", "Client", "Professional")),
        no_tools(Machine::client()).expecting(unwanted),
    ] {
        assert_eq!(machine.verdict(TOOLS).state(), NotApplicable);
    }
    assert_eq!(no_tools(Machine::new()).verdict(TOOLS).state(), Unknown);
    let unlisted =
        Machine::client()
            .on(Check::UpdateHealthTools)
            .data(UNINSTALL, None, Data::NotRecorded);
    assert_eq!(unlisted.verdict(TOOLS).state(), Unknown);
}
