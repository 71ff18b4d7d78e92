//! Settings of a Windows collector: what group policy says, over what the installer left, value by value.
//!
//! Promises: one value that cannot be used costs that value and nothing else, and [`Policy::problems`] says which, where and what to
//! do; no value is ever taken from anywhere but the two keys. [`ALL`] lists every value that is read; the ADMX describes the same
//! (test `the_admx_describes_exactly_the_settings_that_are_read`).

mod value;

use std::time::Duration;

use crate::host::Host;
use crate::session::{CaPin, ProxyUrl, ServerUrl};

/// Where group policy writes, see `packaging/admx`, and where the installer writes its properties.
pub use sickbay_diagnosis::keys::{COLLECTOR as LOCAL_KEY, COLLECTOR_POLICY as POLICY_KEY};

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `REG_MULTI_SZ`; of a `REG_SZ`, what stands between commas, semicolons and white space.
    List,
    /// `REG_SZ`.
    Text,
    /// `REG_DWORD` within these limits; beyond them the nearer limit counts.
    Number {
        /// Least.
        least: u32,
        /// Most.
        most: u32,
    },
    /// `REG_DWORD`, 0 or 1; without it, `default`.
    Switch {
        /// What counts where it is not set.
        default: bool,
    },
    /// `REG_SZ`, one of these.
    Choice(&'static [&'static str]),
}

/// A value that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Its name in the registry.
    pub name: &'static str,
    /// How it is written.
    pub kind: Kind,
}

/// Servers, tried in turn: `https://HOST:PORT`.
pub const SERVER_URLS: &str = "ServerUrls";
/// The enrolment token; ignored once enrolled.
pub const ENROLMENT_TOKEN: &str = "EnrolmentToken";
/// SHA-256 of the public keys of CAs that may vouch for the server at the first enrolment.
pub const SERVER_CA_PINS: &str = "ServerCaPins";
/// Words that the device is filed under; its check reports them.
pub use sickbay_diagnosis::keys::TAGS;
/// Minutes between two full inspections; over what the server sets.
pub const INSPECTION_INTERVAL: &str = "InspectionIntervalMinutes";
/// How much is logged.
pub const LOG_LEVEL: &str = "LogLevel";
/// `http://HOST:PORT`, or `direct`.
pub const PROXY_URL: &str = "ProxyUrl";
/// Whether the server may ask for a diagnostic bundle.
pub const ALLOW_BUNDLES: &str = "AllowBundles";
/// Whether the server may ask for values beyond those that checks read.
pub const ALLOW_CUSTOM_READINGS: &str = "AllowCustomReadings";
/// Whether a check may have the update agent search online.
pub const ALLOW_ONLINE_SEARCH: &str = "AllowOnlineSearch";

/// The levels of a log, from the quietest.
pub const LOG_LEVELS: [&str; 4] = ["error", "warn", "info", "debug"];
const DEFAULT_LOG_LEVEL: &str = "info";

/// Every value that is read.
pub const ALL: [Definition; 10] = [
    Definition {
        name: SERVER_URLS,
        kind: Kind::List,
    },
    Definition {
        name: ENROLMENT_TOKEN,
        kind: Kind::Text,
    },
    Definition {
        name: SERVER_CA_PINS,
        kind: Kind::List,
    },
    Definition {
        name: TAGS,
        kind: Kind::List,
    },
    Definition {
        name: INSPECTION_INTERVAL,
        kind: Kind::Number {
            least: 5,
            most: 1_440,
        },
    },
    Definition {
        name: LOG_LEVEL,
        kind: Kind::Choice(&LOG_LEVELS),
    },
    Definition {
        name: PROXY_URL,
        kind: Kind::Text,
    },
    Definition {
        name: ALLOW_BUNDLES,
        kind: Kind::Switch { default: true },
    },
    Definition {
        name: ALLOW_CUSTOM_READINGS,
        kind: Kind::Switch { default: false },
    },
    Definition {
        name: ALLOW_ONLINE_SEARCH,
        kind: Kind::Switch { default: false },
    },
];

/// Which of the two keys a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Group policy, [`POLICY_KEY`].
    Policy,
    /// The installer or a person, [`LOCAL_KEY`].
    Local,
}

impl Origin {
    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Policy => "group policy",
            Self::Local => "this machine's own settings",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Policy => POLICY_KEY,
            Self::Local => LOCAL_KEY,
        }
    }
}

/// What is set, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Servers, tried in turn; may be empty.
    pub server_urls: Vec<ServerUrl>,
    /// The enrolment token.
    pub token: Option<String>,
    /// Pins of the server's CA.
    pub ca_pins: Vec<CaPin>,
    /// Words that the device is filed under.
    pub tags: Vec<String>,
    /// Time between two full inspections.
    pub inspection_interval: Option<Duration>,
    /// How much is logged.
    pub log_level: Option<String>,
    /// The way out.
    pub proxy: Option<ProxyUrl>,
    /// Whether the server may ask for a diagnostic bundle.
    pub allow_bundles: bool,
    /// Whether the server may ask for values beyond those that checks read.
    pub allow_custom_readings: bool,
    /// Whether a check may have the update agent search online.
    pub allow_online_search: bool,
    /// Where each value that is set came from, by name, in the order of [`ALL`].
    pub origins: Vec<(&'static str, Origin)>,
    /// What could not be used: which value, where, and what to do, a sentence each.
    pub problems: Vec<String>,
}

impl Policy {
    /// Reads all values of `host`, between two refreshes of group policy: in the middle of one they may all be gone.
    pub fn of(host: &dyn Host) -> Self {
        let mut policy = Self::default();
        host.while_policy_rests(&mut || policy = Self::read(host));
        policy
    }

    fn read(host: &dyn Host) -> Self {
        let mut found = value::Found::new(host);
        let mut policy = Self {
            server_urls: found.parsed_list(SERVER_URLS),
            token: found.text(ENROLMENT_TOKEN),
            ca_pins: found.parsed_list(SERVER_CA_PINS),
            tags: found.list(TAGS),
            inspection_interval: found
                .number(INSPECTION_INTERVAL)
                .map(|minutes| Duration::from_mins(u64::from(minutes))),
            log_level: found.choice(LOG_LEVEL),
            proxy: found.parsed(PROXY_URL),
            allow_bundles: found.switch(ALLOW_BUNDLES),
            allow_custom_readings: found.switch(ALLOW_CUSTOM_READINGS),
            allow_online_search: found.switch(ALLOW_ONLINE_SEARCH),
            ..Self::default()
        };
        (policy.origins, policy.problems) = found.finish();
        policy
    }

    /// Where `name` was set, if it was.
    pub fn origin(&self, name: &str) -> Option<Origin> {
        let found = self.origins.iter().find(|(set, _)| *set == name);
        found.map(|(_, origin)| *origin)
    }

    /// The level of the log, also where none is set.
    pub fn log_level(&self) -> &str {
        self.log_level.as_deref().unwrap_or(DEFAULT_LOG_LEVEL)
    }
}

#[cfg(test)]
mod tests;
