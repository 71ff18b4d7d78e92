//! From a report to something durable: one writer task, group commit, acknowledgement only after the commit.
//!
//! Reports wait in a bounded queue of [`QUEUE`]; when it is full, sessions stop reading and collectors keep spooling. A batch is
//! whatever waits when the writer becomes free, at most [`BATCH`] items. When the database cannot write (a full disk), the batch is
//! kept and tried again; nothing is acknowledged meanwhile and nothing is lost.

pub mod plan;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sickbay_diagnosis::Time;
use sickbay_store::{Committed, DeviceChange, DeviceState, DeviceStatus, Store, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::fleet::Ending;
use crate::ingest::plan::{Taken, Working};
use crate::metrics::Metrics;
use crate::rules::{Rules, RulesInForce};
use crate::wire::{Report, ToCollector};

/// Items that may wait for the writer.
const QUEUE: usize = 4096;
/// Items of one commit at most.
const BATCH: usize = 500;
/// Pause before a batch that could not be written is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How long it is known at least which devices were diagnosed: several times what servers take to learn of other rules.
const LATELY: Duration = Duration::from_secs(10);
/// How often a batch is loaded anew because someone else wrote, before the devices concerned are asked for a full report.
const CONFLICTS: usize = 8;

/// What the writer tells a session.
#[derive(Debug)]
pub enum Outcome {
    /// Answers a report.
    Send(ToCollector),
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

    fn note(&mut self, keys: &[i64]) {
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

/// The single writer. Ends when every [`Ingest`] is gone and the queue is empty.
pub struct Writer {
    queue: mpsc::Receiver<Item>,
    lately: Arc<Mutex<Lately>>,
    store: Arc<dyn Store>,
    rules: Arc<RulesInForce>,
    clock: Clock,
    metrics: Arc<Metrics>,
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
    let writer = Writer {
        queue,
        lately,
        store,
        rules,
        clock,
        metrics,
    };
    (ingest, writer)
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.queue.recv_many(&mut batch, BATCH).await > 0 {
            self.metrics.queue.dec_by(batch.len() as i64);
            self.work_off(std::mem::take(&mut batch)).await;
        }
    }

    /// Commits a batch. One that the database refuses as a whole is tried device by device, so that a report which cannot be stored
    /// harms nobody else's.
    async fn work_off(&self, items: Vec<Item>) {
        let Err(refused) = self.commit_all(items).await else {
            return;
        };
        let mut by_device: BTreeMap<i64, Vec<Item>> = BTreeMap::new();
        for item in refused {
            by_device.entry(item.key()).or_default().push(item);
        }
        let alone = by_device.len() == 1;
        for (key, items) in by_device {
            let result = if alone {
                Err(items)
            } else {
                self.commit_all(items).await
            };
            if let Err(items) = result {
                tracing::error!(
                    device_key = key,
                    "the database refuses this device's report; it stays in the device's spool"
                );
                for item in items {
                    if let Item::Report { answer, .. } = item {
                        let _ = answer.send(Outcome::NotStored);
                    }
                }
            }
        }
    }

    /// Commits until no device was written by someone else meanwhile. Gives the items back where the database refuses them.
    async fn commit_all(&self, items: Vec<Item>) -> Result<(), Vec<Item>> {
        let mut waiting = items;
        for attempt in 1..=CONFLICTS {
            waiting = self.commit(waiting, attempt == CONFLICTS).await?;
            if waiting.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Commits a batch and answers it. Gives back the items of devices that someone else wrote meanwhile; on the `last` attempt
    /// these are asked for a full report instead.
    async fn commit(&self, mut items: Vec<Item>, last: bool) -> Result<Vec<Item>, Vec<Item>> {
        items.retain(|item| !item.is_of_yesterday());
        let now = self.clock.now();
        let keys: Vec<i64> = items
            .iter()
            .map(Item::key)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let states = self
            .patiently("load devices", || self.store.load_states(&keys))
            .await;
        let Some(states) = states else {
            return Err(items);
        };
        // Before the rules are looked at: whoever learns of others meanwhile finds all that these decide on.
        self.note_lately(&keys);
        let rules = self.rules.get();
        let mut prepared = prepare(&items, states, &rules, now);
        let changes: Vec<DeviceChange> = std::mem::take(&mut prepared.changes);
        let results = if changes.is_empty() {
            Vec::new()
        } else {
            let committed = self
                .patiently("commit reports", || self.store.commit(changes.clone()))
                .await;
            let Some(results) = committed else {
                return Err(items);
            };
            self.metrics.commits.inc();
            // It may have taken longer than anything is remembered.
            self.note_lately(&keys);
            results
        };
        let conflicts: BTreeSet<i64> = changes
            .iter()
            .zip(&results)
            .filter(|(_, result)| **result == Committed::Conflict)
            .map(|(change, _)| change.key)
            .collect();
        Ok(self.answer(items, prepared, &conflicts, last))
    }

    fn note_lately(&self, keys: &[i64]) {
        let lately = self.lately.lock();
        lately
            .expect("never poisoned: nothing panics while it is held")
            .note(keys);
    }

    fn answer(
        &self,
        items: Vec<Item>,
        prepared: Prepared,
        conflicts: &BTreeSet<i64>,
        last: bool,
    ) -> Vec<Item> {
        let mut again = Vec::new();
        for (item, outcome) in items.into_iter().zip(prepared.outcomes) {
            if conflicts.contains(&item.key()) && !last {
                again.push(item);
                continue;
            }
            let (answer, key) = match item {
                Item::Report { answer, key, .. } => (answer, key),
                Item::Rediagnose { .. } => {
                    self.metrics.rediagnosed.inc();
                    continue;
                }
                Item::Settle { settled, .. } => {
                    // Whoever does not wait any more opens another session.
                    let _ = settled.send(());
                    continue;
                }
            };
            let outcome = match outcome {
                ItemOutcome::Applied { .. } if conflicts.contains(&key) => Outcome::Send(
                    ToCollector::FullWanted("another writer was faster each time"),
                ),
                ItemOutcome::Applied { epoch, sequence } => {
                    self.metrics.reports.inc();
                    Outcome::Send(ToCollector::Ack { epoch, sequence })
                }
                ItemOutcome::Duplicate { epoch, sequence } => {
                    self.metrics.duplicates.inc();
                    Outcome::Send(ToCollector::Ack { epoch, sequence })
                }
                ItemOutcome::FullWanted(reason) => Outcome::Send(ToCollector::FullWanted(reason)),
                ItemOutcome::NotActive(status) => Outcome::NotActive(status),
                ItemOutcome::Rediagnosed => continue,
            };
            // The session may have ended; its collector asks again when it reconnects.
            let _ = answer.send(outcome);
        }
        again
    }

    /// Tries until the database answers. `None` where it refuses for good: the batch is dropped without acknowledgement, its
    /// sessions end, so that collectors send it again when they reconnect, and the error is in the log.
    async fn patiently<T, F>(&self, what: &'static str, mut attempt: impl FnMut() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut told = false;
        loop {
            match attempt().await {
                Ok(value) => {
                    if told {
                        tracing::info!(what, "the database writes again");
                    }
                    return Some(value);
                }
                Err(error) if error.is_temporary() => {
                    self.metrics.storage_waits.inc();
                    if !told {
                        tracing::error!(what, error = %chain(&error), "nothing is acknowledged until the database can write; trying again");
                        told = true;
                    }
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(error) => {
                    tracing::error!(what, error = %chain(&error), "a batch was refused by the database");
                    return None;
                }
            }
        }
    }
}

/// What the batch's items come to, if the commit succeeds.
struct Prepared {
    changes: Vec<DeviceChange>,
    outcomes: Vec<ItemOutcome>,
}

enum ItemOutcome {
    Applied {
        epoch: Vec<u8>,
        sequence: u64,
    },
    Duplicate {
        epoch: Vec<u8>,
        sequence: u64,
    },
    FullWanted(&'static str),
    /// With what it is instead; `None` where no such device is known any more.
    NotActive(Option<DeviceStatus>),
    Rediagnosed,
}

fn prepare(items: &[Item], states: Vec<DeviceState>, rules: &Rules, now: Time) -> Prepared {
    let statuses: BTreeMap<i64, DeviceStatus> = states
        .iter()
        .map(|state| (state.identity.key, state.identity.status))
        .collect();
    let mut devices: BTreeMap<i64, Working> = states
        .into_iter()
        .filter(|state| state.identity.status == DeviceStatus::Active)
        .map(|state| (state.identity.key, Working::new(state, now)))
        .collect();
    let outcomes = items
        .iter()
        .map(|item| match devices.get_mut(&item.key()) {
            Some(device) => apply(item, device, rules, now),
            None => ItemOutcome::NotActive(statuses.get(&item.key()).copied()),
        })
        .collect();
    Prepared {
        changes: devices.into_values().filter_map(Working::finish).collect(),
        outcomes,
    }
}

fn apply(item: &Item, device: &mut Working, rules: &Rules, now: Time) -> ItemOutcome {
    let Item::Report {
        epoch,
        report,
        received_at,
        ..
    } = item
    else {
        if matches!(item, Item::Rediagnose { .. }) {
            device.diagnose(rules, now);
        }
        return ItemOutcome::Rediagnosed;
    };
    match device.take(epoch, (**report).clone(), *received_at) {
        Taken::Applied => {
            device.diagnose(rules, now);
            ItemOutcome::Applied {
                epoch: epoch.clone(),
                sequence: report.sequence,
            }
        }
        Taken::Duplicate => ItemOutcome::Duplicate {
            epoch: epoch.clone(),
            sequence: device.mark().sequence,
        },
        Taken::FullWanted(reason) => ItemOutcome::FullWanted(reason),
    }
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
