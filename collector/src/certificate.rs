//! What the collector must know of a certificate, be it its own or a CA's.

use sickbay_diagnosis::Time;
use x509_cert::Certificate as Parsed;
#[cfg(any(windows, test))]
use x509_cert::der::asn1::ObjectIdentifier;
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

/// The common name of the subject of a certificate in DER, the last where there are several; nothing where it has none, or is no
/// certificate.
#[cfg(any(windows, test))]
pub(crate) fn common_name(der: &[u8]) -> Option<String> {
    const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
    let parsed = Parsed::from_der(der).ok()?;
    let subject = parsed.tbs_certificate().subject();
    let name = subject
        .iter()
        .filter(|part| part.oid == COMMON_NAME)
        .last()?;
    // Printable and UTF-8 text alike; another alphabet makes another name.
    let text = std::str::from_utf8(name.value.value()).ok()?;
    Some(text.to_owned())
}

fn time(time: x509_cert::time::Time) -> Time {
    Time::from_millis(i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX))
}
