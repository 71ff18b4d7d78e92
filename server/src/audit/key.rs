//! The key by which the record is sealed: a file beside the database, so that whoever can write to the database alone cannot seal it anew.

use std::fmt;
use std::path::Path;

use sickbay_store::Seal;

use crate::knowledge_pack::key::{PublicKey, SIGNATURE_BYTES, SigningKey};
use crate::secret_file::{BadSecretFile, open_or_make};

/// Its name in the data folder.
const FILE: &str = "audit.key";

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
    /// Where the file is there and holds no key, or cannot be read or written.
    pub fn open_or_make(folder: &Path) -> Result<Self, BadSecretFile> {
        let path = folder.join(FILE);
        let pem = open_or_make(&path, || SigningKey::generate().1)?;
        let key = SigningKey::from_pem(&pem).map_err(|_| BadSecretFile {
            path,
            why: "it holds no Ed25519 key in PEM. It seals the record: bring it back from a backup, without it the record is verified no more".to_owned(),
        })?;
        Ok(Self {
            public: key.public(),
            key,
        })
    }
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
    use std::fs;
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
