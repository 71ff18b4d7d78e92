//! How a machine becomes a device, and how its certificate is renewed.

use std::collections::BTreeSet;
use std::sync::Arc;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::issues::never_enrolled;
use sickbay_store::{
    DeviceIdentity, DeviceStatus, EnrolOutcome, EnrolRequest, IssuedCertificate, Store,
};
use tonic::{Code, Status};

use crate::clock::Clock;
use crate::events::{Change, Events};
use crate::fleet::session::storage_status;
use crate::identity::ca::{Ca, SigningRequest};
use crate::identity::secret;
use crate::wire::{self, EnrolClaim, RefusalReason};

/// How long a pending device waits before it asks again.
const PENDING_RETRY_MS: u64 = 30_000;

/// The name of a machine that gave none.
const UNNAMED: &str = "(unnamed)";

/// Enrols machines and renews certificates.
#[derive(Clone)]
pub struct Enrolments {
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// Who signs.
    pub ca: Arc<Ca>,
    /// The clock.
    pub clock: Clock,
    /// Tells open pages of new devices.
    pub events: Events,
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
    pub async fn enrol(&self, claim: EnrolClaim) -> Result<Enrolled, Status> {
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
            .store
            .enrol(EnrolRequest {
                token_hash: secret::hash(&claim.token),
                key_sha256: request.key_sha256.clone(),
                host_name: host_name.clone(),
                domain: claim.domain,
                ou: claim.ou,
                fingerprint: claim.fingerprint,
                collector_version: claim.collector_version,
                now,
            })
            .await
            .map_err(|error| storage_status(&error))?;
        let device = match outcome {
            EnrolOutcome::Device(device) => device,
            refused => {
                let status = token_status(&refused);
                tracing::warn!(host_name, reason = status.message(), "enrolment refused");
                return Err(status);
            }
        };
        match device.status {
            DeviceStatus::Active => {
                let issued = self.issue(device, &request, now).await?;
                tracing::info!(device = %issued.device.id, host_name, "device enrolled");
                self.tell();
                Ok(Enrolled::Issued(issued))
            }
            DeviceStatus::Pending => {
                self.tell();
                Ok(Enrolled::Pending {
                    device,
                    retry_after_ms: PENDING_RETRY_MS,
                })
            }
            DeviceStatus::Revoked => Err(wire::refusal(
                Code::PermissionDenied,
                RefusalReason::DeviceRevoked,
                "this key was revoked: remove the collector's state folder to enrol with a new one",
                0,
            )),
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
            return Err(wire::refusal(
                Code::PermissionDenied,
                RefusalReason::BadRequest,
                "this key belongs to another device",
                0,
            ));
        }
        self.issue(device, &request, self.clock.now()).await
    }

    /// Retires a device whose collector is uninstalled. Its sessions end as those of any retired device do.
    pub async fn goodbye(&self, device: DeviceIdentity) -> Result<(), Status> {
        let retired = self
            .store
            .set_status(&[device.id], DeviceStatus::Retired, self.clock.now())
            .await
            .map_err(|error| storage_status(&error))?;
        if !retired.is_empty() {
            tracing::info!(device = %device.id, "device retired: its collector was uninstalled");
        }
        self.tell();
        Ok(())
    }

    async fn issue(
        &self,
        device: DeviceIdentity,
        request: &SigningRequest,
        now: Time,
    ) -> Result<Issued, Status> {
        let certificate = self
            .ca
            .issue_device(device.id, request, now)
            .map_err(|error| {
                tracing::error!(error = %crate::ingest::chain(&error), "the CA cannot issue");
                Status::internal("the CA cannot issue a certificate; see the server's log")
            })?;
        self.store
            .record_certificate(IssuedCertificate {
                device_key: device.key,
                serial: certificate.serial,
                key_sha256: request.key_sha256.clone(),
                issued_at: now,
                not_after: certificate.not_after,
            })
            .await
            .map_err(|error| storage_status(&error))?;
        Ok(Issued {
            device,
            chain: vec![certificate.der],
            trusted: vec![self.ca.certificate().to_vec()],
        })
    }

    fn tell(&self) {
        self.events.publish(Change {
            enrolment: true,
            // It may have stood in the imported list.
            issues: BTreeSet::from([never_enrolled::ID.to_owned()]),
            ..Change::default()
        });
    }
}

fn token_status(outcome: &EnrolOutcome) -> Status {
    let (reason, message) = match outcome {
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
        EnrolOutcome::TokenUnknown | EnrolOutcome::Device(_) => (
            RefusalReason::TokenUnknown,
            "this server does not know the enrolment token: compare it with `sickbay-server token list`",
        ),
    };
    wire::refusal(Code::PermissionDenied, reason, message, 0)
}
