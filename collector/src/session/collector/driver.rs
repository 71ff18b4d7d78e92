//! Carries out what the machine decides: one loop that waits for the socket, the timer, the inspection and whoever wants one.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use sickbay_diagnosis::Check;
use sickbay_diagnosis::observation::{Observation, Observations, Outcome};
use tokio::time::Instant;

use super::storage::blocking;
use super::{Collector, CollectorError, chain, random, random_u64};
use crate::host::Host;
use crate::inspection;
use crate::session::backoff::share;
use crate::session::connection::{CALL, CallError, connect};
use crate::session::enrolment::{self, EnrolOutcome};
use crate::session::line::Line;
use crate::session::machine::{Action, Event, Moment, Note};
use crate::session::message::{FromServer, Reason, Refusal, Report, Speaker, ToServer};
use crate::spool::Waiting;
use crate::state::{Crash, Identity};
use crate::wire::{self, CertificateIssued, Rpc, Sent};

type Pending<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

/// Longest sleep; only bounds arithmetic, since a timer that comes too early is harmless.
const LONGEST_SLEEP: Duration = Duration::from_hours(1);
/// Longest time over which a fleet spreads its renewals, whatever the server wishes.
const LONGEST_ROTATION: Duration = Duration::from_hours(24);
/// Shortest and longest time until a failed renewal is tried again.
const RENEWAL_RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));

pub(super) struct Driver<'a> {
    collector: &'a mut Collector,
    started: Instant,
    actions: VecDeque<Action>,
    connecting: Pending<Result<Rpc, CallError>>,
    session: Option<Line>,
    inspecting: Pending<Observations>,
    renewing: Pending<Result<CertificateIssued, CallError>>,
    /// Not before this time is a renewal tried.
    renew_after: Instant,
    /// What the server issues now, and when this device fetches it.
    rotation: Option<([u8; 32], Instant)>,
    /// Who says hello.
    speaker: Speaker,
    /// Whether the newest base is on the disk, so that the reports it covers may go.
    base_saved: bool,
}

/// What ended a wait.
enum Happening {
    Connected(Result<Rpc, CallError>),
    Received(Option<Result<FromServer, CallError>>),
    Inspected(Observations),
    Renewed(Result<CertificateIssued, CallError>),
    RenewalDue,
    Wanted,
    Timer,
}

impl<'a> Driver<'a> {
    pub(super) fn new(collector: &'a mut Collector) -> Self {
        Self {
            collector,
            started: Instant::now(),
            actions: VecDeque::new(),
            connecting: None,
            session: None,
            inspecting: None,
            renewing: None,
            renew_after: Instant::now(),
            rotation: None,
            speaker: Speaker::default(),
            base_saved: true,
        }
    }

    pub(super) async fn drive(mut self) -> Result<Infallible, CollectorError> {
        random(&mut self.speaker.instance);
        let host = Arc::clone(&self.collector.options.host);
        let machine = blocking(move || enrolment::machine(&*host)).await;
        self.speaker.fingerprint = machine.machine_fingerprint;
        self.tell(Event::Timer);
        loop {
            // A server that talks without a pause must not keep whoever runs this from hearing that it is to stop.
            tokio::task::coop::consume_budget().await;
            while let Some(action) = self.actions.pop_front() {
                self.perform(action).await?;
            }
            self.collector.publish();
            match self.wait().await {
                Happening::Connected(Ok(rpc)) => {
                    self.connecting = None;
                    self.session = Some(Line::open(rpc));
                    self.tell(Event::Connected);
                }
                Happening::Connected(Err(error)) => {
                    self.connecting = None;
                    self.lost(Some(&error)).await?;
                }
                Happening::Received(Some(Ok(message))) => self.tell(Event::Received(message)),
                Happening::Received(Some(Err(error))) => self.lost(Some(&error)).await?,
                Happening::Received(None) => self.lost(None).await?,
                Happening::Inspected(observations) => {
                    self.inspecting = None;
                    self.tell(Event::Inspected(observations));
                }
                Happening::Renewed(result) => self.renewed(result).await?,
                Happening::RenewalDue => self.renew(),
                Happening::Wanted => {
                    let wanted = std::mem::take(
                        &mut *self
                            .collector
                            .shared
                            .wanted
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner),
                    );
                    self.tell(Event::InspectSoon(wanted.into_iter().collect()));
                }
                Happening::Timer => self.tell(Event::Timer),
            }
        }
    }

    async fn wait(&mut self) -> Happening {
        let timer = self.started
            + self
                .collector
                .machine
                .deadline()
                .min(self.started.elapsed() + LONGEST_SLEEP);
        self.notice_rotation();
        let renewal = self.renewal_time();
        let shared = Arc::clone(&self.collector.shared);
        tokio::select! {
            connected = ready(&mut self.connecting) => Happening::Connected(connected),
            received = next(self.session.as_mut()) => Happening::Received(received),
            inspected = ready(&mut self.inspecting) => Happening::Inspected(inspected),
            renewed = ready(&mut self.renewing) => Happening::Renewed(renewed),
            () = shared.notify.notified() => Happening::Wanted,
            () = tokio::time::sleep_until(timer) => Happening::Timer,
            () = tokio::time::sleep_until(renewal.unwrap_or(timer)), if renewal.is_some() => Happening::RenewalDue,
        }
    }

    fn tell(&mut self, event: Event) {
        let now = Moment {
            elapsed: self.started.elapsed(),
            clock: self.collector.now(),
        };
        let actions = self.collector.machine.handle(event, now, &mut random);
        self.actions.extend(actions);
    }

    async fn perform(&mut self, action: Action) -> Result<(), CollectorError> {
        match action {
            Action::Connect => {
                let tls = self.collector.tls()?;
                let route = self.collector.route(self.collector.server).await;
                self.connecting = Some(Box::pin(async move { connect(&route, tls).await }));
            }
            Action::Disconnect => {
                self.session = None;
                self.connecting = None;
            }
            Action::Send(mut message) => {
                if let ToServer::Hello(hello) = &mut message {
                    hello.speaker.clone_from(&self.speaker);
                }
                self.send(&message).await?;
            }
            Action::Inspect(checks) => {
                let host = Arc::clone(&self.collector.options.host);
                let crashes = Arc::clone(&self.collector.crashes);
                self.inspecting = Some(Box::pin(blocking(move || {
                    inspect(&*host, &checks, &crashes)
                })));
            }
            Action::SpoolPush(report) => self.push(report).await,
            Action::SpoolRemoveUpTo(sequence) => {
                if self.base_saved {
                    let removed = self
                        .collector
                        .storage
                        .with(move |files| files.spool.remove_up_to(sequence))
                        .await;
                    log_failure(
                        "reports stay in the spool although they are not needed any more",
                        removed,
                    );
                }
            }
            Action::SpoolClear => {
                let cleared = self
                    .collector
                    .storage
                    .with(|files| files.spool.clear())
                    .await;
                log_failure("reports of an earlier epoch stay in the spool", cleared);
            }
            Action::SaveBase => {
                let encoded = crate::state::encode_base(self.collector.machine.base());
                let saved = self
                    .collector
                    .storage
                    .with(move |files| files.state.save_encoded_base(&encoded))
                    .await;
                self.base_saved = saved.is_ok();
                log_failure(
                    "what the server acknowledged could not be kept; reports stay in the spool",
                    saved,
                );
            }
            Action::Note(note) => self.note(note).await,
        }
        Ok(())
    }

    async fn send(&mut self, message: &ToServer) -> Result<(), CollectorError> {
        let Some(session) = &self.session else {
            return Ok(());
        };
        match session.send(message) {
            Ok(Sent::Yes | Sent::Ended) => Ok(()),
            Ok(Sent::Stuck) => {
                let stuck = CallError::Broken("the server reads nothing".to_owned());
                self.lost(Some(&stuck)).await
            }
            Err(error) => self.lost(Some(&error.into())).await,
        }
    }

    async fn push(&mut self, report: Arc<Report>) {
        let sequence = report.sequence;
        let epoch = self.collector.machine.base().epoch;
        let pushed = match wire::encode_report(&report) {
            Ok(body) => self
                .collector
                .storage
                .with(move |files| files.spool.push(&epoch.0, &Waiting { sequence, body }))
                .await
                .map_err(|error| chain(&error)),
            Err(error) => Err(error.to_string()),
        };
        match pushed {
            Ok(dropped) => self.tell(Event::Pushed { sequence, dropped }),
            Err(reason) => {
                self.collector
                    .note_failure(format!("a report could not be kept on this disk: {reason}"))
                    .await;
                self.tell(Event::PushFailed);
            }
        }
    }

    /// The session is over, or could not be opened. `None`: the server ended it without a word.
    async fn lost(&mut self, error: Option<&CallError>) -> Result<(), CollectorError> {
        self.session = None;
        self.renewing = None;
        let mut refusal = error.and_then(CallError::refusal).cloned();
        let text = error.map_or_else(
            || "the server ended the session".to_owned(),
            |error| chain(error),
        );
        self.collector.note_failure(text).await;
        // What seldom happens is kept out of the future of every step.
        match refusal.as_ref().map(|refusal| refusal.reason) {
            // A server ends the connection of an expired certificate without a reason.
            None => {
                self.collector.server += 1;
                let now = self.collector.now();
                let identity = self.collector.identity();
                if identity.is_some_and(|identity| identity.expired(now)) {
                    refusal =
                        Box::pin(self.enrol_anew("the certificate has expired", refusal)).await?;
                }
            }
            Some(Reason::CertificateEnded) => refusal = Box::pin(self.recover(refusal)).await?,
            Some(Reason::KeyEnded) => {
                refusal = Box::pin(
                    self.enrol_anew("the server takes this device's key no more", refusal),
                )
                .await?;
            }
            // A server that was restored from an older copy has never heard of whoever enrolled since.
            Some(Reason::DeviceUnknown) => {
                refusal =
                    Box::pin(self.enrol_anew("the server does not know this device", refusal))
                        .await?;
            }
            Some(_) => {}
        }
        self.tell(Event::Disconnected(refusal));
        Ok(())
    }

    /// Exchanges the certificate that has ended. Tells what stands in the way of the next session then.
    async fn recover(
        &mut self,
        refusal: Option<Refusal>,
    ) -> Result<Option<Refusal>, CollectorError> {
        match self.collector.recover().await {
            Ok(()) => {
                tracing::info!("the certificate had ended and was recovered");
                Ok(None)
            }
            Err(CollectorError::Call(error)) => {
                self.collector.note_failure(chain(&error)).await;
                match error.reason() {
                    Some(Reason::KeyEnded | Reason::DeviceUnknown) => {
                        let refusal = error.refusal().cloned();
                        self.enrol_anew("the certificate could not be recovered", refusal)
                            .await
                    }
                    Some(_) => Ok(error.refusal().cloned()),
                    None => Ok(refusal),
                }
            }
            Err(other) => Err(other),
        }
    }

    /// Enrols again, where a token is at hand; under a new key where the server takes the old one no more. Tells what stands in the way of the next session then; without an answer, still
    /// `refusal`.
    async fn enrol_anew(
        &mut self,
        why: &'static str,
        refusal: Option<Refusal>,
    ) -> Result<Option<Refusal>, CollectorError> {
        if self.collector.options.token.is_none() {
            return Ok(refusal);
        }
        let ended = |refusal: &Refusal| refusal.reason == Reason::KeyEnded;
        let asked = if refusal.as_ref().is_some_and(ended) {
            self.collector.enrol_next().await
        } else {
            self.collector.enrol().await
        };
        match asked {
            Ok(EnrolOutcome::Enrolled { device_id }) => {
                tracing::info!(device = %device_id, why, "enrolled again");
                Ok(None)
            }
            Ok(EnrolOutcome::Pending {
                device_id,
                retry_after,
            }) => {
                let text =
                    format!("{why}, and device {device_id} waits until a person approves it");
                self.collector.note_failure(text).await;
                Ok(Some(Refusal {
                    reason: Reason::RateLimited,
                    message: String::new(),
                    retry_after_ms: u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX),
                }))
            }
            Err(CollectorError::Call(error)) => {
                self.collector.note_failure(chain(&error)).await;
                Ok(refusal)
            }
            Err(other) => Err(other),
        }
    }

    /// When the next renewal is due, while a session is open and none is under way.
    fn renewal_time(&self) -> Option<Instant> {
        let identity = self.collector.identity()?;
        if !self.collector.machine.is_live() || self.renewing.is_some() {
            return None;
        }
        let ahead = identity.renew_at().since(self.collector.now());
        let ahead = Duration::from_millis(u64::try_from(ahead).unwrap_or(0)).min(LONGEST_SLEEP);
        let by_age = Instant::now() + ahead;
        let due = self.rotation.map_or(by_age, |(_, at)| by_age.min(at));
        Some(due.max(self.renew_after))
    }

    /// Notes that the server issues otherwise now than when it issued this certificate. Each device renews at a moment of its own, because
    /// the whole fleet is told at once.
    fn notice_rotation(&mut self) {
        let settings = self.collector.machine.settings();
        let mark = self.collector.identity().and_then(|identity| identity.mark);
        match settings.identity_mark {
            Some(wanted) if mark != Some(wanted) => {
                if self.rotation.is_none_or(|(noticed, _)| noticed != wanted) {
                    let within = Duration::from_secs(settings.renew_within_s.into());
                    let wait = share(within.min(LONGEST_ROTATION), random_u64());
                    self.rotation = Some((wanted, Instant::now() + wait));
                }
            }
            _ => self.rotation = None,
        }
    }

    fn renew(&mut self) {
        let (Some(session), Some(identity)) = (&self.session, self.collector.identity()) else {
            return;
        };
        let rotates = self.rotation.is_some_and(|(_, at)| at <= Instant::now());
        if !rotates && identity.renew_at() > self.collector.now() {
            return;
        }
        self.renew_after = Instant::now() + renewal_retry(identity);
        let rpc = session.rpc().clone();
        match enrolment::request(&self.collector.credentials.key) {
            Ok(request) => {
                self.renewing = Some(Box::pin(async move {
                    let renewing = tokio::time::timeout(CALL, rpc.renew(request));
                    renewing
                        .await
                        .unwrap_or_else(|_| Err(CallError::Broken("no answer".to_owned())))
                }));
            }
            Err(error) => {
                tracing::warn!(reason = %chain(&error), "the certificate could not be renewed");
            }
        }
    }

    async fn renewed(
        &mut self,
        result: Result<CertificateIssued, CallError>,
    ) -> Result<(), CollectorError> {
        self.renewing = None;
        let accepted =
            result.and_then(|issued| enrolment::accept(issued, &self.collector.credentials.key));
        match accepted {
            Ok(identity) => {
                tracing::info!(until = %identity.not_after, "certificate renewed");
                // The next step of a rotation may follow soon. A server that never gives what it asks for is asked seldom, and so is
                // every server where a wrong clock makes each certificate seem old.
                let wished = self.collector.machine.settings().identity_mark;
                if self.rotation.is_some() && identity.mark == wished {
                    self.renew_after = Instant::now() + RENEWAL_RETRY.0;
                }
                let before = self.collector.identity();
                let before = before.map_or("", |before| before.device_id.as_str());
                // Its server knows a device by the key; but a person who looks for it should find both names.
                if identity.device_id != before {
                    tracing::warn!(device = %identity.device_id, before, "the server calls this device otherwise from now on");
                }
                self.collector.adopt(identity).await
            }
            Err(error) => {
                tracing::warn!(reason = %chain(&error), "the certificate could not be renewed; trying again later");
                Ok(())
            }
        }
    }

    async fn note(&mut self, note: Note) {
        let server = self.collector.server_url().to_string();
        match note {
            Note::Welcomed => {
                tracing::info!(%server, "session established");
                self.collector.clear_failure().await;
            }
            Note::FullReport(reason) => tracing::info!(reason, "everything is reported again"),
            Note::NewEpoch(reason) => tracing::warn!(reason, "a new epoch begins"),
            Note::NoAnswer => {
                self.collector
                    .note_failure("the server does not answer".to_owned())
                    .await;
                self.collector.server += 1;
            }
            Note::StrangeAck(sequence) => {
                tracing::warn!(%server, report = sequence, "the server acknowledged a report that was never sent");
            }
        }
    }
}

/// A fiftieth of the certificate's life: often enough to succeed before its end, seldom enough not to be a load.
fn renewal_retry(identity: &Identity) -> Duration {
    let life = identity.not_after.since(identity.not_before);
    let (least, most) = RENEWAL_RETRY;
    Duration::from_millis(u64::try_from(life / 50).unwrap_or(0)).clamp(least, most)
}

/// Runs the checks, apart from those that ended the collector within the last day.
fn inspect(host: &dyn Host, checks: &[Check], crashes: &[Crash]) -> Observations {
    let now = host.now();
    let ended_it = |check: Check| {
        let mut ends = crashes.iter().rev();
        ends.find(|crash| crash.leaves_out(now) == Some(check))
    };
    let (left_out, run): (Vec<Check>, Vec<Check>) =
        checks.iter().partition(|check| ended_it(**check).is_some());
    let mut all = inspection::inspect(host, &run);
    for check in left_out {
        let Some(crash) = ended_it(check) else {
            continue;
        };
        let reason = format!(
            "the collector ended while it ran this check at {} ({}), and leaves it out until {}",
            crash.at,
            crash.what,
            crash.until()
        );
        all.put(
            check,
            Observation {
                taken_at: now,
                outcome: Outcome::Failed(reason),
            },
        );
    }
    all
}

fn log_failure<E: std::error::Error + 'static>(what: &str, result: Result<(), E>) {
    if let Err(error) = result {
        tracing::warn!(reason = %chain(&error), "{what}");
    }
}

/// The result of a future that may be there; never ready where there is none.
async fn ready<T>(pending: &mut Pending<T>) -> T {
    match pending {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn next(session: Option<&mut Line>) -> Option<Result<FromServer, CallError>> {
    match session {
        Some(session) => session.next().await,
        None => std::future::pending().await,
    }
}
