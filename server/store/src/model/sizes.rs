//! What a database takes on its disk. For benchmarks.

/// How large a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// All of it, in bytes: of a file every page, free ones too; of a server's database what it says of itself, its catalogues too.
    pub bytes: u64,
    /// Its tables and indexes, in bytes. What is not among them is free, or the database's own.
    pub parts: Vec<PartSize>,
}

/// How large a table or an index is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartSize {
    /// The table.
    pub table: String,
    /// Its index; empty for the table itself.
    pub index: String,
    /// Whole pages, in bytes.
    pub bytes: u64,
}
