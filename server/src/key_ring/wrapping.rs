//! The key that wraps secrets for a database that servers share: the one file that each of them has. AES-256-GCM, each time under a random
//! nonce, with the secret's name as associated data, so that no secret can stand in for another.

use std::fmt;
use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest as _, Sha256};
use sickbay_store::WrappedSecret;

use crate::secret_file::BadSecretFile;

const KEY_BYTES: usize = 32;
/// Bytes of a key's SHA-256 that name it.
const ID_BYTES: usize = 8;

/// Wraps and unwraps.
pub(super) struct WrappingKey {
    key: LessSafeKey,
    id: String,
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappingKey({})", self.id)
    }
}

impl WrappingKey {
    /// The text of a new one.
    pub(super) fn fresh() -> String {
        let mut key = [0_u8; KEY_BYTES];
        getrandom::fill(&mut key).expect("the operating system has a random source");
        hex::encode(key)
    }

    /// Reads the text of the file `path`.
    pub(super) fn read(path: &Path, text: &str) -> Result<Self, BadSecretFile> {
        let bytes = hex::decode(text.trim()).ok();
        let bytes = bytes.filter(|bytes| bytes.len() == KEY_BYTES);
        let key = bytes.and_then(|bytes| {
            let digest = Sha256::new()
                .chain_update(b"sickbay wrapping key 1")
                .chain_update(&bytes)
                .finalize();
            Some(Self {
                key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).ok()?),
                id: hex::encode(&digest[..ID_BYTES]),
            })
        });
        key.ok_or_else(|| BadSecretFile {
            path: path.to_owned(),
            why: "it holds no key of 64 hexadecimal digits. Copy it from the data folder of another server of this database, or from a backup"
                .to_owned(),
        })
    }

    /// What names this key, and tells nothing of it.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Wraps a secret.
    pub(super) fn wrap(&self, name: &str, text: &str) -> WrappedSecret {
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).expect("the operating system has a random source");
        let mut bytes = text.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(name), &mut bytes)
            .expect("a secret is short");
        WrappedSecret {
            name: name.to_owned(),
            key_id: self.id.clone(),
            wrapped: [&nonce[..], &bytes].concat(),
        }
    }

    /// The secret that was wrapped under this name by this key; `None` for anything else.
    pub(super) fn unwrap(&self, secret: &WrappedSecret) -> Option<String> {
        let (nonce, bytes) = secret.wrapped.split_first_chunk::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut bytes = bytes.to_vec();
        let text = self
            .key
            .open_in_place(nonce, aad(&secret.name), &mut bytes)
            .ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

fn aad(name: &str) -> Aad<Vec<u8>> {
    Aad::from([b"sickbay secret 1 ", name.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> WrappingKey {
        WrappingKey::read(Path::new("wrapping.key"), &WrappingKey::fresh()).expect("a key")
    }

    #[test]
    fn what_is_wrapped_opens_under_its_name_by_its_key_alone() {
        let (one, other) = (key(), key());
        let wrapped = one.wrap("audit.key", "words");
        assert_eq!(one.unwrap(&wrapped).as_deref(), Some("words"));
        assert_eq!(other.unwrap(&wrapped), None);
        assert_ne!(one.id(), other.id());
        assert_ne!(
            one.wrap("audit.key", "words"),
            wrapped,
            "a nonce is used once"
        );
        let renamed = WrappedSecret {
            name: "session.key".to_owned(),
            ..wrapped.clone()
        };
        assert_eq!(one.unwrap(&renamed), None);
        for place in 0..wrapped.wrapped.len() {
            let mut changed = wrapped.clone();
            changed.wrapped[place] ^= 1;
            assert_eq!(one.unwrap(&changed), None, "{place}");
        }
        for length in [0, NONCE_LEN, wrapped.wrapped.len() - 1] {
            let mut cut = wrapped.clone();
            cut.wrapped.truncate(length);
            assert_eq!(one.unwrap(&cut), None, "{length}");
        }
        assert!(!wrapped.wrapped.windows(5).any(|part| part == b"words"));
    }

    #[test]
    fn a_key_is_64_digits_and_its_name_is_always_the_same() {
        let path = Path::new("/data/wrapping.key");
        let text = "00".repeat(KEY_BYTES);
        let key = WrappingKey::read(path, &format!("{text}\n")).expect("a key");
        assert_eq!(
            key.id(),
            WrappingKey::read(path, &text).expect("a key").id()
        );
        assert_eq!(key.id().len(), 2 * ID_BYTES);
        assert_eq!(format!("{key:?}"), format!("WrappingKey({})", key.id()));
        for bad in ["", "nonsense", &text[2..], &format!("{text}00")] {
            let said = WrappingKey::read(path, bad)
                .expect_err("no key")
                .to_string();
            assert!(said.contains("/data/wrapping.key"), "{said}");
        }
    }
}
