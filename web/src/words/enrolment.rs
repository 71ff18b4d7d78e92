//! The page of enrolment.

use crate::pages::enrolment::Done;

/// A token can be used.
pub(crate) const VALID: &str = "Valid";
/// Its time is over.
pub(crate) const EXPIRED: &str = "Expired";
/// It enrolled as many as it may.
pub(crate) const USED_UP: &str = "Used up";
/// Somebody revoked it.
pub(crate) const REVOKED: &str = "Revoked";

/// What a form just did.
pub(crate) fn done(done: Done) -> String {
    match done {
        Done::Approved(n) => {
            format!("{n} approved: collectors fetch their certificate within half a minute.")
        }
        Done::Refused(n) => format!("{n} refused: their keys are revoked."),
    }
}
