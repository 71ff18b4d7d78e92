//! The owner's certificate for the web port: read from its files, and read again when they change, so that renewing it needs no restart.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use sickbay_diagnosis::Time;

use crate::app::App;
use crate::config::Web;
use crate::identity::ca::validity_of;
use crate::identity::tls;

/// The settings that name the files.
const CERTIFICATE: &str = "web.tls_certificate";
const KEY: &str = "web.tls_key";
/// How often the files are looked at. They are small, and whoever renews them may set any time of change.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// A certificate and key in files.
pub struct CertificateFiles {
    web: Web,
    current: RwLock<Read>,
}

struct Read {
    certified: Arc<CertifiedKey>,
    /// Of what both files hold.
    mark: [u8; 32],
}

impl fmt::Debug for CertificateFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateFiles")
            .field("certificate", &self.web.tls_certificate)
            .finish_non_exhaustive()
    }
}

impl CertificateFiles {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// Says which file holds what it should not.
    pub fn open(web: &Web) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            web: web.clone(),
            current: RwLock::new(read(web)?),
        }))
    }

    /// Reads the files again where they hold something else than before; `true` where that counts from now on.
    ///
    /// # Errors
    /// Where they cannot be used; the former certificate stays. It may be that only one of the two is written yet.
    pub fn refresh(&self) -> anyhow::Result<bool> {
        let mark = mark(&self.web)?;
        if self.current().mark == mark {
            return Ok(false);
        }
        let fresh = read(&self.web)?;
        *self
            .current
            .write()
            .expect("never poisoned: nothing panics while it is held") = fresh;
        Ok(true)
    }

    fn ends_at(&self) -> Option<Time> {
        let current = self.current();
        let (_, until) = validity_of(current.certified.cert.first()?)?;
        Some(until)
    }

    fn current(&self) -> std::sync::RwLockReadGuard<'_, Read> {
        self.current
            .read()
            .expect("never poisoned: nothing panics while it is held")
    }

    /// Refreshes until the server stops.
    pub async fn keep(self: Arc<Self>, app: App) {
        let mut told = String::new();
        loop {
            if let Some(until) = self.ends_at() {
                app.metrics.present.web_certificate(until, app.clock.now());
            }
            tokio::select! {
                () = app.stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            match self.refresh() {
                Ok(false) => told.clear(),
                Ok(true) => {
                    told.clear();
                    tracing::info!(
                        certificate = %self.web.tls_certificate.display(),
                        "the web port shows the renewed certificate"
                    );
                }
                Err(error) => {
                    let said = format!("{error:#}");
                    if said != told {
                        tracing::warn!(
                            error = said,
                            "the web port goes on with the certificate that it has"
                        );
                        told = said;
                    }
                }
            }
        }
    }
}

impl ResolvesServerCert for CertificateFiles {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current().certified))
    }
}

fn bytes(path: &Path, setting: &str) -> anyhow::Result<Vec<u8>> {
    let what = if setting == KEY { "key" } else { "certificate" };
    std::fs::read(path)
        .with_context(|| format!("cannot read the {what} {} ({setting})", path.display()))
}

fn mark(web: &Web) -> anyhow::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    hash.update(Sha256::digest(bytes(
        &web.tls_certificate,
        "web.tls_certificate",
    )?));
    hash.update(Sha256::digest(bytes(&web.tls_key, KEY)?));
    Ok(hash.finalize().into())
}

fn read(web: &Web) -> anyhow::Result<Read> {
    // The mark first: what is written while the files are read is then noticed at the next look.
    let mark = mark(web)?;
    let (certificate, key) = (&web.tls_certificate, &web.tls_key);
    let chain = CertificateDer::pem_slice_iter(&bytes(certificate, CERTIFICATE)?)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| {
            format!(
                "{} (web.tls_certificate) is no certificate in PEM",
                certificate.display()
            )
        })?;
    ensure!(
        !chain.is_empty(),
        "{} (web.tls_certificate) holds no certificate in PEM",
        certificate.display()
    );
    let key_der = PrivateKeyDer::from_pem_slice(&bytes(key, KEY)?)
        .with_context(|| format!("{} (web.tls_key) holds no key in PEM", key.display()))?;
    let certified =
        CertifiedKey::from_der(chain, key_der, &tls::provider()).with_context(|| {
            format!(
                "{} and {} do not belong together",
                certificate.display(),
                key.display()
            )
        })?;
    Ok(Read {
        certified: Arc::new(certified),
        mark,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str) -> (String, String) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("a certificate");
        let (certificate, key) = (certificate.pem(), key.serialize_pem());
        std::fs::write(folder.join("cert.pem"), &certificate).expect("written");
        std::fs::write(folder.join("key.pem"), &key).expect("written");
        (certificate, key)
    }

    fn web(folder: &Path) -> Web {
        Web {
            tls_certificate: folder.join("cert.pem"),
            tls_key: folder.join("key.pem"),
            ..Web::default()
        }
    }

    #[test]
    fn a_renewed_certificate_counts_and_a_broken_one_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let (_, former_key) = write(folder.path(), "one.example");
        let files = CertificateFiles::open(&web(folder.path())).expect("usable");
        let shown = || files.current().certified.cert[0].to_vec();
        let first = shown();
        assert!(!files.refresh().expect("the same"));
        let (certificate, key) = write(folder.path(), "two.example");
        // Half written: the new certificate with the former key.
        std::fs::write(folder.path().join("key.pem"), former_key).expect("written");
        let said = format!("{:#}", files.refresh().expect_err("half"));
        assert!(said.contains("do not belong together"), "{said}");
        assert_eq!(shown(), first);
        std::fs::write(folder.path().join("key.pem"), key).expect("written");
        assert!(files.refresh().expect("whole"));
        assert_ne!(shown(), first);
        let second = shown();
        for broken in ["", "nonsense"] {
            std::fs::write(folder.path().join("cert.pem"), broken).expect("written");
            let said = format!("{:#}", files.refresh().expect_err("broken"));
            assert!(said.contains("web.tls_certificate"), "{said}");
        }
        std::fs::remove_file(folder.path().join("cert.pem")).expect("removed");
        assert!(files.refresh().is_err());
        assert_eq!(shown(), second);
        std::fs::write(folder.path().join("cert.pem"), certificate).expect("written");
        assert!(!files.refresh().expect("as it was"));
    }
}
