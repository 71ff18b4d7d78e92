//! Secrets that are shown once and kept as hashes: tokens, sign-in links, session cookies.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// A secret of 256 random bits with a prefix that tells what it is for, so that a leaked one can be recognised.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A new secret from the operating system's random source.
    pub fn new(prefix: &str) -> Self {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).expect("the operating system has a random source");
        Self(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The text to show, once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept.
    pub fn hash(&self) -> Vec<u8> {
        hash(&self.0)
    }
}

/// What is kept of a secret. A plain hash is enough because the secret has 256 random bits.
pub fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// Prefix of enrolment tokens.
pub const ENROLMENT_PREFIX: &str = "sbe_";
/// Prefix of API tokens.
pub const API_PREFIX: &str = "sba_";
