//! The one door between the generated wire types and the product's own.
//!
//! Nothing generated leaves this module. On the way out data is made to fit the limits of `sickbay_proto::limits` ([`fit`]) and
//! refused where it still does not; on the way in everything that passes a limit is an error, and everything that this build does
//! not know is skipped.

mod call;
mod fit;
mod message;
mod observation;
mod refusal;
mod report;

pub(crate) use call::{
    CertificateIssued, EnrolAnswer, MachineIdentity, Outgoing, Rpc, Sent, ServerMessages,
};
pub(crate) use fit::fit;
pub(crate) use message::length;
pub(crate) use observation::canonical;
pub(crate) use report::{decode_report, encode_report};

/// Why a message could not cross the door.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A part is larger than the wire allows.
    #[error("{what} is {found} long, and {limit} is the limit")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its size, in bytes or in items.
        found: usize,
        /// The limit, in the same unit.
        limit: usize,
    },
    /// A part does not have the length that it must have.
    #[error("{what} is {found} bytes long instead of {wanted}")]
    Length {
        /// Which part.
        what: &'static str,
        /// Its length in bytes.
        found: usize,
        /// The right length in bytes.
        wanted: usize,
    },
    /// A part is not written as it must be.
    #[error("{what} must consist of {of}")]
    Form {
        /// Which part.
        what: &'static str,
        /// What it may hold.
        of: &'static str,
    },
    /// A part that must be there is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The bytes are no message at all.
    #[error("it cannot be decoded: {0}")]
    Undecodable(String),
}

/// Checks a size against its limit.
fn within(what: &'static str, found: usize, limit: usize) -> Result<(), WireError> {
    if found > limit {
        return Err(WireError::TooLarge { what, found, limit });
    }
    Ok(())
}

/// Exactly `N` bytes.
fn exactly<const N: usize>(what: &'static str, bytes: &[u8]) -> Result<[u8; N], WireError> {
    bytes.try_into().map_err(|_| WireError::Length {
        what,
        found: bytes.len(),
        wanted: N,
    })
}
