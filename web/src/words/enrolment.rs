//! The page of enrolment.

/// A token can be used.
pub(crate) const VALID: &str = "Valid";
/// Its time is over.
pub(crate) const EXPIRED: &str = "Expired";
/// It enrolled as many as it may.
pub(crate) const USED_UP: &str = "Used up";
/// Somebody revoked it.
pub(crate) const REVOKED: &str = "Revoked";
