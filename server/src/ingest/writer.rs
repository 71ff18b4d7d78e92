//! The single writer: what a batch of reports comes to, its commit, and the answers.
//!
//! While the database writes a batch, what comes is worked out for the next one, and where that is full ([`BATCH`] items) for the one after it.
//! The next is begun as soon as the one before is written, before anybody is answered. So a slower database has larger batches, and a report
//! that comes alone waits for nobody. Devices of a batch that is full or being written wait for its end: nothing is worked out on what may
//! still fail. When the database cannot write (a full disk), a batch is kept and tried again; nothing is acknowledged meanwhile and nothing is
//! lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sickbay_diagnosis::Time;
use sickbay_store::{Committed, Store, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::batch::{Batch, ItemOutcome, Ready, Taken};
use super::plan::Held;
use super::shelf::Shelf;
use super::{Item, Lately, Outcome, chain};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::rules::RulesInForce;
use crate::wire::ToCollector;

/// Items of one commit at most.
pub(crate) const BATCH: usize = 500;
/// Time between the beginnings of two commits, unless a batch is full: a commit costs about the same for one report as for fifty. A report
/// that comes alone waits for nothing.
const PACE: Duration = Duration::from_millis(20);
/// Items that are worked out before it is looked whether the database is done: some milliseconds, in which it would have nothing to do.
const AT_ONCE: usize = 64;
/// Pause before a batch that could not be written is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How often a batch is loaded anew because someone else wrote, before the devices concerned are asked for a full report.
const CONFLICTS: usize = 8;

/// The single writer. Ends when every [`super::Ingest`] is gone and the queue is empty.
pub struct Writer {
    queue: mpsc::Receiver<Item>,
    /// Taken from the queue while their devices were being written.
    put_off: Vec<Item>,
    shelf: Shelf,
    lately: Arc<Mutex<Lately>>,
    store: Arc<dyn Store>,
    rules: Arc<RulesInForce>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// A commit that is under way; `None` where the database refuses it for good.
type Commit = JoinHandle<Option<Vec<Committed>>>;

/// Batches on their way into the database.
#[derive(Default)]
struct Line {
    /// Which is being worked out.
    next: Batch,
    /// Which waits for the one that is being written.
    full: Option<Ready>,
    /// Which is being written.
    writing: Option<(Commit, Ready)>,
    /// The devices of these two.
    taken: BTreeSet<i64>,
    /// When the last commit was begun.
    begun: Option<Instant>,
}

/// What the writer does next.
enum Woken {
    /// A batch was written, with these results.
    Written((Ready, Option<Vec<Committed>>)),
    /// The next batch has waited long enough.
    Due,
    /// These came; `None` where nothing will come any more.
    Came(Option<Vec<Item>>),
}

impl Line {
    /// Whether anything more can be worked out.
    fn has_room(&self) -> bool {
        self.next.len() < BATCH
    }

    /// When the next batch has waited long enough for a database that is free; `None` where there is nothing to write.
    fn due(&self) -> Option<Instant> {
        let waits = self.writing.is_none() && !self.next.is_empty();
        waits.then(|| self.begun.map_or_else(Instant::now, |begun| begun + PACE))
    }

    /// Takes nothing more into the next batch: it only has to be written.
    fn close(&mut self) {
        let ready = std::mem::take(&mut self.next).ready();
        self.taken.extend(&ready.keys);
        self.full = Some(ready);
    }
}

/// Waits for the commit that is under way. It is still there where nobody waits for the end of this.
async fn written(writing: &mut Option<(Commit, Ready)>) -> (Ready, Option<Vec<Committed>>) {
    let Some((commit, _)) = writing else {
        return std::future::pending().await;
    };
    let results = done(commit.await);
    let (_, ready) = writing.take().expect("it was there a moment ago");
    (ready, results)
}

/// Waits until then; for ever where there is no then.
async fn at(then: Option<Instant>) {
    match then {
        Some(then) => tokio::time::sleep_until(then.into()).await,
        None => std::future::pending().await,
    }
}

impl Writer {
    pub(super) fn new(
        queue: mpsc::Receiver<Item>,
        lately: Arc<Mutex<Lately>>,
        store: Arc<dyn Store>,
        rules: Arc<RulesInForce>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            queue,
            put_off: Vec::new(),
            shelf: Shelf::new(),
            lately,
            store,
            rules,
            clock,
            metrics,
        }
    }

    /// Works until the queue is closed and empty.
    pub async fn run(mut self) {
        let mut line = Line::default();
        loop {
            self.begin_what_is_due(&mut line);
            let due = line.due();
            let woken = tokio::select! {
                biased;
                results = written(&mut line.writing) => Woken::Written(results),
                () = at(due) => Woken::Due,
                items = self.receive(&line.taken, &line.next), if line.has_room() => Woken::Came(items),
            };
            match woken {
                Woken::Written((ready, results)) => {
                    for key in &ready.keys {
                        line.taken.remove(key);
                    }
                    self.metrics.ingest.has_in_hand(std::iter::empty());
                    // The database does not wait until everybody has an answer.
                    self.begin_what_is_due(&mut line);
                    self.settled(ready, results).await;
                }
                Woken::Due => {}
                Woken::Came(Some(items)) => {
                    if let Err(items) = self.work_out(items, &mut line.next).await {
                        self.one_by_one(items).await;
                    }
                }
                Woken::Came(None) if line.next.is_empty() => return,
                // Nothing comes that it could wait for.
                Woken::Came(None) => line.begun = None,
            }
        }
    }

    /// Has the next batch written, where the database is free, and it is full or has waited long enough.
    fn begin_what_is_due(&self, line: &mut Line) {
        let free = line.writing.is_none();
        let due = free && line.due().is_some_and(|due| due <= Instant::now());
        if line.full.is_none() && (due || !line.has_room()) {
            line.close();
        }
        if free && let Some(ready) = line.full.take() {
            line.begun = Some(Instant::now());
            line.writing = Some((self.begin(&ready), ready));
        }
    }

    /// Answers what was written, and sees to what was not.
    async fn settled(&mut self, batch: Ready, results: Option<Vec<Committed>>) {
        let Some(results) = results else {
            return self.one_by_one(batch.items).await;
        };
        let again = self.settle(batch, &results, false);
        if let Err(items) = self.once_more(again, 2).await {
            self.one_by_one(items).await;
        }
    }

    /// What waits and may go into the next batch, as far as that has room, some of it; the rest is put off. `None` where nothing will come any
    /// more. Nothing is lost where nobody waits for the end of this.
    async fn receive(&mut self, being_written: &BTreeSet<i64>, next: &Batch) -> Option<Vec<Item>> {
        let room = BATCH.saturating_sub(next.len()).min(AT_ONCE);
        loop {
            let mut taken = 0;
            let may_go = |item: &mut Item| {
                let may = taken < room
                    && !being_written.contains(&item.key())
                    // What it is to be diagnosed by is loaded with the device.
                    && !(item.wants_it_loaded() && next.devices.contains_key(&item.key()));
                taken += usize::from(may);
                may
            };
            let items: Vec<Item> = self.put_off.extract_if(.., may_go).collect();
            if !items.is_empty() {
                let came = items.iter().filter_map(Item::came);
                self.metrics.ingest.takes(came);
                return Some(items);
            }
            // More of the same devices would only wait here in the place of the queue.
            let more = BATCH.saturating_sub(self.put_off.len()).min(room);
            let received = if more > 0 {
                self.queue.recv_many(&mut self.put_off, more).await
            } else {
                0
            };
            if received == 0 {
                if being_written.is_empty() {
                    return None;
                }
                // What was put off may go once this commit is done.
                std::future::pending::<()>().await;
            }
            self.metrics.queue.dec_by(received as i64);
        }
    }

    /// Adds what these come to to a batch. Gives those back that the database refuses to load the devices of.
    async fn work_out(&mut self, mut items: Vec<Item>, batch: &mut Batch) -> Result<(), Vec<Item>> {
        items.retain(|item| !item.is_of_yesterday());
        let (begun, measured) = (Instant::now(), Arc::clone(&self.metrics));
        let measured = &measured.ingest;
        let now = self.clock.now();
        let keys: BTreeSet<i64> = items.iter().map(Item::key).collect();
        if !self.take_up(&items, &keys, batch, now).await {
            return Err(items);
        }
        // Before the rules are looked at: whoever learns of others meanwhile finds all that these decide on.
        self.note_lately(&keys);
        let rules = self.rules.get();
        for item in items {
            let begun = Instant::now();
            batch.add(item, &rules, now);
            measured.diagnosis.observe(begun.elapsed().as_secs_f64());
        }
        batch.worked += begun.elapsed();
        Ok(())
    }

    /// Begins to write a batch.
    fn begin(&self, batch: &Ready) -> Commit {
        let (store, metrics) = (Arc::clone(&self.store), Arc::clone(&self.metrics));
        let changes = Arc::clone(&batch.changes);
        let measured = &metrics.ingest;
        measured.has_in_hand(batch.items.iter().filter_map(Item::came));
        measured.items.observe(batch.items.len() as f64);
        measured.batch.observe(batch.worked.as_secs_f64());
        tokio::spawn(async move {
            if changes.is_empty() {
                return Some(Vec::new());
            }
            let begun = Instant::now();
            let writing = || store.commit(&changes);
            let results = patiently(&metrics, "commit reports", writing).await?;
            let seconds = begun.elapsed().as_secs_f64();
            metrics.ingest.commit.observe(seconds);
            metrics.commits.inc();
            Some(results)
        })
    }

    /// Answers what was written and puts its devices on the shelf. Gives back the items of devices that someone else wrote meanwhile; on
    /// the `last` attempt these are asked for a full report instead.
    fn settle(&mut self, batch: Ready, results: &[Committed], last: bool) -> Vec<Item> {
        // It may have taken longer than anything is remembered.
        self.note_lately(&batch.keys);
        let conflicts: BTreeSet<i64> = batch
            .changes
            .iter()
            .zip(results)
            .filter(|(_, result)| **result == Committed::Conflict)
            .map(|(change, _)| change.key)
            .collect();
        self.metrics.ingest.conflicts.inc_by(conflicts.len() as u64);
        for held in batch.held {
            if !conflicts.contains(&held.state().identity.key) {
                self.shelf.put(held);
            }
        }
        self.metrics.shelf_devices.set(self.shelf.len() as i64);
        self.metrics.shelf_bytes.set(self.shelf.bytes() as i64);
        self.answer(batch.items, batch.outcomes, &conflicts, last)
    }

    /// Loads and writes until no device was written by someone else meanwhile, beginning with that attempt. Gives the items back where the
    /// database refuses them.
    async fn once_more(&mut self, items: Vec<Item>, first: usize) -> Result<(), Vec<Item>> {
        let mut waiting = items;
        for attempt in first..=CONFLICTS {
            if waiting.is_empty() {
                break;
            }
            let mut batch = Batch::default();
            self.work_out(waiting, &mut batch).await?;
            let batch = batch.ready();
            let results = done(self.begin(&batch).await);
            self.metrics.ingest.has_in_hand(std::iter::empty());
            let Some(results) = results else {
                return Err(batch.items);
            };
            waiting = self.settle(batch, &results, attempt == CONFLICTS);
        }
        Ok(())
    }

    /// Tries a batch that the database refuses as a whole device by device, so that a report which cannot be stored harms nobody else's.
    async fn one_by_one(&mut self, refused: Vec<Item>) {
        let mut by_device: BTreeMap<i64, Vec<Item>> = BTreeMap::new();
        for item in refused {
            by_device.entry(item.key()).or_default().push(item);
        }
        let alone = by_device.len() == 1;
        let some = !by_device.is_empty();
        for (key, items) in by_device {
            let result = if alone {
                Err(items)
            } else {
                self.once_more(items, 1).await
            };
            if let Err(items) = result {
                tracing::error!(
                    device_key = key,
                    "the database refuses this device's report; it stays in the device's spool"
                );
                for item in items {
                    if let Item::Report { answer, .. } = item {
                        self.metrics.ingest.not_stored.inc();
                        let _ = answer.send(Outcome::NotStored);
                    }
                }
            }
        }
        if some {
            self.metrics.ingest.has_in_hand(std::iter::empty());
        }
    }

    /// Has a batch hold these devices too: from the shelf, and from the database those that are not there or are to be looked at anew.
    /// `false` where the database refuses.
    async fn take_up(
        &mut self,
        items: &[Item],
        keys: &BTreeSet<i64>,
        batch: &mut Batch,
        now: Time,
    ) -> bool {
        let anew: BTreeSet<i64> = items
            .iter()
            .filter(|item| item.wants_it_loaded())
            .map(Item::key)
            .collect();
        let (mut missing, mut before) = (Vec::new(), BTreeMap::new());
        for key in keys {
            if batch.devices.contains_key(key) {
                continue;
            }
            match self.shelf.take(*key) {
                Some(held) if !anew.contains(key) => {
                    self.metrics.shelf_hits.inc();
                    batch.hold(held, now);
                }
                held => {
                    missing.push(*key);
                    before.extend(held.map(|held| (*key, held)));
                }
            }
        }
        if missing.is_empty() {
            return true;
        }
        self.metrics.shelf_misses.inc_by(missing.len() as u64);
        let begun = Instant::now();
        let loading = || self.store.load_states(&missing);
        let Some(loaded) = patiently(&self.metrics, "load devices", loading).await else {
            return false;
        };
        let seconds = begun.elapsed().as_secs_f64();
        self.metrics.ingest.load.observe(seconds);
        for state in loaded {
            let before = before.remove(&state.identity.key);
            batch.hold(Held::loaded(state, before), now);
        }
        for key in missing {
            batch.devices.entry(key).or_insert(Taken::Unknown);
        }
        true
    }

    fn note_lately(&self, keys: &BTreeSet<i64>) {
        let lately = self.lately.lock();
        lately
            .expect("never poisoned: nothing panics while it is held")
            .note(keys);
    }

    fn answer(
        &self,
        items: Vec<Item>,
        outcomes: Vec<ItemOutcome>,
        conflicts: &BTreeSet<i64>,
        last: bool,
    ) -> Vec<Item> {
        let mut again = Vec::new();
        for (item, outcome) in items.into_iter().zip(outcomes) {
            if conflicts.contains(&item.key()) && !last {
                again.push(item);
                continue;
            }
            let (answer, key, came) = match item {
                Item::Report {
                    answer, key, came, ..
                } => (answer, key, came),
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
                ItemOutcome::Applied { .. } if conflicts.contains(&key) => Outcome::Send(Box::new(
                    ToCollector::FullWanted("another writer was faster each time"),
                )),
                ItemOutcome::Applied { epoch, sequence } => {
                    self.metrics.reports.inc();
                    Outcome::Send(Box::new(ToCollector::Ack { epoch, sequence }))
                }
                ItemOutcome::Duplicate { epoch, sequence } => {
                    self.metrics.duplicates.inc();
                    Outcome::Send(Box::new(ToCollector::Ack { epoch, sequence }))
                }
                ItemOutcome::FullWanted(reason) => {
                    Outcome::Send(Box::new(ToCollector::FullWanted(reason)))
                }
                ItemOutcome::NotActive(status) => Outcome::NotActive(status),
                ItemOutcome::Rediagnosed => continue,
            };
            if let Outcome::Send(told) = &outcome {
                match **told {
                    ToCollector::Ack { .. } => {
                        let seconds = came.elapsed().as_secs_f64();
                        self.metrics.ingest.acknowledgement.observe(seconds);
                    }
                    ToCollector::FullWanted(_) => {
                        self.metrics.ingest.full_wanted.inc();
                    }
                    _ => {}
                }
            }
            // The session may have ended; its collector asks again when it reconnects.
            let _ = answer.send(outcome);
        }
        again
    }
}

/// What a commit came to. A defect in it is one of this program, which ends by it.
fn done(results: Result<Option<Vec<Committed>>, tokio::task::JoinError>) -> Option<Vec<Committed>> {
    match results {
        Ok(results) => results,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime ends.
        Err(_) => None,
    }
}

/// Tries until the database answers. `None` where it refuses for good: the batch is dropped without acknowledgement, its sessions end, so
/// that collectors send it again when they reconnect, and the error is in the log.
async fn patiently<T, F>(
    metrics: &Metrics,
    what: &'static str,
    mut attempt: impl FnMut() -> F,
) -> Option<T>
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
                metrics.storage_waits.inc();
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
