//! What can go wrong in the store, by what the caller can do about it.

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing can be made durable now: the disk is full, the database is away or busy. Worth trying again.
    #[error("the database cannot write now ({operation})")]
    Unavailable {
        /// What was attempted.
        operation: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The database refused; trying again will not help.
    #[error("the database refused ({operation})")]
    Refused {
        /// What was attempted.
        operation: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The database could not be opened or is of a version that this build cannot use.
    #[error("cannot use the database {location}: {reason}")]
    CannotOpen {
        /// File or address.
        location: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A stored value cannot be read back.
    #[error("stored {what} cannot be read: {reason}")]
    Corrupt {
        /// What it is.
        what: &'static str,
        /// Why.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later without anyone changing the request.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
