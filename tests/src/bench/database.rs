//! The database of a benchmark: a file, or a Postgres of its own that is as durable as in production.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use clap::ValueEnum;
use sickbay_server::config::Storage;
use sickbay_store::Store;
use sickbay_test_postgres::{Cluster, Durability};
use tempfile::TempDir;

use super::processor;
use crate::server::DATABASE;

const NAME: &str = "sickbay";

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// The embedded one.
    Sqlite,
    /// A server of its own, on this machine.
    Postgres,
}

impl Kind {
    /// As figures name it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// A database that goes with the benchmark.
pub(super) struct Database {
    folder: TempDir,
    cluster: Option<Cluster>,
}

impl Database {
    /// An empty one.
    pub(super) async fn new(kind: Kind) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for the server")?;
        let cluster = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(
                tokio::task::spawn_blocking(|| -> anyhow::Result<Cluster> {
                    let cluster = Cluster::start(Durability::Full)?;
                    cluster.create(NAME, None)?;
                    Ok(cluster)
                })
                .await??,
            ),
        };
        Ok(Self { folder, cluster })
    }

    /// The data folder of a server on it.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its address; `None` for a file.
    pub(super) fn url(&self) -> Option<String> {
        self.cluster.as_ref().map(|cluster| cluster.url(NAME))
    }

    /// What a server on it is set.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        self.url().into_iter().map(|url| (DATABASE, url)).collect()
    }

    /// The settings of a server in this process.
    pub(super) fn storage(&self) -> Storage {
        Storage {
            data_dir: self.folder.path().to_owned(),
            database: self.url().unwrap_or_default(),
        }
    }

    /// Opens it, as a server would.
    pub(super) async fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        sickbay_server::storage::open(&self.storage())
            .await
            .context("open the database")
    }

    /// Seconds of processor time that its own processes have used.
    pub(super) fn processor(&self) -> anyhow::Result<f64> {
        match &self.cluster {
            None => Ok(0.0),
            Some(cluster) => processor::of_tree(cluster.server()?),
        }
    }
}
