//! What only this module can see: every statement against the real schema, the plans that matter, and a disk that is full.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use sickbay_diagnosis::Time;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Row};

use super::body::enumerated;
use super::{SqliteStore, migrations};
use crate::chain::NoSeal;
use crate::{
    Approval, Committed, DeviceChange, DeviceSummary, EnrolOutcome, EnrolRequest, Introduction,
    NewAudit, NewToken, Scope, Store, StoreError, action,
};

fn line(at: i64) -> NewAudit {
    NewAudit::new(
        Time::from_millis(at),
        "test",
        action::SETTING_CHANGED,
        "a test",
    )
}

async fn fresh() -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("store.db"), Arc::new(NoSeal))
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

#[tokio::test]
async fn a_server_of_an_older_version_goes_on_with_the_newest_schema() {
    let (_folder, store) = fresh().await;
    for (version, name, text) in enumerated::of_older_versions("sqlite") {
        if let Err(error) = sqlx::query(AssertSqlSafe(format!("EXPLAIN {text}")))
            .fetch_all(&store.writer)
            .await
        {
            panic!("{name} of version {version}: {error}\n{text}");
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
        "remove reported tags (3 rows)",
        "remove findings (3 rows)",
        "remove causes (3 rows)",
        "change the status of devices (3 rows)",
        "note that devices are alive (3 rows)",
        "remove late claims (3 rows)",
        "guard::GUARDS",
        "guard::WEIGHTS",
        "states::STATES",
        "states::FINDINGS",
        "machines::HOLDERS",
        "machines::LISTED_AS",
        "machines::KEYS_OF",
        "machines::DELETE",
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
        ("walk", "device_active"),
        ("baselines::SHARED_IDS", "device_client_id"),
        ("bulletins::ENDED", "change_of_status"),
        ("machines::STORED", "device_list"),
        ("history", "history_device"),
        ("recent_history of all", "SCAN h"),
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
    store.put_setting("kept", "1", line(1)).await.unwrap();
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
        .put_setting("large", &large, line(2))
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
    store.put_setting("large", &large, line(3)).await.unwrap();
    store.check_writable(Time::from_millis(4)).await.unwrap();
}

#[tokio::test]
async fn the_file_is_durable_and_checked_as_the_module_says() {
    let (_folder, store) = fresh().await;
    for (pragma, expected) in [
        ("PRAGMA synchronous", 2_i64),
        ("PRAGMA foreign_keys", 1),
        ("PRAGMA busy_timeout", 5_000),
        ("PRAGMA temp_store", 2),
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

/// A device whose token gives the tag `pilot`.
async fn pilot(store: &SqliteStore) -> i64 {
    let token = NewToken {
        approval: Approval::Nobody,
        tags: vec!["pilot".to_owned()],
        ..NewToken::new(vec![1], "GPO", Time::from_millis(1))
    };
    store.create_token(token, "test").await.unwrap();
    let request = EnrolRequest {
        by: Introduction::Token(vec![1]),
        key_sha256: vec![2],
        host_name: "PC-1".to_owned(),
        domain: String::new(),
        ou: String::new(),
        fingerprint: String::new(),
        collector_version: String::new(),
        live_since: Time::from_millis(0),
        now: Time::from_millis(1),
    };
    match store.enrol(request).await.unwrap() {
        EnrolOutcome::Device(device) => device.key,
        refused => panic!("{refused:?}"),
    }
}

/// Commits a summary; says how many rows that wrote.
async fn rows_written(store: &SqliteStore, key: i64, site: &str, tags: &[&str]) -> i64 {
    let before = total_changes(store).await;
    let change = DeviceChange {
        key,
        expected_version: store.load_states(&[key]).await.unwrap()[0].version,
        mark: None,
        packed: None,
        summary: Some(DeviceSummary {
            name: "PC-1".to_owned(),
            site: site.to_owned(),
            reported_tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..DeviceSummary::default()
        }),
        profile: None,
        findings: Vec::new(),
        history: Vec::new(),
        claims: Vec::new(),
        due_at: None,
        received_at: None,
        now: Time::from_millis(2),
    };
    assert_eq!(store.commit(&[change]).await.unwrap(), [Committed::Done]);
    total_changes(store).await - before
}

async fn total_changes(store: &SqliteStore) -> i64 {
    sqlx::query_scalar("SELECT total_changes()")
        .fetch_one(&store.writer)
        .await
        .unwrap()
}

/// Tags that the token gave, and tags that the device reported.
async fn tag_rows(store: &SqliteStore) -> (Vec<String>, Vec<String>) {
    let of_token =
        sqlx::query_scalar("SELECT tag FROM device_tag ORDER BY tag").fetch_all(&store.reader);
    let reported = sqlx::query_scalar("SELECT tag FROM device_reported_tag ORDER BY tag")
        .fetch_all(&store.reader);
    (of_token.await.unwrap(), reported.await.unwrap())
}

fn rows(of_token: &[&str], reported: &[&str]) -> (Vec<String>, Vec<String>) {
    let owned = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
    (owned(of_token), owned(reported))
}

#[tokio::test]
async fn what_was_forgotten_is_read_anew() {
    let (_folder, store) = fresh().await;
    let key = pilot(&store).await;
    let count = async |text: &str| {
        let filter = sickbay_diagnosis::filter::Filter::parse(text).unwrap();
        store.count_devices(&Scope::All, &filter).await.unwrap()
    };
    assert_eq!(count("site:berlin").await, 0);
    rows_written(&store, key, "Berlin", &[]).await;
    rows_written(&store, key, "Paris", &[]).await;
    // Somebody was away for longer than changes are kept.
    sqlx::query("DELETE FROM change WHERE seq < (SELECT MAX(seq) FROM change)")
        .execute(&store.writer)
        .await
        .unwrap();
    assert_eq!(
        (count("site:berlin").await, count("site:paris").await),
        (0, 1)
    );
    // A sign of life is no change.
    let newest = "SELECT MAX(seq) FROM change";
    let before: i64 = sqlx::query_scalar(newest)
        .fetch_one(&store.reader)
        .await
        .unwrap();
    store
        .touch(&[crate::Touch {
            key,
            seen_at: Time::from_millis(9),
            confirmed_at: None,
            greeting: None,
        }])
        .await
        .unwrap();
    let after: i64 = sqlx::query_scalar(newest)
        .fetch_one(&store.reader)
        .await
        .unwrap();
    assert_eq!(before, after);
    assert_eq!(store.forget_changes().await.unwrap(), 0, "few are kept");
}

#[tokio::test]
async fn tags_cost_rows_only_when_they_change() {
    let (_folder, store) = fresh().await;
    let key = pilot(&store).await;
    // The device, the note that it changed, and its summary, as for any summary.
    assert_eq!(rows_written(&store, key, "Berlin", &[]).await, 3);
    // And a row for each that came or went.
    assert_eq!(rows_written(&store, key, "Paris", &["a", "b"]).await, 5);
    assert_eq!(rows_written(&store, key, "Rome", &["a", "b"]).await, 3);
    assert_eq!(rows_written(&store, key, "Rome", &[]).await, 5);
}

#[tokio::test]
async fn no_device_can_make_a_tag_look_as_if_its_token_gave_it() {
    let (_folder, store) = fresh().await;
    let key = pilot(&store).await;
    for reported in [&["admins", "pilot"][..], &["admins"], &[]] {
        rows_written(&store, key, "", reported).await;
        assert_eq!(tag_rows(&store).await, rows(&["pilot"], reported));
    }
    let of_token: String = sqlx::query_scalar("SELECT tags FROM device")
        .fetch_one(&store.reader)
        .await
        .unwrap();
    assert_eq!(of_token, r#"["pilot"]"#);
}

#[tokio::test]
async fn tags_from_before_devices_reported_any_are_the_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut old = SqliteConnection::connect_with(&options).await.unwrap();
    migrations::MIGRATIONS
        .migrator()
        .run_to(1, &mut old)
        .await
        .unwrap();
    for statement in [
        "INSERT INTO device (key, id, status, version, name, name_lower, domain, ou, tags, epoch, digest, enrolled_at, collector_version, \
         fingerprint) VALUES (1, '018f0000-0000-7000-8000-000000000000', 1, 0, 'PC-1', 'pc-1', '', '', '[\"pilot\",\"berlin\"]', x'', x'', \
         1, '', '')",
        "INSERT INTO device_tag (device_key, tag) VALUES (1, 'pilot'), (1, 'berlin')",
    ] {
        sqlx::query(statement).execute(&mut old).await.unwrap();
    }
    old.close().await.unwrap();
    SqliteStore::migrate(&path, Arc::new(NoSeal)).await.unwrap();

    let store = SqliteStore::open(&path, Arc::new(NoSeal)).await.unwrap();
    assert_eq!(tag_rows(&store).await, rows(&["berlin", "pilot"], &[]));
    for (reported, all) in [
        (&["kiosk"][..], &["berlin", "kiosk", "pilot"][..]),
        (&[], &["berlin", "pilot"]),
    ] {
        rows_written(&store, 1, "", reported).await;
        let id = store.load_states(&[1]).await.unwrap()[0].identity.id;
        let detail = store.device(&Scope::All, id).await.unwrap().unwrap();
        assert_eq!(detail.row.tags, all);
    }
}
