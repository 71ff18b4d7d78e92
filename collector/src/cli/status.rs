//! `sickbay-collector status`: who this device is and whether it reports. Reads the state folder only, beside a running collector.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use sickbay_diagnosis::Time;

use super::say;
use super::settings::default_state_dir;
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
    say(describe(&dir)?.trim_end());
    Ok(())
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
    fn a_missing_folder_is_an_error_that_says_what_to_do() {
        let error = describe(Path::new("no-such-folder"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("--state-dir"), "{error}");
    }
}
