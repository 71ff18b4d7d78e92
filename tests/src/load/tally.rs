//! What the load has seen: reports, acknowledgements and how long they took, sessions, refusals.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use sickbay_collector::session::CallError;

/// Longest wait that is told apart, in microseconds.
const LONGEST_US: u64 = 600_000_000;
/// Digits that are told apart.
const DIGITS: u8 = 3;

/// Counts of all devices.
#[derive(Debug)]
pub struct Tally {
    live: AtomicU64,
    connects: AtomicU64,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    waits_us: Mutex<Histogram<u64>>,
    lost: Mutex<BTreeMap<String, u64>>,
    most_refused: AtomicU64,
}

impl Default for Tally {
    fn default() -> Self {
        let waits = Histogram::new_with_bounds(1, LONGEST_US, DIGITS);
        Self {
            live: AtomicU64::new(0),
            connects: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            waits_us: Mutex::new(waits.expect("the bounds are in order")),
            lost: Mutex::default(),
            most_refused: AtomicU64::new(0),
        }
    }
}

impl Tally {
    pub(super) fn connects(&self) {
        self.connects.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn sent(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn acknowledged(&self, after: Duration) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        held(&self.waits_us).saturating_record(micros);
    }

    pub(super) fn live(&self, live: bool) {
        if live {
            self.live.fetch_add(1, Ordering::Relaxed);
        } else {
            self.live.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn lost(&self, error: Option<&CallError>) {
        let why = match error {
            None => "the server ended the session".to_owned(),
            Some(error) => match error.refusal() {
                Some(refusal) => format!("refused: {:?}", refusal.reason),
                None => error.to_string(),
            },
        };
        *held(&self.lost).entry(why).or_insert(0) += 1;
    }

    pub(super) fn refused(&self, times: u64) {
        self.most_refused.fetch_max(times, Ordering::Relaxed);
    }

    /// How often the device that was refused most often was refused before it had a session again.
    pub fn most_refused(&self) -> u64 {
        self.most_refused.load(Ordering::Relaxed)
    }

    /// Welcomed sessions that are open.
    pub fn sessions(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    /// Connections that were begun.
    pub fn connections(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }

    /// Reports that were sent, also those that were sent again.
    pub fn reports_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Reports that were acknowledged.
    pub fn reports_acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// How long acknowledgements took, in microseconds, since this was last asked.
    pub fn take_waits(&self) -> Histogram<u64> {
        let mut waits = held(&self.waits_us);
        let taken = waits.clone();
        waits.reset();
        taken
    }

    /// Why sessions ended, and how often.
    pub fn losses(&self) -> BTreeMap<String, u64> {
        held(&self.lost).clone()
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
