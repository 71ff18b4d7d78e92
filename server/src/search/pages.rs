//! Pages, found by their titles and by other words for what they show.

use sickbay_web::links;

use super::{Hit, Kind, Search, Section};
use crate::access::rules;

/// Title, address, and other words that somebody may look for.
pub(super) const PAGES: &[(&str, &str, &str)] = &[
    (
        "Overview",
        links::OVERVIEW,
        "home start health of the fleet changes",
    ),
    ("Issues", links::ISSUES, "problems reasons findings"),
    (
        "Devices",
        links::DEVICES,
        "machines computers clients servers hosts list",
    ),
    (
        "Updates",
        links::UPDATES,
        "kb patches revisions releases builds",
    ),
    (
        "Enrolment",
        links::ENROLMENT,
        "approve pending waiting tokens join collectors",
    ),
    (
        "Certificate authority",
        links::CA,
        "ca certificates rotation keys",
    ),
    (
        "Error codes",
        links::ERROR_CODES,
        "hresult messages failures",
    ),
    (
        "Expectations",
        links::EXPECTATIONS,
        "wishes wanted deferral source policy accepted acceptances",
    ),
    (
        "People",
        links::PEOPLE,
        "accounts users roles scopes sessions api tokens",
    ),
    ("Record", links::AUDIT, "audit log history who did what"),
    (
        "Settings",
        links::SETTINGS,
        "configuration in force knowledge version",
    ),
    (
        "Exports",
        links::EXPORTS,
        "download files excel csv json columns",
    ),
    (
        "API",
        links::API,
        "rest openapi tokens programs curl powershell scripts",
    ),
    (
        "Your account",
        links::ACCOUNT,
        "password sessions sign out profile",
    ),
];

impl Search<'_> {
    /// Pages of which every word is the beginning of one of theirs, as far as the viewer may open them.
    pub(super) fn pages(&self) -> Section {
        let (role, scope) = (self.viewer.role, &self.viewer.scope);
        let is_theirs = |href: &str| {
            let needs = rules::needs("GET", href);
            needs.is_some_and(|needs| needs.refuses(role, scope).is_none())
        };
        let found = PAGES.iter().filter(|(title, href, words)| {
            self.begins(&format!("{title} {words}")) && is_theirs(href)
        });
        let hits = found.map(|(title, href, _)| Hit {
            id: (*href).to_owned(),
            title: (*title).to_owned(),
            why: if self.begins(title) {
                "A page of this name".to_owned()
            } else {
                "A page that is about this".to_owned()
            },
            href: (*href).to_owned(),
            devices: None,
            is_named: false,
        });
        self.whole(Kind::Page, hits.collect())
    }

    fn begins(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let mut words = self.asked.words.iter();
        words.all(|word| text.split(' ').any(|has| has.starts_with(word.as_str())))
    }
}
