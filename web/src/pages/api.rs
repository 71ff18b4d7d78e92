//! `/api`: what the API offers, call by call, with lines for the shell.

use askama::Template;

use crate::component;
use crate::{Chrome, document, links, text};

/// Calls about one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiResource {
    /// Its name, one word.
    pub name: String,
    /// What it is.
    pub about: String,
    /// Its calls.
    pub calls: Vec<ApiCall>,
}

/// A call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiCall {
    /// `GET`
    pub method: String,
    /// Its path, parameters in braces.
    pub path: String,
    /// What it does.
    pub summary: String,
    /// Who may call it.
    pub needs: String,
    /// What it takes.
    pub parameters: Vec<ApiParameter>,
    /// An example of its body.
    pub body: Option<String>,
    /// Status and meaning of each answer.
    pub answers: Vec<(String, String)>,
    /// An example of its answer, or what kinds of files it gives; empty where it says nothing.
    pub answer: String,
    /// A line with curl.
    pub curl: String,
    /// Lines for PowerShell.
    pub powershell: String,
}

/// A parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiParameter {
    /// Its name.
    pub name: String,
    /// `path`, `query` or `header`.
    pub place: String,
    /// Whether it must be there.
    pub is_required: bool,
    /// What it is; may be empty.
    pub about: String,
    /// What it could be; may be empty.
    pub example: String,
}

/// `/api`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/api.html")]
pub struct ApiPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// The address of the server.
    pub server: String,
    /// Address of the description.
    pub description: String,
    /// What it offers.
    pub resources: Vec<ApiResource>,
    /// Whether the reader may make tokens on a page.
    pub makes_tokens: bool,
    /// An error as it looks.
    pub problem: String,
    /// Lines that walk through a list.
    pub walk: String,
}

/// A description: its lines are broken where its author's editor broke them, and names stand between backticks.
#[derive(Template)]
#[template(
    source = "{% for (code, part) in self.parts() %}{% if code %}<code>{{ text::line(part.as_str()) }}</code>{% else %}{{ text::line(part.as_str()) }}{% endif %}{% endfor %}",
    ext = "html"
)]
struct Told<'a> {
    text: &'a str,
}

impl askama::filters::HtmlSafe for Told<'_> {}

impl Told<'_> {
    fn parts(&self) -> impl Iterator<Item = (bool, String)> {
        let parts = self.text.split('`').enumerate();
        parts.map(|(place, part)| (place % 2 == 1, part.replace('\n', " ")))
    }
}

impl ApiPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    /// What a description says, with `names` as code.
    fn told(text: &str) -> Told<'_> {
        Told { text }
    }
}
