//! The checks, one file each. (Being written.)
use crate::host::Host;
use sickbay_diagnosis::Check;
use sickbay_diagnosis::observation::Observation;

/// Runs one check on `host`.
pub fn run(_check: Check, host: &dyn Host) -> Observation {
    Observation { taken_at: host.now(), outcome: sickbay_diagnosis::observation::Outcome::Unavailable("not written".into()) }
}
