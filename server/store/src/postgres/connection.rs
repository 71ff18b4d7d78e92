//! Connections that do not wait for a server that went away.
//!
//! A statement to a machine that lost power gets neither an answer nor an error, for a quarter of an hour on Linux, and sqlx lets
//! nobody set the limits of its sockets. So whoever waits for a statement also waits for the news that its server is lost.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Describe, Either, Execute, Executor, Postgres, SqlStr};

use super::lookout::{Lookout, Pools};

type Answer = Result<Either<PgQueryResult, PgRow>, sqlx::Error>;

/// What is said of a statement whose server is lost.
pub(super) fn gone() -> sqlx::Error {
    let said = "the server is gone, or is the primary no longer";
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, said))
}

/// A connection in a transaction.
#[derive(Debug)]
pub(crate) struct Connection {
    inner: sqlx::Transaction<'static, Postgres>,
    pools: Arc<Pools>,
}

/// A transaction. Rolled back where it is dropped before it is committed.
#[derive(Debug)]
pub(crate) struct Transaction(Connection);

impl Transaction {
    pub(super) const fn new(
        inner: sqlx::Transaction<'static, Postgres>,
        pools: Arc<Pools>,
    ) -> Self {
        Self(Connection { inner, pools })
    }

    /// Keeps what was done. An error leaves open whether it was kept.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        let Connection { inner, pools } = self.0;
        pools.until_lost(inner.commit()).await
    }
}

impl std::ops::Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl std::ops::DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Answer>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        many(&mut self.inner, &self.pools, query)
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let answer = (&mut *self.inner).fetch_optional(query);
        self.pools.until_lost(answer).boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        let answer = (&mut *self.inner).prepare_with(sql, parameters);
        self.pools.until_lost(answer).boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        let answer = (&mut *self.inner).describe(sql);
        self.pools.until_lost(answer).boxed()
    }
}

/// Single reads, each on some connection to the primary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'p>(pub(super) &'p Arc<Lookout>);

impl Reader<'_> {
    async fn connection(self) -> Result<(PoolConnection<Postgres>, Arc<Pools>), sqlx::Error> {
        let acquire = |pools: Arc<Pools>| async move { pools.reader.acquire().await }.boxed();
        self.0.on_primary(acquire).await
    }
}

impl<'p> Executor<'p> for Reader<'p> {
    type Database = Postgres;

    /// All rows are there before the first one is given out: what reads once wants them all.
    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Answer>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let rows = async move {
            let (mut connection, pools) = self.connection().await?;
            let rows: Vec<_> = many(&mut connection, &pools, query).try_collect().await?;
            Ok::<_, sqlx::Error>(stream::iter(rows.into_iter().map(Ok)))
        };
        stream::once(rows).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        async move {
            let (mut connection, pools) = self.connection().await?;
            let answer = connection.fetch_optional(query);
            pools.until_lost(answer).await
        }
        .boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        async move {
            let (mut connection, pools) = self.connection().await?;
            let answer = connection.prepare_with(sql, parameters);
            pools.until_lost(answer).await
        }
        .boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        async move {
            let (mut connection, pools) = self.connection().await?;
            let answer = connection.describe(sql);
            pools.until_lost(answer).await
        }
        .boxed()
    }
}

/// The rows of a statement, until its server is lost.
fn many<'e, 'q: 'e, E>(
    connection: &'e mut PgConnection,
    pools: &Arc<Pools>,
    query: E,
) -> BoxStream<'e, Answer>
where
    E: 'q + Execute<'q, Postgres>,
{
    let mut rows = connection.fetch_many(query);
    let pools = Arc::clone(pools);
    let watched = Arc::clone(&pools);
    // One future for all rows: most of them are there already and do not wait for anything.
    let mut lost = async move { watched.lost().await }.boxed();
    let mut is_lost = false;
    stream::poll_fn(move |context| {
        use std::task::Poll;
        if is_lost {
            return Poll::Ready(None);
        }
        if let Poll::Ready(row) = rows.poll_next_unpin(context) {
            if let Some(Err(error)) = &row {
                pools.doubt(error);
            }
            return Poll::Ready(row);
        }
        lost.poll_unpin(context).map(|()| {
            is_lost = true;
            Some(Err(gone()))
        })
    })
    .boxed()
}
