//! How long to wait before the next try: exponential with full jitter, so that a fleet does not come back in one moment.

use std::time::Duration;

/// How the collector backs off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffOptions {
    /// Upper bound of the first wait; it doubles with every failure.
    pub base: Duration,
    /// Largest upper bound.
    pub cap: Duration,
    /// Wait after a refusal that only a person can lift; half of it is jitter.
    pub refused: Duration,
}

impl Default for BackoffOptions {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(1),
            cap: Duration::from_mins(5),
            refused: Duration::from_hours(1),
        }
    }
}

impl BackoffOptions {
    /// The wait after `failures` (from 1 on) failures in a row. `random` is evenly spread over all of `u64`.
    pub fn wait(&self, failures: u32, random: u64) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let bound = self.base.saturating_mul(1 << doublings).min(self.cap);
        share(bound, random)
    }

    /// The wait after a refusal that will not pass by itself.
    pub fn wait_refused(&self, random: u64) -> Duration {
        self.refused / 2 + share(self.refused / 2, random)
    }
}

/// A random part of `whole`.
pub(super) fn share(whole: Duration, random: u64) -> Duration {
    let nanos = whole.as_nanos().saturating_mul(u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_wait_passes_the_cap_and_every_wait_is_spread_down_to_nothing(failures in any::<u32>(), random in any::<u64>()) {
            let options = BackoffOptions::default();
            prop_assert!(options.wait(failures, random) <= options.cap);
            prop_assert!(options.wait(failures, 0).is_zero());
            prop_assert!(options.wait_refused(random) >= options.refused / 2);
        }
    }

    #[test]
    fn the_bound_doubles_until_the_cap() {
        let options = BackoffOptions::default();
        let bound = |failures| options.wait(failures, u64::MAX).as_secs_f64().round() as u64;
        assert_eq!(
            [
                bound(1),
                bound(2),
                bound(3),
                bound(9),
                bound(10),
                bound(1000)
            ],
            [1, 2, 4, 256, 300, 300]
        );
    }
}
