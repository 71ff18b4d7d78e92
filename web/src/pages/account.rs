//! `/account`: somebody's own account, their password and their sessions.

use askama::Template;
use sickbay_diagnosis::Time;

use crate::component;
use crate::{Chrome, document, links, text};

/// A session that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLine {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub whose: String,
    /// Where it was opened from.
    pub address: String,
    /// What its browser says that it is.
    pub agent: String,
    /// When it was opened.
    pub opened_at: Time,
    /// When it was last used.
    pub seen_at: Time,
    /// Whether this page is shown in it.
    pub is_this: bool,
}

/// `/account`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/account.html")]
pub struct AccountPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// Who it is, and who says so: `local`, `openid`, `ldap`; `None` where they came by a link that names nobody.
    pub account: Option<(String, &'static str)>,
    /// What they may do, in words.
    pub may: String,
    /// Whether they have a password already. Only local accounts have any.
    pub has_password: bool,
    /// Fewest characters of a password.
    pub shortest: usize,
    /// Their sessions.
    pub sessions: Vec<SessionLine>,
    /// Every time zone there is.
    pub zones: Vec<String>,
    /// What a form just did.
    pub done: Option<String>,
    /// Why a form did nothing.
    pub mistake: Option<String>,
}

impl AccountPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn is_local(&self) -> bool {
        self.account
            .as_ref()
            .is_some_and(|(_, source)| *source == "local")
    }
}
