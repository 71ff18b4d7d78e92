//! How many bytes a device takes in the database after 90 days, and where they go.
//!
//! What an empty database takes is not counted, nor are tables that do not grow with the fleet ([`OF_ALL`]); indexes, free pages and whatever
//! pages have room for are.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::ensure;
use sickbay_diagnosis::Time;
use sickbay_server::clock::Clock;
use sickbay_store::{PartSize, Sizes, Store};

use super::database::{Database, Kind};
use super::ninety_days::{self, Lived};
use super::{Figures, rounded, this_machine};

/// What a device may take, in bytes.
const MOST_BYTES: f64 = 4_000.0;
/// Different machines of a fleet; more are modelled on the same ones.
const DIFFERENT: usize = 100;
/// The same machines in every run, others than dictionaries were made of.
const SEED: u64 = 1;
/// Tables that do not grow with the fleet: a fixed number of notes of changes, what is counted of all devices together, and who was first
/// with a revision.
const OF_ALL: [&str; 7] = [
    "baseline_claim",
    "change",
    "fleet_count",
    "fleet_day",
    "issue_count",
    "issue_day",
    "source_count",
];

pub(super) async fn measure(kind: Kind, devices: usize) -> anyhow::Result<Figures> {
    ensure!(devices > 0, "nothing is measured");
    let database = Database::new(kind).await?;
    let store = database.open().await?;
    let now = Clock::system().now();
    let fleet = Fleet::grow(&store, devices, DIFFERENT, now).await?;
    let grown = fleet.grown(&store).await?;
    store.tidy(true).await?;
    let anew = fleet.grown(&store).await?;
    store.close().await;

    let mut figures = Figures::new("storage");
    figures.put("machine", this_machine());
    figures.put("database", kind.name());
    figures.put("devices", devices);
    let per_device = |count: usize| rounded(count as f64 / devices as f64);
    let lived = &fleet.lived;
    figures.put("reports_per_device", per_device(lived.reports));
    figures.put("history_rows_per_device", per_device(lived.history.len()));
    figures.put(
        "diagnosed_again_per_device",
        per_device(lived.diagnosed_again),
    );
    figures.put_limited("bytes_per_device", grown.per_device(), MOST_BYTES);
    figures.put("bytes_per_device_written_anew", anew.per_device());
    figures.put(
        "ratio_to_limit",
        rounded(anew.per_device() / grown.per_device()),
    );
    figures.put(
        "packing_us_per_row",
        rounded(lived.packing.as_secs_f64() * 1e6 / lived.packed.max(1) as f64),
    );
    figures.put("bytes_of_all_together", grown.of_all());
    for (part, bytes) in &grown.parts {
        let name = match part.1.as_str() {
            "" => format!("of_{}", part.0),
            index => format!("of_{}.{index}", part.0),
        };
        figures.put(&name, rounded(*bytes as f64 / devices as f64));
    }
    figures.put("of_what_is_free_or_its_own", grown.rest());
    Ok(figures)
}

/// A fleet that lived for 90 days.
struct Fleet {
    devices: usize,
    lived: Lived,
    /// The database before.
    empty: Sizes,
}

impl Fleet {
    async fn grow(
        store: &Arc<dyn Store>,
        devices: usize,
        different: usize,
        now: Time,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            devices,
            empty: store.sizes().await?,
            lived: ninety_days::live(store, devices, different, SEED, now).await?,
        })
    }

    /// By how much its database has grown.
    async fn grown(&self, store: &Arc<dyn Store>) -> anyhow::Result<Grown> {
        let now = store.sizes().await?;
        let before = by_part(&self.empty);
        let parts = by_part(&now).into_iter().map(|(part, bytes)| {
            let before = before.get(&part).copied().unwrap_or_default();
            (part, bytes.saturating_sub(before))
        });
        Ok(Grown {
            devices: self.devices,
            bytes: now.bytes.saturating_sub(self.empty.bytes),
            parts: parts.filter(|(_, bytes)| *bytes > 0).collect(),
        })
    }
}

/// By how much a database has grown.
struct Grown {
    devices: usize,
    bytes: u64,
    /// Table and index; bytes.
    parts: BTreeMap<(String, String), u64>,
}

impl Grown {
    /// What does not grow with the fleet, in bytes.
    fn of_all(&self) -> u64 {
        let of_all = self
            .parts
            .iter()
            .filter(|((table, _), _)| OF_ALL.contains(&table.as_str()));
        of_all.map(|(_, bytes)| bytes).sum()
    }

    /// What is left for each device, in bytes.
    fn per_device(&self) -> f64 {
        rounded(self.bytes.saturating_sub(self.of_all()) as f64 / self.devices as f64)
    }

    /// What is in no table and no index, in bytes a device.
    fn rest(&self) -> f64 {
        let parts: u64 = self.parts.values().sum();
        rounded(self.bytes.saturating_sub(parts) as f64 / self.devices as f64)
    }
}

fn by_part(sizes: &Sizes) -> BTreeMap<(String, String), u64> {
    let part = |part: &PartSize| ((part.table.clone(), part.index.clone()), part.bytes);
    sizes.parts.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::open_store;
    use anyhow::Context as _;

    /// Enough that pages are full, and that no more are ill than in the fleet of the benchmark.
    const DEVICES: usize = 160;
    const FEW_DIFFERENT: usize = 80;
    /// Rows of the whole fleet that stay out of pages.
    const LOOSE: u64 = 100;

    /// What a device takes, in bytes, without the rows of history that are the fleet's newest.
    async fn each(store: &Arc<dyn Store>) -> anyhow::Result<f64> {
        let now = Time::parse("2026-11-27T12:00:00Z").context("a time")?;
        let fleet = Fleet::grow(store, DEVICES, FEW_DIFFERENT, now).await?;
        // A fleet to which nothing happened would keep every limit.
        let lived = &fleet.lived;
        ensure!(lived.reports / DEVICES >= 120, "too few reports");
        ensure!(lived.history.len() / DEVICES >= 12, "too little history");
        ensure!(lived.packed + LOOSE == lived.history.len() as u64);
        let grown = fleet.grown(store).await?;
        let of_history = grown
            .parts
            .iter()
            .filter(|((table, _), _)| table == "history");
        let newest: u64 = of_history.map(|(_, bytes)| bytes).sum();
        store.close().await;
        Ok(grown.per_device() - newest as f64 / DEVICES as f64)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_device_takes_no_more_than_its_limit_after_90_days() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let bytes = each(&open_store(folder.path()).await?).await?;
        assert!(bytes <= MOST_BYTES, "{bytes} bytes a device");
        Ok(())
    }
}
