//! What starts before Windows.

use super::{Told, but, clear, not_applicable, open, unknown};
use crate::check::Check;
use crate::issues::tests::secure_boot::{on, only_2011, with_2023};
use crate::observation::Outcome;
use crate::reading::Data;
use crate::testing::Machine;
use crate::verdict::Severity::Warning;
use crate::{keys, lines};

pub(super) fn cases() -> Vec<Told> {
    const ID: &str = "secure-boot-certificates-outdated";
    const SERVICING: &str = keys::SECURE_BOOT_SERVICING;
    let client = || but(Check::SecureBoot);
    let status = |machine: Machine, status| machine.sz(SERVICING, "UEFICA2023Status", status);
    let capable = |machine: Machine, n| machine.dword(SERVICING, "WindowsUEFICA2023Capable", n);
    let off = client().dword(keys::SECURE_BOOT_STATE, "UEFISecureBootEnabled", 0);
    let old = Machine::windows("9600", "Client", "Professional");
    let bios = client()
        .data(
            keys::SECURE_BOOT_STATE,
            Some("UEFISecureBootEnabled"),
            Data::Absent,
        )
        .system(keys::FIRMWARE, keys::FIRMWARE_DB, Data::Absent);
    vec![
        open(
            ID,
            Warning,
            &["not started"],
            "have not been brought into the firmware. Microsoft Windows Production PCA 2011 ends on 2026-10-19.",
            status(only_2011(on(client())), "NotStarted"),
        ),
        open(
            ID,
            Warning,
            &["certificates only"],
            "nothing says that Windows starts from a boot manager signed by it",
            capable(with_2023(on(client())), 1),
        ),
        open(
            ID,
            Warning,
            &["in progress"],
            "Windows has steps left to make (AvailableUpdates=0x104).",
            status(only_2011(on(client())), "InProgress").dword(
                keys::SECURE_BOOT,
                "AvailableUpdates",
                0x4104,
            ),
        ),
        open(
            ID,
            Warning,
            &["failed 0x80070013"],
            "failed with 0x80070013",
            status(only_2011(on(client())), "InProgress").dword(
                SERVICING,
                "UEFICA2023Error",
                0x8007_0013,
            ),
        ),
        open(
            ID,
            Warning,
            &["certificates lost"],
            "but its db lacks Windows UEFI CA 2023",
            status(only_2011(on(client())), "Updated"),
        ),
        clear(
            ID,
            "UEFICA2023Status=Updated",
            status(with_2023(on(client())), "Updated"),
        ),
        clear(
            ID,
            "The KEK lacks Microsoft Corporation KEK 2K CA 2023",
            capable(with_2023(on(client())), 2).system(
                keys::FIRMWARE,
                keys::FIRMWARE_KEK,
                lines::data([]),
            ),
        ),
        unknown(
            ID,
            "db could not be read: it is denied",
            on(client()).system(
                keys::FIRMWARE,
                keys::FIRMWARE_DB,
                Data::Unreadable("it is denied".to_owned()),
            ),
        ),
        unknown(
            ID,
            "The check failed: it broke",
            client().outcome(Check::SecureBoot, Outcome::Failed("it broke".to_owned())),
        ),
        not_applicable(ID, "Secure Boot is off", off),
        not_applicable(ID, "started by a BIOS", bios),
        not_applicable(ID, "older than Windows 10", old),
    ]
}
