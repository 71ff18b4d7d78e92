//! A large fleet from SQLite to Postgres and back: what stands there is the same at every stop, and how fast it went. Postgres is one of
//! this benchmark's own, durable as in production.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use sickbay_server::clock::Clock;
use sickbay_server::config::Storage;
use sickbay_server::storage;
use sickbay_store::{Moved, digests};
use sickbay_test_postgres::{Cluster, Durability};

use super::{Figures, stored, this_machine};
use crate::server::open_store;

const DATABASE: &str = "sickbay";

pub(super) async fn measure(devices: usize) -> anyhow::Result<Figures> {
    let folder = tempfile::tempdir().context("make a folder for the databases")?;
    let store = open_store(folder.path()).await?;
    let devices = stored::fleet(&store, devices, Clock::system().now()).await?;
    store.close().await;
    let cluster = tokio::task::spawn_blocking(|| -> anyhow::Result<Cluster> {
        let cluster = Cluster::start(Durability::Full)?;
        cluster.create(DATABASE, None)?;
        Ok(cluster)
    })
    .await??;
    let keys = Storage {
        data_dir: folder.path().to_owned(),
        ..Storage::default()
    };
    let home = keys.database_url();
    let there = cluster.url(DATABASE);
    let back = format!("sqlite://{}", folder.path().join("back.db").display());

    let mut figures = Figures::new("moving");
    figures.put("machine", this_machine());
    figures.put("devices", devices);
    let before = digests(&home).await?;
    let rows: u64 = before.iter().map(|table| table.rows).sum();
    figures.put("rows", rows);
    for (way, from, to) in [("to_postgres", &home, &there), ("to_sqlite", &there, &back)] {
        let begun = Instant::now();
        let moved = storage::move_fleet(from, to, false).await?;
        let took = begun.elapsed();
        ensure!(moved == before, "{way}: something else arrived");
        figures.put(&format!("{way}_s"), took.as_secs());
        let speed = rows as f64 / took.as_secs_f64();
        figures.put(&format!("{way}_rows_per_second"), speed.round());
    }
    let same = digests(&back).await? == before;
    figures.put("tables", before.len());
    figures.put("equal", same);
    ensure!(same, "what came back is something else: {}", names(&before));
    Ok(figures)
}

fn names(tables: &[Moved]) -> String {
    let names: Vec<&str> = tables.iter().map(|table| table.table.as_str()).collect();
    names.join(", ")
}
