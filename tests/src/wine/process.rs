//! What Linux accounts to a program, under Wine or not.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// A process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(u32);

impl Process {
    /// The process of that number.
    pub(crate) const fn of(id: u32) -> Self {
        Self(id)
    }

    /// The one process of this program in this prefix.
    pub(crate) fn find(prefix: &Path, program: &str) -> anyhow::Result<Self> {
        let found = Self::all(prefix, program)?;
        ensure!(
            found.len() == 1,
            "{} processes of {program} run in {}, not one",
            found.len(),
            prefix.display()
        );
        Ok(found[0])
    }

    /// All processes of this program in this prefix.
    pub(crate) fn all(prefix: &Path, program: &str) -> anyhow::Result<Vec<Self>> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").context("look into /proc")?.flatten() {
            let Some(id) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
            let command = String::from_utf8_lossy(&read("cmdline")).into_owned();
            let environment = String::from_utf8_lossy(&read("environ")).into_owned();
            let wanted = format!("WINEPREFIX={}", prefix.display());
            let first = command.split('\0').next().unwrap_or_default();
            if first.ends_with(program) && environment.split('\0').any(|entry| entry == wanted) {
                found.push(Self(id));
            }
        }
        Ok(found)
    }

    /// Sends it a signal.
    pub(crate) fn send(self, signal: Signal) -> anyhow::Result<()> {
        let id = i32::try_from(self.0).ok().and_then(Pid::from_raw);
        let id = id.context("a process id is a positive number")?;
        kill_process(id, signal).with_context(|| format!("send {signal:?} to process {}", self.0))
    }

    /// Memory that it shares with nobody, in bytes; pages that were swapped out included.
    pub(crate) fn private_bytes(self) -> anyhow::Result<u64> {
        let text = self.read("smaps_rollup")?;
        let mut kilobytes = 0;
        for line in text.lines() {
            let is_private = [
                "Private_Clean:",
                "Private_Dirty:",
                "Private_Hugetlb:",
                "Swap:",
            ]
            .iter()
            .any(|name| line.starts_with(name));
            if is_private {
                let number = line.split_whitespace().nth(1).unwrap_or_default();
                kilobytes += number.parse::<u64>().with_context(|| line.to_owned())?;
            }
        }
        Ok(kilobytes * 1024)
    }

    /// Processor time that it has used so far, of all its threads, in user and system mode.
    pub(crate) fn processor_time(self) -> anyhow::Result<Duration> {
        let mut nanoseconds = 0;
        // By thread and in nanoseconds; `stat` counts in hundredths of a second.
        let tasks = format!("/proc/{}/task", self.0);
        for entry in fs::read_dir(&tasks)
            .with_context(|| tasks.clone())?
            .flatten()
        {
            let text = fs::read_to_string(entry.path().join("schedstat")).unwrap_or_default();
            let used = text.split_whitespace().next().unwrap_or("0");
            nanoseconds += used.parse::<u64>().unwrap_or(0);
        }
        // Threads that have ended are only in the sum of the process.
        let stat = self.read("stat")?;
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks = |at: usize| -> anyhow::Result<u64> {
            Ok(fields.get(at).context("a field of stat")?.parse()?)
        };
        let whole = Duration::from_millis((ticks(11)? + ticks(12)?) * 10);
        Ok(whole.max(Duration::from_nanos(nanoseconds)))
    }

    fn read(self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.0);
        fs::read_to_string(&path).with_context(|| format!("read {path}; did the process end?"))
    }
}
