//! The checks, one file each: read-only looks at one area of a machine.
//!
//! A check reads and never judges. It tells what was there, what was looked for and absent, what could not be read and what a
//! recording does not hold; what that means is decided in `sickbay_diagnosis::facts`. What is read stands in lists of constants,
//! so that a further value is one more line. Every enumeration is bounded; see [`looking`].

mod automatic_updates;
mod comparison;
mod device;
mod looking;
mod packages;
mod pause;
mod pending_reboot;
mod safeguard_hold;
mod scan_source;
mod services;
mod servicing_stack;
mod update_health_tools;
mod updates;

pub use comparison::comparison_form;

use sickbay_diagnosis::Check;
use sickbay_diagnosis::observation::Observation;

use self::looking::Looking;
use crate::host::Host;

/// Runs one check on `host`.
pub fn run(check: Check, host: &dyn Host) -> Observation {
    let mut looking = Looking::at(host);
    match check {
        Check::Device => device::look(&mut looking),
        Check::Pause => pause::look(&mut looking),
        Check::SafeguardHold => safeguard_hold::look(&mut looking),
        Check::ScanSource => scan_source::look(&mut looking),
        Check::AutomaticUpdates => automatic_updates::look(&mut looking),
        Check::Services => services::look(&mut looking),
        Check::UpdateHealthTools => update_health_tools::look(&mut looking),
        Check::PendingReboot => pending_reboot::look(&mut looking),
        Check::ServicingStack => servicing_stack::look(&mut looking),
        Check::Updates => updates::look(&mut looking),
    }
    Observation {
        taken_at: host.now(),
        outcome: looking.outcome(check),
    }
}

#[cfg(test)]
mod tests;
