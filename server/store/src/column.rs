//! Kinds of columns in a bound list of rows. SQLite takes the type from the value; Postgres has to be told where a list stands alone.

/// What a column of a list of rows holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// A whole number.
    Int,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
}
