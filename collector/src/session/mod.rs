//! The session with the server: enrolment, reports, acknowledgements.
//!
//! [`machine`] decides (events in, actions out, no I/O), [`outbox`] knows what was said and what is new, [`Collector`] acts: it
//! owns the socket, the state folder and the inspections.
//!
//! Promises: a report is durable in the spool before it is sent and until it is acknowledged; a server or a collector that was
//! set back to an older copy is noticed and mended by a full report or a new epoch; an unchanged machine sends heartbeats only.

pub mod backoff;
mod collector;
mod connection;
mod enrolment;
mod line;
pub mod machine;
pub mod message;
pub mod outbox;
mod probe;
mod proxy;
mod tls;
mod words;

pub use backoff::BackoffOptions;
pub(crate) use collector::chain;
pub use collector::{
    Collector, CollectorError, CollectorOptions, Farewell, Handle, Progress, Stopped, say_goodbye,
};
pub use connection::{BadServerUrl, CallError, ServerUrl};
pub use enrolment::EnrolOutcome;
pub use line::{Line, StandIn, StandInError};
pub use machine::MachineOptions;
pub use probe::{Standing, Step, Trouble, probe};
pub use proxy::{BadProxyUrl, MachineProxy, Proxy, ProxyUrl};
pub use tls::{BadPin, CaPin};
pub(crate) use words::plain;
