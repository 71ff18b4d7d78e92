//! Postgres fails over while the store is at work. Each fault is looked at: the server is dead, the history has changed hands.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(
    clippy::print_stdout,
    reason = "how long it took is worth knowing, and shown where it was asked for"
)]

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sickbay_diagnosis::Time;
use sickbay_store::{AuditQuery, NewAudit, PostgresStore, Seal, Store, StoreError, Verified};
use sickbay_test_postgres::{Cluster, Durability, Pair};
use tokio::task::{JoinHandle, spawn_blocking};

/// How soon after a promotion the store has to be at work again.
const AT_WORK: Duration = Duration::from_secs(3);
/// How long to wait for what should come at once.
const PATIENCE: Duration = Duration::from_secs(30);
const DATABASE: &str = "fleet";

/// The record is sealed with nothing.
#[derive(Debug)]
struct NoSeal;

impl Seal for NoSeal {
    fn sign(&self, _: &[u8]) -> Vec<u8> {
        vec![1]
    }

    fn verifies(&self, _: &[u8], signature: &[u8]) -> bool {
        signature == [1]
    }
}

fn line(number: u64) -> NewAudit {
    NewAudit::new(Time::from_millis(0), "test", "failover", number.to_string())
}

async fn open(url: &str) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(url, Arc::new(NoSeal)).await.unwrap())
}

/// Writes lines one after the other, each once, and reads beside it.
struct Work {
    store: Arc<PostgresStore>,
    stop: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    writer: JoinHandle<Vec<u64>>,
    reader: JoinHandle<()>,
}

impl Work {
    fn begin(store: &Arc<PostgresStore>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let [reads, writes, refused] = [(); 3].map(|()| Arc::new(AtomicU64::new(0)));
        let writer = tokio::spawn(write(
            Arc::clone(store),
            Arc::clone(&stop),
            Arc::clone(&writes),
            Arc::clone(&refused),
        ));
        let reader = tokio::spawn(read(
            Arc::clone(store),
            Arc::clone(&stop),
            Arc::clone(&reads),
        ));
        Self {
            store: Arc::clone(store),
            stop,
            reads,
            writes,
            refused,
            writer,
            reader,
        }
    }

    /// Waits until so many more were written and read. Says how long that took.
    async fn goes_on(&self, by: u64) -> Duration {
        let began = Instant::now();
        let counts = || [&self.reads, &self.writes].map(|n| n.load(Ordering::SeqCst));
        let before = counts();
        while counts()
            .iter()
            .zip(before)
            .any(|(now, then)| *now < then + by)
        {
            assert!(
                began.elapsed() < PATIENCE,
                "reads and writes: {before:?}, and {:?} since",
                counts()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        began.elapsed()
    }

    /// Every line that was acknowledged.
    async fn end(self) -> Vec<u64> {
        self.stop.store(true, Ordering::SeqCst);
        self.reader.await.unwrap();
        self.writer.await.unwrap()
    }
}

async fn write(
    store: Arc<PostgresStore>,
    stop: Arc<AtomicBool>,
    writes: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        match store.record(vec![line(number)]).await {
            Ok(()) => {
                acknowledged.push(number);
                writes.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => {
                passes(&error);
                refused.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
    acknowledged
}

async fn read(store: Arc<PostgresStore>, stop: Arc<AtomicBool>, reads: Arc<AtomicU64>) {
    while !stop.load(Ordering::SeqCst) {
        match store.audit(&AuditQuery::newest(1)).await {
            Ok(_) => {
                reads.fetch_add(1, Ordering::SeqCst);
            }
            Err(error) => passes(&error),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn passes(error: &StoreError) {
    assert!(error.is_temporary(), "{error:?}");
}

/// A pair of servers and the work of a store on them.
async fn pair() -> (Pair, Work) {
    let pair = spawn_blocking(|| {
        let pair = Pair::start().unwrap();
        pair.primary().create(DATABASE, None).unwrap();
        pair
    });
    let pair = pair.await.unwrap();
    let work = Work::begin(&open(&pair.url(DATABASE)).await);
    (pair, work)
}

/// Every acknowledged line is there, once, and the record's chain has no gap.
async fn nothing_is_lost(pair: &Pair, work: Work) {
    let store = Arc::clone(&work.store);
    let acknowledged = work.end().await;
    let asked = "SELECT subject FROM audit WHERE action = 'failover'";
    let there = pair.primary().ask(DATABASE, asked).unwrap();
    let there: Vec<u64> = there.lines().map(|line| line.parse().unwrap()).collect();
    let once: HashSet<u64> = there.iter().copied().collect();
    assert_eq!(once.len(), there.len(), "a line was written twice");
    let lost: Vec<&u64> = acknowledged.iter().filter(|n| !once.contains(n)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let verified = store.verify_audit().await.unwrap();
    assert!(matches!(verified, Verified::Sound { .. }), "{verified:?}");
    println!(
        "{} lines acknowledged, {} there",
        acknowledged.len(),
        there.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost_however_often_the_primary_dies() {
    let often = std::env::var_os("SICKBAY_LONG").is_some_and(|value| value == "1");
    let (mut pair, work) = pair().await;
    for round in 0..if often { 5 } else { 2 } {
        work.goes_on(20).await;
        if round > 0 {
            pair = spawn_blocking(|| {
                pair.follow().unwrap();
                pair
            })
            .await
            .unwrap();
            work.goes_on(20).await;
        }
        let timeline = pair.primary().timeline().unwrap();
        pair = spawn_blocking(|| {
            pair.fail_over().unwrap();
            pair
        })
        .await
        .unwrap();
        assert!(!pair.other().is_running(), "the primary lives");
        assert!(pair.primary().timeline().unwrap() > timeline);
        let waited = work.goes_on(1).await;
        println!("round {round}: at work again {waited:?} after the promotion");
        assert!(waited < AT_WORK, "{waited:?}");
        assert!(work.store.usage().failovers > round, "it is not counted");
    }
    nothing_is_lost(&pair, work).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_comes_back_from_the_dead_is_not_used() {
    let (mut pair, work) = pair().await;
    work.goes_on(5).await;
    pair = spawn_blocking(|| {
        pair.fail_over().unwrap();
        pair
    })
    .await
    .unwrap();
    work.goes_on(5).await;
    // It thinks that nothing happened, and would take whatever it is told.
    pair.other().run().unwrap();
    pair.other().set("synchronous_standby_names = ''").unwrap();
    let count = "SELECT COUNT(*) FROM audit";
    let before = pair.other().ask(DATABASE, count).unwrap();
    let is_standby = pair
        .other()
        .ask(DATABASE, "SELECT pg_is_in_recovery()")
        .unwrap();
    assert_eq!(is_standby, "f");
    // Connections are made anew, with both to choose from.
    let end = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'sickbay'";
    let ended: u32 = pair.primary().ask(DATABASE, end).unwrap().parse().unwrap();
    assert!(ended > 1, "no connection was ended");
    work.goes_on(50).await;
    assert_eq!(pair.other().ask(DATABASE, count).unwrap(), before);
    nothing_is_lost(&pair, work).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_lives_on_beside_its_successor_is_left() {
    let (mut pair, work) = pair().await;
    work.goes_on(5).await;
    // As when the two cannot see each other. Whatever is written to the first one waits for its standby and is not acknowledged.
    pair = spawn_blocking(|| {
        pair.promote().unwrap();
        pair
    })
    .await
    .unwrap();
    assert!(pair.other().is_running());
    let waited = work.goes_on(5).await;
    assert!(waited < Duration::from_secs(15), "{waited:?}");
    nothing_is_lost(&pair, work).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_primary_that_fell_silent() {
    let (mut pair, work) = pair().await;
    work.goes_on(5).await;
    pair.primary().freeze().unwrap();
    // What was on its way is done; the rest hangs.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let before = work.writes.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(500)).await;
    pair = spawn_blocking(|| {
        pair.promote().unwrap();
        pair
    })
    .await
    .unwrap();
    assert_eq!(work.writes.load(Ordering::SeqCst), before, "it answers");
    let waited = work.goes_on(5).await;
    println!("left {waited:?} after its successor was there");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    pair.other().thaw().unwrap();
    work.goes_on(50).await;
    nothing_is_lost(&pair, work).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_became_read_only_is_not_written_to_until_it_is_no_more() {
    let cluster = Cluster::start(Durability::Full).unwrap();
    cluster.create(DATABASE, None).unwrap();
    let work = Work::begin(&open(&cluster.url(DATABASE)).await);
    work.goes_on(5).await;
    cluster.set("default_transaction_read_only = on").unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let counts = || {
        let (writes, refused) = (&work.writes, &work.refused);
        (
            writes.load(Ordering::SeqCst),
            refused.load(Ordering::SeqCst),
        )
    };
    let before = counts();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = counts();
    assert_eq!(after.0, before.0);
    // Who writes waits for a primary, and is not refused over and over.
    assert!(after.1 < before.1 + 5, "{} refused", after.1 - before.1);
    cluster.set("default_transaction_read_only = off").unwrap();
    let waited = work.goes_on(5).await;
    assert!(waited < AT_WORK, "{waited:?}");
    work.end().await;
}

#[tokio::test]
async fn who_starts_is_told_at_once_what_every_server_said() {
    let pair = spawn_blocking(|| Pair::start().unwrap()).await.unwrap();
    pair.primary().create(DATABASE, None).unwrap();
    // A standby has what was committed, and shows it a moment later.
    let until = Instant::now() + PATIENCE;
    while pair.other().ask(DATABASE, "SELECT 1").is_err() {
        assert!(Instant::now() < until, "the standby does not follow");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    pair.primary().kill().unwrap();
    let began = Instant::now();
    let url = pair
        .url(DATABASE)
        .replace("sickbay@", "sickbay:secret@localhost");
    let error = PostgresStore::open(&url, Arc::new(NoSeal))
        .await
        .unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(2));
    let said = error.to_string();
    for expected in [
        "/a:5432: ",
        "/b:5432: it is a standby",
        "none of its servers is the primary",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    assert!(!said.contains("secret"), "{said}");
}
