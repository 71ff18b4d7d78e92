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

/// What hits of a kind are called together.
pub(crate) fn kind(name: &'static str) -> &'static str {
    match name {
        "filter" => "Devices that match this filter",
        "device" => "Devices",
        "update" => "Updates",
        "error-code" => "Error codes",
        "safeguard-hold" => "Safeguard holds",
        "build" => "Builds",
        "issue" => "Issues",
        "cause" => "Causes",
        "group" => "Groups of devices",
        "other-device" => "Devices that are not active",
        "page" => "Pages",
        other => other,
    }
}
