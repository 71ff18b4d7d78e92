//! The store on Postgres, for larger fleets and for several servers on one database.
//!
//! Transactions that write come one after the other, over all servers, as they do on SQLite: each holds the same advisory lock until
//! what it wrote can be seen. So what the shared body reads before it writes stays true, changes are numbered in the order in which
//! they can be seen, and no two transactions wait for each other. Reports are written in batches, so a lock is held once for many.
//! Readers see the last commit and wait for nobody.
//!
//! The body of every method is written once for all databases (`src/body`) and compiled here against [`Db`]; this module holds
//! what is Postgres' own.

mod address;
mod connection;
mod lookout;
mod migrations;
mod opening;
mod servers;

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt as _;
use sqlx::postgres::{PgConnection, PgListener};
use sqlx::{Executor as _, Postgres};
use tokio::sync::Mutex;

use crate::column::Column;
use crate::error::During;
use crate::index::Index;
use crate::unsealed::NoSealYet;
use crate::usage::{Begun, Connections, Usage};
use crate::{Result, Seal};

/// The database that the shared body is compiled against.
pub(crate) type Db = Postgres;
/// Whether several servers may use a database at once.
pub(crate) const SHARED: bool = true;
/// A connection of it.
pub(crate) use connection::Connection;
use connection::{Reader, Transaction};
use lookout::{Lookout, Pools};
/// A pool of connections.
pub(crate) type Pool = sqlx::PgPool;
/// The store that the shared body implements.
pub(crate) type Backend = PostgresStore;

/// Waits until no other transaction writes; once it is committed, every server is told that something was written. The number is Sickbay's own.
const LOCK: &str = "SELECT pg_advisory_xact_lock(6001512030491); NOTIFY sickbay";
/// What [`LOCK`] tells.
const CHANNEL: &str = "sickbay";
/// Takes what one server holds as long as it lives; the number is Sickbay's own.
const LEAD: &str = "SELECT pg_try_advisory_lock(6001512030492)";
/// Whether a connection answers.
const STILL_HERE: &str = "SELECT 1::BIGINT";
/// How long the connection that holds [`LEAD`] may take to answer before it counts as lost.
const LEADER_ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// The pause after which somebody listens again where the database could not be listened to.
const LISTEN_AGAIN: Duration = Duration::from_millis(250);
/// Bytes of the database.
const SIZE: &str = "SELECT pg_database_size(current_database())";
/// Begins a transaction that sees one state of the database throughout.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A list of device keys as one bound value, so that one statement serves every length.
macro_rules! key_list {
    ($placeholder:literal) => {
        concat!("(SELECT unnest(", $placeholder, "::BIGINT[]))")
    };
}

/// Begins an array of arrays of columns, one for each row.
macro_rules! array_of_rows {
    () => {
        "COALESCE(CAST(json_agg(json_build_array("
    };
}

/// Ends it, in the order of [`keyed_devices!`].
macro_rules! end_of_rows {
    () => {
        ") ORDER BY k.place) AS TEXT), '[]')"
    };
}

/// The devices of such a list, in its order.
macro_rules! keyed_devices {
    ($placeholder:literal) => {
        concat!(
            "unnest(",
            $placeholder,
            "::BIGINT[]) WITH ORDINALITY AS k (value, place) JOIN device d ON d.key = k.value"
        )
    };
}

/// The value bound for [`key_list!`] and [`keyed_devices!`].
pub(crate) fn key_list(keys: &[i64]) -> Vec<i64> {
    keys.to_vec()
}

/// The id of a copied device: its original's with another end, made of its key.
#[cfg(any(test, feature = "benchmarks"))]
macro_rules! id_of_copy {
    ($key:literal) => {
        concat!("substr(id, 1, 24) || lpad(to_hex(", $key, "), 12, '0')")
    };
}

/// A list of texts as one bound value.
macro_rules! text_list {
    ($placeholder:literal) => {
        concat!("(SELECT unnest(", $placeholder, "::TEXT[]))")
    };
}

/// The value bound for [`text_list!`].
pub(crate) fn text_list<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    texts.map(str::to_owned).collect()
}

/// A placeholder in a list of rows, with its type, which Postgres would take for text where nothing else tells.
pub(crate) fn placeholder(text: &mut String, number: usize, kind: Column) {
    let kind = match kind {
        Column::Int => "BIGINT",
        Column::Text => "TEXT",
        Column::Bytes => "BYTEA",
    };
    let _ = write!(text, "${number}::{kind}");
}

/// Takes the rows read under it for this transaction; [`LOCK`] has them already.
macro_rules! for_update {
    () => {
        ""
    };
}

/// Every column of every table, in the shape of `anatomy::AnatomyRow`.
pub(crate) const ANATOMY: &str = "SELECT t.relname::TEXT AS tab, a.attname::TEXT AS col, format_type(a.atttypid, NULL)::TEXT AS kind, \
    (CASE WHEN a.attnotnull THEN 1 ELSE 0 END)::BIGINT AS required, \
    COALESCE((SELECT array_position(p.conkey, a.attnum) FROM pg_constraint p WHERE p.conrelid = t.oid AND p.contype = 'p'), 0)::BIGINT AS place, \
    COALESCE((SELECT o.relname::TEXT FROM pg_constraint f JOIN pg_class o ON o.oid = f.confrelid \
              WHERE f.conrelid = t.oid AND f.contype = 'f' AND a.attnum = ANY (f.conkey)), '') AS parent \
    FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped \
    WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace \
    ORDER BY t.relname, a.attnum";

/// What the database takes, in bytes, with its catalogues.
#[cfg(any(test, feature = "benchmarks"))]
pub(crate) const WHOLE: &str = "SELECT pg_database_size(current_database())";
/// What each table takes with what is stored beside it, and each index, in bytes.
#[cfg(any(test, feature = "benchmarks"))]
pub(crate) const PARTS: &str = "SELECT t.relname::TEXT AS tab, ''::TEXT AS part, pg_table_size(t.oid) AS bytes FROM pg_class t \
    WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace \
    UNION ALL SELECT t.relname::TEXT, i.relname::TEXT, pg_relation_size(i.oid) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
    JOIN pg_class t ON t.oid = x.indrelid WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace ORDER BY 1, 2";
/// What the database does by itself in time.
#[cfg(any(test, feature = "benchmarks"))]
pub(crate) const TIDY: &str = "VACUUM";
/// Writes all of it anew.
#[cfg(any(test, feature = "benchmarks"))]
pub(crate) const COMPACT: &str = "VACUUM (FULL)";

/// Columns that give out numbers.
const NUMBERED: [&str; 4] = [
    "SELECT setval(pg_get_serial_sequence('device', 'key'), COALESCE((SELECT MAX(key) FROM device), 0) + 1, FALSE)",
    "SELECT setval(pg_get_serial_sequence('history', 'id'), GREATEST((SELECT MAX(id) FROM history), (SELECT MAX(last_id) FROM history_page), 0) + 1, FALSE)",
    "SELECT setval(pg_get_serial_sequence('change', 'seq'), COALESCE((SELECT MAX(seq) FROM change), 0) + 1, FALSE)",
    "SELECT setval(pg_get_serial_sequence('bulletin', 'seq'), COALESCE((SELECT MAX(seq) FROM bulletin), 0) + 1, FALSE)",
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

#[path = "../body/mod.rs"]
mod body;

/// The store on Postgres. Cheap to share behind an `Arc`; made by [`PostgresStore::open`].
#[derive(Debug)]
pub struct PostgresStore {
    lookout: Arc<Lookout>,
    /// Keeps an eye on the primary.
    watch: tokio::task::JoinHandle<()>,
    location: String,
    /// Given once, after the tables are there.
    seal: OnceLock<Arc<dyn Seal>>,
    index: Index,
    /// Transactions that were begun to write.
    writes: Begun,
    /// Transactions that were begun to read.
    reads: Begun,
    /// What is told of whenever something was written.
    listener: Mutex<Option<(PgListener, Arc<Pools>)>>,
    leadership: Mutex<Leadership>,
}

/// The connection on which a server leads, or tries to.
#[derive(Debug, Default)]
struct Leadership {
    connection: Option<(PgConnection, Arc<Pools>)>,
    holds: bool,
}

impl PostgresStore {
    /// Begins a transaction that writes, when no other one does.
    pub(crate) async fn begin(&self, operation: &'static str) -> Result<Transaction> {
        let _waits = self.writes.begin();
        // The lock is not taken by the statement that begins: sqlx rolls back only what it knows to have begun, and a caller who
        // gave up would leave a connection behind that holds the lock.
        let begin = |pools: Arc<Pools>| {
            async move {
                let mut transaction = pools.writer.begin().await?;
                (&mut *transaction).execute(LOCK).await?;
                Ok(transaction)
            }
            .boxed()
        };
        let (transaction, pools) = self.lookout.on_primary(begin).await.during(operation)?;
        Ok(Transaction::new(transaction, pools))
    }

    /// Begins a transaction that reads one state of the database throughout.
    pub(crate) async fn begin_read(&self, operation: &'static str) -> Result<Transaction> {
        let _waits = self.reads.begin();
        let begin =
            |pools: Arc<Pools>| async move { pools.reader.begin_with(BEGIN_READ).await }.boxed();
        let (transaction, pools) = self.lookout.on_primary(begin).await.during(operation)?;
        Ok(Transaction::new(transaction, pools))
    }

    /// A connection to the primary for one purpose alone, of no pool and with no limit of time. Beside it comes what tells when its server
    /// is lost ([`Pools::lost`]): whoever waits for anything on the connection has to wait for that too.
    pub(crate) async fn connection(
        &self,
        operation: &'static str,
    ) -> Result<(PgConnection, Arc<Pools>)> {
        self.lookout.connection().await.during(operation)
    }

    /// Runs a statement that no transaction may be around.
    #[cfg(any(test, feature = "benchmarks"))]
    pub(crate) async fn alone(
        &self,
        statement: &'static str,
    ) -> std::result::Result<(), sqlx::Error> {
        let (mut connection, _) = self.lookout.connection().await?;
        connection.execute(statement).await?;
        sqlx::Connection::close(connection).await
    }

    /// Waits until something may have been written.
    pub(crate) async fn written(&self, at_most: Duration) {
        let mut place = self.listener.lock().await;
        let heard = tokio::time::timeout(at_most, self.hear(&mut place)).await;
        if let Ok(Err(_)) = heard {
            // Whoever waited reads next, and is told what is wrong.
            *place = None;
            drop(place);
            tokio::time::sleep(LISTEN_AGAIN.min(at_most)).await;
        }
    }

    async fn hear(
        &self,
        place: &mut Option<(PgListener, Arc<Pools>)>,
    ) -> std::result::Result<(), sqlx::Error> {
        let Some((listener, pools)) = place else {
            let listen = |pools: Arc<Pools>| {
                async move {
                    let mut listener = PgListener::connect_with(&pools.reader).await?;
                    listener.listen(CHANNEL).await?;
                    Ok(listener)
                }
                .boxed()
            };
            *place = Some(self.lookout.on_primary(listen).await?);
            // Nobody told of what was written before.
            return Ok(());
        };
        // Without a word where the connection was lost and made again: what was written between is told of by nobody.
        pools.until_lost(listener.try_recv()).await?;
        while listener.next_buffered().is_some() {}
        Ok(())
    }

    /// Whether this server holds what one of them holds.
    pub(crate) async fn lead(&self) -> Result<bool> {
        const LEADING: &str = "lead the servers of this database";
        let mut leadership = self.leadership.lock().await;
        if leadership.connection.is_none() {
            leadership.connection = Some(self.connection(LEADING).await?);
        }
        let asked = tokio::time::timeout(LEADER_ANSWERS_WITHIN, leadership.ask()).await;
        let lost = match asked {
            Ok(Ok(())) => return Ok(leadership.holds),
            Ok(Err(error)) => error,
            Err(_) => sqlx::Error::PoolTimedOut,
        };
        // The lock goes with the connection.
        *leadership = Leadership::default();
        Err(lost).during(LEADING)
    }

    /// How many transactions were begun to write.
    pub(crate) fn writes(&self) -> u64 {
        self.writes.count()
    }

    /// How busy its connections are; none are where no server is the primary now.
    pub(crate) fn usage(&self) -> Usage {
        let pools = self.lookout.now();
        let of = |pool: fn(&Pools) -> &Pool| {
            let pools = pools.as_ref();
            pools.map_or_else(Connections::default, |pools| Connections::of(pool(pools)))
        };
        Usage {
            readers: of(|pools| &pools.reader),
            writers: of(|pools| &pools.writer),
            reads: self.reads.count(),
            waited_to_read: self.reads.waited(),
            waited_to_write: self.writes.waited(),
            failovers: self.lookout.failovers(),
        }
    }

    /// Bytes of the database, with its indexes.
    pub(crate) async fn size_bytes(&self) -> Result<u64> {
        let bytes: i64 = sqlx::query_scalar::<Db, i64>(SIZE)
            .fetch_one(self.reader())
            .await
            .during("measure the database")?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    /// Connections for single reads.
    pub(crate) const fn reader(&self) -> Reader<'_> {
        Reader(&self.lookout)
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

    /// Closes every connection.
    pub async fn close(&self) {
        *self.leadership.lock().await = Leadership::default();
        *self.listener.lock().await = None;
        self.watch.abort();
        self.lookout.close().await;
    }
}

impl Leadership {
    async fn ask(&mut self) -> std::result::Result<(), sqlx::Error> {
        let Some((connection, pools)) = &mut self.connection else {
            return Ok(());
        };
        if self.holds {
            let answer = sqlx::query_scalar::<Db, i64>(STILL_HERE).fetch_one(connection);
            return pools.until_lost(answer).await.map(|_| ());
        }
        let answer = sqlx::query_scalar(LEAD).fetch_one(connection);
        self.holds = pools.until_lost(answer).await?;
        Ok(())
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// Lets a transaction take its time: what is read or written waits for another database.
pub(crate) async fn take_time(connection: &mut Connection) -> Result<()> {
    sqlx::query("SET LOCAL idle_in_transaction_session_timeout = 0")
        .execute(connection)
        .await
        .map(|_| ())
        .during("begin to move a fleet")
}

#[cfg(test)]
mod tests;
