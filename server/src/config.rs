//! Settings: a TOML file, overruled by environment variables `SICKBAY_*`, overruled by flags.
//!
//! One struct per concern; every field has a default, and unknown keys are refused with their name.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use ipnet::IpNet;
use serde::{Deserialize, Serialize, Serializer};
use sickbay_diagnosis::expectation::{ScopedWish, Wanted, Wishes};

use crate::access::groups::GroupRole;
use crate::access::ldap::LdapSettings;
use crate::access::openid::OpenIdSettings;
use crate::export::schedule::ScheduledExport;
use crate::knowledge_pack::{BadKey, TrustedKeys};

/// The settings file that `sickbay-server config --default` prints, with every key and its default.
pub const DEFAULT_FILE: &str = include_str!("../sickbay.default.toml");

/// Everything that can be set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the server keeps its files.
    pub storage: Storage,
    /// The port that collectors speak to.
    pub collectors: Collectors,
    /// How much one address may ask of the collectors' port.
    pub limits: Limits,
    /// The port that people and scripts speak to.
    pub web: Web,
    /// The port that monitoring speaks to.
    pub health: Health,
    /// How people sign in, besides local accounts.
    pub sign_in: SignIn,
    /// The record of what was done.
    pub audit: Audit,
    /// What changed on devices.
    pub history: History,
    /// Lists that are written into a folder every day.
    pub exports: Vec<ScheduledExport>,
    /// What is known of Windows.
    pub knowledge: Knowledge,
    /// What the fleet's owner wants of every device. What is left out is decided by the catalogue's defaults.
    pub expectations: Wanted,
    /// What is wanted of the devices of single scopes, in the order in which they are asked; after those kept in the database.
    pub scopes: Vec<ScopedWish>,
}

/// Where the server keeps its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// Folder of the server's keys and, by default, of the database.
    pub data_dir: PathBuf,
    /// Address of the database, `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`; empty: `sqlite://DATA_DIR/sickbay.db`. Where
    /// settings are shown, its password is not.
    #[serde(serialize_with = "without_password")]
    pub database: String,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("/var/lib/sickbay"),
            database: String::new(),
        }
    }
}

impl Storage {
    /// The address of the database that is in force.
    pub fn database_url(&self) -> String {
        if self.database.is_empty() {
            format!("sqlite://{}", self.data_dir.join("sickbay.db").display())
        } else {
            self.database.clone()
        }
    }
}

fn without_password<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&sickbay_store::shown(url))
}

/// The port that collectors speak to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Collectors {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// DNS names and IP addresses under which collectors reach this server; they stand in its certificate.
    pub names: Vec<String>,
    /// Seconds between two full inspections of an unchanged device.
    pub inspection_interval_s: u32,
    /// Seconds between two signs of life.
    pub heartbeat_interval_s: u32,
    /// Seconds over which the fleet spreads its renewals when the CA is rotated.
    pub rotation_spread_s: u32,
    /// PEM file with CAs of the owner's own PKI: a machine that shows a certificate of theirs over its DNS name is let in without a token.
    /// Empty: none.
    pub machine_ca: PathBuf,
}

impl Default for Collectors {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 7443)),
            names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            inspection_interval_s: 3600,
            heartbeat_interval_s: 300,
            rotation_spread_s: 3600,
            machine_ca: PathBuf::new(),
        }
    }
}

/// The port that people and scripts speak to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// Address to listen on. Plain HTTP is spoken on loopback only.
    pub listen: SocketAddr,
    /// Certificate chain in PEM; empty: issued by the built-in CA where TLS is needed.
    pub tls_certificate: PathBuf,
    /// Key of that certificate in PEM.
    pub tls_key: PathBuf,
    /// Address that people type, for links; empty: from `listen`.
    pub external_url: String,
    /// Networks of reverse proxies that are believed when they say for whom they ask (`X-Forwarded-For`).
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8443)),
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            external_url: String::new(),
            trusted_proxies: Vec::new(),
        }
    }
}

impl Web {
    /// Address that people type, without a slash at its end, for a server that is bound to `bound`.
    pub fn url(&self, bound: SocketAddr) -> String {
        if !self.external_url.is_empty() {
            return self.external_url.trim_end_matches('/').to_owned();
        }
        let scheme = if self.uses_tls() { "https" } else { "http" };
        format!("{scheme}://{bound}")
    }

    /// Whether TLS is spoken: always, except on loopback without a configured certificate.
    pub fn uses_tls(&self) -> bool {
        !self.listen.ip().is_loopback() || !self.tls_certificate.as_os_str().is_empty()
    }
}

/// How people sign in, besides local accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignIn {
    /// After how many seconds a directory is asked again what somebody may do who is signed in.
    pub recheck_s: u32,
    /// What the groups of a directory give; the first line that names one of somebody's groups decides.
    pub groups: Vec<GroupRole>,
    /// A directory.
    pub ldap: LdapSettings,
    /// An OpenID Connect provider.
    pub openid: OpenIdSettings,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            recheck_s: 60,
            groups: Vec::new(),
            ldap: LdapSettings::default(),
            openid: OpenIdSettings::default(),
        }
    }
}

/// The record of what was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// Days for which lines of the record are kept; 0: for ever.
    pub keep_days: u32,
}

impl Default for Audit {
    fn default() -> Self {
        Self { keep_days: 730 }
    }
}

/// What changed on devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    /// Days for which changes are kept; 0: for as long as their device.
    pub keep_days: u32,
}

impl Default for History {
    fn default() -> Self {
        Self { keep_days: 400 }
    }
}

/// The port that monitoring speaks to: `/metrics`, `/healthz`, `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Health {
    /// Address to listen on.
    pub listen: SocketAddr,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9443)),
        }
    }
}

/// How much one address may ask of the collectors' port. What a device may send is bounded for each by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections of one address within a second, in the long run.
    pub handshakes_per_second: NonZeroU32,
    /// Connections of one address at once, after a pause.
    pub handshakes_at_once: NonZeroU32,
    /// Enrolments of one address within a second, in the long run.
    pub enrolments_per_second: NonZeroU32,
    /// Enrolments of one address at once, after a pause.
    pub enrolments_at_once: NonZeroU32,
    /// Networks that are not limited: sites behind one translator or proxy.
    pub exempt: Vec<IpNet>,
}

impl Default for Limits {
    fn default() -> Self {
        const fn number(number: u32) -> NonZeroU32 {
            NonZeroU32::new(number).expect("not zero")
        }
        let loopback = [
            IpAddr::from([127, 0, 0, 0]),
            IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
        ];
        Self {
            handshakes_per_second: number(50),
            handshakes_at_once: number(2_000),
            enrolments_per_second: number(20),
            enrolments_at_once: number(1_000),
            exempt: vec![
                IpNet::new_assert(loopback[0], 8),
                IpNet::new_assert(loopback[1], 128),
            ],
        }
    }
}

/// What is known of Windows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knowledge {
    /// Public keys whose knowledge packs are taken, each `ed25519:BASE64`.
    pub trusted_keys: Vec<String>,
}

impl Knowledge {
    /// The keys whose packs are taken: these, and those that every build trusts.
    ///
    /// # Errors
    /// Where one of these is no key.
    pub fn trusted(&self) -> Result<TrustedKeys, BadKey> {
        TrustedKeys::read(&self.trusted_keys)
    }
}

/// An environment variable and the key that it sets.
const ENVIRONMENT: &[(&str, [&str; 2])] = &[
    ("SICKBAY_DATA_DIR", ["storage", "data_dir"]),
    ("SICKBAY_DATABASE", ["storage", "database"]),
    ("SICKBAY_COLLECTORS_LISTEN", ["collectors", "listen"]),
    ("SICKBAY_COLLECTORS_NAMES", ["collectors", "names"]),
    (
        "SICKBAY_COLLECTORS_INSPECTION_INTERVAL_S",
        ["collectors", "inspection_interval_s"],
    ),
    (
        "SICKBAY_COLLECTORS_HEARTBEAT_INTERVAL_S",
        ["collectors", "heartbeat_interval_s"],
    ),
    (
        "SICKBAY_COLLECTORS_ROTATION_SPREAD_S",
        ["collectors", "rotation_spread_s"],
    ),
    (
        "SICKBAY_COLLECTORS_MACHINE_CA",
        ["collectors", "machine_ca"],
    ),
    ("SICKBAY_LIMITS_EXEMPT", ["limits", "exempt"]),
    ("SICKBAY_WEB_LISTEN", ["web", "listen"]),
    ("SICKBAY_WEB_TLS_CERTIFICATE", ["web", "tls_certificate"]),
    ("SICKBAY_WEB_TLS_KEY", ["web", "tls_key"]),
    ("SICKBAY_WEB_EXTERNAL_URL", ["web", "external_url"]),
    ("SICKBAY_WEB_TRUSTED_PROXIES", ["web", "trusted_proxies"]),
    ("SICKBAY_SIGN_IN_RECHECK_S", ["sign_in", "recheck_s"]),
    ("SICKBAY_AUDIT_KEEP_DAYS", ["audit", "keep_days"]),
    ("SICKBAY_HISTORY_KEEP_DAYS", ["history", "keep_days"]),
    ("SICKBAY_HEALTH_LISTEN", ["health", "listen"]),
    (
        "SICKBAY_KNOWLEDGE_TRUSTED_KEYS",
        ["knowledge", "trusted_keys"],
    ),
];

impl Config {
    /// Reads `file` (the defaults where none is given) and lays `environment` over it.
    pub fn load(
        file: Option<&Path>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let mut table = match file {
            None => toml::Table::new(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read the settings file {}", path.display()))?;
                text.parse::<toml::Table>().with_context(|| {
                    format!("the settings file {} is not valid TOML", path.display())
                })?
            }
        };
        for (variable, [section, key]) in ENVIRONMENT {
            if let Some(text) = environment(variable) {
                let value = environment_value(variable, key, &text)?;
                let section = table
                    .entry(*section)
                    .or_insert_with(|| toml::Value::Table(toml::Table::new()));
                let toml::Value::Table(section) = section else {
                    bail!("setting for {variable} must stand in a table of the settings file");
                };
                section.insert((*key).to_owned(), value);
            }
        }
        let config: Self = table.try_into().with_context(|| {
            file.map_or_else(
                || "a setting from the environment cannot be used".to_owned(),
                |path| format!("a setting in {} cannot be used", path.display()),
            )
        })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        if self.collectors.names.is_empty() {
            bail!(
                "collectors.names is empty: name at least one host name or address under which collectors reach this server"
            );
        }
        if self.web.tls_certificate.as_os_str().is_empty()
            != self.web.tls_key.as_os_str().is_empty()
        {
            bail!("web.tls_certificate and web.tls_key belong together: set both or neither");
        }
        if self.collectors.heartbeat_interval_s == 0 || self.collectors.inspection_interval_s == 0 {
            bail!(
                "collectors.heartbeat_interval_s and collectors.inspection_interval_s must be at least 1 second"
            );
        }
        self.knowledge
            .trusted()
            .context("knowledge.trusted_keys cannot be used")?;
        for (place, export) in self.exports.iter().enumerate() {
            export.check()?;
            if self.exports[..place].iter().any(|e| e.name == export.name) {
                bail!("two scheduled exports have the name {}", export.name);
            }
        }
        let wishes = Wishes {
            scopes: self.scopes.clone(),
            fleet: self.expectations.clone(),
        };
        crate::wishes::check(&wishes)?;
        Ok(())
    }
}

fn environment_value(variable: &str, key: &str, text: &str) -> anyhow::Result<toml::Value> {
    Ok(match key {
        "names" | "trusted_keys" | "exempt" | "trusted_proxies" => toml::Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|entry| !entry.is_empty())
                .map(|entry| toml::Value::String(entry.to_owned()))
                .collect(),
        ),
        "inspection_interval_s" | "heartbeat_interval_s" | "rotation_spread_s" => {
            toml::Value::Integer(
                text.trim().parse().with_context(|| {
                    format!("{variable}={text:?} is not a whole number of seconds")
                })?,
            )
        }
        _ => toml::Value::String(text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_says_exactly_the_defaults() {
        let parsed: Config = toml::from_str(DEFAULT_FILE).expect("the default file parses");
        assert_eq!(parsed, Config::default());
    }

    #[test]
    fn the_environment_overrules_the_file_and_an_unknown_key_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("sickbay.toml");
        std::fs::write(&file, "[web]\nlisten = \"127.0.0.1:1\"\n").expect("written");
        let config = Config::load(Some(&file), |name| {
            (name == "SICKBAY_WEB_LISTEN").then(|| "127.0.0.1:2".to_owned())
        })
        .expect("valid");
        assert_eq!(config.web.listen.port(), 2);

        std::fs::write(&file, "[web]\nlissten = \"127.0.0.1:1\"\n").expect("written");
        let error = Config::load(Some(&file), |_| None).expect_err("unknown key");
        assert!(format!("{error:#}").contains("lissten"), "{error:#}");
    }
}
