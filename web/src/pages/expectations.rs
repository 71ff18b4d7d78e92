//! `/expectations`: what the fleet's owner wants, for all devices and by scope, beside the defaults; what only most devices suggest; and
//! what is accepted for a time.

use std::fmt;

use askama::Template;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::expectation::{ExpectedSource, UpdateClass};

use crate::component;
use crate::words::expectations as words;
use crate::{Chrome, document, links, text};

/// What a number counts that is wished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Days.
    Days,
    /// Minutes.
    Minutes,
    /// Gigabytes.
    Gigabytes,
    /// Failures.
    Failures,
}

impl Unit {
    pub(super) const fn words(self) -> &'static str {
        words::units(self)
    }
}

/// A value of a wish, or what counts in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A source.
    Source {
        /// Its public word.
        source: String,
        /// Address of its server.
        server: Option<String>,
    },
    /// So many.
    Number(u64, Unit),
    /// The same, where the unit stands beside it.
    Bare(u64),
    /// Yes or no.
    YesNo(bool),
    /// A text.
    Text(String),
    /// These devices are never asked for it.
    NotAsked,
    /// What most devices use.
    Majority,
    /// Nothing is wished.
    Nothing,
    /// One for clients and another for servers.
    Each {
        /// Of clients.
        clients: Box<Self>,
        /// Of servers.
        servers: Box<Self>,
    },
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words::value(self))
    }
}

/// A wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Its name, as in the settings file.
    pub name: &'static str,
    /// What is wished.
    pub value: Value,
}

impl Wish {
    pub(super) fn label(&self) -> &'static str {
        label(self.name)
    }
}

/// What a wish is called, by its name in the settings file.
pub fn label(name: &'static str) -> &'static str {
    words::wish(name).0
}

/// What it does, in one sentence.
pub fn hint(name: &'static str) -> &'static str {
    words::wish(name).1
}

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
    /// Its name, as in the settings file.
    pub name: &'static str,
    /// The default for clients.
    pub clients: Value,
    /// The default for servers.
    pub servers: Value,
    /// What counts instead, where somebody said so.
    pub wished: Option<Value>,
    /// Who did.
    pub origin: Origin,
}

impl FleetLine {
    fn label(&self) -> &'static str {
        label(self.name)
    }

    fn wished(&self) -> String {
        self.wished
            .as_ref()
            .map_or_else(String::new, Value::to_string)
    }
}

/// A scope with what is wanted of its devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeLine {
    /// What it is called.
    pub name: String,
    /// Its filter; empty for every device.
    pub filter: String,
    /// What is wanted.
    pub wishes: Vec<Wish>,
}

/// Devices of which most use a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Clients.
    Clients,
    /// Servers.
    Servers,
    /// Those of the scope of this name.
    Scope(String),
}

/// A source, and what comes from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedSource {
    /// What.
    pub classes: Vec<UpdateClass>,
    /// The source.
    pub source: ExpectedSource,
}

/// Sources that nobody confirmed, of clients, servers or a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionalLine {
    /// Whose.
    pub whose: Whose,
    /// What most of them use.
    pub sources: Vec<SharedSource>,
}

impl ProvisionalLine {
    pub(super) fn whose(&self) -> String {
        words::whose(&self.whose)
    }

    /// What comes from each source, and the source.
    pub(super) fn sources(&self) -> impl Iterator<Item = (String, String)> {
        let each = self.sources.iter();
        each.map(|shared| {
            (
                words::classes(&shared.classes),
                words::source(&shared.source),
            )
        })
    }
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

/// What a form just did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Made a change that was previewed.
    Applied,
    /// Accepted an issue.
    Accepted,
    /// Ended an acceptance.
    Ended,
}

impl Done {
    /// As the address says it to which the form leads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Accepted => "accepted",
            Self::Ended => "ended",
        }
    }

    /// The one that an address says.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = [Self::Applied, Self::Accepted, Self::Ended].into_iter();
        all.find(|done| done.name() == name)
    }

    const fn words(self) -> &'static str {
        words::done(self)
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
    /// What a form just did.
    pub done: Option<Done>,
}

impl ExpectationsPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }
}
