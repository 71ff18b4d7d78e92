//! What people call the columns of lists.

/// The heading of a column; its name where it has none of its own.
pub(crate) fn heading(name: &'static str) -> &'static str {
    match name {
        "device_id" => "Device id",
        "name" => "Device",
        "domain" => "Domain",
        "ou" => "OU",
        "site" => "Site",
        "kind" => "Kind",
        "release" => "Release",
        "build" => "Build",
        "ubr" => "Revision",
        "edition" => "Edition",
        "arch" => "Architecture",
        "tags" => "Tags",
        "source" => "Source",
        "state" => "State",
        "severity" => "Severity",
        "causes" => "Cause keys",
        "cause_labels" => "Cause",
        "summary" => "Summary",
        "since" => "Since",
        "accepted_until" => "Accepted until",
        "status" => "Status",
        "standing" => "Health",
        "primary_issue" => "Primary cause",
        "open_findings" => "Open",
        "serious_findings" => "Serious",
        "unknown_findings" => "Unknown",
        "accepted_findings" => "Accepted",
        "last_seen_at" => "Last seen",
        "last_report_at" => "Last report",
        "enrolled_at" => "Enrolled",
        "evidence" => "Evidence",
        other => other,
    }
}
