//! How busy the connections to a database are: counted where transactions begin, told when somebody asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How busy a store is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Connections that read.
    pub readers: Connections,
    /// Connections that write.
    pub writers: Connections,
    /// Transactions that read which began since the store was opened. Single statements are not among them.
    pub reads: u64,
    /// How long those waited until they could, together.
    pub waited_to_read: Duration,
    /// How long transactions that write waited until they could, together.
    pub waited_to_write: Duration,
    /// How often connections to another primary, or to another run of it, took the place of those before. Never with a file.
    pub failovers: u64,
}

/// Connections of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    /// Those that somebody has now.
    pub in_use: u32,
    /// The most that there may be.
    pub limit: u32,
}

impl Connections {
    /// Those of a pool.
    pub(crate) fn of<DB: sqlx::Database>(pool: &sqlx::Pool<DB>) -> Self {
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        Self {
            in_use: pool.size().saturating_sub(idle),
            limit: pool.options().get_max_connections(),
        }
    }
}

/// Counts transactions and how long they waited to begin.
#[derive(Debug, Default)]
pub(crate) struct Begun {
    count: AtomicU64,
    waited_us: AtomicU64,
}

impl Begun {
    /// Another one begins now; it is counted also where it does not come to be.
    pub(crate) fn begin(&self) -> Waiting<'_> {
        self.count.fetch_add(1, Ordering::Relaxed);
        Waiting {
            of: self,
            since: Instant::now(),
        }
    }

    /// How many.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// How long they waited, together.
    pub(crate) fn waited(&self) -> Duration {
        Duration::from_micros(self.waited_us.load(Ordering::Relaxed))
    }
}

/// A transaction that waits to begin, until this is dropped.
pub(crate) struct Waiting<'a> {
    of: &'a Begun,
    since: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waited = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.of.waited_us.fetch_add(waited, Ordering::Relaxed);
    }
}
