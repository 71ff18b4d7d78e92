//! The server's disk is full: nothing is acknowledged, the process lives, collectors keep what they see.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use sickbay_tests::api::Visitor;
use sickbay_tests::fleet::{Fleet, Standing};
use sickbay_tests::full_disk::{SmallDisk, Way};
use sickbay_tests::wait::eventually;

const COLLECTORS: usize = 20;
/// Changes of each machine while nothing can be acknowledged.
const CHANGES: usize = 5;
const WITHIN: Duration = Duration::from_mins(1);
/// How long nothing may be acknowledged before it counts as stopped.
const STILL_FOR: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_acknowledgements_and_not_the_server_and_loses_nothing()
-> anyhow::Result<()> {
    for way in Way::possible()? {
        let outcome = fills_up_and_has_room_again(way).await;
        outcome.with_context(|| format!("a disk that is full by {way:?}"))?;
    }
    Ok(())
}

async fn fills_up_and_has_room_again(way: Way) -> anyhow::Result<()> {
    let disk = SmallDisk::new(way)?;
    let mut server = disk.server().await?;
    let mut fleet = Fleet::join(&server, COLLECTORS).await?;
    let monitoring = Visitor::stranger(&server.health_url())?;
    ensure!(
        monitoring.get("/readyz").await?.0 == 200,
        "a healthy server is not ready"
    );

    disk.fill(&server)?;
    // The database may still use room that it holds already, so machines change until that is gone.
    eventually(WITHIN, async || {
        change_all(&fleet).await?;
        let (ready, text) = monitoring.get("/readyz").await?;
        ensure!(ready == 503, "/readyz is answered {ready}: {text}");
        Ok(())
    })
    .await?;
    let full = fleet.standings()?;
    for _ in 0..CHANGES {
        change_all(&fleet).await?;
    }
    tokio::time::sleep(STILL_FOR).await;
    let still_full = fleet.standings()?;
    for (full, still_full) in full.iter().zip(&still_full) {
        nothing_was_acknowledged(*full, *still_full)?;
    }
    ensure!(server.lives()?, "the server ended because its disk is full");
    ensure!(
        monitoring.get("/healthz").await?.0 == 200,
        "the server does not answer although it lives"
    );

    disk.make_room(&server)?;
    let store = server.store().await?;
    for account in fleet.is_told(&*store, WITHIN).await? {
        account.is_without_gaps_and_repeats()?;
    }
    eventually(WITHIN, async || {
        let (ready, text) = monitoring.get("/readyz").await?;
        ensure!(ready == 200, "/readyz is answered {ready}: {text}");
        Ok(())
    })
    .await?;
    fleet.stop().await?;
    server.stop().await
}

async fn change_all(fleet: &Fleet) -> anyhow::Result<()> {
    for member in &fleet.members {
        member.change().await?;
    }
    Ok(())
}

/// Between the two moments nothing was acknowledged to a collector, and it kept what it saw.
fn nothing_was_acknowledged(before: Standing, after: Standing) -> anyhow::Result<()> {
    ensure!(
        after.acknowledged == before.acknowledged,
        "report {} was acknowledged while nothing could be stored",
        after.acknowledged
    );
    ensure!(
        after.waiting >= CHANGES,
        "only {} reports wait at a collector after {CHANGES} changes",
        after.waiting
    );
    Ok(())
}
