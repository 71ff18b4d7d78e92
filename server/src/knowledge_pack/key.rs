//! Who signs packs, and whom the owner trusts.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

/// Keys by which every build trusts packs, as [`PublicKey`] spells them. Empty until the project publishes packs of its own and with
/// them a key: until then the owner's settings alone decide.
const RELEASE_KEYS: &[&str] = &[];

/// How a key's text begins.
const PREFIX: &str = "ed25519:";
/// Bytes of a public key.
const KEY_BYTES: usize = 32;
/// Bytes of a signature.
pub(crate) const SIGNATURE_BYTES: usize = 64;
/// Bytes of a signature's text, in base64 with padding.
pub(super) const SIGNATURE_TEXT_BYTES: usize = SIGNATURE_BYTES.div_ceil(3) * 4;
/// What stands before the 32 random bytes of an Ed25519 key in PKCS#8 (RFC 8410): version 0, the algorithm, two nested octet strings.
/// The version that ring writes itself holds the public half too, in a form that OpenSSL does not read.
const PKCS8_BEFORE_SEED: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// By which a pack's signature is verified. As text `ed25519:BASE64`; every key has one spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; KEY_BYTES]);

/// A text or file that holds no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// It is no public key.
    #[error(
        "{0:?} is no public key: it looks like `{PREFIX}` and 44 characters of base64, as `sickbay-server knowledge key` prints it"
    )]
    Public(String),
    /// It is no private key.
    #[error(
        "it holds no Ed25519 key in PEM (PKCS#8): `sickbay-server knowledge key` makes one, and so does `openssl genpkey -algorithm ed25519`"
    )]
    Private,
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}

impl FromStr for PublicKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        text.strip_prefix(PREFIX)
            .and_then(|rest| STANDARD.decode(rest).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| BadKey::Public(text.chars().take(100).collect()))
    }
}

impl PublicKey {
    /// Whether this key signed `message`.
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(message, signature)
            .is_ok()
    }
}

/// By which packs are signed.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// A new one, and its file: PKCS#8 in PEM, which OpenSSL reads as well.
    pub fn generate() -> (Self, String) {
        let mut der = PKCS8_BEFORE_SEED.to_vec();
        der.resize(PKCS8_BEFORE_SEED.len() + KEY_BYTES, 0);
        getrandom::fill(&mut der[PKCS8_BEFORE_SEED.len()..])
            .expect("the operating system has a random source");
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
        let text = STANDARD.encode(&der);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        (Self(key.expect("any seed is a key")), pem)
    }

    /// Reads its file, also one that OpenSSL wrote.
    ///
    /// # Errors
    /// [`BadKey::Private`] where there is something else in it.
    pub fn from_pem(pem: &str) -> Result<Self, BadKey> {
        let der =
            PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| BadKey::Private)?;
        // OpenSSL leaves the public half out, so there may be nothing to compare with.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der())
            .map(Self)
            .map_err(|_| BadKey::Private)
    }

    /// What others verify its signatures by.
    pub fn public(&self) -> PublicKey {
        let bytes = self.0.public_key().as_ref().try_into();
        PublicKey(bytes.expect("an Ed25519 key has 32 bytes"))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let signature = self.0.sign(message);
        let bytes = signature.as_ref().try_into();
        bytes.expect("an Ed25519 signature has 64 bytes")
    }
}

/// Keys whose packs are taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedKeys(Vec<PublicKey>);

impl TrustedKeys {
    /// These alone.
    pub fn of(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// Those of the settings, and those that every build trusts.
    ///
    /// # Errors
    /// Where one of the settings is no key.
    pub fn read(configured: &[String]) -> Result<Self, BadKey> {
        let release = RELEASE_KEYS.iter().copied();
        let texts = release.chain(configured.iter().map(|text| text.trim()));
        Ok(Self(texts.map(str::parse).collect::<Result<_, _>>()?))
    }

    /// Whether packs of that key are taken.
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.0.contains(key)
    }
}

pub(super) fn signature_to_text(signature: &[u8; SIGNATURE_BYTES]) -> String {
    STANDARD.encode(signature)
}

pub(super) fn signature_from_text(text: &str) -> Option<[u8; SIGNATURE_BYTES]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}
