//! `/account`: somebody's own account, their password and their sessions.

use askama::Template;
use sickbay_diagnosis::Time;

use crate::component;
use crate::words::account as words;
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

/// What a form just did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Kept a password.
    Password,
    /// Kept a zone.
    Zone,
    /// Ended a session.
    Session,
}

impl Done {
    /// As the address says it to which the form leads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Zone => "zone",
            Self::Session => "session",
        }
    }

    /// The one that an address says.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = [Self::Password, Self::Zone, Self::Session].into_iter();
        all.find(|done| done.name() == name)
    }

    const fn words(self) -> &'static str {
        words::done(self)
    }
}

/// Why a form did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// The password until now was tried too often.
    TooManyTries {
        /// Until there is another try.
        seconds: u64,
    },
    /// The password until now is another one.
    WrongPassword,
    /// The new one has too few characters.
    TooShort {
        /// Fewest of them.
        least: usize,
    },
    /// The new one has too many bytes.
    TooLong {
        /// Most of them.
        most: usize,
    },
    /// The new one was typed in two ways.
    NotTheSameTwice,
    /// No zone has this name.
    NoSuchZone,
}

impl Mistake {
    fn words(&self) -> String {
        words::mistake(self)
    }
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
    pub done: Option<Done>,
    /// Why a form did nothing.
    pub mistake: Option<Mistake>,
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
