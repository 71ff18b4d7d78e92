//! Who this device is: its key, and the certificate that the server issued over it.

use std::fmt;
use std::io;
use std::path::Path;

use rcgen::{KeyPair, PublicKeyData as _};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use serde::{Deserialize, Serialize};
use sickbay_diagnosis::Time;

use super::key_file::Unopened;
use super::{SetAside, StateDir, StateError, key_file, read};
use crate::certificate::Certificate;

const KEY: &str = key_file::NAME;
const NEXT_KEY: &str = key_file::NEXT_NAME;
const IDENTITY: &str = "identity.json";
const VERSION: u32 = 1;
const LIMIT_BYTES: usize = 1024 * 1024;

/// What an enrolled device holds beside its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The device id, a UUID.
    pub device_id: String,
    /// DER; the device's own certificate first.
    pub chain: Vec<Vec<u8>>,
    /// DER; whom the device trusts.
    pub trusted_cas: Vec<Vec<u8>>,
    /// From when on the device's certificate counts.
    pub not_before: Time,
    /// Until when it counts.
    pub not_after: Time,
    /// Names what the server issued when this came; `None` where it did not say.
    pub mark: Option<[u8; 32]>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    device_id: String,
    certificate_chain: String,
    trusted_cas: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    mark: String,
}

/// A certificate that is none, or none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadIdentity(String);

impl Identity {
    /// Takes what the server issued, if it is a certificate over `key` that TLS can show, with a CA by which it can trust. Anything
    /// else, once it stood in the state folder, would keep the device from every server.
    pub fn new(
        device_id: String,
        chain: Vec<Vec<u8>>,
        trusted_cas: Vec<Vec<u8>>,
        key: &KeyPair,
    ) -> Result<Self, BadIdentity> {
        let leaf = chain
            .first()
            .ok_or_else(|| BadIdentity("there is no certificate".to_owned()))?;
        let certificate = Certificate::of_der(leaf)
            .map_err(|error| BadIdentity(format!("the certificate cannot be read: {error}")))?;
        if certificate.public_key != key.subject_public_key_info() {
            return Err(BadIdentity(
                "the certificate is not over this device's key".to_owned(),
            ));
        }
        ParsedCertificate::try_from(&CertificateDer::from(leaf.as_slice()))
            .map_err(|error| BadIdentity(format!("the certificate cannot be used: {error}")))?;
        let cas = trusted_cas
            .iter()
            .map(|der| CertificateDer::from(der.as_slice()));
        let (usable, _) = RootCertStore::empty().add_parsable_certificates(cas);
        if usable == 0 {
            return Err(BadIdentity("there is no CA to trust".to_owned()));
        }
        Ok(Self {
            device_id,
            chain,
            trusted_cas,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            mark: None,
        })
    }

    /// With the mark that came with it.
    #[must_use]
    pub const fn marked(mut self, mark: Option<[u8; 32]>) -> Self {
        self.mark = mark;
        self
    }

    /// Whether the certificate is past its end. A certificate that does not count yet is no reason to drop it: then the clock is wrong.
    pub fn expired(&self, now: Time) -> bool {
        now > self.not_after
    }

    /// When it is to be renewed: at half of its life.
    pub fn renew_at(&self) -> Time {
        self.not_before
            .plus_millis(self.not_after.since(self.not_before) / 2)
    }

    fn to_json(&self) -> Vec<u8> {
        let stored = Stored {
            version: VERSION,
            device_id: self.device_id.clone(),
            certificate_chain: to_pem(&self.chain),
            trusted_cas: to_pem(&self.trusted_cas),
            mark: self.mark.map_or_else(String::new, hex::encode),
        };
        serde_json::to_vec_pretty(&stored).expect("texts and a number")
    }

    fn from_json(json: &[u8], key: &KeyPair) -> Result<Self, String> {
        let stored: Stored = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if stored.version != VERSION {
            return Err(format!(
                "it has version {}; this build reads {VERSION}",
                stored.version
            ));
        }
        let chain = from_pem(&stored.certificate_chain)?;
        let trusted = from_pem(&stored.trusted_cas)?;
        let mark = hex::decode(&stored.mark).ok();
        let mark = mark.and_then(|bytes| bytes.try_into().ok());
        Self::new(stored.device_id, chain, trusted, key)
            .map(|identity| identity.marked(mark))
            .map_err(|error| error.to_string())
    }
}

/// The key, and the identity where the device is enrolled.
pub struct Credentials {
    /// P-256.
    pub key: KeyPair,
    /// `None` until the device is enrolled.
    pub identity: Option<Identity>,
}

impl fmt::Debug for Credentials {
    /// Never shows the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl StateDir {
    /// The key and the identity. A missing key is made; one that can never be used is set aside with the identity, so that the device
    /// enrols again under a new key. One that cannot be opened now is an error, and stays.
    pub fn load_credentials(&self) -> Result<(Credentials, Vec<SetAside>), StateError> {
        let mut aside = Vec::new();
        let stored = read(&self.dir, KEY, LIMIT_BYTES)?;
        let key = match stored.map(|pem| parse_key(&pem)) {
            Some(Ok(key)) => key,
            Some(Err(Unopened::Broken(reason))) => {
                aside.push(self.set_aside(KEY, reason)?);
                self.make_key(KEY)?
            }
            Some(Err(Unopened::NotNow(source))) => {
                let path = self.dir.join(KEY);
                return Err(StateError::Read { path, source });
            }
            None => self.make_key(KEY)?,
        };
        let identity = match read(&self.dir, IDENTITY, LIMIT_BYTES)? {
            None => None,
            Some(json) => match Identity::from_json(&json, &key) {
                Ok(identity) => Some(identity),
                Err(reason) => {
                    aside.push(self.set_aside(IDENTITY, reason)?);
                    None
                }
            },
        };
        Ok((Credentials { key, identity }, aside))
    }

    /// Replaces the identity.
    pub fn save_identity(&self, identity: &Identity) -> Result<(), StateError> {
        self.write(IDENTITY, &identity.to_json())
    }

    /// The key under which this device means to enrol again, made where there is none yet: it stays the same until it is let in, or the
    /// device would wait for approval under another key every time it asks.
    pub fn next_key(&self) -> Result<KeyPair, StateError> {
        let stored = read(&self.dir, NEXT_KEY, LIMIT_BYTES)?;
        match stored.map(|content| parse_key(&content)) {
            Some(Ok(key)) => Ok(key),
            Some(Err(Unopened::NotNow(source))) => Err(StateError::Read {
                path: self.dir.join(NEXT_KEY),
                source,
            }),
            Some(Err(Unopened::Broken(_))) | None => self.make_key(NEXT_KEY),
        }
    }

    /// Replaces key and identity by the next key and what was issued over it. Interrupted half way, the identity is found not to be over
    /// the key, and the device enrols with the key that the server knows by then.
    pub fn adopt_next(&self, identity: &Identity) -> Result<(), StateError> {
        let failed = |source| StateError::Write {
            path: self.dir.join(KEY),
            source,
        };
        std::fs::rename(self.dir.join(NEXT_KEY), self.dir.join(KEY)).map_err(failed)?;
        self.save_identity(identity)
    }

    /// Forgets the next key, which is of no use any more.
    pub fn forget_next_key(&self) -> Result<(), StateError> {
        self.remove(NEXT_KEY)
    }

    /// Forgets the identity, so that the device enrols again.
    pub fn forget_identity(&self) -> Result<(), StateError> {
        self.remove(IDENTITY)
    }

    /// Forgets key and identity: the device is of no use any more, or the machine is to become many.
    pub fn forget_credentials(&self) -> Result<(), StateError> {
        self.remove(IDENTITY)?;
        self.remove(NEXT_KEY)?;
        self.remove(KEY)
    }

    fn make_key(&self, name: &'static str) -> Result<KeyPair, StateError> {
        let failed = |source| StateError::Write {
            path: self.dir.join(name),
            source,
        };
        let key = KeyPair::generate().map_err(|error| failed(io::Error::other(error)))?;
        let content = key_file::seal(key.serialize_pem().as_bytes()).map_err(failed)?;
        self.write(name, &content)?;
        Ok(key)
    }
}

/// Key and identity in `dir` for a reader that holds no lock; `None` where there is no usable key.
pub(crate) fn peek(dir: &Path) -> Result<Option<Credentials>, StateError> {
    let key = match read(dir, KEY, LIMIT_BYTES)?.map(|content| parse_key(&content)) {
        Some(Ok(key)) => key,
        Some(Err(Unopened::NotNow(source))) => {
            let path = dir.join(KEY);
            return Err(StateError::Read { path, source });
        }
        Some(Err(Unopened::Broken(_))) | None => return Ok(None),
    };
    let json = read(dir, IDENTITY, LIMIT_BYTES)?;
    let identity = json.and_then(|json| Identity::from_json(&json, &key).ok());
    Ok(Some(Credentials { key, identity }))
}

fn parse_key(content: &[u8]) -> Result<KeyPair, Unopened> {
    let pem = key_file::open(content)?;
    let text = std::str::from_utf8(&pem).map_err(|error| Unopened::Broken(error.to_string()))?;
    KeyPair::from_pem(text)
        .map_err(|error| Unopened::Broken(format!("it is no private key: {error}")))
}

fn to_pem(certificates: &[Vec<u8>]) -> String {
    let blocks: Vec<pem::Pem> = certificates
        .iter()
        .map(|der| pem::Pem::new("CERTIFICATE", der.clone()))
        .collect();
    pem::encode_many(&blocks)
}

fn from_pem(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let blocks = pem::parse_many(text).map_err(|error| error.to_string())?;
    Ok(blocks.into_iter().map(pem::Pem::into_contents).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    fn identity(key: &KeyPair) -> Result<Identity, BadIdentity> {
        let certificate = rcgen::CertificateParams::default()
            .self_signed(key)
            .unwrap();
        let der = certificate.der().to_vec();
        Identity::new("d".to_owned(), vec![der.clone()], vec![der], key)
    }

    #[test]
    fn the_key_and_the_identity_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        let (first, aside) = state.load_credentials().unwrap();
        assert!(first.identity.is_none() && aside.is_empty());
        let identity = identity(&first.key).unwrap();
        state.save_identity(&identity).unwrap();
        let (again, aside) = state.load_credentials().unwrap();
        assert_eq!(again.identity, Some(identity));
        assert_eq!(
            (again.key.serialize_der(), aside),
            (first.key.serialize_der(), vec![])
        );
    }

    #[test]
    fn a_key_that_cannot_be_used_means_enrolling_again_with_the_reason_told() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        let (first, _) = state.load_credentials().unwrap();
        state.save_identity(&identity(&first.key).unwrap()).unwrap();
        std::fs::write(dir.path().join(KEY), "-----BEGIN garbage").unwrap();
        let (again, aside) = state.load_credentials().unwrap();
        assert!(again.identity.is_none());
        assert_eq!(
            aside.iter().map(|file| file.name).collect::<Vec<_>>(),
            [KEY, IDENTITY]
        );
        assert!(aside[0].reason.contains("no private key"), "{aside:?}");
    }

    #[test]
    fn a_certificate_over_another_key_is_refused() {
        let (ours, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let der = rcgen::CertificateParams::default()
            .self_signed(&other)
            .unwrap()
            .der()
            .to_vec();
        let refused = Identity::new("d".to_owned(), vec![der.clone()], vec![der], &ours);
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .contains("not over this device's key")
        );
    }

    #[test]
    fn what_tls_could_not_use_is_refused_and_in_the_folder_it_means_enrolling_again() {
        let key = KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        let good = params.self_signed(&key).unwrap().der().to_vec();
        let mut unknown = rcgen::CustomExtension::from_oid_content(&[1, 3, 9, 9, 9], vec![5, 0]);
        unknown.set_criticality(true);
        params.custom_extensions.push(unknown);
        let with_unknown = params.self_signed(&key).unwrap().der().to_vec();
        for (leaf, ca, why) in [
            (&with_unknown, &good, "cannot be used"),
            (&good, &vec![0x30, 0], "no CA to trust"),
        ] {
            let refused = Identity::new("d".to_owned(), vec![leaf.clone()], vec![ca.clone()], &key);
            let error = refused.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }

        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        let (first, _) = state.load_credentials().unwrap();
        let mut identity = identity(&first.key).unwrap();
        identity.trusted_cas = vec![b"noise".to_vec()];
        state.save_identity(&identity).unwrap();
        let (again, aside) = state.load_credentials().unwrap();
        assert!(again.identity.is_none() && aside.len() == 1, "{aside:?}");
    }

    #[test]
    fn a_certificate_is_renewed_at_half_of_its_life() {
        let key = KeyPair::generate().unwrap();
        let mut identity = identity(&key).unwrap();
        identity.not_before = Time::from_millis(1_000);
        identity.not_after = Time::from_millis(3_000);
        assert_eq!(identity.renew_at(), Time::from_millis(2_000));
        assert!(
            identity.expired(Time::from_millis(3_001)) && !identity.expired(Time::from_millis(0))
        );
    }
}
