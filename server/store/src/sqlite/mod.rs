//! The store on SQLite: a file in WAL mode, one connection that writes, several that read.
//!
//! What is committed survives a power cut (`synchronous = FULL`). Another process, such as the command line beside a running server, may
//! write too: each side waits up to [`BUSY_TIMEOUT`] for the other. Readers see the last commit and block nobody.
//!
//! The body of every method is written once for all databases (`src/body`) and compiled here against [`Db`]; this module holds
//! what is SQLite's own.

mod migrations;
mod opening;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::Sqlite;

use crate::error::During;
use crate::index::Index;
use crate::unsealed::NoSealYet;
use crate::usage::{Begun, Connections, Usage};
use crate::{Result, Seal};

/// The database that the shared body is compiled against.
pub(crate) type Db = Sqlite;
/// Whether several servers may use a database at once.
pub(crate) const SHARED: bool = false;
/// A connection of it.
pub(crate) type Connection = sqlx::SqliteConnection;
/// A pool of connections.
pub(crate) type Pool = sqlx::SqlitePool;
/// The store that the shared body implements.
pub(crate) type Backend = SqliteStore;

/// How long a writer waits for another process's transaction.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A list of device keys as one bound value, so that one statement serves every length.
macro_rules! key_list {
    ($placeholder:literal) => {
        concat!("(SELECT value FROM json_each(", $placeholder, "))")
    };
}

/// Begins an array of arrays of columns, one for each row.
macro_rules! array_of_rows {
    () => {
        "json_group_array(json_array("
    };
}

/// Ends it.
macro_rules! end_of_rows {
    () => {
        "))"
    };
}

/// The devices of such a list, in its order.
macro_rules! keyed_devices {
    ($placeholder:literal) => {
        concat!(
            "json_each(",
            $placeholder,
            ") k CROSS JOIN device d ON d.key = k.value"
        )
    };
}

/// The value bound for [`key_list!`] and [`keyed_devices!`].
pub(crate) fn key_list(keys: &[i64]) -> String {
    serde_json::to_string(keys).expect("numbers always have a JSON form")
}

/// The id of a copied device: its original's with another end, made of its key.
#[cfg(any(test, feature = "benchmarks"))]
macro_rules! id_of_copy {
    ($key:literal) => {
        concat!("substr(id, 1, 24) || printf('%012x', ", $key, ")")
    };
}

/// A list of texts as one bound value.
macro_rules! text_list {
    ($placeholder:literal) => {
        concat!("(SELECT value FROM json_each(", $placeholder, "))")
    };
}

/// The value bound for [`text_list!`].
pub(crate) fn text_list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    serde_json::to_string(&texts.collect::<Vec<_>>()).expect("texts always have a JSON form")
}

/// A placeholder in a list of rows; takes the type from the value. It bears no number: SQLite looks numbered ones up by walking through
/// all of the statement, each time it is run, and that was most of what a long list of rows cost.
pub(crate) fn placeholder(text: &mut String, _number: usize, _kind: crate::column::Column) {
    text.push('?');
}

/// Takes the rows read under it for this transaction; SQLite's writer already has the database to itself.
macro_rules! for_update {
    () => {
        ""
    };
}

/// Every column of every table, in the shape of `anatomy::AnatomyRow`.
pub(crate) const ANATOMY: &str = "SELECT m.name AS tab, c.name AS col, c.type AS kind, c.\"notnull\" AS required, c.pk AS place, \
    COALESCE((SELECT f.\"table\" FROM pragma_foreign_key_list(m.name) f WHERE f.\"from\" = c.name), '') AS parent \
    FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid";

/// What the file takes, in bytes, with its free pages.
#[cfg(any(test, feature = "benchmarks"))]
pub(crate) const WHOLE: &str =
    "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
/// What each table and index takes, in bytes.
#[cfg(any(test, feature = "benchmarks"))]
pub(crate) const PARTS: &str = "SELECT COALESCE(m.tbl_name, s.name) AS tab, CASE WHEN m.type = 'index' THEN s.name ELSE '' END AS part, \
    s.pgsize AS bytes FROM dbstat s LEFT JOIN sqlite_master m ON m.name = s.name WHERE s.aggregate = 1 ORDER BY 1, 2";
/// Nothing is left to do: pages that nobody uses are used again at once.
#[cfg(any(test, feature = "benchmarks"))]
pub(crate) const TIDY: &str = "PRAGMA wal_checkpoint(PASSIVE)";
/// Writes all of it anew.
#[cfg(any(test, feature = "benchmarks"))]
pub(crate) const COMPACT: &str = "VACUUM";

/// The highest id of history goes on where all that has it is a page; the rest SQLite does by itself.
const NUMBERED: [&str; 2] = [
    "UPDATE sqlite_sequence SET seq = MAX(seq, (SELECT COALESCE(MAX(last_id), 0) FROM history_page)) WHERE name = 'history'",
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'history', COALESCE(MAX(last_id), 0) FROM history_page \
     WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'history')",
];

/// Lets numbers that are given out go on behind those that were written as they are.
pub(crate) async fn numbers_follow(connection: &mut Connection) -> Result<()> {
    for statement in NUMBERED {
        sqlx::query(statement)
            .execute(&mut *connection)
            .await
            .during("number rows")?;
    }
    Ok(())
}

/// Lets a transaction take its time, which SQLite does anyway.
pub(crate) async fn take_time(_connection: &mut Connection) -> Result<()> {
    Ok(())
}

#[path = "../body/mod.rs"]
mod body;

/// How long it takes to notice what another process wrote.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The store on SQLite. Cheap to share behind an `Arc`; made by [`SqliteStore::open`].
#[derive(Debug)]
pub struct SqliteStore {
    writer: Pool,
    reader: Pool,
    path: PathBuf,
    /// Given once, after the tables are there.
    seal: OnceLock<Arc<dyn Seal>>,
    index: Index,
    /// Transactions that were begun to write.
    writes: Begun,
    /// Transactions that were begun to read.
    reads: Begun,
}

impl SqliteStore {
    /// Begins a transaction that writes. Taking the write lock at once means that it never fails half way for want of it.
    pub(crate) async fn begin(
        &self,
        operation: &'static str,
    ) -> Result<sqlx::Transaction<'static, Db>> {
        let _waits = self.writes.begin();
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .during(operation)
    }

    /// Begins a transaction that reads one state of the database throughout.
    pub(crate) async fn begin_read(
        &self,
        operation: &'static str,
    ) -> Result<sqlx::Transaction<'static, Db>> {
        let _waits = self.reads.begin();
        self.reader.begin().await.during(operation)
    }

    /// Runs a statement that no transaction may be around.
    #[cfg(any(test, feature = "benchmarks"))]
    pub(crate) async fn alone(
        &self,
        statement: &'static str,
    ) -> std::result::Result<(), sqlx::Error> {
        let done = sqlx::query(statement).execute(&self.writer).await;
        done.map(|_| ())
    }

    /// Waits until something may have been written: other processes tell nobody, so it is only ever a moment.
    pub(crate) async fn written(&self, at_most: Duration) {
        tokio::time::sleep(LOOK_AGAIN.min(at_most)).await;
    }

    /// Whether this server holds what one of them holds: on a file there is one.
    #[expect(clippy::unused_async, reason = "as for the other database")]
    pub(crate) async fn lead(&self) -> Result<bool> {
        Ok(true)
    }

    /// How many transactions were begun to write.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.count()
    }

    /// How busy its connections are.
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            readers: Connections::of(&self.reader),
            writers: Connections::of(&self.writer),
            reads: self.reads.count(),
            waited_to_read: self.reads.waited(),
            waited_to_write: self.writes.waited(),
            failovers: 0,
        }
    }

    /// Bytes of the file and of the log that is not moved into it yet.
    #[expect(clippy::unused_async, reason = "as for the other database")]
    pub(crate) async fn size_bytes(&self) -> Result<u64> {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        Ok(bytes(&self.path) + bytes(Path::new(&log)))
    }

    /// Connections for single reads.
    pub(crate) const fn reader(&self) -> &Pool {
        &self.reader
    }

    /// The fleet in memory.
    pub(crate) const fn index(&self) -> &Index {
        &self.index
    }

    /// What signs the record.
    pub(crate) fn seal(&self) -> &dyn Seal {
        self.seal.get().map_or(&NoSealYet, |seal| &**seal)
    }

    /// Has the record signed by this from here on.
    pub(crate) fn set_seal(&self, seal: Arc<dyn Seal>) {
        // Who comes second finds one that signs already.
        let _is_first = self.seal.set(seal).is_ok();
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes every connection, which also moves the write-ahead log into the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests;
