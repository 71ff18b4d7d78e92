//! What is read of Secure Boot on machines built in memory, and of recordings.

use sickbay_diagnosis::Check;
use sickbay_diagnosis::keys;
use sickbay_diagnosis::observation::{Observation, Outcome};
use sickbay_diagnosis::reading::Data;

use crate::checks::run;
use crate::host::recording::{Description, Recording, Registry};

fn machine(enabled: u32, host_toml: &str) -> Recording {
    let mut registry = Registry::new();
    registry.set_value(
        keys::SECURE_BOOT_STATE,
        "UEFISecureBootEnabled",
        Data::Dword(enabled),
    );
    let description = Description::parse(host_toml).expect("a good host.toml");
    Recording::new(registry, description)
}

fn held(observation: &Observation, name: &str) -> Option<Data> {
    let reading = observation
        .readings()
        .iter()
        .find(|reading| reading.path == keys::FIRMWARE && reading.name.as_deref() == Some(name))?;
    Some(reading.data.clone())
}

fn list(names: &[&str]) -> Data {
    Data::MultiText(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn known_certificates_are_read_in_one_order_and_others_stay_on_the_machine() {
    let told = format!(
        "[firmware]\ndb = [\"{}\", \"ACME Internal Root\", \"{1}\", \"{1}\"]\nkek = []",
        keys::WINDOWS_PCA_2011,
        keys::WINDOWS_CA_2023
    );
    let seen = run(Check::SecureBoot, &machine(1, &told));
    assert_eq!(
        held(&seen, keys::FIRMWARE_DB),
        Some(list(&[keys::WINDOWS_CA_2023, keys::WINDOWS_PCA_2011]))
    );
    assert_eq!(held(&seen, keys::FIRMWARE_KEK), Some(list(&[])));
}

#[test]
fn absent_unreadable_and_not_recorded_are_three_answers() {
    let db = |host_toml| held(&run(Check::SecureBoot, &machine(1, host_toml)), "db");
    assert_eq!(db(""), Some(Data::NotRecorded));
    assert_eq!(db("[firmware]\nkek = []"), Some(Data::NotRecorded));
    assert_eq!(db("[firmware]\nlegacy = true"), Some(Data::Absent));
    assert_eq!(
        db("[firmware]\nerror = 'no'\ndb = []"),
        Some(Data::Unreadable("no".to_owned()))
    );
    assert!(Description::parse("[firmware]\nDB = []").is_err());
}

#[test]
fn where_secure_boot_is_off_the_firmware_is_not_asked() {
    let seen = run(Check::SecureBoot, &machine(0, "[firmware]\ndb = []"));
    assert!(matches!(seen.outcome, Outcome::Seen(_)));
    assert_eq!(held(&seen, keys::FIRMWARE_DB), None);
}
