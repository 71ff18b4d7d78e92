//! The key by which the record is sealed: a file beside the database, or wrapped with one that is a file beside it, so that whoever can write
//! to the database alone cannot seal it anew.

use std::fmt;

use sickbay_store::Seal;

use crate::key_ring::{First, KeyError, KeyRing};
use crate::knowledge_pack::key::{PublicKey, SIGNATURE_BYTES, SigningKey};

/// Its name.
const NAME: &str = "audit.key";

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
    /// What a shared database is given first: the record is sealed before anything is recorded.
    pub const FIRST: First = First {
        name: NAME,
        fresh: || SigningKey::generate().1,
    };

    /// Reads the key of a server; makes one where there is none.
    ///
    /// # Errors
    /// Where there is something that is no key, or it cannot be read or kept.
    pub async fn open_or_make(keys: &KeyRing) -> Result<Self, KeyError> {
        let pem = keys.open_or_make(NAME, Self::FIRST.fresh).await?;
        let key = SigningKey::from_pem(&pem).map_err(|_| KeyError::Unusable {
            place: keys.place(NAME),
            why: "it holds no Ed25519 key in PEM. It seals the record: bring it back from a backup, without it the record is verified no more",
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

    use std::path::Path;

    use super::*;

    async fn open(folder: &Path) -> Result<AuditKey, KeyError> {
        AuditKey::open_or_make(&KeyRing::of_files(folder)).await
    }

    #[tokio::test]
    async fn a_folder_has_one_key_that_nobody_else_may_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let one = open(folder.path()).await.expect("a key");
        let again = open(folder.path()).await.expect("the same key");
        let seal = one.sign(b"words");
        assert!(again.verifies(b"words", &seal));
        assert!(!again.verifies(b"other words", &seal));
        assert!(!again.verifies(b"words", b""));
        let mode = fs::metadata(folder.path().join(NAME))
            .expect("the file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
        let other = tempfile::tempdir().expect("a folder");
        let other = open(other.path()).await.expect("a key");
        assert!(!other.verifies(b"words", &seal));
    }

    #[tokio::test]
    async fn a_file_that_is_no_key_says_which_and_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(NAME), "nonsense").expect("written");
        let said = open(folder.path()).await.expect_err("no key");
        let said = said.to_string();
        assert!(
            said.contains("audit.key") && said.contains("backup"),
            "{said}"
        );
    }
}
