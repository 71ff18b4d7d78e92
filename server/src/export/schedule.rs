//! Exports that the owner wants every day, written into a folder of theirs.
//!
//! A day's file is made as soon as its time has passed and it is not there yet, so a server that was down makes it up. It is written
//! under another name first and renamed when it is whole and on the disk; whoever fetches it never sees half of one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use sickbay_diagnosis::time::DAY_MS;
use sickbay_diagnosis::{Time, issues};
use sickbay_store::Scope;

use super::devices::DeviceList;
use super::{Format, to_file};
use crate::app::App;
use crate::audit;

/// Between a name and its day.
const BEFORE_DAY: char = '-';
/// Minutes of a day.
const DAY_MINUTES: i64 = 24 * 60;

/// An export that is made every day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduledExport {
    /// What its files begin with: letters, digits, `-`, `_`.
    pub name: String,
    /// Id of the issue; empty: all devices.
    pub issue: String,
    /// Condition in the filter language; empty: none.
    pub filter: String,
    /// Columns, in order; empty: the usual ones.
    pub columns: Vec<String>,
    /// Format of the files.
    pub format: Format,
    /// Folder that they are written into. It has to be there.
    pub folder: PathBuf,
    /// Time of the day, UTC, `HH:MM`.
    pub at: String,
    /// Newest files that are kept; 0: all of them.
    pub keep: usize,
}

impl Default for ScheduledExport {
    fn default() -> Self {
        Self {
            name: String::new(),
            issue: String::new(),
            filter: String::new(),
            columns: Vec::new(),
            format: Format::Csv,
            folder: PathBuf::new(),
            at: "05:00".to_owned(),
            keep: 30,
        }
    }
}

impl ScheduledExport {
    /// Whether it can be made.
    ///
    /// # Errors
    /// Says which key cannot be used, and why.
    pub fn check(&self) -> anyhow::Result<()> {
        let named = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        ensure!(
            !self.name.is_empty() && self.name.chars().all(named),
            "name {:?} of a scheduled export cannot begin a file: use letters, digits, - and _",
            self.name
        );
        ensure!(
            self.folder.is_absolute(),
            "folder {} of the scheduled export {} must be a whole path",
            self.folder.display(),
            self.name
        );
        self.minute()?;
        self.list().map(drop)
    }

    fn list(&self) -> anyhow::Result<DeviceList> {
        let issue = match self.issue.as_str() {
            "" => None,
            id => Some(issues::get(id).with_context(|| {
                format!(
                    "issue {id:?} of the scheduled export {} is not known",
                    self.name
                )
            })?),
        };
        let told = |problem: crate::problem::Problem| {
            anyhow::anyhow!("the scheduled export {}: {}", self.name, problem.detail)
        };
        let list = DeviceList::read(issue, Some(&self.filter), None).map_err(told)?;
        list.columns(self.chosen().as_deref()).map_err(told)?;
        Ok(list)
    }

    fn chosen(&self) -> Option<String> {
        (!self.columns.is_empty()).then(|| self.columns.join(","))
    }

    /// The minute of the day at which it is made.
    fn minute(&self) -> anyhow::Result<i64> {
        let parsed = self.at.split_once(':').and_then(|(hours, minutes)| {
            let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
            ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
        });
        parsed.with_context(|| {
            format!(
                "at {:?} of the scheduled export {} is no time of the day: write HH:MM, UTC",
                self.at, self.name
            )
        })
    }

    /// The newest day whose time has passed.
    fn newest_day(&self, now: Time) -> anyhow::Result<String> {
        let minute_ms = DAY_MS / DAY_MINUTES;
        Ok(now.plus_millis(-self.minute()? * minute_ms).date())
    }

    fn file_of(&self, day: &str) -> PathBuf {
        let name = format!("{}{BEFORE_DAY}{day}.{}", self.name, self.format.extension());
        self.folder.join(name)
    }

    /// Makes the file of the newest day where it is not there yet. Says which it made.
    ///
    /// # Errors
    /// Where the folder cannot be written or the database does not answer.
    pub async fn round(&self, app: &App) -> anyhow::Result<Option<PathBuf>> {
        let now = app.clock.now();
        let file = self.file_of(&self.newest_day(now)?);
        if !self.folder.is_dir() {
            bail!(
                "the folder {} of the scheduled export {} is not there",
                self.folder.display(),
                self.name
            );
        }
        if file.exists() {
            return Ok(None);
        }
        self.make(app, now, &file).await?;
        self.tidy()?;
        Ok(Some(file))
    }

    async fn make(&self, app: &App, now: Time, to: &Path) -> anyhow::Result<()> {
        let list = self.list()?;
        let columns = list
            .columns(self.chosen().as_deref())
            .map_err(|problem| anyhow::anyhow!(problem.detail))?;
        let by = format!("scheduled export {}", self.name);
        let line = audit::exported(
            now,
            &by,
            list.name(),
            &to.display().to_string(),
            Some(list.said()),
        );
        app.store.record(vec![line]).await?;
        let about = list.about(&by, now);
        let rows = list.rows(
            Arc::clone(&app.store),
            Scope::All,
            &columns,
            app.rules.get(),
            now,
        );
        let folder = app.exports.folder();
        let made = to_file(rows, columns, self.format, about, folder, Arc::default()).await?;
        let unfinished = to.with_extension("unfinished");
        let to = to.to_owned();
        tokio::task::spawn_blocking(move || {
            let mut made = made.reopen()?;
            let mut out = std::fs::File::create(&unfinished)
                .with_context(|| format!("cannot write {}", unfinished.display()))?;
            std::io::copy(&mut made, &mut out)
                .and_then(|_| out.sync_all())
                .with_context(|| format!("cannot write {}", unfinished.display()))?;
            std::fs::rename(&unfinished, &to)
                .with_context(|| format!("cannot write {}", to.display()))
        })
        .await?
    }

    /// Removes files of its own that are older than those kept.
    fn tidy(&self) -> anyhow::Result<()> {
        if self.keep == 0 {
            return Ok(());
        }
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            if let Some(name) = name.to_str()
                && self.day_of(name).is_some()
            {
                files.push(name.to_owned());
            }
        }
        files.sort_unstable();
        let surplus = files.len().saturating_sub(self.keep);
        for name in &files[..surplus] {
            let old = self.folder.join(name);
            std::fs::remove_file(&old)
                .with_context(|| format!("cannot remove {}", old.display()))?;
        }
        Ok(())
    }

    /// The day of a file of its own; others in the folder are none of its business.
    fn day_of<'a>(&self, file: &'a str) -> Option<&'a str> {
        let day = file
            .strip_prefix(self.name.as_str())?
            .strip_prefix(BEFORE_DAY)?
            .strip_suffix(self.format.extension())?
            .strip_suffix('.')?;
        Time::parse_day(day).map(|_| day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export() -> ScheduledExport {
        ScheduledExport {
            name: "paused".to_owned(),
            folder: PathBuf::from("/exports"),
            at: "05:30".to_owned(),
            ..ScheduledExport::default()
        }
    }

    #[test]
    fn the_newest_day_is_the_last_one_whose_time_has_passed() {
        let at = |text: &str| Time::parse(text).expect("a time");
        let day = |text: &str| export().newest_day(at(text)).expect("a day");
        assert_eq!(day("2026-11-26T05:30:00Z"), "2026-11-26");
        assert_eq!(day("2026-11-26T05:29:59Z"), "2026-11-25");
    }

    #[test]
    fn only_files_of_its_own_are_removed() {
        let export = export();
        assert_eq!(export.day_of("paused-2026-11-26.csv"), Some("2026-11-26"));
        for other in ["paused-2026-11-26.xlsx", "paused-old.csv", "notes.csv"] {
            assert_eq!(export.day_of(other), None, "{other}");
        }
    }

    #[test]
    fn what_cannot_be_made_is_said_with_its_name() {
        let wrong = |change: fn(&mut ScheduledExport)| {
            let mut export = export();
            change(&mut export);
            export.check().expect_err("cannot be made").to_string()
        };
        assert!(export().check().is_ok());
        assert!(wrong(|e| e.at = "25:00".to_owned()).contains("25:00"));
        assert!(wrong(|e| e.issue = "no-such".to_owned()).contains("no-such"));
        assert!(wrong(|e| e.filter = "ou:".to_owned()).contains("paused"));
        assert!(wrong(|e| e.columns = vec!["colour".to_owned()]).contains("colour"));
        assert!(wrong(|e| e.name = "../etc".to_owned()).contains("../etc"));
        assert!(wrong(|e| e.folder = PathBuf::from("exports")).contains("whole path"));
    }
}
