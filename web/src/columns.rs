//! What people call the columns of lists; their names are those of exports and the API.

use crate::words;

/// The heading of a column; its name where it has none of its own.
pub fn heading(name: &'static str) -> &'static str {
    words::columns::heading(name)
}

/// Whether its values are numbers that stand right-aligned.
pub fn is_number(name: &str) -> bool {
    name.ends_with("_findings") || name == "ubr"
}
