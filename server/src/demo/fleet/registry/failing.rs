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
