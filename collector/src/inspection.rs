//! An inspection: a pass over all checks, or over some.

use std::time::{Duration, Instant};

use sickbay_diagnosis::Check;
use sickbay_diagnosis::observation::Observations;

use crate::checks;
use crate::crash::Running;
use crate::host::Host;

/// Runs `checks` on `host`, in order. How long each took stands in the log.
pub fn inspect(host: &dyn Host, checks: &[Check]) -> Observations {
    inspect_timed(host, checks).0
}

/// The same, with how long each check took.
pub fn inspect_timed(host: &dyn Host, checks: &[Check]) -> (Observations, Vec<(Check, Duration)>) {
    let begun = Instant::now();
    let mut observations = Observations::new();
    let mut elapsed = Vec::with_capacity(checks.len());
    for check in checks {
        let since = Instant::now();
        let _running = Running::new(*check);
        observations.put(*check, checks::run(*check, host));
        elapsed.push((*check, since.elapsed()));
        tracing::trace!(%check, elapsed_ms = millis(since), "checked");
    }
    tracing::debug!(
        checks = checks.len(),
        elapsed_ms = millis(begun),
        "inspected"
    );
    (observations, elapsed)
}

/// Milliseconds since then.
fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
