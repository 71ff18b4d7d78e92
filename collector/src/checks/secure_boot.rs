//! Secure Boot: whether it is on, how far Windows came with the certificates of 2023, and which of them the firmware holds.
//!
//! The firmware is not asked where Windows says that Secure Boot is off. Of its variables only the names of known certificates are
//! taken, never what they hold. By whom the boot manager is signed is not read: it stands on the EFI system partition, where a FAT
//! file system notes the day of each reading, so that looking would write. Windows' own word of it is `WindowsUEFICA2023Capable`.

use sickbay_diagnosis::keys;
use sickbay_diagnosis::reading::Source;

use super::looking::Looking;

const SERVICING: &[&str] = &[
    "UEFICA2023Status",
    "UEFICA2023Error",
    "WindowsUEFICA2023Capable",
];

pub(super) fn look(looking: &mut Looking<'_>) {
    let enabled = looking.value(keys::SECURE_BOOT_STATE, "UEFISecureBootEnabled");
    looking.values(keys::SECURE_BOOT, &["AvailableUpdates"]);
    looking.values(keys::SECURE_BOOT_SERVICING, SERVICING);
    if enabled.number() == Some(0) {
        return;
    }
    let firmware = looking.host().firmware();
    for (name, data) in [
        (keys::FIRMWARE_DB, firmware.db),
        (keys::FIRMWARE_KEK, firmware.kek),
    ] {
        looking.read(Source::System, keys::FIRMWARE, Some(name), data);
    }
}

#[cfg(test)]
mod tests;
