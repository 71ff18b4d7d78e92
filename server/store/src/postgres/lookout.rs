//! Who keeps an eye on the primary, and the pools of connections to it.
//!
//! One connection asks the server once a second whether it is the primary still, and now and then all others are asked too. Where it does not answer, or a statement failed for want
//! of a connection, every server of the address is asked again until one of them is the primary. Then its pools take the place of the old
//! ones, and whoever still waits on those is told that they are lost. Pools of one run of one server never outlive it, so no
//! connection leads anywhere else.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::Executor as _;
use sqlx::postgres::{PgConnection, PgPoolOptions};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::connection::gone;
use super::servers::{Found, Run, Servers, end, ready, state};

/// Connections that read at the same time.
const READERS: u32 = 8;
/// Connections of transactions that write; all but one of them wait for the lock.
const WRITERS: u32 = 3;
/// How long a caller waits for a connection before the store is called unavailable. A standby is promoted in less.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often the primary is asked.
const TICK: Duration = Duration::from_secs(1);
/// How often all servers are asked, in case another one took over while the one in use lives on and knows nothing of it.
const SURVEY: Duration = Duration::from_secs(5);
/// How long it may take to answer: longer than a checkpoint makes a busy disk slow.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// How long to wait before the servers are asked again, and before a caller tries again.
const AGAIN: Duration = Duration::from_millis(200);

/// A transaction that writes and does nothing for 10 s is ended by the server, for it holds the lock that all others wait for; those give
/// up only after that, so that they get it.
const WRITES: &str = "SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = '15s'";
/// Reads hold nobody up, but keep rows from being cleaned away.
const READS: &str = "SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '15s'";

/// Connections to one run of the primary.
#[derive(Debug)]
pub(crate) struct Pools {
    pub(super) writer: super::Pool,
    pub(super) reader: super::Pool,
    run: Run,
    lost: watch::Sender<bool>,
    doubt: Arc<Notify>,
}

impl Pools {
    fn new(servers: &Servers, run: Run, doubt: &Arc<Notify>) -> Self {
        let pool = |connections, settings: &'static str| {
            let doubt = Arc::clone(doubt);
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(PATIENCE)
                .idle_timeout(None)
                .after_connect(move |connection, _| {
                    let doubt = Arc::clone(&doubt);
                    Box::pin(async move {
                        let made = made(connection, settings).await;
                        made.inspect_err(|_| doubt.notify_one())
                    })
                })
                .connect_lazy_with(servers.options(run.server))
        };
        Self {
            writer: pool(WRITERS, WRITES),
            reader: pool(READERS, READS),
            run,
            lost: watch::Sender::new(false),
            doubt: Arc::clone(doubt),
        }
    }

    /// Comes back when the server is lost.
    pub(crate) async fn lost(&self) {
        let mut lost = self.lost.subscribe();
        // The sender is in here, so it cannot be gone.
        let _lost = lost.wait_for(|lost| *lost).await;
    }

    /// The answer, or that the server is lost.
    pub(crate) async fn until_lost<T>(
        &self,
        answer: impl Future<Output = Result<T, sqlx::Error>> + Send,
    ) -> Result<T, sqlx::Error> {
        tokio::select! {
            biased;
            answer = answer => answer.inspect_err(|error| self.doubt(error)),
            () = self.lost() => Err(gone()),
        }
    }

    /// Has somebody look whether the server is there, where an error says that it may not be.
    pub(super) fn doubt(&self, error: &sqlx::Error) {
        if is_of_the_server(error) {
            self.doubt.notify_one();
        }
    }

    /// Tells everybody that the server is lost. Connections in use are closed as soon as they are let go.
    fn end(&self) {
        drop(self.writer.close());
        drop(self.reader.close());
        self.lost.send_replace(true);
    }

    async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

async fn made(connection: &mut PgConnection, settings: &'static str) -> Result<(), sqlx::Error> {
    ready(connection).await?;
    connection.execute(settings).await.map(|_| ())
}

/// Whether an error tells of the server, and not of the statement.
fn is_of_the_server(error: &sqlx::Error) -> bool {
    const READ_ONLY: &str = "25006";
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(said) => said.code().is_some_and(|code| {
            code.starts_with("08") || code.starts_with("57P") || code == READ_ONLY
        }),
        _ => false,
    }
}

/// Where the primary is.
#[derive(Debug, Clone)]
enum View {
    Primary(Arc<Pools>),
    /// There is none, and this is what each server said.
    Nowhere(Arc<str>),
    /// Nobody looks any more.
    Closed,
}

/// Keeps an eye on the primary.
#[derive(Debug)]
pub(super) struct Lookout {
    servers: Servers,
    view: watch::Sender<View>,
    doubt: Arc<Notify>,
    /// How often pools took the place of others.
    failovers: AtomicU64,
}

impl Lookout {
    /// Finds the primary, and keeps an eye on it until what is returned beside is aborted.
    ///
    /// # Errors
    /// What each server said, where none of them is the primary.
    pub(super) async fn begin(
        servers: Servers,
    ) -> Result<(Arc<Self>, tokio::task::JoinHandle<()>), String> {
        let found = servers.primary(true).await?;
        let doubt = Arc::new(Notify::new());
        let pools = Pools::new(&servers, found.run.clone(), &doubt);
        let lookout = Arc::new(Self {
            servers,
            view: watch::Sender::new(View::Primary(Arc::new(pools))),
            doubt,
            failovers: AtomicU64::new(0),
        });
        let watching = Arc::clone(&lookout);
        let task = tokio::spawn(async move { watching.watch(found).await });
        Ok((lookout, task))
    }

    /// A connection to the primary that belongs to no pool, and what tells when its server is lost.
    pub(super) async fn connection(&self) -> Result<(PgConnection, Arc<Pools>), sqlx::Error> {
        let connect = |pools: Arc<Pools>| -> BoxFuture<'static, _> {
            let options = pools.reader.connect_options();
            Box::pin(async move {
                let mut connection = sqlx::ConnectOptions::connect(&*options).await?;
                ready(&mut connection).await?;
                Ok(connection)
            })
        };
        self.on_primary(connect).await
    }

    /// Does something that asks the primary for nothing but a connection; again where the primary is another one by then.
    pub(super) async fn on_primary<T>(
        &self,
        act: impl Fn(Arc<Pools>) -> BoxFuture<'static, Result<T, sqlx::Error>> + Send,
    ) -> Result<(T, Arc<Pools>), sqlx::Error> {
        let until = Instant::now() + PATIENCE;
        loop {
            // Pools that close here belong to a server that is lost; those of a closed store are not given out.
            let pools = self.pools(until).await?;
            let failed = match pools.until_lost(act(Arc::clone(&pools))).await {
                Ok(done) => return Ok((done, pools)),
                Err(error) => error,
            };
            if !is_of_the_server(&failed) || Instant::now() + AGAIN > until {
                return Err(failed);
            }
            sleep(AGAIN).await;
        }
    }

    /// Pools of the primary, where there is one now.
    pub(super) fn now(&self) -> Option<Arc<Pools>> {
        match &*self.view.borrow() {
            View::Primary(pools) => Some(Arc::clone(pools)),
            View::Nowhere(_) | View::Closed => None,
        }
    }

    /// How often there was another primary, or another run of it.
    pub(super) fn failovers(&self) -> u64 {
        self.failovers.load(Ordering::Relaxed)
    }

    /// Closes every connection.
    pub(super) async fn close(&self) {
        if let View::Primary(pools) = self.view.send_replace(View::Closed) {
            pools.close().await;
        }
    }

    /// Pools of the primary, as soon as there is one.
    async fn pools(&self, until: Instant) -> Result<Arc<Pools>, sqlx::Error> {
        let mut view = self.view.subscribe();
        let is_told = |view: &View| !matches!(view, View::Nowhere(_));
        let seen = match timeout_at(until, view.wait_for(is_told)).await {
            Ok(Ok(seen)) => seen.clone(),
            Ok(Err(_)) | Err(_) => self.view.borrow().clone(),
        };
        match seen {
            View::Primary(pools) => Ok(pools),
            View::Nowhere(why) => Err(sqlx::Error::Io(std::io::Error::other(why.to_string()))),
            View::Closed => Err(sqlx::Error::PoolClosed),
        }
    }

    async fn watch(&self, first: Found) {
        let mut eye = first;
        let mut surveyed = Instant::now();
        loop {
            let _sooner = timeout(TICK, self.doubt.notified()).await;
            let answer = timeout(ANSWER_LIMIT, state(&mut eye.connection)).await;
            let is_well = matches!(answer, Ok(Ok(_)));
            // Something between has forgotten the connections that were there, and says so to nobody: those of the pools too.
            let is_silent = answer.is_err();
            if is_well && surveyed.elapsed() < SURVEY {
                continue;
            }
            // Where it is well there may be a newer one; where it is not, maybe nothing but this connection ended.
            let asked = self.servers.primary(is_well).await;
            surveyed = Instant::now();
            let found = match asked {
                Ok(found) if is_well && !found.run.succeeds(&eye.run) => {
                    end(found.connection).await;
                    continue;
                }
                Ok(found) => found,
                Err(_) if is_well => continue,
                Err(why) => self.search(&why).await,
            };
            self.uses(&found.run, is_silent);
            end(std::mem::replace(&mut eye, found).connection).await;
        }
    }

    /// Asks until there is a primary.
    async fn search(&self, why: &str) -> Found {
        self.loses(why);
        loop {
            sleep(AGAIN).await;
            match self.servers.primary(true).await {
                Ok(found) => return found,
                Err(why) => self.loses(&why),
            }
        }
    }

    /// Pools of this run take the place of those of another one, or of those that nobody answers on.
    fn uses(&self, run: &Run, are_silent: bool) {
        let before = self.view.borrow().clone();
        if let View::Primary(pools) = &before
            && pools.run == *run
            && !are_silent
        {
            return;
        }
        tracing::warn!(
            primary = self.servers.place(run.server),
            "the database has another primary, or it started again, or connections to it fell silent"
        );
        let pools = Pools::new(&self.servers, run.clone(), &self.doubt);
        self.failovers.fetch_add(1, Ordering::Relaxed);
        self.view.send_replace(View::Primary(Arc::new(pools)));
        if let View::Primary(pools) = before {
            pools.end();
        }
    }

    fn loses(&self, why: &str) {
        match self.view.send_replace(View::Nowhere(why.into())) {
            View::Primary(pools) => {
                tracing::error!(
                    why,
                    "the database cannot be reached; it is looked for until it can"
                );
                pools.end();
            }
            View::Nowhere(_) | View::Closed => {}
        }
    }
}
