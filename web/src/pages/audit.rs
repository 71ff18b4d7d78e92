//! `/audit`: the record of what was done, by whom, to what.

use askama::Template;
use sickbay_diagnosis::Time;

use crate::component;
use crate::{Chrome, document, links, text};

/// A line of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordLine {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Time,
    /// Who.
    pub actor: String,
    /// What, in the word of the record.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What else there is to say.
    pub detail: String,
    /// The device that it was done to.
    pub device: Option<String>,
}

/// Which lines are shown, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// Part of who did it.
    pub actor: String,
    /// What was done; empty for anything.
    pub action: String,
    /// Part of what it was done to, or of what else is said.
    pub text: String,
    /// First day, `2026-11-26`; may be empty.
    pub since: String,
    /// Last day; may be empty.
    pub until: String,
}

/// Whether the record is what was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Soundness {
    /// It was looked at, and is.
    Sound(String),
    /// It was looked at, and is not.
    Broken(String),
}

/// `/audit`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/audit.html")]
pub struct AuditPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// Lines, the newest first.
    pub lines: Vec<RecordLine>,
    /// Which ones.
    pub filter: RecordFilter,
    /// Why the filter cannot be used.
    pub mistake: Option<String>,
    /// Every word for what can be done.
    pub actions: &'static [&'static str],
    /// What verifying found, where it was asked for.
    pub verified: Option<Soundness>,
    /// The address of older lines.
    pub older: Option<String>,
    /// The address of the same lines as CSV, and as NDJSON.
    pub exports: (String, String),
    /// Whether these are not the newest lines.
    pub is_continued: bool,
}

impl AuditPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn is_filtered(&self) -> bool {
        self.filter != RecordFilter::default()
    }
}
