//! What surrounds every page: the navigation, and what stands there where a page cannot be put together.

use crate::Nav;

/// An entry of the navigation.
pub(crate) const fn nav(entry: Nav) -> &'static str {
    match entry {
        Nav::Overview => "Overview",
        Nav::Issues => "Issues",
        Nav::Devices => "Devices",
        Nav::Updates => "Updates",
        Nav::Enrolment => "Enrolment",
        Nav::ErrorCodes => "Error codes",
        Nav::People => "People",
        Nav::Audit => "Record",
        Nav::Settings => "Settings",
    }
}

/// Title of the document that stands in for a page that cannot be put together.
pub(crate) const NOT_SHOWN: &str = "Page not shown";
/// Its heading.
pub(crate) const NOT_PUT_TOGETHER: &str = "This page could not be put together";
/// What whoever sees it may do.
pub(crate) const REPORT_IT: &str =
    "That is a fault in Sickbay. The data is not affected; please report which page it was.";
