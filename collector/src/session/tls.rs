//! TLS 1.3 towards the server: whom the collector trusts, and who it says it is.
//!
//! Promises: the server's certificate must lead to a CA that the collector trusts, and name the host of the URL (a DNS name or an
//! IP address). For the first enrolment, the trusted CA is the one among those that the server presents whose public key
//! matches a pin. A server certificate that fails by time alone is accepted and logged: under a trusted CA, that is a wrong clock,
//! and a wrong clock must not silence a device.
//!
//! Leaves out session resumption: a resumed session would not show whether the certificate still counts.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use rcgen::KeyPair;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};
use sha2::{Digest as _, Sha256};

use crate::certificate::Certificate;
use crate::state::Identity;

/// What one record of TLS carries, in bytes. A server takes memory for each record while it reads it; in records of the usual 16 kB a first
/// report would leave that memory used up to its last page in every session.
const RECORD_BYTES: usize = 4 * 1024;

/// SHA-256 of a CA's public key (its SubjectPublicKeyInfo in DER).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CaPin([u8; 32]);

/// A text that is no pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is not a CA pin: it must be 64 hexadecimal digits, the SHA-256 of the CA's public key as `sickbay-server ca show` prints it"
)]
pub struct BadPin(String);

impl CaPin {
    /// The pin of a certificate's key; `None` where it is no certificate.
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::of_der(der).ok()?;
        Some(Self(Sha256::digest(certificate.public_key).into()))
    }
}

impl FromStr for CaPin {
    type Err = BadPin;

    /// Hexadecimal digits; colons and spaces between them, and a leading `sha256:`, are tolerated.
    fn from_str(text: &str) -> Result<Self, BadPin> {
        let trimmed = text.trim();
        let digits = trimmed.strip_prefix("sha256:").unwrap_or(trimmed);
        let digits: String = digits.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
        let mut pin = [0; 32];
        hex::decode_to_slice(&digits, &mut pin).map_err(|_| {
            // What stands there may be a token in the wrong place, and errors stand in logs that many may read.
            let start: String = trimmed.chars().take(4).collect();
            BadPin(format!(
                "{start:?}... ({} characters)",
                trimmed.chars().count()
            ))
        })?;
        Ok(Self(pin))
    }
}

impl fmt::Display for CaPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for CaPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why no TLS configuration could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadTls {
    #[error(
        "no CA is trusted: the collector is not enrolled and has no CA pin; give one with --ca-pin"
    )]
    NoTrust,
    #[error("use the device's certificate")]
    Certificate(#[source] TlsError),
}

/// For the first enrolment: no certificate of our own, the server's CA by pin.
pub(crate) fn config_by_pin(pins: &[CaPin]) -> Result<ClientConfig, BadTls> {
    if pins.is_empty() {
        return Err(BadTls::NoTrust);
    }
    Ok(finish(
        builder(Trust::Pins(pins.to_vec())).with_no_client_auth(),
    ))
}

/// Without a certificate of our own, towards a server whose CA is known.
pub(crate) fn config_by_ca(trusted_cas: &[Vec<u8>]) -> Result<ClientConfig, BadTls> {
    Ok(finish(
        builder(Trust::Roots(roots(trusted_cas)?)).with_no_client_auth(),
    ))
}

/// For an enrolled device.
pub(crate) fn config_of(identity: &Identity, key: &KeyPair) -> Result<ClientConfig, BadTls> {
    let chain = identity
        .chain
        .iter()
        .map(|der| CertificateDer::from(der.clone()))
        .collect();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    builder(Trust::Roots(roots(&identity.trusted_cas)?))
        .with_client_auth_cert(chain, key.into())
        .map(finish)
        .map_err(BadTls::Certificate)
}

/// One provider for the whole process, passed explicitly, so that no other crate's default gets in.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

fn builder(trust: Trust) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring offers suites for TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { trust }))
}

fn finish(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.max_fragment_size = Some(RECORD_BYTES);
    config.resumption = rustls::client::Resumption::disabled();
    config
}

fn roots(trusted_cas: &[Vec<u8>]) -> Result<Arc<RootCertStore>, BadTls> {
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(
        trusted_cas
            .iter()
            .map(|der| CertificateDer::from(der.as_slice())),
    );
    if added == 0 {
        return Err(BadTls::NoTrust);
    }
    Ok(Arc::new(store))
}

#[derive(Debug)]
enum Trust {
    Pins(Vec<CaPin>),
    Roots(Arc<RootCertStore>),
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
}

impl Verifier {
    /// The CAs that may vouch for this server.
    fn roots(&self, presented: &[CertificateDer<'_>]) -> Result<Arc<RootCertStore>, TlsError> {
        match &self.trust {
            Trust::Roots(roots) => Ok(Arc::clone(roots)),
            Trust::Pins(pins) => {
                let mut store = RootCertStore::empty();
                for certificate in presented {
                    if CaPin::of_certificate(certificate).is_some_and(|pin| pins.contains(&pin)) {
                        store.add(certificate.clone().into_owned())?;
                    }
                }
                if store.is_empty() {
                    return Err(TlsError::General(
                        "the server presents no CA whose public key has the pinned SHA-256; either the pin is wrong or this \
                         is another server"
                            .to_owned(),
                    ));
                }
                Ok(Arc::new(store))
            }
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let roots = self.roots(intermediates)?;
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider())
            .build()
            .map_err(|error| TlsError::General(error.to_string()))?;
        let at = |time| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, time)
        };
        match at(now) {
            Err(TlsError::InvalidCertificate(reason)) if is_about_time(&reason) => {
                let then = within_validity(end_entity)
                    .ok_or(TlsError::InvalidCertificate(reason.clone()))?;
                let verified = at(then)?;
                tracing::warn!(
                    %reason,
                    "the server's certificate is right but for its time; one of the two clocks is wrong"
                );
                Ok(verified)
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(TlsError::General("TLS 1.2 is not offered".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &provider().signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

const fn is_about_time(reason: &CertificateError) -> bool {
    matches!(
        reason,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}

/// A moment at which the certificate counted: the middle of its life.
fn within_validity(certificate: &CertificateDer<'_>) -> Option<UnixTime> {
    let certificate = Certificate::of_der(certificate).ok()?;
    let half = certificate.not_after.since(certificate.not_before) / 2;
    let middle = certificate.not_before.plus_millis(half).millis();
    let millis = u64::try_from(middle).ok()?;
    Some(UnixTime::since_unix_epoch(
        std::time::Duration::from_millis(millis),
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer};

    use super::*;

    struct Ca {
        issuer: Issuer<'static, KeyPair>,
        der: Vec<u8>,
    }

    fn ca() -> Ca {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Ca {
            issuer: Issuer::new(params, key),
            der,
        }
    }

    fn server(ca: &Ca, name: &str, until: i32) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &ca.issuer).unwrap().der().clone()
    }

    fn verify(
        trust: Trust,
        leaf: &CertificateDer<'_>,
        presented: &Ca,
        name: &str,
    ) -> Result<ServerCertVerified, TlsError> {
        let intermediates = [CertificateDer::from(presented.der.clone())];
        let name = ServerName::try_from(name.to_owned()).unwrap();
        Verifier { trust }.verify_server_cert(leaf, &intermediates, &name, &[], UnixTime::now())
    }

    fn pins(ca: &Ca) -> Trust {
        Trust::Pins(vec![CaPin::of_certificate(&ca.der).unwrap()])
    }

    #[test]
    fn a_presented_ca_with_the_pinned_key_is_trusted_and_no_other() {
        let (ours, foreign) = (ca(), ca());
        let leaf = server(&ours, "sickbay.test", 2999);
        assert!(verify(pins(&ours), &leaf, &ours, "sickbay.test").is_ok());
        let wrong_pin = verify(pins(&foreign), &leaf, &ours, "sickbay.test").unwrap_err();
        assert!(
            wrong_pin.to_string().contains("pinned SHA-256"),
            "{wrong_pin}"
        );
        // The pinned CA is public: presenting it beside a certificate that it did not sign must not help.
        let forged = server(&foreign, "sickbay.test", 2999);
        assert!(verify(pins(&ours), &forged, &ours, "sickbay.test").is_err());
    }

    #[test]
    fn the_host_of_the_url_must_be_named_also_where_it_is_an_address() {
        let ours = ca();
        let roots = || Trust::Roots(roots(std::slice::from_ref(&ours.der)).unwrap());
        let leaf = server(&ours, "127.0.0.1", 2999);
        assert!(verify(roots(), &leaf, &ours, "127.0.0.1").is_ok());
        assert!(verify(roots(), &leaf, &ours, "127.0.0.2").is_err());
        assert!(verify(roots(), &leaf, &ours, "sickbay.test").is_err());
    }

    #[test]
    fn a_wrong_clock_does_not_silence_a_device_but_a_foreign_ca_does() {
        let (ours, foreign) = (ca(), ca());
        let expired = server(&ours, "sickbay.test", 2021);
        assert!(verify(pins(&ours), &expired, &ours, "sickbay.test").is_ok());
        assert!(verify(pins(&ours), &expired, &ours, "other.test").is_err());
        let trust = Trust::Roots(roots(std::slice::from_ref(&foreign.der)).unwrap());
        assert!(verify(trust, &expired, &ours, "sickbay.test").is_err());
    }

    #[test]
    fn pins_are_read_as_people_paste_them() {
        let pin = CaPin([0xab; 32]);
        let colons = ["AB"; 32].join(":");
        assert_eq!(format!(" sha256:{colons} ").parse(), Ok(pin));
        assert_eq!(pin.to_string().parse(), Ok(pin));
        assert!(
            "abcd"
                .parse::<CaPin>()
                .unwrap_err()
                .to_string()
                .contains("64 hexadecimal digits")
        );
    }
}
