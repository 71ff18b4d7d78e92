//! The checks on machines built in memory, up to facts and verdicts.

use sickbay_diagnosis::check::Check;
use sickbay_diagnosis::context::FleetContext;
use sickbay_diagnosis::expectation::Expectations;
use sickbay_diagnosis::facts::Facts;
use sickbay_diagnosis::issue::{Case, Shared};
use sickbay_diagnosis::keys;
use sickbay_diagnosis::knowledge::Knowledge;
use sickbay_diagnosis::observation::{Observation, Outcome};
use sickbay_diagnosis::reading::{Data, Source};
use sickbay_diagnosis::verdict::State;
use sickbay_diagnosis::{Time, diagnose};

use super::run;
use crate::host::Host;
use crate::host::recording::{Description, Recording, Registry};
use crate::inspection::inspect;

fn recording(values: &[(&str, &str, Data)]) -> Recording {
    let mut registry = Registry::new();
    for (key, name, data) in values {
        registry.set_value(key, name, data.clone());
    }
    Recording::new(registry, Description::default())
}

fn text(text: &str) -> Data {
    Data::Text(text.to_owned())
}

fn found(observation: &Observation, path: &str, name: Option<&str>) -> Option<Data> {
    let reading = observation.readings().iter().find(|r| {
        r.path.eq_ignore_ascii_case(path)
            && match (&r.name, name) {
                (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
                (None, None) => true,
                _ => false,
            }
    })?;
    Some(reading.data.clone())
}

fn state(host: &dyn Host, issue: &str) -> State {
    let facts = Facts::derive(&inspect(host, Check::ALL), Knowledge::built_in());
    let diagnosis = diagnose(&Case {
        facts: &facts,
        expectations: &Expectations::default(),
        fleet: &FleetContext::default(),
        sighting: None,
        now: Time::from_millis(1_791_590_400_000),
        shared: Shared::default(),
    });
    diagnosis.get(issue).expect("a built issue").state()
}

#[test]
fn a_recording_of_nothing_is_unavailable_in_every_check() {
    let empty = recording(&[]);
    for check in Check::ALL {
        let outcome = run(*check, &empty).outcome;
        assert!(
            matches!(&outcome, Outcome::Unavailable(why) if why.contains("recorded")),
            "{check}: {outcome:?}"
        );
    }
}

#[test]
fn a_hive_that_was_not_exported_is_named() {
    let system_alone = recording(&[(keys::SESSION_MANAGER, "x", Data::Dword(1))]);
    let Outcome::Unavailable(why) = run(Check::ScanSource, &system_alone).outcome else {
        panic!("HKLM\\SOFTWARE holds all policies");
    };
    assert_eq!(why, r"HKLM\SOFTWARE was not recorded");
}

#[test]
fn a_subtree_that_every_windows_has_is_unrecorded_where_it_is_missing() {
    let policies_alone = recording(&[(keys::POLICY, "WUServer", text("http://a"))]);
    // The policy that pins a release is read with the appraiser's word, so that check has something to look at.
    let holds = run(Check::SafeguardHold, &policies_alone);
    assert_eq!(
        found(&holds, keys::APPRAISER_TARGETS, None),
        Some(Data::NotRecorded)
    );
    for check in [Check::Updates, Check::ServicingStack] {
        let outcome = run(check, &policies_alone).outcome;
        assert!(
            matches!(outcome, Outcome::Unavailable(_)),
            "{check}: {outcome:?}"
        );
    }
    let policy = run(Check::ScanSource, &policies_alone);
    assert_eq!(
        found(&policy, keys::POLICY_AU, Some("UseWUServer")),
        Some(Data::Absent),
        "a policy that is not there is absent, because policies need not exist"
    );
}

#[test]
fn only_update_packages_are_read() {
    let package = |name: &str| format!(r"{}\{name}", keys::CBS_PACKAGES);
    let rollup = package("Package_for_RollupFix~31bf3856ad364e35~amd64~~22000.318.1.8");
    let kb = package("Package_for_KB5031358~31bf3856ad364e35~amd64~~1.1");
    let part = package("Package_2_for_KB5031358~31bf3856ad364e35~amd64~~1.1");
    let feature = package("Microsoft-Windows-Foundation~31bf3856ad364e35~amd64~~10.0.22000.1");
    let host = recording(&[
        (&rollup, "CurrentState", Data::Dword(0x70)),
        (&kb, "CurrentState", Data::Dword(0)),
        (&part, "CurrentState", Data::Dword(0x70)),
        (&feature, "CurrentState", Data::Dword(0x70)),
    ]);
    let facts = Facts::derive(&inspect(&host, &[Check::Updates]), Knowledge::built_in())
        .to_json(host.now());
    let updates = facts["updates"].as_array().expect("a list");
    let seen: Vec<(&str, &str)> = updates
        .iter()
        .filter_map(|u| Some((u["version"].as_str()?, u["state"].as_str()?)))
        .collect();
    assert_eq!(seen, [("22000.318.1.8", "installed"), ("1.1", "absent")]);
    assert_eq!(
        updates[1]["kb"], "KB5031358",
        "an uninstalled update is missing again, not installed"
    );
}

#[test]
fn the_servicing_stack_is_the_highest_by_number_and_not_by_text() {
    let folder = |version: &str| text(&format!(r"%SystemRoot%\WinSxS\amd64_{version}"));
    let stack = format!(
        r"{}\Package_for_ServicingStack_9~31bf3856ad364e35~amd64~~19041.988.1.0",
        keys::CBS_PACKAGES
    );
    let host = recording(&[
        (keys::CBS_VERSION, "10.0.19041.988", folder("988")),
        (keys::CBS_VERSION, "10.0.19041.1220", folder("1220")),
        (&stack, "CurrentState", Data::Dword(0x70)),
    ]);
    let facts = Facts::derive(
        &inspect(&host, &[Check::ServicingStack]),
        Knowledge::built_in(),
    )
    .to_json(host.now());
    assert_eq!(facts["servicing_stack"]["version"], "19041.1220");
    assert_eq!(facts["servicing_stack"]["package"], "19041.988.1.0");
}

#[test]
fn of_installed_programs_only_update_health_tools_are_reported() {
    let entry = |name: &str| format!(r"{}\{name}", keys::UNINSTALL);
    let host = recording(&[
        (&entry("{1}"), "DisplayName", text("A private program")),
        (
            &entry("{2}"),
            "DisplayName",
            text("microsoft update health tools"),
        ),
        (&entry("{2}"), "DisplayVersion", text("3.72.0.0")),
    ]);
    let observation = run(Check::UpdateHealthTools, &host);
    assert!(found(&observation, &entry("{2}"), Some("DisplayVersion")).is_some());
    let private = |r: &sickbay_diagnosis::reading::Reading| r.path.contains("{1}");
    assert!(!observation.readings().iter().any(private));
}

#[test]
fn no_check_reads_accounts_or_programs_outside_its_area() {
    let host = recording(&[
        (r"HKLM\SAM\SAM\Domains\Account\Users", "x", Data::Dword(1)),
        (keys::WINDOWS_NT, "CurrentBuildNumber", text("26100")),
        (keys::WINDOWS_NT, "RegisteredOwner", text("Somebody")),
    ]);
    for (check, observation) in inspect(&host, Check::ALL).iter() {
        for reading in observation.readings() {
            assert!(
                !reading.path.contains("SAM"),
                "{check} reads {}",
                reading.path
            );
            assert_ne!(reading.data, text("Somebody"), "{check}");
        }
    }
}

#[test]
fn a_value_named_reboot_required_is_no_reboot_and_the_key_is() {
    let value = recording(&[
        (keys::AUTO_UPDATE, "RebootRequired", Data::Dword(1)),
        (keys::SESSION_MANAGER, "x", Data::Dword(1)),
    ]);
    assert_eq!(state(&value, "pending-reboot"), State::Clear);
    let misplaced = recording(&[(keys::WINDOWS_UPDATE, "RebootRequired", Data::Dword(1))]);
    assert_eq!(state(&misplaced, "pending-reboot"), State::Clear);
    let policy = recording(&[(keys::POLICY, "WUServer", text("http://a"))]);
    assert_eq!(state(&policy, "pending-reboot"), State::Unknown);
    let key = recording(&[(keys::AUTO_UPDATE_REBOOT, "9a3fb4a5", Data::Dword(1))]);
    assert_eq!(state(&key, "pending-reboot"), State::Open);
}

#[test]
fn a_deleted_service_is_absent_and_a_short_list_of_services_is_unknown() {
    let wuauserv = keys::service("wuauserv");
    let short = recording(&[(&wuauserv, "Start", Data::Dword(3))]);
    assert_eq!(state(&short, "update-services-disabled"), State::Unknown);
    let rpcss = keys::service(keys::WITNESS_SERVICE);
    let whole = recording(&[
        (&wuauserv, "Start", Data::Dword(3)),
        (&rpcss, "Start", Data::Dword(2)),
    ]);
    assert_eq!(state(&whole, "update-services-disabled"), State::Open);
}

#[test]
fn a_check_reads_no_more_than_its_bound() {
    let mut registry = Registry::new();
    for n in 0..3000 {
        let key = format!(r"{}\Package_for_KB{n:07}~t~a~~1.{n}", keys::CBS_PACKAGES);
        registry.set_value(&key, "CurrentState", Data::Dword(0x70));
    }
    let host = Recording::new(registry, Description::default());
    let read = run(Check::Updates, &host).readings().len();
    assert!((400..=2000).contains(&read), "{read}");
    let newest = format!(r"{}\Package_for_KB0002999~t~a~~1.2999", keys::CBS_PACKAGES);
    let observation = run(Check::Updates, &host);
    assert!(
        found(&observation, &newest, Some("CurrentState")).is_some(),
        "the newest are kept"
    );
}

#[test]
fn every_reading_says_where_it_came_from() {
    let host = recording(&[
        (keys::WINDOWS_NT, "CurrentBuildNumber", text("26100")),
        (&keys::service("wuauserv"), "Start", Data::Dword(3)),
    ]);
    for (check, observation) in inspect(&host, Check::ALL).iter() {
        for reading in observation.readings() {
            assert!(!reading.path.is_empty(), "{check}");
            if reading.source == Source::Registry {
                assert!(
                    reading.path.starts_with(r"HKLM\"),
                    "{check}: {}",
                    reading.path
                );
            }
        }
    }
}
