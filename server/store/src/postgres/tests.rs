//! What only this module can see: every statement against the real schema, and the same schema as SQLite's.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sickbay_test_postgres::{Database, Pair};
use sqlx::postgres::PgConnectOptions;
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _,
    SqlSafeStr as _, Statement as _, TypeInfo as _,
};

use super::body::enumerated;
use super::opening::{migrated, not_migrated};
use super::{LOCK, PostgresStore};
use crate::SqliteStore;
use crate::chain::NoSeal;
use crate::error::During as _;
use crate::moving::Ends as _;
use crate::schema::Migrations;

async fn fresh() -> (Database, PostgresStore) {
    let database = Database::empty().unwrap();
    let store = PostgresStore::open(&database.url(), Arc::new(NoSeal))
        .await
        .unwrap();
    (database, store)
}

#[tokio::test]
async fn every_statement_prepares_on_the_real_schema() {
    let (_database, store) = fresh().await;
    let mut broken = Vec::new();
    let (mut connection, _) = store.connection("prepare").await.unwrap();
    for (name, text) in enumerated::statements() {
        let text = AssertSqlSafe(text).into_sql_str();
        match connection.prepare(text.clone()).await {
            Ok(statement) => broken.extend(
                // A literal is a number of 32 bits here, and a sum of numbers of 64 has no size: neither is what rows are read as.
                statement
                    .columns()
                    .iter()
                    .filter(|c| !["INT8", "TEXT", "BYTEA"].contains(&c.type_info().name()))
                    .map(|c| format!("{name}: {} is {}", c.name(), c.type_info().name())),
            ),
            Err(error) => broken.push(format!("{name}: {error}\n{}", text.as_str())),
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}

#[tokio::test]
async fn a_server_of_an_older_version_goes_on_with_the_newest_schema() {
    let (_database, store) = fresh().await;
    let (mut connection, _) = store.connection("prepare").await.unwrap();
    for (version, name, text) in enumerated::of_older_versions("postgres") {
        if let Err(error) = connection
            .prepare(AssertSqlSafe(text.clone()).into_sql_str())
            .await
        {
            panic!("{name} of version {version}: {error}\n{text}");
        }
    }
}

#[tokio::test]
async fn the_schema_is_the_one_of_sqlite() {
    let (_database, store) = fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let other = SqliteStore::open(&file, Arc::new(NoSeal)).await.unwrap();
    assert_eq!(store.tables().await.unwrap(), other.tables().await.unwrap());
    assert_eq!(store.indexes().await, other.indexes().await);

    // A comparison that cannot fail would be none.
    for change in [
        "ALTER TABLE token ADD COLUMN more BIGINT",
        "ALTER TABLE token DROP COLUMN more, ALTER COLUMN name DROP NOT NULL",
        "ALTER TABLE token ALTER COLUMN name SET NOT NULL, ALTER COLUMN name TYPE BYTEA USING ''",
    ] {
        sqlx::raw_sql(change).execute(store.reader()).await.unwrap();
        assert_ne!(store.tables().await.unwrap(), other.tables().await.unwrap());
    }
    sqlx::raw_sql("DROP INDEX history_device")
        .execute(store.reader())
        .await
        .unwrap();
    assert_ne!(store.indexes().await, other.indexes().await);
}

#[tokio::test]
async fn a_transaction_that_hangs_is_ended_before_those_who_wait_for_it_give_up() {
    let (database, hanging) = fresh().await;
    let other = PostgresStore::open(&database.url(), Arc::new(NoSeal))
        .await
        .unwrap();
    let mut hangs = hanging.begin("hang").await.unwrap();
    let began = Instant::now();
    let writes = other.begin("wait").await.unwrap();
    let waited = began.elapsed();
    writes.commit().await.unwrap();
    assert!(
        waited > Duration::from_secs(8),
        "it did not hang: {waited:?}"
    );
    assert!(waited < Duration::from_secs(15), "{waited:?}");
    let said = sqlx::query("SELECT 1").execute(&mut *hangs).await;
    assert!(said.is_err(), "the one that hung lives on");
    drop(hangs);
    hanging.begin("go on").await.unwrap();
}

#[tokio::test]
async fn who_waits_too_long_to_write_gives_up_for_now_and_leaves_nothing_behind() {
    let (database, store) = fresh().await;
    let other = PgConnectOptions::from_str(&database.url()).unwrap();
    let mut holds = other.connect().await.unwrap();
    holds.execute("BEGIN").await.unwrap();
    holds.execute(LOCK).await.unwrap();
    let (first, second) = tokio::join!(store.begin("wait"), async {
        // Who goes away while waiting must not get the lock later, with nobody there to let go of it.
        tokio::time::timeout(Duration::from_secs(1), store.begin("go away")).await
    });
    let error = first.unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
    assert!(second.is_err());
    holds.execute("ROLLBACK").await.unwrap();
    for _ in 0..6 {
        let writes = store.begin("go on").await.unwrap();
        writes.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_statement_on_its_way_ends_with_its_server() {
    let mut pair = Pair::start().unwrap();
    pair.primary().create("fleet", None).unwrap();
    let store = PostgresStore::open(&pair.url("fleet"), Arc::new(NoSeal))
        .await
        .unwrap();
    let mut writes = store.begin("write").await.unwrap();
    let (alone, pools) = store.connection("listen").await.unwrap();
    pair.primary().freeze().unwrap();
    let began = Instant::now();
    let statement = sqlx::query("SELECT 1").execute(&mut *writes);
    let error = statement.await.map(|_| ()).during("write").unwrap_err();
    assert!(error.is_temporary(), "{error:?}");
    assert!(
        began.elapsed() > Duration::from_secs(1),
        "it was not silent"
    );
    assert!(began.elapsed() < Duration::from_secs(12));
    // Whoever has a connection alone is told as well.
    pools.lost().await;
    alone.close_hard().await.unwrap();
    drop(writes);
    pair.promote().unwrap();
    let writes = store.begin("go on").await.unwrap();
    writes.commit().await.unwrap();
}

#[tokio::test]
async fn a_migration_does_not_wait_long_for_a_table_in_use_and_can_be_run_again() {
    const LATER: Migrations = Migrations(&[
        (1, "first", "CREATE TABLE busy (a BIGINT)"),
        (2, "later", "ALTER TABLE busy ADD COLUMN b BIGINT"),
    ]);
    let database = Database::empty().unwrap();
    let options = PgConnectOptions::from_str(&database.url()).unwrap();
    let (mut uses, mut migrates) = (
        options.connect().await.unwrap(),
        options.connect().await.unwrap(),
    );
    let first = Migrations(&LATER.0[..1]);
    migrated(&mut migrates, first).await.unwrap();
    uses.execute("BEGIN; SELECT * FROM busy").await.unwrap();
    let began = Instant::now();
    let error = migrated(&mut migrates, LATER).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(15));
    let said = not_migrated(&error);
    assert!(said.contains("migrate again"), "{said}");
    uses.execute("ROLLBACK").await.unwrap();
    migrated(&mut migrates, LATER).await.unwrap();
}

#[tokio::test]
async fn every_connection_gives_up_on_a_machine_that_is_gone_and_keeps_what_it_acknowledged() {
    let (database, store) = fresh().await;
    let weak = format!("{}?options=-csynchronous_commit%3Doff", database.url());
    let weak = PostgresStore::open(&weak, Arc::new(NoSeal)).await.unwrap();
    for store in [store, weak] {
        let mut writes = store.begin("look").await.unwrap();
        for (name, expected) in [
            ("idle_in_transaction_session_timeout", "10s"),
            ("lock_timeout", "15s"),
            ("synchronous_commit", "on"),
        ] {
            let found: String = sqlx::query_scalar("SELECT current_setting($1)")
                .bind(name)
                .fetch_one(&mut *writes)
                .await
                .unwrap();
            assert_eq!(found, expected, "{name}");
        }
    }
}

impl PostgresStore {
    async fn indexes(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT c.relname::TEXT || ' ' || (SELECT string_agg(a.attname, ',' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid) \
             FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
             WHERE c.relnamespace = current_schema()::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid) \
             ORDER BY 1",
        )
        .fetch_all(self.reader())
        .await
        .unwrap()
    }
}

impl SqliteStore {
    async fn indexes(&self) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT m.name || ' ' || (SELECT group_concat(i.name, ',') FROM (SELECT name FROM pragma_index_info(m.name) ORDER BY seqno) i) \
             FROM sqlite_master m WHERE m.type = 'index' AND m.sql IS NOT NULL ORDER BY 1",
        )
        .fetch_all(self.reader())
        .await
        .unwrap()
    }
}
