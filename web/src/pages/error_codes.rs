//! `/error-codes`: what error codes mean and what mends them, searched by whatever somebody has in front of them.

use askama::Template;

use crate::component;
use crate::{Chrome, document, links, text};

/// A code of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeLine {
    /// Its one spelling, `0x8024402C`.
    pub code: String,
    /// Its symbolic name.
    pub name: String,
    /// What it belongs to.
    pub area: String,
    /// What it means.
    pub meaning: String,
    /// What usually mends it.
    pub fix: String,
}

/// All that can be said of a code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeStory {
    /// Its one spelling.
    pub code: String,
    /// What the text was taken for, where it could be something else.
    pub taken_as: Option<String>,
    /// What the table knows of it.
    pub entry: Option<CodeLine>,
    /// What its number says by itself.
    pub family: String,
    /// Whether anything is known of it, by the table or its family.
    pub is_known: bool,
    /// Where to look on; may be empty.
    pub hint: String,
    /// The code closest to one that the table lacks.
    pub nearest: Option<CodeLine>,
    /// Name and text of every written form.
    pub forms: Vec<(String, String)>,
}

/// A message that is known by its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageStory {
    /// What it is called.
    pub name: String,
    /// What is known of it.
    pub meaning: String,
    /// What to do about it.
    pub fix: String,
}

/// An area, and how many codes it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AreaLine {
    /// Its name.
    pub name: String,
    /// Its codes.
    pub codes: u64,
}

/// `/error-codes`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/error_codes.html")]
pub struct ErrorCodesPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The question as typed; empty for none.
    pub question: String,
    /// Why the question is not answered.
    pub trouble: Option<String>,
    /// The message that was asked about.
    pub message: Option<MessageStory>,
    /// The codes that the question is or mentions.
    pub stories: Vec<CodeStory>,
    /// Other codes that have the question's words, the closest first.
    pub found: Vec<CodeLine>,
    /// How many others there are, of which [`Self::found`] may be only the first.
    pub total: u64,
    /// The areas, where nothing was asked.
    pub areas: Vec<AreaLine>,
    /// How many codes the table has.
    pub known: u64,
    /// The day up to which it was collected.
    pub dated: String,
}

impl ErrorCodesPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn is_asked(&self) -> bool {
        !self.question.trim().is_empty() && self.trouble.is_none()
    }

    fn is_without_answer(&self) -> bool {
        self.is_asked()
            && self.message.is_none()
            && self.stories.is_empty()
            && self.found.is_empty()
    }
}
