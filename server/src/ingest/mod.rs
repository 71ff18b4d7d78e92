//! From a report to something durable: one writer task, group commit, acknowledgement only after the commit.
//!
//! Reports wait in a bounded queue of [`QUEUE`]; when it is full, sessions stop reading and collectors keep spooling. What becomes of them
//! then stands in [`writer`].

mod batch;
pub mod plan;
mod shelf;
mod writer;

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sickbay_diagnosis::Time;
use sickbay_store::{DeviceStatus, Store};
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::fleet::Ending;
use crate::metrics::Metrics;
use crate::rules::RulesInForce;
use crate::wire::{Report, ToCollector};

pub(crate) use self::writer::BATCH;
pub use self::writer::Writer;

/// Items that may wait for the writer.
pub(crate) const QUEUE: usize = 4096;
/// How long it is known at least which devices were diagnosed: several times what servers take to learn of other rules.
const LATELY: Duration = Duration::from_secs(10);

/// What the writer tells a session.
#[derive(Debug)]
pub enum Outcome {
    /// Answers a report. Boxed, because each session has a channel with room for 32 of these.
    Send(Box<ToCollector>),
    /// The device is not active any more, with what it is instead; `None` where no such device is known.
    NotActive(Option<DeviceStatus>),
    /// The database refused for good: nothing of it is durable.
    NotStored,
}

/// Something for the writer to do.
enum Item {
    Report {
        key: i64,
        epoch: Vec<u8>,
        report: Box<Report>,
        received_at: Time,
        /// The same by a clock that nobody sets.
        came: Instant,
        session: Ending,
        answer: mpsc::UnboundedSender<Outcome>,
    },
    Rediagnose {
        key: i64,
    },
    /// Answered once everything of the device that came before is durable, or dropped.
    Settle {
        key: i64,
        settled: oneshot::Sender<()>,
    },
}

impl Item {
    const fn key(&self) -> i64 {
        match self {
            Self::Report { key, .. } | Self::Rediagnose { key } | Self::Settle { key, .. } => *key,
        }
    }

    /// When it came, where that is a report.
    const fn came(&self) -> Option<Instant> {
        match self {
            Self::Report { came, .. } => Some(*came),
            Self::Rediagnose { .. } | Self::Settle { .. } => None,
        }
    }

    /// Whether its device has to be as it stands in the database, with what changes there without a version.
    const fn wants_it_loaded(&self) -> bool {
        matches!(self, Self::Rediagnose { .. })
    }

    /// Whether it is of a session that was told to end: its device has another one, or none any more. What it sent and was not told of is
    /// sent again.
    fn is_of_yesterday(&self) -> bool {
        matches!(self, Self::Report { session, .. } if session.is_told())
    }
}

/// Devices that were diagnosed of late: twice [`LATELY`] at most, and as long as that at least. Where another server knew of other rules
/// first, what was diagnosed here by the old ones meanwhile is among them.
#[derive(Debug)]
struct Lately {
    now: HashSet<i64>,
    before: HashSet<i64>,
    turned: Instant,
}

impl Lately {
    fn new() -> Self {
        Self {
            now: HashSet::new(),
            before: HashSet::new(),
            turned: Instant::now(),
        }
    }

    fn note(&mut self, keys: &BTreeSet<i64>) {
        if self.turned.elapsed() >= LATELY {
            self.before = std::mem::take(&mut self.now);
            self.turned = Instant::now();
        }
        self.now.extend(keys);
    }

    fn all(&self) -> Vec<i64> {
        self.now.union(&self.before).copied().collect()
    }
}

/// The way into the writer's queue.
#[derive(Clone)]
pub struct Ingest {
    queue: mpsc::Sender<Item>,
    lately: Arc<Mutex<Lately>>,
    metrics: Arc<Metrics>,
}

/// The writer stopped; the server is going down.
#[derive(Debug, thiserror::Error)]
#[error("the server is shutting down")]
pub struct Stopped;

impl Ingest {
    /// Queues a report; waits while the queue is full. The answer comes through `answer` after the commit.
    pub async fn report(
        &self,
        key: i64,
        epoch: Vec<u8>,
        report: Box<Report>,
        received_at: Time,
        session: Ending,
        answer: mpsc::UnboundedSender<Outcome>,
    ) -> Result<(), Stopped> {
        self.put(Item::Report {
            key,
            epoch,
            report,
            received_at,
            came: Instant::now(),
            session,
            answer,
        })
        .await
    }

    /// Waits until nothing is under way any more of what earlier sessions of this device sent. What is written of the device afterwards
    /// comes from later ones: two machines that hold one key must not write each other's next report.
    pub async fn settle(&self, key: i64) -> Result<(), Stopped> {
        let (settled, is_settled) = oneshot::channel();
        self.put(Item::Settle { key, settled }).await?;
        is_settled.await.map_err(|_| Stopped)
    }

    /// Queues a diagnosis without a report.
    pub async fn rediagnose(&self, key: i64) -> Result<(), Stopped> {
        self.metrics.ingest.rediagnoses.inc();
        self.put(Item::Rediagnose { key }).await
    }

    /// Keys of devices that were diagnosed within the last seconds.
    pub fn diagnosed_lately(&self) -> Vec<i64> {
        let lately = self.lately.lock();
        lately
            .expect("never poisoned: nothing panics while it is held")
            .all()
    }

    async fn put(&self, item: Item) -> Result<(), Stopped> {
        self.metrics.queue.inc();
        let sent = self.queue.send(item).await.map_err(|_| Stopped);
        if sent.is_err() {
            self.metrics.queue.dec();
        }
        sent
    }
}

/// Makes the queue and its writer.
pub fn new(
    store: Arc<dyn Store>,
    rules: Arc<RulesInForce>,
    clock: Clock,
    metrics: Arc<Metrics>,
) -> (Ingest, Writer) {
    let (sender, queue) = mpsc::channel(QUEUE);
    let lately = Arc::new(Mutex::new(Lately::new()));
    let ingest = Ingest {
        queue: sender,
        lately: Arc::clone(&lately),
        metrics: Arc::clone(&metrics),
    };
    let writer = Writer::new(queue, lately, store, rules, clock, metrics);
    (ingest, writer)
}

/// An error with all its sources, for one line of log.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
