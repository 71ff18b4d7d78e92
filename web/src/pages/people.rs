//! `/people`: who may sign in and what they may do, who is signed in, and which programs may ask.

use askama::Template;
use sickbay_diagnosis::Time;

use super::account::SessionLine;
use crate::component;
use crate::words::people as words;
use crate::{Chrome, document, links, text};

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLine {
    /// The id.
    pub id: String,
    /// What people call them.
    pub name: String,
    /// Who knows them: `local`, `openid`, `ldap`.
    pub source: &'static str,
    /// Their role; empty for none.
    pub role: String,
    /// The filter of their scope; empty for all devices.
    pub scope: String,
    /// Whether a local account has a password.
    pub has_password: bool,
    /// When they last signed in.
    pub signed_in_at: Option<Time>,
    /// Since when they may not.
    pub disabled_at: Option<Time>,
}

/// A token by which a program may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiTokenLine {
    /// The id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Its role.
    pub role: String,
    /// The filter of its scope; empty for all devices.
    pub scope: String,
    /// Who made it; may be empty.
    pub made_by: String,
    /// When it was made.
    pub made_at: Time,
    /// When it was last used.
    pub used_at: Option<Time>,
    /// When it stops working.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

/// Something that is shown this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// What it is.
    pub of: SecretOf,
    /// The text.
    pub text: String,
}

/// What a secret is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretOf {
    /// Somebody chooses a password by it.
    PasswordLink {
        /// Who.
        name: String,
        /// For how long it works, in hours.
        hours: i64,
    },
    /// A program asks with it.
    ApiToken {
        /// What the token is for.
        name: String,
    },
}

impl SecretOf {
    fn words(&self) -> String {
        words::secret(self)
    }
}

/// What a form just did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Gave somebody another role or scope.
    Access,
    /// Shut somebody out.
    ShutOut,
    /// Let somebody in again.
    LetIn,
    /// Ended a session.
    Session,
    /// Revoked an API token.
    Token,
}

impl Done {
    const ALL: [Self; 5] = [
        Self::Access,
        Self::ShutOut,
        Self::LetIn,
        Self::Session,
        Self::Token,
    ];

    /// As the address says it to which the form leads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::ShutOut => "shut-out",
            Self::LetIn => "let-in",
            Self::Session => "session",
            Self::Token => "token",
        }
    }

    /// The one that an address says.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.name() == name)
    }

    const fn words(self) -> &'static str {
        words::done(self)
    }
}

/// Why a form did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// Another account has the name.
    NameTaken {
        /// The name.
        name: String,
    },
    /// A link is of no use to somebody who is shut out.
    IsShutOut {
        /// Who.
        name: String,
    },
    /// An API token lives for no such time.
    Days {
        /// Longest life, in days.
        most: i64,
    },
    /// A name, role or scope cannot be read; the command line says the same of it.
    Unreadable(String),
}

impl Mistake {
    fn words(&self) -> String {
        words::mistake(self)
    }
}

/// `/people`.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/people.html")]
pub struct PeoplePage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// Accounts, by name.
    pub accounts: Vec<AccountLine>,
    /// Open sessions, the last used first.
    pub sessions: Vec<SessionLine>,
    /// API tokens, the newest first.
    pub tokens: Vec<ApiTokenLine>,
    /// Roles that can be given, the least first.
    pub roles: Vec<&'static str>,
    /// A secret that a form just made.
    pub secret: Option<Secret>,
    /// What a form just did.
    pub done: Option<Done>,
    /// Why a form did nothing.
    pub mistake: Option<Mistake>,
}

impl PeoplePage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    fn token_state(&self, token: &ApiTokenLine) -> (&'static str, &'static str) {
        if token.revoked_at.is_some() {
            ("quiet", words::REVOKED)
        } else if token.expires_at.is_some_and(|end| end <= self.chrome.now) {
            ("quiet", words::ENDED)
        } else {
            ("clear", words::VALID)
        }
    }
}
