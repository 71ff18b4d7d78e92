//! Keeps a collector running for years, whatever happens around it.
//!
//! Promises: a setting that changes takes effect without a restart of the program; a policy that is deleted and written again, or a
//! ServerUrls that vanished, drops no session; what only a person can mend is told once in the event log and waited for; what may
//! pass by itself is tried again, at most [`RETRY`].1 apart; it ends soon after it was asked to.

mod connection;
mod contact;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sickbay_diagnosis::Check;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;
use sickbay_service::LogLevel;
use sickbay_service::event_log::{Event, EventLog};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::host::{Host, SystemFact};
use crate::policy::Policy;
use crate::session::{Collector, CollectorError, CollectorOptions, Handle};
use crate::state::{StateDir, StateError, peek_image};
use connection::Connection;
use contact::Contact;

/// Shortest and longest wait before something that failed is tried again.
const RETRY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(10));
/// How often settings are read again although nobody told of a change: watching them may have failed.
const READ_AGAIN: Duration = Duration::from_mins(5);
/// How often contact with the server is looked at.
const LOOK: Duration = Duration::from_secs(30);

/// What a supervisor works with.
pub struct Surroundings {
    /// The machine, whose registry holds the settings.
    pub host: Arc<dyn Host>,
    /// The collector's own folder.
    pub state_dir: PathBuf,
    /// Where administrators look.
    pub events: EventLog,
    /// The level of the log, where policy may change it.
    pub level: Option<LogLevel>,
    /// What happens on this machine.
    pub happenings: Arc<Happenings>,
}

/// Through which a supervisor, and the collector of the moment, hear of what happens on the machine.
#[derive(Debug, Default)]
pub struct Happenings {
    collector: Mutex<Option<Handle>>,
    settings: Notify,
}

impl Happenings {
    /// For a collector that runs without a supervisor.
    pub fn of(collector: Handle) -> Self {
        Self {
            collector: Mutex::new(Some(collector)),
            settings: Notify::new(),
        }
    }

    /// Something that these checks read has changed.
    pub fn changed(&self, checks: &[Check]) {
        let collector = self
            .collector
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Where no collector runs the next one looks at everything anyway.
        if let Some(collector) = &*collector {
            collector.inspect_soon(checks);
        }
    }

    /// The collector's own settings may have changed.
    pub fn settings_changed(&self) {
        self.settings.notify_one();
    }

    fn put(&self, collector: Option<Handle>) {
        *self
            .collector
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = collector;
    }
}

/// Runs until `stop`.
pub async fn supervise(surroundings: Surroundings, stop: CancellationToken) {
    let mut supervisor = Supervisor {
        surroundings,
        told: None,
        problems: Vec::new(),
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = supervisor.run(&stop) => {}
    }
    supervisor.surroundings.happenings.put(None);
}

struct Supervisor {
    surroundings: Surroundings,
    /// What the event log was told last and still holds.
    told: Option<String>,
    problems: Vec<String>,
}

/// Why a collector ended, or did not begin.
enum Ended {
    /// Other settings are in force.
    Settings,
    /// Only a person can help.
    Waits(String),
    /// It may pass.
    Failed(String),
}

impl Supervisor {
    async fn run(&mut self, stop: &CancellationToken) {
        let mut connection = Connection::default();
        let mut wait = RETRY.0;
        loop {
            let policy = self.read_policy().await;
            connection = connection.follow(&policy);
            match self.attempt(&mut connection, stop).await {
                Ended::Settings => wait = RETRY.0,
                Ended::Waits(why) => {
                    self.tell(Event::Waiting, why);
                    self.settings_change(READ_AGAIN).await;
                }
                Ended::Failed(why) => {
                    self.tell(Event::Failed, why);
                    self.settings_change(wait).await;
                    wait = (wait * 2).min(RETRY.1);
                }
            }
        }
    }

    /// Runs a collector by these settings for as long as they are in force.
    async fn attempt(&mut self, connection: &mut Connection, stop: &CancellationToken) -> Ended {
        match self.sealed().await {
            Ok(false) => {}
            Ok(true) => {
                return Ended::Waits(
                    "This machine was sealed to be copied; the collector begins after the next start of Windows.".to_owned(),
                );
            }
            Err(why) => return Ended::Failed(why),
        }
        if let Some(why) = connection.missing() {
            return Ended::Waits(why);
        }
        let (dir, host) = (&self.surroundings.state_dir, &self.surroundings.host);
        let options = connection.options(dir.clone(), Arc::clone(host));
        let mut collector = match open(options).await {
            Ok(collector) => collector,
            Err(error) => return ended(&error),
        };
        let handle = collector.handle();
        self.surroundings.happenings.put(Some(handle.clone()));
        let until = stop.child_token();
        let running = collector.run(until.clone());
        tokio::pin!(running);
        let mut contact = Contact::new(Instant::now());
        let mut read_again = Instant::now() + READ_AGAIN;
        loop {
            tokio::select! {
                result = &mut running => {
                    self.surroundings.happenings.put(None);
                    return match result {
                        // Asked to by `stop`: whoever waits for that drops this future.
                        Ok(_) => std::future::pending().await,
                        Err(error) => ended(&error),
                    };
                }
                () = self.surroundings.happenings.settings.notified() => read_again = Instant::now(),
                () = tokio::time::sleep(LOOK) => {}
            }
            if read_again <= Instant::now() {
                read_again = Instant::now() + READ_AGAIN;
                let policy = self.read_policy().await;
                let next = connection.follow(&policy);
                let enrolled = handle.progress().device_id.is_some();
                if next.needs_another_collector(connection, enrolled) {
                    tracing::info!("the settings changed");
                    until.cancel();
                    let _ = running.await;
                    self.surroundings.happenings.put(None);
                    *connection = next;
                    return Ended::Settings;
                }
                *connection = next;
            }
            let progress = handle.progress();
            if progress.live {
                self.told = None;
            }
            if let Some(event) = contact.see(progress.live, Instant::now()) {
                let servers = connection.servers();
                let text = match event {
                    Event::ContactBack => format!("The collector reports again to {servers}."),
                    _ => format!(
                        "The collector has had no session with {servers} for {} minutes. What it sees is kept and sent later. `sickbay-collector self-test` tells why.",
                        contact::LOST_AFTER.as_secs() / 60
                    ),
                };
                self.surroundings.events.tell(event, &text);
            }
        }
    }

    /// Reads the settings, tells of those that cannot be used, and sets the level of the log.
    async fn read_policy(&mut self) -> Policy {
        let host = Arc::clone(&self.surroundings.host);
        let reading = tokio::task::spawn_blocking(move || Policy::of(&*host));
        let policy = reading.await.unwrap_or_default();
        if policy.problems != self.problems {
            for problem in &policy.problems {
                let text = format!("A setting cannot be used. {problem}");
                self.surroundings.events.tell(Event::Waiting, &text);
            }
            self.problems.clone_from(&policy.problems);
        }
        if let Some(level) = &self.surroundings.level
            && let Err(error) = level.set(policy.log_level())
        {
            tracing::warn!(reason = %error, "the level of the log stays");
        }
        policy
    }

    /// Whether this machine was sealed and not started since. A seal that has done its work is taken away.
    async fn sealed(&self) -> Result<bool, String> {
        let (dir, host) = (
            self.surroundings.state_dir.clone(),
            Arc::clone(&self.surroundings.host),
        );
        let asking = tokio::task::spawn_blocking(move || {
            let Some(image) = peek_image(&dir)? else {
                return Ok(false);
            };
            let started_at = match host.system(SystemFact::BootTime) {
                Data::Text(text) => Time::parse(&text).ok(),
                _ => None,
            };
            if started_at.is_some_and(|started_at| image.holds(started_at)) {
                return Ok(true);
            }
            StateDir::open(&dir)?.unseal()?;
            Ok(false)
        });
        asking
            .await
            .unwrap_or(Ok(false))
            .map_err(|error: StateError| crate::session::chain(&error))
    }

    /// Tells the event log, once for as long as it stays so.
    fn tell(&mut self, event: Event, why: String) {
        if self.told.as_ref() != Some(&why) {
            self.surroundings.events.tell(event, &why);
            self.told = Some(why);
        }
    }

    async fn settings_change(&self, most: Duration) {
        let change = self.surroundings.happenings.settings.notified();
        // In vain or not: the settings are read again.
        let _ = tokio::time::timeout(most, change).await;
    }
}

/// Opens the collector's files. One that just ended may hold them for a moment longer, until its last write is done.
async fn open(options: CollectorOptions) -> Result<Collector, CollectorError> {
    let since = Instant::now();
    loop {
        match Collector::new(options.clone()) {
            Err(CollectorError::State(StateError::InUse { .. })) if since.elapsed() < RETRY.0 => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            opened => return opened,
        }
    }
}

/// What an error of a collector means for the next attempt.
fn ended(error: &CollectorError) -> Ended {
    let text = crate::session::chain(error);
    match error {
        CollectorError::NoServer => Ended::Waits(text),
        CollectorError::NoToken => Ended::Waits(
            "This device is not enrolled, and no EnrolmentToken is set by group policy or the installer.".to_owned(),
        ),
        CollectorError::Tls(_) => Ended::Waits(format!(
            "{text}. ServerCaPins must hold the pin that `sickbay-server ca show` prints."
        )),
        CollectorError::State(_) | CollectorError::Spool(_) | CollectorError::Call(_) => {
            Ended::Failed(format!("The collector cannot work: {text}. It is tried again."))
        }
    }
}
