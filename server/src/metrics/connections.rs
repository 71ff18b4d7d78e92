//! The collectors' port: handshakes, calls, sessions and how they end, refusals by reason.

use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use tonic::Status;

use super::register::{By, Register, label, lives, waits};
use crate::identity::desk;
use crate::throttle::HANDSHAKES_AT_ONCE;
use crate::wire::{self, RefusalReason};

label! {
    /// Why a call or a session is refused.
    Refusal "reason" {
        /// No token is like that.
        TokenUnknown "token_unknown",
        /// The token is over.
        TokenExpired "token_expired",
        /// It let in as many as it may.
        TokenUsedUp "token_used_up",
        /// Somebody revoked it.
        TokenRevoked "token_revoked",
        /// It is for other machines.
        TokenElsewhere "token_elsewhere",
        /// A message that no collector sends.
        BadRequest "bad_request",
        /// A call without a certificate.
        CertificateMissing "certificate_missing",
        /// The certificate is over.
        CertificateEnded "certificate_ended",
        /// The key is of no use any more.
        KeyEnded "key_ended",
        /// No device has this key, or it waits for approval.
        DeviceUnknown "device_unknown",
        /// Somebody revoked the device.
        DeviceRevoked "device_revoked",
        /// The device is retired.
        DeviceRetired "device_retired",
        /// Something is larger than it may be.
        TooLarge "too_large",
        /// Too much of it.
        RateLimited "rate_limited",
        /// The database cannot be used.
        StorageUnavailable "storage_unavailable",
        /// The server ends.
        ShuttingDown "shutting_down",
        /// A newer session took over.
        Replaced "replaced",
        /// None is given: a stream that broke, a time that ran out.
        Other "other",
    }
}

label! {
    /// How a session ends.
    SessionEnd "end" {
        /// The collector ended it.
        Closed "closed",
        /// The connection broke.
        Lost "lost",
        /// A newer session of the device took over.
        Replaced "replaced",
        /// The device was revoked or retired, or its key is of no use any more.
        Ended "ended",
        /// It sent what it may not.
        Refused "refused",
        /// The database could not be used.
        Storage "storage",
        /// The server ends.
        ShuttingDown "shutting_down",
    }
}

label! {
    /// What a collector calls.
    Call "call" {
        /// A machine wants to be a device.
        Enrol "enrol",
        /// A device comes home with a certificate that is over.
        Recover "recover",
        /// A session opens.
        Session "session",
        /// A device wants its next certificate.
        Renew "renew",
        /// A collector is uninstalled.
        Goodbye "goodbye",
        /// Anything else.
        Other "other",
    }
}

impl Refusal {
    /// The reason that a status carries.
    pub fn of(status: &Status) -> Self {
        match wire::reason_of(status) {
            None | Some(RefusalReason::Unspecified) => Self::Other,
            Some(RefusalReason::TokenUnknown) => Self::TokenUnknown,
            Some(RefusalReason::TokenExpired) => Self::TokenExpired,
            Some(RefusalReason::TokenUsedUp) => Self::TokenUsedUp,
            Some(RefusalReason::TokenRevoked) => Self::TokenRevoked,
            Some(RefusalReason::TokenElsewhere) => Self::TokenElsewhere,
            Some(RefusalReason::BadRequest) => Self::BadRequest,
            Some(RefusalReason::CertificateMissing) => Self::CertificateMissing,
            Some(RefusalReason::CertificateEnded) => Self::CertificateEnded,
            Some(RefusalReason::KeyEnded) => Self::KeyEnded,
            Some(RefusalReason::DeviceUnknown) => Self::DeviceUnknown,
            Some(RefusalReason::DeviceRevoked) => Self::DeviceRevoked,
            Some(RefusalReason::DeviceRetired) => Self::DeviceRetired,
            Some(RefusalReason::TooLarge) => Self::TooLarge,
            Some(RefusalReason::RateLimited) => Self::RateLimited,
            Some(RefusalReason::StorageUnavailable) => Self::StorageUnavailable,
            Some(RefusalReason::ShuttingDown) => Self::ShuttingDown,
            Some(RefusalReason::Replaced) => Self::Replaced,
        }
    }
}

impl SessionEnd {
    fn of(ended: Result<(), &Status>) -> Self {
        let Err(status) = ended else {
            return Self::Closed;
        };
        match Refusal::of(status) {
            Refusal::Other => Self::Lost,
            Refusal::Replaced => Self::Replaced,
            Refusal::ShuttingDown => Self::ShuttingDown,
            Refusal::StorageUnavailable => Self::Storage,
            Refusal::DeviceRevoked
            | Refusal::DeviceRetired
            | Refusal::DeviceUnknown
            | Refusal::KeyEnded => Self::Ended,
            _ => Self::Refused,
        }
    }
}

impl Call {
    /// The call of this path.
    pub fn of(path: &str) -> Self {
        match path {
            "/sickbay.v1.Enrolment/Enrol" => Self::Enrol,
            "/sickbay.v1.Enrolment/Recover" => Self::Recover,
            "/sickbay.v1.Fleet/Session" => Self::Session,
            "/sickbay.v1.Fleet/Renew" => Self::Renew,
            "/sickbay.v1.Fleet/Goodbye" => Self::Goodbye,
            _ => Self::Other,
        }
    }
}

/// What happens on the collectors' port.
#[derive(Debug)]
pub struct Connections {
    /// How long a TLS handshake takes, in seconds, whether it succeeds or not.
    pub handshake: Histogram,
    /// Handshakes under way.
    pub handshakes: Gauge,
    /// Machines whose enrolment or certificate waits to be written.
    pub enrolments: Gauge,
    calls: By<Call, Histogram>,
    opened: Counter,
    ended: By<SessionEnd, Counter>,
    life: Histogram,
    refused: By<Refusal, Counter>,
}

impl Connections {
    pub(super) fn of(register: &mut Register<'_>) -> Self {
        register.limit(
            "handshakes_under_way_limit",
            "TLS handshakes under way at once at most; further ones wait in the listen queue",
            HANDSHAKES_AT_ONCE,
        );
        register.limit(
            "enrolment_queue_limit",
            "Enrolments and certificates that may wait to be written; more are told to come again",
            desk::QUEUE,
        );
        Self {
            handshake: register.seconds(
                "handshake",
                "TLS handshakes on the collectors' port, failed ones included",
                waits,
            ),
            handshakes: register.gauge("handshakes_under_way", "TLS handshakes under way"),
            enrolments: register.gauge(
                "enrolment_queue",
                "Enrolments and certificates that wait to be written, or are",
            ),
            calls: register.seconds_by(
                "call",
                "Calls of collectors until their answer begins",
                waits,
            ),
            opened: register.counter("sessions_opened", "Sessions that began"),
            ended: register.counter_by("sessions_ended", "Sessions that ended, by how"),
            life: register.seconds("session_duration", "How long sessions lasted", lives),
            refused: register.counter_by(
                "refusals_by_reason",
                "Calls and sessions refused after the handshake, enrolments included, by the reason that collectors are told",
            ),
        }
    }

    /// A session began.
    pub fn opened(&self) {
        self.opened.inc();
    }

    /// A session ended, after so long.
    pub fn ended(&self, result: Result<(), &Status>, after: Duration) {
        let end = SessionEnd::of(result);
        self.ended.of(end).inc();
        self.life.observe(after.as_secs_f64());
        if end == SessionEnd::Lost {
            return;
        }
        if let Err(status) = result {
            self.refused.of(Refusal::of(status)).inc();
        }
    }

    /// A call was answered.
    pub fn called(&self, call: Call, begun: Instant, refused: Option<&Status>) {
        self.calls.of(call).observe(begun.elapsed().as_secs_f64());
        if let Some(status) = refused {
            self.refused.of(Refusal::of(status)).inc();
        }
    }
}
