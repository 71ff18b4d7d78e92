//! What a collector and its server say to each other, in the product's own types.
//!
//! The meaning of each field is that of `sickbay/v1/sickbay.proto`; [`crate::wire`] converts.

use std::fmt;
use std::sync::Arc;

use sickbay_diagnosis::observation::Observations;
use sickbay_diagnosis::{Check, Time};
use sickbay_proto::limits::{DIGEST_BYTES, EPOCH_BYTES};

pub use crate::spool::Range;

/// 16 random bytes that name a run of sequence numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub [u8; EPOCH_BYTES]);

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// SHA-256 over all observations after a report.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; DIGEST_BYTES]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Whole observations of the checks that changed, under a sequence number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Counts up by one within an epoch.
    pub sequence: u64,
    /// What is not in it is not known any more.
    pub full: bool,
    /// Whole observations.
    pub observations: Observations,
    /// Of all observations after this report.
    pub digest: Digest,
    /// When it was made, by the device's clock.
    pub taken_at: Time,
    /// Reports that will never be sent, because the spool was full.
    pub dropped: Option<Range>,
}

/// Where the collector stands, at the start of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The epoch of its sequence numbers.
    pub epoch: Epoch,
    /// Newest sequence number that it knows to be durable on the server; 0 for none.
    pub acknowledged: u64,
    /// Digest of that report; `None` where there is none.
    pub digest: Option<Digest>,
    /// Newest sequence number that it has.
    pub newest: u64,
    /// Its clock.
    pub device_time: Time,
    /// Who says it, beyond the key.
    pub speaker: Speaker,
}

/// Which run of the program on which machine speaks: what tells two machines apart that hold one key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Speaker {
    /// Random; made by this run.
    pub instance: [u8; 16],
    /// Of the firmware; empty where unknown.
    pub fingerprint: String,
}

/// How a request of the server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// It was done.
    Done,
    /// It is not known here, or not allowed.
    Refused,
    /// It was tried in vain.
    Failed,
}

/// From the collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToServer {
    /// The first message of a session.
    Hello(Hello),
    /// News.
    Report(Arc<Report>),
    /// The device lives.
    Heartbeat {
        /// Its clock.
        device_time: Time,
        /// End of the last inspection that confirmed what was reported; `None` where there was none yet.
        confirmed_at: Option<Time>,
    },
    /// The answer to a request.
    RequestResult {
        /// Of the request.
        request_id: String,
        /// How it ended.
        outcome: RequestOutcome,
        /// For people.
        message: String,
    },
}

/// What the server has of this device, in answer to the hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The server's clock.
    pub server_time: Time,
    /// The epoch that it knows; `None` where it has nothing of this device.
    pub epoch: Option<Epoch>,
    /// Newest durable sequence number of that epoch.
    pub sequence: u64,
    /// Digest that came with it.
    pub digest: Option<Digest>,
    /// Settings, where it has any.
    pub settings: Option<ServerSettings>,
}

/// What a server may set; 0 means "as the collector likes".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerSettings {
    /// Time between two full inspections, in seconds.
    pub inspection_interval_s: u32,
    /// Time between two heartbeats, in seconds.
    pub heartbeat_interval_s: u32,
    /// Names what the server issues now; a certificate that came with another one is to be renewed.
    pub identity_mark: Option<[u8; 32]>,
    /// Within which time, in seconds.
    pub renew_within_s: u32,
}

/// What a server may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Run these checks now. Names that this build does not know are left out.
    InspectNow(Vec<Check>),
    /// A request of a newer server.
    Unknown,
}

/// From the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromServer {
    /// The answer to the hello.
    Welcome(Welcome),
    /// Everything up to and including `sequence` is durable.
    Ack {
        /// Of these sequence numbers.
        epoch: Epoch,
        /// The newest durable one.
        sequence: u64,
    },
    /// New settings.
    Settings(ServerSettings),
    /// The server wants something.
    Request {
        /// To be given back with the result.
        request_id: String,
        /// What it wants.
        asked: Asked,
    },
    /// The server lost the base.
    FullWanted {
        /// Why, for the log.
        reason: String,
    },
    /// A message of a newer server.
    Unknown,
}

/// Why the server refused, as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The server gave no reason, or one that this build does not know.
    Unspecified,
    /// No such enrolment token.
    TokenUnknown,
    /// The enrolment token is too old.
    TokenExpired,
    /// The enrolment token was used as often as it may be.
    TokenUsedUp,
    /// The enrolment token was taken back.
    TokenRevoked,
    /// The server could not make sense of what was sent.
    BadRequest,
    /// The call needs a client certificate.
    CertificateMissing,
    /// The server does not know this device.
    DeviceUnknown,
    /// The device's certificate was taken back.
    DeviceRevoked,
    /// The device was retired.
    DeviceRetired,
    /// A message passed a limit.
    TooLarge,
    /// Too much in too short a time.
    RateLimited,
    /// The server cannot make anything durable now.
    StorageUnavailable,
    /// The server ends.
    ShuttingDown,
    /// A newer session of the same device took over.
    Replaced,
    /// The certificate has ended, or its CA is retired.
    CertificateEnded,
    /// The key is of no use any more; a new one has to enrol.
    KeyEnded,
    /// The enrolment token is for other machines.
    TokenElsewhere,
}

/// How to go on after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It will pass by itself: with the ordinary back-off.
    Soon,
    /// A person has to do something first: seldom, and told once.
    Seldom,
}

impl Reason {
    /// Whether it passes by itself.
    pub const fn retry(self) -> Retry {
        match self {
            Self::Unspecified
            | Self::RateLimited
            | Self::StorageUnavailable
            | Self::ShuttingDown
            | Self::CertificateEnded
            | Self::Replaced => Retry::Soon,
            Self::TokenUnknown
            | Self::TokenExpired
            | Self::TokenUsedUp
            | Self::TokenRevoked
            | Self::BadRequest
            | Self::CertificateMissing
            | Self::DeviceUnknown
            | Self::DeviceRevoked
            | Self::DeviceRetired
            | Self::KeyEnded
            | Self::TokenElsewhere
            | Self::TooLarge => Retry::Seldom,
        }
    }

    /// What a person reads, with what to do.
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Unspecified => "the server gave no reason",
            Self::TokenUnknown => {
                "the server does not know this enrolment token; copy it again or make a new one"
            }
            Self::TokenExpired => "the enrolment token has expired; make a new one on the server",
            Self::TokenUsedUp => {
                "the enrolment token was used as often as it may be; make a new one on the server"
            }
            Self::TokenRevoked => "the enrolment token was revoked; make a new one on the server",
            Self::BadRequest => {
                "the server could not make sense of what was sent; compare both versions"
            }
            Self::CertificateMissing => {
                "the server saw no client certificate; look for a proxy that breaks TLS open"
            }
            Self::DeviceUnknown => {
                "the server does not know this device; enrol it again with a token"
            }
            Self::DeviceRevoked => {
                "the device was revoked on the server, which is final for its key; to enrol it anew, remove the collector's state folder"
            }
            Self::DeviceRetired => {
                "the device was retired on the server; enrol it again if it is still in use"
            }
            Self::TooLarge => "a message passed the server's limit; compare both versions",
            Self::RateLimited => "the server asks for patience",
            Self::StorageUnavailable => "the server cannot store anything at present",
            Self::ShuttingDown => "the server is shutting down",
            Self::CertificateEnded => {
                "the certificate has ended; the collector recovers it by itself"
            }
            Self::KeyEnded => {
                "the device's key is of no use any more; with an enrolment token the collector enrols again under a new one"
            }
            Self::TokenElsewhere => {
                "the enrolment token is for other machines; give this one a token of its own"
            }
            Self::Replaced => {
                "a newer session of the same device took over; if it goes on, this machine was cloned"
            }
        }
    }
}

/// A refusal by the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}", .reason.explanation(), detail(.message))]
pub struct Refusal {
    /// Why, for branching.
    pub reason: Reason,
    /// The server's own words; empty for none.
    pub message: String,
    /// Not before this time, in milliseconds; 0 for "as you like".
    pub retry_after_ms: u64,
}

fn detail(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(" (it says: {message})")
    }
}
