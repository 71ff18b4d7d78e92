//! Shown in place of every page to whoever is not signed in. It tells nothing of the fleet.

use askama::Template;

use crate::component;
use crate::{Chrome, document, links, text};

/// Why nobody is signed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SignInReason {
    /// No session was given.
    #[default]
    Needed,
    /// The session has ended, or somebody signed out.
    Ended,
    /// The sign-in link is unknown, was used already, or has expired.
    LinkRefused,
}

impl SignInReason {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Needed => "You need a sign-in link to see this server's devices.",
            Self::Ended => "Your session has ended. A new sign-in link lets you in again.",
            Self::LinkRefused => {
                "This sign-in link does not work: it was used already, or has expired. Links work once."
            }
        }
    }
}

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/sign_in.html")]
pub struct SignInPage {
    /// What surrounds it; not signed in.
    pub chrome: Chrome,
    /// Why it is shown.
    pub reason: SignInReason,
    /// The command that prints a new link, where this server has one.
    pub link_command: Option<String>,
}

impl SignInPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }
}
