//! How long it takes to say why an update is on some devices of a large fleet and not on others: every device put into exactly one class,
//! a page of one class, and learning anew from all devices which update brings which build.
//!
//! The devices are those of the demo fleet, copied. Their profiles are what the server keeps of a device that reports; the rest of a
//! report is left out, for no question about updates reads it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use sickbay_collector::inspection::inspect;
use sickbay_diagnosis::explanation::Class;
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::{Check, Time};
use sickbay_server::clock::Clock;
use sickbay_server::demo::fleet::FleetPlan;
use sickbay_server::ingest::plan::Working;
use sickbay_server::rules::Rules;
use sickbay_server::updates::{self, Tally};
use sickbay_store::{DeviceChange, DeviceSummary, Page, ReportMark, Scope, Store};

use super::stored::{BATCH, commit, enrol, report};
use super::{Figures, this_machine};
use crate::server::open_store;

/// Different devices; more are copies of these.
const MACHINES: usize = 500;
/// How often each question is asked; the median counts.
const ASKED: usize = 7;
/// The whole fleet's answer must be there within this, in milliseconds.
const MOST_MS: f64 = 1000.0;
/// Devices of a page.
const PAGE: u32 = 100;

pub(super) async fn measure(devices: usize) -> anyhow::Result<Figures> {
    let now = Clock::system().now();
    let folder = tempfile::tempdir().context("make a folder for the database")?;
    let store = open_store(folder.path()).await?;
    let bytes = fill(&store, devices, now).await?;

    let begun = Instant::now();
    let said = updates::learn(store.as_ref(), true, now).await?;
    let learning = begun.elapsed();
    let mut rules = Rules::default();
    rules.fleet.updates = updates::learned(store.as_ref(), &said).await?;
    let newest = newest(store.as_ref(), &rules).await?;

    let mut figures = Figures::new("explain");
    figures.put("machine", this_machine());
    figures.put("devices", devices);
    figures.put("profile_bytes", bytes);
    figures.put("learn_ms", millis(learning));
    figures.put("asked_for", newest.clone());
    let (fleet, tally) = whole_fleet(store.as_ref(), &rules, &newest, now).await?;
    figures.put_limited("explain_ms", fleet, MOST_MS);
    let (unknown, _) = whole_fleet(store.as_ref(), &rules, "KB99999999", now).await?;
    figures.put_limited("explain_unknown_ms", unknown, MOST_MS);
    ensure!(
        tally.devices() == devices as u64,
        "the classes add up to {} of {devices} devices",
        tally.devices()
    );
    figures.put("classes", tally.classes.len());
    let rarest = rarest(&tally);
    figures.put("rarest_class", rarest.name());
    figures.put("devices_in_it", tally.of(rarest));
    let page = page_of(store.as_ref(), &rules, &newest, rarest, now).await?;
    figures.put_limited("page_of_rarest_class_ms", page, MOST_MS);
    store.close().await;
    Ok(figures)
}

/// The update that brings the newest revision which most devices of the largest release run.
async fn newest(store: &dyn Store, rules: &Rules) -> anyhow::Result<String> {
    let counts = store.revision_counts(&Scope::All).await?;
    let releases = updates::releases(&counts, rules);
    let revision = releases
        .first()
        .and_then(|release| release.newest.iter().find(|revision| revision.kb.is_some()));
    let kb = revision.and_then(|revision| revision.kb);
    Ok(kb
        .context("the fleet has learned no update of its largest release")?
        .to_string())
}

fn rarest(tally: &Tally) -> Class {
    let rarest = tally.classes.iter().min_by_key(|(_, devices)| **devices);
    rarest.map_or(Class::Unknown, |(class, _)| *class)
}

async fn whole_fleet(
    store: &dyn Store,
    rules: &Rules,
    update: &str,
    now: Time,
) -> anyhow::Result<(f64, Tally)> {
    let mut took = Vec::with_capacity(ASKED);
    let mut tally = Tally::default();
    for _ in 0..ASKED {
        let begun = Instant::now();
        let question = updates::question(rules, update)?;
        tally = updates::tally(store, &Scope::All, &Filter::Everything, &question, now).await?;
        took.push(begun.elapsed());
    }
    Ok((median(took), tally))
}

/// How long the first page of a class takes.
async fn page_of(
    store: &dyn Store,
    rules: &Rules,
    update: &str,
    class: Class,
    now: Time,
) -> anyhow::Result<f64> {
    let page = Page {
        after: None,
        limit: PAGE,
    };
    let mut took = Vec::with_capacity(ASKED);
    for _ in 0..ASKED {
        let begun = Instant::now();
        let question = updates::question(rules, update)?;
        let (rows, _) = updates::page(
            store,
            &Scope::All,
            &Filter::Everything,
            &question,
            Some(class),
            &page,
            now,
        )
        .await?;
        took.push(begun.elapsed());
        ensure!(
            !rows.is_empty(),
            "no device of class {} was listed",
            class.name()
        );
    }
    Ok(median(took))
}

fn median(mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    millis(took[took.len() / 2])
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round()
}

/// What the server writes of a device of the plan for questions about updates.
struct Kept {
    summary: DeviceSummary,
    profile: Vec<u8>,
}

/// Fills the store with copies of the plan's devices; says how long a profile is on average.
async fn fill(store: &Arc<dyn Store>, devices: usize, now: Time) -> anyhow::Result<usize> {
    let keys = enrol(store, devices, now).await?;
    let plan = FleetPlan::new(1, MACHINES.min(devices), now);
    let first = &keys[..plan.machines().len()];
    let states = store.load_states(first).await?;
    let rules = Rules::default();
    let mut kept = Vec::with_capacity(states.len());
    for (state, machine) in states.into_iter().zip(plan.machines()) {
        let mut working = Working::new(state, now);
        working.take(
            &[1; 16],
            &report(&inspect(&machine.recording, Check::ALL)),
            now,
        );
        working.diagnose(&rules, now);
        let change = working
            .finish()
            .context("a first report changes something")?;
        let (Some(summary), Some(profile)) = (change.summary, change.profile) else {
            bail!("a first report has no summary or no profile");
        };
        kept.push(Kept { summary, profile });
    }
    for (batch, keys) in keys.chunks(BATCH as usize).enumerate() {
        let mut changes = Vec::with_capacity(keys.len());
        for (place, state) in store.load_states(keys).await?.into_iter().enumerate() {
            let number = batch * BATCH as usize + place;
            let kept = &kept[number % kept.len()];
            changes.push(DeviceChange {
                mark: Some(ReportMark {
                    epoch: vec![1; 16],
                    sequence: 1,
                    digest: vec![2; 32],
                }),
                summary: Some(DeviceSummary {
                    name: format!("{}-{number}", kept.summary.name),
                    ..kept.summary.clone()
                }),
                profile: Some(kept.profile.clone()),
                ..DeviceChange::of(&state, now)
            });
        }
        commit(store, changes).await?;
    }
    let bytes: usize = kept.iter().map(|kept| kept.profile.len()).sum();
    Ok(bytes / kept.len())
}
