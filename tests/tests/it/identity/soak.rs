//! Joins, renewals, revocations, rotations and restarts in no order, for an hour where `SICKBAY_LONG=1` asks for it: at the end identities,
//! counters and record say the same. `SICKBAY_SOAK_SECONDS` asks for another time, `SICKBAY_SEED` for the order of a run that failed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sickbay_store::{AuditQuery, CaRow, DeviceStatus, Page, Scope, Standing, Store, action};
use sickbay_tests::fleet::Fleet;
use sickbay_tests::machine::NumberedMachine;
use sickbay_tests::server::Server;
use sickbay_tests::times;
use sickbay_tests::wait::eventually;
use uuid::Uuid;

const WITHIN: Duration = Duration::from_mins(1);
/// Two copies push each other out every five seconds.
const TOLD_APART_WITHIN: Duration = Duration::from_secs(90);
/// Everybody is at home before a generation follows whose number is a multiple of this.
const AWAKE_EVERY: u32 = 3;
/// So many collectors at the most.
const MOST: usize = 30;
/// How long it goes on, in seconds.
const FEW_SECONDS: usize = 25;
const MANY_SECONDS: usize = 3_600;

/// What the test did, and so what the server has to say.
#[derive(Default, Debug)]
struct Book {
    revoked: Vec<Uuid>,
    retired: Vec<Uuid>,
    steps: usize,
    clones: usize,
    restarts: usize,
    did: BTreeMap<&'static str, usize>,
}

/// What a random step of the test is.
const DEEDS: [(&str, u32); 9] = [
    ("joins", 6),
    ("changes", 6),
    ("revokes", 3),
    ("retires", 2),
    ("rotates", 5),
    ("sleeps", 4),
    ("copies a disk", 1),
    ("kills the server", 2),
    ("stops the server", 1),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identities_counters_and_record_agree_after_anything() -> anyhow::Result<()> {
    let seed: u64 = match std::env::var("SICKBAY_SEED") {
        Ok(seed) => seed.parse().context("SICKBAY_SEED is no number")?,
        Err(_) => rand::rng().random(),
    };
    let last = soak(seed).await;
    last.with_context(|| format!("with SICKBAY_SEED={seed}"))
}

async fn soak(seed: u64) -> anyhow::Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    let seconds = match std::env::var("SICKBAY_SOAK_SECONDS") {
        Ok(seconds) => seconds
            .parse()
            .context("SICKBAY_SOAK_SECONDS is no number")?,
        Err(_) => times(FEW_SECONDS, MANY_SECONDS) as u64,
    };
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut server = Server::start().await?;
    server.stop().await?;
    server.set("SICKBAY_COLLECTORS_ROTATION_SPREAD_S", "1");
    server.run().await?;
    let mut fleet = Fleet::join(&server, 4).await?;
    let store = server.store().await?;
    let mut book = Book::default();
    let weights: u32 = DEEDS.iter().map(|(_, weight)| weight).sum();
    while Instant::now() < until {
        let mut place = random.random_range(0..weights);
        let deed = DEEDS.iter().find(|(_, weight)| {
            let here = place < *weight;
            place = place.saturating_sub(*weight);
            here
        });
        let (deed, _) = deed.context("a deed")?;
        *book.did.entry(deed).or_default() += 1;
        take(
            deed,
            &mut random,
            &mut server,
            &mut fleet,
            &*store,
            &mut book,
        )
        .await
        .with_context(|| format!("while it {deed}, after {:?}", book.did))?;
    }
    // Whoever still sleeps wakes up, and everybody says the last thing.
    come_home(&mut fleet).await?;
    for member in &fleet.members {
        member.change().await?;
    }
    fleet.is_told(&*store, WITHIN).await?;
    agree(&fleet, &*store, &book)
        .await
        .with_context(|| format!("after {:?}", book.did))?;
    fleet.stop().await?;
    server.stop().await
}

async fn take(
    deed: &str,
    random: &mut StdRng,
    server: &mut Server,
    fleet: &mut Fleet,
    store: &dyn Store,
    book: &mut Book,
) -> anyhow::Result<()> {
    let some = random.random_range(0..fleet.members.len());
    match deed {
        "joins" if fleet.members.len() < MOST => {
            wake(fleet)?;
            fleet.learn_pins(server).await?;
            fleet.one_more().await
        }
        "changes" => {
            wake(fleet)?;
            for member in &fleet.members {
                member.change().await?;
            }
            Ok(())
        }
        "revokes" | "retires" if fleet.members.len() > 2 => {
            let mut member = fleet.members.swap_remove(some);
            if !member.runs() {
                member.start_again()?;
            }
            let id = member.device()?;
            let word = if deed == "revokes" {
                "revoke"
            } else {
                "retire"
            };
            server.command(&["device", word, &id]).await?;
            eventually(WITHIN, async || {
                ensure!(!member.standing()?.live, "its session goes on");
                Ok(())
            })
            .await?;
            member.stop().await?;
            let gone = if deed == "revokes" {
                &mut book.revoked
            } else {
                &mut book.retired
            };
            gone.push(id.parse()?);
            Ok(())
        }
        "rotates" => {
            let standing = |rows: &[CaRow], what| rows.iter().any(|row| row.standing == what);
            let rows = store.ca().await?;
            let back = random.random_bool(0.25);
            let step = match (
                standing(&rows, Standing::Next),
                standing(&rows, Standing::Trusted),
            ) {
                (false, false) => "announce",
                _ if back => "back-out",
                (true, _) => "switch",
                (false, true) => "retire",
            };
            // A server leads home whoever slept through five generations, and no more: nobody sleeps, or is slow, for so long here.
            let newest = rows.iter().map(|row| row.generation).max();
            if step == "announce" && newest.is_some_and(|newest| newest % AWAKE_EVERY == 0) {
                come_home(fleet).await?;
            }
            let mut words = vec!["ca", "rotate", step];
            if step == "retire" {
                words.push("--force");
            }
            server.command(&words).await?;
            book.steps += 1;
            Ok(())
        }
        "sleeps" => {
            let member = &mut fleet.members[some];
            if member.runs() {
                member.stop().await
            } else {
                member.start_again()
            }
        }
        "copies a disk" if fleet.members.len() < MOST => {
            wake(fleet)?;
            fleet.members[some].stop().await?;
            let firmware = format!("copy {}", book.clones);
            fleet.start_copy(some, NumberedMachine::with_firmware("PC-COPY", &firmware))?;
            fleet.members[some].start_again()?;
            let copy = fleet.members.len() - 1;
            eventually(TOLD_APART_WITHIN, async || {
                let (one, two) = (&fleet.members[some], &fleet.members[copy]);
                let ids = (one.device()?, two.device()?);
                if ids.0 != ids.1 {
                    return Ok(());
                }
                let record = store.audit(&AuditQuery::of(ids.0.parse()?, 5)).await?;
                bail!(
                    "a copy is still device {}; the original {:?}: {}; the copy {:?}: {}; the record: {record:#?}",
                    ids.0,
                    one.standing()?,
                    one.last_error(),
                    two.standing()?,
                    two.last_error(),
                )
            })
            .await?;
            book.clones += 1;
            Ok(())
        }
        "kills the server" => {
            book.restarts += 1;
            server.kill().await?;
            server.run().await
        }
        "stops the server" => {
            book.restarts += 1;
            server.stop().await?;
            server.run().await
        }
        // There are too many, or too few.
        _ => Ok(()),
    }
}

/// Starts whoever sleeps, and waits until everybody has a session.
async fn come_home(fleet: &mut Fleet) -> anyhow::Result<()> {
    wake(fleet)?;
    for member in &fleet.members {
        eventually(WITHIN, async || {
            ensure!(
                member.standing()?.live,
                "a collector does not come home: {}",
                member.last_error()
            );
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Starts whoever sleeps.
fn wake(fleet: &mut Fleet) -> anyhow::Result<()> {
    for member in fleet.members.iter_mut().filter(|member| !member.runs()) {
        member.start_again()?;
    }
    Ok(())
}

async fn agree(fleet: &Fleet, store: &dyn Store, book: &Book) -> anyhow::Result<()> {
    // Identities: every collector is a device of its own, and nobody else is active.
    let mut members = BTreeSet::new();
    for member in &fleet.members {
        let id: Uuid = member.device()?.parse()?;
        ensure!(members.insert(id), "two collectors are device {id}");
    }
    let of = async |status| -> anyhow::Result<Vec<Uuid>> {
        let page = Page {
            after: None,
            limit: 100_000,
        };
        let rows = store
            .devices_with_status(
                &Scope::All,
                status,
                &sickbay_diagnosis::filter::Filter::Everything,
                &page,
            )
            .await?;
        let mut ids: Vec<Uuid> = rows.into_iter().map(|row| row.identity.id).collect();
        ids.sort_unstable();
        Ok(ids)
    };
    let sorted = |ids: &[Uuid]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    let active = of(DeviceStatus::Active).await?;
    ensure!(
        active == members.into_iter().collect::<Vec<_>>(),
        "{} devices are active, and {} collectors run",
        active.len(),
        fleet.members.len()
    );
    ensure!(
        of(DeviceStatus::Revoked).await? == sorted(&book.revoked),
        "revoked"
    );
    ensure!(
        of(DeviceStatus::Retired).await? == sorted(&book.retired),
        "retired"
    );
    ensure!(of(DeviceStatus::Pending).await?.is_empty(), "pending");
    ensure!(of(DeviceStatus::Replaced).await?.is_empty(), "replaced");
    // Counters.
    let counts = store.fleet_counts(&Scope::All).await?;
    ensure!(
        counts.active() == active.len() as u64 && counts.pending == 0 && counts.never_reported == 0,
        "{counts:?}"
    );
    let all = active.len() + book.revoked.len() + book.retired.len();
    ensure!(
        store.tokens().await?[0].uses as usize == all,
        "uses of the token"
    );
    // The record: each deed once, and of each device what became of it.
    let mut lines = Vec::new();
    let mut before = None;
    loop {
        let part = store
            .audit(&AuditQuery {
                before,
                ..AuditQuery::newest(1_000)
            })
            .await?;
        let Some(last) = part.last() else { break };
        before = Some(last.id);
        lines.extend(part);
    }
    let count = |what: &str| lines.iter().filter(|line| line.action == what).count();
    for (what, wanted) in [
        (action::ENROLLED, all),
        (action::REVOKED, book.revoked.len()),
        (action::RETIRED, book.retired.len()),
        (action::CLONED, book.clones),
        // Making the first generation is a line, too.
        (action::CA_ROTATION, book.steps + 1),
        (action::REPLACED, 0),
    ] {
        ensure!(
            count(what) == wanted,
            "the record tells {} times that something was {what}, and it was done {wanted} times",
            count(what)
        );
    }
    for (ids, what) in [
        (&book.revoked, action::REVOKED),
        (&book.retired, action::RETIRED),
    ] {
        for id in ids {
            let newest = store.audit(&AuditQuery::of(*id, 1)).await?.pop();
            let newest = newest.context("a device without a record")?;
            ensure!(newest.action == what, "{id}: {newest:?}");
        }
    }
    // The CA: one generation issues, and every collector holds a certificate of one that is trusted.
    let rows = store.ca().await?;
    let issuing = rows.iter().filter(|row| row.standing == Standing::Issuing);
    let [issuing] = issuing.collect::<Vec<_>>()[..] else {
        bail!("not exactly one generation issues: {rows:?}")
    };
    let progress = store.ca_progress(issuing.since, issuing.generation).await?;
    ensure!(progress.devices == active.len() as u64, "{progress:?}");
    Ok(())
}
