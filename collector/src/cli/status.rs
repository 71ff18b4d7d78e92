//! `sickbay-collector status`: who this device is and whether it reports. Reads the state folder only, beside a running collector.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;

use super::run::this_machine;
use super::say;
use super::service::SERVICE;
use super::settings::default_state_dir;
use crate::host::Host;
use crate::policy::{Policy, SERVER_URLS};
use crate::spool::filesystem::{Disk, Filesystem as _};
use crate::state;

/// Whose status.
#[derive(Debug, Clone, Args)]
pub(super) struct StatusArgs {
    /// The collector's own folder.
    #[arg(long, value_name = "DIR", env = "SICKBAY_COLLECTOR_STATE_DIR")]
    state_dir: Option<PathBuf>,
}

pub(super) fn run(args: &StatusArgs) -> anyhow::Result<()> {
    let dir = args.state_dir.clone().unwrap_or_else(default_state_dir);
    let mut text = describe(&dir)?;
    if cfg!(windows) {
        text += &of_the_machine(&*this_machine());
    }
    say(text.trim_end());
    Ok(())
}

/// What stands outside the folder: where the service reports to and whether it runs. `self-test` has the rest.
fn of_the_machine(host: &dyn Host) -> String {
    let policy = Policy::of(host);
    let servers: Vec<String> = policy.server_urls.iter().map(ToString::to_string).collect();
    let servers = match policy.origin(SERVER_URLS) {
        Some(origin) if !servers.is_empty() => {
            format!("{} (by {})", servers.join(", "), origin.words())
        }
        _ => "none is set".to_owned(),
    };
    let service = match host.service_running(SERVICE) {
        Data::Flag(true) => "runs".to_owned(),
        Data::Flag(false) => "does not run".to_owned(),
        Data::Absent => "is not installed".to_owned(),
        other => other.text(),
    };
    let mut text = String::new();
    let _ = writeln!(text, "{:<20}{servers}", "servers");
    let _ = writeln!(text, "{:<20}{service}", "service");
    for problem in policy.problems {
        let _ = writeln!(text, "{:<20}{problem}", "setting not used");
    }
    text
}

fn describe(dir: &Path) -> anyhow::Result<String> {
    if !dir.is_dir() {
        bail!(
            "there is no state folder {}; no collector ever ran here, or its folder is another one (--state-dir)",
            dir.display()
        );
    }
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<20}{value}");
    };
    line("state folder", dir.display().to_string());
    let known = state::peek_credentials(dir)?;
    match known.and_then(|known| known.identity) {
        None => line("enrolled", "no".to_owned()),
        Some(identity) => {
            line("enrolled as", identity.device_id);
            line("certificate until", identity.not_after.to_string());
        }
    }
    let base = state::peek_base(dir)?;
    let acknowledged = base.as_ref().and_then(|base| base.acknowledged);
    line(
        "acknowledged",
        acknowledged.map_or_else(
            || "nothing yet".to_owned(),
            |report| format!("report {}", report.sequence),
        ),
    );
    if let Some(base) = &base {
        line("epoch", base.epoch.to_string());
        let newest = base
            .observations
            .iter()
            .map(|(_, observation)| observation.taken_at)
            .max();
        line(
            "newest acknowledged",
            newest.map_or_else(|| "nothing yet".to_owned(), |at: Time| at.to_string()),
        );
    }
    let spool = dir.join("spool");
    let files = Disk
        .list(&spool)
        .with_context(|| format!("look into {}", spool.display()))?;
    let waiting: Vec<_> = files
        .iter()
        .filter(|file| file.name.ends_with(".report"))
        .collect();
    let bytes: u64 = waiting.iter().map(|file| file.bytes).sum();
    line(
        "reports that wait",
        format!("{} ({bytes} bytes)", waiting.len()),
    );
    let error = state::peek_last_error(dir)?;
    line(
        "last error",
        error.map_or_else(
            || "none".to_owned(),
            |error| format!("{}, at {}", error.text, error.at),
        ),
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;
    use crate::host::recording::{Description, Recording, Registry};
    use crate::policy::POLICY_KEY;
    use crate::state::{LastError, StateDir};

    #[test]
    fn a_device_that_never_enrolled_says_so_and_why_it_does_not_report() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        let error = LastError {
            at: Time::from_millis(0),
            text: "the enrolment token has expired".to_owned(),
        };
        state.save_last_error(Some(&error)).unwrap();
        let text = describe(dir.path()).unwrap();
        assert!(text.contains("enrolled            no\n"), "{text}");
        assert!(
            text.contains("the enrolment token has expired, at 1970-01-01T00:00:00Z"),
            "{text}"
        );
        assert!(text.contains("reports that wait   0 (0 bytes)"), "{text}");
    }

    #[test]
    fn where_a_machine_reports_to_is_said_with_who_set_it() {
        let mut registry = Registry::new();
        let url = Data::Text("https://a.example:7443".to_owned());
        registry.set_value(POLICY_KEY, SERVER_URLS, url);
        registry.set_value(POLICY_KEY, "LogLevel", Data::Dword(1));
        let text = of_the_machine(&Recording::new(registry, Description::default()));
        assert!(
            text.contains("servers             https://a.example:7443 (by group policy)\n"),
            "{text}"
        );
        assert!(
            text.contains("setting not used    LogLevel in HKLM"),
            "{text}"
        );
    }

    #[test]
    fn a_missing_folder_is_an_error_that_says_what_to_do() {
        let error = describe(Path::new("no-such-folder"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("--state-dir"), "{error}");
    }
}
