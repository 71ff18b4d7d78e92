//! An inspection: a pass over all checks, or over some.

use sickbay_diagnosis::Check;
use sickbay_diagnosis::observation::Observations;

use crate::checks;
use crate::host::Host;

/// Runs `checks` on `host`, in order.
pub fn inspect(host: &dyn Host, checks: &[Check]) -> Observations {
    let mut observations = Observations::new();
    for check in checks {
        observations.put(*check, checks::run(*check, host));
    }
    observations
}
