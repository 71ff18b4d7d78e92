//! What only this module can see: every statement against the real schema, the plans that matter, and a disk that is full.
#![expect(clippy::unwrap_used, reason = "tests")]

use sickbay_diagnosis::Time;
use sqlx::{AssertSqlSafe, Row};

use super::SqliteStore;
use super::body::enumerated;
use crate::{Store, StoreError};

async fn fresh() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("store.db"))
        .await
        .unwrap();
    (folder, store)
}

#[tokio::test]
async fn every_statement_prepares_on_the_real_schema() {
    let (_folder, store) = fresh().await;
    let statements = enumerated::statements();
    assert!(
        statements.len() > 60,
        "the list lost statements: {}",
        statements.len()
    );
    for (name, text) in statements {
        if let Err(error) = sqlx::query(AssertSqlSafe(format!("EXPLAIN {text}")))
            .fetch_all(&store.writer)
            .await
        {
            panic!("{name}: {error}\n{text}");
        }
    }
}

/// How SQLite would run a statement.
async fn plan_of(store: &SqliteStore, wanted: &str) -> String {
    let (_, text) = enumerated::statements()
        .into_iter()
        .find(|(name, _)| name == wanted)
        .unwrap();
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}")))
        .fetch_all(&store.writer)
        .await
        .unwrap();
    rows.iter()
        .map(|row| row.get::<String, _>("detail"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn group_commit_finds_its_rows_by_key_and_never_walks_the_fleet() {
    let (_folder, store) = fresh().await;
    for name in [
        "write devices (3 rows)",
        "write summaries (3 rows)",
        "rename findings (3 rows)",
        "remove findings (3 rows)",
        "remove causes (3 rows)",
        "change the status of devices (3 rows)",
        "note that devices are alive (3 rows)",
        "guard::GUARDS",
        "guard::WEIGHTS",
        "states::STATES",
        "states::FINDINGS",
    ] {
        let plan = plan_of(&store, name).await;
        for table in ["SCAN device", "SCAN finding", "SCAN d\n", "SCAN f\n"] {
            assert!(!format!("{plan}\n").contains(table), "{name}:\n{plan}");
        }
    }
}

#[tokio::test]
async fn jobs_and_lists_read_an_index_in_its_order() {
    let (_folder, store) = fresh().await;
    for (name, index) in [
        ("fleet::DUE", "device_due"),
        ("fleet::KEYS_AFTER", "device_active"),
        ("status::CHANGED_SINCE", "device_status_at"),
        ("devices", "device_list"),
        ("issue_devices", "finding_list"),
        ("history", "history_device"),
    ] {
        let plan = plan_of(&store, name).await;
        assert!(plan.contains(index), "{name}:\n{plan}");
        assert!(
            !plan.contains("TEMP B-TREE FOR ORDER BY"),
            "{name}:\n{plan}"
        );
    }
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_what_was_there_stays() {
    let (_folder, store) = fresh().await;
    store
        .put_setting("kept", "1", Time::from_millis(1))
        .await
        .unwrap();
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count")
        .fetch_one(&store.writer)
        .await
        .unwrap();
    let limit = |pages: i64| AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::query(limit(pages))
        .fetch_one(&store.writer)
        .await
        .unwrap();

    let large = "x".repeat(1_000_000);
    let error = store
        .put_setting("large", &large, Time::from_millis(2))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(error.is_temporary());
    assert_eq!(store.setting("kept").await.unwrap().as_deref(), Some("1"));
    assert_eq!(store.setting("large").await.unwrap(), None);

    sqlx::query(limit(pages + 1_000))
        .fetch_one(&store.writer)
        .await
        .unwrap();
    store
        .put_setting("large", &large, Time::from_millis(3))
        .await
        .unwrap();
    store.check_writable(Time::from_millis(4)).await.unwrap();
}

#[tokio::test]
async fn the_file_is_durable_and_checked_as_the_module_says() {
    let (_folder, store) = fresh().await;
    for (pragma, expected) in [
        ("PRAGMA synchronous", 2_i64),
        ("PRAGMA foreign_keys", 1),
        ("PRAGMA busy_timeout", 5_000),
    ] {
        let found: i64 = sqlx::query_scalar(pragma)
            .fetch_one(&store.writer)
            .await
            .unwrap();
        assert_eq!(found, expected, "{pragma}");
    }
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&store.writer)
        .await
        .unwrap();
    assert_eq!(mode, "wal");
    let loose: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 \
         AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'",
    )
    .fetch_all(&store.reader)
    .await
    .unwrap();
    assert!(loose.is_empty(), "tables that take any type: {loose:?}");
}
