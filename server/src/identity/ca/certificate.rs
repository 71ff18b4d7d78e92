//! What certificates of the CA say, and what is read of certificates.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use sickbay_diagnosis::Time;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// Life of the CA, in days (20 years).
const CA_DAYS: i64 = 20 * 365;
/// Certificates count from this much earlier, in minutes, because clocks differ.
pub(super) const BACKDATED_MINUTES: i64 = 60;
/// Generations that may stand between a CA that a sleeper trusts and the one that issues.
const CROSSES: u8 = 5;

/// Every generation has a name of its own: by it, its certificates are told from others'.
pub(super) fn ca_params(generation: u32, now: Time) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = match generation {
        1 => named("Sickbay CA"),
        later => named(&format!("Sickbay CA {later}")),
    };
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    limit_life(&mut params, now, CA_DAYS);
    params
}

/// The same name and use, where another generation signs it: more of them may stand below.
pub(super) fn crossed(params: &CertificateParams) -> CertificateParams {
    let mut params = params.clone();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(CROSSES));
    params
}

/// SHA-256 of the SubjectPublicKeyInfo of a certificate; `None` where it cannot be parsed.
pub fn key_sha256_of(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(Sha256::digest(parsed.public_key().raw).to_vec())
}

/// SHA-256 of the SubjectPublicKeyInfo of a certificate in hexadecimal.
pub fn pin_of(certificate: &[u8]) -> Option<String> {
    key_sha256_of(&CertificateDer::from(certificate)).map(hex::encode)
}

/// The name of whoever signed a certificate, DER.
pub(super) fn issuer_of(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(parsed.issuer().as_raw().to_vec())
}

/// The name of whom a certificate is of, DER.
pub(super) fn subject_of(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(parsed.subject().as_raw().to_vec())
}

/// The DNS names that a certificate is over.
pub fn dns_names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let Ok(Some(names)) = parsed.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        })
        .collect()
}

/// From when until when a certificate counts; `None` where it cannot be parsed.
pub fn validity_of(certificate: &CertificateDer<'_>) -> Option<(Time, Time)> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let validity = parsed.validity();
    let time = |seconds: i64| seconds.checked_mul(1000).map(Time::from_millis);
    Some((
        time(validity.not_before.timestamp())?,
        time(validity.not_after.timestamp())?,
    ))
}

pub(super) fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

pub(super) fn limit_life(params: &mut CertificateParams, now: Time, days: i64) {
    params.not_before = offset(now.plus_millis(-BACKDATED_MINUTES * 60_000));
    params.not_after = offset(now.plus_days(days));
}

fn offset(time: Time) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time.millis() / 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
