//! `kill -9` of the server in the midst of a reporting fleet.

use std::time::Duration;

use anyhow::ensure;
use sickbay_store::Store;
use sickbay_tests::fleet::{Fleet, Standing};
use sickbay_tests::proxy::Proxy;
use sickbay_tests::server::Server;
use sickbay_tests::times;
use sickbay_tests::wait::eventually;

const COLLECTORS: usize = 200;
/// Reports that must be under way before a kill counts.
const UNDER_WAY: usize = 8;
/// Longest pause of a machine between two changes.
const PAUSE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_the_server_loses_no_acknowledged_report_and_repeats_none() -> anyhow::Result<()>
{
    let mut server = Server::start().await?;
    let mut fleet = Fleet::join(&server, COLLECTORS).await?;
    let changing = fleet.keep_changing(PAUSE)?;
    // A server may answer all that was under way before the kill reaches it. Such a kill is no test, and is tried again.
    let wanted = times(3, 20);
    let (mut hits, mut kills) = (0, 0);
    while hits < wanted {
        ensure!(
            kills < wanted * 4,
            "only {hits} of {kills} kills met reports that were under way"
        );
        kills += 1;
        let before = in_the_midst(&fleet, UNDER_WAY).await?;
        server.kill().await?;
        fleet.notices_that_the_server_is_gone().await?;

        let after = fleet.standings()?;
        hits += usize::from(
            before
                .iter()
                .zip(&after)
                .any(|(before, after)| was_under_way(*before, *after)),
        );
        let durable = server.durable()?;
        acknowledged_is_durable(&fleet, &after, &*durable.store().await?).await?;
        server.run().await?;
    }
    changing.stop().await?;
    let store = server.store().await?;
    for account in fleet.is_told(&*store, Duration::from_mins(1)).await? {
        account.is_without_gaps_and_repeats()?;
    }
    fleet.stop().await?;
    server.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_whose_acknowledgement_was_lost_is_not_taken_in_twice() -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    let proxy = Proxy::start(server.collectors_address()).await?;
    let mut fleet = Fleet::join_through(&server, &proxy.url(), 20).await?;
    for _ in 0..times(2, 10) {
        let heard = fleet.standings()?;
        proxy.hold_answers(true);
        for member in &fleet.members {
            member.change().await?;
            member.change().await?;
        }
        let store = server.store().await?;
        for (member, heard) in fleet.members.iter().zip(&heard) {
            eventually(Duration::from_secs(30), async || {
                let sequence = member.account(&*store).await?.sequence;
                ensure!(
                    sequence == heard.acknowledged + 2,
                    "the database ends with report {sequence}"
                );
                Ok(())
            })
            .await?;
        }
        drop(store);
        ensure!(
            fleet
                .standings()?
                .iter()
                .zip(&heard)
                .all(|(now, heard)| now.acknowledged == heard.acknowledged),
            "an answer came through"
        );

        server.kill().await?;
        proxy.break_connections();
        fleet.notices_that_the_server_is_gone().await?;
        proxy.hold_answers(false);
        server.run().await?;
        for account in fleet
            .is_told(&*server.store().await?, Duration::from_secs(30))
            .await?
        {
            account.is_without_gaps_and_repeats()?;
        }
    }
    fleet.stop().await?;
    server.stop().await
}

/// Waits until every collector has a session and so many reports are under way; tells where each collector stands at that moment.
pub(super) async fn in_the_midst(fleet: &Fleet, wanted: usize) -> anyhow::Result<Vec<Standing>> {
    let start = fleet.standings()?;
    eventually(Duration::from_mins(1), async || {
        let now = fleet.standings()?;
        let gone = now.iter().filter(|standing| !standing.live).count();
        ensure!(gone == 0, "{gone} collectors have no session");
        let heard = start
            .iter()
            .zip(&now)
            .filter(|(start, now)| now.acknowledged > start.acknowledged)
            .count();
        ensure!(
            heard > fleet.members.len() / 4,
            "only {heard} collectors had a report acknowledged since the last kill"
        );
        let under_way: usize = now.iter().map(|standing| standing.waiting).sum();
        ensure!(
            under_way >= wanted,
            "only {under_way} reports are under way"
        );
        Ok(now)
    })
    .await
}

/// Whether something that a collector had sent by `before` was still not acknowledged when it lost its session.
pub(super) fn was_under_way(before: Standing, after: Standing) -> bool {
    before.waiting > 0 && after.acknowledged < before.acknowledged + before.waiting as u64
}

/// Every acknowledged report is in the database, with nothing missing before it and nothing twice.
async fn acknowledged_is_durable(
    fleet: &Fleet,
    after: &[Standing],
    store: &dyn Store,
) -> anyhow::Result<()> {
    for (member, standing) in fleet.members.iter().zip(after) {
        let account = member.account(store).await?;
        ensure!(
            account.sequence >= standing.acknowledged,
            "report {} was acknowledged and the database ends with {}",
            standing.acknowledged,
            account.sequence
        );
        account.is_without_gaps_and_repeats()?;
    }
    Ok(())
}
