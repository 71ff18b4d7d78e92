//! The checks, one file each: read-only looks at one area of a machine.
//!
//! A check reads and never judges. It tells what was there, what was looked for and absent, what could not be read and what a
//! recording does not hold; what that means is decided in `sickbay_diagnosis::facts`. What is read stands in lists of constants,
//! so that a further value is one more line. Every enumeration is bounded; see [`looking`].

mod automatic_updates;
mod comparison;
mod component_store;
mod device;
mod directory;
mod last_scan;
mod looking;
mod packages;
mod pause;
mod pending_reboot;
mod safeguard_hold;
mod scan_source;
mod secure_boot;
mod services;
mod servicing_stack;
mod storage;
mod update_agent;
mod update_endpoint;
mod update_events;
mod update_health_tools;
mod update_history;
mod updates;

pub use comparison::comparison_form;

use sickbay_diagnosis::Check;
use sickbay_diagnosis::observation::Observation;

use self::looking::Looking;
use crate::host::Host;

/// Runs one check on `host`.
pub fn run(check: Check, host: &dyn Host) -> Observation {
    let mut looking = Looking::at(host);
    if reads_policies(check) {
        host.while_policy_rests(&mut || look(check, &mut looking));
    } else {
        look(check, &mut looking);
    }
    Observation {
        taken_at: host.now(),
        outcome: looking.outcome(check),
    }
}

fn look(check: Check, looking: &mut Looking<'_>) {
    match check {
        Check::Device => device::look(looking),
        Check::Pause => pause::look(looking),
        Check::SafeguardHold => safeguard_hold::look(looking),
        Check::ScanSource => scan_source::look(looking),
        Check::AutomaticUpdates => automatic_updates::look(looking),
        Check::Services => services::look(looking),
        Check::UpdateHealthTools => update_health_tools::look(looking),
        Check::PendingReboot => pending_reboot::look(looking),
        Check::ServicingStack => servicing_stack::look(looking),
        Check::Updates => updates::look(looking),
        Check::UpdateEvents => update_events::look(looking),
        Check::UpdateHistory => update_history::look(looking),
        Check::ComponentStore => component_store::look(looking),
        Check::Storage => storage::look(looking),
        Check::UpdateAgent => update_agent::look(looking),
        Check::LastScan => last_scan::look(looking),
        Check::Directory => directory::look(looking),
        Check::UpdateEndpoint => update_endpoint::look(looking),
        Check::SecureBoot => secure_boot::look(looking),
    }
}

/// Whether a check reads what group policy writes: values that belong together and are deleted and written again at every refresh.
const fn reads_policies(check: Check) -> bool {
    matches!(
        check,
        Check::Pause | Check::SafeguardHold | Check::ScanSource | Check::AutomaticUpdates
    )
}

#[cfg(test)]
mod tests;
