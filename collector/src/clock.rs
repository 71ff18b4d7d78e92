//! Times of the standard library as the product keeps them.

use std::time::{SystemTime, UNIX_EPOCH};

use sickbay_diagnosis::Time;

/// What this computer's clock says.
pub(crate) fn now() -> Time {
    time_of(SystemTime::now())
}

/// A time of the standard library. One before 1970 becomes 1970.
pub(crate) fn time_of(time: SystemTime) -> Time {
    Time::since_1970(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}
