//! Facts, issues and verdicts of Windows update health.
//!
//! Pure: no I/O, no async, no clock (`now` is an argument) and no randomness. The server runs it on every report; the collector
//! runs the same code for `sickbay-collector inspect`.
//!
//! Readings ([`reading`]) come in whole [`observation`]s, one per [`check`]. [`facts`] says what they mean, [`issues`] what is wrong,
//! given the owner's [`expectation`]s, the fleet [`context`] and the time. [`explanation`] says why an update is, or is not, on a device. [`filter`] is the one filter language of pages, API,
//! exports and scopes. [`knowledge`] is what is known of Windows: releases, safeguard holds, error codes, updates.
#![forbid(unsafe_code)]

pub mod check;
pub mod context;
pub mod diagnose;
pub mod error_code;
pub mod expectation;
pub mod explanation;
pub mod facts;
pub mod filter;
pub mod issue;
pub mod issues;
pub mod kb;
pub mod keys;
pub mod knowledge;
pub mod lines;
pub mod observation;
pub mod reading;
#[cfg(test)]
mod testing;
pub mod time;
pub mod verdict;

pub use check::Check;
pub use diagnose::{Diagnosis, diagnose, diagnose_listed, diagnose_unreported};
pub use kb::Kb;
pub use time::Time;
