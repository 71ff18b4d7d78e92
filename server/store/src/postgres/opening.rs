//! Connecting, creating and migrating, with an answer that says what to do where that fails.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::Executor as _;
use sqlx::migrate::{Migrate as _, MigrateError};
use sqlx::postgres::PgConnection;
use tokio::sync::Mutex;

use super::lookout::Lookout;
use super::migrations::MIGRATIONS;
use super::servers::{Servers, end};
use super::{PostgresStore, address};
use crate::index::Index;
use crate::schema::{Migrations, Schema, chain};
use crate::unsealed::Sealable as _;
use crate::usage::Begun;
use crate::{Result, Seal, StoreError};

const MIGRATE: &str = "bring the schema up to date";
/// How long a migration waits for a table that somebody uses. While it waits, everybody else waits behind it.
const BUSY: &str = "SET lock_timeout = '3s'";
/// SQLSTATE of who waited for longer.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// How often a migration is tried where a table is busy, and how long the others have it to themselves in between.
const TRIES: u32 = 2;
const BETWEEN: Duration = Duration::from_secs(1);

/// The table in which sqlx keeps what was applied.
const HAS_VERSIONS: &str = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'";
const HAS_TABLES: &str = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema()";
const NEWEST_APPLIED: &str = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations WHERE success";

impl PostgresStore {
    /// Opens the database that `url` names; makes Sickbay's tables in one that is empty.
    ///
    /// # Errors
    /// [`StoreError::CannotOpen`] where it cannot be reached or used, was written by a newer version, or by an older one and
    /// [`PostgresStore::migrate`] was not called.
    pub async fn open(url: &str, seal: Arc<dyn Seal>) -> Result<Self> {
        let (store, from) = Self::connect_as_it_is(url).await?;
        store.take_seal(seal, from).await?;
        Ok(store)
    }

    /// The same before anybody seals its record, with the version that it was found with: 0 where it was empty.
    pub(crate) async fn connect_as_it_is(url: &str) -> Result<(Self, i64)> {
        let store = Self::connect(url).await?;
        let found = store.schema().await?;
        let is_new = MIGRATIONS
            .to_open(found)
            .map_err(|why| store.cannot_open(&why))?;
        if is_new {
            store.bring_up_to_date().await?;
            return Ok((store, 0));
        }
        Ok((store, MIGRATIONS.newest()))
    }

    /// Brings the database that `url` names to this version's schema. Says the version it now has.
    ///
    /// # Errors
    /// As [`PostgresStore::open`]; a migration that fails leaves the schema as it was before that migration.
    pub async fn migrate(url: &str, seal: Arc<dyn Seal>) -> Result<i64> {
        let (store, from) = Self::connect_upgrading(url).await?;
        store.take_seal(seal, from).await?;
        store.close().await;
        Ok(MIGRATIONS.newest())
    }

    /// The same before anybody seals its record, with the version that it was found with: 0 where it was empty.
    pub(crate) async fn connect_upgrading(url: &str) -> Result<(Self, i64)> {
        let store = Self::connect(url).await?;
        let found = store.schema().await?;
        let from = MIGRATIONS
            .to_migrate(found)
            .map_err(|why| store.cannot_open(&why))?;
        store.bring_up_to_date().await?;
        Ok((store, from))
    }

    /// Whether some server leads those of the database that `url` names.
    ///
    /// # Errors
    /// [`StoreError::CannotOpen`] where it cannot be reached.
    pub(crate) async fn is_served(url: &str) -> Result<bool> {
        let store = Self::connect(url).await?;
        let leads = store.lead().await;
        store.close().await;
        Ok(!leads?)
    }

    /// The version of the schema that this build uses.
    pub fn schema_version() -> i64 {
        MIGRATIONS.newest()
    }

    async fn connect(url: &str) -> Result<Self> {
        let servers = address::servers(url).map_err(|reason| StoreError::CannotOpen {
            location: "postgres".to_owned(),
            reason,
        })?;
        let servers = Servers::new(servers);
        let location = servers.location();
        // Who starts is told at once what is wrong; only a server that runs waits for a primary.
        let (lookout, watch) =
            Lookout::begin(servers)
                .await
                .map_err(|why| StoreError::CannotOpen {
                    location: location.clone(),
                    reason: format!(
                        "{why}. Is Postgres running there, does the database exist, and may this user make tables in it?"
                    ),
                })?;
        Ok(Self {
            lookout,
            watch,
            location,
            seal: OnceLock::new(),
            index: Index::default(),
            writes: Begun::default(),
            reads: Begun::default(),
            listener: Mutex::default(),
            leadership: Mutex::default(),
        })
    }

    /// What the database holds, once nobody is at work on its tables: between two migrations it would look like one of an older version.
    async fn schema(&self) -> Result<Schema> {
        let cannot = |error: sqlx::Error| self.cannot_open(&chain(&error));
        let (mut connection, pools) = self.connection(MIGRATE).await?;
        let looked = async {
            let looked = async {
                connection.lock().await?;
                Ok::<_, MigrateError>(schema_of(&mut connection).await)
            };
            Ok(looked.await)
        };
        let found = pools.until_lost(looked).await.map_err(cannot)?;
        // The lock goes with the connection.
        end(connection).await;
        let found = found.map_err(|error| self.cannot_open(&chain(&error)))?;
        found.map_err(cannot)
    }

    /// Of several servers that begin at once, one makes the tables and the others wait for it.
    async fn bring_up_to_date(&self) -> Result<()> {
        let (mut connection, pools) = self.connection(MIGRATE).await?;
        let migrated = pools
            .until_lost(async { Ok(migrated(&mut connection, MIGRATIONS).await) })
            .await
            .map_err(|error| self.cannot_open(&chain(&error)))?;
        end(connection).await;
        migrated.map_err(|error| self.cannot_open(&not_migrated(&error)))?;
        Ok(())
    }

    fn cannot_open(&self, reason: &str) -> StoreError {
        StoreError::CannotOpen {
            location: self.location.clone(),
            reason: reason.to_owned(),
        }
    }
}

async fn schema_of(connection: &mut PgConnection) -> sqlx::Result<Schema> {
    let versions: i64 = sqlx::query_scalar(HAS_VERSIONS)
        .fetch_one(&mut *connection)
        .await?;
    if versions > 0 {
        let found = sqlx::query_scalar(NEWEST_APPLIED)
            .fetch_one(&mut *connection)
            .await?;
        return Ok(match found {
            0 => Schema::Empty,
            found => Schema::Version(found),
        });
    }
    let tables: i64 = sqlx::query_scalar(HAS_TABLES)
        .fetch_one(&mut *connection)
        .await?;
    Ok(match tables {
        0 => Schema::Empty,
        _ => Schema::Foreign,
    })
}

/// Runs what is missing. Waiting for another server that does the same has no limit, waiting for a table has.
pub(super) async fn migrated(
    connection: &mut PgConnection,
    migrations: Migrations,
) -> std::result::Result<(), MigrateError> {
    connection.lock().await?;
    connection.execute(BUSY).await?;
    let mut migrator = migrations.migrator();
    migrator.set_locking(false);
    let mut tries = 1;
    loop {
        match migrator.run_direct(None, connection, false).await {
            Err(error) if is_busy(&error) && tries < TRIES => tries += 1,
            done => return done,
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

pub(super) fn not_migrated(error: &MigrateError) -> String {
    if is_busy(error) {
        return "its schema could not be brought up to date, because a table that is changed was in use all the time. Nothing is half done: \
                stop the servers that use the database, or whatever else does, and run sickbay-server migrate again"
            .to_owned();
    }
    format!(
        "its schema could not be brought up to date: {}",
        chain(error)
    )
}

/// Whether somebody else used a table for too long.
fn is_busy(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}
