//! What only this module can see: every statement against the real schema, and the same schema as SQLite's.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use sickbay_test_postgres::Database;
use sqlx::{
    AssertSqlSafe, Column as _, Executor as _, SqlSafeStr as _, Statement as _, TypeInfo as _,
};

use super::PostgresStore;
use super::body::enumerated;
use crate::SqliteStore;
use crate::chain::NoSeal;
use crate::moving::Ends as _;

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
    for (name, text) in enumerated::statements() {
        let (mut connection, _) = store.connection("prepare").await.unwrap();
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
