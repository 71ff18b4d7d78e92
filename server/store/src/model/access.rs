//! Sessions and API tokens.

use sickbay_diagnosis::Time;
use uuid::Uuid;

/// A session to be kept.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// SHA-256 of the cookie's secret.
    pub hash: Vec<u8>,
    /// The CSRF token of this session.
    pub csrf: String,
    /// Now.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
}

/// A live session.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// The CSRF token of this session.
    pub csrf: String,
    /// When it ends.
    pub expires_at: Time,
}

/// An API token to be kept.
#[derive(Debug, Clone)]
pub struct NewApiToken {
    /// SHA-256 of the secret.
    pub hash: Vec<u8>,
    /// What it is for, in the owner's words.
    pub name: String,
    /// Now.
    pub created_at: Time,
    /// When it stops working.
    pub expires_at: Option<Time>,
}

/// An API token as kept.
#[derive(Debug, Clone)]
pub struct ApiTokenRow {
    /// Its public id.
    pub id: Uuid,
    /// See [`NewApiToken`].
    pub name: String,
    /// When it was made.
    pub created_at: Time,
    /// When it stops working.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}
