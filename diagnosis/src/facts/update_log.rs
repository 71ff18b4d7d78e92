//! What became of updates on a device, line by line: one telling of what the event log, the update agent and the component store
//! each tell in part.

use super::update_events::{Channel, Event, UpdateEventsFacts};
use super::update_history::{HistoryEntry, Told, UpdateHistoryFacts};
use super::updates::{Package, PackageState};
use super::{Facts, Known};
use crate::kb::Kb;
use crate::knowledge::Knowledge;
use crate::observation::EvidenceRef;
use crate::time::{MINUTE_MS, Time};

/// Two tellings of the same thing are this far apart at most, in milliseconds: the agent writes its memory and the event log one
/// after the other.
const TOGETHER_MS: i64 = 10 * MINUTE_MS;
const NOTHING: &str = "0x00000000";

/// What became of updates, and what could not be told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateLog {
    /// The newest first; what has no time comes last.
    pub lines: Vec<LogLine>,
    /// Sources that tell nothing or not all: which, and why.
    pub silent: Vec<(String, String)>,
}

/// Something that became of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When, by the device's clock.
    pub at: Option<Time>,
    /// What.
    pub what: Became,
    /// The update's title, in the device's language, or a package's name; `None` for a search.
    pub title: Option<String>,
    /// The update's id.
    pub update: Option<String>,
    /// The code that it ended with, where that tells something.
    pub code: Option<String>,
    /// Whether it is about a program of the Store.
    pub of_the_store: bool,
    /// Who tells it: an event's number and channel, the update agent, the component store.
    pub told_by: Vec<String>,
    /// The readings.
    pub evidence: Vec<EvidenceRef>,
}

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It was installed.
    Installed,
    /// It was installed, with errors.
    InstalledWithErrors,
    /// It could not be installed.
    InstallFailed,
    /// Its installation was broken off.
    InstallAborted,
    /// It is being installed, or waits for it.
    Installing,
    /// It was removed.
    Removed,
    /// It could not be removed.
    RemovalFailed,
    /// It could not be downloaded.
    DownloadFailed,
    /// Looking for updates failed.
    ScanFailed,
    /// A package is neither in force nor gone.
    Unsettled(PackageState),
}

impl Became {
    /// The public word. Packages have the words of [`PackageState`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::InstalledWithErrors => "installed-with-errors",
            Self::InstallFailed => "install-failed",
            Self::InstallAborted => "install-aborted",
            Self::Installing => "installing",
            Self::Removed => "removed",
            Self::RemovalFailed => "removal-failed",
            Self::DownloadFailed => "download-failed",
            Self::ScanFailed => "scan-failed",
            Self::Unsettled(state) => state.name(),
        }
    }

    /// Whether something did not work.
    pub const fn is_failure(self) -> bool {
        match self {
            Self::InstallFailed
            | Self::InstallAborted
            | Self::RemovalFailed
            | Self::DownloadFailed
            | Self::ScanFailed => true,
            Self::Unsettled(state) => state.is_broken(),
            Self::Installed | Self::InstalledWithErrors | Self::Installing | Self::Removed => false,
        }
    }

    /// What an entry of the agent's memory tells. An operation without a word says nothing.
    const fn of_entry(operation: Option<i64>, result: Option<i64>) -> Option<Self> {
        Some(match (operation, result) {
            (Some(1), Some(0 | 1)) => Self::Installing,
            (Some(1), Some(2)) => Self::Installed,
            (Some(1), Some(3)) => Self::InstalledWithErrors,
            (Some(1), Some(4)) => Self::InstallFailed,
            (Some(1), Some(5)) => Self::InstallAborted,
            (Some(2), Some(2 | 3)) => Self::Removed,
            (Some(2), Some(4 | 5)) => Self::RemovalFailed,
            _ => return None,
        })
    }
}

impl LogLine {
    /// The KB in the title.
    pub fn kb(&self) -> Option<Kb> {
        self.title.as_deref().and_then(Kb::find)
    }

    /// What its code means, in a sentence; `None` without a code or where nothing is known of it.
    pub fn meaning(&self, known: &Knowledge) -> Option<String> {
        let explanation = known.explain(self.code.as_deref()?);
        let code = explanation.codes.first()?;
        match code.known {
            Some(entry) => Some(format!("{}: {}", entry.name, entry.meaning)),
            None => code.is_known().then(|| code.family.told()),
        }
    }

    fn of_event(event: &Event) -> Option<Self> {
        let what = event.became()?;
        Some(Self {
            at: event.at,
            what,
            title: event.value("updateTitle").map(str::to_owned),
            update: event.update().map(str::to_owned),
            code: event.error().filter(|code| code != NOTHING),
            of_the_store: event.is_of_the_store(),
            told_by: vec![format!("event {} of {}", event.id, event.channel)],
            evidence: vec![event.evidence],
        })
    }

    fn of_entry(entry: &HistoryEntry) -> Option<Self> {
        let what = Became::of_entry(entry.operation, entry.result)?;
        let codes = [&entry.unmapped_code, &entry.code];
        Some(Self {
            at: entry.at,
            what,
            title: entry.title.clone(),
            update: entry.update.clone(),
            code: codes
                .into_iter()
                .flatten()
                .find(|code| *code != NOTHING)
                .cloned(),
            of_the_store: entry.is_of_the_store(),
            told_by: vec!["update agent".to_owned()],
            evidence: vec![entry.evidence],
        })
    }

    fn of_package(package: &Package) -> Option<Self> {
        package.state.is_unsettled().then(|| Self {
            at: package.installed_at,
            what: Became::Unsettled(package.state),
            title: Some(match package.kb {
                Some(kb) => format!("{} {} ({kb})", package.name, package.version),
                None => format!("{} {}", package.name, package.version),
            }),
            update: None,
            code: None,
            of_the_store: false,
            told_by: vec!["component store".to_owned()],
            evidence: package.at.into_iter().collect(),
        })
    }

    /// Whether both tell the same.
    fn is_told_by(&self, other: &Self) -> bool {
        let near = |(one, other): (Time, Time)| one.since(other).saturating_abs() <= TOGETHER_MS;
        self.what == other.what
            && self.update.is_some()
            && self.update == other.update
            && self.at.zip(other.at).is_some_and(near)
    }
}

impl Facts {
    /// What became of updates.
    pub fn update_log(&self) -> UpdateLog {
        let mut log = UpdateLog::default();
        log.take_events(&self.update_events);
        log.take_history(&self.update_history);
        match &self.updates {
            Ok(facts) => {
                let unsettled = facts.packages.iter().filter_map(LogLine::of_package);
                log.lines.extend(unsettled);
            }
            Err(why) => log.is_silent("component store", &why.reason),
        }
        // Stable, so what happened at the same time stays as it was told.
        log.lines.sort_by_key(|line| std::cmp::Reverse(line.at));
        log
    }
}

impl UpdateLog {
    fn is_silent(&mut self, who: &str, why: &str) {
        self.silent.push((who.to_owned(), why.to_owned()));
    }

    fn take_events(&mut self, events: &Known<UpdateEventsFacts>) {
        let events = match events {
            Ok(events) => events,
            Err(why) => return self.is_silent("event log", &why.reason),
        };
        let told = events.events.iter().filter_map(LogLine::of_event);
        self.lines.extend(told);
        for (name, channel) in &events.channels {
            match channel {
                Channel::Read | Channel::NotRecorded => {}
                Channel::Disabled => self.is_silent(name, "the channel is switched off"),
                Channel::Absent => self.is_silent(name, "this Windows has no such channel"),
                Channel::Unreadable(why) => self.is_silent(name, why),
            }
        }
        if events.left_out > 0 {
            let why = format!("{} events could not be understood", events.left_out);
            self.is_silent("event log", &why);
        }
    }

    /// Takes what the agent remembers; what the event log told already becomes one line with it, with the agent's code, which is
    /// often the telling one.
    fn take_history(&mut self, history: &Known<UpdateHistoryFacts>) {
        let history = match history {
            Ok(history) => history,
            Err(why) => return self.is_silent("update agent", &why.reason),
        };
        if let Told::Unknown(why) = &history.history {
            self.is_silent("update agent", why);
        }
        for line in history.entries.iter().filter_map(LogLine::of_entry) {
            match self.lines.iter_mut().find(|told| told.is_told_by(&line)) {
                Some(told) => {
                    told.code = line.code.or_else(|| told.code.take());
                    told.title = told.title.take().or(line.title);
                    told.of_the_store |= line.of_the_store;
                    told.told_by.extend(line.told_by);
                    told.evidence.extend(line.evidence);
                }
                None => self.lines.push(line),
            }
        }
    }
}

#[cfg(test)]
mod tests;
