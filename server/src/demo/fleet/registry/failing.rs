//! How a machine that something ails fails when it looks for updates, downloads or installs them.

use sickbay_diagnosis::keys;

use super::super::ailment::{Ailment, Kind};
use super::upkeep::Failing;
use super::{Body, Machine};

const INSTALL_FAILED: u32 = 20;
const DOWNLOAD_FAILED: u32 = 31;

/// Writes the failures of `ailment` into a machine's event log.
pub(super) fn apply(machine: &mut Machine, body: &Body<'_>, ailment: &Ailment) {
    let code = ailment.code();
    let (channel, event) = match ailment.kind {
        Kind::StoreCorrupt | Kind::StackBroken | Kind::StackOutdated | Kind::InstallFails => {
            (keys::SYSTEM_CHANNEL, INSTALL_FAILED)
        }
        Kind::DiskLow if ailment.disk_is_full() => (keys::SYSTEM_CHANNEL, INSTALL_FAILED),
        Kind::DownloadFails => (keys::UPDATE_CHANNEL, DOWNLOAD_FAILED),
        Kind::ServiceDisabled if !ailment.stops_searches() => {
            (keys::UPDATE_CHANNEL, DOWNLOAD_FAILED)
        }
        Kind::Neglected | Kind::RecoveryRefused => return machine.search_failed(body, code),
        Kind::ServerUnreachable => {
            machine.unreachable(ailment.choose(&[
                (10060, "the other side did not answer in time"),
                (10061, "the other side actively refused"),
            ]));
            return machine.search_failed(body, code);
        }
        Kind::SentWhatItHas | Kind::SentWhatIsReplaced | Kind::SentAnothers | Kind::ImageTooOld => {
            return sent(machine, body, ailment.kind);
        }
        _ => return,
    };
    machine.failures(
        body,
        &Failing {
            channel,
            event,
            code,
            times: ailment.times(),
            since: ailment.since,
        },
    );
}

/// Id of an update that is real, and so stands in no calendar of the demo.
const REAL: &str = "7c1d2f60-52a8-4c1e-8a53-0d8e5f4b9a21";

/// A deployment tool sends the machine what is not for it, or not yet.
fn sent(machine: &mut Machine, body: &Body<'_>, kind: Kind) {
    let is_windows_10 = body.release.package_build == 19041;
    let real = |title: &str| (title.to_owned(), REAL.to_owned());
    let (title, update) = match kind {
        Kind::SentWhatItHas => {
            let (title, update, _) = body.installed();
            (title, update)
        }
        Kind::SentWhatIsReplaced => real(
            "2025-08 Cumulative Update for Windows 11 Version 24H2 for x64-based Systems (KB5063878) (26100.4946)",
        ),
        Kind::SentAnothers if is_windows_10 => real(
            "2025-08 Cumulative Update for Windows 11 Version 24H2 for x64-based Systems (KB5063878) (26100.4946)",
        ),
        Kind::SentAnothers => real(
            "2025-08 Cumulative Update for Windows 10 Version 22H2 for x64-based Systems (KB5063709)",
        ),
        _ => real("Feature Update to Windows 11, version 25H2 via Enablement Package (KB5054156)"),
    };
    machine.refused(body, &title, &update);
}
