//! A page that says what went wrong, or what is not there, and what to do about it.

use askama::Template;

use crate::component;
use crate::{Chrome, document, links, text};

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/message.html")]
pub struct MessagePage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The HTTP status that goes with it.
    pub status: u16,
    /// What is so, in a few words.
    pub heading: String,
    /// What to do about it.
    pub advice: String,
}

impl MessagePage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }
}
