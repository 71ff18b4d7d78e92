//! What the readings of Secure Boot mean.

use super::*;
use crate::check::Check;
use crate::testing::Machine;

fn held(names: &[&str]) -> Data {
    Data::MultiText(names.iter().map(|name| (*name).to_owned()).collect())
}

fn on() -> Machine {
    Machine::new()
        .on(Check::SecureBoot)
        .dword(keys::SECURE_BOOT_STATE, ENABLED, 1)
}

fn facts(machine: &Machine) -> SecureBootFacts {
    machine.facts().secure_boot.expect("it looked")
}

#[test]
fn what_is_held_and_how_far_windows_came_is_shown() {
    let machine = on()
        .dword(keys::SECURE_BOOT, AVAILABLE, 0x4104)
        .sz(keys::SECURE_BOOT_SERVICING, STATUS, "inprogress ")
        .dword(keys::SECURE_BOOT_SERVICING, ERROR, 0)
        .dword(keys::SECURE_BOOT_SERVICING, CAPABLE, 1)
        .system(keys::FIRMWARE, "db", held(&[keys::WINDOWS_CA_2023]))
        .system(keys::FIRMWARE, "KEK", held(&[]));
    let facts = facts(&machine);
    assert_eq!(facts.status, Some(Status::InProgress));
    assert_eq!(
        facts.error, None,
        "0 is Windows' word for nothing went wrong"
    );
    assert_eq!(facts.db.hold(keys::WINDOWS_CA_2023), Some(true));
    assert_eq!(facts.kek.hold(keys::KEK_CA_2023), Some(false));
    let json = facts.json();
    assert_eq!(json["state"], "on");
    assert_eq!(json["db"][0], keys::WINDOWS_CA_2023);
    assert_eq!(json["status"], "InProgress");
    assert_eq!(json["steps_left"], 0x104, "0x4000 is no step");
    assert_eq!(facts.evidence.len(), 7);
}

#[test]
fn off_no_uefi_and_not_told_are_three_things() {
    let state = |machine: Machine| facts(&machine).json()["state"].clone();
    let said = |data| {
        Machine::new()
            .on(Check::SecureBoot)
            .data(keys::SECURE_BOOT_STATE, Some(ENABLED), data)
    };
    assert_eq!(state(said(Data::Dword(0))), "off");
    let by_bios = said(Data::Absent).system(keys::FIRMWARE, "db", Data::Absent);
    assert_eq!(state(by_bios), "no-uefi");
    for silent in [
        Data::Absent,
        Data::NotRecorded,
        Data::Unreadable("no".to_owned()),
        Data::Text("1".to_owned()),
    ] {
        let refused = Data::Unreadable("it is denied".to_owned());
        let machine = said(silent).system(keys::FIRMWARE, "db", refused);
        let json = facts(&machine).json();
        assert_eq!(json["state"], "unknown");
        assert!(
            json["reason"]
                .as_str()
                .is_some_and(|why| why.contains(ENABLED))
        );
        assert_eq!(json["db"], Value::Null);
        assert_eq!(
            json["firmware_reason"],
            "db could not be read: it is denied"
        );
    }
}
