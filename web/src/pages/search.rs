//! `/search`: everything that one text finds, and the list of suggestions while it is typed.

use askama::Template;

use crate::component;
use crate::words::search as words;
use crate::{Chrome, document, links, text};

/// Something that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HitLine {
    /// What it is called.
    pub title: String,
    /// Why it was found.
    pub why: String,
    /// Its page.
    pub href: String,
    /// How many devices it is of, where it is of any.
    pub devices: Option<u64>,
}

/// What was found of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HitGroup {
    /// The kind's name, which parts of the page are called by.
    pub name: &'static str,
    /// The closest of them.
    pub hits: Vec<HitLine>,
    /// How many there are.
    pub total: u64,
    /// Where all of them are listed.
    pub all: String,
}

/// What hits of a kind are called together, by the kind's name; the name where it has no heading.
pub fn heading(kind: &'static str) -> &'static str {
    words::kind(kind)
}

impl HitGroup {
    fn heading(&self) -> &'static str {
        heading(self.name)
    }

    fn left_out(&self) -> u64 {
        self.total.saturating_sub(self.hits.len() as u64)
    }
}

/// `/search`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/search.html")]
pub struct SearchPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The text as typed; empty for none.
    pub text: String,
    /// Why it was not looked for.
    pub trouble: Option<String>,
    /// Why it is no filter, though it names fields of devices.
    pub not_a_filter: Option<String>,
    /// What was found, by kind.
    pub groups: Vec<HitGroup>,
    /// Whether one kind alone was asked for.
    pub is_of_one_kind: bool,
}

impl SearchPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn is_asked(&self) -> bool {
        !self.text.trim().is_empty() && self.trouble.is_none()
    }

    /// How many hits there are, in words, and how many of them are shown.
    fn found(&self) -> String {
        let shown: usize = self.groups.iter().map(|group| group.hits.len()).sum();
        let total: u64 = self.groups.iter().map(|group| group.total).sum();
        words::found(total, shown as u64)
    }
}

/// What is suggested while somebody types: a listbox, which a script puts below the search box.
#[derive(Debug, Clone, Template)]
#[template(path = "parts/suggestions.html")]
pub struct Suggestions {
    /// The text as typed.
    pub text: String,
    /// The closest hits.
    pub groups: Vec<HitGroup>,
    /// The page with all of them.
    pub all: String,
}

impl Suggestions {
    /// The listbox.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }
}
