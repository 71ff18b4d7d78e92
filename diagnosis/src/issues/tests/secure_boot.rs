//! The certificates on which Secure Boot rests.

use crate::check::Check;
use crate::keys;
use crate::reading::Data;
use crate::testing::{Machine, at, cause_keys};
use crate::verdict::Severity::{Serious, Warning};
use crate::verdict::State::{Clear, Open, Unknown};

const ISSUE: &str = "secure-boot-certificates-outdated";
const STATUS: &str = "UEFICA2023Status";
const CAPABLE: &str = "WindowsUEFICA2023Capable";

pub(super) fn on(machine: Machine) -> Machine {
    machine
        .on(Check::SecureBoot)
        .dword(keys::SECURE_BOOT_STATE, "UEFISecureBootEnabled", 1)
}

fn db(machine: Machine, names: &[&str]) -> Machine {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    machine.system(keys::FIRMWARE, keys::FIRMWARE_DB, Data::MultiText(names))
}

pub(super) fn only_2011(machine: Machine) -> Machine {
    db(machine, &[keys::WINDOWS_PCA_2011])
}

pub(super) fn with_2023(machine: Machine) -> Machine {
    db(machine, &[keys::WINDOWS_CA_2023, keys::WINDOWS_PCA_2011])
}

fn client() -> Machine {
    on(Machine::client())
}

fn status(machine: Machine, status: &str) -> Machine {
    machine.sz(keys::SECURE_BOOT_SERVICING, STATUS, status)
}

fn capable(machine: Machine, number: u32) -> Machine {
    machine.dword(keys::SECURE_BOOT_SERVICING, CAPABLE, number)
}

#[test]
fn it_is_serious_from_the_second_on_in_which_the_boot_managers_certificate_ends() {
    let machine = status(only_2011(client()), "NotStarted");
    let end = at("2026-10-19T18:51:42Z");
    let before = machine.verdict_at(ISSUE, end.plus_millis(-1));
    assert_eq!(before.severity(), Some(Warning));
    assert_eq!(before.valid_until, Some(end));
    let after = machine.verdict_at(ISSUE, end);
    assert_eq!(after.severity(), Some(Serious));
    assert_eq!(after.valid_until, None);
    assert_eq!(before.causes(), after.causes());
    assert!(after.summary.contains("ended on 2026-10-19"));
}

#[test]
fn the_registry_alone_tells_where_the_firmware_does_not() {
    let refused = || {
        client().system(
            keys::FIRMWARE,
            keys::FIRMWARE_DB,
            Data::Unreadable("it is denied".to_owned()),
        )
    };
    for (machine, key) in [
        (status(refused(), "NotStarted"), "not started"),
        (capable(refused(), 0), "not started"),
        (capable(refused(), 1), "certificates only"),
        (
            capable(status(refused(), "NotStarted"), 1),
            "certificates only",
        ),
        (status(refused(), "InProgress"), "in progress"),
    ] {
        let verdict = machine.verdict(ISSUE);
        assert_eq!(cause_keys(&verdict), [key], "{}", verdict.summary);
    }
    assert_eq!(status(refused(), "Updated").verdict(ISSUE).state(), Clear);
    assert_eq!(capable(refused(), 2).verdict(ISSUE).state(), Clear);
    for nothing in [refused(), status(refused(), "SomethingNew"), client()] {
        assert_eq!(nothing.verdict(ISSUE).state(), Unknown);
    }
}

#[test]
fn a_new_machine_of_which_windows_says_not_started_is_believed_by_its_firmware() {
    // Windows leaves NotStarted standing where it found nothing to do.
    let started_by_2023 = capable(status(with_2023(client()), "NotStarted"), 2);
    assert_eq!(started_by_2023.verdict(ISSUE).state(), Clear);
    let trusts_2023_alone = status(db(client(), &[keys::WINDOWS_CA_2023]), "NotStarted");
    let verdict = trusts_2023_alone.verdict(ISSUE);
    assert_eq!(verdict.state(), Clear);
    assert!(verdict.summary.contains("no longer"), "{}", verdict.summary);
}

#[test]
fn a_firmware_that_lost_the_certificates_is_not_good_because_windows_remembers_them() {
    for said in [
        status(only_2011(client()), "Updated"),
        capable(only_2011(client()), 1),
        capable(only_2011(client()), 2),
    ] {
        let verdict = said.verdict(ISSUE);
        assert_eq!(verdict.state(), Open);
        assert_eq!(cause_keys(&verdict), ["certificates lost"]);
    }
}

#[test]
fn keys_of_somebodys_own_and_firmware_that_contradicts_windows_are_unknown() {
    let own = status(db(client(), &[]), "NotStarted").verdict(ISSUE);
    assert_eq!(own.state(), Unknown);
    assert!(own.summary.contains("own keys"), "{}", own.summary);
    let none = client().system(keys::FIRMWARE, keys::FIRMWARE_DB, Data::Absent);
    assert_eq!(none.verdict(ISSUE).state(), Unknown);
}

#[test]
fn a_failure_that_was_overcome_does_not_open_it() {
    let error = |machine: Machine| {
        machine.dword(keys::SECURE_BOOT_SERVICING, "UEFICA2023Error", 0x8007_0005)
    };
    let updated = error(status(with_2023(client()), "Updated"));
    assert_eq!(updated.verdict(ISSUE).state(), Clear);
    let still = error(status(with_2023(client()), "InProgress")).verdict(ISSUE);
    assert_eq!(cause_keys(&still), ["failed 0x80070005"]);
}
