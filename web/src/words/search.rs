//! The page of what was found.

use crate::text;

/// How many hits there are, and how many of them are shown.
pub(crate) fn found(total: u64, shown: u64) -> String {
    let found = text::counted(total, "result", "results");
    if total > shown {
        format!("{found}, of which {shown} are shown,")
    } else {
        found
    }
}
