//! A believable fleet in view models, for tests and the preview. Every text that a device could have written goes through a function, so
//! the same pages can be filled with hostile text.

mod api;
mod device;
mod devices;
mod error_codes;
mod expectations;
mod exports;
mod facets;
mod issues;
mod overview;
mod people;
mod plain;
mod search;
mod updates;
mod words;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::verdict::Cause;
use sickbay_web::{Chrome, Nav, SignedIn, Theme, Title, Zone};

const ID: &str = "019aaf3e-5c1e-7d20-9b1e-3f6a2c4d8e01";

/// What each page is filled from.
pub(crate) struct Sample<'a> {
    words: &'a dyn Fn(&str) -> String,
    theme: Theme,
}

impl<'a> Sample<'a> {
    /// With every text of a device put through `words`.
    pub(crate) fn new(words: &'a dyn Fn(&str) -> String, theme: Theme) -> Self {
        Self { words, theme }
    }

    /// Every page with its file name.
    pub(crate) fn pages(&self) -> Vec<(&'static str, String)> {
        vec![
            ("overview", self.overview().render()),
            ("overview-fresh", self.fresh().render()),
            ("issues", self.issues().render()),
            ("issue", self.issue().render()),
            ("issue-of-codes", self.issue_of_codes().render()),
            ("issue-bad-filter", self.issue_with_bad_filter().render()),
            ("devices", self.devices().render()),
            ("devices-empty", self.no_devices().render()),
            ("device", self.device().render()),
            ("device-new", self.new_device().render()),
            ("enrolment", self.enrolment().render()),
            ("ca", self.ca().render()),
            ("expectations", self.expectations().render()),
            ("expectations-none", self.no_expectations().render()),
            ("expectations-form", self.expectations_form().render()),
            ("expectations-preview", self.expectations_preview().render()),
            (
                "expectations-preview-same",
                self.expectations_preview_same().render(),
            ),
            ("accept", self.accept().render()),
            ("error-codes", self.error_codes().render()),
            ("error-codes-found", self.error_codes_found().render()),
            ("error-codes-too-long", self.error_codes_too_long().render()),
            ("api", self.api().render()),
            ("search", self.search().render()),
            ("search-nothing", self.search_nothing().render()),
            ("search-trouble", self.search_trouble().render()),
            ("settings", self.settings().render()),
            ("updates", self.updates().render()),
            (
                "updates-not-understood",
                self.updates_not_understood().render(),
            ),
            ("update", self.update().render()),
            ("update-unknown", self.update_unknown().render()),
            ("update-on", self.update_on().render()),
            ("sign-in", self.sign_in().render()),
            ("sign-in-confirm", self.sign_in_confirm().render()),
            ("message", self.message().render()),
            ("message-to-viewer", self.message_to_viewer().render()),
            ("account", self.account().render()),
            ("account-of-link", self.account_of_link().render()),
            ("people", self.people().render()),
            ("people-first", self.people_first().render()),
            ("exports", self.exports().render()),
            ("exports-none", self.no_exports().render()),
            ("audit", self.audit().render()),
            ("audit-broken", self.audit_broken().render()),
        ]
    }

    fn say(&self, text: &str) -> String {
        (self.words)(text)
    }

    fn cause(&self, key: &str, label: &str) -> Cause {
        Cause::new(self.say(key), self.say(label))
    }

    pub(crate) fn chrome(&self, title: &str, active: Option<Nav>) -> Chrome {
        Chrome {
            title: Title::Named(self.say(title)),
            active,
            now: now(),
            zone: Zone::named("Europe/Berlin").expect("a zone"),
            csrf: self.say("0f3a9c1db2"),
            signed_in: Some(SignedIn::administrator(self.say("Ann (local)"))),
            version: self.say("0.1.0"),
            live: true,
            theme: self.theme,
            pending: 3,
        }
    }
}

/// The moment for which samples are shown.
pub(crate) fn now() -> Time {
    Time::parse("2026-11-23T08:00:00Z").expect("a time")
}

pub(crate) fn ago(millis: i64) -> Time {
    now().plus_millis(-millis)
}
