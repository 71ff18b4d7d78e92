//! How fast devices are diagnosed: the rules alone, on one core with facts in memory; and with everything around them, as when the rules
//! change and the stored fleet is diagnosed again: load, derive facts, decide, write what is different.
//!
//! The devices are those of the demo fleet, a seed's believable mix of healthy and sick ones.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use sickbay_collector::host::Host as _;
use sickbay_collector::inspection::inspect;
use sickbay_diagnosis::context::Sighting;
use sickbay_diagnosis::expectation::{ExpectedSource, UpdateSource};
use sickbay_diagnosis::facts::Facts;
use sickbay_diagnosis::issue::{Case, Shared};
use sickbay_diagnosis::knowledge::Knowledge;
use sickbay_diagnosis::observation::Observations;
use sickbay_diagnosis::{Check, Time, diagnose};
use sickbay_server::clock::Clock;
use sickbay_server::demo::fleet::FleetPlan;
use sickbay_server::ingest::plan::Working;
use sickbay_server::rules::Rules;
use sickbay_store::Concerned;

use super::stored::{BATCH, commit, enrol, report};
use super::{Figures, this_machine};
use crate::server::open_store;

/// Devices a second that the rules alone must reach on one core.
const LEAST_DECIDED: f64 = 200_000.0;
/// Different devices; more are copies of these.
const MACHINES: usize = 500;
/// How long the rules alone are measured.
const DECIDING: Duration = Duration::from_secs(5);

pub(super) async fn measure(devices: usize) -> anyhow::Result<Figures> {
    let now = Clock::system().now();
    let plan = FleetPlan::new(1, MACHINES.min(devices), now);
    let fleet: Vec<Observations> = plan
        .machines()
        .iter()
        .map(|machine| inspect(&machine.recording, Check::ALL))
        .collect();
    if plan.machines().iter().any(|m| m.recording.now() > now) {
        bail!("a machine of the plan lives in the future");
    }
    let mut figures = Figures::new("diagnose");
    figures.put("machine", this_machine());
    figures.put("issues", sickbay_diagnosis::issues::ALL.len());
    figures.put_least(
        "decided_per_second_on_one_core",
        decided_per_second(&fleet, now),
        LEAST_DECIDED,
    );
    figures.put(
        "facts_derived_per_second_on_one_core",
        derived_per_second(&fleet).round(),
    );
    figures.put("devices", devices);
    let (first, again) = through_the_store(&fleet, devices, now).await?;
    figures.put("first_reports_per_second", first.round());
    figures.put("load_diagnose_write_per_second", again.round());
    Ok(figures)
}

/// The rules alone: every issue of every device, one after the other.
fn decided_per_second(fleet: &[Observations], now: Time) -> f64 {
    let rules = Rules::default();
    let sighting = sighting(now);
    let known = Knowledge::built_in();
    let facts: Vec<_> = fleet
        .iter()
        .map(|observations| {
            let facts = Facts::derive(observations, known);
            let kind = facts.windows().kind;
            (
                facts,
                sickbay_diagnosis::expectation::Expectations::of(kind),
            )
        })
        .collect();
    per_second(facts.len(), || {
        for (facts, expectations) in &facts {
            black_box(diagnose(&Case {
                facts,
                expectations,
                fleet: &rules.fleet,
                sighting: Some(&sighting),
                now,
                shared: Shared::default(),
            }));
        }
    })
}

fn derived_per_second(fleet: &[Observations]) -> f64 {
    per_second(fleet.len(), || {
        for observations in fleet {
            black_box(Facts::derive(observations, Knowledge::built_in()));
        }
    })
}

/// Runs `pass` over `devices` devices until the time is over; the first one warms up.
fn per_second(devices: usize, pass: impl Fn()) -> f64 {
    pass();
    let begun = Instant::now();
    let mut passes = 0_u32;
    while begun.elapsed() < DECIDING {
        pass();
        passes += 1;
    }
    f64::from(passes) * devices as f64 / begun.elapsed().as_secs_f64()
}

fn sighting(now: Time) -> Sighting {
    Sighting {
        enrolled_at: now.plus_days(-100),
        last_seen_at: Some(now),
        reported: true,
        collector_version: env!("CARGO_PKG_VERSION").to_owned(),
        clock_ahead_ms: Some(0),
    }
}

/// First reports of devices into a store of the benchmark's own; then all of them diagnosed again because the expected source changed,
/// which opens an issue on nearly every one.
async fn through_the_store(
    fleet: &[Observations],
    devices: usize,
    now: Time,
) -> anyhow::Result<(f64, f64)> {
    let folder = tempfile::tempdir().context("make a folder for the database")?;
    let store = open_store(folder.path()).await?;
    let keys = enrol(&store, devices, now).await?;
    let rules = Rules::default();
    let begun = Instant::now();
    for (batch, keys) in keys.chunks(BATCH as usize).enumerate() {
        let mut changes = Vec::new();
        for (place, state) in store.load_states(keys).await?.into_iter().enumerate() {
            let observations = &fleet[(batch * BATCH as usize + place) % fleet.len()];
            let mut working = Working::new(state, now);
            working.take(&[1; 16], &report(observations), now);
            working.diagnose(&rules, now);
            changes.extend(working.finish());
        }
        commit(&store, changes).await?;
    }
    let first = keys.len() as f64 / begun.elapsed().as_secs_f64();

    let mut other = Rules::default();
    other.wishes.fleet.quality_source = Some(ExpectedSource {
        source: UpdateSource::Wsus,
        server: Some("https://wsus.of.nobody.example:8531".to_owned()),
    });
    let begun = Instant::now();
    let (mut after, mut written) = (0, 0);
    loop {
        let keys = store.keys_after(&Concerned::All, after, BATCH).await?;
        let Some(last) = keys.last() else { break };
        after = *last;
        let mut changes = Vec::new();
        for state in store.load_states(&keys).await? {
            let mut working = Working::new(state, now);
            working.diagnose(&other, now);
            changes.extend(working.finish());
        }
        written += changes.len();
        commit(&store, changes).await?;
    }
    let again = keys.len() as f64 / begun.elapsed().as_secs_f64();
    if written * 10 < keys.len() * 9 {
        bail!(
            "only {written} of {} devices were written: the other wish changed too little",
            keys.len()
        );
    }
    store.close().await;
    Ok((first, again))
}
