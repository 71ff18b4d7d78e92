//! What a device's observations mean: typed, each value with the reading it came from.
//!
//! Independent of the time: whether a pause has run out is asked with `now`, so facts stay good while time passes.

use crate::observation::{Observations, Outcome, Lookup};
use crate::check::Check;

/// Why a check's facts are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotKnown {
    /// One clause for people: "this recording holds no HKLM\\SYSTEM".
    pub reason: String,
    /// Whether the check tried and failed, rather than having nothing to look at.
    pub failed: bool,
}

/// Facts of one check, or why there are none.
pub type Known<T> = Result<T, NotKnown>;

/// What is known of one device.
#[derive(Debug, Clone)]
pub struct Facts {
}

impl Facts {
    /// Interprets a device's observations.
    pub fn derive(_observations: &Observations) -> Self {
        Self {}
    }
}

/// The readings of a check, or why there are none.
pub fn look(observations: &Observations, check: Check) -> Known<Lookup<'_>> {
    match observations.get(check).map(|o| &o.outcome) {
        Some(Outcome::Seen(readings)) => Ok(Lookup::new(check, readings)),
        Some(Outcome::Unavailable(reason)) => Err(NotKnown { reason: reason.clone(), failed: false }),
        Some(Outcome::Failed(reason)) => Err(NotKnown { reason: reason.clone(), failed: true }),
        None => Err(NotKnown { reason: format!("check {check} has not reported"), failed: false }),
    }
}
