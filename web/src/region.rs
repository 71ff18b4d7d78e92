//! Names of the parts of pages that change by themselves, as they stand in `data-region` and in the events of the server.
//!
//! The event is `change`, its data `{"regions": ["overview", "devices", ...]}`.

/// Numbers of the fleet and newest changes, on the overview.
pub const OVERVIEW: &str = "overview";
/// Counts of issues, on the overview and on the list of issues.
pub const ISSUES: &str = "issues";
/// Lists of devices, and who waits for approval.
pub const DEVICES: &str = "devices";

/// Files that are being made.
pub const EXPORTS: &str = "exports";

/// The page of an issue.
pub fn issue(id: &str) -> String {
    format!("issue:{id}")
}

/// The page of a device.
pub fn device(id: &str) -> String {
    format!("device:{id}")
}
