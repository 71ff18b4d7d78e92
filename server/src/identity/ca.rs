//! The server's own certificate authority: P-256, made at first start, its keys where the server keeps its secrets ([`crate::key_ring`]).
//!
//! Device certificates are named by device id and last [`DEVICE_DAYS`]; server certificates carry the configured names, last
//! [`SERVER_DAYS`] and are issued again while the server runs.
//!
//! A CA is rotated in steps, each of which can be undone until the last: a next generation is *announced* (both are trusted), then servers
//! *switch* to it, then the old one is *retired*. The keys of both are certified by each other, so that whoever trusts one of them follows to
//! the other: a device that sleeps through all of it still knows the server. Which generation is good for what stands in the database, where
//! every server of it looks ([`Ca::reload`]); [`InForce`] is what that comes to, pure.

mod certificate;
mod files;
mod rotation;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use rcgen::{
    CertificateParams, CertificateSigningRequestParams, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData as _, SanType, SerialNumber,
};
use rustls::pki_types::{
    CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, PrivatePkcs8KeyDer,
};
use sha2::{Digest as _, Sha256};
use sickbay_diagnosis::Time;
use sickbay_store::{CaRow, Standing, Store, StoreError};
use uuid::Uuid;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::key_ring::{KeyError, KeyRing};

pub use certificate::{dns_names_of, key_sha256_of, pin_of, validity_of};
use certificate::{issuer_of, limit_life, named, subject_of};
use files::{first_generation, load, tidy, write_certificates};
use rotation::line;
pub use rotation::{Phase, Step};

/// Life of a device's certificate, in days.
pub const DEVICE_DAYS: i64 = 30;
/// Life of a server certificate, in days.
pub const SERVER_DAYS: i64 = 30;

/// So many generations a device may sleep through and still know the server; verifiers look no further.
const FOREBEARS: usize = 5;

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
    /// Key or certificate is there without the other.
    #[error(
        "{missing} is missing although {present} is there: restore it from a backup, or remove both to make a new CA, after which every device must enrol again"
    )]
    Half {
        /// What is missing.
        missing: String,
        /// What is there.
        present: String,
    },
    /// The key of the generation that issues is not there.
    #[error(
        "{place} is missing: it is the key of the CA that the database names; restore it from a backup"
    )]
    KeyMissing {
        /// Where it should be.
        place: String,
    },
    /// Something else is where a key or certificate of the CA should be.
    #[error(
        "{place} cannot be used: restore it from a backup, together with the database that it is of"
    )]
    Broken {
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// Where the keys are kept.
    #[error(transparent)]
    Keys(KeyError),
    /// A key or certificate cannot be used.
    #[error("{what} cannot be used")]
    Unusable {
        /// What it is.
        what: &'static str,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server's own certificate cannot be made.
    #[error("the server's certificate cannot be made: {0}")]
    Server(String),
    /// A step of the rotation that is not possible now.
    #[error("{0}")]
    NotNow(String),
}

impl From<KeyError> for CaError {
    fn from(error: KeyError) -> Self {
        match error {
            // What the database says is the same, whoever asked.
            KeyError::Store(error) => Self::Store(error),
            other => Self::Keys(other),
        }
    }
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
    /// Which generation issued it.
    pub ca: u32,
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

/// The generations of the CA as they are in force.
pub struct InForce {
    rows: Vec<CaRow>,
    issuer: Issuer<'static, KeyPair>,
    issuing: CaRow,
    mark: [u8; 32],
}

impl InForce {
    fn of(rows: Vec<CaRow>, key: KeyPair) -> Result<Self, CaError> {
        let issuing = issuing(&rows)?.clone();
        let issuer =
            Issuer::from_ca_cert_der(&CertificateDer::from(issuing.certificate.as_slice()), key)
                .map_err(unusable("the CA's certificate"))?;
        let mut mark = Sha256::new().chain_update(&issuing.certificate);
        for row in rows.iter().filter(|row| is_trusted(row)) {
            mark.update(Sha256::digest(&row.certificate));
        }
        Ok(Self {
            mark: mark.finalize().into(),
            rows,
            issuer,
            issuing,
        })
    }

    /// Where the rotation stands.
    pub fn phase(&self) -> Phase {
        let any = |standing| self.rows.iter().any(|row| row.standing == standing);
        if any(Standing::Next) {
            Phase::Announced
        } else if any(Standing::Trusted) {
            Phase::Switched
        } else {
            Phase::Steady
        }
    }

    /// Every generation that is or was, the oldest first.
    pub fn generations(&self) -> &[CaRow] {
        &self.rows
    }

    /// The certificate of the generation that issues.
    pub fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.issuing.certificate.clone())
    }

    /// Certificates of every generation that devices should trust, DER.
    pub fn trusted(&self) -> Vec<Vec<u8>> {
        let trusted = self.rows.iter().filter(|row| is_trusted(row));
        trusted.map(|row| row.certificate.clone()).collect()
    }

    /// Certificates of every generation whose devices are let in, if only to recover.
    pub fn known(&self) -> impl Iterator<Item = CertificateDer<'static>> {
        let known = self.rows.iter();
        known.map(|row| CertificateDer::from(row.certificate.clone()))
    }

    /// Whether a certificate was issued by a generation that is retired. Which generation it was, its issuer's name says: they all differ,
    /// and the handshake has verified it.
    pub fn is_of_retired(&self, certificate: &CertificateDer<'_>) -> bool {
        let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
            return true;
        };
        self.rows
            .iter()
            .filter(|row| row.standing == Standing::Retired)
            .any(|row| {
                X509Certificate::from_der(&row.certificate)
                    .is_ok_and(|(_, ca)| ca.subject().as_raw() == parsed.issuer().as_raw())
            })
    }

    /// Names what is issued and who is trusted: it changes with every step of a rotation.
    pub const fn mark(&self) -> [u8; 32] {
        self.mark
    }

    /// SHA-256 of the SubjectPublicKeyInfo of each trusted generation in hexadecimal, the newest first: what `ServerCaPins` holds.
    pub fn pins(&self) -> Vec<String> {
        let trusted = self.rows.iter().rev().filter(|row| is_trusted(row));
        trusted.filter_map(|row| pin_of(&row.certificate)).collect()
    }

    /// The pin of the generation that issues.
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
            ca: self.issuing.generation,
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
        let mut chain = vec![certificate.der().clone()];
        chain.extend(
            self.beside_the_server()
                .into_iter()
                .map(CertificateDer::from),
        );
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok((chain, key))
    }

    /// What goes with a server's certificate: the CAs themselves, so that a collector that only knows a pin can check it, and what leads from
    /// generations that somebody may still trust to the one that issues: its forebears, one after the other, at most [`FOREBEARS`]. All of
    /// it has to fit into one message of a handshake.
    fn beside_the_server(&self) -> Vec<Vec<u8>> {
        let own = self.rows.iter().filter(|row| is_trusted(row));
        let mut beside: Vec<Vec<u8>> = own.map(|row| row.certificate.clone()).collect();
        let mut row = &self.issuing;
        for _ in 0..FOREBEARS {
            let Some(cross) = &row.by_older else { break };
            beside.push(cross.clone());
            let signer = issuer_of(cross);
            let signed = |older: &&CaRow| subject_of(&older.certificate) == signer;
            let Some(older) = self.rows.iter().find(signed) else {
                break;
            };
            row = older;
        }
        // Who was given the next generation's pin already.
        if self.phase() == Phase::Announced {
            beside.extend(self.issuing.by_newer.clone());
        }
        beside
    }
}

/// The certificate authority of a server.
pub struct Ca {
    keys: KeyRing,
    store: Arc<dyn Store>,
    in_force: RwLock<Arc<InForce>>,
}

impl Ca {
    /// Opens the CA that the database names and whose keys are among `keys`; makes one where there is none.
    pub async fn open_or_make(
        store: Arc<dyn Store>,
        keys: &KeyRing,
        now: Time,
    ) -> Result<Self, CaError> {
        let mut rows = store.ca().await?;
        if rows.is_empty() {
            let first = CaRow {
                generation: 1,
                standing: Standing::Issuing,
                certificate: first_generation(keys, now).await?,
                by_older: None,
                by_newer: None,
                since: now,
            };
            let line = line("server", now, "the CA is generation 1");
            // Two servers that start at once: the second finds what the first wrote, which is of the same key.
            store.change_ca(&[], &[first], line).await?;
            rows = store.ca().await?;
        }
        let in_force = load(keys, rows).await?;
        tidy(keys, &in_force.rows).await?;
        Ok(Self {
            keys: keys.clone(),
            store,
            in_force: RwLock::new(Arc::new(in_force)),
        })
    }

    /// Whether the key of the generation that issues is among `keys`, if the database names one.
    ///
    /// # Errors
    /// Where it is not.
    pub async fn is_among(rows: Vec<CaRow>, keys: &KeyRing) -> Result<(), CaError> {
        if !rows.is_empty() {
            load(keys, rows).await?;
        }
        Ok(())
    }

    /// Where the server keeps its secrets, the CA's keys among them.
    pub const fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// What is in force now.
    pub fn in_force(&self) -> Arc<InForce> {
        let in_force = self.in_force.read();
        Arc::clone(&in_force.expect("never poisoned: nothing panics while it is held"))
    }

    /// Looks what the database says. `true` where that is something else than before.
    pub async fn reload(&self) -> Result<bool, CaError> {
        let rows = self.store.ca().await?;
        if rows == self.in_force().rows || rows.is_empty() {
            return Ok(false);
        }
        let fresh = Arc::new(load(&self.keys, rows).await?);
        // For people, who may look at any server; nothing hangs on it.
        if let Err(error) = write_certificates(self.keys.folder(), &fresh.rows) {
            tracing::warn!(error = %crate::ingest::chain(&error), "the CA's certificates are not in the data folder");
        }
        *self
            .in_force
            .write()
            .expect("never poisoned: nothing panics while it is held") = fresh;
        Ok(true)
    }
}

const fn is_trusted(row: &CaRow) -> bool {
    !matches!(row.standing, Standing::Retired)
}

fn issuing(rows: &[CaRow]) -> Result<&CaRow, CaError> {
    let issuing = rows.iter().find(|row| row.standing == Standing::Issuing);
    issuing.ok_or_else(|| {
        CaError::NotNow("the database names no CA that issues; restore it from a backup".to_owned())
    })
}

fn unusable(what: &'static str) -> impl FnOnce(rcgen::Error) -> CaError {
    move |source| CaError::Unusable { what, source }
}
