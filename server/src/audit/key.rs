//! The key by which the record is sealed: a file beside the database, so that whoever can write to the database alone cannot seal it anew.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sickbay_store::Seal;

use crate::knowledge_pack::key::{PublicKey, SIGNATURE_BYTES, SigningKey};

/// Its name in the data folder.
const FILE: &str = "audit.key";

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "the key that seals the record, {}, cannot be used: {why}. Bring it back from a backup; without it the record is verified no more",
    path.display()
)]
pub struct BadAuditKey {
    /// Its file.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

/// By which the record is sealed.
pub struct AuditKey {
    key: SigningKey,
    public: PublicKey,
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl AuditKey {
    /// Reads the key of a data folder; makes one where there is none.
    ///
    /// # Errors
    /// [`BadAuditKey`] where the file is there and holds no key, or cannot be read or written.
    pub fn open_or_make(folder: &Path) -> Result<Self, BadAuditKey> {
        let path = folder.join(FILE);
        let bad = |why: String| BadAuditKey {
            path: path.clone(),
            why,
        };
        let key = match fs::read_to_string(&path) {
            Ok(pem) => SigningKey::from_pem(&pem)
                .map_err(|_| bad("it holds no Ed25519 key in PEM".to_owned()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => match make(&path) {
                Ok(key) => key,
                // Another process made it a moment ago.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    return Self::open_or_make(folder);
                }
                Err(error) => return Err(bad(error.to_string())),
            },
            Err(error) => return Err(bad(error.to_string())),
        };
        Ok(Self {
            public: key.public(),
            key,
        })
    }
}

/// Whole or not at all: another process may read it at any moment.
fn make(path: &Path) -> std::io::Result<SigningKey> {
    let (key, pem) = SigningKey::generate();
    let fresh = path.with_extension(format!("key.{}", std::process::id()));
    let written = (|| {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(pem.as_bytes())?;
        file.sync_all()?;
        // Unlike a rename, a link fails where there is a key already.
        fs::hard_link(&fresh, path)
    })();
    let _ = fs::remove_file(&fresh);
    written.map(|()| key)
}

impl Seal for AuditKey {
    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.key.sign(bytes).to_vec()
    }

    fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        <&[u8; SIGNATURE_BYTES]>::try_from(signature)
            .is_ok_and(|signature| self.public.signed(bytes, signature))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_has_one_key_that_nobody_else_may_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = AuditKey::open_or_make(folder.path()).expect("a key");
        let again = AuditKey::open_or_make(folder.path()).expect("the same key");
        let seal = one.sign(b"words");
        assert!(again.verifies(b"words", &seal));
        assert!(!again.verifies(b"other words", &seal));
        assert!(!again.verifies(b"words", b""));
        let mode = fs::metadata(folder.path().join(FILE))
            .expect("the file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
        let other = tempfile::tempdir().expect("a folder");
        let other = AuditKey::open_or_make(other.path()).expect("a key");
        assert!(!other.verifies(b"words", &seal));
    }

    #[test]
    fn a_file_that_is_no_key_says_which_and_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(FILE), "nonsense").expect("written");
        let said = AuditKey::open_or_make(folder.path()).expect_err("no key");
        let said = said.to_string();
        assert!(
            said.contains("audit.key") && said.contains("backup"),
            "{said}"
        );
    }
}
