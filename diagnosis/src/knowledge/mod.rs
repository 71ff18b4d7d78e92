//! What is known of Windows itself, from data files that are part of the program: releases, safeguard holds, error codes.
//!
//! Each file is a table of tab-separated columns with a header line, parsed once at first use. A row that does not parse is a
//! mistake in the file, which the tests find; nothing a device says is parsed here.

mod error_codes;
mod holds;
mod releases;

pub use error_codes::{ErrorCode, error_code, in_words};
pub use holds::{Hold, hold};
pub use releases::{
    DeviceKind, Release, Support, release_named, release_of_code, releases, releases_of_build,
};

/// A data file that is part of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// What it holds.
    pub name: &'static str,
    /// The day up to which it was collected, `YYYY-MM-DD`.
    pub dated: &'static str,
    /// Number of entries.
    pub entries: usize,
}

/// Every data file, with its age.
pub fn files() -> [File; 3] {
    [
        File {
            name: "Windows releases",
            dated: releases::DATED,
            entries: releases().len(),
        },
        File {
            name: "Safeguard holds",
            dated: holds::DATED,
            entries: holds::count(),
        },
        File {
            name: "Error codes",
            dated: error_codes::DATED,
            entries: error_codes::count(),
        },
    ]
}

/// The rows of a table of tab-separated columns, without its header; missing columns at the end of a row read as empty.
fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table
        .lines()
        .skip(1)
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.split('\t').map(str::trim).collect())
}

/// Column `place` of a row; empty where the row ends before it.
fn column(row: &[&'static str], place: usize) -> &'static str {
    row.get(place).copied().unwrap_or_default()
}

/// The text, or nothing where it is empty.
fn filled(text: &'static str) -> Option<&'static str> {
    (!text.is_empty()).then_some(text)
}
