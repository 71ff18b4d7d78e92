//! What would come of a change of expectations, before it is made.

use askama::Template;
use sickbay_diagnosis::verdict::Severity;

use super::expectations::Wish;
use crate::component;
use crate::words::expectations as words;
use crate::{Chrome, document, links, text};

/// What would change of one issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueChange {
    /// Id of the issue.
    pub issue: String,
    /// Its title.
    pub title: String,
    /// The worst that it can be.
    pub severity: Severity,
    /// Devices on which it would open.
    pub opens: u64,
    /// Devices on which it would no longer be open.
    pub clears: u64,
}

/// How to go back without losing what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Back {
    /// To the page of expectations.
    Overview,
    /// To the form with these fields.
    Form(Vec<(String, String)>),
}

/// A change of expectations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Other ones for the whole fleet.
    Fleet,
    /// A scope is new.
    NewScope {
        /// Its name.
        name: String,
    },
    /// Other ones for a scope.
    Scope {
        /// Its name.
        name: String,
    },
    /// A scope is asked one earlier.
    Earlier {
        /// Its name.
        name: String,
    },
    /// A scope is asked one later.
    Later {
        /// Its name.
        name: String,
    },
    /// A scope goes.
    Removed {
        /// Its name.
        name: String,
    },
    /// Provisional sources become wishes.
    Confirmed,
}

impl Change {
    fn words(&self) -> String {
        words::change(self)
    }
}

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/expectations_preview.html")]
pub struct ExpectationsPreviewPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The change.
    pub change: Change,
    /// What would be wanted, where the change is about wishes.
    pub wishes: Vec<Wish>,
    /// Devices that were judged.
    pub devices: u64,
    /// Devices on which anything would change.
    pub changed: u64,
    /// Issues that would change.
    pub issues: Vec<IssueChange>,
    /// The expectations as a whole, to be posted.
    pub json: String,
    /// Tells the version that was looked at from another.
    pub mark: String,
    /// How to go back.
    pub back: Back,
}

impl ExpectationsPreviewPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }
}
