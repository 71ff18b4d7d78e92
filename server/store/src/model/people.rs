//! Words of people and programs that look at the fleet: accounts, sessions, API tokens.

use std::fmt;

use sickbay_diagnosis::Time;
use uuid::Uuid;

use super::Scope;

/// What somebody may do. Each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees and exports.
    Viewer,
    /// Acts on devices: has them inspected, lets them in, accepts their issues for a time.
    Operator,
    /// Decides who sees what, who issues, and what is wanted of all.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The public word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What somebody may do, and with which devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// What.
    pub role: Role,
    /// With which.
    pub scope: Scope,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Scope::All => write!(f, "{} of all devices", self.role),
            Scope::Matching(filter) => write!(f, "{} of devices that match {filter}", self.role),
        }
    }
}

impl Access {
    /// Everything.
    pub const ALL: Self = Self {
        role: Role::Admin,
        scope: Scope::All,
    };
}

/// Who says that somebody is who they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountSource {
    /// This server, by a password.
    Local,
    /// An OpenID Connect provider.
    OpenId,
    /// A directory, by LDAP.
    Ldap,
}

impl AccountSource {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::OpenId => "openid",
            Self::Ldap => "ldap",
        }
    }
}

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Its public id.
    pub id: Uuid,
    /// Who knows them.
    pub source: AccountSource,
    /// By what their source knows them; of a local account its name in lower case.
    pub subject: String,
    /// What people call them.
    pub name: String,
    /// What they may do; `None` where no group of theirs gives them anything.
    pub access: Option<Access>,
    /// The hash of their password (PHC); empty where they have none.
    pub password: String,
    /// When it was made.
    pub created_at: Time,
    /// When they last signed in.
    pub signed_in_at: Option<Time>,
    /// Since when they may not sign in.
    pub disabled_at: Option<Time>,
}

impl AccountRow {
    /// What they may do now.
    pub fn may(&self) -> Option<&Access> {
        match self.disabled_at {
            None => self.access.as_ref(),
            Some(_) => None,
        }
    }
}

/// A session to be kept.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its public id.
    pub id: Uuid,
    /// SHA-256 of the cookie's secret.
    pub hash: Vec<u8>,
    /// The CSRF token of this session.
    pub csrf: String,
    /// Whose it is; `None` where it was opened by a link of the command line, which names nobody.
    pub account: Option<Uuid>,
    /// Where it was opened from.
    pub address: String,
    /// What the browser says that it is.
    pub agent: String,
    /// By what the account's source can be asked again without the person; sealed, may be empty.
    pub grant_sealed: Vec<u8>,
    /// Now.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
}

/// A live session.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// Its public id.
    pub id: Uuid,
    /// The CSRF token of this session.
    pub csrf: String,
    /// Whose it is, see [`NewSession::account`].
    pub account: Option<AccountRow>,
    /// Where it was opened from.
    pub address: String,
    /// What the browser said that it is.
    pub agent: String,
    /// See [`NewSession::grant_sealed`].
    pub grant_sealed: Vec<u8>,
    /// When it was opened.
    pub created_at: Time,
    /// When it was last used, to within minutes.
    pub seen_at: Time,
    /// When the account's source was last asked.
    pub checked_at: Time,
    /// When it ends.
    pub expires_at: Time,
}

/// An API token to be kept.
#[derive(Debug, Clone)]
pub struct NewApiToken {
    /// SHA-256 of the secret.
    pub hash: Vec<u8>,
    /// What it is for, in the owner's words.
    pub name: String,
    /// What it may do.
    pub access: Access,
    /// Who made it.
    pub made_by: String,
    /// Now.
    pub created_at: Time,
    /// When it stops working.
    pub expires_at: Option<Time>,
}

/// An API token as kept.
#[derive(Debug, Clone)]
pub struct ApiTokenRow {
    /// Its public id.
    pub id: Uuid,
    /// See [`NewApiToken`].
    pub name: String,
    /// See [`NewApiToken`].
    pub access: Access,
    /// See [`NewApiToken`]; empty where it was made before that was kept.
    pub made_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it was last used, to within minutes.
    pub used_at: Option<Time>,
    /// When it stops working.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

/// A sign-in link that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenLink {
    /// Whose it is; `None`: an administrator's, of the command line.
    pub account: Option<Uuid>,
}

/// What came of making an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountMade {
    /// Here it is.
    Made(AccountRow),
    /// There is one of that name.
    NameTaken,
}
