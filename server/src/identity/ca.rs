//! The server's own certificate authority: P-256, made at first start, keys in files that only the server's account can read.
//!
//! Device certificates are named by device id and last [`DEVICE_DAYS`]; server certificates carry the configured names, last
//! [`SERVER_DAYS`] and are issued again while the server runs.
//!
//! A CA is rotated in steps, each of which can be undone until the last: a next generation is *announced* (both are trusted), then servers
//! *switch* to it, then the old one is *retired*. The keys of both are certified by each other, so that whoever trusts one of them follows to
//! the other: a device that sleeps through all of it still knows the server. Which generation is good for what stands in the database, where
//! every server of it looks ([`Ca::reload`]); [`InForce`] is what that comes to, pure.

use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

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
use sickbay_store::{CaProgress, CaRow, NewAudit, Standing, Store, StoreError, action};
use time::OffsetDateTime;
use uuid::Uuid;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// Life of a device's certificate, in days.
pub const DEVICE_DAYS: i64 = 30;
/// Life of a server certificate, in days.
pub const SERVER_DAYS: i64 = 30;
/// Life of the CA, in days (20 years).
const CA_DAYS: i64 = 20 * 365;
/// Certificates count from this much earlier, in minutes, because clocks differ.
const BACKDATED_MINUTES: i64 = 60;
/// Generations that may stand between a CA that a sleeper trusts and the one that issues.
const CROSSES: u8 = 8;

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
    /// The key of the generation that issues is not there.
    #[error("{} is missing: it is the key of the CA that the database names; restore it from a backup", path.display())]
    KeyMissing {
        /// The file.
        path: PathBuf,
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

/// A step of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Make the next generation, and have everybody trust both.
    Announce,
    /// Issue by the next generation.
    Switch,
    /// Trust the old generation no more. Its key is removed.
    Retire,
    /// Undo the last step.
    BackOut,
}

/// Where a rotation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// One generation, which issues and is trusted.
    Steady,
    /// The next generation is known, both are trusted.
    Announced,
    /// The next generation issues, both are trusted.
    Switched,
}

impl Phase {
    /// The word of the command line, pages and API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Announced => "announced",
            Self::Switched => "switched",
        }
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
        chain.extend(self.beside_the_server().map(CertificateDer::from));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok((chain, key))
    }

    /// What goes with a server's certificate: the CAs themselves, so that a collector that only knows a pin can check it, and what leads from
    /// each generation that somebody may trust to the one that issues.
    fn beside_the_server(&self) -> impl Iterator<Item = Vec<u8>> {
        let own = self.rows.iter().filter(|row| is_trusted(row));
        let own = own.map(|row| row.certificate.clone());
        let issuing = self.issuing.generation;
        let crosses = self.rows.iter().filter_map(move |row| {
            if row.generation <= issuing {
                row.by_older.clone()
            } else {
                None
            }
        });
        // Who was given the next generation's pin already.
        let next = self.rows.iter().any(|row| row.standing == Standing::Next);
        let back = self.issuing.by_newer.clone().filter(|_| next);
        own.chain(crosses).chain(back)
    }
}

/// The certificate authority of a server.
pub struct Ca {
    folder: PathBuf,
    store: Arc<dyn Store>,
    in_force: RwLock<Arc<InForce>>,
}

impl Ca {
    /// Opens the CA that the database names and whose keys are in `folder`; makes one where there is none.
    pub async fn open_or_make(
        store: Arc<dyn Store>,
        folder: &Path,
        now: Time,
    ) -> Result<Self, CaError> {
        let mut rows = store.ca().await?;
        if rows.is_empty() {
            let first = CaRow {
                generation: 1,
                standing: Standing::Issuing,
                certificate: first_generation(folder, now)?,
                by_older: None,
                by_newer: None,
                since: now,
            };
            let line = line("server", now, "the CA is generation 1");
            // Two servers that start at once: the second finds what the first wrote.
            store.change_ca(&[], &[first], line).await?;
            rows = store.ca().await?;
        }
        let in_force = load(folder, rows)?;
        keep_certificates(folder, &in_force.rows)?;
        Ok(Self {
            folder: folder.to_owned(),
            store,
            in_force: RwLock::new(Arc::new(in_force)),
        })
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
        let fresh = Arc::new(load(&self.folder, rows)?);
        *self
            .in_force
            .write()
            .expect("never poisoned: nothing panics while it is held") = fresh;
        Ok(true)
    }

    /// Issues a device's certificate; see [`InForce::issue_device`].
    pub fn issue_device(
        &self,
        id: Uuid,
        request: &SigningRequest,
        now: Time,
    ) -> Result<DeviceCertificate, CaError> {
        self.in_force().issue_device(id, request, now)
    }

    /// The pin of the generation that issues.
    pub fn pin(&self) -> String {
        self.in_force().pin()
    }

    /// How far the devices have come with the rotation that is under way: told of the newest generation, and moved to it.
    pub async fn progress(&self) -> Result<CaProgress, CaError> {
        let in_force = self.in_force();
        let newest = in_force.rows.last();
        let (generation, since) = newest.map_or((0, Time::from_millis(0)), |row| {
            (row.generation, made_at(row))
        });
        Ok(self.store.ca_progress(since, generation).await?)
    }

    /// Takes a step of a rotation, for `by`. `force` retires a generation although devices still hold its certificates; they recover.
    pub async fn rotate(
        &self,
        step: Step,
        by: &str,
        force: bool,
        now: Time,
    ) -> Result<Arc<InForce>, CaError> {
        self.reload().await?;
        let before = self.in_force();
        let (wanted, said) = match step {
            Step::Announce => self.announced(&before, now)?,
            Step::Switch => switched(&before.rows, now)?,
            Step::Retire => {
                let progress = self.progress().await?;
                if progress.moved < progress.devices && !force {
                    return Err(CaError::NotNow(format!(
                        "{} of {} active devices hold no certificate of the new CA yet. Those that are switched off come home by themselves \
                         later, also after this step; take it with --force if you do not want to wait for them",
                        progress.devices - progress.moved,
                        progress.devices
                    )));
                }
                retired(&before.rows, now)?
            }
            Step::BackOut => backed_out(&before.rows, now)?,
        };
        if !self
            .store
            .change_ca(&before.rows, &wanted, line(by, now, &said))
            .await?
        {
            return Err(CaError::NotNow(
                "somebody else changed the CA at this moment; look where it stands and try again"
                    .to_owned(),
            ));
        }
        // Only once nothing issues by it any more.
        for row in wanted
            .iter()
            .filter(|row| row.standing == Standing::Retired)
        {
            remove(&self.folder.join(key_file(row.generation)))?;
        }
        self.reload().await?;
        Ok(self.in_force())
    }

    fn announced(&self, before: &InForce, now: Time) -> Result<(Vec<CaRow>, String), CaError> {
        if before.phase() != Phase::Steady {
            return Err(CaError::NotNow(format!(
                "a rotation is under way ({}): finish it, or back out of it",
                before.phase().name()
            )));
        }
        let generation = 1 + before.rows.last().map_or(0, |row| row.generation);
        let key_path = self.folder.join(key_file(generation));
        // One that a rotation left which was interrupted before anybody knew of it.
        remove(&key_path)?;
        let key = KeyPair::generate().map_err(unusable("the new CA key"))?;
        let params = ca_params(generation, now);
        let certificate = params
            .self_signed(&key)
            .map_err(unusable("the new CA certificate"))?;
        let cross = crossed(&params)
            .signed_by(&key, &before.issuer)
            .map_err(unusable("the new CA's certificate by the old one"))?;
        let next = Issuer::from_ca_cert_der(certificate.der(), &key)
            .map_err(unusable("the new CA certificate"))?;
        let back = crossed(&ca_params(before.issuing.generation, now))
            .signed_by(before.issuer.key(), &next)
            .map_err(unusable("the old CA's certificate by the new one"))?;
        write_private(&key_path, key.serialize_pem().as_bytes())?;
        let certificate_path = self.folder.join(certificate_file(generation));
        remove(&certificate_path)?;
        write_private(&certificate_path, certificate.pem().as_bytes())?;
        let mut rows = before.rows.clone();
        for row in &mut rows {
            if row.standing == Standing::Issuing {
                row.by_newer = Some(back.der().to_vec());
            }
        }
        rows.push(CaRow {
            generation,
            standing: Standing::Next,
            certificate: certificate.der().to_vec(),
            by_older: Some(cross.der().to_vec()),
            by_newer: None,
            since: now,
        });
        Ok((rows, format!("generation {generation} is announced")))
    }
}

/// When a generation was made: its certificate says so, to the second.
fn made_at(row: &CaRow) -> Time {
    validity_of(&CertificateDer::from(row.certificate.as_slice())).map_or(row.since, |(from, _)| {
        from.plus_millis(BACKDATED_MINUTES * 60_000)
    })
}

fn switched(rows: &[CaRow], now: Time) -> Result<(Vec<CaRow>, String), CaError> {
    let next = rows.iter().find(|row| row.standing == Standing::Next);
    let Some(next) = next.map(|row| row.generation) else {
        return Err(CaError::NotNow(
            "no next CA is announced: `ca rotate announce` comes first".to_owned(),
        ));
    };
    let moved = restanding(rows, now, |row| match row.standing {
        Standing::Issuing => Standing::Trusted,
        Standing::Next => Standing::Issuing,
        other => other,
    });
    Ok((moved, format!("generation {next} issues")))
}

fn retired(rows: &[CaRow], now: Time) -> Result<(Vec<CaRow>, String), CaError> {
    let old = rows.iter().find(|row| row.standing == Standing::Trusted);
    let Some(old) = old.map(|row| row.generation) else {
        return Err(CaError::NotNow(
            "no old CA waits to be retired: `ca rotate switch` comes first".to_owned(),
        ));
    };
    let moved = restanding(rows, now, |row| match row.standing {
        Standing::Trusted => Standing::Retired,
        other => other,
    });
    Ok((moved, format!("generation {old} is retired")))
}

/// One step back: from switched to announced, from announced to what was before. A generation that is dropped stays known as retired: some
/// device may hold a certificate of it, and comes home by it.
fn backed_out(rows: &[CaRow], now: Time) -> Result<(Vec<CaRow>, String), CaError> {
    let has = |standing| rows.iter().find(|row| row.standing == standing);
    if let Some(old) = has(Standing::Trusted) {
        let said = format!("back to generation {}, which issues again", old.generation);
        let moved = restanding(rows, now, |row| match row.standing {
            Standing::Trusted => Standing::Issuing,
            Standing::Issuing => Standing::Next,
            other => other,
        });
        return Ok((moved, said));
    }
    let Some(next) = has(Standing::Next) else {
        return Err(CaError::NotNow(
            "no rotation is under way; a CA that was retired does not come back".to_owned(),
        ));
    };
    let said = format!("generation {} is dropped", next.generation);
    let moved = restanding(rows, now, |row| match row.standing {
        Standing::Next => Standing::Retired,
        other => other,
    });
    Ok((moved, said))
}

fn restanding(rows: &[CaRow], now: Time, to: impl Fn(&CaRow) -> Standing) -> Vec<CaRow> {
    rows.iter()
        .map(|row| {
            let standing = to(row);
            let since = if standing == row.standing {
                row.since
            } else {
                now
            };
            CaRow {
                standing,
                since,
                ..row.clone()
            }
        })
        .collect()
}

fn line(by: &str, now: Time, said: &str) -> NewAudit {
    NewAudit {
        at: now,
        actor: by.to_owned(),
        action: action::CA_ROTATION,
        device: None,
        subject: "the CA".to_owned(),
        detail: said.to_owned(),
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

/// Reads the key of the generation that issues, and puts the generations in force.
fn load(folder: &Path, rows: Vec<CaRow>) -> Result<InForce, CaError> {
    let path = folder.join(key_file(issuing(&rows)?.generation));
    if !path.exists() {
        return Err(CaError::KeyMissing { path });
    }
    let key = KeyPair::from_pem(&read(&path)?).map_err(broken(&path))?;
    if pin_of(&issuing(&rows)?.certificate)
        != Some(hex::encode(Sha256::digest(key.subject_public_key_info())))
    {
        return Err(CaError::Broken {
            path,
            source: rcgen::Error::CouldNotParseKeyPair,
        });
    }
    InForce::of(rows, key)
}

/// People and backups look for the certificates beside the keys; the database has the truth.
fn keep_certificates(folder: &Path, rows: &[CaRow]) -> Result<(), CaError> {
    for row in rows.iter().filter(|row| is_trusted(row)) {
        let path = folder.join(certificate_file(row.generation));
        let text = pem::encode(&pem::Pem::new("CERTIFICATE", row.certificate.clone()));
        if fs::read_to_string(&path).is_ok_and(|there| same_pem(&there, &text)) {
            continue;
        }
        remove(&path)?;
        write_private(&path, text.as_bytes())?;
    }
    Ok(())
}

fn same_pem(a: &str, b: &str) -> bool {
    let contents = |text: &str| pem::parse(text).map(pem::Pem::into_contents).ok();
    contents(a) == contents(b)
}

/// The certificate of the first generation, whose files may be older than the database.
fn first_generation(folder: &Path, now: Time) -> Result<Vec<u8>, CaError> {
    let (key, certificate) = (folder.join(key_file(1)), folder.join(certificate_file(1)));
    match (key.exists(), certificate.exists()) {
        (false, false) => make(&key, &certificate, now),
        (true, true) => {
            let pem = read(&certificate)?;
            let read: CertificateDer<'static> =
                rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes())
                    .map_err(|_| rcgen::Error::CouldNotParseCertificate)
                    .map_err(broken(&certificate))?;
            Ok(read.to_vec())
        }
        (true, false) => Err(CaError::Half {
            missing: certificate,
            present: key,
        }),
        (false, true) => Err(CaError::Half {
            missing: key,
            present: certificate,
        }),
    }
}

fn make(key_file: &Path, certificate_file: &Path, now: Time) -> Result<Vec<u8>, CaError> {
    let key = KeyPair::generate().map_err(unusable("the new CA key"))?;
    let certificate = ca_params(1, now)
        .self_signed(&key)
        .map_err(unusable("the new CA certificate"))?;
    // The certificate goes first: a crash in between leaves a certificate without a key, which nobody can have trusted yet,
    // and the error says how to go on.
    write_private(certificate_file, certificate.pem().as_bytes())?;
    write_private(key_file, key.serialize_pem().as_bytes())?;
    Ok(certificate.der().to_vec())
}

/// Every generation has a name of its own: by it, its certificates are told from others'.
fn ca_params(generation: u32, now: Time) -> CertificateParams {
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
fn crossed(params: &CertificateParams) -> CertificateParams {
    let mut params = params.clone();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(CROSSES));
    params
}

/// The file of a generation's key.
fn key_file(generation: u32) -> String {
    match generation {
        1 => "ca-key.pem".to_owned(),
        later => format!("ca-key-{later}.pem"),
    }
}

/// The file of a generation's certificate, for people and backups; the database has it too.
fn certificate_file(generation: u32) -> String {
    match generation {
        1 => "ca.pem".to_owned(),
        later => format!("ca-{later}.pem"),
    }
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

fn remove(path: &Path) -> Result<(), CaError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(CaError::File {
            action: "remove",
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
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
