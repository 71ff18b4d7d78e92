//! One collector's session: who is it, what does it say, what does it get back.
//!
//! A session reads at most [`limits::REPORTS_IN_FLIGHT`] reports ahead of their acknowledgements and as much as
//! [`throttle::Device`] lets through; a device that sends more is slowed down alone.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt as _};
use prost::Message as _;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::issue::Teller;
use sickbay_diagnosis::issues;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};
use sickbay_proto::limits;
use sickbay_store::{
    AuditQuery, DeviceIdentity, DeviceState, DeviceStatus, Greeting, NewAudit, Store, Touch, action,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::clock::Clock;
use crate::config::Collectors;
use crate::events::{Change, Events};
use crate::fleet::incoming::Incoming;
use crate::fleet::twins::{Run, Verdict};
use crate::fleet::{End, Fleet, Membership, Opening};
use crate::identity::ca::Ca;
use crate::identity::enrolment::{COPIED, REPLACED, key_ended};
use crate::identity::tls::Peer;
use crate::ingest::{Ingest, Outcome};
use crate::metrics::Metrics;
use crate::throttle;
use crate::wire::{self, CollectorMessage, FromCollector, RefusalReason, ServerMessage};

/// A collector that says nothing for this long after connecting is dropped.
const HELLO_TIMEOUT: Duration = Duration::from_secs(30);
/// A clock that is off by this much more or less than before may change a verdict, in milliseconds.
const CLOCK_NEWS_MS: i64 = 30_000;
/// How often within an hour it is recorded that a device was cloned.
const CLONES_TOLD: usize = 60;
/// Lines of a device's record that are looked through before another is added.
const NEWEST: u32 = 100;
/// A message that waits for as long as this before it is taken in was held back; less is the scheduler's.
const SLOWED: Duration = Duration::from_millis(5);
/// Messages that may wait to be sent to one collector.
const OUTGOING: usize = 32;

/// What sessions need of the server.
pub struct Sessions {
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// Who is connected.
    pub fleet: Arc<Fleet>,
    /// The writer's queue.
    pub ingest: Ingest,
    /// The clock.
    pub clock: Clock,
    /// Who listens to changes.
    pub events: Events,
    /// Who issues, and is trusted.
    pub ca: Arc<Ca>,
    /// Intervals that collectors are told.
    pub settings: Collectors,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Ends every session.
    pub stop: CancellationToken,
}

/// What goes down a session.
pub type Downstream = Pin<Box<dyn Stream<Item = Result<ServerMessage, Status>> + Send>>;

impl Sessions {
    /// Who speaks, if it may.
    pub async fn authenticate(&self, peer: Option<&Peer>) -> Result<DeviceIdentity, Status> {
        let refused = self.identify(peer).await;
        if refused.is_err() {
            self.metrics.refusals.inc();
        }
        refused
    }

    async fn identify(&self, peer: Option<&Peer>) -> Result<DeviceIdentity, Status> {
        let device = self.known(peer).await?;
        let ended = peer.and_then(|peer| peer.not_after);
        let retired = peer.is_some_and(|peer| peer.of_retired_ca);
        if retired || ended.is_some_and(|end| end < self.clock.now()) {
            return Err(wire::refusal(
                Code::Unauthenticated,
                RefusalReason::CertificateEnded,
                "the certificate has ended, or its CA is retired: recover it",
                0,
            ));
        }
        Ok(device)
    }

    /// Who speaks, if it may, also with a certificate that has ended: for coming home.
    pub async fn known(&self, peer: Option<&Peer>) -> Result<DeviceIdentity, Status> {
        let Some(key) = peer.and_then(|peer| peer.key_sha256.as_ref()) else {
            return Err(wire::refusal(
                Code::Unauthenticated,
                RefusalReason::CertificateMissing,
                "this call needs a client certificate: enrol first",
                0,
            ));
        };
        let identity = self
            .store
            .device_by_key(key)
            .await
            .map_err(|error| storage_status(&error))?;
        admit(identity)
    }

    /// Opens a session: waits for Hello, answers Welcome, and serves it in a task of its own.
    pub async fn open(
        self: &Arc<Self>,
        peer: Option<&Peer>,
        mut incoming: Incoming,
    ) -> Result<Downstream, Status> {
        let identity = self.authenticate(peer).await?;
        let first = tokio::time::timeout(HELLO_TIMEOUT, incoming.message())
            .await
            .map_err(|_| Status::deadline_exceeded("no Hello within 30 seconds"))?
            .map_err(wire::unreadable)?
            .ok_or_else(|| Status::cancelled("the session ended before Hello"))?;
        let hello = wire::hello(first)?;
        let opening = self.opening(&identity, &hello).await?;
        self.recognise(&identity, peer, &opening).await?;
        // Joined before the mark is read, and what an older session of this device has under way is waited for: from here on nothing of it
        // is taken in that the mark would miss.
        let membership = self.fleet.join(&opening);
        if membership.took_over {
            self.ingest
                .settle(identity.key)
                .await
                .map_err(|e| Status::unavailable(e.to_string()))?;
        }
        let state = self
            .store
            .load_states(&[identity.key])
            .await
            .map_err(|error| storage_status(&error))?
            .pop();
        // A revocation between the handshake and Hello found no session to end.
        let identity = state
            .as_ref()
            .map_or(identity, |state| state.identity.clone());
        let identity = admit(Some(identity))?;
        self.greet(identity.key, state.as_ref(), &hello).await?;
        let mark = state.map(|state| state.mark).unwrap_or_default();
        if mark.epoch == hello.epoch && hello.newest < mark.sequence {
            self.note_set_back(&identity, mark.sequence, hello.newest)
                .await?;
        }
        tracing::debug!(device = %identity.id, version = hello.collector_version, "session opened");

        let (outgoing, down) = mpsc::channel(OUTGOING);
        let welcome = wire::welcome(
            self.clock.now(),
            &mark.epoch,
            mark.sequence,
            &mark.digest,
            self.settings(),
        );
        outgoing
            .try_send(Ok(Box::new(welcome)))
            .expect("the channel is new and has room");
        let session = Session {
            sessions: Arc::clone(self),
            identity,
            epoch: hello.epoch,
            membership,
            incoming,
            outgoing,
        };
        tokio::spawn(session.serve());
        Ok(Box::pin(
            ReceiverStream::new(down).map(|message| message.map(|boxed| *boxed)),
        ))
    }
}

impl Sessions {
    /// What a collector is set now.
    pub fn settings(&self) -> wire::Settings {
        wire::Settings {
            inspection_interval_s: self.settings.inspection_interval_s,
            heartbeat_interval_s: self.settings.heartbeat_interval_s,
            identity_mark: self.ca.in_force().mark(),
            renew_within_s: self.settings.rotation_spread_s,
        }
    }

    async fn opening(
        &self,
        identity: &DeviceIdentity,
        hello: &wire::Hello,
    ) -> Result<Opening, Status> {
        let enrolled = self.store.fingerprint(identity.key).await;
        Ok(Opening {
            key: identity.key,
            run: hello.run.clone(),
            enrolled: enrolled
                .map_err(|error| storage_status(&error))?
                .unwrap_or_default(),
            at: self.clock.now(),
        })
    }

    /// Whether another machine holds the same key. The copy is told to make a key of its own.
    async fn recognise(
        &self,
        identity: &DeviceIdentity,
        peer: Option<&Peer>,
        opening: &Opening,
    ) -> Result<(), Status> {
        let now = opening.at;
        match self.fleet.recognise(opening) {
            Verdict::Welcome => Ok(()),
            Verdict::Barred => Err(key_ended(COPIED)),
            Verdict::Clone {
                newcomer,
                stays,
                opens,
            } => {
                let from = peer.map_or_else(String::new, |peer| {
                    format!(
                        "; the session that showed it came from {}",
                        peer.address.ip()
                    )
                });
                let machine = |run: &Run| match run.fingerprint.as_str() {
                    "" => "a machine of unknown firmware".to_owned(),
                    fingerprint => format!("the machine of firmware {fingerprint}"),
                };
                let line = NewAudit {
                    at: now,
                    actor: "server".to_owned(),
                    action: action::CLONED,
                    device: Some(identity.id),
                    subject: "its key".to_owned(),
                    detail: format!(
                        "two machines hold it and took turns: {} keeps it, {} has to enrol again under a key of its own{from}",
                        machine(&stays),
                        machine(&newcomer),
                    ),
                };
                tracing::warn!(device = %identity.id, reason = line.detail, "a device was cloned");
                self.record_at_most(CLONES_TOLD, identity, line, HOUR_MS)
                    .await?;
                if opens {
                    return Err(key_ended(COPIED));
                }
                self.fleet.end(identity.key, End::Cloned);
                Ok(())
            }
        }
    }

    /// Records, once a day, that a machine came back with less than it had sent before: a snapshot or a backup was restored.
    async fn note_set_back(
        &self,
        identity: &DeviceIdentity,
        had: u64,
        has: u64,
    ) -> Result<(), Status> {
        let line = NewAudit {
            at: self.clock.now(),
            actor: "server".to_owned(),
            action: action::SET_BACK,
            device: Some(identity.id),
            subject: "its state".to_owned(),
            detail: format!(
                "the machine came back with report {has} as its newest, and had sent {had}: a snapshot or a backup was restored"
            ),
        };
        self.record_at_most(1, identity, line, DAY_MS).await
    }

    /// Records what a device brought about, unless the like of it was recorded so often within so many milliseconds: no device fills the
    /// record.
    async fn record_at_most(
        &self,
        times: usize,
        identity: &DeviceIdentity,
        line: NewAudit,
        within_ms: i64,
    ) -> Result<(), Status> {
        let noting = async {
            let last = self
                .store
                .audit(&AuditQuery::of(identity.id, NEWEST))
                .await?;
            let told = last
                .iter()
                .filter(|l| l.action == line.action && line.at.since(l.at) < within_ms);
            if told.count() >= times {
                return Ok(());
            }
            self.store.record(vec![line]).await
        };
        noting.await.map_err(|error| storage_status(&error))
    }

    /// Notes what a collector says of itself. Where that changes a verdict which rests on it, such as the one that the device is silent, it
    /// is written and decided at once.
    async fn greet(
        &self,
        key: i64,
        state: Option<&DeviceState>,
        hello: &wire::Hello,
    ) -> Result<(), Status> {
        let now = self.clock.now();
        let touch = Touch {
            key,
            seen_at: now,
            confirmed_at: None,
            greeting: Some(Greeting {
                collector_version: hello.collector_version.clone(),
                clock_ahead_ms: hello.device_time.since(now),
            }),
        };
        if !state.is_some_and(|state| is_news(state, &touch)) {
            self.fleet.touch(touch);
            return Ok(());
        }
        self.store
            .touch(&[touch])
            .await
            .map_err(|error| storage_status(&error))?;
        self.ingest
            .rediagnose(key)
            .await
            .map_err(|e| Status::unavailable(e.to_string()))
    }
}

/// Whether a greeting may change a verdict that the server alone can tell.
fn is_news(state: &DeviceState, touch: &Touch) -> bool {
    let Some(greeting) = &touch.greeting else {
        return false;
    };
    let known = &state.sighting;
    let server_told =
        |issue: &str| issues::get(issue).is_some_and(|issue| issue.told_by == Teller::Server);
    known.collector_version != greeting.collector_version
        || known.clock_ahead_ms.is_none_or(|ms| {
            ms.saturating_sub(greeting.clock_ahead_ms).saturating_abs() > CLOCK_NEWS_MS
        })
        || state.findings.iter().any(|f| server_told(&f.issue))
}

struct Session {
    sessions: Arc<Sessions>,
    identity: DeviceIdentity,
    epoch: Vec<u8>,
    membership: Membership,
    incoming: Incoming,
    /// Boxed: a channel makes room for 32 of what it carries at once.
    outgoing: mpsc::Sender<Result<Box<ServerMessage>, Status>>,
}

impl Session {
    async fn serve(mut self) {
        let metrics = Arc::clone(&self.sessions.metrics);
        metrics.sessions.inc();
        metrics.connections.opened();
        let begun = Instant::now();
        let (ending, stop) = (self.membership.ending.clone(), self.sessions.stop.clone());
        let ended = tokio::select! {
            biased;
            end = ending.wait() => Err(end_status(end)),
            () = stop.cancelled() => Err(wire::refusal(
                Code::Unavailable,
                RefusalReason::ShuttingDown,
                "the server is shutting down",
                1_000,
            )),
            ended = self.exchange() => ended,
        };
        metrics.sessions.dec();
        metrics
            .connections
            .ended(ended.as_ref().copied(), begun.elapsed());
        if let Err(status) = ended {
            if status.code() == Code::InvalidArgument || status.code() == Code::ResourceExhausted {
                metrics.refusals.inc();
                tracing::warn!(device = %self.identity.id, reason = status.message(), "session refused");
            }
            // Without room, or when the collector is gone, closing the channel ends the stream all the same.
            let _ = self.outgoing.try_send(Err(status));
        }
        tracing::debug!(device = %self.identity.id, "session ended");
    }

    async fn exchange(&mut self) -> Result<(), Status> {
        let (answers, mut answered) = mpsc::unbounded_channel();
        let throttle = throttle::Device::default();
        let mut in_flight = 0_usize;
        loop {
            let may_read = in_flight < limits::REPORTS_IN_FLIGHT;
            tokio::select! {
                Some(request) = self.membership.requests.recv() => self.send(*request).await?,
                Some(outcome) = answered.recv() => {
                    in_flight -= 1;
                    match outcome {
                        Outcome::Send(message) => self.send(*message).await?,
                        // An active device is never told so; the refusal that it may try again after is for completeness.
                        Outcome::NotActive(status) => {
                            return Err(refusal_of(status).unwrap_or_else(storage_refusal));
                        }
                        Outcome::NotStored => return Err(storage_refusal()),
                    }
                },
                message = self.incoming.message(), if may_read => {
                    let Some(message) = message.map_err(wire::unreadable)? else { return Ok(()) };
                    // Boxed: what it needs for a moment would be part of every idle session.
                    if Box::pin(self.receive(message, &answers, &throttle)).await? {
                        in_flight += 1;
                    }
                },
            }
        }
    }

    /// Takes a message in; `true` where an answer of the writer will follow.
    async fn receive(
        &self,
        message: CollectorMessage,
        answers: &mpsc::UnboundedSender<Outcome>,
        throttle: &throttle::Device,
    ) -> Result<bool, Status> {
        let now = self.sessions.clock.now();
        let bytes = message.encoded_len();
        let message = wire::from_collector(message)?;
        let came = Instant::now();
        match &message {
            FromCollector::Report(_) => throttle.report(bytes).await,
            _ => throttle.bytes(bytes).await,
        }
        if came.elapsed() >= SLOWED {
            self.sessions.metrics.ingest.slowed.inc();
        }
        match message {
            FromCollector::Report(report) => {
                self.note(&report);
                self.sessions.fleet.touch(self.sign_of_life(now, None));
                self.sessions
                    .ingest
                    .report(
                        self.identity.key,
                        self.epoch.clone(),
                        report,
                        now,
                        self.membership.ending.clone(),
                        answers.clone(),
                    )
                    .await
                    .map_err(|e| Status::unavailable(e.to_string()))?;
                return Ok(true);
            }
            FromCollector::Heartbeat { confirmed_at } => {
                self.sessions
                    .fleet
                    .touch(self.sign_of_life(now, confirmed_at));
            }
            FromCollector::RequestResult { request_id, done } => {
                tracing::debug!(device = %self.identity.id, request_id, done, "request answered");
                let key = self.identity.key;
                if self.sessions.fleet.answers(key, &request_id, done, now) {
                    self.sessions.events.publish(Change::of_device(key));
                }
            }
            FromCollector::Unknown => {}
        }
        Ok(false)
    }

    const fn sign_of_life(&self, seen_at: Time, confirmed_at: Option<Time>) -> Touch {
        Touch {
            key: self.identity.key,
            seen_at,
            confirmed_at,
            greeting: None,
        }
    }

    fn note(&self, report: &wire::Report) {
        if let Some((first, last)) = report.dropped {
            tracing::warn!(device = %self.identity.id, first, last, "the device's spool overflowed and dropped reports");
        }
        if report.unknown_checks > 0 {
            tracing::debug!(device = %self.identity.id, checks = report.unknown_checks, "checks that this server does not know were skipped");
        }
    }

    async fn send(&self, message: wire::ToCollector) -> Result<(), Status> {
        self.outgoing
            .send(Ok(Box::new(wire::to_collector(message))))
            .await
            .map_err(|_| Status::cancelled("the collector is gone"))
    }
}

fn admit(identity: Option<DeviceIdentity>) -> Result<DeviceIdentity, Status> {
    match refusal_of(identity.as_ref().map(|identity| identity.status)) {
        Some(refusal) => Err(refusal),
        None => identity.ok_or_else(unknown_device),
    }
}

/// Why a device of this status may not speak; `None` for the status is a device that is not known.
pub(crate) fn refusal_of(status: Option<DeviceStatus>) -> Option<Status> {
    match status {
        Some(DeviceStatus::Active) => None,
        Some(DeviceStatus::Pending) => Some(wire::refusal(
            Code::FailedPrecondition,
            RefusalReason::DeviceUnknown,
            "this device waits for approval",
            60_000,
        )),
        Some(DeviceStatus::Revoked) => Some(end_status(End::Revoked)),
        Some(DeviceStatus::Retired) => Some(end_status(End::Retired)),
        Some(DeviceStatus::Replaced) => Some(end_status(End::Superseded)),
        Some(DeviceStatus::Listed) | None => Some(unknown_device()),
    }
}

fn unknown_device() -> Status {
    wire::refusal(
        Code::Unauthenticated,
        RefusalReason::DeviceUnknown,
        "this server has no device with this key: enrol again",
        0,
    )
}

fn end_status(end: End) -> Status {
    match end {
        End::Revoked => wire::refusal(
            Code::PermissionDenied,
            RefusalReason::DeviceRevoked,
            "this device was revoked",
            0,
        ),
        End::Retired => wire::refusal(
            Code::PermissionDenied,
            RefusalReason::DeviceRetired,
            "this device was retired",
            0,
        ),
        End::Superseded => key_ended(REPLACED),
        End::Cloned => key_ended(COPIED),
        End::Replaced => wire::refusal(
            Code::Aborted,
            RefusalReason::Replaced,
            "a newer session of this device took over",
            5_000,
        ),
    }
}

/// A store error as a collector may see it: no detail of the database leaves the server.
pub fn storage_status(error: &sickbay_store::StoreError) -> Status {
    tracing::error!(error = %crate::ingest::chain(error), "the database did not answer a collector's call");
    storage_refusal()
}

fn storage_refusal() -> Status {
    wire::refusal(
        Code::Unavailable,
        RefusalReason::StorageUnavailable,
        "the server cannot use its database now",
        5_000,
    )
}
