//! Signals that a restart is pending (fact sheet section 5).
//!
//! At most [`DETAILS`] values of a signal's key are read along as detail: the updates or packages that wait.

use sickbay_diagnosis::keys;

use super::looking::Looking;
use crate::host::SystemFact;

/// Most values read along with a signal.
const DETAILS: usize = 32;

/// Keys whose values name what waits.
const KEYS_WITH_DETAILS: &[&str] = &[keys::AUTO_UPDATE_REBOOT, keys::CBS_PACKAGES_PENDING];
const KEYS: &[&str] = &[
    keys::CBS_REBOOT_PENDING,
    keys::CBS_REBOOT_IN_PROGRESS,
    keys::AUTO_UPDATE_POST_REBOOT,
    keys::SERVER_MANAGER_REBOOT[0],
    keys::SERVER_MANAGER_REBOOT[1],
];
const VALUES: &[(&str, &str)] = &[
    (keys::UX_STATE, "RebootRequired"),
    (keys::UX_STATE, "ScheduledRebootTime"),
    (keys::UX_SETTINGS, "PendingRebootStartTime"),
    (keys::CBS_SESSIONS_PENDING, "Exclusive"),
    (keys::CBS_SESSIONS_PENDING, "TotalSessionPhases"),
    (keys::UPDATE_EXE, "UpdateExeVolatile"),
    (keys::UPDATE_EXE_32, "UpdateExeVolatile"),
    (keys::SESSION_MANAGER, "PendingFileRenameOperations"),
    (keys::SESSION_MANAGER, "PendingFileRenameOperations2"),
    (keys::RUN_ONCE, "DVDRebootSignal"),
    (keys::NETLOGON, "JoinDomain"),
    (keys::NETLOGON, "AvoidSpnSet"),
    (keys::ACTIVE_COMPUTER_NAME, "ComputerName"),
    (keys::COMPUTER_NAME, "ComputerName"),
];
/// Scripts find these as values and as subkeys.
const DOMAIN_JOIN: [&str; 2] = ["JoinDomain", "AvoidSpnSet"];

pub(super) fn look(looking: &mut Looking<'_>) {
    looking.update_agent_reboot();
    for key in KEYS_WITH_DETAILS {
        if looking.key(key).is_present() {
            looking.all_values(key, DETAILS);
        }
    }
    for key in KEYS {
        looking.key(key);
    }
    for (key, name) in VALUES {
        looking.value(key, name);
    }
    for service in looking.subkeys(keys::SERVICES_PENDING).iter().take(DETAILS) {
        looking.key(&format!(r"{}\{service}", keys::SERVICES_PENDING));
    }
    for name in DOMAIN_JOIN {
        looking.key(&format!(r"{}\{name}", keys::NETLOGON));
    }
    looking.file(keys::PENDING_XML);
    looking.system(SystemFact::BootTime);
}
