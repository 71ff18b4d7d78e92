//! What of the CA is kept where: keys among the server's secrets and nowhere else, certificates in the database, and beside it in files for
//! people and backups.

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
use crate::key_ring::KeyRing;

/// Reads the key of the generation that issues, and puts the generations in force.
pub(super) async fn load(keys: &KeyRing, rows: Vec<CaRow>) -> Result<InForce, CaError> {
    let row = issuing(&rows)?;
    let name = key_name(row);
    let place = keys.place(&name);
    let Some(pem) = keys.get(&name).await? else {
        return Err(CaError::KeyMissing { place });
    };
    let key = KeyPair::from_pem(&pem).map_err(broken(&place))?;
    if pin_of(&row.certificate) != Some(hex::encode(Sha256::digest(key.subject_public_key_info())))
    {
        return Err(CaError::Broken {
            place,
            source: rcgen::Error::CouldNotParseKeyPair,
        });
    }
    InForce::of(rows, key)
}

/// Has secrets and files follow the database, which has the truth: certificates where people and backups look for them, and no key of a
/// generation that is retired.
pub(super) async fn tidy(keys: &KeyRing, rows: &[CaRow]) -> Result<(), CaError> {
    for row in rows.iter().filter(|row| !is_trusted(row)) {
        let name = key_name(row);
        if keys.get(&name).await?.is_some() {
            keys.remove(&name).await?;
        }
    }
    write_certificates(keys.folder(), rows)
}

/// Writes the certificates of every trusted generation into the folder, where they are not there.
pub(super) fn write_certificates(folder: &Path, rows: &[CaRow]) -> Result<(), CaError> {
    for row in rows.iter().filter(|row| is_trusted(row)) {
        let path = folder.join(certificate_file(row.generation));
        let text = pem::encode(&pem::Pem::new("CERTIFICATE", row.certificate.clone()));
        if fs::read_to_string(&path).is_ok_and(|there| same_pem(&there, &text)) {
            continue;
        }
        put_file(&path, text.as_bytes())?;
    }
    Ok(())
}

fn same_pem(a: &str, b: &str) -> bool {
    let contents = |text: &str| pem::parse(text).map(pem::Pem::into_contents).ok();
    contents(a) == contents(b)
}

/// The certificate of the first generation, whose key and file may be older than the database.
pub(super) async fn first_generation(keys: &KeyRing, now: Time) -> Result<Vec<u8>, CaError> {
    let file = keys.folder().join(certificate_file(1));
    let present = file.display().to_string();
    let place = keys.place(FIRST_KEY);
    match (keys.get(FIRST_KEY).await?, file.exists()) {
        (None, false) => make(keys, &file, now).await,
        (Some(_), true) => {
            let pem = read(&file)?;
            let read: CertificateDer<'static> =
                rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes())
                    .map_err(|_| rcgen::Error::CouldNotParseCertificate)
                    .map_err(broken(&present))?;
            Ok(read.to_vec())
        }
        // A server that starts at the same moment has it, or one that came no further: nobody has seen a certificate of it yet.
        (Some(key), false) if !keys.are_files() => certify(&key, &place, now),
        (Some(_), false) => Err(CaError::Half {
            missing: present,
            present: place,
        }),
        (None, true) => Err(CaError::Half {
            missing: place,
            present,
        }),
    }
}

async fn make(keys: &KeyRing, certificate_file: &Path, now: Time) -> Result<Vec<u8>, CaError> {
    let key = KeyPair::generate().map_err(unusable("the new CA key"))?;
    let pem = key.serialize_pem();
    let place = keys.place(FIRST_KEY);
    if keys.are_files() {
        // The certificate goes first: a crash in between leaves a certificate without a key, which nobody can have trusted yet,
        // and the error says how to go on.
        let certificate = certify(&pem, &place, now)?;
        let text = pem::encode(&pem::Pem::new("CERTIFICATE", certificate.clone()));
        put_file(certificate_file, text.as_bytes())?;
        keys.put(FIRST_KEY, &pem).await?;
        return Ok(certificate);
    }
    // Of servers that start at once, all certify the same key; which certificate it is, the database says.
    let kept = keys.open_or_make(FIRST_KEY, || pem.clone()).await?;
    certify(&kept, &place, now)
}

fn certify(key: &str, place: &str, now: Time) -> Result<Vec<u8>, CaError> {
    let key = KeyPair::from_pem(key).map_err(broken(place))?;
    let certificate = ca_params(1, now)
        .self_signed(&key)
        .map_err(unusable("the new CA certificate"))?;
    Ok(certificate.der().to_vec())
}

/// The name of the first generation's key.
const FIRST_KEY: &str = "ca-key.pem";

/// The name of a generation's key. Of two that are made at once for one place, each has its own, and the one that loses takes nothing from
/// the other.
pub(super) fn key_name(row: &CaRow) -> String {
    match row.generation {
        1 => FIRST_KEY.to_owned(),
        later => {
            let pin = pin_of(&row.certificate).unwrap_or_default();
            format!("ca-key-{later}-{}.pem", pin.get(..8).unwrap_or_default())
        }
    }
}

/// The file of a generation's certificate, for people and backups; the database has it too.
fn certificate_file(generation: u32) -> String {
    match generation {
        1 => "ca.pem".to_owned(),
        later => format!("ca-{later}.pem"),
    }
}

fn broken(place: &str) -> impl FnOnce(rcgen::Error) -> CaError {
    let place = place.to_owned();
    move |source| CaError::Broken { place, source }
}

fn read(path: &Path) -> Result<String, CaError> {
    fs::read_to_string(path).map_err(cannot("read", path))
}

/// Whole or not at all, in the place of what is there: another process of this folder may write the same.
fn put_file(path: &Path, bytes: &[u8]) -> Result<(), CaError> {
    let fresh = path.with_extension(format!("fresh.{}", std::process::id()));
    let write = || {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().map_err(cannot("write", path))
}

fn cannot(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> CaError {
    let path = path.to_owned();
    move |source| CaError::File {
        action,
        path,
        source,
    }
}
