//! The servers that may be the primary, and a connection to the one that is.
//!
//! A server is used where it is no standby and takes writes. Of several that say so the one with the newest history is, and none whose
//! history is older than one that was used already: a primary that was thought dead and comes back has missed what its successor did.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};
use tokio::time::timeout;

use super::address::{Server, location};
use crate::schema::chain;

/// Prepared statements kept per connection: every statement of this crate, with each length of a list of rows, fits in.
const STATEMENTS: usize = 512;
/// How long one server may take to let somebody in and say what it is.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long the server that was used last is asked alone: standbys are left in peace while all is well.
const HEAD_START: Duration = Duration::from_millis(500);
/// How long a primary waits for another one with a newer history to speak up.
const GRACE: Duration = Duration::from_millis(300);

/// What is set on every connection. A client's machine that lost power is given up after some 25 s (10 + 3 * 5), and what it held is
/// free; a setting that this version of Postgres lacks is left out. Whoever set `synchronous_commit` so that an acknowledged commit may
/// be lost is overruled: a collector forgets what was acknowledged.
const SETTINGS: &str = "SELECT set_config(s.name, v.value, FALSE) FROM pg_settings s JOIN (VALUES \
    ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '25000'), \
    ('synchronous_commit', CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN 'on' \
                                ELSE current_setting('synchronous_commit') END)) v (name, value) ON v.name = s.name";
/// What a server is, and since when it runs.
const STATE: &str = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on', pg_postmaster_start_time()::TEXT";
/// Whose history a primary goes on with, and how often it changed hands.
const LINEAGE: &str = "SELECT (pg_control_system()).system_identifier::TEXT, \
    ('x' || lpad(substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), 16, '0'))::BIT(64)::BIGINT";

/// One run of one server. Connections of another one are no good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Its place in the address.
    pub(super) server: usize,
    /// When it started, in its own words.
    started: String,
    /// Servers that do not tell have none.
    lineage: Option<Lineage>,
}

/// A history: which cluster's, and which of its timelines. The number grows with every promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lineage {
    cluster: String,
    timeline: i64,
}

/// A connection to the primary.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) connection: PgConnection,
    pub(super) run: Run,
}

/// What is known of the past.
#[derive(Debug, Default)]
struct Past {
    server: Option<usize>,
    lineage: Option<Lineage>,
}

/// The servers of an address.
#[derive(Debug)]
pub(super) struct Servers {
    each: Vec<Server>,
    past: Mutex<Past>,
}

impl Servers {
    pub(super) fn new(mut each: Vec<Server>) -> Self {
        for server in &mut each {
            let options = server.options.clone();
            server.options = options
                .application_name("sickbay")
                .statement_cache_capacity(STATEMENTS);
        }
        let past = Mutex::default();
        Self { each, past }
    }

    /// Where they are, without the password.
    pub(super) fn location(&self) -> String {
        location(&self.each)
    }

    /// Where one of them is.
    pub(super) fn place(&self, server: usize) -> String {
        self.each[server].place()
    }

    pub(super) fn options(&self, server: usize) -> PgConnectOptions {
        self.each[server].options.clone()
    }

    /// Connects to the primary. Where not everybody is asked, the server that was used last comes first.
    ///
    /// # Errors
    /// What each server said.
    pub(super) async fn primary(&self, everybody: bool) -> Result<Found, String> {
        let known = self.past().server.filter(|_| !everybody);
        if let Some(known) = known
            && let Ok(Ok(found)) = timeout(HEAD_START, self.ask(known)).await
            && self.is_current(&found.run).is_ok()
        {
            return Ok(self.takes(found));
        }
        let mut said: Vec<Option<String>> = vec![None; self.each.len()];
        let mut best: Option<Found> = None;
        let mut asked: FuturesUnordered<_> = (0..self.each.len())
            .map(|server| async move { (server, self.ask(server).await) })
            .collect();
        loop {
            let limit = if best.is_some() { GRACE } else { CONNECT_LIMIT };
            let Ok(Some((server, answer))) = timeout(limit, asked.next()).await else {
                break;
            };
            match answer.and_then(|found| self.is_current(&found.run).map(|()| found)) {
                Ok(found)
                    if best
                        .as_ref()
                        .is_none_or(|b| found.run.is_newer_than(&b.run)) =>
                {
                    best = Some(found);
                }
                Ok(_) => {}
                Err(why) => said[server] = Some(why),
            }
        }
        best.map(|found| self.takes(found))
            .ok_or_else(|| self.told(&said))
    }

    fn past(&self) -> std::sync::MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that this one is used.
    fn takes(&self, found: Found) -> Found {
        let mut past = self.past();
        past.server = Some(found.run.server);
        if found.run.lineage.is_some() {
            past.lineage.clone_from(&found.run.lineage);
        }
        drop(past);
        found
    }

    /// Says why a server is of the past.
    fn is_current(&self, run: &Run) -> Result<(), String> {
        match (&run.lineage, &self.past().lineage) {
            (Some(its), Some(seen)) if its.is_older_than(seen) => Err(format!(
                "it is on timeline {}, and another server went on with timeline {}",
                its.timeline, seen.timeline
            )),
            _ => Ok(()),
        }
    }

    /// Connects to one server, whatever is known of the others.
    async fn ask(&self, server: usize) -> Result<Found, String> {
        let answer = async {
            let mut connection = self.each[server].options.connect().await.map_err(words)?;
            let started = ready(&mut connection).await.map_err(words)?;
            let lineage = lineage(&mut connection).await;
            let run = Run {
                server,
                started,
                lineage,
            };
            Ok(Found { connection, run })
        };
        timeout(CONNECT_LIMIT, answer)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", CONNECT_LIMIT.as_secs())))
    }

    fn told(&self, said: &[Option<String>]) -> String {
        let each = self.each.iter().zip(said).map(|(server, said)| {
            let said = said.as_deref().unwrap_or("no answer");
            format!("{}: {said}", server.place())
        });
        match each.collect::<Vec<_>>().as_slice() {
            [_] => said[0].clone().unwrap_or_else(|| "no answer".to_owned()),
            each => format!("none of its servers is the primary ({})", each.join("; ")),
        }
    }
}

impl Run {
    /// Whether one that is well is to be left for this one: it has a newer history, or another server answers at the same address. Of two
    /// that cannot be compared the one in use stays.
    pub(super) fn succeeds(&self, used: &Self) -> bool {
        let moved = self.server == used.server && self.started != used.started;
        moved || self.is_newer_than(used)
    }

    fn is_newer_than(&self, other: &Self) -> bool {
        match (&self.lineage, &other.lineage) {
            (Some(its), Some(theirs)) => theirs.is_older_than(its),
            _ => false,
        }
    }
}

impl Lineage {
    /// Histories of different clusters cannot be compared: somebody moved the fleet to a new one.
    fn is_older_than(&self, other: &Self) -> bool {
        self.cluster == other.cluster && self.timeline < other.timeline
    }
}

/// Sets what every connection needs, and looks whether it speaks to a primary. Says when the server started.
pub(super) async fn ready(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    (&mut *connection).execute(SETTINGS).await?;
    state(connection).await
}

/// Looks whether a connection still speaks to a primary. Says when the server started.
pub(super) async fn state(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    let row = sqlx::query(STATE).fetch_one(connection).await?;
    let refused = |why: &'static str| Err(sqlx::Error::Io(std::io::Error::other(why)));
    match (row.try_get(0)?, row.try_get(1)?) {
        (true, _) => refused("it is a standby"),
        (_, true) => refused("it is read-only"),
        _ => row.try_get(2),
    }
}

/// Some providers keep this to themselves.
async fn lineage(connection: &mut PgConnection) -> Option<Lineage> {
    let row = sqlx::query(LINEAGE).fetch_one(connection).await.ok()?;
    Some(Lineage {
        cluster: row.try_get(0).ok()?,
        timeline: row.try_get(1).ok()?,
    })
}

/// What a server said, for people.
fn words(error: sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) => error.to_string(),
        error => chain(&error),
    }
}

/// Ends a connection in good manners, as far as the other side has any.
pub(super) async fn end(connection: PgConnection) {
    let _whatever = timeout(GRACE, connection.close()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(server: usize, started: &str, lineage: Option<(&str, i64)>) -> Run {
        Run {
            server,
            started: started.to_owned(),
            lineage: lineage.map(|(cluster, timeline)| Lineage {
                cluster: cluster.to_owned(),
                timeline,
            }),
        }
    }

    #[test]
    fn a_server_that_is_well_is_left_for_its_successor_alone() {
        let used = run(0, "monday", Some(("a", 2)));
        for (found, expected) in [
            (run(0, "monday", Some(("a", 2))), false),
            (run(1, "tuesday", Some(("a", 3))), true),
            (run(1, "tuesday", Some(("a", 1))), false),
            (run(1, "tuesday", Some(("b", 9))), false),
            (run(1, "tuesday", None), false),
            (run(0, "tuesday", None), true),
        ] {
            assert_eq!(found.succeeds(&used), expected, "{found:?}");
        }
    }
}
