//! A welcomed session: what was sent in it, and what is still to be answered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sickbay_proto::limits::REPORTS_IN_FLIGHT;

use super::schedule::Schedule;
use super::{Action, Moment};
use crate::session::message::ToServer;
use crate::session::outbox::Outbox;

/// A session that lasted this long was a good one: the next failure starts the back-off from its base.
const GOOD_SESSION: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Live {
    since: Duration,
    /// Newest sequence number that was sent in this session; 0 for none.
    sent: u64,
    in_flight: VecDeque<u64>,
    next_heartbeat: Duration,
    /// By when the server has to acknowledge something.
    answer_by: Duration,
    /// Whether it acknowledged what was never sent.
    is_strange: bool,
}

impl Live {
    /// A session that begins now; its first heartbeat is due at once.
    pub(super) fn new(now: Duration) -> Self {
        Self {
            since: now,
            sent: 0,
            in_flight: VecDeque::new(),
            next_heartbeat: now,
            answer_by: Duration::MAX,
            is_strange: false,
        }
    }

    pub(super) fn deadline(&self) -> Duration {
        self.next_heartbeat.min(self.answer_by)
    }

    pub(super) fn stalled(&self, now: Duration) -> bool {
        now >= self.answer_by
    }

    pub(super) fn proved_itself(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) >= GOOD_SESSION
    }

    /// Notes that the server acknowledged what was never sent. Only the first time is worth a line in the log, which others would push
    /// everything else out of.
    pub(super) const fn is_first_strange_ack(&mut self) -> bool {
        !std::mem::replace(&mut self.is_strange, true)
    }

    pub(super) fn acknowledged(&mut self, sequence: u64, now: Duration, patience: Duration) {
        self.in_flight.retain(|sent| *sent > sequence);
        self.answer_by = if self.in_flight.is_empty() {
            Duration::MAX
        } else {
            now + patience
        };
    }

    /// The server will not acknowledge what was sent before `full`.
    pub(super) fn forget_before(&mut self, full: u64) {
        self.in_flight.retain(|sent| *sent >= full);
        if self.in_flight.is_empty() {
            self.answer_by = Duration::MAX;
        }
    }

    pub(super) fn send_reports(
        &mut self,
        outbox: &Outbox,
        now: Duration,
        patience: Duration,
        actions: &mut Vec<Action>,
    ) {
        for report in outbox.sendable() {
            if report.sequence <= self.sent {
                continue;
            }
            if self.in_flight.len() >= REPORTS_IN_FLIGHT {
                return;
            }
            if self.in_flight.is_empty() {
                self.answer_by = now + patience;
            }
            self.sent = report.sequence;
            self.in_flight.push_back(report.sequence);
            actions.push(Action::Send(ToServer::Report(Arc::clone(report))));
        }
    }

    /// Whether everything that waits was sent in this session.
    pub(super) fn sent_all(&self, outbox: &Outbox) -> bool {
        outbox
            .sendable()
            .last()
            .is_none_or(|newest| newest.sequence <= self.sent)
    }

    pub(super) fn send_heartbeat(
        &mut self,
        outbox: &Outbox,
        schedule: &Schedule,
        now: Moment,
        interval: Duration,
        actions: &mut Vec<Action>,
    ) {
        // The interval may have been shortened since the last one.
        self.next_heartbeat = self.next_heartbeat.min(now.elapsed + interval);
        if now.elapsed < self.next_heartbeat {
            return;
        }
        self.next_heartbeat = now.elapsed + interval;
        let told = self.sent.max(outbox.acknowledged());
        actions.push(Action::Send(ToServer::Heartbeat {
            device_time: now.clock,
            confirmed_at: schedule.confirmed_at(told),
        }));
    }
}
