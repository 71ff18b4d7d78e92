//! `/enrolment`: devices that wait for a person's word, and the tokens with which devices may ask.

use std::borrow::Borrow;

use askama::Template;
use sickbay_diagnosis::Time;

use crate::component::{self, FilterBox};
use crate::words::enrolment as words;
use crate::{Chrome, document, links, region, text};

/// A device that waits.
#[derive(Debug, Clone)]
pub struct PendingDevice {
    /// Its id.
    pub id: String,
    /// Its name, as it says.
    pub name: String,
    /// Its domain, as it says; empty in a workgroup.
    pub domain: String,
    /// Its OU, as it says; empty where unknown.
    pub ou: String,
    /// When it asked.
    pub asked_at: Time,
    /// Why it was not let in by itself; empty where that is not known.
    pub why: String,
}

/// Whether a token can still be used, worked out for the moment of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenState {
    Valid,
    Expired,
    UsedUp,
    Revoked,
}

/// An enrolment token. Its secret is nowhere kept, so it cannot be shown.
#[derive(Debug, Clone)]
pub struct TokenLine {
    /// Its public id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Who lets its devices in: `person`, `list` or `nobody`.
    pub approval: &'static str,
    /// What a machine has to say of itself, as a filter; empty for anything.
    pub scope: String,
    /// How many it may enrol within an hour.
    pub per_hour: Option<u64>,
    /// After how many milliseconds without a word its devices retire by themselves.
    pub ephemeral_ms: Option<i64>,
    /// Tags that its devices get.
    pub tags: Vec<String>,
    /// Devices enrolled with it.
    pub uses: u64,
    /// How many it may enrol.
    pub use_limit: Option<u64>,
    /// When it was made.
    pub created_at: Time,
    /// When it stops working.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

impl TokenLine {
    fn state(&self, now: Time) -> TokenState {
        if self.revoked_at.is_some() {
            TokenState::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            TokenState::Expired
        } else if self.use_limit.is_some_and(|limit| self.uses >= limit) {
            TokenState::UsedUp
        } else {
            TokenState::Valid
        }
    }

    fn badge(&self, now: impl Borrow<Time>) -> (&'static str, &'static str) {
        match self.state(*now.borrow()) {
            TokenState::Valid => ("clear", words::VALID),
            TokenState::Expired => ("quiet", words::EXPIRED),
            TokenState::UsedUp => ("quiet", words::USED_UP),
            TokenState::Revoked => ("quiet", words::REVOKED),
        }
    }
}

/// What a form just did, with so many devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Let them in.
    Approved(u64),
    /// Refused them.
    Refused(u64),
}

impl Done {
    fn words(self) -> String {
        words::done(self)
    }
}

/// `/enrolment`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/enrolment.html")]
pub struct EnrolmentPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// Devices that wait, those shown here.
    pub pending: Vec<PendingDevice>,
    /// How many wait altogether.
    pub pending_total: u64,
    /// Which of them are looked for; it says how many there are.
    pub filter: FilterBox,
    /// Every token, newest first.
    pub tokens: Vec<TokenLine>,
    /// What a form just did.
    pub done: Option<Done>,
}

impl EnrolmentPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn more_match(&self) -> bool {
        self.pending.len() as u64 != self.filter.matching
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_can_no_longer_be_used_is_not_shown_as_valid() {
        let now = Time::from_millis(1_000);
        let mut token = TokenLine {
            id: String::new(),
            name: String::new(),
            approval: "person",
            scope: String::new(),
            per_hour: None,
            ephemeral_ms: None,
            tags: Vec::new(),
            uses: 2,
            use_limit: Some(3),
            created_at: Time::from_millis(0),
            expires_at: Some(Time::from_millis(1_001)),
            revoked_at: None,
        };
        assert_eq!(token.state(now), TokenState::Valid);
        token.uses = 3;
        assert_eq!(token.state(now), TokenState::UsedUp);
        token.expires_at = Some(now);
        assert_eq!(token.state(now), TokenState::Expired);
        token.revoked_at = Some(now);
        assert_eq!(token.state(now), TokenState::Revoked);
    }
}
