//! What a session is told, what it wants done, and its settings.

use std::sync::Arc;
use std::time::Duration;

use sickbay_diagnosis::observation::Observations;
use sickbay_diagnosis::{Check, Time};

use crate::session::backoff::BackoffOptions;
use crate::session::message::{FromServer, Range, Refusal, Report, ToServer};

/// Now, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Time since an arbitrary start; never goes back.
    pub elapsed: Duration,
    /// The device's clock, which may be wrong and may jump. Only ever told, never reckoned with.
    pub clock: Time,
}

/// Settings of a session.
#[derive(Debug, Clone, Copy)]
pub struct MachineOptions {
    /// Time between two full inspections.
    pub inspection_interval: Duration,
    /// Whether group policy or the command line set that interval, so that the server may not.
    pub inspection_interval_fixed: bool,
    /// Time between two heartbeats.
    pub heartbeat_interval: Duration,
    /// How to wait between connections.
    pub backoff: BackoffOptions,
    /// How long the server may take to welcome, and to acknowledge anything while reports are under way.
    pub patience: Duration,
    /// Time between two full reports that the server asks for. A server loses its base once; one that asks again and again would have
    /// this machine write and send without end.
    pub full_again: Duration,
    /// Wait before a report is tried again that could not be made durable.
    pub disk_retry: Duration,
}

impl Default for MachineOptions {
    fn default() -> Self {
        Self {
            inspection_interval: Duration::from_hours(1),
            inspection_interval_fixed: false,
            heartbeat_interval: Duration::from_mins(1),
            backoff: BackoffOptions::default(),
            patience: Duration::from_mins(2),
            full_again: Duration::from_secs(10),
            disk_retry: Duration::from_mins(1),
        }
    }
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A session's stream is open; nothing was said yet.
    Connected,
    /// The server said something.
    Received(FromServer),
    /// The connection could not be made, or ended; the refusal where the server gave one.
    Disconnected(Option<Refusal>),
    /// The inspection that was asked for is over.
    Inspected(Observations),
    /// The report of that number is durable in the spool, which dropped older ones for it.
    Pushed {
        /// Its number.
        sequence: u64,
        /// What the spool dropped.
        dropped: Option<Range>,
    },
    /// The report could not be made durable.
    PushFailed,
    /// Somebody on this machine wants these checks run now: a value that they read changed.
    InspectSoon(Vec<Check>),
    /// [`super::Machine::deadline`] came.
    Timer,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Open a session with a server.
    Connect,
    /// End the session.
    Disconnect,
    /// Send a message in the open session.
    Send(ToServer),
    /// Run these checks, then tell [`Event::Inspected`].
    Inspect(Vec<Check>),
    /// Make the report durable, then tell [`Event::Pushed`] or [`Event::PushFailed`].
    SpoolPush(Arc<Report>),
    /// Remove reports up to this number from the spool, unless the base could not be saved before.
    SpoolRemoveUpTo(u64),
    /// Empty the spool.
    SpoolClear,
    /// Make [`super::Machine::base`] durable.
    SaveBase,
    /// Worth a line in the log.
    Note(Note),
}

/// What a person may want to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// The session is established.
    Welcomed,
    /// The server will get everything again.
    FullReport(&'static str),
    /// A new epoch begins.
    NewEpoch(&'static str),
    /// The server took too long.
    NoAnswer,
    /// The server acknowledged what was never sent.
    StrangeAck(u64),
}
