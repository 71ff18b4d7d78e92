//! What can go wrong in the store, by what the caller can do about it.

use sqlx::postgres::PgDatabaseError;

use crate::Result;

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

    /// Sorts what the database said by what the caller can do about it.
    pub(crate) fn of(operation: &'static str, source: sqlx::Error) -> Self {
        if passes(&source) {
            Self::Unavailable { operation, source }
        } else {
            Self::Refused { operation, source }
        }
    }
}

/// Names the operation in which a statement failed.
pub(crate) trait During<T> {
    /// The result with the operation's name.
    fn during(self, operation: &'static str) -> Result<T>;
}

impl<T> During<T> for std::result::Result<T, sqlx::Error> {
    fn during(self, operation: &'static str) -> Result<T> {
        self.map_err(|source| StoreError::of(operation, source))
    }
}

/// Whether an error may pass by itself or by someone making room.
fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(said) => {
            let code = said.code().unwrap_or_default();
            if said.try_downcast_ref::<PgDatabaseError>().is_some() {
                postgres_code_passes(&code)
            } else {
                code.parse().is_ok_and(sqlite_code_passes)
            }
        }
        _ => false,
    }
}

/// By SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html): what comes of a connection, of the machine, of another transaction,
/// or of a server that stops, starts, or is a standby that has not taken over yet.
fn postgres_code_passes(code: &str) -> bool {
    const CONNECTION: &str = "08";
    const RESOURCES: &str = "53";
    const OPERATOR: &str = "57";
    const SYSTEM: &str = "58";
    const ROLLED_BACK: &str = "40";
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    const READ_ONLY_TRANSACTION: &str = "25006";
    [CONNECTION, RESOURCES, OPERATOR, SYSTEM, ROLLED_BACK]
        .iter()
        .any(|class| code.starts_with(class))
        || [LOCK_NOT_AVAILABLE, READ_ONLY_TRANSACTION].contains(&code)
}

/// By SQLite's primary result code, the low byte of the extended one (sqlite.org/rescode.html).
const fn sqlite_code_passes(extended: u32) -> bool {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const NOMEM: u32 = 7;
    // A file system turns read-only after errors and comes back when it is mounted again.
    const READONLY: u32 = 8;
    const IOERR: u32 = 10;
    const FULL: u32 = 13;
    const CANTOPEN: u32 = 14;
    matches!(
        extended & 0xff,
        BUSY | LOCKED | NOMEM | READONLY | IOERR | FULL | CANTOPEN
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_busy_file_pass_while_a_broken_rule_does_not() {
        // SQLITE_FULL, SQLITE_BUSY_SNAPSHOT, SQLITE_IOERR_FSYNC.
        for code in [13, 517, 1034] {
            assert!(sqlite_code_passes(code), "{code}");
        }
        // Disk full, the administrator's shutdown, a standby, a deadlock.
        for code in ["53100", "57P01", "25006", "40P01"] {
            assert!(postgres_code_passes(code), "{code}");
        }
        // A unique index, a syntax error, a table that is not there.
        for code in ["23505", "42601", "42P01", ""] {
            assert!(!postgres_code_passes(code), "{code}");
        }
        // SQLITE_CONSTRAINT_UNIQUE, SQLITE_CORRUPT, SQLITE_MISMATCH.
        for code in [2067, 11, 20] {
            assert!(!sqlite_code_passes(code), "{code}");
        }
    }
}
