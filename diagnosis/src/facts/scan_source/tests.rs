//! The decision table, one test per trap.

use crate::check::Check;
use crate::expectation::UpdateSource::{self, Blocked, Unknown, WindowsUpdate, Wsus};
use crate::keys::{CLASS_SOURCE_VALUES, MDM_UPDATE, POLICY, POLICY_AU, UPDATE_POLICY_STATE};
use crate::testing::Machine;

const SERVER: &str = "https://wsus.corp.example:8531";

fn windows(build: &str) -> Machine {
    Machine::windows(build, "Client", "Professional").on(Check::ScanSource)
}

fn wsus(machine: Machine) -> Machine {
    machine
        .sz(POLICY, "WUServer", SERVER)
        .dword(POLICY_AU, "UseWUServer", 1)
}

fn deferring(machine: Machine) -> Machine {
    machine.dword(POLICY, "DeferQualityUpdates", 1)
}

/// Quality, feature, driver, other.
fn sources(machine: &Machine) -> [UpdateSource; 4] {
    machine
        .facts()
        .scan_source
        .expect("seen")
        .classes
        .map(|class| class.source)
}

fn contradictions(machine: &Machine) -> Vec<String> {
    let facts = machine.facts().scan_source.expect("seen");
    facts.contradictions.into_iter().map(|c| c.key).collect()
}

#[test]
fn no_policy_means_windows_update_on_every_release() {
    for build in ["7601", "14393", "19045", "26100"] {
        assert_eq!(sources(&windows(build)), [WindowsUpdate; 4], "{build}");
    }
    let unknown_release = Machine::new().on(Check::ScanSource);
    assert_eq!(sources(&unknown_release), [WindowsUpdate; 4]);
}

#[test]
fn wsus_alone_means_wsus_even_where_the_release_is_not_known() {
    let machine = wsus(Machine::new().on(Check::ScanSource)).dword(
        POLICY,
        "DoNotConnectToWindowsUpdateInternetLocations",
        1,
    );
    assert_eq!(sources(&machine), [Wsus; 4]);
    assert!(contradictions(&machine).is_empty());
}

#[test]
fn a_wuserver_without_usewuserver_is_not_wsus() {
    let machine = windows("26100").sz(POLICY, "WUServer", SERVER).dword(
        POLICY,
        "DoNotConnectToWindowsUpdateInternetLocations",
        1,
    );
    assert_eq!(sources(&machine), [WindowsUpdate; 4]);
    assert_eq!(contradictions(&machine), ["WUServer without UseWUServer"]);
    let facts = machine.facts().scan_source.expect("seen");
    assert!(facts.internet_locations.blocked && !facts.internet_locations.effective);
}

#[test]
fn usewuserver_without_a_server_leaves_the_source_unknown() {
    let machine = windows("26100").dword(POLICY_AU, "UseWUServer", 1);
    assert_eq!(sources(&machine), [Unknown; 4]);
    assert_eq!(contradictions(&machine), ["UseWUServer without WUServer"]);
}

#[test]
fn a_switch_written_as_text_is_not_a_switch() {
    let machine = windows("19045")
        .sz(POLICY, "WUServer", SERVER)
        .sz(POLICY_AU, "UseWUServer", "1");
    assert_eq!(sources(&machine), [WindowsUpdate; 4]);
    assert!(contradictions(&machine).contains(&"UseWUServer of the wrong type".to_owned()));
}

#[test]
fn dual_scan_depends_on_the_release() {
    let split = [WindowsUpdate, WindowsUpdate, Wsus, Wsus];
    for (build, plain, with_dual_scan_off) in [
        ("9600", [Wsus; 4], [Wsus; 4]),
        ("14393", split, [Wsus; 4]),
        ("17763", split, [Wsus; 4]),
        ("19045", split, [Wsus; 4]),
        ("20348", split, [Wsus; 4]),
        ("22631", split, split),
        ("26100", split, split),
    ] {
        let machine = deferring(wsus(windows(build)));
        assert_eq!(sources(&machine), plain, "{build}");
        let off = machine.dword(POLICY, "DisableDualScan", 1);
        assert_eq!(
            sources(&off),
            with_dual_scan_off,
            "{build}, DisableDualScan"
        );
    }
}

#[test]
fn policies_of_newer_releases_tell_what_an_unknown_release_is_not() {
    let deferring_somewhere = deferring(wsus(Machine::new().on(Check::ScanSource)));
    assert_eq!(
        sources(&deferring_somewhere),
        [WindowsUpdate, WindowsUpdate, Wsus, Wsus]
    );
    let off = deferring_somewhere.dword(POLICY, "DisableDualScan", 1);
    assert_eq!(sources(&off), [Unknown, Unknown, Wsus, Wsus]);
    let per_class = per_class(wsus(Machine::new().on(Check::ScanSource)), [0, 1, 0, 1]).dword(
        POLICY_AU,
        "UseUpdateClassPolicySource",
        1,
    );
    assert_eq!(
        sources(&per_class),
        [WindowsUpdate, Wsus, WindowsUpdate, Wsus]
    );
}

#[test]
fn disable_dual_scan_on_windows_11_has_no_effect_and_is_told() {
    let machine = deferring(wsus(windows("22631"))).dword(POLICY, "DisableDualScan", 1);
    assert_eq!(contradictions(&machine), ["DisableDualScan with deferrals"]);
    let plain = deferring(wsus(windows("22631")));
    assert_eq!(contradictions(&plain), ["WSUS with deferrals"]);
    assert!(contradictions(&deferring(wsus(windows("19045")))).is_empty());
}

fn per_class(machine: Machine, values: [u32; 4]) -> Machine {
    CLASS_SOURCE_VALUES
        .iter()
        .zip(values)
        .fold(machine, |m, (name, value)| m.dword(POLICY, name, value))
}

#[test]
fn a_class_policy_without_its_switch_or_with_the_switch_at_the_wrong_key_is_not_read() {
    let bare = per_class(wsus(windows("19045")), [0, 0, 1, 1]);
    assert_eq!(sources(&bare), [Wsus; 4]);
    assert_eq!(
        contradictions(&bare),
        ["source per class without UseUpdateClassPolicySource"]
    );
    let misplaced = bare.clone().dword(POLICY, "UseUpdateClassPolicySource", 1);
    assert_eq!(sources(&misplaced), [Wsus; 4]);
    assert_eq!(
        contradictions(&misplaced),
        ["UseUpdateClassPolicySource at the wrong key"]
    );
    let switched = bare.dword(POLICY_AU, "UseUpdateClassPolicySource", 1);
    assert_eq!(
        sources(&switched),
        [WindowsUpdate, WindowsUpdate, Wsus, Wsus]
    );
    assert!(contradictions(&switched).is_empty());
}

#[test]
fn a_source_per_class_does_not_exist_before_kb5005101() {
    let machine = |ubr: u32| {
        let base = Machine::new()
            .on(Check::Device)
            .sz(crate::keys::WINDOWS_NT, "CurrentBuildNumber", "19041")
            .dword(crate::keys::WINDOWS_NT, "UBR", ubr)
            .on(Check::ScanSource);
        per_class(wsus(base), [0, 0, 1, 1]).dword(POLICY_AU, "UseUpdateClassPolicySource", 1)
    };
    assert_eq!(sources(&machine(1200)), [Wsus; 4]);
    assert_eq!(
        sources(&machine(1202)),
        [WindowsUpdate, WindowsUpdate, Wsus, Wsus]
    );
}

#[test]
fn device_management_needs_no_switch() {
    let machine = CLASS_SOURCE_VALUES
        .iter()
        .fold(wsus(windows("26100")), |m, name| {
            m.dword(MDM_UPDATE, name, 0)
        });
    assert_eq!(sources(&machine), [WindowsUpdate; 4]);
}

#[test]
fn a_source_for_some_classes_alone_is_told() {
    let machine = wsus(windows("26100"))
        .dword(POLICY, CLASS_SOURCE_VALUES[1], 0)
        .dword(POLICY_AU, "UseUpdateClassPolicySource", 1);
    assert_eq!(sources(&machine), [Wsus, WindowsUpdate, Wsus, Wsus]);
    assert_eq!(
        contradictions(&machine),
        ["no source for quality, driver, other"]
    );
}

#[test]
fn closing_the_internet_blocks_what_is_sent_to_windows_update() {
    let machine = per_class(wsus(windows("26100")), [0, 0, 1, 1])
        .dword(POLICY_AU, "UseUpdateClassPolicySource", 1)
        .dword(POLICY, "DoNotConnectToWindowsUpdateInternetLocations", 1);
    assert_eq!(sources(&machine), [Blocked, Blocked, Wsus, Wsus]);
    let alone = windows("26100").dword(POLICY, "DoNotConnectToWindowsUpdateInternetLocations", 1);
    assert_eq!(sources(&alone), [WindowsUpdate; 4]);
    let shut = wsus(windows("26100")).dword(POLICY, "DisableWindowsUpdateAccess", 1);
    assert_eq!(sources(&shut), [Blocked; 4]);
}

#[test]
fn a_policy_that_the_client_has_not_taken_over_is_told() {
    let machine = per_class(wsus(windows("26100")), [0, 0, 1, 1])
        .dword(POLICY_AU, "UseUpdateClassPolicySource", 1)
        .dword(UPDATE_POLICY_STATE, "UseUpdateClassPolicySource", 0);
    assert_eq!(contradictions(&machine), ["policy not yet taken over"]);
}

#[test]
fn an_unreadable_policy_is_not_an_absent_one() {
    let machine = windows("26100").unreadable_key(POLICY);
    assert_eq!(sources(&machine), [Unknown; 4]);
}
