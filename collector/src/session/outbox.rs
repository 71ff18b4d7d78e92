//! What the server knows, what is on its way, and what of a new inspection is news. Pure.
//!
//! Promises: an inspection that saw nothing different (by the checks' comparison form) makes no report; a report carries whole
//! observations and fits a message of the wire; sequence numbers rise by one; the first report of an epoch is full; where the
//! spool's limits would be passed, a full report takes the place of everything that waits and says so.
//!
//! A full set of observations that does not fit one message is a full report with as many as fit, followed by ordinary ones
//! with the rest.

use std::collections::VecDeque;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use sickbay_diagnosis::observation::{Observation, Observations};
use sickbay_diagnosis::{Check, Time};
use sickbay_proto::limits::{MESSAGE_BYTES, OBSERVATIONS_PER_REPORT};

use super::message::{Digest, Epoch, Range, Report};
use crate::spool::SpoolLimits;
use crate::wire;

/// The form in which two observations of a check are compared.
pub type ComparisonForm = fn(Check, &Observation) -> Vec<u8>;

/// Room in a report for everything that is not an observation, in bytes.
const REPORT_OVERHEAD_BYTES: usize = 1024;
/// Room in a report for what stands around one observation, in bytes.
const OBSERVATION_OVERHEAD_BYTES: usize = 16;

/// What the server is known to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The epoch of all sequence numbers.
    pub epoch: Epoch,
    /// The newest acknowledged report; `None` before the first of the epoch.
    pub acknowledged: Option<Acknowledged>,
    /// All observations as of that report.
    pub observations: Observations,
}

/// A report that is durable on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// Its sequence number.
    pub sequence: u64,
    /// Its digest.
    pub digest: Digest,
}

/// What the server knows and what it will be told.
#[derive(Debug)]
pub struct Outbox {
    base: Base,
    /// Durable here, not yet acknowledged; oldest first.
    waiting: VecDeque<Queued>,
    /// Not yet durable here.
    staged: VecDeque<Queued>,
    /// No report gets a number up to this one, although none of them is kept.
    floor: u64,
    limits: SpoolLimits,
    form: ComparisonForm,
    remembered: Remembered,
}

#[derive(Debug, Clone)]
struct Queued {
    report: Arc<Report>,
    bytes: u64,
}

impl Queued {
    fn new(report: Report, remembered: &mut Remembered) -> Self {
        let bytes = report
            .observations
            .iter_shared()
            .map(|(check, observation)| {
                remembered.encoded_len(check, observation) + OBSERVATION_OVERHEAD_BYTES
            })
            .sum::<usize>()
            + REPORT_OVERHEAD_BYTES;
        Self {
            report: Arc::new(report),
            bytes: bytes as u64,
        }
    }
}

impl Outbox {
    /// Nothing waits; `base` may be new.
    pub fn new(base: Base, limits: SpoolLimits, form: ComparisonForm) -> Self {
        Self {
            base,
            waiting: VecDeque::new(),
            staged: VecDeque::new(),
            floor: 0,
            limits,
            form,
            remembered: Remembered::default(),
        }
    }

    /// Takes up what the spool held, oldest first. Returns whether something is missing in between, so that the next report must be
    /// full: reports that follow a gap are useless to the server and are left out.
    pub fn restore(&mut self, reports: Vec<Report>) -> bool {
        let mut gap = false;
        for report in reports {
            let expected = self.newest() + 1;
            self.floor = self.floor.max(report.sequence);
            let follows = report.sequence == expected && (self.has_base() || report.full);
            if report.full || (follows && !gap) {
                gap = false;
                let queued = Queued::new(report, &mut self.remembered);
                self.waiting.push_back(queued);
            } else {
                gap = true;
            }
        }
        gap
    }

    /// What the server is known to have.
    pub const fn base(&self) -> &Base {
        &self.base
    }

    /// Newest sequence number that was given.
    pub fn newest(&self) -> u64 {
        self.staged
            .back()
            .or(self.waiting.back())
            .map_or(self.acknowledged(), |queued| queued.report.sequence)
            .max(self.floor)
    }

    /// Newest sequence number that is durable here or on the server.
    pub fn newest_durable(&self) -> u64 {
        self.waiting
            .back()
            .map_or(self.acknowledged(), |queued| queued.report.sequence)
    }

    /// Whether nothing of this epoch was said or is about to be said, so that the next report is the first one.
    pub fn is_unspoken(&self) -> bool {
        !self.has_base()
    }

    /// Newest acknowledged sequence number; 0 for none.
    pub fn acknowledged(&self) -> u64 {
        self.base
            .acknowledged
            .map_or(0, |acknowledged| acknowledged.sequence)
    }

    /// Digest of the waiting report `sequence`.
    pub fn waiting_digest(&self, sequence: u64) -> Option<Digest> {
        let at = self
            .waiting
            .binary_search_by_key(&sequence, |queued| queued.report.sequence)
            .ok()?;
        Some(self.waiting[at].report.digest)
    }

    /// Whether a full report waits, so that nothing before it needs to be sent.
    pub fn full_is_waiting(&self) -> bool {
        self.newest_full().is_some()
    }

    /// The sequence number of the newest full report that waits.
    pub fn newest_full(&self) -> Option<u64> {
        let mut newest_first = self.waiting.iter().rev();
        newest_first
            .find(|queued| queued.report.full)
            .map(|queued| queued.report.sequence)
    }

    /// What is worth sending, oldest first: from the newest full report on, which makes older ones needless.
    pub fn sendable(&self) -> impl Iterator<Item = &Arc<Report>> {
        let from = self.newest_full().unwrap_or(0);
        self.waiting
            .iter()
            .map(|queued| &queued.report)
            .filter(move |report| report.sequence >= from)
    }

    /// The next report to be made durable.
    pub fn staged(&self) -> Option<&Arc<Report>> {
        self.staged.front().map(|queued| &queued.report)
    }

    /// Number of reports that wait for acknowledgement.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What the server will know of `check` once everything arrived.
    pub fn latest(&self, check: Check) -> Option<&Arc<Observation>> {
        for queued in self.staged.iter().rev().chain(self.waiting.iter().rev()) {
            let seen = queued.report.observations.shared(check);
            if seen.is_some() || queued.report.full {
                return seen;
            }
        }
        self.base.observations.shared(check)
    }

    /// All that the server will know once everything arrived.
    pub fn latest_all(&self) -> Observations {
        let mut all = self.base.observations.clone();
        for queued in self.waiting.iter().chain(&self.staged) {
            follow(&mut all, &queued.report);
        }
        all
    }

    /// Stages the reports that tell the news of `seen`; with `full` everything that is known. Returns whether there was anything to
    /// tell.
    pub fn stage(&mut self, seen: Observations, full: bool, now: Time) -> bool {
        let mut fitted = Observations::new();
        for (check, observation) in seen {
            fitted.put(check, wire::fit(check, Arc::unwrap_or_clone(observation)));
        }
        let full = full || !self.has_base();
        let mut parts = self.compose(&fitted, full, None, now);
        if !parts.is_empty() && self.would_overflow(&parts) {
            let dropped = self
                .waiting
                .front()
                .zip(self.waiting.back())
                .map(|(first, last)| Range {
                    // The report that told of an earlier overflow may be among those that go now.
                    first: first
                        .report
                        .dropped
                        .map_or(first.report.sequence, |earlier| earlier.first),
                    last: last.report.sequence,
                });
            parts = self.compose(&fitted, true, dropped, now);
        }
        let any = !parts.is_empty();
        self.staged.extend(parts);
        any
    }

    /// The oldest staged report is durable. Returns up to where older ones may be removed, if the spool was full.
    pub fn pushed(&mut self, sequence: u64) -> Option<u64> {
        let staged = self
            .staged
            .pop_front_if(|queued| queued.report.sequence == sequence)?;
        let superseded = staged.report.dropped.map(|range| range.last);
        self.waiting.push_back(staged);
        if let Some(last) = superseded {
            self.waiting.retain(|queued| queued.report.sequence > last);
        }
        superseded
    }

    /// The spool itself dropped these. Returns whether the next report must be full.
    pub fn dropped(&mut self, range: Range) -> bool {
        let before = self.waiting.len();
        self.waiting
            .retain(|queued| queued.report.sequence > range.last);
        // What was only waiting to be removed, because it was acknowledged, is no loss.
        before != self.waiting.len() && !self.full_is_waiting()
    }

    /// Nothing that is staged could be made durable. The next inspection finds the same news again.
    pub fn unstage(&mut self) {
        self.staged.clear();
    }

    /// Everything up to `sequence` is durable on the server. Returns whether that is news.
    pub fn acknowledge(&mut self, sequence: u64) -> bool {
        let mut any = false;
        while let Some(queued) = self
            .waiting
            .pop_front_if(|queued| queued.report.sequence <= sequence)
        {
            any = true;
            self.base.acknowledged = Some(Acknowledged {
                sequence: queued.report.sequence,
                digest: queued.report.digest,
            });
            follow(&mut self.base.observations, &queued.report);
        }
        any
    }

    /// Forgets what the server has, and returns what was known last, to be told again in full.
    pub fn begin_epoch(&mut self, epoch: Epoch) -> Observations {
        let known = self.latest_all();
        self.waiting.clear();
        self.staged.clear();
        self.floor = 0;
        self.base = Base {
            epoch,
            acknowledged: None,
            observations: Observations::new(),
        };
        known
    }

    fn has_base(&self) -> bool {
        self.base.acknowledged.is_some() || !self.waiting.is_empty() || !self.staged.is_empty()
    }

    fn would_overflow(&self, parts: &[Queued]) -> bool {
        let bytes: u64 = self
            .waiting
            .iter()
            .chain(parts)
            .map(|queued| queued.bytes)
            .sum();
        !self.waiting.is_empty()
            && (self.waiting.len() + parts.len() > self.limits.reports || bytes > self.limits.bytes)
    }

    fn compose(
        &mut self,
        seen: &Observations,
        full: bool,
        dropped: Option<Range>,
        now: Time,
    ) -> Vec<Queued> {
        let mut told: Vec<(Check, Arc<Observation>)> = Vec::new();
        for (check, fresh) in seen.iter_shared() {
            if full || self.differs(check, fresh) {
                told.push((check, Arc::clone(fresh)));
            }
        }
        if told.is_empty() && !full {
            return Vec::new();
        }
        let mut after = self.latest_all();
        if full {
            for (check, fresh) in told.drain(..) {
                after.put(check, fresh);
            }
            told.extend(std::mem::take(&mut after));
        }
        let mut parts = Vec::new();
        let newest = self.newest();
        for (part, sequence) in split(&told, &mut self.remembered)
            .into_iter()
            .zip(newest + 1..)
        {
            let mut observations = Observations::new();
            for (check, observation) in part {
                after.put(*check, Arc::clone(observation));
                observations.put(*check, Arc::clone(observation));
            }
            let first = parts.is_empty();
            let report = Report {
                sequence,
                full: full && first,
                observations,
                digest: self.remembered.digest(&after),
                taken_at: now,
                dropped: dropped.filter(|_| first),
            };
            parts.push(Queued::new(report, &mut self.remembered));
        }
        parts
    }

    /// Whether what was seen is news, which is then remembered in the place of what was known.
    fn differs(&mut self, check: Check, seen: &Arc<Observation>) -> bool {
        let known = self.latest(check).map(Arc::clone);
        let fresh = Sha256::digest((self.form)(check, seen)).into();
        if known.is_some_and(|known| self.remembered.form(check, &known, self.form) == fresh) {
            return false;
        }
        self.remembered.of(check, seen).form = Some(fresh);
        true
    }
}

/// What is known once a report arrived on top of what was known before.
fn follow(known: &mut Observations, report: &Report) {
    if report.full {
        known.clone_from(&report.observations);
    } else {
        for (check, observation) in report.observations.iter_shared() {
            known.put(check, Arc::clone(observation));
        }
    }
}

/// Runs of observations that each fit one message.
fn split<'a>(
    told: &'a [(Check, Arc<Observation>)],
    remembered: &mut Remembered,
) -> Vec<&'a [(Check, Arc<Observation>)]> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut bytes = 0;
    for (at, (check, observation)) in told.iter().enumerate() {
        let size = remembered.encoded_len(*check, observation) + OBSERVATION_OVERHEAD_BYTES;
        let too_large = bytes + size > MESSAGE_BYTES - REPORT_OVERHEAD_BYTES;
        if at > start && (too_large || at - start == OBSERVATIONS_PER_REPORT) {
            parts.push(&told[start..at]);
            start = at;
            bytes = 0;
        }
        bytes += size;
    }
    if start < told.len() {
        parts.push(&told[start..]);
    }
    parts
}

/// What was once found of observations, for as long as they stay: a report changes few of them. A place for each check.
#[derive(Debug, Default)]
struct Remembered([Option<Found>; Check::ALL.len()]);

#[derive(Debug)]
struct Found {
    of: Arc<Observation>,
    /// SHA-256 of its comparison form.
    form: Option<[u8; 32]>,
    /// SHA-256 of its encoded form, and how long that is, in bytes.
    encoded: Option<([u8; 32], usize)>,
}

impl Remembered {
    /// SHA-256 over the SHA-256 of every observation, in the order of checks. Only ever compared with what this collector said before.
    fn digest(&mut self, observations: &Observations) -> Digest {
        let mut hash = Sha256::new();
        for (check, observation) in observations.iter_shared() {
            hash.update(self.encoded(check, observation).0);
        }
        Digest(hash.finalize().into())
    }

    /// How long it is on the wire, in bytes.
    fn encoded_len(&mut self, check: Check, observation: &Arc<Observation>) -> usize {
        self.encoded(check, observation).1
    }

    fn encoded(&mut self, check: Check, observation: &Arc<Observation>) -> ([u8; 32], usize) {
        *self.of(check, observation).encoded.get_or_insert_with(|| {
            let encoded = wire::canonical(check, observation);
            (Sha256::digest(&encoded).into(), encoded.len())
        })
    }

    fn form(
        &mut self,
        check: Check,
        observation: &Arc<Observation>,
        form: ComparisonForm,
    ) -> [u8; 32] {
        *self
            .of(check, observation)
            .form
            .get_or_insert_with(|| Sha256::digest(form(check, observation)).into())
    }

    fn of(&mut self, check: Check, observation: &Arc<Observation>) -> &mut Found {
        let nothing = || Found {
            of: Arc::clone(observation),
            form: None,
            encoded: None,
        };
        let found = self.0[check as usize].get_or_insert_with(nothing);
        if !Arc::ptr_eq(&found.of, observation) {
            *found = nothing();
        }
        found
    }
}

#[cfg(test)]
mod tests;
