//! What a fleet has learned of updates as a file, so that another fleet need not learn it: tab-separated columns under a header.
//!
//! A file is taken whole or not at all: the first line that is not understood is named with what should be there.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sickbay_diagnosis::explanation::{LearnedUpdate, Told};
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_diagnosis::{Kb, Time};
use sickbay_store::LearnedRow;

/// The columns.
const HEADER: &str = "kb\tdevice_kind\tpackage_build\trevision\tout_by\tdevices";
/// Most lines of a file.
const LINES: usize = 100_000;

/// Why a file was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Another header.
    #[error("the first line must name the columns, {HEADER:?}, and is {0:?}")]
    Header(String),
    /// A line is not understood.
    #[error("line {line}: {what}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// Far too long.
    #[error("the file has more than {LINES} lines")]
    TooLong,
}

/// These updates as a file.
pub fn write<'a>(told: impl IntoIterator<Item = (&'a Told, &'a LearnedUpdate)>) -> String {
    let mut text = format!("{HEADER}\n");
    for (told, update) in told {
        let _ = writeln!(
            text,
            "{}\t{}\t{}\t{}\t{}\t{}",
            told.kb,
            told.kind.name(),
            told.package_build,
            update.revision,
            update.since.day(),
            update.devices
        );
    }
    text
}

/// The updates of a file, as imported at `now`.
///
/// # Errors
/// Names the first line that is not understood.
pub fn read(text: &str, now: Time) -> Result<Vec<LearnedRow>, FileError> {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let header = lines.next().unwrap_or_default().trim_end();
    if header != HEADER {
        return Err(FileError::Header(header.chars().take(100).collect()));
    }
    if lines.clone().count() > LINES {
        return Err(FileError::TooLong);
    }
    let mut rows: Vec<LearnedRow> = Vec::new();
    let mut told = BTreeSet::new();
    for (place, line) in lines
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let error = |what| FileError::Line {
            line: place + 2,
            what,
        };
        let row = row(line, now).map_err(error)?;
        if !told.insert((row.kb, row.kind, row.package_build)) {
            return Err(error(format!(
                "{} for {}s of build {} stands in the file twice",
                row.kb,
                row.kind.name(),
                row.package_build
            )));
        }
        rows.push(row);
    }
    Ok(rows)
}

fn row(line: &str, now: Time) -> Result<LearnedRow, String> {
    let columns: Vec<&str> = line.split('\t').map(str::trim).collect();
    let [kb, kind, build, revision, out_by, devices] = columns.as_slice() else {
        return Err(format!(
            "6 columns are wanted, and there are {}",
            columns.len()
        ));
    };
    let not = |text: &str, what: &str| {
        let shown: String = text.chars().take(60).collect();
        format!("{shown:?} is not {what}")
    };
    let number = |text: &str, what| text.parse::<u32>().map_err(|_| not(text, what));
    let since = Time::parse_loose(out_by).ok_or_else(|| not(out_by, "a day, YYYY-MM-DD"))?;
    if since > now.plus_days(1) {
        return Err(not(out_by, "a day that has come"));
    }
    Ok(LearnedRow {
        kb: Kb::parse(kb).ok_or_else(|| not(kb, "an update's number such as KB5036893"))?,
        kind: DeviceKind::named(kind).ok_or_else(|| not(kind, "`client` or `server`"))?,
        package_build: number(build, "a build")?,
        revision: number(revision, "a revision")?,
        // How many of another fleet said so is no word of this one's devices.
        devices: number(devices, "a number of devices").map(|_| 0)?,
        by_title: 0,
        since,
        learned_at: now,
        imported: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        Time::parse("2026-10-10T00:00:00Z").expect("a time")
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = format!("{HEADER}\nKB5063878\tclient\t26100\t4946\t2025-08-12\t812\n");
        let rows = read(&text, now()).expect("a file");
        assert_eq!(rows.len(), 1);
        assert!(rows[0].imported);
        let told = Told {
            kb: rows[0].kb,
            kind: rows[0].kind,
            package_build: rows[0].package_build,
        };
        let update = LearnedUpdate {
            revision: rows[0].revision,
            devices: 812,
            by_title: 0,
            now: 0,
            now_by_title: 0,
            since: rows[0].since,
            imported: true,
            kept_at: None,
        };
        assert_eq!(write([(&told, &update)]), text);
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        for (line, what) in [
            ("KB5063878\tclient\t26100\t4946\t2025-08-12", "6 columns"),
            (
                "soon\tclient\t26100\t4946\t2025-08-12\t1",
                "\"soon\" is not an update's number",
            ),
            (
                "KB5063878\tphone\t26100\t4946\t2025-08-12\t1",
                "`client` or `server`",
            ),
            ("KB5063878\tclient\tx\t4946\t2025-08-12\t1", "a build"),
            (
                "KB5063878\tclient\t26100\t4946\t2099-08-12\t1",
                "a day that has come",
            ),
        ] {
            let error = read(&format!("{HEADER}\n\n{line}\n"), now())
                .expect_err(line)
                .to_string();
            assert!(
                error.starts_with("line 3: ") && error.contains(what),
                "{error}"
            );
        }
        let line = "KB5063878\tclient\t26100\t4946\t2025-08-12\t1";
        let twice = read(&format!("{HEADER}\n{line}\n{line}\n"), now());
        assert!(
            twice
                .expect_err("twice")
                .to_string()
                .starts_with("line 3: ")
        );
        assert!(matches!(
            read("kb,build\n", now()),
            Err(FileError::Header(_))
        ));
    }
}
