//! The page of accounts, sessions and API tokens.

/// A token can be used.
pub(crate) const VALID: &str = "valid";
/// Its time is over.
pub(crate) const ENDED: &str = "ended";
/// Somebody revoked it.
pub(crate) const REVOKED: &str = "revoked";
