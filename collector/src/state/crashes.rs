//! How the collector ended when nobody asked it to, and which checks are left out for it.
//!
//! `crashes` holds a line of JSON for each. The dying program appends its line, see [`crate::crash`]; the next one tells of it and keeps
//! the line as long as it leaves a check out.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sickbay_diagnosis::{Check, Time};

use super::{StateError, read};
use crate::spool::filesystem::{self, Disk};

pub(crate) const NAME: &str = "crashes";
const LIMIT_BYTES: usize = 256 * 1024;
/// How long a check during which the collector ended is left out: a check that always ends it costs a start a day.
const LEFT_OUT_MS: i64 = 24 * 3_600_000;

/// One end that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Crash {
    /// When, by the device's clock.
    pub(crate) at: Time,
    /// The collector's version.
    pub(crate) version: String,
    /// The check that ran; `None` where none did, or one that this version does not know.
    #[serde(default)]
    pub(crate) check: Option<String>,
    /// What ended it.
    pub(crate) what: String,
    /// Whether a later start told of it.
    #[serde(default)]
    pub(crate) told: bool,
}

impl Crash {
    /// The check that is left out at `now` because of it. Another version may have mended it, and a time to come is that of a clock that was
    /// wrong.
    pub(crate) fn leaves_out(&self, now: Time) -> Option<Check> {
        let since = now.since(self.at);
        let counts = self.version == env!("CARGO_PKG_VERSION") && (0..LEFT_OUT_MS).contains(&since);
        let check = self.check.as_deref().filter(|_| counts)?;
        Check::named(check)
    }

    /// Until when.
    pub(crate) fn until(&self) -> Time {
        self.at.plus_millis(LEFT_OUT_MS)
    }
}

/// The crashes that `dir` tells of, oldest first. A line that cannot be understood, such as one that was cut off, tells of none.
pub(crate) fn peek(dir: &Path) -> Result<Vec<Crash>, StateError> {
    let content = read(dir, NAME, LIMIT_BYTES)?.unwrap_or_default();
    let lines = content.split(|byte| *byte == b'\n');
    Ok(lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

/// Drops what counts no more, marks the rest as told, and returns what was not told yet.
pub(crate) fn take_note(dir: &Path, now: Time) -> Result<Vec<Crash>, StateError> {
    let (mut kept, mut news) = (Vec::new(), Vec::new());
    for crash in peek(dir)? {
        if crash.leaves_out(now).is_some() {
            let told = Crash {
                told: true,
                ..crash.clone()
            };
            kept.extend(serde_json::to_vec(&told).expect("texts and a time"));
            kept.push(b'\n');
        }
        if !crash.told {
            news.push(crash);
        }
    }
    filesystem::replace(&Disk, dir, NAME, &kept).map_err(|source| StateError::Write {
        path: dir.join(NAME),
        source,
    })?;
    Ok(news)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::*;

    const NOON: Time = Time::from_millis(1_700_000_000_000);

    fn crash(check: Option<&str>, at: Time, version: &str) -> Crash {
        Crash {
            at,
            version: version.to_owned(),
            check: check.map(str::to_owned),
            what: "exception 0xC0000005".to_owned(),
            told: false,
        }
    }

    #[test]
    fn a_check_is_left_out_for_a_day_by_the_version_that_it_ended() {
        let this = env!("CARGO_PKG_VERSION");
        let left_out =
            |crash: Crash, hours: i64| crash.leaves_out(NOON.plus_millis(hours * 3_600_000));
        let storage = || crash(Some("storage"), NOON, this);
        assert_eq!(left_out(storage(), 0), Some(Check::Storage));
        assert_eq!(left_out(storage(), 23), Some(Check::Storage));
        assert_eq!(left_out(storage(), 24), None);
        assert_eq!(left_out(storage(), -1), None, "a clock that was wrong");
        assert_eq!(left_out(crash(Some("storage"), NOON, "0.0.9"), 1), None);
        assert_eq!(left_out(crash(Some("palmistry"), NOON, this), 1), None);
        assert_eq!(left_out(crash(None, NOON, this), 1), None);
    }

    #[test]
    fn each_crash_is_told_once_and_kept_only_while_it_counts() {
        let dir = tempfile::tempdir().unwrap();
        let this = env!("CARGO_PKG_VERSION");
        let crashes = [
            crash(Some("storage"), NOON, this),
            crash(None, NOON, this),
            crash(Some("pause"), NOON, "0.0.9"),
        ];
        let lines: Vec<String> = crashes
            .iter()
            .map(|crash| serde_json::to_string(crash).unwrap())
            .collect();
        let text = format!("{}\n{{\"at\":17\nnonsense", lines.join("\n"));
        std::fs::write(dir.path().join(NAME), text).unwrap();
        assert_eq!(take_note(dir.path(), NOON).unwrap(), crashes);
        assert_eq!(take_note(dir.path(), NOON).unwrap(), []);
        let left = peek(dir.path()).unwrap();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(left[0].leaves_out(NOON), Some(Check::Storage));
        take_note(dir.path(), NOON.plus_millis(LEFT_OUT_MS)).unwrap();
        assert_eq!(peek(dir.path()).unwrap(), []);
    }
}
