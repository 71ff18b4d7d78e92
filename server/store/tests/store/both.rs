//! What the databases promise each other: the same after the same, and a fleet that moves from one to the other whole.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use proptest::test_runner::{Config, TestRunner};
use sickbay_diagnosis::verdict::{Severity, State};
use sickbay_store::{
    DeviceIdentity, FindingChange, Moved, NewHistory, Scope, Spelled, StoreError, digests, dump,
    move_fleet,
};
use sickbay_test_postgres::Database;
use tokio::runtime::Handle;

use crate::counters::{steps, take};
use crate::fixture::{Fixture, TestSeal, at, mark, open, postgres, sqlite, summary};

/// Everything that stands in a database, with ids told by their order: each database gave out its own.
async fn told(store: &Fixture) -> Vec<(String, Vec<Spelled>)> {
    let mut known = HashMap::new();
    let mut tables = dump(&store.url).await.unwrap();
    // What seals the record seals the ids, too.
    tables.retain(|(table, _)| table != "audit_head");
    // SQLite gives the key of the newest device to the next one after it is deleted, Postgres gives out each once.
    let devices = tables.iter().find(|(table, _)| table == "device");
    let keys = devices.unwrap().1.iter().map(|row| value_of(row, "key"));
    let keys: HashMap<String, usize> = keys.enumerate().map(|(place, key)| (key, place)).collect();
    for (table, rows) in &mut tables {
        for row in rows {
            let is_own = |column: &str| {
                (table == "audit" && column == "hash") || (table == "history" && column == "id")
            };
            row.retain(|(column, _)| !is_own(column));
            for (column, value) in row {
                if ["key", "device_key", "successor_key"].contains(&column.as_str()) {
                    *value = keys
                        .get(value)
                        .map_or("gone".to_owned(), ToString::to_string);
                }
                in_order(value, &mut known);
            }
        }
    }
    tables
}

fn value_of(row: &Spelled, column: &str) -> String {
    let found = row.iter().find(|(name, _)| name == column);
    found.unwrap().1.clone()
}

/// The first difference of two databases.
fn difference(one: &[(String, Vec<Spelled>)], other: &[(String, Vec<Spelled>)]) -> Option<String> {
    for ((table, one), (_, other)) in one.iter().zip(other) {
        if one.len() != other.len() {
            return Some(format!("{table}: {} rows, {} rows", one.len(), other.len()));
        }
        for (one, other) in one.iter().zip(other) {
            let cells = one.iter().zip(other).find(|(one, other)| one != other);
            if let Some((one, other)) = cells {
                return Some(format!("{table}: {one:?}, {other:?} in {other:?}"));
            }
        }
    }
    None
}

/// Puts the place of each id that a text has in its place.
fn in_order(text: &mut String, known: &mut HashMap<String, usize>) {
    let is_id = |part: &str| part.len() == 36 && part.matches('-').count() == 4;
    let parts = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    let ids: Vec<String> = parts.filter(|p| is_id(p)).map(str::to_owned).collect();
    for id in ids {
        let next = known.len();
        let number = *known.entry(id.clone()).or_insert(next);
        *text = text.replace(&id, &format!("#{number}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_databases_hold_the_same_after_the_same() {
    let (one, other) = (sqlite().await, postgres().await);
    let handle = Handle::current();
    let devices: Mutex<[Vec<DeviceIdentity>; 2]> = Mutex::default();
    for number in 0..4 {
        let name = format!("pc-{number}");
        let made = [one.active(&name).await, other.active(&name).await];
        for (known, device) in devices.lock().unwrap().iter_mut().zip(made) {
            known.push(device);
        }
    }
    let mut runner = TestRunner::new(Config {
        cases: 16,
        failure_persistence: None,
        ..Config::default()
    });
    tokio::task::block_in_place(|| {
        runner.run(&steps(), |steps| {
            handle.block_on(async {
                let mut known = devices.lock().unwrap().clone();
                for step in steps {
                    take(&one, &mut known[0], step.clone()).await;
                    take(&other, &mut known[1], step).await;
                }
                *devices.lock().unwrap() = known;
                let (one, other) = (told(&one).await, told(&other).await);
                assert_eq!(difference(&one, &other), None);
            });
            Ok(())
        })
    })
    .unwrap();
}

/// Some devices with findings, history and texts that nobody would like to quote.
async fn a_fleet(store: &Fixture) {
    for number in 0..250 {
        let name = format!("PC-{number} 'ä\u{1f42e}\\");
        let device = store.tagged_device(&name, &["a", "b\\"]).await;
        let mut change = store.change(device.key).await;
        change.mark = Some(mark(number));
        change.summary = Some(summary(&name));
        change.findings = vec![FindingChange::Put(open("hold", Severity::Serious, &["c"]))];
        change.received_at = Some(at(5));
        change.history.push(NewHistory {
            issue: "hold".to_owned(),
            from: State::Clear,
            to: State::Open,
            causes: Vec::new(),
            summary: format!("{name} is held back"),
        });
        store.commit(&[change]).await.unwrap();
    }
    assert_eq!(store.pack_history(1_000).await.unwrap(), 150);
}

async fn content(url: &str) -> Vec<Moved> {
    digests(url).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_moves_there_and_back_and_is_the_same() {
    let (home, there, back) = (sqlite().await, postgres().await, sqlite().await);
    a_fleet(&home).await;
    let moved = move_fleet(&home.url, &there.url, false).await.unwrap();
    let rows = |table: &str| moved.iter().find(|m| m.table == table).unwrap().rows;
    assert_eq!(
        (rows("device"), rows("finding"), rows("device_tag")),
        (250, 250, 500)
    );
    assert_eq!((rows("history"), rows("history_page")), (100, 150));
    assert_eq!(content(&there.url).await, content(&home.url).await);
    // It goes on there: numbers follow those that came along, and so does the record.
    there.count_from(1_000);
    let device = there.active("new").await;
    assert_eq!(device.key, 251);
    there.verify_audit().await.unwrap();
    assert_eq!(there.fleet_counts(&Scope::All).await.unwrap().active(), 251);

    move_fleet(&there.url, &back.url, false).await.unwrap();
    assert_eq!(content(&back.url).await, content(&there.url).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_in_use_is_written_over_only_by_order_and_a_move_can_be_run_again() {
    let (home, there) = (sqlite().await, postgres().await);
    a_fleet(&home).await;
    there.active("somebody").await;
    let before = content(&there.url).await;
    let refused = move_fleet(&home.url, &there.url, false).await;
    let said = refused.unwrap_err().to_string();
    assert!(
        said.contains("its table audit has") && said.contains("--replace"),
        "{said}"
    );
    assert_eq!(content(&there.url).await, before);
    for _ in 0..2 {
        move_fleet(&home.url, &there.url, true).await.unwrap();
        assert_eq!(content(&there.url).await, content(&home.url).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_fails_leaves_nothing_behind() {
    let (home, there) = (sqlite().await, postgres().await);
    a_fleet(&home).await;
    // What no other database would take: a finding of a device that is not there.
    home.behind_its_back(&[
        "PRAGMA foreign_keys = OFF",
        "UPDATE finding SET device_key = 100000 WHERE device_key = 200",
    ])
    .await;
    let before = content(&there.url).await;
    let failed = move_fleet(&home.url, &there.url, false).await;
    assert!(
        matches!(failed, Err(StoreError::Refused { .. })),
        "{failed:?}"
    );
    assert_eq!(content(&there.url).await, before);
}

/// Databases of versions that were in use, each of both kinds with the same fleet in it: six machines of a demo. A file is added with each
/// version of the schema, and none is ever changed.
const OLD: &[&str] = &["0012", "0014", "0015"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_every_version_since_then_is_brought_up_to_date_with_all_that_it_has() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old");
    let seal = || Arc::new(TestSeal);
    for version in OLD {
        let copy = tempfile::tempdir().unwrap();
        let file = copy.path().join("old.db");
        std::fs::copy(folder.join(format!("{version}.db")), &file).unwrap();
        let archive = folder.join(format!("{version}.dump"));
        let database = tokio::task::spawn_blocking(move || Database::restored(&archive)).await;
        let database = database.unwrap().unwrap();
        let mut told = Vec::new();
        // Whoever adds a migration keeps databases of the version before it: set this, and name the version in `OLD`.
        let newest = format!("{:04}", sickbay_store::schema_version());
        let keep = std::env::var_os("SICKBAY_BLESS").filter(|_| Some(version) == OLD.first());
        let kept = keep.map(|_| [format!("{newest}.db"), format!("{newest}.dump")]);
        for url in [format!("sqlite://{}", file.display()), database.url()] {
            let now = sickbay_store::migrate(&url, seal()).await.unwrap();
            assert_eq!(now, sickbay_store::schema_version(), "{version}");
            let store = sickbay_store::open(&url, seal()).await.unwrap();
            let active = store.fleet_counts(&Scope::All).await.unwrap().active();
            assert_eq!(active, 6, "{version}: {url}");
            let history = store.recent_history(&Scope::All, 100).await.unwrap();
            assert_eq!(history.len(), 10, "{version}: {url}");
            store.close().await;
            told.push(content(&url).await);
        }
        if let Some([db, dump]) = kept {
            std::fs::copy(&file, folder.join(db)).unwrap();
            database.dump(&folder.join(dump)).unwrap();
        }
        assert_eq!(told[0], told[1], "{version}");
    }
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, 2 * OLD.len(), "a file that no version is named for");
    let newest = format!("{:04}", sickbay_store::schema_version());
    assert_eq!(
        OLD.last(),
        Some(&newest.as_str()),
        "the newest version has none yet"
    );
}
