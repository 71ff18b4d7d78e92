//! A whole collector: state folder, spool, session, inspections. Thin: [`Machine`] decides, this acts.
//!
//! Promises: no thread of its own (blocking work runs on tokio's pool, a few at a time for the whole process), so that thousands of
//! collectors fit in one process; whatever the server or the network does, [`Collector::run`] goes on until it is asked to stop.

mod driver;
mod goodbye;
mod handle;
mod storage;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::KeyPair;
use rustls::ClientConfig;
use sickbay_diagnosis::Time;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::backoff::share;
use super::connection::{CALL, CallError, Route, ServerUrl, connect};
use super::enrolment::{self, EnrolOutcome};
use super::machine::{Machine, MachineOptions};
use super::message::{Epoch, Reason, Retry};
use super::outbox::{Base, Outbox};
use super::proxy::ProxyUrl;
use super::tls::{self, BadTls, CaPin};
use crate::checks;
use crate::host::Host;
use crate::spool::{SpoolError, SpoolLimits};
use crate::state::{Crash, Credentials, Identity, LastError, StateError};
pub use goodbye::{Farewell, say_goodbye};
use handle::Shared;
pub use handle::{Handle, Progress};
use storage::{Storage, blocking};

/// Everything that a collector is told from outside.
#[derive(Clone)]
pub struct CollectorOptions {
    /// The collector's own folder.
    pub state_dir: PathBuf,
    /// The servers, tried in turn.
    pub server_urls: Vec<ServerUrl>,
    /// The enrolment token; ignored once enrolled.
    pub token: Option<String>,
    /// Pins of the server's CA; used for the first enrolment only.
    pub ca_pins: Vec<CaPin>,
    /// The way out; `None` for what the machine's own settings name.
    pub proxy: Option<ProxyUrl>,
    /// The machine.
    pub host: Arc<dyn Host>,
    /// Intervals and back-off.
    pub session: MachineOptions,
    /// How much may wait for acknowledgement.
    pub spool: SpoolLimits,
}

impl CollectorOptions {
    /// With the product's defaults and neither token, nor pins, nor proxy.
    pub fn new(state_dir: PathBuf, server_urls: Vec<ServerUrl>, host: Arc<dyn Host>) -> Self {
        Self {
            state_dir,
            server_urls,
            token: None,
            ca_pins: Vec::new(),
            proxy: None,
            host,
            session: MachineOptions::default(),
            spool: SpoolLimits::default(),
        }
    }
}

/// Why a collector cannot run. Whatever may pass by itself is not among it.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The state folder.
    #[error(transparent)]
    State(#[from] StateError),
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// There is nobody to report to.
    #[error("no server is given; give one with --server https://HOST:7443")]
    NoServer,
    /// It has no certificate and no token to get one.
    #[error(
        "this device is not enrolled and has no enrolment token; run `sickbay-collector enrol` with --server, --token and --ca-pin"
    )]
    NoToken,
    /// TLS cannot be set up.
    #[error("set up TLS: {0}")]
    Tls(String),
    /// A call to the server failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<BadTls> for CollectorError {
    fn from(bad: BadTls) -> Self {
        Self::Tls(chain(&bad))
    }
}

/// Why a collector ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It was asked to.
    Asked,
}

/// One collector over one state folder.
pub struct Collector {
    options: CollectorOptions,
    storage: Storage,
    credentials: Credentials,
    machine: Machine,
    shared: Arc<Shared>,
    progress: watch::Sender<Progress>,
    /// Which server is tried next.
    server: usize,
    tls: Option<Arc<ClientConfig>>,
    last_error: Option<String>,
    /// How earlier ones ended when nobody asked them to.
    crashes: Arc<Vec<Crash>>,
}

impl Collector {
    /// Opens the state folder and the spool. Files that cannot be used are set aside and logged.
    pub fn new(options: CollectorOptions) -> Result<Self, CollectorError> {
        if options.server_urls.is_empty() {
            return Err(CollectorError::NoServer);
        }
        let mut epoch = Epoch([0; 16]);
        random(&mut epoch.0);
        let new_base = Base {
            epoch,
            acknowledged: None,
            observations: sickbay_diagnosis::observation::Observations::new(),
        };
        let (storage, found) = Storage::open(&options, new_base)?;
        let mut outbox = Outbox::new(found.base, options.spool, checks::comparison_form);
        let gap = outbox.restore(found.reports) || found.lost_reports;
        let machine = Machine::new(options.session, outbox, gap, found.base_is_new);
        let (progress, _) = watch::channel(Progress::default());
        let collector = Self {
            options,
            storage,
            credentials: found.credentials,
            machine,
            shared: Arc::default(),
            progress,
            server: 0,
            tls: None,
            last_error: None,
            crashes: Arc::new(found.crashes),
        };
        collector.publish();
        Ok(collector)
    }

    /// A hold on this collector that works while [`Collector::run`] runs.
    pub fn handle(&self) -> Handle {
        Handle {
            shared: Arc::clone(&self.shared),
            progress: self.progress.subscribe(),
        }
    }

    /// The identity, once enrolled.
    pub fn identity(&self) -> Option<&Identity> {
        self.credentials.identity.as_ref()
    }

    /// Whether there is a pin by which an unknown server can be trusted.
    pub fn has_ca_pin(&self) -> bool {
        !self.options.ca_pins.is_empty()
    }

    /// Asks the servers in turn, once each, for enrolment. Harmless for an enrolled device: the server then issues a new certificate.
    pub async fn enrol(&mut self) -> Result<EnrolOutcome, CollectorError> {
        let (tried, asked) = self.ask_for(&self.credentials.key).await;
        self.server += tried;
        let (outcome, identity) = asked?;
        if let Some(identity) = identity {
            self.adopt(identity).await?;
        }
        Ok(outcome)
    }

    /// The same under a new key, which takes the place of the old one once it is let in.
    async fn enrol_next(&mut self) -> Result<EnrolOutcome, CollectorError> {
        let key = self.storage.with(|files| files.state.next_key()).await?;
        let (tried, asked) = self.ask_for(&key).await;
        self.server += tried;
        if let Err(CollectorError::Call(error)) = &asked
            && error.reason() == Some(Reason::KeyEnded)
        {
            // It was let in and replaced while the answer was lost: the next attempt is under yet another.
            self.storage
                .with(|files| files.state.forget_next_key())
                .await?;
        }
        let (outcome, identity) = asked?;
        if let Some(identity) = identity {
            let kept = identity.clone();
            self.storage
                .with(move |files| files.state.adopt_next(&kept))
                .await?;
            self.credentials = Credentials {
                key,
                identity: Some(identity),
            };
            self.tls = None;
            self.publish();
        }
        Ok(outcome)
    }

    /// Asks for `key`. Says how many servers were tried in vain, and what the next one answered.
    async fn ask_for(
        &self,
        key: &KeyPair,
    ) -> (
        usize,
        Result<(EnrolOutcome, Option<Identity>), CollectorError>,
    ) {
        let Some(token) = self.options.token.clone() else {
            return (0, Err(CollectorError::NoToken));
        };
        let tls = match &self.credentials.identity {
            Some(identity) => tls::config_by_ca(&identity.trusted_cas),
            None => tls::config_by_pin(&self.options.ca_pins),
        };
        let tls = match tls {
            Ok(tls) => Arc::new(tls),
            Err(bad) => return (0, Err(bad.into())),
        };
        let host = Arc::clone(&self.options.host);
        let machine = blocking(move || enrolment::machine(&*host)).await;
        let mut failure = CollectorError::NoServer;
        for tried in 0..self.options.server_urls.len() {
            let route = self.route(self.server + tried).await;
            let asking = async {
                let rpc = connect(&route, Arc::clone(&tls)).await?;
                enrolment::ask(&rpc, &token, key, machine.clone()).await
            };
            match within_call(asking).await {
                Ok(answer) => return (tried, Ok(answer)),
                Err(error) => failure = error.into(),
            }
        }
        (self.options.server_urls.len(), Err(failure))
    }

    /// Exchanges a certificate that has ended for a new one.
    async fn recover(&mut self) -> Result<(), CollectorError> {
        let tls = self.tls()?;
        let route = self.route(self.server).await;
        let request = enrolment::request(&self.credentials.key)?;
        let recovering = async {
            let rpc = connect(&route, tls).await?;
            rpc.recover(request).await
        };
        let issued = within_call(recovering).await?;
        let identity = enrolment::accept(issued, &self.credentials.key)?;
        self.adopt(identity).await
    }

    /// Enrols if needed (asking again while the device is pending), inspects, reports; until `stop`.
    ///
    /// # Errors
    /// What cannot pass by itself: no token and no certificate, no pin, a state folder that cannot be written.
    pub async fn run(&mut self, stop: CancellationToken) -> Result<Stopped, CollectorError> {
        // Both are large, and would lie in each of the futures around them.
        let working = async {
            Box::pin(self.become_enrolled()).await?;
            Box::pin(driver::Driver::new(self).drive()).await
        };
        let ended = tokio::select! {
            () = stop.cancelled() => Ok(Stopped::Asked),
            ended = working => ended.map(|never| match never {}),
        };
        self.progress.send_modify(|progress| progress.live = false);
        ended
    }

    async fn become_enrolled(&mut self) -> Result<(), CollectorError> {
        let mut failures = 0;
        let mut key_ended = false;
        while self.credentials.identity.is_none() {
            let asked = if key_ended {
                self.enrol_next().await
            } else {
                self.enrol().await
            };
            let wait = match asked {
                Ok(EnrolOutcome::Enrolled { device_id }) => {
                    tracing::info!(device = %device_id, "enrolled");
                    self.clear_failure().await;
                    return Ok(());
                }
                Ok(EnrolOutcome::Pending {
                    device_id,
                    retry_after,
                }) => {
                    failures = 0;
                    self.note_failure(format!(
                        "device {device_id} waits until a person approves it on the server"
                    ))
                    .await;
                    retry_after + share(retry_after / 4, random_u64())
                }
                Err(CollectorError::Call(error))
                    if !key_ended && error.reason() == Some(Reason::KeyEnded) =>
                {
                    key_ended = true;
                    self.note_failure(chain(&error)).await;
                    continue;
                }
                Err(CollectorError::Call(error)) => {
                    failures += 1;
                    let wait = self.wait_after(&error, failures);
                    self.note_failure(chain(&error)).await;
                    wait
                }
                Err(other) => return Err(other),
            };
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    fn wait_after(&self, error: &CallError, failures: u32) -> Duration {
        let backoff = &self.options.session.backoff;
        let Some(refusal) = error.refusal() else {
            return backoff.wait(failures, random_u64());
        };
        let wait = match refusal.reason.retry() {
            Retry::Soon => backoff.wait(failures, random_u64()),
            Retry::Seldom => backoff.wait_refused(random_u64()),
        };
        wait + Duration::from_millis(refusal.retry_after_ms).min(Duration::from_hours(24))
    }

    /// Keeps a new certificate and what it teaches about whom to trust.
    async fn adopt(&mut self, identity: Identity) -> Result<(), CollectorError> {
        let kept = identity.clone();
        self.storage
            .with(move |files| files.state.save_identity(&kept))
            .await?;
        self.credentials.identity = Some(identity);
        self.tls = None;
        self.publish();
        Ok(())
    }

    fn tls(&mut self) -> Result<Arc<ClientConfig>, CollectorError> {
        if let Some(tls) = &self.tls {
            return Ok(Arc::clone(tls));
        }
        let identity = self
            .credentials
            .identity
            .as_ref()
            .ok_or(CollectorError::NoToken)?;
        let tls = Arc::new(tls::config_of(identity, &self.credentials.key)?);
        self.tls = Some(Arc::clone(&tls));
        Ok(tls)
    }

    /// How a server is reached, by the machine's settings of now.
    async fn route(&self, server: usize) -> Route {
        let url = self.url_of(server).clone();
        let (set, host) = (self.options.proxy.clone(), Arc::clone(&self.options.host));
        blocking(move || Route::to(url, set.as_ref(), &*host)).await
    }

    /// The server that is tried next.
    fn server_url(&self) -> &ServerUrl {
        self.url_of(self.server)
    }

    fn url_of(&self, server: usize) -> &ServerUrl {
        &self.options.server_urls[server % self.options.server_urls.len()]
    }

    /// Logs a failure once, however often it repeats, and keeps it for `status`.
    async fn note_failure(&mut self, text: String) {
        if self.last_error.as_ref() == Some(&text) {
            tracing::debug!(server = %self.server_url(), reason = %text, "still not reporting");
            return;
        }
        tracing::warn!(server = %self.server_url(), reason = %text, "not reporting");
        let error = LastError {
            at: self.now(),
            text: text.clone(),
        };
        self.last_error = Some(text);
        let saved = self
            .storage
            .with(move |files| files.state.save_last_error(Some(&error)))
            .await;
        if let Err(error) = saved {
            tracing::debug!(reason = %chain(&error), "the last error could not be kept");
        }
    }

    async fn clear_failure(&mut self) {
        self.last_error = None;
        let saved = self
            .storage
            .with(|files| files.state.save_last_error(None))
            .await;
        if let Err(error) = saved {
            tracing::debug!(reason = %chain(&error), "the last error could not be removed");
        }
    }

    fn publish(&self) {
        let progress = Progress {
            live: self.machine.is_live(),
            device_id: self.identity().map(|identity| identity.device_id.clone()),
            acknowledged: self.machine.outbox().acknowledged(),
            waiting: self.machine.outbox().waiting(),
        };
        self.progress.send_if_modified(|current| {
            let changed = *current != progress;
            if changed {
                *current = progress;
            }
            changed
        });
    }

    fn now(&self) -> Time {
        self.options.host.now()
    }
}

/// A call's answer, in the time that a call may take.
async fn within_call<T>(
    calling: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    let late = format!("no answer within {} s", CALL.as_secs());
    tokio::time::timeout(CALL, calling)
        .await
        .unwrap_or(Err(CallError::Broken(late)))
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("every supported operating system has a source of randomness");
}

fn random_u64() -> u64 {
    let mut bytes = [0; 8];
    random(&mut bytes);
    u64::from_le_bytes(bytes)
}
