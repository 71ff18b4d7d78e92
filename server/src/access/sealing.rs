//! What a browser or the database keeps for this server without being able to read or change it: AES-256-GCM, with a key of the server's.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::key_ring::{KeyError, KeyRing};

/// The key's name.
const NAME: &str = "session.key";
const KEY_BYTES: usize = 32;

/// Seals and opens.
pub struct Sealing(LessSafeKey);

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealing")
    }
}

impl Sealing {
    /// With the key of a server; makes one where there is none.
    ///
    /// # Errors
    /// Where there is something that is no key, or it cannot be read or kept.
    pub async fn open_or_make(keys: &KeyRing) -> Result<Self, KeyError> {
        let fresh = || {
            let mut key = [0_u8; KEY_BYTES];
            getrandom::fill(&mut key).expect("the operating system has a random source");
            hex::encode(key)
        };
        let text = keys.open_or_make(NAME, fresh).await?;
        let key = hex::decode(text.trim())
            .ok()
            .and_then(|key| UnboundKey::new(&AES_256_GCM, &key).ok());
        key.map(|key| Self(LessSafeKey::new(key)))
            .ok_or_else(|| KeyError::Unusable {
                place: keys.place(NAME),
                why: "it holds no key of 64 hexadecimal digits; remove it, and whoever is signed in by a provider signs in again",
            })
    }

    /// Seals a text for one purpose.
    pub fn seal(&self, purpose: &str, text: &str) -> Vec<u8> {
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).expect("the operating system has a random source");
        let mut bytes = text.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut bytes,
            )
            .expect("the text is short");
        [&nonce[..], &bytes].concat()
    }

    /// The text that was sealed for this purpose; `None` for anything else.
    pub fn unseal(&self, purpose: &str, sealed: &[u8]) -> Option<String> {
        let (nonce, bytes) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut bytes = bytes.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let aad = Aad::from(purpose.as_bytes());
        let text = self.0.open_in_place(nonce, aad, &mut bytes).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_sealed_opens_for_its_purpose_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = KeyRing::of_files(folder.path());
        let sealing = Sealing::open_or_make(&keys).await.expect("a key");
        let sealed = sealing.seal("a", "words");
        let again = Sealing::open_or_make(&keys).await.expect("the same key");
        assert_eq!(again.unseal("a", &sealed).as_deref(), Some("words"));
        assert_eq!(again.unseal("b", &sealed), None);
        assert_ne!(sealing.seal("a", "words"), sealed);
        for place in [0, NONCE_LEN, sealed.len() - 1] {
            let mut other = sealed.clone();
            other[place] ^= 1;
            assert_eq!(again.unseal("a", &other), None, "{place}");
        }
        assert_eq!(again.unseal("a", b"short"), None);
        std::fs::write(folder.path().join(NAME), "nonsense").expect("written");
        assert!(Sealing::open_or_make(&keys).await.is_err());
    }
}
