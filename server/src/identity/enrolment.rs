//! How a machine becomes a device, and how its certificate is renewed.

use std::sync::Arc;

use sickbay_diagnosis::Time;
use sickbay_store::{
    Deed, DeviceIdentity, DeviceStatus, Ended, EnrolOutcome, EnrolRequest, Introduction,
    IssuedCertificate, LIVE_MS, NewAudit, RECOVERY_DAYS, Store, action,
};
use tonic::{Code, Status};

use crate::clock::Clock;
use crate::fleet::session::{refusal_of, storage_status};
use crate::identity::ca::{Ca, SigningRequest};
use crate::identity::desk::{Desk, DeskError};
use crate::identity::secret;
use crate::identity::tls::Peer;
use crate::wire::{self, EnrolClaim, RefusalReason};

/// How long a pending device waits before it asks again.
const PENDING_RETRY_MS: u64 = 30_000;

/// How long a machine waits that came while too many others did.
const BUSY_RETRY_MS: u64 = 5_000;

/// Who does what a device asks for itself, for the record.
const DEVICE: &str = "the device";

/// The name of a machine that gave none.
const UNNAMED: &str = "(unnamed)";

/// Enrols machines and renews certificates.
#[derive(Clone)]
pub struct Enrolments {
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// Where machines that come at once share a transaction.
    pub desk: Desk,
    /// Since when silence means something.
    pub liveness: Liveness,
    /// Who signs.
    pub ca: Arc<Ca>,
    /// The clock.
    pub clock: Clock,
}

/// A certificate with what the collector has to trust.
#[derive(Debug)]
pub struct Issued {
    /// The device.
    pub device: DeviceIdentity,
    /// Its certificate, then what leads to the CA. DER.
    pub chain: Vec<Vec<u8>>,
    /// CA certificates to trust. DER.
    pub trusted: Vec<Vec<u8>>,
    /// Names what is issued and who is trusted at this time.
    pub mark: [u8; 32],
}

/// What came of an enrolment that was not refused.
#[derive(Debug)]
pub enum Enrolled {
    /// Here is the certificate.
    Issued(Issued),
    /// A person has to approve it.
    Pending {
        /// The device.
        device: DeviceIdentity,
        /// When to ask again.
        retry_after_ms: u64,
    },
}

impl Enrolments {
    /// Checks the claim, takes a use of the token (unless this key is known already), and issues a certificate to a device that is
    /// active.
    pub async fn enrol(&self, claim: EnrolClaim, peer: Option<&Peer>) -> Result<Enrolled, Status> {
        let request = SigningRequest::read(&claim.csr_der).map_err(|reason| {
            wire::refusal(Code::InvalidArgument, RefusalReason::BadRequest, reason, 0)
        })?;
        let now = self.clock.now();
        // A recording may hold no name; a list still needs something to click on.
        let host_name = match claim.host_name.trim() {
            "" => UNNAMED.to_owned(),
            name => name.to_owned(),
        };
        let outcome = self
            .desk
            .enrol(EnrolRequest {
                by: introduction(&claim, peer)?,
                key_sha256: request.key_sha256.clone(),
                host_name: host_name.clone(),
                domain: claim.domain,
                ou: claim.ou,
                fingerprint: claim.fingerprint,
                collector_version: claim.collector_version,
                live_since: self.liveness.since(now),
                now,
            })
            .await
            .map_err(|error| desk_status(&error))?;
        let device = match outcome {
            EnrolOutcome::Device(device) => device,
            EnrolOutcome::KeyEnded(_) => return Err(key_ended(AWAY)),
            refused => {
                let status = token_status(&refused);
                tracing::warn!(host_name, reason = status.message(), "enrolment refused");
                return Err(status);
            }
        };
        match device.status {
            DeviceStatus::Active => {
                let issued = self.issue(device, &request, now, None).await?;
                tracing::info!(device = %issued.device.id, host_name, "device enrolled");
                Ok(Enrolled::Issued(issued))
            }
            DeviceStatus::Pending => Ok(Enrolled::Pending {
                device,
                retry_after_ms: PENDING_RETRY_MS,
            }),
            DeviceStatus::Revoked => Err(wire::refusal(
                Code::PermissionDenied,
                RefusalReason::DeviceRevoked,
                "this key was revoked: remove the collector's state folder to enrol with a new one",
                0,
            )),
            DeviceStatus::Replaced => Err(key_ended(REPLACED)),
            // No key leads to an entry of the imported list.
            DeviceStatus::Listed => Err(Status::internal("the server found no device; try again")),
            DeviceStatus::Retired => Err(wire::refusal(
                Code::PermissionDenied,
                RefusalReason::DeviceRetired,
                "the device with this key was retired: remove the collector's state folder to enrol with a new one",
                0,
            )),
        }
    }

    /// Issues a certificate to a device that showed a valid one.
    pub async fn renew(&self, device: DeviceIdentity, csr_der: &[u8]) -> Result<Issued, Status> {
        self.issue_again(device, csr_der, None).await
    }

    /// Issues a certificate to an active device whose own has ended, or was issued by a CA that is retired.
    pub async fn recover(
        &self,
        device: DeviceIdentity,
        peer: &Peer,
        csr_der: &[u8],
    ) -> Result<Issued, Status> {
        let now = self.clock.now();
        let late = peer
            .not_after
            .is_none_or(|end| end.plus_days(RECOVERY_DAYS) < now);
        if late {
            return Err(key_ended(AWAY));
        }
        if !peer.of_retired_ca && peer.not_after.is_some_and(|end| end > now) {
            // Its certificate counts still: a renewal by another name.
            return self.renew(device, csr_der).await;
        }
        let line = NewAudit {
            at: now,
            actor: DEVICE.to_owned(),
            action: action::RECOVERED,
            device: Some(device.id),
            subject: "its certificate".to_owned(),
            detail: peer.not_after.map_or_else(String::new, |end| {
                format!(
                    "the one before ended {end}; it came from {}",
                    peer.address.ip()
                )
            }),
        };
        let issued = self.issue_again(device, csr_der, Some(line)).await?;
        tracing::info!(device = %issued.device.id, "device recovered its certificate");
        Ok(issued)
    }

    async fn issue_again(
        &self,
        device: DeviceIdentity,
        csr_der: &[u8],
        line: Option<NewAudit>,
    ) -> Result<Issued, Status> {
        let request = SigningRequest::read(csr_der).map_err(|reason| {
            wire::refusal(Code::InvalidArgument, RefusalReason::BadRequest, reason, 0)
        })?;
        // A key that belongs to another device stays with it.
        let holder = self
            .store
            .device_by_key(&request.key_sha256)
            .await
            .map_err(|error| storage_status(&error))?;
        if holder.is_some_and(|holder| holder.key != device.key) {
            return Err(foreign_key());
        }
        self.issue(device, &request, self.clock.now(), line).await
    }

    /// Retires a device whose collector is uninstalled. Its sessions end as those of any retired device do.
    pub async fn goodbye(&self, device: DeviceIdentity) -> Result<(), Status> {
        let deed = Deed::by(DEVICE, self.clock.now()).because(Ended::Uninstalled);
        let retired = self
            .store
            .set_status(&[device.id], DeviceStatus::Retired, &deed)
            .await
            .map_err(|error| storage_status(&error))?;
        if !retired.is_empty() {
            tracing::info!(device = %device.id, "device retired: its collector was uninstalled");
        }
        Ok(())
    }

    async fn issue(
        &self,
        device: DeviceIdentity,
        request: &SigningRequest,
        now: Time,
        line: Option<NewAudit>,
    ) -> Result<Issued, Status> {
        let ca = self.ca.in_force();
        let certificate = ca.issue_device(device.id, request, now).map_err(|error| {
            tracing::error!(error = %crate::ingest::chain(&error), "the CA cannot issue");
            Status::internal("the CA cannot issue a certificate; see the server's log")
        })?;
        let recorded = self
            .desk
            .record(IssuedCertificate {
                device_key: device.key,
                serial: certificate.serial,
                key_sha256: request.key_sha256.clone(),
                issued_at: now,
                not_after: certificate.not_after,
                ca: certificate.ca,
                line,
            })
            .await
            .map_err(|error| desk_status(&error))?;
        if !recorded {
            let holder = self.store.device_by_key(&request.key_sha256).await;
            let holder = holder.map_err(|error| storage_status(&error))?;
            let is_its_own = holder
                .as_ref()
                .is_some_and(|holder| holder.key == device.key);
            // Its own, and it left the fleet a moment ago: that is what it is told.
            let left = refusal_of(holder.map(|holder| holder.status)).filter(|_| is_its_own);
            return Err(left.unwrap_or_else(foreign_key));
        }
        Ok(Issued {
            device,
            chain: vec![certificate.der],
            trusted: ca.trusted(),
            mark: ca.mark(),
        })
    }
}

/// By what a machine asks: a certificate of the owner's PKI that is over its name, else its token.
fn introduction(claim: &EnrolClaim, peer: Option<&Peer>) -> Result<Introduction, Status> {
    let Some(names) = peer.and_then(|peer| peer.machine_names.as_ref()) else {
        return Ok(Introduction::Token(secret::hash(&claim.token)));
    };
    let full = format!("{}.{}", claim.host_name.trim(), claim.domain.trim());
    let is_named = names.iter().any(|name| name.eq_ignore_ascii_case(&full));
    if is_named {
        return Ok(Introduction::Certificate);
    }
    Err(wire::refusal(
        Code::PermissionDenied,
        RefusalReason::BadRequest,
        format!(
            "the machine's certificate is over {} and not over {full}, which it says it is",
            if names.is_empty() {
                "no DNS name".to_owned()
            } else {
                names.join(", ")
            }
        ),
        0,
    ))
}

/// Since when a device must have been heard of to count as live.
#[derive(Debug, Clone, Copy)]
pub struct Liveness {
    /// Three heartbeats, in milliseconds.
    lasts_ms: i64,
    /// When this server began to listen.
    started_at: Time,
}

impl Liveness {
    /// For a server that begins to listen now.
    pub fn new(heartbeat_interval_s: u32, started_at: Time) -> Self {
        Self {
            lasts_ms: LIVE_MS.max(3 * i64::from(heartbeat_interval_s) * 1_000),
            started_at,
        }
    }

    /// The moment. Until a server has listened for long enough, everybody's silence is its own: all count as live.
    pub fn since(&self, now: Time) -> Time {
        let since = now.plus_millis(-self.lasts_ms);
        if since < self.started_at {
            Time::from_millis(i64::MIN)
        } else {
            since
        }
    }

    /// When this server began to listen.
    pub const fn started_at(&self) -> Time {
        self.started_at
    }
}

/// Why a key is of no use any more.
const AWAY: &str =
    "the certificate ended more than 400 days ago: this machine has to enrol again, with a new key";
pub(crate) const REPLACED: &str = "another device stands in the place of the one with this key: this machine has to enrol again, with a new key";

pub(crate) const COPIED: &str =
    "two machines hold this key: this one has to enrol again, with a new key";

/// Tells a collector to make a new key and to enrol anew.
pub(crate) fn key_ended(why: &str) -> Status {
    wire::refusal(Code::PermissionDenied, RefusalReason::KeyEnded, why, 0)
}

fn foreign_key() -> Status {
    wire::refusal(
        Code::PermissionDenied,
        RefusalReason::BadRequest,
        "this key belongs to another device",
        0,
    )
}

fn desk_status(error: &DeskError) -> Status {
    match error {
        DeskError::Store(error) => storage_status(error),
        DeskError::Busy => wire::refusal(
            Code::ResourceExhausted,
            RefusalReason::RateLimited,
            "too many machines enrol at this moment; try again",
            BUSY_RETRY_MS,
        ),
        DeskError::Closed => wire::refusal(
            Code::Unavailable,
            RefusalReason::ShuttingDown,
            "the server is shutting down",
            1_000,
        ),
    }
}

fn token_status(outcome: &EnrolOutcome) -> Status {
    let mut retry_after_ms = 0;
    let (reason, message) = match outcome {
        EnrolOutcome::TokenElsewhere => (
            RefusalReason::TokenElsewhere,
            "the enrolment token is for other machines than this one: compare its scope in `sickbay-server token list` with this machine's name, domain and OU",
        ),
        EnrolOutcome::TokenBusy {
            retry_after_ms: later,
        } => {
            retry_after_ms = *later;
            (
                RefusalReason::RateLimited,
                "the enrolment token has enrolled as many devices as it may within an hour",
            )
        }
        EnrolOutcome::TokenExpired => (
            RefusalReason::TokenExpired,
            "the enrolment token has expired: make a new one and put it into the policy",
        ),
        EnrolOutcome::TokenUsedUp => (
            RefusalReason::TokenUsedUp,
            "the enrolment token has enrolled as many devices as it may: make a new one and put it into the policy",
        ),
        EnrolOutcome::TokenRevoked => (
            RefusalReason::TokenRevoked,
            "the enrolment token was revoked: make a new one and put it into the policy",
        ),
        EnrolOutcome::TokenUnknown | EnrolOutcome::Device(_) | EnrolOutcome::KeyEnded(_) => (
            RefusalReason::TokenUnknown,
            "this server does not know the enrolment token: compare it with `sickbay-server token list`",
        ),
    };
    wire::refusal(Code::PermissionDenied, reason, message, retry_after_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_has_just_come_up_holds_nobodys_silence_against_them() {
        const MINUTE_MS: i64 = 60_000;
        let at = |minutes: i64| Time::from_millis(minutes * MINUTE_MS);
        // Three heartbeats of ten minutes.
        let liveness = Liveness::new(600, at(1_000));
        for (minute, heard_at, lives) in [
            (1_000, 10, true),
            (1_029, 10, true),
            (1_030, 999, false),
            (1_030, 1_000, true),
            (2_000, 1_969, false),
            (2_000, 1_970, true),
        ] {
            let since = liveness.since(at(minute));
            assert_eq!(at(heard_at) >= since, lives, "{minute} {heard_at}");
        }
    }
}
