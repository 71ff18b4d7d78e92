//! How often somebody may try a password.
//!
//! Nobody is locked out: whoever keeps trying wrong passwords for a name slows down strangers alone, and not the one whose name it is,
//! at an address from which they signed in before.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::throttle::{ask, neighbourhood};

/// Tries of one address at once, and seconds until there is one more.
const OF_ADDRESS: (u32, u64) = (20, 5);
/// Tries for one name from one address at once, and seconds until there is one more.
const OF_PAIR: (u32, u64) = (6, 20);
/// Tries for one name from all addresses that it never signed in from, at once, and seconds until there is one more.
const OF_NAME: (u32, u64) = (30, 10);
/// How long an address is remembered from which somebody signed in.
const KNOWN_FOR: Duration = Duration::from_hours(30 * 24);
/// Most of them.
const KNOWN_AT_MOST: usize = 100_000;

/// Counts tries.
pub struct Attempts {
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    by_pair: DefaultKeyedRateLimiter<(IpAddr, String)>,
    by_name: DefaultKeyedRateLimiter<String>,
    known: Mutex<HashMap<(IpAddr, String), Instant>>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            by_address: RateLimiter::keyed(quota(OF_ADDRESS)),
            by_pair: RateLimiter::keyed(quota(OF_PAIR)),
            by_name: RateLimiter::keyed(quota(OF_NAME)),
            known: Mutex::default(),
        }
    }
}

fn quota((at_once, seconds): (u32, u64)) -> Quota {
    let at_once = NonZeroU32::new(at_once).expect("not zero");
    Quota::with_period(Duration::from_secs(seconds))
        .expect("not zero")
        .allow_burst(at_once)
}

impl Attempts {
    /// Whether a password may be tried now; else when to try again.
    pub fn may_try(&self, name: &str, address: IpAddr) -> Result<(), Duration> {
        let address = neighbourhood(address.to_canonical());
        let name = name.to_lowercase();
        ask(&self.by_address, &address)?;
        let pair = (address, name);
        ask(&self.by_pair, &pair)?;
        if self.is_known(&pair) {
            return Ok(());
        }
        ask(&self.by_name, &pair.1)
    }

    /// Somebody signed in from an address: they stay welcome there.
    pub fn signed_in(&self, name: &str, address: IpAddr) {
        let pair = (neighbourhood(address.to_canonical()), name.to_lowercase());
        let now = Instant::now();
        let mut known = self.known();
        if known.len() >= KNOWN_AT_MOST {
            known.retain(|_, at| now.duration_since(*at) < KNOWN_FOR);
        }
        if known.len() < KNOWN_AT_MOST {
            known.insert(pair, now);
        }
    }

    fn is_known(&self, pair: &(IpAddr, String)) -> bool {
        let known = self.known();
        known.get(pair).is_some_and(|at| at.elapsed() < KNOWN_FOR)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<(IpAddr, String), Instant>> {
        self.known
            .lock()
            .expect("never poisoned: nothing panics while it is held")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> IpAddr {
        IpAddr::from(std::net::Ipv4Addr::from(0xC000_0200 + n))
    }

    #[test]
    fn whoever_guesses_is_slowed_down_and_told_until_when() {
        let attempts = Attempts::default();
        let tries = (0..100).take_while(|_| attempts.may_try("Ann", address(1)).is_ok());
        assert_eq!(tries.count(), 6);
        let wait = attempts.may_try("ann", address(1)).expect_err("too often");
        assert!(
            wait > Duration::from_secs(10) && wait <= Duration::from_secs(20),
            "{wait:?}"
        );
        // Another name from there, until the address itself is slowed down.
        let names =
            (0..100).take_while(|n| attempts.may_try(&format!("name {n}"), address(1)).is_ok());
        assert!(names.count() < 20);
        assert!(attempts.may_try("Bob", address(2)).is_ok());
    }

    #[test]
    fn nobody_locks_somebody_out_where_they_signed_in_before() {
        let attempts = Attempts::default();
        assert!(attempts.may_try("ann", address(1)).is_ok());
        attempts.signed_in("Ann", address(1));
        // A crowd of strangers guesses her password.
        let refused = (100..300)
            .filter(|n| attempts.may_try("ann", address(*n)).is_err())
            .count();
        assert!(refused > 150, "{refused}");
        assert!(attempts.may_try("ANN", address(1)).is_ok());
        assert!(attempts.may_try("ann", address(2)).is_err());
    }
}
