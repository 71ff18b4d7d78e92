//! `/expectations`: what the fleet's owner wants, for all devices and by scope, beside the defaults; what only most devices suggest; and
//! what is accepted for a time.

use askama::Template;
use sickbay_diagnosis::Time;

use crate::component;
use crate::{Chrome, document, links, text};

/// A wish in words: what it is called, and its value.
pub type Words = (String, String);

/// Who said what counts for the whole fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: the default counts.
    Default,
    /// It was set on this page or by the API.
    Here,
    /// The settings file.
    SettingsFile,
}

/// One expectation, for the whole fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetLine {
    /// What it is called.
    pub label: String,
    /// The default for clients.
    pub clients: String,
    /// The default for servers.
    pub servers: String,
    /// What counts instead, where somebody said so.
    pub wished: String,
    /// Who did.
    pub origin: Origin,
}

/// A scope with what is wanted of its devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeLine {
    /// What it is called.
    pub name: String,
    /// Its filter; empty for every device.
    pub filter: String,
    /// What is wanted.
    pub wishes: Vec<Words>,
}

/// Sources that nobody confirmed, of clients, servers or a scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProvisionalLine {
    /// Whose.
    pub whose: String,
    /// What most of them use, by class.
    pub sources: Vec<Words>,
}

/// An acceptance that holds.
#[derive(Debug, Clone)]
pub struct AcceptanceLine {
    /// Its id.
    pub id: String,
    /// Id of the issue.
    pub issue: String,
    /// Title of the issue.
    pub title: String,
    /// Filter of the devices; empty for every device.
    pub scope: String,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub made_by: String,
    /// When.
    pub made_at: Time,
    /// Until when.
    pub until: Time,
}

impl AcceptanceLine {
    /// The filter that lists what it covers among the devices of the issue.
    fn filter(&self) -> String {
        if self.scope.is_empty() {
            "state:accepted".to_owned()
        } else {
            format!("({}) state:accepted", self.scope)
        }
    }
}

/// `/expectations`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/expectations.html")]
pub struct ExpectationsPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// Every expectation for the whole fleet.
    pub fleet: Vec<FleetLine>,
    /// Scopes kept by the server, in the order in which they are asked.
    pub scopes: Vec<ScopeLine>,
    /// Scopes of the settings file, which are asked after those.
    pub file_scopes: Vec<ScopeLine>,
    /// Sources that nobody confirmed.
    pub provisional: Vec<ProvisionalLine>,
    /// Acceptances that hold.
    pub acceptances: Vec<AcceptanceLine>,
    /// How many have ended.
    pub past: u64,
    /// Tells the version of the expectations shown from another.
    pub mark: String,
    /// What a form just did, in one sentence.
    pub done: Option<String>,
}

impl ExpectationsPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }
}
