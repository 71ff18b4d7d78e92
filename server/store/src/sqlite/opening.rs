//! Opening, creating and migrating the file, with an answer that says what to do where that fails.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::migrations::MIGRATIONS;
use super::{BUSY_TIMEOUT, SqliteStore};
use crate::index::Index;
use crate::schema::{Schema, chain};
use crate::unsealed::Sealable as _;
use crate::usage::Begun;
use crate::{Result, Seal, StoreError};

/// Connections that read at the same time.
const READERS: u32 = 4;
/// Prepared statements kept per connection: every statement of this crate, with each length of a list of rows, fits in.
const STATEMENTS: usize = 512;
/// Rows that the thread of a connection may be ahead of whoever reads them. With fewer the two wait for each other time and again.
const ROWS_AHEAD: usize = 4096;
/// What a connection keeps of the file, in KiB with SQLite's minus sign: the upper levels of the tables of a million devices.
const CACHE: &str = "-16384";
/// How long a caller waits for a connection before the store is called unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);

/// The table in which sqlx keeps what was applied.
const HAS_VERSIONS: &str = "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
const HAS_TABLES: &str =
    "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
const NEWEST_APPLIED: &str = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations WHERE success";

impl SqliteStore {
    /// Opens the database in `path`, or creates it there, readable by this account alone.
    ///
    /// # Errors
    /// [`StoreError::CannotOpen`] where the file cannot be used, was written by a newer version, or by an older one and
    /// [`SqliteStore::migrate`] was not called.
    pub async fn open(path: &Path, seal: Arc<dyn Seal>) -> Result<Self> {
        let (store, from) = Self::connect_as_it_is(path).await?;
        store.take_seal(seal, from).await?;
        Ok(store)
    }

    /// The same before anybody seals its record, with the version that it was found with: 0 where it was empty.
    pub(crate) async fn connect_as_it_is(path: &Path) -> Result<(Self, i64)> {
        create(path)?;
        let store = Self::connect(path).await?;
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

    /// Brings the database in `path` to this version's schema; creates it where there is none. Says the version it now has.
    ///
    /// # Errors
    /// As [`SqliteStore::open`]; a migration that fails leaves the schema as it was before that migration.
    pub async fn migrate(path: &Path, seal: Arc<dyn Seal>) -> Result<i64> {
        let (store, from) = Self::connect_upgrading(path).await?;
        store.take_seal(seal, from).await?;
        store.close().await;
        Ok(MIGRATIONS.newest())
    }

    /// The same before anybody seals its record, with the version that it was found with: 0 where it was empty.
    pub(crate) async fn connect_upgrading(path: &Path) -> Result<(Self, i64)> {
        create(path)?;
        let store = Self::connect(path).await?;
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

    async fn connect(path: &Path) -> Result<Self> {
        let options = options(path);
        let cannot = |error: sqlx::Error| StoreError::CannotOpen {
            location: path.display().to_string(),
            reason: format!(
                "{error}. Is it a Sickbay database, and may this account read and write it and its folder?"
            ),
        };
        // What a statement would need to be taken back stays in memory: of a batch of reports it is more than SQLite keeps there by itself, and
        // with a file for it reports were a tenth slower (decision 51). Readers sort whole fleets, for which files are right.
        let writer = pool(1)
            .connect_with(options.clone().pragma("temp_store", "MEMORY"))
            .await
            .map_err(cannot)?;
        let reader = pool(READERS)
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(cannot)?;
        Ok(Self {
            writer,
            reader,
            path: path.to_owned(),
            seal: OnceLock::new(),
            index: Index::default(),
            writes: Begun::default(),
            reads: Begun::default(),
        })
    }

    async fn schema(&self) -> Result<Schema> {
        let cannot = |error: sqlx::Error| self.cannot_open(&error.to_string());
        let versions: i64 = sqlx::query_scalar(HAS_VERSIONS)
            .fetch_one(&self.reader)
            .await
            .map_err(cannot)?;
        if versions > 0 {
            let found = sqlx::query_scalar(NEWEST_APPLIED)
                .fetch_one(&self.reader)
                .await
                .map_err(cannot)?;
            return Ok(if found == 0 {
                Schema::Empty
            } else {
                Schema::Version(found)
            });
        }
        let tables: i64 = sqlx::query_scalar(HAS_TABLES)
            .fetch_one(&self.reader)
            .await
            .map_err(cannot)?;
        Ok(if tables == 0 {
            Schema::Empty
        } else {
            Schema::Foreign
        })
    }

    async fn bring_up_to_date(&self) -> Result<()> {
        MIGRATIONS
            .migrator()
            .run(&self.writer)
            .await
            .map_err(|error| {
                self.cannot_open(&format!(
                    "its schema could not be brought up to date: {}",
                    chain(&error)
                ))
            })?;
        Ok(())
    }

    fn cannot_open(&self, reason: &str) -> StoreError {
        StoreError::CannotOpen {
            location: self.path.display().to_string(),
            reason: reason.to_owned(),
        }
    }
}

/// Makes an empty file that nobody else may read, before SQLite would make one under the account's default mask. SQLite gives
/// its log and index files the mode of the database.
fn create(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::CannotOpen {
            location: path.display().to_string(),
            reason: format!(
                "it cannot be created: {error}. Does its folder exist, and may this account write there?"
            ),
        }),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(PathBuf::from(path))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENTS)
        .row_buffer_size(ROWS_AHEAD)
        .pragma("cache_size", CACHE)
}

fn pool(connections: u32) -> SqlitePoolOptions {
    // A connection to a file does not go stale, and a new one would prepare every statement again.
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            // SQLite ends a transaction by itself when the disk is full, and sqlx then still counts it as open, for ever. Such a
            // connection would refuse every later transaction, so it is replaced.
            let usable = !connection.is_in_transaction();
            Box::pin(async move { Ok(usable) })
        })
}
