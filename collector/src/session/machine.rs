//! The session as a state machine: events in, actions out, time and randomness as arguments, no I/O.
//!
//! Promises: nothing is sent before it is durable in the spool; at most [`REPORTS_IN_FLIGHT`](sickbay_proto::limits::REPORTS_IN_FLIGHT) reports are under way without an
//! acknowledgement; a base that either side lost, or a collector that was set back, is mended after the next welcome
//! ([`reconcile`]); one inspection runs at a time; every wait is bounded and jittered.
//!
//! The driver carries out the actions in their order and reports back what [`Event`] lists; a push is answered before any other
//! event is told. Actions that refer to the base
//! ([`Action::SaveBase`]) mean [`Machine::base`] at the time of carrying out.

mod event;
mod live;
pub mod reconcile;
mod schedule;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sickbay_diagnosis::observation::Observations;

pub use event::{Action, Event, MachineOptions, Moment, Note};
use live::Live;
use reconcile::{Standing, reconcile};
use schedule::Schedule;

use super::message::{
    Asked, Epoch, FromServer, Hello, Range, Reason, Refusal, Retry, ServerSettings, Speaker,
    ToServer, Welcome,
};
use super::outbox::{Base, Outbox};

/// Requests of the server that may wait for an inspection or for their answer to be sent; more are refused.
const REQUESTS: usize = 16;
/// Inspections that the server may ask for within an hour: enough for whoever watches a device being mended, too few to keep a machine
/// busy.
const REQUESTS_AN_HOUR: usize = 60;
const HOUR: Duration = Duration::from_hours(1);

/// From how many failures on a replaced session backs off.
const CLONE_FAILURES: u32 = 5;

/// Where randomness comes from: fills the bytes.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8]);

#[derive(Debug)]
enum Link {
    /// Not before this time.
    Waiting {
        until: Duration,
    },
    Connecting,
    /// The hello is out.
    Greeting {
        until: Duration,
    },
    Live(Live),
}

/// The state of one collector's session.
#[derive(Debug)]
pub struct Machine {
    options: MachineOptions,
    outbox: Outbox,
    epoch_made_here: bool,
    link: Link,
    failures: u32,
    settings: ServerSettings,
    /// Why everything must be sent again; stays until that report is durable.
    full_wanted: Option<&'static str>,
    /// Not before this time is everything told again.
    full_after: Duration,
    /// Not before this time may the server's next wish for it count.
    asked_again_after: Duration,
    /// Not before this time is a push tried again.
    push_after: Duration,
    /// Whether the driver was asked to push and has not answered.
    pushing: bool,
    schedule: Schedule,
    /// When the server had something inspected within the last hour.
    asked_at: VecDeque<Duration>,
}

impl Machine {
    /// A collector that was just started. `gap` says that the spool had lost something (see [`Outbox::restore`]), and
    /// `epoch_made_here` that the epoch is new.
    pub fn new(options: MachineOptions, outbox: Outbox, gap: bool, epoch_made_here: bool) -> Self {
        Self {
            options,
            outbox,
            epoch_made_here,
            link: Link::Waiting {
                until: Duration::ZERO,
            },
            failures: 0,
            settings: ServerSettings::default(),
            full_wanted: gap.then_some("the spool lost a report"),
            full_after: Duration::ZERO,
            asked_again_after: Duration::ZERO,
            push_after: Duration::ZERO,
            pushing: false,
            schedule: Schedule::new(),
            asked_at: VecDeque::new(),
        }
    }

    /// What the server is known to have, for [`Action::SaveBase`].
    pub const fn base(&self) -> &Base {
        self.outbox.base()
    }

    /// What waits and what is known.
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// What the server set last.
    pub const fn settings(&self) -> ServerSettings {
        self.settings
    }

    /// Whether a welcomed session is open.
    pub const fn is_live(&self) -> bool {
        matches!(self.link, Link::Live(_))
    }

    /// When [`Event::Timer`] is due at the latest; earlier ones are harmless.
    pub fn deadline(&self) -> Duration {
        let link = match &self.link {
            Link::Waiting { until } | Link::Greeting { until } => *until,
            Link::Connecting => Duration::MAX,
            Link::Live(live) => live.deadline(),
        };
        let full = if self.may_tell_all() {
            self.push_after.max(self.full_after)
        } else {
            Duration::MAX
        };
        link.min(full).min(self.schedule.deadline())
    }

    /// Takes an event and says what is to be done.
    pub fn handle(&mut self, event: Event, now: Moment, random: Random<'_>) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Connected => self.greet(now, &mut actions),
            Event::Received(message) => self.receive(message, now, random, &mut actions),
            Event::Disconnected(refusal) => self.wait(refusal.as_ref(), now, random),
            Event::Inspected(observations) => self.inspected(observations, now, random),
            Event::Pushed { sequence, dropped } => self.pushed(sequence, dropped, &mut actions),
            Event::PushFailed => {
                self.pushing = false;
                self.outbox.unstage();
                self.push_after = now.elapsed + self.options.disk_retry;
                self.schedule.push_failed(self.push_after);
            }
            Event::InspectSoon(checks) => self.schedule.want(checks),
            Event::Timer => self.timer(now, random, &mut actions),
        }
        self.advance(now, &mut actions);
        actions
    }

    fn greet(&mut self, now: Moment, actions: &mut Vec<Action>) {
        if !matches!(self.link, Link::Connecting) {
            actions.push(Action::Disconnect);
            return;
        }
        self.link = Link::Greeting {
            until: now.elapsed + self.options.patience,
        };
        actions.push(Action::Send(ToServer::Hello(Hello {
            epoch: self.base().epoch,
            acknowledged: self.outbox.acknowledged(),
            digest: self
                .base()
                .acknowledged
                .map(|acknowledged| acknowledged.digest),
            newest: self.outbox.newest_durable(),
            device_time: now.clock,
            // Filled in by whoever sends it: it says nothing about the state of the session.
            speaker: Speaker::default(),
        })));
    }

    fn receive(
        &mut self,
        message: FromServer,
        now: Moment,
        random: Random<'_>,
        actions: &mut Vec<Action>,
    ) {
        match message {
            FromServer::Welcome(welcome) => self.welcome(&welcome, now, random, actions),
            FromServer::Ack { epoch, sequence } => self.acknowledged(epoch, sequence, now, actions),
            FromServer::Settings(settings) => self.set(settings, now),
            FromServer::FullWanted { .. } => self.full_wanted(now, actions),
            FromServer::Request { request_id, asked } => self.request(request_id, asked, now),
            FromServer::Unknown => {}
        }
    }

    fn welcome(
        &mut self,
        welcome: &Welcome,
        now: Moment,
        random: Random<'_>,
        actions: &mut Vec<Action>,
    ) {
        if !matches!(self.link, Link::Greeting { .. }) {
            return;
        }
        self.link = Link::Live(Live::new(now.elapsed));
        actions.push(Action::Note(Note::Welcomed));
        if let Some(settings) = welcome.settings {
            self.set(settings, now);
        }
        match reconcile(&self.outbox, self.epoch_made_here, welcome) {
            Standing::Agreed => {}
            Standing::Ahead(sequence) => self.forget_acknowledged(sequence, actions),
            Standing::ServerLostBase(why) => {
                self.want_full(why, actions);
            }
            Standing::SetBack(why) => self.begin_epoch(why, now, random, actions),
        }
    }

    fn begin_epoch(
        &mut self,
        why: &'static str,
        now: Moment,
        random: Random<'_>,
        actions: &mut Vec<Action>,
    ) {
        let mut epoch = Epoch([0; 16]);
        random(&mut epoch.0);
        let known = self.outbox.begin_epoch(epoch);
        self.epoch_made_here = true;
        self.full_wanted = None;
        self.pushing = false;
        self.schedule.begin_epoch();
        // A session speaks of one epoch only, that of its hello; so this one ends and the next one says hello anew.
        actions.extend([
            Action::Note(Note::NewEpoch(why)),
            Action::Disconnect,
            Action::SaveBase,
            Action::SpoolClear,
        ]);
        self.wait(None, now, random);
        // What an older process left may be stale; what this one saw is made ready at once.
        if self.schedule.seen_all() {
            self.outbox.stage(known, true, now.clock);
        }
    }

    fn acknowledged(
        &mut self,
        epoch: Epoch,
        sequence: u64,
        now: Moment,
        actions: &mut Vec<Action>,
    ) {
        let Link::Live(live) = &mut self.link else {
            return;
        };
        if epoch != self.outbox.base().epoch {
            return;
        }
        if sequence > self.outbox.newest_durable() {
            if live.is_first_strange_ack() {
                actions.push(Action::Note(Note::StrangeAck(sequence)));
            }
            return;
        }
        live.acknowledged(sequence, now.elapsed, self.options.patience);
        self.failures = 0;
        self.forget_acknowledged(sequence, actions);
    }

    fn forget_acknowledged(&mut self, sequence: u64, actions: &mut Vec<Action>) {
        if self.outbox.acknowledge(sequence) {
            actions.extend([Action::SaveBase, Action::SpoolRemoveUpTo(sequence)]);
        }
    }

    fn full_wanted(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let full = self.outbox.newest_full();
        if let Link::Live(live) = &mut self.link {
            // What was sent before the full report is refused by the server and will not be acknowledged by itself.
            live.forget_before(full.unwrap_or(u64::MAX));
        }
        if self.want_full("the server asked for it", actions) {
            self.full_after = self.asked_again_after;
            self.asked_again_after = now.elapsed.max(self.full_after) + self.options.full_again;
        }
    }

    /// Returns whether this is what makes a full report necessary.
    fn want_full(&mut self, why: &'static str, actions: &mut Vec<Action>) -> bool {
        let coming = self.outbox.full_is_waiting() || self.outbox.is_unspoken();
        if coming || self.full_wanted.is_some() {
            return false;
        }
        actions.push(Action::Note(Note::FullReport(why)));
        self.full_wanted = Some(why);
        self.full_after = Duration::ZERO;
        true
    }

    fn set(&mut self, settings: ServerSettings, now: Moment) {
        if settings != self.settings {
            self.settings = settings;
            let interval = self.inspection_interval();
            self.schedule.not_later_than(now.elapsed + interval);
        }
    }

    fn request(&mut self, request_id: String, asked: Asked, now: Moment) {
        // Until the welcome nothing can be answered, so that whatever is asked would only pile up.
        if !self.is_live() {
            return;
        }
        let hour_ago = now.elapsed.checked_sub(HOUR);
        self.asked_at
            .retain(|at| hour_ago.is_none_or(|hour_ago| *at > hour_ago));
        match asked {
            Asked::InspectNow(_) if self.asked_at.len() >= REQUESTS_AN_HOUR => {
                self.schedule.refuse(
                    request_id,
                    "too many inspections were asked for within an hour",
                );
            }
            Asked::InspectNow(checks) if self.schedule.requests() < REQUESTS => {
                self.asked_at.push_back(now.elapsed);
                self.schedule.ask(request_id, checks);
            }
            Asked::InspectNow(_) => self
                .schedule
                .refuse(request_id, "too many requests wait already"),
            Asked::Unknown => self
                .schedule
                .refuse(request_id, "this collector does not know the request"),
        }
    }

    fn inspected(&mut self, observations: Observations, now: Moment, random: Random<'_>) {
        let interval = self.inspection_interval();
        self.schedule.finish(interval, now, random);
        let full = self.full_wanted.is_some()
            && self.schedule.seen_all()
            && now.elapsed >= self.full_after;
        self.outbox.stage(observations, full, now.clock);
        if self.outbox.staged().is_none() {
            self.schedule.confirm(self.outbox.newest());
        }
    }

    fn pushed(&mut self, sequence: u64, dropped: Option<Range>, actions: &mut Vec<Action>) {
        self.pushing = false;
        if self.outbox.staged().is_some_and(|report| report.full) {
            self.full_wanted = None;
        }
        if let Some(superseded) = self.outbox.pushed(sequence) {
            actions.push(Action::SpoolRemoveUpTo(superseded));
        }
        if let Some(range) = dropped
            && self.outbox.dropped(range)
        {
            self.want_full("the spool was full", actions);
        }
        if self.outbox.staged().is_none() {
            self.schedule.confirm(self.outbox.newest());
        }
    }

    fn timer(&mut self, now: Moment, random: Random<'_>, actions: &mut Vec<Action>) {
        match &self.link {
            Link::Waiting { until } if now.elapsed >= *until => {
                self.link = Link::Connecting;
                actions.push(Action::Connect);
            }
            Link::Greeting { until } if now.elapsed >= *until => self.give_up(now, random, actions),
            Link::Live(live) if live.stalled(now.elapsed) => self.give_up(now, random, actions),
            _ => {}
        }
        self.schedule.timer(now.elapsed);
    }

    fn give_up(&mut self, now: Moment, random: Random<'_>, actions: &mut Vec<Action>) {
        actions.extend([Action::Note(Note::NoAnswer), Action::Disconnect]);
        self.wait(None, now, random);
    }

    fn wait(&mut self, refusal: Option<&Refusal>, now: Moment, random: Random<'_>) {
        if let Link::Live(live) = &self.link
            && live.proved_itself(now.elapsed)
        {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        if refusal.is_some_and(|refusal| refusal.reason == Reason::Replaced) {
            // Two clones that push each other out must not do so every second.
            self.failures = self.failures.max(CLONE_FAILURES);
        }
        let mut bytes = [0; 8];
        random(&mut bytes);
        let random = u64::from_le_bytes(bytes);
        let backoff = &self.options.backoff;
        let wait = match refusal.map(|refusal| refusal.reason.retry()) {
            Some(Retry::Seldom) => backoff.wait_refused(random),
            Some(Retry::Soon) | None => backoff.wait(self.failures, random),
        };
        let asked = Duration::from_millis(refusal.map_or(0, |refusal| refusal.retry_after_ms));
        // No server may silence a device for longer than a day by its retry-after.
        let asked = asked.min(Duration::from_hours(24));
        self.link = Link::Waiting {
            until: now.elapsed + asked + wait,
        };
        self.schedule.hang_up();
    }

    /// Does whatever can be done now, whichever event made it possible.
    fn advance(&mut self, now: Moment, actions: &mut Vec<Action>) {
        if self.may_tell_all() && now.elapsed >= self.push_after.max(self.full_after) {
            let any = self.outbox.stage(Observations::new(), true, now.clock);
            if !any {
                // No check is known at all, so the next report is the first one, and full.
                self.full_wanted = None;
            }
        }
        self.push_staged(actions);
        if let Some(checks) = self.schedule.begin() {
            actions.push(Action::Inspect(checks));
        }
        let heartbeat = self.heartbeat_interval();
        let Link::Live(live) = &mut self.link else {
            return;
        };
        // Before a full report that is about to be made, the older ones are of no use to the server.
        if self.full_wanted.is_none() {
            live.send_reports(&self.outbox, now.elapsed, self.options.patience, actions);
        }
        if live.sent_all(&self.outbox) && self.outbox.staged().is_none() {
            actions.extend(self.schedule.take_answers().map(Action::Send));
        }
        live.send_heartbeat(&self.outbox, &self.schedule, now, heartbeat, actions);
    }

    /// Whether a full report is wanted and nothing but time stands in its way.
    fn may_tell_all(&self) -> bool {
        self.full_wanted.is_some() && self.schedule.seen_all() && self.outbox.staged().is_none()
    }

    /// Asks for the first staged report to be made durable, once.
    fn push_staged(&mut self, actions: &mut Vec<Action>) {
        if !self.pushing
            && let Some(report) = self.outbox.staged()
        {
            actions.push(Action::SpoolPush(Arc::clone(report)));
            self.pushing = true;
        }
    }

    fn inspection_interval(&self) -> Duration {
        if self.options.inspection_interval_fixed || self.settings.inspection_interval_s == 0 {
            self.options.inspection_interval
        } else {
            schedule::bounded_inspection_interval(self.settings.inspection_interval_s)
        }
    }

    fn heartbeat_interval(&self) -> Duration {
        if self.settings.heartbeat_interval_s == 0 {
            self.options.heartbeat_interval
        } else {
            schedule::bounded_heartbeat_interval(self.settings.heartbeat_interval_s)
        }
    }
}
