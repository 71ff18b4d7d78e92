//! Shown in place of every page to whoever is not signed in. It tells nothing of the fleet.

use askama::Template;

use crate::component;
use crate::words::sign_in as words;
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
    /// Name and password do not fit.
    WrongPassword,
    /// Too many tries; in so many seconds there is another.
    TooOften(u64),
    /// The provider's answer belongs to no sign-in of this browser.
    NotUnderWay,
    /// The provider's answer lets nobody in.
    ProviderRefused,
    /// They are who they say, and may do nothing here.
    Shut,
}

impl SignInReason {
    fn sentence(self) -> String {
        words::reason(self)
    }

    const fn is_bad(self) -> bool {
        !matches!(self, Self::Needed | Self::Ended)
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
    /// What the button says that leads to a provider, where there is one.
    pub provider: Option<String>,
    /// Where to go afterwards; empty for the first page.
    pub next: String,
    /// The command that prints a new link, where this server has one.
    pub link_command: Option<String>,
}

/// What an account's one-time link leads to: a button, so that only a person uses it up.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/sign_in_confirm.html")]
pub struct ConfirmPage {
    /// What surrounds it; not signed in.
    pub chrome: Chrome,
    /// Where the button leads.
    pub to: String,
}

impl ConfirmPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }
}

impl SignInPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }
}
