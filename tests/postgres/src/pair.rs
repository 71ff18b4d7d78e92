//! A primary, and a standby that has every commit before it is acknowledged.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::cluster::{Cluster, Durability, own};

/// How long a standby may take until it follows.
const FOLLOWS: Duration = Duration::from_secs(30);

/// Two clusters below one folder, each on a socket of its own. Stopped and removed when it is dropped.
#[derive(Debug)]
pub struct Pair {
    /// The primary, and the standby or what is left of a primary.
    clusters: [Cluster; 2],
    folder: PathBuf,
}

impl Pair {
    /// Makes and starts both.
    ///
    /// # Errors
    /// Where Postgres is not installed, and what its programs say where they fail.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("sickbay-postgres-")
            .tempdir()?
            .keep();
        own(&folder)?;
        let clusters = [
            Cluster::at(folder.join("a"))?,
            Cluster::at(folder.join("b"))?,
        ];
        let pair = Self { clusters, folder };
        pair.primary().make(Durability::Full)?;
        // Killing processes loses nothing that the machine has in its memory; what a commit waits for is the standby.
        pair.primary().add("fsync = off\nfull_page_writes = off")?;
        pair.primary().run()?;
        pair.follow()?;
        Ok(pair)
    }

    /// The one that takes writes.
    pub const fn primary(&self) -> &Cluster {
        &self.clusters[0]
    }

    /// The other one: a standby, or a primary that was killed.
    pub const fn other(&self) -> &Cluster {
        &self.clusters[1]
    }

    /// The address of a database, with both servers and always in the same order.
    pub fn url(&self, database: &str) -> String {
        let [a, b] = ["a", "b"].map(|name| self.folder.join(name).display().to_string());
        format!("{}/{database}?host={a},{b}", Cluster::nowhere())
    }

    /// The primary is gone from one moment to the next, and the standby takes its place.
    ///
    /// # Errors
    /// Where the primary lives on, or the standby does not become one, or keeps the same timeline.
    pub fn fail_over(&mut self) -> Result<()> {
        self.primary().kill()?;
        self.promote()
    }

    /// The standby becomes a primary, whatever became of the first one.
    ///
    /// # Errors
    /// Where it does not, or keeps the same timeline.
    pub fn promote(&mut self) -> Result<()> {
        self.clusters.swap(0, 1);
        self.primary().promote()
    }

    /// Makes a standby again of what is left of the other one, and has the primary wait for it from now on.
    ///
    /// # Errors
    /// What Postgres says where it fails.
    pub fn follow(&self) -> Result<()> {
        self.other().follow(self.primary())?;
        self.primary().set("synchronous_standby_names = '*'")?;
        let until = Instant::now() + FOLLOWS;
        const SYNC: &str = "SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        while self.primary().ask("postgres", SYNC)? != "1" {
            ensure!(
                Instant::now() < until,
                "no standby follows within {FOLLOWS:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for cluster in &self.clusters {
            cluster.down();
        }
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}
