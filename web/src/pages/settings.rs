//! `/settings`: what is in force and where each value comes from, and how old the knowledge is that verdicts rest on.

use askama::Template;

use crate::component;
use crate::{Chrome, document, links, text};

/// A setting in force. Secrets are never among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingLine {
    /// Its name, as in the settings file.
    pub key: String,
    /// Its value, with the unit.
    pub value: String,
    /// Where it comes from: `default`, `file`, `environment`, `flag`.
    pub origin: String,
    /// What it does, in one sentence; may be empty.
    pub meaning: String,
}

/// Settings that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingGroup {
    /// Their title.
    pub title: String,
    /// The settings.
    pub settings: Vec<SettingLine>,
}

/// A data file of the diagnosis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnowledgeLine {
    /// What it holds.
    pub name: String,
    /// The day up to which it is right, `2026-11-10`.
    pub dated: String,
    /// How many entries it has.
    pub entries: u64,
}

/// `/settings`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/settings.html")]
pub struct SettingsPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// What is in force: the server's settings, and the expectations.
    pub groups: Vec<SettingGroup>,
    /// The data files.
    pub knowledge: Vec<KnowledgeLine>,
}

impl SettingsPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }
}
