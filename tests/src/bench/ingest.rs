//! How many reports a second become durable through the whole path: mutual TLS, gRPC, diagnosis, commit, acknowledgement. A server's own
//! program and the load generator share this machine.
//!
//! The limit is measured in the same run: what the machine could do if a report cost nothing but its way over a bare TLS stream, there
//! and back, and its place in the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use sickbay_server::clock::Clock;
use sickbay_server::ingest::plan::{Held, Working};
use sickbay_server::rules::Rules;
use sickbay_store::Store;

use super::sessions::{Running, SEED, arrive};
use super::stored::{BATCH, commit, enrol, report};
use super::{Figures, bare, this_machine};
use crate::bench::database::{Database, Kind};
use crate::load::life::{Happening, Names};
use crate::load::{Pace, bytes_per_report, models};

/// Reports a second that must become durable.
const LEAST_SQLITE: f64 = 6_000.0;
const LEAST_POSTGRES: f64 = 4_000.0;
/// Of a store alone, on SQLite.
const LEAST_STORE_SQLITE: f64 = 12_000.0;
/// Share of the limit that the whole path must reach.
const LEAST_RATIO: f64 = 0.5;
/// Wait for an acknowledgement at half the rate, in milliseconds, of 99 reports in a hundred.
const MOST_P99_MS: f64 = 250.0;
/// Reports that each device has under way: with more, the writer would find several of one device and write them as one.
const UNDER_WAY: usize = 1;
/// Runs before anything counts.
const WARMING: Duration = Duration::from_secs(3);
/// For how long the store alone commits, and how many streams carry, of the time in which reports are counted.
const SHARE_OF_LIMITS: u32 = 4;
const QUIET_WITHIN: Duration = Duration::from_mins(1);

pub(super) async fn measure(kind: Kind, sessions: usize, seconds: u64) -> anyhow::Result<Figures> {
    ensure!(sessions > 0 && seconds > 0, "nothing is measured");
    let counted = Duration::from_secs(seconds);
    let mut figures = Figures::new("ingest");
    figures.put("machine", this_machine());
    figures.put("database", kind.name());
    figures.put("sessions", sessions);
    figures.put("seconds", seconds);

    // Before and after the whole path, because machines are not as fast at one moment as at the next.
    let bytes = bytes_per_report(SEED)?;
    let each = counted / SHARE_OF_LIMITS;
    let carry = async || bare::messages_per_second(sessions, UNDER_WAY, bytes, each).await;
    let (stored, carried) = (store_alone(kind, sessions, each).await?, carry().await?);
    let whole = whole_path(kind, sessions, counted).await?;
    let stored = mean_rate(stored, store_alone(kind, sessions, each).await?);
    let carried = mean_rate(carried, carry().await?);
    let limit = 1.0 / (1.0 / carried + 1.0 / stored);
    let least = match kind {
        Kind::Sqlite => LEAST_SQLITE,
        Kind::Postgres => LEAST_POSTGRES,
    };
    figures.put_least("durable_reports_per_second", whole.per_second, least);
    figures.put("transport_limit_per_second", carried.round());
    match kind {
        Kind::Sqlite => {
            figures.put_least("store_limit_per_second", stored, LEAST_STORE_SQLITE);
        }
        Kind::Postgres => figures.put("store_limit_per_second", stored.round()),
    }
    figures.put("limit_per_second", limit.round());
    figures.put_least("ratio_to_limit", whole.per_second / limit, LEAST_RATIO);
    figures.put_limited("p99_ack_ms", whole.p99_ms, MOST_P99_MS);
    figures.put("median_ack_ms", super::rounded(whole.median_ms));
    figures.put("half_rate_per_second", whole.half_rate.round());
    figures.put(
        "server_processor_us_per_report",
        super::rounded(whole.server_us),
    );
    figures.put(
        "database_processor_us_per_report",
        super::rounded(whole.database_us),
    );
    figures.put(
        "generator_processor_us_per_report",
        super::rounded(whole.generator_us),
    );
    figures.put("bytes_per_report", bytes);
    Ok(figures)
}

struct Whole {
    per_second: f64,
    half_rate: f64,
    p99_ms: f64,
    median_ms: f64,
    server_us: f64,
    database_us: f64,
    generator_us: f64,
}

/// What comes of doing it at one rate and then at the other.
fn mean_rate(one: f64, other: f64) -> f64 {
    2.0 / (1.0 / one + 1.0 / other)
}

async fn whole_path(kind: Kind, sessions: usize, counted: Duration) -> anyhow::Result<Whole> {
    let Running {
        database,
        mut server,
        load,
        ..
    } = arrive(kind, sessions).await?;
    load.set_pace(Pace::AsFastAsItGoes {
        under_way: UNDER_WAY,
    });
    tokio::time::sleep(WARMING).await;
    let processors = || -> anyhow::Result<[f64; 3]> {
        Ok([
            super::processor::of_tree(server.id()?)?,
            database.processor()?,
            super::processor::of_tree(std::process::id())?
                - super::processor::of_tree(server.id()?)?,
        ])
    };
    let (before, used, begun) = (
        load.tally.reports_acknowledged(),
        processors()?,
        Instant::now(),
    );
    tokio::time::sleep(counted).await;
    let acknowledged = (load.tally.reports_acknowledged() - before) as f64;
    let (took, using) = (begun.elapsed().as_secs_f64(), processors()?);
    let per_second = acknowledged / took;
    let each = |place: usize| (using[place] - used[place]) * 1e6 / acknowledged;

    // At half that rate, at moments of their own.
    let half_rate = per_second / 2.0;
    load.is_quiet(QUIET_WITHIN).await?;
    load.set_pace(Pace::Every(Duration::from_secs_f64(
        sessions as f64 / half_rate,
    )));
    tokio::time::sleep(WARMING).await;
    let _ = load.tally.take_waits();
    let (before, begun) = (load.tally.reports_acknowledged(), Instant::now());
    tokio::time::sleep(counted).await;
    let reached =
        (load.tally.reports_acknowledged() - before) as f64 / begun.elapsed().as_secs_f64();
    let waits = load.tally.take_waits();
    ensure!(
        reached > half_rate * 0.95,
        "the load was to be {half_rate:.0} reports a second and came to {reached:.0}"
    );

    load.is_quiet(QUIET_WITHIN).await?;
    let acknowledged = load.tally.reports_acknowledged();
    ensure!(
        load.tally.losses().is_empty(),
        "sessions were lost: {:?}",
        load.tally.losses()
    );
    load.end().await;
    server.stop().await?;
    is_durable(&database, sessions, acknowledged).await?;
    Ok(Whole {
        per_second,
        half_rate: reached,
        p99_ms: waits.value_at_quantile(0.99) as f64 / 1e3,
        median_ms: waits.value_at_quantile(0.5) as f64 / 1e3,
        server_us: each(0),
        database_us: each(1),
        generator_us: each(2),
    })
}

/// What was acknowledged is in the database: the numbers of the devices' newest reports come to it.
async fn is_durable(database: &Database, sessions: usize, acknowledged: u64) -> anyhow::Result<()> {
    let store = database.open().await?;
    let keys: Vec<i64> = store
        .keys_after(&sickbay_store::Concerned::All, 0, u32::MAX)
        .await?;
    ensure!(
        keys.len() == sessions,
        "there are {} devices and not {sessions}",
        keys.len()
    );
    let mut stored = 0;
    for keys in keys.chunks(BATCH as usize) {
        let states = store.load_states(keys).await?;
        stored += states.iter().map(|state| state.mark.sequence).sum::<u64>();
    }
    ensure!(
        stored == acknowledged,
        "{acknowledged} reports were acknowledged and {stored} are stored"
    );
    store.close().await;
    Ok(())
}

/// What the store alone does with such reports a second: the commits that ingest asks of it, with the work on them left out.
async fn store_alone(kind: Kind, devices: usize, counted: Duration) -> anyhow::Result<f64> {
    let database = Database::new(kind).await?;
    let store = database.open().await?;
    let per_second = commits_per_second(&store, devices, counted).await?;
    store.close().await;
    Ok(per_second)
}

async fn commits_per_second(
    store: &Arc<dyn Store>,
    devices: usize,
    counted: Duration,
) -> anyhow::Result<f64> {
    let now = Clock::system().now();
    let keys = enrol(store, devices, now).await?;
    let models = models(SEED, devices)?;
    let rules = Rules::default();
    let mut held: Vec<Option<Held>> = Vec::with_capacity(devices);
    for keys in keys.chunks(BATCH as usize) {
        let states = store.load_states(keys).await?;
        held.extend(states.into_iter().map(|state| Some(Held::from(state))));
    }
    let names: Vec<Names> = (0..devices).map(Names::numbered).collect();
    // A commit has devices from all over the fleet, as they come to report; neighbours would share their pages.
    let mut order: Vec<usize> = (0..devices).collect();
    let mut chance = StdRng::seed_from_u64(SEED);
    let (mut took, mut stored) = (Duration::ZERO, 0);
    for round in 0_usize.. {
        order.shuffle(&mut chance);
        for batch in order.chunks(BATCH as usize) {
            let mut changes = Vec::with_capacity(batch.len());
            for number in batch.iter().copied() {
                let (model, names) = (&models[number % models.len()], &names[number]);
                let mut said = report(&model.first(names));
                if round > 0 {
                    let happening = Happening::on_patch_day((number * 37 + round * 61) as u32);
                    let seen = model.after(happening, round, names);
                    said.full = false;
                    said.sequence = round as u64 + 1;
                    said.observations = vec![(happening.check(), Arc::new(seen))];
                }
                let device = held[number]
                    .take()
                    .context("a device that is always put back")?;
                let mut working = Working::new(device, now);
                working.take(&[1; 16], &said, now);
                working.diagnose(&rules, now);
                let (change, after) = working.finish_and_hold();
                changes.extend(change);
                held[number] = Some(after);
            }
            let written = changes.len();
            let begun = Instant::now();
            commit(store, changes).await?;
            // The first round writes everything of everybody.
            if round > 0 {
                took += begun.elapsed();
                stored += written;
            }
        }
        if took >= counted {
            break;
        }
    }
    Ok(stored as f64 / took.as_secs_f64())
}
