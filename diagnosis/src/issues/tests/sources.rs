//! Where updates come from, whether they come at all, and over which transport.

use crate::check::Check;
use crate::context::FleetContext;
use crate::expectation::{Expectations, ExpectedSource, UpdateSource};
use crate::keys::{MDM_UPDATE, POLICY, POLICY_AU};
use crate::testing::{Machine, cause_keys};
use crate::verdict::State::{Clear, NotApplicable, Open, Unknown};

const WRONG: &str = "wrong-scan-source";
const CONFLICT: &str = "scan-source-conflict";
const TLS: &str = "wsus-without-tls";
const AUTOMATIC: &str = "automatic-updates-disabled";

fn machine() -> Machine {
    Machine::client().on(Check::ScanSource)
}

fn with_wsus(server: &str) -> Machine {
    machine()
        .sz(POLICY, "WUServer", server)
        .dword(POLICY_AU, "UseWUServer", 1)
}

fn wsus(server: &str) -> ExpectedSource {
    ExpectedSource {
        source: UpdateSource::Wsus,
        server: Some(server.to_owned()),
    }
}

fn expecting(quality: ExpectedSource) -> Expectations {
    Expectations {
        sources: [Some(quality), None, None, None],
        ..Expectations::default()
    }
}

#[test]
fn a_device_that_leaves_the_expected_server_is_found() {
    let wanted = expecting(wsus("https://wsus.corp.example:8531/"));
    let good = with_wsus("HTTPS://WSUS.corp.example:8531").expecting(wanted.clone());
    assert_eq!(good.verdict(WRONG).state(), Clear);
    let other = with_wsus("http://old-wsus:8530").expecting(wanted.clone());
    assert_eq!(
        cause_keys(&other.verdict(WRONG)),
        ["quality:wsus:http://old-wsus:8530"]
    );
    let gone = machine().expecting(wanted);
    let verdict = gone.verdict(WRONG);
    assert_eq!(cause_keys(&verdict), ["quality:windows-update"]);
    assert!(
        !verdict.summary.contains("provisional"),
        "{}",
        verdict.summary
    );
}

#[test]
fn what_clients_do_for_feature_updates_is_no_measure_for_a_server() {
    let mut fleet = FleetContext::default();
    fleet.client_sources[1] = Some(ExpectedSource {
        source: UpdateSource::WindowsUpdate,
        server: None,
    });
    let on_wsus = |machine: Machine| {
        machine
            .on(Check::ScanSource)
            .sz(POLICY, "WUServer", "https://wsus:8531")
            .dword(POLICY_AU, "UseWUServer", 1)
            .in_fleet(fleet.clone())
    };
    assert_eq!(on_wsus(Machine::client()).verdict(WRONG).state(), Open);
    assert_eq!(
        on_wsus(Machine::server()).verdict(WRONG).state(),
        NotApplicable
    );
}

#[test]
fn without_an_expectation_the_majority_is_a_provisional_one() {
    let majority = FleetContext {
        client_sources: [Some(wsus("https://wsus:8531")), None, None, None],
        ..FleetContext::default()
    };
    let odd = machine().in_fleet(majority);
    let verdict = odd.verdict(WRONG);
    assert_eq!(verdict.state(), Open);
    assert!(
        verdict.summary.contains("provisional"),
        "{}",
        verdict.summary
    );
    assert_eq!(machine().verdict(WRONG).state(), NotApplicable);
}

#[test]
fn classes_that_come_from_the_same_wrong_place_are_told_together() {
    let new = || Some(wsus("https://wsus:8531"));
    let told = |sources: [Option<ExpectedSource>; 4]| {
        let fleet = FleetContext {
            client_sources: sources,
            ..FleetContext::default()
        };
        machine().in_fleet(fleet).verdict(WRONG)
    };
    let all = told([new(), new(), new(), new()]);
    assert!(
        all.summary.starts_with("All updates come from "),
        "{}",
        all.summary
    );
    assert_eq!(all.summary.matches("expected is").count(), 1);
    assert_eq!(all.causes().len(), 4, "each class stays a cause");
    let three = told([new(), None, new(), new()]);
    assert!(
        three
            .summary
            .starts_with("Quality updates, drivers and updates of other products come from "),
        "{}",
        three.summary
    );
}

#[test]
fn a_source_that_could_not_be_told_is_neither_right_nor_wrong() {
    let wanted = expecting(wsus("https://wsus:8531"));
    let unclear = machine()
        .dword(POLICY_AU, "UseWUServer", 1)
        .expecting(wanted.clone());
    assert_eq!(unclear.verdict(WRONG).state(), Unknown);
    assert_eq!(
        Machine::client().expecting(wanted).verdict(WRONG).state(),
        Unknown
    );
}

#[test]
fn a_class_without_any_source_is_wrong_whatever_is_expected() {
    let wanted = expecting(wsus("https://wsus:8531"));
    let shut = with_wsus("https://wsus:8531")
        .dword(POLICY, "DisableWindowsUpdateAccess", 1)
        .expecting(wanted);
    assert_eq!(cause_keys(&shut.verdict(WRONG)), ["quality:blocked"]);
}

#[test]
fn contradictions_are_grouped_by_the_contradicting_values() {
    let leftover = machine().sz(POLICY, "WUServer", "http://192.168.1.200:8530");
    assert_eq!(
        cause_keys(&leftover.verdict(CONFLICT)),
        ["WUServer without UseWUServer"]
    );
    let no_url = with_wsus("wsus.corp.example:8530");
    assert_eq!(
        cause_keys(&no_url.verdict(CONFLICT)),
        ["bad address wsus.corp.example:8530"]
    );
    let two = with_wsus("https://a:8531").sz(MDM_UPDATE, "UpdateServiceUrl", "https://b:8531");
    assert_eq!(
        cause_keys(&two.verdict(CONFLICT)),
        ["GPO and MDM name different servers"]
    );
    assert_eq!(with_wsus("https://a:8531").verdict(CONFLICT).state(), Clear);
}

#[test]
fn a_contradiction_that_depends_on_an_unknown_release_is_unknown() {
    let machine = Machine::new()
        .on(Check::ScanSource)
        .sz(POLICY, "WUServer", "https://a:8531")
        .dword(POLICY_AU, "UseWUServer", 1)
        .dword(POLICY, "DeferQualityUpdates", 1);
    assert_eq!(machine.verdict(CONFLICT).state(), Unknown);
    let unreadable = Machine::new().on(Check::ScanSource).unreadable_key(POLICY);
    assert_eq!(unreadable.verdict(CONFLICT).state(), Unknown);
}

#[test]
fn plain_http_is_an_issue_only_where_the_server_is_used() {
    let http = with_wsus("http://wsus:8530");
    assert_eq!(cause_keys(&http.verdict(TLS)), ["http://wsus:8530"]);
    assert_eq!(with_wsus("https://wsus:8531").verdict(TLS).state(), Clear);
    let unused = machine().sz(POLICY, "WUServer", "http://wsus:8530");
    assert_eq!(unused.verdict(TLS).state(), NotApplicable);
    assert_eq!(with_wsus("wsus:8530").verdict(TLS).state(), Unknown);
    assert_eq!(
        machine()
            .dword(POLICY_AU, "UseWUServer", 1)
            .verdict(TLS)
            .state(),
        Unknown
    );
}

fn automatic() -> Machine {
    Machine::client().on(Check::AutomaticUpdates)
}

#[test]
fn every_documented_option_leaves_automatic_updates_on() {
    assert_eq!(automatic().verdict(AUTOMATIC).state(), Clear);
    for option in [2, 3, 4, 5, 7] {
        let machine =
            automatic()
                .dword(POLICY_AU, "NoAutoUpdate", 0)
                .dword(POLICY_AU, "AUOptions", option);
        assert_eq!(machine.verdict(AUTOMATIC).state(), Clear, "{option}");
    }
}

#[test]
fn no_auto_update_and_options_outside_the_list_turn_them_off() {
    let off = automatic()
        .dword(POLICY_AU, "NoAutoUpdate", 1)
        .dword(POLICY_AU, "AUOptions", 4);
    assert_eq!(cause_keys(&off.verdict(AUTOMATIC)), ["NoAutoUpdate=1"]);
    for option in [0, 1, 6, 8, 42] {
        let machine = automatic().dword(POLICY_AU, "AUOptions", option);
        assert_eq!(
            cause_keys(&machine.verdict(AUTOMATIC)),
            [format!("AUOptions={option}")]
        );
    }
    let managed = automatic().dword(MDM_UPDATE, "AllowAutoUpdate", 5);
    assert_eq!(
        cause_keys(&managed.verdict(AUTOMATIC)),
        ["AllowAutoUpdate=5"]
    );
}

#[test]
fn a_subkey_named_like_the_value_turns_nothing_off() {
    let machine = automatic()
        .dword(POLICY_AU, "NoAutoUpdate", 0)
        .key(&format!(r"{POLICY_AU}\NoAutoUpdate"));
    assert_eq!(machine.verdict(AUTOMATIC).state(), Clear);
}

#[test]
fn an_unreadable_policy_is_not_taken_for_an_absent_one() {
    assert_eq!(
        automatic()
            .unreadable_key(POLICY_AU)
            .verdict(AUTOMATIC)
            .state(),
        Unknown
    );
    let off = automatic()
        .unreadable_key(POLICY_AU)
        .dword(POLICY_AU, "NoAutoUpdate", 1);
    assert_eq!(off.verdict(AUTOMATIC).state(), Open);
}
