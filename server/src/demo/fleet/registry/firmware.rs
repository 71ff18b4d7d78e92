//! Secure Boot: most machines have had their certificates of 2023 for a while, some wait for what their maker or nobody does.

use sickbay_collector::host::firmware::FirmwareRecord;
use sickbay_diagnosis::keys;

use super::super::ailment::Ailment;
use super::Machine;

/// The step at which the update of the certificates fails on firmware that is write-protected.
const WRITE_PROTECTED: u32 = 0x8007_0013;
/// The steps that wait once the update has been asked for.
const STEPS_LEFT: u32 = 0x4104;

/// The certificates of 2023, and a boot manager signed by them.
pub(super) fn renewed(machine: &mut Machine) {
    machine.dword(keys::SECURE_BOOT_STATE, "UEFISecureBootEnabled", 1);
    holds(
        machine,
        &[keys::WINDOWS_CA_2023, keys::WINDOWS_PCA_2011],
        &[keys::KEK_CA_2023],
    );
    status(machine, "Updated", 2);
}

/// Still on those of 2011: nobody began, or it is on its way, or fails.
pub(super) fn old(machine: &mut Machine, ailment: &Ailment) {
    holds(machine, &[keys::WINDOWS_PCA_2011], &[]);
    match ailment.choose(&[0, 0, 0, 1, 2]) {
        0 => status(machine, "NotStarted", 0),
        1 => {
            status(machine, "InProgress", 0);
            machine.dword(keys::SECURE_BOOT, "AvailableUpdates", STEPS_LEFT);
        }
        _ => {
            status(machine, "InProgress", 0);
            machine.dword(
                keys::SECURE_BOOT_SERVICING,
                "UEFICA2023Error",
                WRITE_PROTECTED,
            );
        }
    }
}

fn holds(machine: &mut Machine, db: &[&str], kek: &[&str]) {
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    machine.description.firmware = Some(FirmwareRecord {
        db: names(db),
        kek: names(kek),
        ..FirmwareRecord::default()
    });
}

fn status(machine: &mut Machine, status: &str, capable: u32) {
    let key = keys::SECURE_BOOT_SERVICING;
    machine.text(key, "UEFICA2023Status", status);
    machine.dword(key, "WindowsUEFICA2023Capable", capable);
}
