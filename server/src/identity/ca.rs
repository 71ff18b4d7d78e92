//! The server's own certificate authority: P-256, made at first start, key in a file that only the server's account can read.
//!
//! Device certificates are named by device id and last [`DEVICE_DAYS`]; server certificates carry the configured names, last
//! [`SERVER_DAYS`] and are issued again while the server runs. Rotation of the CA is not here yet.

use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _,
    SanType, SerialNumber,
};
use rustls::pki_types::{
    CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, PrivatePkcs8KeyDer,
};
use sha2::{Digest as _, Sha256};
use sickbay_diagnosis::Time;
use time::OffsetDateTime;
use uuid::Uuid;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Life of a device's certificate, in days.
pub const DEVICE_DAYS: i64 = 30;
/// Life of a server certificate, in days.
pub const SERVER_DAYS: i64 = 30;
/// Life of the CA, in days (20 years).
const CA_DAYS: i64 = 20 * 365;
/// Certificates count from this much earlier, in minutes, because clocks differ.
const BACKDATED_MINUTES: i64 = 60;

/// What can go wrong with the CA.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// A file cannot be read or written.
    #[error("cannot {action} {}: check that the server's account owns the folder", path.display())]
    File {
        /// read, write, ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// One of the two files is there without the other.
    #[error("{} is missing although {} is there: restore it from a backup, or remove both to make a new CA, after which every device must enrol again", missing.display(), present.display())]
    Half {
        /// The file that is missing.
        missing: PathBuf,
        /// The file that is there.
        present: PathBuf,
    },
    /// A file of the CA holds something else.
    #[error("{} cannot be used: restore it from a backup, or remove ca.pem and ca-key.pem to make a new CA, after which every device must enrol again", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// A key or certificate cannot be used.
    #[error("{what} cannot be used")]
    Unusable {
        /// What it is.
        what: &'static str,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
}

/// The certificate authority.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// A certificate that was issued to a device.
#[derive(Debug, Clone)]
pub struct DeviceCertificate {
    /// The certificate.
    pub der: Vec<u8>,
    /// Its serial number.
    pub serial: Vec<u8>,
    /// Its end.
    pub not_after: Time,
}

/// A checked certificate signing request: its signature proves that the sender holds the key.
pub struct SigningRequest {
    params: CertificateSigningRequestParams,
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub key_sha256: Vec<u8>,
}

impl SigningRequest {
    /// Reads PKCS#10 in DER and checks its signature. Only P-256 keys are taken.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        let params =
            CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(der))
                .map_err(|e| format!("the certificate signing request cannot be read: {e}"))?;
        if params.public_key.algorithm() != &rcgen::PKCS_ECDSA_P256_SHA256 {
            return Err("the key in the certificate signing request is not P-256".to_owned());
        }
        let key_sha256 = Sha256::digest(params.public_key.subject_public_key_info()).to_vec();
        Ok(Self { params, key_sha256 })
    }
}

impl Ca {
    /// Opens the CA in `folder`, or makes it.
    pub fn open_or_make(folder: &Path, now: Time) -> Result<Self, CaError> {
        let key_file = folder.join("ca-key.pem");
        let certificate_file = folder.join("ca.pem");
        match (key_file.exists(), certificate_file.exists()) {
            (false, false) => Self::make(&key_file, &certificate_file, now),
            (true, true) => Self::open(&key_file, &certificate_file),
            (true, false) => Err(CaError::Half {
                missing: certificate_file,
                present: key_file,
            }),
            (false, true) => Err(CaError::Half {
                missing: key_file,
                present: certificate_file,
            }),
        }
    }

    fn make(key_file: &Path, certificate_file: &Path, now: Time) -> Result<Self, CaError> {
        let key = KeyPair::generate().map_err(unusable("the new CA key"))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named("Sickbay CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        limit_life(&mut params, now, CA_DAYS);
        let certificate = params
            .self_signed(&key)
            .map_err(unusable("the new CA certificate"))?;
        // The certificate goes first: a crash in between leaves a certificate without a key, which nobody can have trusted yet,
        // and the error says how to go on.
        write_private(certificate_file, certificate.pem().as_bytes())?;
        write_private(key_file, key.serialize_pem().as_bytes())?;
        let certificate = certificate.der().clone();
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(unusable("the new CA certificate"))?;
        Ok(Self {
            issuer,
            certificate,
        })
    }

    fn open(key_file: &Path, certificate_file: &Path) -> Result<Self, CaError> {
        let key = KeyPair::from_pem(&read(key_file)?).map_err(broken(key_file))?;
        let pem = read(certificate_file)?;
        let certificate = rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes())
            .map_err(|_| rcgen::Error::CouldNotParseCertificate)
            .map_err(broken(certificate_file))?;
        let issuer =
            Issuer::from_ca_cert_der(&certificate, key).map_err(broken(certificate_file))?;
        Ok(Self {
            issuer,
            certificate,
        })
    }

    /// The CA's certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// SHA-256 of the CA's SubjectPublicKeyInfo in hexadecimal: what `ServerCaPins` holds.
    pub fn pin(&self) -> String {
        hex::encode(Sha256::digest(self.issuer.key().subject_public_key_info()))
    }

    /// Issues a device's certificate. The request's subject and extensions are ignored.
    pub fn issue_device(
        &self,
        id: Uuid,
        request: &SigningRequest,
        now: Time,
    ) -> Result<DeviceCertificate, CaError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&id.to_string());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        limit_life(&mut params, now, DEVICE_DAYS);
        let serial = Uuid::new_v4().as_bytes().to_vec();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let certificate = params
            .signed_by(&request.params.public_key, &self.issuer)
            .map_err(unusable("the device's certificate"))?;
        Ok(DeviceCertificate {
            der: certificate.der().to_vec(),
            serial,
            not_after: now.plus_days(DEVICE_DAYS),
        })
    }

    /// Issues a server certificate over a new key for `names` (DNS names or IP addresses).
    pub fn issue_server(
        &self,
        names: &[String],
        now: Time,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), CaError> {
        let key = KeyPair::generate().map_err(unusable("the new server key"))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named("Sickbay server");
        for name in names {
            let san = match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(
                    name.as_str()
                        .try_into()
                        .map_err(unusable("a name in collectors.names"))?,
                ),
            };
            params.subject_alt_names.push(san);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        limit_life(&mut params, now, SERVER_DAYS);
        let certificate = params
            .signed_by(&key, &self.issuer)
            .map_err(unusable("the server's certificate"))?;
        // The CA goes with the chain, so that a collector that only knows its pin can check it.
        let chain = vec![certificate.der().clone(), self.certificate.clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok((chain, key))
    }
}

/// SHA-256 of the SubjectPublicKeyInfo of a certificate; `None` where it cannot be parsed.
pub fn key_sha256_of(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(Sha256::digest(parsed.public_key().raw).to_vec())
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn limit_life(params: &mut CertificateParams, now: Time, days: i64) {
    params.not_before = offset(now.plus_millis(-BACKDATED_MINUTES * 60_000));
    params.not_after = offset(now.plus_days(days));
}

fn offset(time: Time) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time.millis() / 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn unusable(what: &'static str) -> impl FnOnce(rcgen::Error) -> CaError {
    move |source| CaError::Unusable { what, source }
}

fn broken(path: &Path) -> impl FnOnce(rcgen::Error) -> CaError {
    let path = path.to_owned();
    move |source| CaError::Broken { path, source }
}

fn read(path: &Path) -> Result<String, CaError> {
    fs::read_to_string(path).map_err(|source| CaError::File {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CaError> {
    let write = || {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|source| CaError::File {
        action: "write",
        path: path.to_owned(),
        source,
    })
}
