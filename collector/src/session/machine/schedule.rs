//! When inspections run, what they confirm, and whom they answer.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use sickbay_diagnosis::{Check, Time};

use super::{Moment, Random};
use crate::session::backoff::share;
use crate::session::message::{RequestOutcome, ToServer};

/// Answers that may wait to be sent; what would go beyond is not answered at all.
const ANSWERS: usize = 64;
/// Bounds of what a server may set, in seconds.
const INSPECTION_INTERVAL_S: (u32, u32) = (10, 24 * 60 * 60);
const HEARTBEAT_INTERVAL_S: (u32, u32) = (1, 60 * 60);

pub(super) fn bounded_inspection_interval(seconds: u32) -> Duration {
    let (least, most) = INSPECTION_INTERVAL_S;
    Duration::from_secs(seconds.clamp(least, most).into())
}

pub(super) fn bounded_heartbeat_interval(seconds: u32) -> Duration {
    let (least, most) = HEARTBEAT_INTERVAL_S;
    Duration::from_secs(seconds.clamp(least, most).into())
}

/// One inspection at a time, and the next one with all that was wanted meanwhile.
#[derive(Debug)]
pub(super) struct Schedule {
    wanted: BTreeSet<Check>,
    running: Option<Vec<Check>>,
    /// Whether this process ran every check at least once.
    seen_all: bool,
    next: Duration,
    /// The end of a full inspection whose news are not all durable yet.
    unconfirmed: Option<Time>,
    /// The end of the newest full inspection, and the newest report when its news were durable.
    confirmed: Option<(Time, u64)>,
    /// Requests that the next inspection answers, then those that the running one answers.
    asked: Vec<String>,
    being_done: Vec<String>,
    answers: VecDeque<ToServer>,
}

impl Schedule {
    /// Every check is wanted at once.
    pub(super) fn new() -> Self {
        Self {
            wanted: Check::ALL.iter().copied().collect(),
            running: None,
            seen_all: false,
            next: Duration::MAX,
            unconfirmed: None,
            confirmed: None,
            asked: Vec::new(),
            being_done: Vec::new(),
            answers: VecDeque::new(),
        }
    }

    pub(super) const fn seen_all(&self) -> bool {
        self.seen_all
    }

    pub(super) fn deadline(&self) -> Duration {
        if self.running.is_some() {
            Duration::MAX
        } else if self.wanted.is_empty() {
            self.next
        } else {
            Duration::ZERO
        }
    }

    pub(super) fn want(&mut self, checks: Vec<Check>) {
        self.wanted.extend(checks);
    }

    /// An interval was shortened, or news have to be found again.
    pub(super) fn not_later_than(&mut self, at: Duration) {
        self.next = self.next.min(at);
    }

    pub(super) fn timer(&mut self, now: Duration) {
        if self.running.is_none() && now >= self.next {
            self.want(Check::ALL.to_vec());
        }
    }

    /// What the next inspection runs, if one may begin.
    pub(super) fn begin(&mut self) -> Option<Vec<Check>> {
        if self.running.is_some() || self.wanted.is_empty() {
            return None;
        }
        let checks: Vec<Check> = std::mem::take(&mut self.wanted).into_iter().collect();
        self.being_done = std::mem::take(&mut self.asked);
        self.running = Some(checks.clone());
        Some(checks)
    }

    /// The running inspection is over. The next full one comes after `interval`, less up to a tenth, so that a fleet that was
    /// switched on together spreads.
    pub(super) fn finish(&mut self, interval: Duration, now: Moment, random: Random<'_>) {
        let ran = self.running.take().unwrap_or_default();
        if ran.len() == Check::ALL.len() {
            let mut bytes = [0; 8];
            random(&mut bytes);
            self.seen_all = true;
            self.unconfirmed = Some(now.clock);
            self.next = now.elapsed
                + interval.saturating_sub(share(interval / 10, u64::from_le_bytes(bytes)));
        }
        for request_id in std::mem::take(&mut self.being_done) {
            self.answers.push_back(ToServer::RequestResult {
                request_id,
                outcome: RequestOutcome::Done,
                message: String::new(),
            });
        }
    }

    /// What the newest inspection saw is durable, up to report `newest`.
    pub(super) fn confirm(&mut self, newest: u64) {
        if let Some(at) = self.unconfirmed.take() {
            self.confirmed = Some((at, newest));
        }
    }

    /// The news are lost again; the inspection at `retry` finds them.
    pub(super) fn push_failed(&mut self, retry: Duration) {
        self.unconfirmed = None;
        self.not_later_than(retry);
    }

    /// A new epoch counts from the beginning.
    pub(super) fn begin_epoch(&mut self) {
        self.unconfirmed = self.confirmed.take().map(|(at, _)| at).or(self.unconfirmed);
    }

    /// When everything was confirmed, for a server that was told reports up to `told`.
    pub(super) fn confirmed_at(&self, told: u64) -> Option<Time> {
        self.confirmed
            .filter(|(_, newest)| *newest <= told)
            .map(|(at, _)| at)
    }

    /// Number of requests that wait for an inspection, or whose answer waits.
    pub(super) fn requests(&self) -> usize {
        self.asked.len() + self.being_done.len() + self.answers.len()
    }

    pub(super) fn ask(&mut self, request_id: String, checks: Vec<Check>) {
        self.asked.push(request_id);
        self.want(checks);
    }

    pub(super) fn refuse(&mut self, request_id: String, why: &str) {
        if self.answers.len() >= ANSWERS {
            return;
        }
        self.answers.push_back(ToServer::RequestResult {
            request_id,
            outcome: RequestOutcome::Refused,
            message: why.to_owned(),
        });
    }

    pub(super) fn take_answers(&mut self) -> impl Iterator<Item = ToServer> + use<> {
        std::mem::take(&mut self.answers).into_iter()
    }

    /// The session ended; whoever asked is gone.
    pub(super) fn hang_up(&mut self) {
        self.asked.clear();
        self.being_done.clear();
        self.answers.clear();
    }
}
