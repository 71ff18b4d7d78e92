//! What the collector must know of a certificate, be it its own or a CA's.

use sickbay_diagnosis::Time;
use x509_cert::Certificate as Parsed;
use x509_cert::der::{Decode as _, Encode as _};

/// A certificate as far as it matters here. Nothing of it is verified: that is rustls' part.
pub(crate) struct Certificate {
    /// SubjectPublicKeyInfo in DER.
    pub(crate) public_key: Vec<u8>,
    /// From when on it counts.
    pub(crate) not_before: Time,
    /// Until when it counts.
    pub(crate) not_after: Time,
}

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    ///
    /// It is no certificate, or something follows it.
    pub(crate) fn of_der(der: &[u8]) -> Result<Self, x509_cert::der::Error> {
        let parsed = Parsed::from_der(der)?;
        let content = parsed.tbs_certificate();
        let validity = content.validity();
        Ok(Self {
            public_key: content.subject_public_key_info().to_der()?,
            not_before: time(validity.not_before),
            not_after: time(validity.not_after),
        })
    }
}

fn time(time: x509_cert::time::Time) -> Time {
    Time::from_millis(i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX))
}
