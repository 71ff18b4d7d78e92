//! Enrolment and renewal: a certificate request over the device's key, and what came of it.

use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use sickbay_diagnosis::reading::Data;

use super::CallError;
use crate::host::{Host, SystemFact};
use crate::state::Identity;
use crate::wire::{CertificateIssued, EnrolAnswer, MachineIdentity, Rpc, WireError};

/// What came of asking for enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrolOutcome {
    /// The device has its certificate.
    Enrolled {
        /// The device id, a UUID.
        device_id: String,
    },
    /// A person has to approve the device.
    Pending {
        /// The device id, a UUID.
        device_id: String,
        /// Ask again after this time.
        retry_after: Duration,
    },
}

/// Shortest and longest time between two questions whether the device was approved.
const PENDING_WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_hours(1));

/// Asks once. The identity is the caller's to keep.
pub(super) async fn ask(
    rpc: &Rpc,
    token: &str,
    key: &KeyPair,
    machine: MachineIdentity,
) -> Result<(EnrolOutcome, Option<Identity>), CallError> {
    match rpc.enrol(token, request(key)?, machine).await? {
        EnrolAnswer::Issued(issued) => {
            let identity = accept(issued, key)?;
            let device_id = identity.device_id.clone();
            Ok((EnrolOutcome::Enrolled { device_id }, Some(identity)))
        }
        EnrolAnswer::Pending {
            device_id,
            retry_after_ms,
        } => {
            let (least, most) = PENDING_WAIT;
            let retry_after = Duration::from_millis(retry_after_ms).clamp(least, most);
            Ok((
                EnrolOutcome::Pending {
                    device_id,
                    retry_after,
                },
                None,
            ))
        }
    }
}

/// What `host` says of itself.
pub(super) fn machine(host: &dyn Host) -> MachineIdentity {
    let fact = |fact| match host.system(fact) {
        Data::Text(text) => text,
        _ => String::new(),
    };
    MachineIdentity {
        host_name: fact(SystemFact::HostName),
        domain: fact(SystemFact::Domain),
        organizational_unit: fact(SystemFact::OrganizationalUnit),
        machine_fingerprint: fact(SystemFact::MachineFingerprint),
    }
}

/// A PKCS#10 request in DER. Its subject is empty: the server names the certificate.
pub(super) fn request(key: &KeyPair) -> Result<Vec<u8>, CallError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let request = params
        .serialize_request(key)
        .map_err(|error| WireError::Undecodable(error.to_string()))?;
    Ok(request.der().to_vec())
}

/// Takes what the server issued, if it is a certificate over `key`.
pub(super) fn accept(issued: CertificateIssued, key: &KeyPair) -> Result<Identity, CallError> {
    Identity::new(issued.device_id, issued.chain, issued.trusted_cas, key)
        .map(|identity| identity.marked(issued.identity_mark))
        .map_err(|error| WireError::Undecodable(error.to_string()).into())
}
