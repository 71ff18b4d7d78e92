//! What several rules ask of the last search for updates: when one worked by any of the sources, and how the last one failed.

use crate::facts::update_events::Channel;
use crate::facts::update_history::Moment;
use crate::issue::Case;
use crate::keys;
use crate::observation::EvidenceRef;
use crate::time::{HOUR_MS, Time};

/// What is known of searches for updates.
#[derive(Debug, Default)]
pub(super) struct Scans {
    /// The newest one that worked.
    pub(super) succeeded: Option<(Time, EvidenceRef)>,
    /// Sources that could be asked and know of none.
    pub(super) never: Vec<EvidenceRef>,
    /// Why sources could not be asked.
    pub(super) unknown: Vec<String>,
    /// The code with which the last one failed, where none has worked since.
    pub(super) error: Option<Failure>,
}

/// How a search failed.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// In the one spelling.
    pub(super) code: String,
    /// When, where that is told.
    pub(super) at: Option<Time>,
    /// The reading.
    pub(super) evidence: EvidenceRef,
}

impl Scans {
    /// From every source.
    pub(super) fn of(case: &Case<'_>) -> Self {
        let mut scans = Self::default();
        scans.by_agent(case);
        scans.by_events(case);
        scans.by_notes(case);
        scans
    }

    fn worked(&mut self, at: Time, evidence: EvidenceRef) {
        if self.succeeded.is_none_or(|(newest, _)| at > newest) {
            self.succeeded = Some((at, evidence));
        }
    }

    fn by_agent(&mut self, case: &Case<'_>) {
        match case.facts.update_history.as_ref().map(|h| &h.last_search) {
            Ok(Moment::At(at, evidence)) => self.worked(*at, *evidence),
            Ok(Moment::Never(evidence)) => self.never.push(*evidence),
            Ok(Moment::Unknown(why)) => self.unknown.push(why.clone()),
            Err(why) => self.unknown.push(why.reason.clone()),
        }
    }

    fn by_notes(&mut self, case: &Case<'_>) {
        let notes = match &case.facts.last_scan {
            Ok(notes) => notes,
            Err(why) => return self.unknown.push(why.reason.clone()),
        };
        if let Some(succeeded) = notes.succeeded {
            self.worked(succeeded.value, succeeded.at);
        }
        // The note has no time. A search that worked well after the last one that the notes know of makes it an old one.
        let is_old = notes
            .succeeded
            .zip(self.succeeded)
            .is_some_and(|(noted, (newest, _))| newest > noted.value.plus_millis(HOUR_MS));
        if let Some(error) = notes.error.as_ref().filter(|_| !is_old) {
            self.error.get_or_insert(Failure {
                code: error.value.clone(),
                at: None,
                evidence: error.at,
            });
        }
    }

    /// The event log forgets after weeks, so that it knows of no search is no sign that there was none.
    fn by_events(&mut self, case: &Case<'_>) {
        let events = match &case.facts.update_events {
            Ok(events) => events,
            Err(why) => return self.unknown.push(why.reason.clone()),
        };
        if let Some(scanned) = events.scanned() {
            self.worked(scanned.value, scanned.at);
        } else if let Channel::Unreadable(why) = events.channel(keys::UPDATE_CHANNEL) {
            self.unknown.push(why.clone());
        }
        let failed = events.scan_failed().filter(|event| {
            event
                .at
                .is_none_or(|at| self.succeeded.is_none_or(|(worked, _)| at > worked))
        });
        if let Some((event, code)) = failed.and_then(|event| Some((event, event.error()?))) {
            self.error = Some(Failure {
                code,
                at: event.at,
                evidence: event.evidence,
            });
        }
    }
}
