//! Builds, kinds, releases and names.

use super::*;
use crate::check::Check;
use crate::testing::Machine;

fn device(machine: &Machine) -> DeviceFacts {
    machine.facts().device.expect("seen")
}

fn nt(build: &str) -> Machine {
    Machine::new()
        .on(Check::Device)
        .sz(keys::WINDOWS_NT, "CurrentBuildNumber", build)
}

#[test]
fn build_26100_is_windows_11_or_server_2025_by_installation_type() {
    let client = device(&nt("26100").sz(keys::WINDOWS_NT, "InstallationType", "Client"));
    assert_eq!(client.release_name().as_deref(), Some("Windows 11 24H2"));
    let server = device(&nt("26100").sz(keys::WINDOWS_NT, "InstallationType", "Server Core"));
    assert_eq!(
        server.release_name().as_deref(),
        Some("Windows Server 2025")
    );
    let either = device(&nt("26100"));
    assert_eq!(either.kind, None);
    assert_eq!(either.release, None);
    assert_eq!(
        either.release_name().as_deref(),
        Some("Windows (build 26100)")
    );
}

#[test]
fn product_type_tells_a_server_where_installation_type_is_missing() {
    let facts = device(&nt("17763").sz(keys::PRODUCT_OPTIONS, "ProductType", "LanmanNT"));
    assert_eq!(facts.release_name().as_deref(), Some("Windows Server 2019"));
    let facts = device(
        &nt("17763")
            .sz(keys::PRODUCT_OPTIONS, "ProductType", "ServerNT")
            .sz(keys::WINDOWS_NT, "EditionID", "ServerDatacenterACor"),
    );
    assert_eq!(
        facts.release_name().as_deref(),
        Some("Windows Server, version 1809 (SAC)")
    );
}

#[test]
fn a_product_name_of_windows_10_does_not_hide_windows_11() {
    let facts = device(&nt("22000").sz(keys::WINDOWS_NT, "ProductName", "Windows 10 Enterprise"));
    assert_eq!(facts.release_name().as_deref(), Some("Windows 11 21H2"));
    assert_eq!(facts.windows().edition, Some(EditionClass::Business));
}

#[test]
fn the_1903_that_calls_itself_1709_is_a_1903() {
    let facts = device(&nt("18362").sz(keys::WINDOWS_NT, "ReleaseId", "1709"));
    let name = facts.release_name();
    // Build 18362 was also a semi-annual server, so the kind has to be told.
    assert_eq!(name.as_deref(), Some("Windows (build 18362)"));
    let facts = device(&nt("18362").sz(keys::WINDOWS_NT, "ReleaseId", "1709").sz(
        keys::WINDOWS_NT,
        "EditionID",
        "Professional",
    ));
    assert_eq!(facts.release_name().as_deref(), Some("Windows 10 1903"));
}

#[test]
fn multi_session_is_a_client_though_its_product_type_says_server() {
    let facts = device(
        &nt("22631")
            .sz(keys::WINDOWS_NT, "EditionID", "ServerRdsh")
            .sz(keys::PRODUCT_OPTIONS, "ProductType", "ServerNT"),
    );
    assert_eq!(facts.kind.map(|k| k.value), Some(DeviceKind::Client));
    assert_eq!(facts.release_name().as_deref(), Some("Windows 11 23H2"));
}

#[test]
fn an_unknown_build_gets_no_release() {
    let facts = device(&nt("27954").sz(keys::WINDOWS_NT, "InstallationType", "Client"));
    assert_eq!(facts.release, None);
    assert_eq!(
        facts.release_name().as_deref(),
        Some("Windows 11 (build 27954)")
    );
}

#[test]
fn the_ou_is_the_distinguished_name_without_the_machine() {
    assert_eq!(
        organizational_unit_of("CN=PC-7,OU=Lab\\, Berlin,DC=corp,DC=example").as_deref(),
        Some("OU=Lab\\, Berlin,DC=corp,DC=example")
    );
    assert_eq!(
        organizational_unit_of(r"CN=odd\,name,OU=X").as_deref(),
        Some("OU=X")
    );
    assert_eq!(organizational_unit_of("CN=alone"), None);
}

#[test]
fn tags_of_the_policy_win_over_those_of_the_machine() {
    let local = nt("26100").sz(keys::COLLECTOR, keys::TAGS, "kiosk; Hamburg ,kiosk,");
    assert_eq!(device(&local).tags, ["kiosk", "Hamburg"]);
    let policy = local
        .clone()
        .multi(keys::COLLECTOR_POLICY, keys::TAGS, &["a, b", " c "]);
    assert_eq!(device(&policy).tags, ["a, b", "c"]);
    let emptied = local.sz(keys::COLLECTOR_POLICY, keys::TAGS, "");
    assert!(device(&emptied).tags.is_empty());
    assert!(
        device(&nt("26100").data(keys::COLLECTOR, Some(keys::TAGS), Data::Absent))
            .tags
            .is_empty()
    );
}

#[test]
fn no_device_has_more_or_longer_tags_than_a_page_can_show() {
    let many: Vec<String> = (0..100)
        .map(|n| format!("{n:03}{}", "ä".repeat(100)))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let tags = device(&nt("26100").multi(keys::COLLECTOR, keys::TAGS, &many)).tags;
    assert_eq!(tags.len(), TAGS);
    assert!(tags.iter().all(|tag| tag.chars().count() == TAG_CHARS));
}
