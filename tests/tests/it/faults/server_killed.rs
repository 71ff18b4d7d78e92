//! `kill -9` of the server in the midst of a reporting fleet.

use std::time::Duration;

use anyhow::ensure;
use sickbay_store::Store;
use sickbay_tests::fleet::{Fleet, Standing};
use sickbay_tests::server::Server;
use sickbay_tests::times;
use sickbay_tests::wait::eventually;

const COLLECTORS: usize = 200;
/// Reports that must be under way before a kill counts.
const UNDER_WAY: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_the_server_loses_no_acknowledged_report_and_repeats_none() -> anyhow::Result<()>
{
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, COLLECTORS).await?;
    let changing = fleet.keep_changing(Duration::from_millis(500))?;
    let mut unheard = 0;
    for _ in 0..times(3, 20) {
        let before = in_the_midst(&fleet).await?;
        server.kill().await?;
        fleet.notices_that_the_server_is_gone().await?;

        let after = fleet.standings()?;
        let hit = before
            .iter()
            .zip(&after)
            .filter(|(before, after)| was_under_way(**before, **after));
        ensure!(
            hit.count() > 0,
            "no report was under way when the server was killed"
        );
        unheard +=
            what_is_durable(&fleet, &after, &*server.durable().await?.store().await?).await?;
        server.run().await?;
    }
    changing.stop().await?;
    let store = server.store().await?;
    for account in fleet.is_told(&*store, Duration::from_secs(60)).await? {
        account.is_without_gaps_and_repeats()?;
    }
    println!("{unheard} reports were durable although their acknowledgement was never heard");
    fleet.stop().await?;
    server.stop().await
}

/// Waits until every collector has a session and many reports are under way; tells where each collector stands at that moment.
async fn in_the_midst(fleet: &Fleet) -> anyhow::Result<Vec<Standing>> {
    let start = fleet.standings()?;
    eventually(Duration::from_secs(60), async || {
        let now = fleet.standings()?;
        static LAST: std::sync::Mutex<Option<std::time::Instant>> = std::sync::Mutex::new(None);
        {
            let mut l = LAST.lock().unwrap();
            if l.is_none_or(|l| l.elapsed().as_millis() > 1000) {
                *l = Some(std::time::Instant::now());
                let acks: u64 = now.iter().map(|n| n.acknowledged).sum();
                let w: usize = now.iter().map(|n| n.waiting).sum();
                let live = now.iter().filter(|n| n.live).count();
                let numbers: u64 = fleet.members.iter().map(|m| m.machine.number()).sum();
                println!("live {live} acks {acks} waiting {w} numbers {numbers}");
            }
        }
        let gone = now.iter().filter(|standing| !standing.live).count();
        ensure!(gone == 0, "{gone} collectors have no session");
        let heard = start
            .iter()
            .zip(&now)
            .filter(|(start, now)| now.acknowledged > start.acknowledged)
            .count();
        ensure!(
            heard > COLLECTORS / 2,
            "only {heard} collectors had a report acknowledged since the last kill:"
        );
        let under_way: usize = now.iter().map(|standing| standing.waiting).sum();
        ensure!(
            under_way >= UNDER_WAY,
            "only {under_way} reports are under way"
        );
        Ok(now)
    })
    .await
}

/// Whether something that a collector had sent by `before` was still not acknowledged when it lost its session.
fn was_under_way(before: Standing, after: Standing) -> bool {
    before.waiting > 0 && after.acknowledged < before.acknowledged + before.waiting as u64
}

/// Every acknowledged report is in the database, with nothing missing before it and nothing twice. Tells how many devices have a
/// report there of which the collector does not know.
async fn what_is_durable(
    fleet: &Fleet,
    after: &[Standing],
    store: &dyn Store,
) -> anyhow::Result<usize> {
    let mut unheard = 0;
    for (member, standing) in fleet.members.iter().zip(after) {
        let account = member.account(store).await?;
        ensure!(
            account.sequence >= standing.acknowledged,
            "report {} was acknowledged and the database ends with {}",
            standing.acknowledged,
            account.sequence
        );
        account.is_without_gaps_and_repeats()?;
        unheard += usize::from(account.sequence > standing.acknowledged);
    }
    Ok(unheard)
}
