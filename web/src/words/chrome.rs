//! What surrounds every page: the navigation, and what stands there where a page cannot be put together.

use std::borrow::Cow;

use super::expectations;
use crate::{Nav, Title};

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

/// What a page is called.
pub(crate) fn title(title: &Title) -> Cow<'_, str> {
    let title = match title {
        Title::Nav(entry) => nav(*entry),
        Title::Account => "Account",
        Title::Api => "API",
        Title::CertificateAuthority => "Certificate authority",
        Title::Expectations => "Expectations",
        Title::ExpectationsOf(whose) => return expectations::form_of(whose).into(),
        Title::Preview => "What would change",
        Title::Accept => "Accept",
        Title::Exports => "Exports",
        Title::Search => "Search",
        Title::SignIn => "Sign in",
        Title::UpdateOn { kb, device } => return format!("{kb} on {device}").into(),
        Title::Named(name) => name,
    };
    title.into()
}

/// Title of the document that stands in for a page that cannot be put together.
pub(crate) const NOT_SHOWN: &str = "Page not shown";
/// Its heading.
pub(crate) const NOT_PUT_TOGETHER: &str = "This page could not be put together";
/// What whoever sees it may do.
pub(crate) const REPORT_IT: &str =
    "That is a fault in Sickbay. The data is not affected; please report which page it was.";
