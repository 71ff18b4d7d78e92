//! Updates that fail, by every source that tells: which failures count, and what they come to.

use std::collections::BTreeMap;

use super::Known;
use super::update_events::{Event, FailureRun, UpdateEventsFacts};
use super::update_history::{HistoryEntry, UpdateHistoryFacts};
use crate::kb::Kb;
use crate::observation::EvidenceRef;
use crate::time::Time;

/// A failure this old says nothing of today, in days: the update that failed was replaced by a later one since.
pub(crate) const FAILURES_COUNT_DAYS: i64 = 30;
/// The update does not apply to the device; drivers end so that Windows offers to many machines.
const NOT_APPLICABLE: &str = "0x80240017";
const NOTHING: &str = "0x00000000";

/// An update that fails.
#[derive(Debug, Clone)]
pub(crate) struct Failing {
    /// Its code, in the one spelling.
    pub(crate) code: String,
    /// How often in a row.
    pub(crate) times: usize,
    /// The last time.
    pub(crate) last_at: Option<Time>,
    /// Its title, in the device's language.
    pub(crate) title: Option<String>,
    /// The readings.
    pub(crate) evidence: Vec<EvidenceRef>,
}

impl Failing {
    /// The KB in the title; `no KB` where there is none, as with drivers.
    pub(crate) fn kb(&self) -> String {
        self.title
            .as_deref()
            .and_then(Kb::find)
            .map_or_else(|| "no KB".to_owned(), |kb| kb.to_string())
    }

    /// How it is called for people.
    pub(crate) fn name(&self) -> &str {
        self.title.as_deref().unwrap_or("an update without a title")
    }

    /// Until when it counts.
    pub(crate) fn counts_until(&self) -> Option<Time> {
        Some(self.last_at?.plus_days(FAILURES_COUNT_DAYS))
    }

    /// Whether it counts now.
    pub(crate) fn counts(&self, now: Time) -> bool {
        let passed_over = self.code == NOT_APPLICABLE && self.kb() == "no KB";
        !passed_over && self.counts_until().is_none_or(|end| now < end)
    }

    fn of_run(run: &FailureRun<'_>) -> Option<Self> {
        let event: &Event = run.newest;
        (!event.is_of_the_store()).then(|| Self {
            code: event.error().unwrap_or_else(|| "no code".to_owned()),
            times: run.times,
            last_at: event.at,
            title: event.value("updateTitle").map(str::to_owned),
            evidence: vec![event.evidence],
        })
    }
}

/// Installations that fail, by the event log and the update agent's memory.
pub(super) fn installs(
    events: &Known<UpdateEventsFacts>,
    history: &Known<UpdateHistoryFacts>,
) -> Vec<Failing> {
    let by_events = events
        .as_ref()
        .map(|e| of_events(&e.runs_of_failed_installs()))
        .unwrap_or_default();
    let by_history = history
        .as_ref()
        .map(|h| of_history(&h.entries))
        .unwrap_or_default();
    together(by_events, by_history)
}

/// Downloads that fail.
pub(crate) fn downloads(events: &UpdateEventsFacts) -> Vec<Failing> {
    let failing = of_events(&events.runs_of_failed_downloads());
    failing.into_iter().map(|(_, failing)| failing).collect()
}

/// What runs of failures in the event log come to, the newest first.
fn of_events(runs: &[FailureRun<'_>]) -> Vec<(Option<String>, Failing)> {
    let named = |run: &FailureRun<'_>| {
        Some((
            run.newest.update().map(str::to_owned),
            Failing::of_run(run)?,
        ))
    };
    runs.iter().filter_map(named).collect()
}

/// Installations of the agent's memory that failed without a later success, by update.
fn of_history(entries: &[HistoryEntry]) -> BTreeMap<String, Failing> {
    let mut failing: BTreeMap<String, Failing> = BTreeMap::new();
    if !entries.iter().any(|e| matches!(e.result, Some(4 | 5))) {
        return failing;
    }
    let mut done: Vec<&str> = Vec::new();
    // The latest stands first, so what follows a success is mended.
    for entry in entries.iter().filter(|e| e.operation == Some(1)) {
        let Some(update) = entry.update.as_deref() else {
            continue;
        };
        match entry.result {
            Some(2 | 3) => done.push(update),
            Some(4 | 5) if !done.contains(&update) => {
                let code = [&entry.unmapped_code, &entry.code]
                    .into_iter()
                    .flatten()
                    .find(|code| *code != NOTHING);
                let run = failing.entry(update.to_owned()).or_insert_with(|| Failing {
                    code: code.cloned().unwrap_or_else(|| "no code".to_owned()),
                    times: 0,
                    last_at: entry.at,
                    title: entry.title.clone(),
                    evidence: vec![entry.evidence],
                });
                run.times += 1;
            }
            _ => {}
        }
    }
    failing
}

/// Both tellings of the same failures as one: the agent's own code, which is often the telling one, and the larger count.
fn together(
    events: Vec<(Option<String>, Failing)>,
    mut history: BTreeMap<String, Failing>,
) -> Vec<Failing> {
    let mut all: Vec<Failing> = Vec::new();
    for (update, mut failing) in events {
        if let Some(told) = update.and_then(|update| history.remove(&update)) {
            failing.code = told.code;
            failing.times = failing.times.max(told.times);
            failing.last_at = failing.last_at.max(told.last_at);
            failing.title = failing.title.or(told.title);
            failing.evidence.extend(told.evidence);
        }
        all.push(failing);
    }
    all.extend(history.into_values());
    all
}
