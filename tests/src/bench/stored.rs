//! Devices in a store of a benchmark's own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use sickbay_collector::inspection::inspect;
use sickbay_diagnosis::observation::Observations;
use sickbay_diagnosis::{Check, Time};
use sickbay_server::clock::Clock;
use sickbay_server::demo::fleet::FleetPlan;
use sickbay_server::ingest::plan::Working;
use sickbay_server::rules::Rules;
use sickbay_server::wire::Report;
use sickbay_store::{
    Approval, Committed, EnrolOutcome, EnrolRequest, HistoryRow, Introduction, NewToken, Store,
    compact, compact_history,
};

use super::{Figures, ninety_days};
use crate::server::open_store;

/// Devices of one commit, as the server's writer takes them.
pub(super) const BATCH: u32 = 500;

/// Enrols so many devices; says their keys.
pub(crate) async fn enrol(
    store: &Arc<dyn Store>,
    devices: usize,
    now: Time,
) -> anyhow::Result<Vec<i64>> {
    let token = NewToken {
        approval: Approval::Nobody,
        ..NewToken::new(vec![1; 32], "bench", now)
    };
    store.create_token(token, "bench").await?;
    let mut keys = Vec::with_capacity(devices);
    for number in 0..devices {
        let request = EnrolRequest {
            by: Introduction::Token(vec![1; 32]),
            key_sha256: number.to_be_bytes().to_vec(),
            host_name: format!("PC-{number}"),
            domain: String::new(),
            ou: String::new(),
            fingerprint: String::new(),
            collector_version: env!("CARGO_PKG_VERSION").to_owned(),
            live_since: now,
            now,
        };
        match store.enrol(request).await? {
            EnrolOutcome::Device(device) => keys.push(device.key),
            refused => bail!("a device was not enrolled: {refused:?}"),
        }
    }
    Ok(keys)
}

/// Different machines of a large fleet; more are copies of these.
const DIFFERENT: usize = 500;

/// A fleet of at least so many devices, as the demo's machines would report: a few hundred that are diagnosed by the rules, and copies.
/// Says how many there are.
pub(super) async fn fleet(
    store: &Arc<dyn Store>,
    devices: usize,
    now: Time,
) -> anyhow::Result<usize> {
    let plan = FleetPlan::new(1, DIFFERENT.min(devices), now);
    let machines = plan.machines();
    let keys = enrol(store, machines.len(), now).await?;
    let rules = Rules::default();
    for (keys, machines) in keys
        .chunks(BATCH as usize)
        .zip(machines.chunks(BATCH as usize))
    {
        let states = store.load_states(keys).await?;
        let mut changes = Vec::with_capacity(states.len());
        for (state, machine) in states.into_iter().zip(machines) {
            let mut working = Working::new(state, now);
            let seen = inspect(&machine.recording, Check::ALL);
            working.take(&[1; 16], &report(&seen), now);
            working.diagnose(&rules, now);
            changes.push(
                working
                    .finish()
                    .context("a first report changes something")?,
            );
        }
        commit(store, changes).await?;
    }
    let copies = devices.div_ceil(machines.len()) - 1;
    store.copy_devices(u32::try_from(copies)?).await?;
    Ok(machines.len() * (copies + 1))
}

/// A first report of these observations.
pub(crate) fn report(observations: &Observations) -> Report {
    Report {
        sequence: 1,
        full: true,
        observations: observations
            .iter_shared()
            .map(|(check, observation)| (check, Arc::clone(observation)))
            .collect(),
        digest: vec![2; 32],
        unknown_checks: 0,
        dropped: None,
    }
}

/// Writes changes, none of which may be refused.
pub(crate) async fn commit(
    store: &Arc<dyn Store>,
    changes: Vec<sickbay_store::DeviceChange>,
) -> anyhow::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let answers = store.commit(&changes).await?;
    if answers.iter().any(|answer| *answer != Committed::Done) {
        bail!("the store refused a change of a device that nobody else writes");
    }
    Ok(())
}

/// Devices that history is taken from.
const WITH_HISTORY: usize = 200;
const SEED: u64 = 7;

/// Writes what is compressed, as it is before: observations of a demo fleet, and pages of the history of one that lived for 90 days; a file
/// each.
pub(super) async fn samples(folder: &Path) -> anyhow::Result<Figures> {
    let now = Clock::system().now();
    let write = |what: &str, number: usize, bytes: Vec<u8>| {
        let folder = folder.join(what);
        std::fs::create_dir_all(&folder).context("make the folder")?;
        std::fs::write(folder.join(format!("{number:06}")), bytes).context("write a sample")
    };
    let plan = FleetPlan::new(SEED, DIFFERENT, now);
    let mut observations = 0_usize;
    for machine in plan.machines() {
        for (_, observation) in inspect(&machine.recording, Check::ALL).iter() {
            write("observations", observations, compact(observation))?;
            observations += 1;
        }
    }
    let home = tempfile::tempdir()?;
    let store = open_store(home.path()).await?;
    let lived = ninety_days::live(&store, WITH_HISTORY, WITH_HISTORY, SEED, now).await?;
    store.close().await;
    let mut by_device: BTreeMap<i64, Vec<HistoryRow>> = BTreeMap::new();
    for ((key, at, change), id) in lived.history.into_iter().zip(1..) {
        let rows = by_device.entry(key).or_default();
        rows.push(HistoryRow { id, at, change });
    }
    let mut pages = 0_usize;
    for rows in by_device.values() {
        // As they are in their first days, and later.
        for length in [2, 8, rows.len()] {
            let page = &rows[..length.min(rows.len())];
            write("history", pages, compact_history(page))?;
            pages += 1;
        }
    }
    let mut figures = Figures::new("samples");
    figures.put("observations", observations);
    figures.put("pages_of_history", pages);
    Ok(figures)
}
