//! How many machines a server enrols in a second: each makes a key, a connection of its own with a full handshake, asks with the one token
//! of them all, and gets its certificate. Client and server share this machine.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use sickbay_server::clock::Clock;
use sickbay_server::identity::secret::{ENROLMENT_PREFIX, Secret};
use sickbay_server::server::Running;
use sickbay_store::{Approval, NewToken, Scope};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Figures, this_machine};
use crate::newcomer::{self, Newcomer};

/// Machines that ask at the same time.
const AT_ONCE: usize = 128;
/// Fewer in a second are too few.
const LEAST_PER_SECOND: f64 = 500.0;

pub(super) async fn measure(machines: usize) -> anyhow::Result<Figures> {
    ensure!(machines > 0, "nobody enrols");
    let folder = tempfile::tempdir().context("make a folder for the server")?;
    let clock = Clock::system();
    let server = Running::start(newcomer::config(folder.path()), clock.clone()).await?;
    let secret = Secret::new(ENROLMENT_PREFIX);
    let token = NewToken {
        approval: Approval::Nobody,
        ..NewToken::new(secret.hash(), "bench", clock.now())
    };
    server.app.store.create_token(token, "bench").await?;
    let tls = newcomer::tls(&server.app.ca.in_force())?;

    let (address, token) = (server.collectors, Arc::<str>::from(secret.reveal()));
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for _ in 0..AT_ONCE.min(machines) {
        let (next, token, tls) = (Arc::clone(&next), Arc::clone(&token), Arc::clone(&tls));
        tasks.spawn(async move {
            let (mut ids, mut waits) = (Vec::new(), Vec::new());
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= machines {
                    return anyhow::Ok((ids, waits));
                }
                let asked = Instant::now();
                let machine = Newcomer::new(&format!("PC-{number:06}"))?;
                ids.push(machine.enrol(address, &tls, &token).await?.device_id);
                waits.push(asked.elapsed());
            }
        });
    }
    let (mut ids, mut waits) = (HashSet::new(), Vec::new());
    while let Some(ended) = tasks.join_next().await {
        let (some, waited) = ended.context("a task of machines ended")??;
        ids.extend(some);
        waits.extend(waited);
    }
    let took = begun.elapsed();

    // Nobody is lost: every machine is a device of its own, and each cost one use.
    let uses = server.app.store.tokens().await?[0].uses as usize;
    let counts = server.app.store.fleet_counts(&Scope::All).await?;
    if ids.len() != machines || uses != machines || counts.active() as usize != machines {
        bail!(
            "{machines} machines enrolled, but there are {} ids, {uses} uses of the token and {} devices",
            ids.len(),
            counts.active()
        );
    }
    waits.sort_unstable();
    let mut figures = Figures::new("enrol");
    figures.put("machine", this_machine());
    figures.put("machines", machines);
    figures.put("at_once", AT_ONCE);
    figures.put("seconds", super::rounded(took.as_secs_f64()));
    figures.put("wait_median_ms", millis(waits[waits.len() / 2]));
    figures.put("wait_worst_ms", millis(waits[waits.len() - 1]));
    figures.put_least(
        "enrolments_per_second",
        machines as f64 / took.as_secs_f64(),
        LEAST_PER_SECOND,
    );
    let stop = CancellationToken::new();
    stop.cancel();
    server.until(stop).await?;
    Ok(figures)
}

fn millis(took: Duration) -> f64 {
    super::rounded(took.as_secs_f64() * 1_000.0)
}
