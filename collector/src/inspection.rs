//! An inspection: a pass over all checks, or over some.

use std::time::{Duration, Instant};

use sickbay_diagnosis::Check;
use sickbay_diagnosis::observation::Observations;

use crate::checks;
use crate::host::Host;

/// Runs `checks` on `host`, in order.
pub fn inspect(host: &dyn Host, checks: &[Check]) -> Observations {
    inspect_timed(host, checks).0
}

/// The same, with how long each check took.
pub fn inspect_timed(host: &dyn Host, checks: &[Check]) -> (Observations, Vec<(Check, Duration)>) {
    let mut observations = Observations::new();
    let mut elapsed = Vec::with_capacity(checks.len());
    for check in checks {
        let begun = Instant::now();
        observations.put(*check, checks::run(*check, host));
        elapsed.push((*check, begun.elapsed()));
    }
    (observations, elapsed)
}
