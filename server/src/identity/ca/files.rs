//! The files of the CA: keys, which stand nowhere else, and certificates beside them for people and backups.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use sickbay_diagnosis::Time;
use sickbay_store::CaRow;

use super::certificate::{ca_params, pin_of};
use super::{CaError, InForce, is_trusted, issuing, unusable};

/// Reads the key of the generation that issues, and puts the generations in force.
pub(super) fn load(folder: &Path, rows: Vec<CaRow>) -> Result<InForce, CaError> {
    let path = folder.join(key_file(issuing(&rows)?));
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

/// Has the folder follow the database, which has the truth: certificates beside the keys, where people and backups look for them, and no key
/// of a generation that is retired.
pub(super) fn tidy(folder: &Path, rows: &[CaRow]) -> Result<(), CaError> {
    for row in rows {
        if !is_trusted(row) {
            remove(&folder.join(key_file(row)))?;
            continue;
        }
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
pub(super) fn first_generation(folder: &Path, now: Time) -> Result<Vec<u8>, CaError> {
    let (key, certificate) = (folder.join(FIRST_KEY), folder.join(certificate_file(1)));
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

/// The file of the first generation's key.
const FIRST_KEY: &str = "ca-key.pem";

/// The file of a generation's key. Of two that are made at once for one place, each has its own, and the one that loses takes nothing from
/// the other.
pub(super) fn key_file(row: &CaRow) -> String {
    match row.generation {
        1 => FIRST_KEY.to_owned(),
        later => {
            let pin = pin_of(&row.certificate).unwrap_or_default();
            format!("ca-key-{later}-{}.pem", pin.get(..8).unwrap_or_default())
        }
    }
}

/// The file of a generation's certificate, for people and backups; the database has it too.
pub(super) fn certificate_file(generation: u32) -> String {
    match generation {
        1 => "ca.pem".to_owned(),
        later => format!("ca-{later}.pem"),
    }
}

pub(super) fn broken(path: &Path) -> impl FnOnce(rcgen::Error) -> CaError {
    let path = path.to_owned();
    move |source| CaError::Broken { path, source }
}

pub(super) fn read(path: &Path) -> Result<String, CaError> {
    fs::read_to_string(path).map_err(|source| CaError::File {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

pub(super) fn remove(path: &Path) -> Result<(), CaError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(CaError::File {
            action: "remove",
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CaError> {
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
