//! How much one address and one device may ask of the server, so that one that misbehaves is slowed down alone.
//!
//! An address may stand for a whole site behind one translator or proxy. The limits are meant for a flood, not for a busy morning, and
//! addresses can be exempted from them; what a device may send is bounded for each device by itself ([`Device`]), and so are the certificates
//! that it is issued.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;

use crate::config::Limits;

/// Reports of one device that are taken in within a second, in the long run.
const REPORTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("not zero");
/// Reports of one device that are taken in at once, after a pause.
const REPORTS_AT_ONCE: NonZeroU32 = NonZeroU32::new(300).expect("not zero");
/// Kilobytes of one device that are taken in within a second, in the long run.
const KILOBYTES_PER_SECOND: NonZeroU32 = NonZeroU32::new(256).expect("not zero");
/// Kilobytes of one device that are taken in at once: many times a full report.
const KILOBYTES_AT_ONCE: NonZeroU32 = NonZeroU32::new(32 * 1024).expect("not zero");
/// Certificates that one device is issued within an hour, in the long run. A device needs one in two weeks, and one at a rotation.
const CERTIFICATES_PER_HOUR: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
/// Certificates that one device is issued at once, after a pause.
const CERTIFICATES_AT_ONCE: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
/// Handshakes of one address that may be under way at once: a quarter of [`HANDSHAKES_AT_ONCE`], so that no address holds up the others by
/// beginning handshakes and not going on.
const HANDSHAKES_OF_ONE: u32 = 256;
/// Handshakes under way at once; more wait in the listen queue.
pub const HANDSHAKES_AT_ONCE: usize = 1024;
/// Addresses remembered before those are forgotten that have been quiet.
const REMEMBERED: usize = 10_000;

/// How many handshakes each address has under way.
type UnderWay = Arc<Mutex<HashMap<IpAddr, u32>>>;

/// The limits of addresses and of devices.
pub struct Throttle {
    certificates: DefaultKeyedRateLimiter<i64>,
    under_way: UnderWay,
    handshakes: DefaultKeyedRateLimiter<IpAddr>,
    enrolments: DefaultKeyedRateLimiter<IpAddr>,
    exempt: Vec<IpNet>,
}

impl Throttle {
    /// With these limits.
    pub fn new(limits: &Limits) -> Self {
        let quota = |per_second: NonZeroU32, at_once: NonZeroU32| {
            RateLimiter::keyed(Quota::per_second(per_second).allow_burst(at_once))
        };
        let certificates = Quota::per_hour(CERTIFICATES_PER_HOUR).allow_burst(CERTIFICATES_AT_ONCE);
        Self {
            certificates: RateLimiter::keyed(certificates),
            under_way: Arc::default(),
            handshakes: quota(limits.handshakes_per_second, limits.handshakes_at_once),
            enrolments: quota(limits.enrolments_per_second, limits.enrolments_at_once),
            exempt: limits.exempt.clone(),
        }
    }

    /// Lets an address begin a handshake, which is under way for as long as the answer lives; `None` where it may not now. One that may
    /// not is left before it costs any cryptography.
    pub fn admits(&self, address: IpAddr) -> Option<Handshake> {
        if self.is_exempt(address) {
            return Some(Handshake { of: None });
        }
        let address = neighbourhood(address.to_canonical());
        let handshake = Handshake::begin(&self.under_way, address)?;
        self.ask(&self.handshakes, address)
            .is_ok()
            .then_some(handshake)
    }

    /// Whether a device at an address may be issued a certificate now; else when to ask again.
    pub fn certifies(&self, device: i64, address: IpAddr) -> Result<(), Duration> {
        if self.is_exempt(address) {
            return Ok(());
        }
        ask(&self.certificates, &device)
    }

    /// Whether a machine of an address may ask to be let in now; else when to ask again.
    pub fn enrols(&self, address: IpAddr) -> Result<(), Duration> {
        self.ask(&self.enrolments, address)
    }

    fn ask(
        &self,
        limiter: &DefaultKeyedRateLimiter<IpAddr>,
        address: IpAddr,
    ) -> Result<(), Duration> {
        if self.is_exempt(address) {
            return Ok(());
        }
        ask(limiter, &neighbourhood(address.to_canonical()))
    }

    fn is_exempt(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.exempt.iter().any(|net| net.contains(&address))
    }
}

pub(crate) fn ask<K: Clone + Hash + Eq>(
    limiter: &DefaultKeyedRateLimiter<K>,
    key: &K,
) -> Result<(), Duration> {
    if limiter.len() > REMEMBERED {
        limiter.retain_recent();
    }
    limiter
        .check_key(key)
        .map_err(|not_until| not_until.wait_time_from(DefaultClock::default().now()))
}

/// A handshake that is under way.
#[derive(Debug)]
pub struct Handshake {
    /// Whose, and where it is counted; `None` for an address that is exempt.
    of: Option<(IpAddr, UnderWay)>,
}

impl Handshake {
    fn begin(under_way: &UnderWay, address: IpAddr) -> Option<Self> {
        let mut counts = under_way
            .lock()
            .expect("never poisoned: nothing panics while it is held");
        let count = counts.entry(address).or_insert(0);
        if *count >= HANDSHAKES_OF_ONE {
            return None;
        }
        *count += 1;
        Some(Self {
            of: Some((address, Arc::clone(under_way))),
        })
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let Some((address, under_way)) = &self.of else {
            return;
        };
        let mut counts = under_way
            .lock()
            .expect("never poisoned: nothing panics while it is held");
        if let Some(count) = counts.get_mut(address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(address);
            }
        }
    }
}

/// Whoever has one address of version 6 has billions of them: those of one network count as one.
pub(crate) fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

/// What one device may send in a session.
pub struct Device {
    reports: DefaultDirectRateLimiter,
    kilobytes: DefaultDirectRateLimiter,
}

impl Default for Device {
    fn default() -> Self {
        let quota = |per_second, at_once| Quota::per_second(per_second).allow_burst(at_once);
        Self {
            reports: RateLimiter::direct(quota(REPORTS_PER_SECOND, REPORTS_AT_ONCE)),
            kilobytes: RateLimiter::direct(quota(KILOBYTES_PER_SECOND, KILOBYTES_AT_ONCE)),
        }
    }
}

impl Device {
    /// Waits until a report of so many bytes may be taken in.
    pub async fn report(&self, bytes: usize) {
        self.reports.until_ready().await;
        self.bytes(bytes).await;
    }

    /// Waits until a message of so many bytes may be taken in.
    pub async fn bytes(&self, bytes: usize) {
        let kilobytes = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        if let Some(kilobytes) = NonZeroU32::new(kilobytes.min(KILOBYTES_AT_ONCE.get())) {
            // Fails only for more than may ever come at once.
            let _ = self.kilobytes.until_n_ready(kilobytes).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(exempt: &[&str]) -> Throttle {
        let few = |number| NonZeroU32::new(number).expect("not zero");
        Throttle::new(&Limits {
            handshakes_per_second: few(1),
            handshakes_at_once: few(3),
            enrolments_per_second: few(1),
            enrolments_at_once: few(2),
            exempt: exempt
                .iter()
                .map(|net| net.parse().expect("a network"))
                .collect(),
        })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_is_held_back_and_no_other() {
        let throttle = throttle(&[]);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let admitted = (0..10).filter(|_| throttle.admits(one).is_some()).count();
        assert_eq!(admitted, 3);
        assert!(throttle.admits(other).is_some());
        assert!(throttle.enrols(one).is_ok() && throttle.enrols(one).is_ok());
        let wait = throttle.enrols(one).expect_err("too many");
        assert!(
            wait > Duration::ZERO && wait <= Duration::from_secs(1),
            "{wait:?}"
        );
        assert!(throttle.enrols(other).is_ok());
    }

    #[test]
    fn a_network_of_version_6_counts_as_one_and_an_exempt_site_is_never_held_back() {
        let throttle = throttle(&["10.0.0.0/8", "2001:db8:1::/48"]);
        let admitted = (0..10)
            .filter(|n| {
                throttle
                    .admits(address(&format!("2001:db8:2::{n:x}")))
                    .is_some()
            })
            .count();
        assert_eq!(admitted, 3);
        for site in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8:1:2::3"] {
            assert!(
                (0..10).all(|_| throttle.admits(address(site)).is_some()),
                "{site}"
            );
        }
    }

    #[test]
    fn handshakes_that_are_begun_and_left_bar_only_the_address_they_are_of() {
        let throttle = Throttle::new(&Limits::default());
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let begun: Vec<_> = (0..300).map_while(|_| throttle.admits(one)).collect();
        assert_eq!(begun.len(), 256);
        assert!(throttle.admits(other).is_some());
        drop(begun);
        assert!(throttle.admits(one).is_some());
        let none = throttle.under_way.lock().expect("not poisoned").len();
        assert_eq!(none, 0, "what ended is forgotten");
    }

    #[test]
    fn a_device_that_asks_for_certificates_without_end_waits_and_no_other_does() {
        let throttle = throttle(&["10.0.0.0/8"]);
        let (far, exempt) = (address("192.0.2.1"), address("10.1.2.3"));
        let issued = (0..100).take_while(|_| throttle.certifies(7, far).is_ok());
        assert_eq!(issued.count(), 20);
        let wait = throttle.certifies(7, far).expect_err("too many");
        assert!(
            wait > Duration::from_mins(5) && wait <= Duration::from_mins(6),
            "{wait:?}"
        );
        assert!(throttle.certifies(8, far).is_ok());
        assert!(throttle.certifies(7, exempt).is_ok());
    }

    #[tokio::test]
    async fn a_device_that_floods_waits_and_a_usual_one_does_not() {
        let usual = Device::default();
        let begun = std::time::Instant::now();
        for _ in 0..20 {
            usual.report(300 * 1024).await;
        }
        assert!(begun.elapsed() < Duration::from_millis(500));
        let flood = async {
            let device = Device::default();
            for _ in 0..40 {
                device.bytes(1024 * 1024).await;
            }
        };
        let waits = tokio::time::timeout(Duration::from_millis(200), flood).await;
        assert!(waits.is_err(), "40 megabytes were taken in at once");
    }
}
