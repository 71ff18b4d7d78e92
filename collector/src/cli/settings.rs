//! The collector's settings: a TOML file, under the environment (`SICKBAY_COLLECTOR_*`), under flags.
//!
//! | key in the file | variable | unit | default |
//! |---|---|---|---|
//! | `server_urls` | `SICKBAY_COLLECTOR_SERVERS` | list of `https://HOST:PORT` | none |
//! | `token` | `SICKBAY_COLLECTOR_TOKEN` | text | none |
//! | `token_file` | `SICKBAY_COLLECTOR_TOKEN_FILE` | path | none |
//! | `ca_pins` | `SICKBAY_COLLECTOR_CA_PINS` | list of SHA-256 in hexadecimal | none |
//! | `state_dir` | `SICKBAY_COLLECTOR_STATE_DIR` | path | see [`default_state_dir`] |
//! | `inspection_interval_minutes` | `SICKBAY_COLLECTOR_INSPECTION_INTERVAL_MINUTES` | minutes | as the server sets, else 60 |
//! | `recording` | `SICKBAY_COLLECTOR_RECORDING` | list of paths | none |

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;

use crate::host::Host;
use crate::session::{CaPin, CollectorOptions, ServerUrl};

/// The program was called wrongly.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// Flags and variables that several commands share.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct SettingsArgs {
    /// A server, as https://HOST:7443; several are tried in turn.
    #[arg(
        long = "server",
        value_name = "URL",
        env = "SICKBAY_COLLECTOR_SERVERS",
        value_delimiter = ','
    )]
    pub(super) servers: Vec<ServerUrl>,
    /// The enrolment token; ignored once enrolled.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "SICKBAY_COLLECTOR_TOKEN",
        hide_env_values = true
    )]
    pub(super) token: Option<String>,
    /// A file that holds the enrolment token.
    #[arg(
        long,
        value_name = "PATH",
        env = "SICKBAY_COLLECTOR_TOKEN_FILE",
        conflicts_with = "token"
    )]
    pub(super) token_file: Option<PathBuf>,
    /// SHA-256 of the public key of the server's CA, in hexadecimal; used for the first enrolment only.
    #[arg(
        long = "ca-pin",
        value_name = "HEX",
        env = "SICKBAY_COLLECTOR_CA_PINS",
        value_delimiter = ','
    )]
    pub(super) ca_pins: Vec<CaPin>,
    /// The collector's own folder.
    #[arg(long, value_name = "DIR", env = "SICKBAY_COLLECTOR_STATE_DIR")]
    pub(super) state_dir: Option<PathBuf>,
    /// Play this recording instead of looking at this machine; several are read as one device.
    #[arg(
        long,
        value_name = "PATH",
        env = "SICKBAY_COLLECTOR_RECORDING",
        value_delimiter = ','
    )]
    pub(super) recording: Vec<PathBuf>,
    /// A TOML file with these settings.
    #[arg(long, value_name = "PATH", env = "SICKBAY_COLLECTOR_CONFIG")]
    pub(super) config: Option<PathBuf>,
}

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    server_urls: Vec<String>,
    token: Option<String>,
    token_file: Option<PathBuf>,
    ca_pins: Vec<String>,
    state_dir: Option<PathBuf>,
    inspection_interval_minutes: Option<u32>,
    recording: Vec<PathBuf>,
}

/// What is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) servers: Vec<ServerUrl>,
    pub(super) token: Option<String>,
    pub(super) ca_pins: Vec<CaPin>,
    pub(super) state_dir: PathBuf,
    pub(super) inspection_interval: Option<Duration>,
    pub(super) recording: Vec<PathBuf>,
}

impl Settings {
    /// What `args` and the file that they name say together.
    pub(super) fn load(args: SettingsArgs, interval_minutes: Option<u32>) -> anyhow::Result<Self> {
        let file = match &args.config {
            None => Written::default(),
            Some(path) => read_file(path)?,
        };
        let name = args.config.unwrap_or_default();
        let in_file = |key: &str| format!("{key} in {}", name.display());
        let servers = if args.servers.is_empty() {
            parse_all(&file.server_urls).with_context(|| in_file("server_urls"))?
        } else {
            args.servers
        };
        let ca_pins = if args.ca_pins.is_empty() {
            parse_all(&file.ca_pins).with_context(|| in_file("ca_pins"))?
        } else {
            args.ca_pins
        };
        let token = match (args.token, args.token_file) {
            (Some(token), _) => Some(token),
            (None, Some(path)) => Some(read_token(&path)?),
            (None, None) => match (file.token, file.token_file) {
                (Some(token), _) => Some(token),
                (None, Some(path)) => Some(read_token(&path)?),
                (None, None) => None,
            },
        };
        let minutes = interval_minutes.or(file.inspection_interval_minutes);
        Ok(Self {
            servers,
            token: token
                .map(|token| token.trim().to_owned())
                .filter(|token| !token.is_empty()),
            ca_pins,
            state_dir: args
                .state_dir
                .or(file.state_dir)
                .unwrap_or_else(default_state_dir),
            inspection_interval: minutes
                .map(|minutes| Duration::from_secs(u64::from(minutes.max(1)) * 60)),
            recording: if args.recording.is_empty() {
                file.recording
            } else {
                args.recording
            },
        })
    }

    /// The library's options for a collector of `host`.
    pub(super) fn options(self, host: Arc<dyn Host>) -> CollectorOptions {
        let mut options = CollectorOptions::new(self.state_dir, self.servers, host);
        options.token = self.token;
        options.ca_pins = self.ca_pins;
        if let Some(interval) = self.inspection_interval {
            options.session.inspection_interval = interval;
            options.session.inspection_interval_fixed = true;
        }
        options
    }
}

/// `%ProgramData%\Sickbay\Collector` on Windows; elsewhere what systemd gives, else `/var/lib/sickbay-collector`.
pub(super) fn default_state_dir() -> PathBuf {
    #[cfg(windows)]
    return crate::host::windows::program_data()
        .join("Sickbay")
        .join("Collector");
    #[cfg(not(windows))]
    std::env::var_os("STATE_DIRECTORY").map_or_else(
        || PathBuf::from("/var/lib/sickbay-collector"),
        PathBuf::from,
    )
}

/// Makes the service's own folder as private as the service keeps it, before another command writes into it: whoever comes first sets its
/// rights. Any other folder is whoever's it is that named it.
#[cfg(windows)]
pub(super) fn prepare_state_dir(dir: &Path) -> anyhow::Result<()> {
    if dir == default_state_dir() {
        let aside = keep_both_private(dir).context(
            "the collector's own folder is for administrators; run this as one, or give another folder with --state-dir",
        )?;
        if let Some(aside) = aside {
            tracing::warn!(aside = %aside.display(), "the folder was made by neither SYSTEM nor an administrator, so that it was set aside");
        }
    }
    Ok(())
}

#[cfg(not(windows))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "it can fail where folders have to be taken over"
)]
pub(super) const fn prepare_state_dir(_dir: &Path) -> anyhow::Result<()> {
    Ok(())
}

/// The folder and the one above it: whoever owned that one could put another in its place. Returns what was set aside.
#[cfg(windows)]
pub(super) fn keep_both_private(
    dir: &Path,
) -> Result<Option<PathBuf>, sickbay_service::windows::FolderError> {
    use sickbay_service::windows::keep_private;
    let above = dir.parent().map(keep_private).transpose()?.flatten();
    Ok(keep_private(dir)?.or(above))
}

fn read_file(path: &Path) -> anyhow::Result<Written> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("read the settings {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("understand the settings {}", path.display()))
}

fn read_token(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("read the enrolment token {}", path.display()))
}

fn parse_all<T: std::str::FromStr>(texts: &[String]) -> anyhow::Result<Vec<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    texts
        .iter()
        .map(|text| text.parse().map_err(anyhow::Error::new))
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    fn load(toml: &str, args: SettingsArgs) -> anyhow::Result<Settings> {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("collector.toml");
        fs::write(&config, toml).unwrap();
        let args = SettingsArgs {
            config: Some(config),
            ..args
        };
        Settings::load(args, None)
    }

    #[test]
    fn flags_win_over_the_file_key_by_key() {
        let toml = "server_urls = [\"https://a.example:1\"]\ntoken = \"from the file\"\ninspection_interval_minutes = 5\n";
        let args = SettingsArgs {
            token: Some("from a flag".to_owned()),
            ..SettingsArgs::default()
        };
        let settings = load(toml, args).unwrap();
        assert_eq!(settings.token.as_deref(), Some("from a flag"));
        assert_eq!(settings.servers[0].to_string(), "https://a.example:1");
        assert_eq!(settings.inspection_interval, Some(Duration::from_mins(5)));
    }

    #[test]
    fn a_misspelled_key_is_named_and_not_ignored() {
        let error = load("servr_urls = []\n", SettingsArgs::default()).unwrap_err();
        assert!(format!("{error:#}").contains("servr_urls"), "{error:#}");
    }

    #[test]
    fn a_bad_value_in_the_file_names_the_key_and_the_file() {
        let error = load("ca_pins = [\"abc\"]\n", SettingsArgs::default()).unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.contains("ca_pins in") && text.contains("collector.toml") && text.contains("abc"),
            "{text}"
        );
    }
}
