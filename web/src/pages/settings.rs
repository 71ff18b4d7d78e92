//! `/settings`: what is in force and where each value comes from, and how old the knowledge is that verdicts rest on.

use std::borrow::Borrow;

use askama::Template;
use sickbay_diagnosis::Time;

use crate::component;
use crate::words::settings as words;
use crate::{Chrome, document, links, text};

/// Where a setting comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    #[default]
    Default,
    /// The owner set it: in the settings file, the environment or a flag.
    Set,
}

impl Origin {
    const fn words(self) -> &'static str {
        words::origin(self)
    }
}

/// A setting in force. Secrets are never among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingLine {
    /// Its name, as in the settings file.
    pub key: String,
    /// Its value, with the unit.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
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

/// What is known of Windows, and how old that is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnowledgeView {
    /// The version by which whoever made it calls it.
    pub version: String,
    /// The day up to which it was collected, `2026-11-10`.
    pub dated: String,
    /// Whole days since.
    pub age_days: u64,
    /// Above this age, in days, knowledge is old.
    pub warn_after_days: u64,
    /// How it came in; `None` where it came with the program.
    pub imported: Option<ImportedLine>,
    /// What was imported and is not used.
    pub refused: Option<RefusedLine>,
    /// Files of the pack that this version of the program does not know.
    pub left_out: Vec<String>,
    /// Its tables.
    pub tables: Vec<KnowledgeLine>,
}

/// How knowledge came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedLine {
    /// When.
    pub at: Time,
    /// By which account.
    pub by: String,
    /// The key that signed it.
    pub signer: String,
}

/// Imported knowledge that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLine {
    /// What it calls itself.
    pub version: String,
    /// When it was imported.
    pub at: Time,
    /// Why it is not used.
    pub reason: String,
}

/// A table of the knowledge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnowledgeLine {
    /// What it holds.
    pub name: String,
    /// The day up to which it was collected, `2026-11-10`.
    pub dated: String,
    /// Whole days since.
    pub age_days: u64,
    /// How many entries it has.
    pub entries: u64,
    /// Whether it was imported; it came with the program otherwise.
    pub imported: bool,
    /// The date of what came with the program, where that is newer.
    pub newer_built_in: Option<String>,
}

/// `/settings`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/settings.html")]
pub struct SettingsPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// What is in force: the server's settings, and the expectations.
    pub groups: Vec<SettingGroup>,
    /// What is known of Windows.
    pub knowledge: KnowledgeView,
}

impl SettingsPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn has_overtaken(&self) -> bool {
        let mut tables = self.knowledge.tables.iter();
        tables.any(|table| table.newer_built_in.is_some())
    }

    fn is_old(&self, age_days: impl Borrow<u64>) -> bool {
        *age_days.borrow() > self.knowledge.warn_after_days
    }
}
