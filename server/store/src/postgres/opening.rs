//! Connecting, creating and migrating, with an answer that says what to do where that fails.

use std::str::FromStr as _;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::migrate::{Migrate as _, MigrateError};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};

use super::PostgresStore;
use super::migrations::MIGRATIONS;
use crate::index::Index;
use crate::schema::{Schema, chain};
use crate::unsealed::Sealable as _;
use crate::{Result, Seal, StoreError};

/// Connections that read at the same time.
const READERS: u32 = 8;
/// Connections of transactions that write; all but one of them wait for the lock.
const WRITERS: u32 = 3;
/// Prepared statements kept per connection: every statement of this crate, with each length of a list of rows, fits in.
const STATEMENTS: usize = 256;
/// How long a caller waits for a connection before the store is called unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);

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

    /// The version of the schema that this build uses.
    pub fn schema_version() -> i64 {
        MIGRATIONS.newest()
    }

    async fn connect(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url).map_err(|error| StoreError::CannotOpen {
            location: "postgres".to_owned(),
            reason: format!(
                "its address cannot be read: {}. Write postgres://USER:PASSWORD@HOST/DATABASE, for example \
                 postgres://sickbay@db.example.org/sickbay?sslmode=verify-full&sslrootcert=/etc/sickbay/db-ca.pem",
                chain(&error)
            ),
        })?;
        let location = location(&options);
        let options = options
            .application_name("sickbay")
            .statement_cache_capacity(STATEMENTS);
        let cannot = |error: sqlx::Error| StoreError::CannotOpen {
            location: location.clone(),
            reason: format!(
                "{}. Is Postgres running there, does the database exist, and may this user make tables in it?",
                chain(&error)
            ),
        };
        // A pool tries again until its patience ends and then says just that; one connection says what is wrong, at once.
        let first = PgConnection::connect_with(&options).await.map_err(cannot)?;
        first.close().await.map_err(cannot)?;
        let writer = pool(WRITERS)
            .connect_with(options.clone())
            .await
            .map_err(cannot)?;
        let reader = pool(READERS).connect_with(options).await.map_err(cannot)?;
        Ok(Self {
            writer,
            reader,
            location,
            seal: OnceLock::new(),
            index: Index::default(),
            writes: AtomicU64::new(0),
        })
    }

    /// What the database holds, once nobody is at work on its tables: between two migrations it would look like one of an older version.
    async fn schema(&self) -> Result<Schema> {
        let cannot = |error: sqlx::Error| self.cannot_open(&chain(&error));
        let refused = |error: MigrateError| self.cannot_open(&chain(&error));
        let mut connection = self.writer.acquire().await.map_err(cannot)?;
        connection.lock().await.map_err(refused)?;
        let found = schema_of(&mut connection).await;
        connection.unlock().await.map_err(refused)?;
        found.map_err(cannot)
    }

    /// Of several servers that begin at once, one makes the tables and the others wait for it.
    async fn bring_up_to_date(&self) -> Result<()> {
        let migrator = MIGRATIONS.migrator();
        migrator.run(&self.writer).await.map_err(|error| {
            self.cannot_open(&format!(
                "its schema could not be brought up to date: {}",
                chain(&error)
            ))
        })?;
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

/// Where it is, without the password.
fn location(options: &PgConnectOptions) -> String {
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let database = options.get_database().unwrap_or_default();
    format!("postgres {database} at {place}")
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
}
